"""A machine with kernel.pid_max at its highest: PIDs and TIDs of seven digits are right and whole everywhere, and nothing
is as large as the highest of them."""

import os
import re
import signal
import sqlite3
import subprocess

import pytest

import iotopx
from tmux import Terminal

MIB = 1 << 20
HIGHEST = 4194303  # the highest that there is: PID_MAX_LIMIT is 2^22
SEVEN_DIGITS = 4100000  # where the kernel goes on counting: room for some 90,000 before it begins anew
PID_MAX, LAST_PID = "/proc/sys/kernel/pid_max", "/proc/sys/kernel/ns_last_pid"
UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="not root"),
    pytest.mark.skipif(not os.path.exists(LAST_PID), reason="this kernel gives nobody the PID that one wants"),
]


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


@pytest.fixture
def widen():
    """widen(): from now on PIDs have seven digits. It is undone by a process that outlives this one, however it ends."""
    keeper = subprocess.Popen(["sh", "-c", f"read line; echo $0 >{PID_MAX}; echo $1 >{LAST_PID}", read(PID_MAX),
                               read(LAST_PID)], stdin=subprocess.PIPE, start_new_session=True)

    def set_highest():
        write(PID_MAX, HIGHEST + 1)
        write(LAST_PID, SEVEN_DIGITS)

    yield set_highest
    keeper.communicate()


def memory(monitor):
    """KiB in memory, and KiB of data altogether: an array that nobody touches is in the second one only."""
    text = read(f"/proc/{monitor.process.pid}/status")
    return [int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) for name in ("VmRSS", "VmData")]


def least(batches):
    """Of monitors that do the same, after some intervals: others come and go on this machine, and cost memory too."""
    for monitor in batches:
        monitor.wait_samples(8)
    return [min(figures) for figures in zip(*map(memory, batches))]


def test_memory(widen, batch, start):
    """A few processes with large numbers take what a few processes take: not so much as a bit for each number up to the
    highest, which would be 512 KiB. Neither in a monitor that was there before nor in one that begins then. (The first
    test, as long as no other process of this machine has such a number.)"""
    def monitors():
        return [batch("-P", accumulated=False) for _ in range(3)]

    old = monitors()
    before = least(old)
    widen()
    for number in range(HIGHEST, 100000, -500000):
        start("puppet", "FILE", 0, pid=number).go("write 0 4096")
    since = [monitor.settle() and memory(monitor) for monitor in old]
    fresh = monitors()
    assert all(monitor.process.pid > SEVEN_DIGITS for monitor in fresh)
    for what, figures in (("before", [min(figures) for figures in zip(*since)]), ("fresh", least(fresh))):
        assert all(now - then < 400 for then, now in zip(before, figures)), (what, before, figures)


@pytest.fixture
def begin(widen, start):
    """begin(): a load with the highest PID and three threads."""
    def load():
        begun = start("puppet", "FILE", 3, pid=HIGHEST)
        begun.tids = [begun.go(f"write {number} 0")["tid"] for number in range(4)]
        assert begun.pid == begun.tids[0] == HIGHEST and min(begun.tids[1:]) > SEVEN_DIGITS
        return begun

    widen()
    return load


def work(load):
    """Every thread writes another amount. What was written by TID, and all of it as the kernel charged it."""
    before = load.charged
    sizes = {tid: number * MIB for number, tid in enumerate(load.tids, 1)}
    for number, size in enumerate(sizes.values()):
        load.go(f"write {number} {size}")
    return sizes, iotopx.Between(sum(sizes.values()), load.charged - before)


CHOICES = [(), ("-p", str(HIGHEST)), ("--filter", f"pid:{HIGHEST}")]


def test_figures(begin, batch):
    """In text and JSON, as a process and as threads, among all and chosen by -p and by a filter."""
    load = begin()
    views = {"-P": [HIGHEST], "--threads": load.tids}
    monitors = [(view, choice, form, batch(view, *choice, format=form, columns="ppid,pid,write,command"))
                for view in views for choice in CHOICES for form in ("text", "json")]
    sizes, every = work(load)
    for view, choice, form, monitor in monitors:
        told = (view, choice, form)
        assert monitor.total(load.name, "write") == every, told
        last = monitor.samples()[-2]
        assert last.of(load.name) and (not choice or last.of(load.name) == last.rows), told
        key = "tid" if form == "json" and view == "--threads" else "pid"
        assert sorted(int(row[key]) for row in last.of(load.name)) == sorted(views[view]), told
    # Nothing stands between a number of seven digits and the next one but a blank.
    text = {view: monitor.text() for view, choice, form, monitor in monitors if form == "text" and choice}
    for view, tids in views.items():
        for tid in tids:
            assert re.search(rf"^{load.process.pid} {tid} +[\d.]+ K +{load.name}$", text[view], re.M), (view, tid)
    threads = next(monitor for view, choice, form, monitor in monitors if view == "--threads" and form == "json")
    for tid, size in sizes.items():
        shown = sum(row["write"] or 0 for sample in threads.samples() for row in sample.rows if row["tid"] == tid)
        assert size <= shown <= size + MIB // 2, tid


def test_batch_ends_with_it(begin, batch):
    load = begin()
    monitor = batch("-P", "-p", str(HIGHEST))
    load.close()
    assert monitor.process.wait(iotopx.PATIENCE) == 0


