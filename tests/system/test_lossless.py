"""What short-lived tasks did is in the books, however many there are."""

import os

import pytest

import iotopx

MIB = 1 << 20
VIEWS = {
    "threads": ("--threads", "tid,write,command"),
    "processes": ("-P", "pid,write,command"),
    "commands": ("--group=command", "write,command"),
}


def monitors(batch):
    """Every view at every interval, all watching the same load."""
    every = {}
    for view, (option, columns) in VIEWS.items():
        for delay in (0.5, 1, 5):
            every[view, delay] = batch(option, delay=delay, columns=columns)
    if iotopx.json_works():
        for delay in (0.5, 1, 5):
            every["json", delay] = batch("--threads", delay=delay, format="json")
    return every


def test_two_thousand_dd_and_two_thousand_threads(batch, start, scratch):
    """2,000 dd of 4 MiB each and 2,000 threads of 64 KiB each."""
    dd = f"dd-{os.path.basename(scratch)[-8:]}"
    path = os.path.join(scratch, dd)
    os.symlink("/usr/bin/dd", path)
    commands = start("swarm", "-x", "-n", 2000, "-b", 4 * MIB, "-j", 8, "--", path, "if=/dev/zero",
                     f"of={scratch}/slot{{}}", "bs=64k", "count=64", "conv=fsync", "status=none")
    threads = start("swarm", "-t", "-n", 2000, "-b", 65536, "-f", "FILE", "-s", "-j", 4)
    every = monitors(batch)
    commands.go()
    threads.go()
    assert commands.charged == pytest.approx(2000 * 4 * MIB, rel=0.001)
    assert threads.charged == pytest.approx(2000 * 65536, rel=0.001)
    since = {key: monitor.count() for key, monitor in every.items()}
    for key, monitor in every.items():
        assert monitor.total(dd, "write", since[key]) == commands.wrote(2000 * 4 * MIB), key
        assert monitor.total(threads.name, "write", since[key]) == threads.wrote(2000 * 65536), key
        assert monitor.lost() == 0, key


@pytest.mark.parametrize("kind", ["-p", "-t"])
def test_twenty_thousand_exits_in_a_second(batch, start, kind):
    """None lost: each wrote a page, and every page is accounted for."""
    load = start("swarm", kind, "-n", 20000, "-b", 4096, "-f", "FILE", "-j", 2, "-r", 20000)
    monitor = batch("-P", delay=1)
    done = load.go()
    assert monitor.total(load.name, "write") == load.wrote(20000 * 4096), done
    assert monitor.lost() == 0, done


@pytest.mark.parametrize("kind", ["-p", "-t"])
def test_hundred_thousand_exits_in_five_seconds(batch, start, kind):
    """None lost, or each counted as lost. PIDs go around several times."""
    load = start("swarm", kind, "-n", 100000, "-b", 4096, "-f", "FILE", "-j", 2, "-r", 20000)
    monitor = batch("-P", delay=1)
    done = load.go()
    total, lost = monitor.total(load.name, "write"), monitor.lost()
    assert total == load.wrote(4096 * (100000 - lost)), (done, lost)
