"""Births, exits, execs, reused PIDs, truncations: no negative, no phantom, no double count, whatever the sweeps see.

Batch.total also checks that no accumulated figure ever falls.
"""

import pytest

import iotopx

MIB = 1 << 20


@pytest.fixture(params=["-P", "--threads"])
def monitor(request, batch):
    return batch(request.param)


@pytest.fixture(params=["at once", "between sweeps"])
def pause(request):
    """Runs between the steps: everything happens in one interval, or each in one of its own."""
    return lambda monitor: monitor.settle() if request.param == "between sweeps" else None


def test_thread_exit(monitor, pause, start):
    load = start("puppet", "FILE", 3)
    monitor.see(load)
    load.go(f"write 1 {3 * MIB}")  # before the process was seen twice: it counts only if the process is newborn
    pause(monitor)
    load.go(f"write 2 {MIB}")
    pause(monitor)
    load.go("end 2")
    pause(monitor)
    load.go(f"write 0 {MIB}")
    load.go(f"born {MIB}")
    assert monitor.total(load.name, "write") == load.wrote(6 * MIB)


def test_old_process_shows_no_lifetime(batch, start):
    """What was done before iotopx started is not its business."""
    load = start("puppet", "FILE", 2)
    load.go(f"write 0 {4 * MIB}")
    load.go(f"write 1 {4 * MIB}")
    monitor = batch("--threads")
    load.go("end 1")
    before = load.charged
    load.go(f"write 2 {MIB}")
    load.go(f"write 0 {MIB}")
    assert before >= 8 * MIB
    assert monitor.total(load.name, "write") == load.charged - before


def test_process_exit(monitor, pause, start):
    load = start("puppet", "FILE", 2)
    monitor.see(load)
    pause(monitor)
    load.go(f"write 1 {MIB}")
    load.go(f"fork {2 * MIB}")
    pause(monitor)
    load.go(f"write 0 {MIB}")
    load.say("quit")
    load.process.wait()
    assert monitor.total(load.name, "write") == load.wrote(4 * MIB)


def test_zombie(monitor, start):
    """A zombie still answers queries: it is not counted again."""
    load = start("puppet", "FILE", 0)
    monitor.see(load)
    load.go(f"zombie {MIB}")
    before = monitor.total(load.name, "write")
    assert before >= MIB
    load.go("reap")
    assert before == monitor.total(load.name, "write") == load.wrote(MIB)


def test_leader_exit(monitor, pause, start):
    """The process goes on without its leader."""
    load = start("puppet", "FILE", 2)
    monitor.see(load)
    load.go(f"write 0 {MIB}")
    pause(monitor)
    load.go("leave")
    pause(monitor)
    load.go(f"write 1 {MIB}")
    load.go(f"born {MIB}")
    assert monitor.total(load.name, "write") == load.wrote(3 * MIB)


@pytest.mark.parametrize("thread", [0, 2])
def test_exec(monitor, pause, start, thread):
    """An exec kills all other threads; that of another thread than the leader takes the leader's TID over, with
    counters of its own that may be smaller."""
    load = start("puppet", "FILE", 3)
    monitor.see(load)
    pause(monitor)
    load.go(f"write 0 {4 * MIB}")
    load.go(f"write 1 {MIB}")
    load.go(f"write 2 {2 * MIB}")
    pause(monitor)
    answer = load.go(f"exec {thread}")
    assert answer == {"ready": True, "tid": load.pid}
    load.go(f"write 0 {3 * MIB}")
    pause(monitor)
    load.go(f"write 0 {6 * MIB}")
    assert monitor.total(load.name, "write") == load.wrote(16 * MIB)
    load.say("quit")
    load.process.wait()
    assert monitor.total(load.name, "write") == load.wrote(16 * MIB)


@pytest.mark.parametrize("rounds,lifetime_ms", [(1, 0), (10, 60)])
def test_pid_reuse(monitor, start, rounds, lifetime_ms):
    """The same PID, given to the next process microseconds after the last one's end."""
    for _ in range(5):
        load = start("pidreuse", "FILE", MIB, rounds, lifetime_ms)
        monitor.settle()
        try:
            load.go()
            break
        except AssertionError:
            assert load.process.wait() == 3  # another process of this machine got the PID in between
    assert monitor.total(load.name, "write") == load.wrote((rounds + 1) * MIB)


def test_truncation_by_another_process(batch, start):
    """Cancelled bytes go to the truncator, who wrote nothing; the writer keeps what it wrote."""
    writer = start("puppet", "FILE", 0)
    cutter = start("puppet", writer.file, 0)
    monitor = batch("-P", columns="pid,write,cancel,command")
    writer.go(f"write 0 {8 * MIB}")
    cutter.go("truncate")
    charged = cutter.io()["cancelled_write_bytes"]
    assert charged == pytest.approx(8 * MIB, rel=0.01)
    assert monitor.total(writer.name, "write") == writer.wrote(8 * MIB)
    last = monitor.settle()[-1]
    assert last.sum(cutter.name, "cancel") == charged
    assert [row["write"] for row in last.of(cutter.name)] == [0]
    assert last.sum(writer.name, "cancel") == 0


def test_fork_while_delay_accounting_was_off(batch, start, scratch, delayacct):
    """Its waits are never counted, so they are unknown, not 0; those of a task forked later are known."""
    path = f"{scratch}/data"
    with open(path, "wb") as file:
        file.write(b"x" * 4 * MIB)
    delayacct(False)
    old = start("reader", "direct", path, 4 * MIB, 65536)
    delayacct(True)
    new = start("reader", "direct", path, 4 * MIB, 65536)
    monitor = batch("-P", columns="pid,read,blkio,command")
    old.go()
    new.go()
    last = monitor.settle()[-1]
    assert [(row["read"], row["blkio"]) for row in last.of(old.name)] == [(4 * MIB, None)]
    assert [row["read"] for row in last.of(new.name)] == [4 * MIB]
    assert last.sum(new.name, "blkio") > 0


def test_delays_are_unknown_while_switched_off(batch, start, scratch, delayacct):
    path = f"{scratch}/data"
    with open(path, "wb") as file:
        file.write(b"x" * 4 * MIB)
    delayacct(False)
    monitor = batch("-P", columns="pid,read,blkio,io,swapin,command")
    load = start("reader", "direct", path, 4 * MIB, 65536)
    monitor.see(load)
    load.go()
    last = monitor.settle()[-1]
    assert [(row["read"], row["blkio"], row["io"], row["swapin"]) for row in last.of(load.name)] == [
        (4 * MIB, None, None, None)]


def test_delayacct_option_restores(batch, delayacct):
    """--delayacct turns it on for the run only."""
    delayacct(False)
    monitor = batch("--delayacct")
    with open("/proc/sys/kernel/task_delayacct", encoding="ascii") as file:
        assert file.read() == "1\n"
    monitor.process.terminate()
    monitor.process.wait(20)
    with open("/proc/sys/kernel/task_delayacct", encoding="ascii") as file:
        assert file.read() == "0\n"


def test_nothing_stays_of_the_dead(batch, start):
    """An exited process leaves the rows after its interval; -o shows it in that one."""
    monitor = batch("-P", "-o", accumulated=False)
    load = start("puppet", "FILE", 0)
    monitor.see(load)
    load.go(f"fork {MIB}")
    load.close()
    samples = monitor.settle()
    assert any(sample.of(load.name) for sample in samples)
    iotopx.wait_for("its rows to go", lambda: not monitor.settle()[-1].of(load.name))
