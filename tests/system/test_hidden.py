"""Tasks that try to hide from the shortcuts of a sweep: what they did must be there all the same."""

import os
import signal

import pytest

import iotopx

MIB = 1 << 20


@pytest.fixture(params=["-P", "--threads"])
def monitor(request, batch):
    return batch(request.param, "-o")


@pytest.fixture(params=["births", "listings"])
def living_monitor(request, batch):
    """In another network namespace the kernel tells neither births nor exits: /proc is listed in every sweep."""
    return batch("--threads", "-o", prefix=["unshare", "-n"] if request.param == "listings" else [])


def test_one_thread_of_a_thousand(monitor, start):
    """999 sleep, the leader too; one writes a page within some microseconds between two sweeps."""
    load = start("puppet", "FILE", 1000)
    monitor.see(load)
    monitor.settle()
    tid = load.go("later 777 4096")["tid"]
    assert monitor.total(load.name, "write") == load.wrote(0)
    os.kill(load.pid, signal.SIGUSR1)
    iotopx.wait_for("the page", lambda: load.io(tid)["write_bytes"])
    assert monitor.total(load.name, "write") == load.charged + load.io(tid)["write_bytes"]


def test_thread_born_and_gone_in_a_sleeping_process(monitor, start):
    load = start("puppet", "FILE", 1000)
    monitor.see(load)
    monitor.settle()
    load.go("born 4096")
    assert monitor.total(load.name, "write") == load.wrote(4096)
    for _ in range(50):
        load.go("born 4096")
    assert monitor.total(load.name, "write") == load.wrote(51 * 4096)


def test_single_thread_that_runs_for_microseconds(monitor, start):
    load = start("puppet", "FILE", 0)
    monitor.see(load)
    for count in range(1, 4):
        monitor.settle()
        load.go("write 0 4096")
        assert monitor.total(load.name, "write") == load.wrote(count * 4096)


def test_exec_that_keeps_the_pid(monitor, start):
    load = start("puppet", "FILE", 0)
    monitor.see(load)
    load.go("write 0 4096")
    monitor.settle()
    load.go("exec 0")
    load.go("write 0 8192")
    assert monitor.total(load.name, "write") == load.wrote(3 * 4096)


def test_born_while_the_monitor_runs(living_monitor, start):
    """A process that comes, sleeps, and writes a page; one thread of a thousand does; then one exec follows another."""
    for threads in (0, 1000):
        load = start("puppet", "FILE", threads)
        living_monitor.see(load)
        living_monitor.settle()
        load.go(f"write {threads} 4096")
        assert living_monitor.total(load.name, "write") == load.wrote(4096)
    load = start("puppet", "FILE", 0)
    for count in range(1, 4):
        load.go("exec 0")
        living_monitor.settle()
        load.go("write 0 4096")
        assert living_monitor.total(load.name, "write") == load.wrote(count * 4096)


def test_more_births_than_are_told(batch, start):
    """While thousands are born and die, one comes that stays, and one that was there works on."""
    monitor = batch("-P", "-o", delay=1, env={"IOTOPX_COST": "1"})
    old = start("puppet", "FILE", 0)
    monitor.see(old)
    swarm = start("swarm", "-p", "-n", 5000, "-j", 2)
    swarm.say()
    new = start("puppet", "FILE", 0)
    swarm.hear()
    for load in (old, new):
        load.go("write 0 8192")
        assert monitor.total(load.name, "write") == load.wrote(8192)
    monitor.__exit__()
    with open(monitor.path + ".err", encoding="ascii") as file:
        cost = dict(line.split() for line in file if len(line.split()) == 2)
    assert 1 < int(cost["listings"]) < int(cost["sweeps"]), cost


def test_renamed_process(batch, start):
    """Bytes go to the command that was valid in the interval; a past one keeps its past."""
    monitor = batch("-P", "--group=command", columns="write,command")
    load = start("puppet", "FILE", 2)
    monitor.see(load)
    name = "new" + load.name[-9:]
    wrote = {load.name: load.io()["write_bytes"], name: 0}
    for size, now in ((MIB, load.name), (2 * MIB, name), (MIB, load.name)):
        load.go(f"rename 0 {now}")
        before = load.charged
        load.go(f"write 1 {size}")
        wrote[now] += load.charged - before
        assert {key: monitor.total(key, "write") for key in wrote} == wrote
    assert wrote == {load.name: pytest.approx(2 * MIB, abs=65536), name: pytest.approx(2 * MIB, abs=65536)}


def test_renamed_thread(batch, start):
    """It is the same row, under the name of now."""
    monitor = batch("--threads", "-o")
    load = start("puppet", "FILE", 2)
    monitor.see(load)
    tid = str(load.go(f"write 2 {MIB}")["tid"])
    monitor.settle()
    load.go(f"rename 2 new{load.name[-9:]}")
    load.go(f"write 2 {MIB}")
    rows = [row for row in monitor.settle()[-1].rows if row["pid"] == tid]
    assert [(row.name, row["write"]) for row in rows] == [(f"new{load.name[-9:]}", load.io(int(tid))["write_bytes"])]


def test_thread_of_a_process_that_never_sleeps_whole(monitor, start):
    """Two processes of many threads each, one thread of each at a time."""
    loads = [start("puppet", "FILE", 100) for _ in range(2)]
    for load in loads:
        monitor.see(load)
    expected = [0, 0]
    monitor.settle()
    for thread in (1, 50, 100):
        for which, load in enumerate(loads):
            load.go(f"write {thread} {4096 * thread}")
            expected[which] += 4096 * thread
        monitor.settle()
    assert [monitor.total(load.name, "write") for load in loads] == [load.wrote(size) for load, size in zip(loads, expected)]


def test_iotopx_counts_itself(batch):
    """Its own row is there like any other."""
    monitor = batch("-P", columns="pid,wchar,command")
    last = monitor.settle()[-1]
    assert any(row["pid"] == str(monitor.process.pid) for row in last.rows), os.path.basename(monitor.command[0])
