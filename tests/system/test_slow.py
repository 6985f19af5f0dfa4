"""Slow things never stop the books: while 5,000 processes come and go, none is lost, or each is counted."""

import csv
import fcntl
import json
import os
import re
import subprocess
import threading

import pytest

import iotopx
from tmux import Terminal

MIB = 1 << 20
COUNT = 5000


def churn(start):
    return start("swarm", "-p", "-n", COUNT, "-b", 4096, "-f", "FILE", "-j", 2, "-r", 2500)


def assert_closed(swarm, total, lost):
    assert total == iotopx.Between(4096 * (COUNT - lost), swarm.charged), lost


def cmdline_hangs(pid):
    reader = subprocess.Popen(["cat", f"/proc/{pid}/cmdline"], stdout=subprocess.DEVNULL)
    try:
        reader.wait(0.3)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        reader.kill()
        reader.wait()


def test_locked_memory_map(batch, start, frozen):
    """Reading the command line of such a process hangs. Intervals go on, and the process is in them."""
    load = start("mmaplock", f"{frozen.path}/data")
    swarm = churn(start)
    frozen.freeze()
    load.say()
    iotopx.wait_for("the command line to hang", lambda: cmdline_hangs(load.pid))
    monitor = batch("-P", delay=0.2)
    swarm.go()
    total, lost = monitor.total(swarm.name, "write"), monitor.lost()
    assert monitor.settle()[-1].of(load.name), "the stuck process has no row"
    assert cmdline_hangs(load.pid), "the map was not locked all the time"
    frozen.thaw()
    load.process.wait(iotopx.PATIENCE)
    assert_closed(swarm, total, lost)


HANGS = {"LD_PRELOAD": os.path.join(iotopx.LOADS, "slownss.so")}


def test_user_names_that_hang(batch, start):
    """As with a directory server that is gone. Users are numbers then."""
    swarm = churn(start)
    monitor = batch("-P", columns="pid,user,write,command", delay=0.2, env=HANGS)
    swarm.go()
    total, lost = monitor.total(swarm.name, "write"), monitor.lost()
    assert [row["user"] for row in monitor.settle()[-1].of(swarm.name)][0] == "0"
    assert_closed(swarm, total, lost)
    monitor.process.terminate()
    monitor.process.wait(iotopx.PATIENCE)


# What tells of a load in each format: (bytes written, exits lost, users), of all that was printed.

def told_in_json(text, name):
    intervals = [json.loads(line) for line in text.splitlines()]
    tasks = [task for interval in intervals for task in interval["tasks"] if task["command"] == name]
    return (sum(task["write_bytes"] or 0 for task in tasks), sum(interval["lost_exits"] or 0 for interval in intervals),
            {task["user"] for task in tasks})


def told_in_csv(text, name):
    rows = list(csv.DictReader(text.splitlines()))
    tasks = [row for row in rows if row["command"] == name]
    return (sum(int(row["write_bytes"] or 0) for row in tasks),
            sum(int(row["lost_exits"] or 0) for row in rows if not row["pid"]), {row["user"] for row in tasks})


def told_in_openmetrics(text, name):
    last = text.split("# EOF\n")[-2]
    written = re.findall(rf'^iotopx_write_bytes_total{{groupname="{name}",user="([^"]*)"}} (\d+)$', last, re.M)
    return sum(int(value) for _, value in written), int(re.search(r"^iotopx_lost_exits_total (\d+)$", last, re.M)[1]), {
        user for user, _ in written}


def intervals_in_csv(text):
    """Each has one row of the machine, which is nobody's."""
    return sum(not row["pid"] for row in csv.DictReader(text[:text.rfind("\n") + 1].splitlines()))


# And how many intervals there are.
FORMATS = {
    "json": (told_in_json, lambda text: text.count("\n")),
    "csv": (told_in_csv, intervals_in_csv),
    "openmetrics": (told_in_openmetrics, lambda text: text.count("# EOF\n")),
}


@pytest.mark.parametrize("format", FORMATS)
def test_user_names_that_hang_in_formats(start, scratch, format):
    told, intervals = FORMATS[format]
    swarm = churn(start)
    path = os.path.join(scratch, "out")
    with open(path, "wb") as out:
        process = subprocess.Popen([iotopx.BINARY, "--format", format, "-P", "-d", "0.2"], stdin=subprocess.DEVNULL,
                                   stdout=out, env={**os.environ, "LC_ALL": "C.UTF-8", **HANGS})

    def text():
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()

    def wait_intervals(more):
        seen = intervals(text())
        iotopx.wait_for(f"{more} intervals", lambda: intervals(text()) >= seen + more)

    try:
        wait_intervals(1)
        swarm.go()
        wait_intervals(3)
        process.terminate()
        assert process.wait(iotopx.PATIENCE) == 0
        total, lost, users = told(text(), swarm.name)
        assert_closed(swarm, total, lost)
        assert users == {"0"}
    finally:
        process.kill()
        process.wait()


def test_user_names_that_hang_behind_the_screen(start):
    """It shows all of it, and answers keys meanwhile."""
    swarm = churn(start)
    with Terminal([iotopx.BINARY, "-P", "-a", "-k", "-d", "0.2", "--columns", "pid,user,write,command"], 100, 24,
                  environment={**HANGS, "XDG_CONFIG_HOME": "/nonexistent"}) as screen:
        screen.wait_for(" sums")
        screen.press("/")
        screen.type(swarm.name)
        screen.press("Enter")
        screen.wait_for(lambda t: re.search(rf"^ *\d+ 0 +\S+ K +{swarm.name}$", t.text(), re.M))
        swarm.say()
        screen.press("?")
        screen.wait_for("What is shown")
        screen.press("Escape")
        swarm.hear()

        def complete(t):
            lost = re.search(r"(\d+) exits lost", t.lines()[0])
            rows = [re.match(rf" *(?:\d+|-) 0 +([\d.]+) K +(?:† )?{swarm.name}", line) for line in t.lines()]
            return sum(float(row[1]) * 1024 for row in rows if row) == iotopx.Between(
                4096 * (COUNT - (int(lost[1]) if lost else 0)), swarm.charged)

        screen.wait_for(complete)


def test_full_output_pipe(start):
    """Nobody reads the output while the processes come and go; afterwards the figures are all there."""
    swarm = churn(start)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
    columns = ["pid", "write", "command"]
    process = subprocess.Popen([iotopx.BINARY, "-b", "-P", "-a", "-k", "-qq", "-d", "0.2", "--columns", ",".join(columns)],
                               stdin=subprocess.DEVNULL, stdout=writer, env={**os.environ, "LC_ALL": "C.UTF-8"})
    os.close(writer)
    chunks = [os.read(reader, 65536)]  # the first interval has passed
    swarm.go()

    def drain():
        while chunk := os.read(reader, 65536):
            chunks.append(chunk)

    thread = threading.Thread(target=drain)
    thread.start()

    def text():
        return b"".join(list(chunks)).decode()

    try:
        count = text().count("Total DISK")
        # What waited in the queue may be older than the end of the load.
        iotopx.wait_for("new intervals", lambda: text().count("Total DISK") > count + 100)
        sample = iotopx.TextParser(columns).parse(text())[-2]
        assert_closed(swarm, sample.sum(swarm.name, "write"), sample.lost())
    finally:
        process.terminate()
        process.wait(iotopx.PATIENCE)
        thread.join()
        os.close(reader)
