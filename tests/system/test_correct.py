"""Numbers against programs that do exactly known amounts of I/O, and against /proc/PID/io at both ends."""

import os
import subprocess

import pytest

import iotopx

MIB = 1 << 20
METHODS = ["buffered", "direct", "mmap", "aio", "uring"]
COLUMNS = "pid,read,write,rchar,wchar,syscr,syscw,command"
FROM_IO = {"read": "read_bytes", "write": "write_bytes", "rchar": "rchar", "wchar": "wchar", "syscr": "syscr",
           "syscw": "syscw"}


def data_file(path, size):
    with open(path, "wb") as file:
        file.write(os.urandom(MIB) * (size // MIB))
        file.flush()
        os.fsync(file.fileno())
    return path


def test_every_way_to_read_and_write(batch, start, scratch):
    """Accumulated bytes within 1 % of what was done, and all six counters exactly as /proc/PID/io counts them."""
    size = 16 * MIB
    loads = {}
    for method in METHODS:
        loads["write", method] = start("writer", method, "FILE", size, 65536)
        path = data_file(os.path.join(scratch, f"read-{method}"), size)
        loads["read", method] = start("reader", method, path, size, 65536)
    monitor = batch("-P", columns=COLUMNS)
    before = {key: load.io() for key, load in loads.items()}
    for load in loads.values():
        load.go()
    after = {key: load.io() for key, load in loads.items()}
    last = monitor.settle()[-1]
    for (direction, method), load in loads.items():
        what = f"{direction} {method}"
        rows = last.of(load.name)
        assert len(rows) == 1, what
        assert rows[0]["pid"] == str(load.pid), what
        assert rows[0][direction] == pytest.approx(size, rel=0.01), what
        for column, field in FROM_IO.items():
            true = after[direction, method][field] - before[direction, method][field]
            # -k shows hundredths of a KiB.
            assert rows[0][column] == pytest.approx(true, abs=6 if column.endswith("char") else 0), (what, column)
            assert column not in rows[0].approximate, (what, column)


def full_intervals(samples, name, key):
    """What the samples show, without the two at the ends that the load filled in part only."""
    values = [sample.sum(name, key) for sample in samples if sample.of(name) and sample.sum(name, key)]
    return values[1:-1]


FIRST = ("chrt", "-f", "40")  # so that the other load of this machine does not move the moments of measurement


def test_steady_reads_are_steady(batch, start, scratch):
    """500 reads a second are 500 in every interval: not 0 and 1020, as the kernel's rounded counters would have it."""
    load = start("steady", data_file(os.path.join(scratch, "data"), MIB), 500, 7)
    monitor = batch("-P", "-o", columns="pid,syscr,rchar,command", accumulated=False, delay=1, prefix=FIRST)
    done = load.go()
    samples = monitor.settle()
    calls = full_intervals(samples, load.name, "syscr")
    assert len(calls) >= 4, samples
    slack = 25 + done["latest_us"] * 500 / 1e6  # reads that the generator itself made late
    assert all(abs(value - 500) <= slack for value in calls), (calls, done)
    rates = full_intervals(samples, load.name, "rchar")
    assert all(abs(value - 500 * 4096) <= slack * 4096 for value in rates), (rates, done)


def test_first_interval_is_right(start, scratch):
    """The first numbers come after one whole interval and are divided by its real length."""
    load = start("steady", data_file(os.path.join(scratch, "data"), MIB), 500, 5)
    load.say()
    run = subprocess.run([*FIRST, iotopx.BINARY, "-b", "-P", "-k", "-qq", "-n", "1", "-d", "1", "--columns",
                          "pid,syscr,command"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                         env={**os.environ, "LC_ALL": "C.UTF-8"})
    done = load.hear()
    assert run.returncode == 0, run.stderr
    samples = iotopx.TextParser(["pid", "syscr", "command"]).parse(run.stdout)
    assert len(samples) == 1
    slack = 25 + done["latest_us"] * 500 / 1e6
    assert abs(samples[0].sum(load.name, "syscr") - 500) <= slack, (run.stdout, done)


def test_fio_at_500_iops(batch, scratch):
    """fio's own pace is not exact: the mean of the full intervals is, and none shows the rounding's 0 or 1020."""
    monitor = batch("-P", "-o", columns="pid,syscr,read,command", accumulated=False, delay=1, prefix=FIRST)
    link = os.path.join(scratch, f"fio-{os.getpid()}")
    os.symlink("/usr/bin/fio", link)
    subprocess.run([link, "--name=w", "--rw=randread", "--bs=4k", "--rate_iops=500", "--size=64M", "--time_based",
                    "--runtime=7", "--ioengine=psync", f"--directory={scratch}"], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)
    calls = full_intervals(monitor.settle(), os.path.basename(link), "syscr")
    calls = calls[1:-1]  # fio lays out its file before, and sums up after
    assert len(calls) >= 3
    assert sum(calls) / len(calls) == pytest.approx(500, rel=0.05), calls
    assert all(250 < value < 750 for value in calls), calls


def test_process_is_the_sum_of_its_threads(batch, start):
    load = start("puppet", "FILE", 4)
    processes = batch("-P")
    threads = batch("--threads", columns="tid,write,command")
    tids = {}
    for thread in range(5):
        tids[str(load.go(f"write {thread} {(thread + 1) * MIB}")["tid"])] = (thread + 1) * MIB
    load.go(f"born {8 * MIB}")
    assert processes.total(load.name, "write") == load.wrote(23 * MIB)
    rows = threads.settle()[-1].of(load.name)
    assert sum(row["write"] for row in rows) == load.wrote(23 * MIB)
    for tid, amount in tids.items():
        assert [row["write"] for row in rows if row["tid"] == tid] == [pytest.approx(amount, abs=65536)]


def test_pid_covers_all_threads(batch, start):
    """-p PID: the process with threads born later, and nothing else."""
    load, other = start("puppet", "FILE", 2), start("puppet", "FILE", 0)
    monitor = batch("-P", "-p", str(load.pid))
    load.go(f"write 0 {MIB}")
    load.go(f"write 2 {2 * MIB}")
    load.go(f"born {4 * MIB}")
    other.go(f"write 0 {MIB}")
    last = monitor.settle()[-1]
    assert {row.name for row in last.rows} == {load.name}
    assert last.sum(load.name, "write") == load.wrote(7 * MIB)


def test_nothing_above_what_is_possible(batch, start, scratch, delayacct):
    """The kernel adds nonsense to block delays at times; no waiting above 100 % may come of it, in any interval."""
    delayacct(True)
    size = 64 * MIB
    path = data_file(os.path.join(scratch, "data"), size)
    monitor = batch("--threads", columns="tid,blkio,io,swapin,command", accumulated=False, delay=0.3)
    loads = [start("reader", "direct", path, size, 4096) for _ in range(3)]
    for load in loads:
        load.say()
    for load in loads:
        load.hear()
    samples = monitor.settle()
    shown = [row for sample in samples for row in sample.rows]
    assert all((row["io"] or 0) <= 1 and (row["swapin"] or 0) <= 1 for row in shown)
    for load in loads:
        # Bytes and waits are there for each: the delays are not just all unknown.
        assert any(row["blkio"] for row in shown if row.name == load.name)
        assert any(row["io"] is not None for row in shown if row.name == load.name)


def test_user_by_name_and_number(batch, start):
    """-u takes both; rows of others are not shown."""
    load = start("puppet", "FILE", 0)
    monitors = [batch("-P", "-u", "root"), batch("-P", "-u", "0"), batch("-P", "-u", "nobody")]
    load.go(f"write 0 {MIB}")
    assert [monitor.total(load.name, "write") for monitor in monitors] == [load.wrote(MIB), load.wrote(MIB), 0]