def test_exit_records(begin, batch, start):
    """Two processes of the highest PID one after another, and a thread and a child of each with a PID from the kernel, none
    of them there for longer than it takes: each byte is booked, to whom it belongs."""
    monitors = {view: batch(view, delay=2, format="json") for view in ("-P", "--threads")}
    since = {view: monitor.count() for view, monitor in monitors.items()}
    loads, short = [], []
    for _ in range(2):
        load = begin()
        load.go(f"write 0 {MIB}")
        short += [("tid", load.go(f"born {MIB}")["tid"]), ("pid", load.go(f"fork {MIB}")["tid"])]
        load.say("quit")
        assert load.process.wait(iotopx.PATIENCE) == 0
        loads.append(load)
    for view, monitor in monitors.items():
        for load in loads:
            assert monitor.total(load.name, "write", since[view]) == load.wrote(3 * MIB), view
        assert monitor.lost() == 0
        names = [load.name for load in loads]
        rows = [row for sample in monitor.samples() for row in sample.interval["tasks"] if row["command"] in names]
        assert len({row["start_time"] for row in rows if row["pid"] == HIGHEST and row["tid"] in (HIGHEST, None)}) == 2
        for key, number in short if view == "--threads" else short[1::2]:
            assert number > SEVEN_DIGITS
            found = [row for row in rows if row[key] == number]
            # A sweep may fall between its writing and its end.
            assert sum(row["write_bytes"] for row in found) >= MIB, view
            assert sum(row["exited"] for row in found) == 1, view


def test_recording(begin, batch, scratch):
    load = begin()
    path = os.path.join(scratch, "recording")
    monitor = batch("--threads", "--record", path)
    sizes, every = work(load)
    assert monitor.total(load.name, "write") == every
    monitor.process.terminate()
    assert monitor.process.wait(iotopx.PATIENCE) == 0
    with sqlite3.connect(path) as database:
        written = dict(database.execute("SELECT tid, sum(write_bytes) FROM task_io WHERE pid = ? GROUP BY tid", (HIGHEST,)))
    assert sorted(written) == sorted(sizes) and sum(written.values()) == every
    replay = subprocess.run([iotopx.BINARY, "--replay", path, "-b", "-n", "1", "-a", "-k", "-P", "-qqq", "--filter",
                             f"pid:{HIGHEST}", "--columns", "pid,write,command"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=True)
    pid, kib, unit, name = replay.stdout.split()
    assert (int(pid), unit, name) == (HIGHEST, "K", load.name) and float(kib) * 1024 == every


def measured(terminal):
    return "COMMAND" in terminal.text() and "collecting" not in terminal.text() and re.search(r"\d [BKM]/s", terminal.text())


def rows(terminal):
    """(TID or None, cell of DISK WRITE, line) of every row; fails where one doesn't keep to the columns."""
    lines = terminal.lines()
    at, title = next((at, line) for at, line in enumerate(lines) if "COMMAND" in line)
    id_end, write_end = (re.search(what, title).end() for what in (r"[TP]ID", "DISK WRITE"))
    found = []
    for line in lines[at + 1:-1]:
        if not line:
            continue
        number, cell = line[:id_end], line[write_end - 10:write_end]
        assert re.fullmatch(r" *(\d+|-)", number) and re.fullmatch(r"[ ~]*[\d.]+ [BKMG](/s)?", cell), terminal.text()
        assert line[id_end] == line[write_end] == " ", terminal.text()
        found.append((None if "-" in number else int(number), cell.strip(), line))
    return found


def amount(cell):
    number, unit = cell.split()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize("columns,lines", [(80, 24), (40, 10)])
@pytest.mark.parametrize("view", ["-P", "--threads"])
def test_screen(begin, view, columns, lines):
    """Rows, what is said about them, the detail, and the question before a signal."""
    load = begin()
    tids = load.tids if view == "--threads" else [HIGHEST]
    with Terminal([iotopx.BINARY, view, "-d", "0.5"], columns, lines, {"XDG_CONFIG_HOME": "/nonexistent"}) as terminal:
        terminal.wait_for(measured)
        assert len(rows(terminal)) > 4
        terminal.press("/")
        terminal.type(f"pid:{HIGHEST}")
        terminal.press("Enter", "a")
        terminal.wait_for(lambda t: "q Quit" in t.text() and {row[0] for row in rows(t)} == set(tids))
        sizes, every = work(load)
        wanted = sizes if view == "--threads" else {HIGHEST: sum(sizes.values())}
        terminal.wait_for(lambda t: {tid: round(amount(cell) / MIB, 1) for tid, cell, _ in rows(t)} ==
                          {tid: size / MIB for tid, size in wanted.items()})
        assert all(line.endswith(load.name) for _, _, line in rows(terminal))
        terminal.press("Home", "F")
        terminal.wait_for(lambda t: re.search(rf"following {load.name} \(({'|'.join(map(str, tids))})\)", t.text()))
        terminal.press("Enter")
        terminal.wait_for(lambda t: re.search(rf"^ [TP]ID +({'|'.join(map(str, tids))})\b", t.text(), re.M))
        if view == "-P" and columns >= 80:
            terminal.press("End")
            terminal.wait_for(lambda t: work(load) and all(re.search(rf"^ {tid}  R +0\.00 B/s  W", t.text(), re.M)
                                                           for tid in load.tids))
        terminal.press("Escape", "k")
        terminal.wait_for("TERM")
        terminal.press("Enter")
        question = f"Send SIGTERM to {load.name} (process {HIGHEST})? y/n"
        shown = terminal.wait_for(lambda t: t.lines()[-1] if t.lines()[-1].endswith(f" {HIGHEST})? y/n") else None)
        head, cut, tail = shown.partition("…")
        assert bool(cut) == (len(question) >= columns) and question.startswith(head) and question.endswith(tail), shown
        terminal.press("y")
        assert load.process.wait(iotopx.PATIENCE) == 128 + signal.SIGTERM
