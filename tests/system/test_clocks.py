"""Clocks that jump: the machine is suspended, its wall clock is set. iotopx runs with clocks of its own that a test sets;
the kernel's stay as they are."""

import datetime
import json
import os
import signal
import struct
import subprocess
import time

import pytest

import iotopx
import tmux

HOUR = 3600
NO_NETLINK = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--")


class Clocks:
    def __init__(self, path):
        self.path = path
        self.ahead = [0, 0]
        with open(path, "wb") as file:
            file.write(bytes(16))
        self.env = {"CLOCKS": path, "LD_PRELOAD": os.path.join(iotopx.LOADS, "clocks.so")}

    def _write(self):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("<qq", *self.ahead))

    def set_wall(self, seconds):
        self.ahead[0] += seconds * 10**9
        self._write()

    def suspend(self, seconds):
        self.ahead = [ahead + seconds * 10**9 for ahead in self.ahead]
        self._write()


@pytest.fixture
def clocks(scratch):
    return Clocks(os.path.join(scratch, "clocks"))


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def write_on(load, monitor, samples):
    """64 KiB in each interval at least."""
    end = monitor.count() + samples
    while monitor.count() < end and monitor.alive():
        load.go("write 0 65536")


def rows_of(samples, load):
    return [(sample.interval, task) for sample in samples for task in sample.interval["tasks"]
            if task["command"].startswith(load.name)]


@pytest.mark.parametrize("prefix", [(), NO_NETLINK], ids=["all tasks", "own processes only"])
def test_suspend(batch, start, clocks, prefix):
    """Who was there before goes on with its figures, in an interval that says that there is a gap in it."""
    load = start("puppet", "FILE", 0)
    monitor = batch("-P", format="json", delay=0.2, env=clocks.env, prefix=prefix)
    assert monitor.samples()[0].interval["scope"] == ("own" if prefix else "all")
    before = load.io()["write_bytes"]
    write_on(load, monitor, 4)
    asleep = monitor.count()
    clocks.suspend(2 * HOUR)
    write_on(load, monitor, 4)
    late = start("puppet", "FILE", 0)
    born = time.time() + 2 * HOUR
    write_on(late, monitor, 4)
    assert monitor.total(load.name, "write") == load.io()["write_bytes"] - before
    samples = monitor.samples()
    gaps = [index for index, sample in enumerate(samples) if sample.interval["after_gap"]]
    assert len(gaps) == 1 and asleep - 1 <= gaps[0] <= asleep + 1, (gaps, asleep)
    assert all(sample.interval["interval_seconds"] < HOUR for sample in samples)
    times = [when(sample.interval["timestamp"]) for sample in samples]
    assert times[gaps[0]] - times[gaps[0] - 1] == pytest.approx(2 * HOUR, abs=iotopx.PATIENCE)
    assert {task["pid"] for _, task in rows_of(samples, load)} == {load.pid}
    assert len({task["start_time"] for _, task in rows_of(samples, load)}) == 1
    if prefix:
        return  # starts come from /proc there, where time went on as ever
    starts = {task["start_time"] for _, task in rows_of(samples, late)}
    assert len(starts) == 1 and when(starts.pop()) == pytest.approx(born, abs=iotopx.PATIENCE)


@pytest.mark.parametrize("step", [24 * HOUR, -HOUR, -40 * 365 * 24 * HOUR], ids=["ahead", "back", "to the eighties"])
def test_wall_clock_is_set(batch, start, clocks, step):
    """Time stamps follow; lengths, rates and books do not care, and there is no gap."""
    load = start("puppet", "FILE", 0)
    monitor = batch("-P", format="json", delay=0.2, env=clocks.env)
    before = load.io()["write_bytes"]
    write_on(load, monitor, 3)
    clocks.set_wall(step)
    write_on(load, monitor, 3)
    assert monitor.total(load.name, "write") == load.io()["write_bytes"] - before
    samples = monitor.samples()
    times = [when(sample.interval["timestamp"]) for sample in samples]
    jumps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert max(jumps, key=abs) == pytest.approx(step, abs=iotopx.PATIENCE)
    assert not any(sample.interval["after_gap"] for sample in samples)
    assert all(0 < sample.interval["interval_seconds"] < iotopx.PATIENCE for sample in samples)
    assert len({task["start_time"] for _, task in rows_of(samples, load)}) == 1


def replay(path, *options):
    done = subprocess.run([iotopx.BINARY, "--replay", path, "--format", "json", "-P", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=iotopx.PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("step", [24 * HOUR, -HOUR], ids=["ahead", "back"])
def test_recording(batch, start, scratch, clocks, step):
    """Every interval is there, in the order in which they were; the sums are what was done."""
    load = start("puppet", "FILE", 0)
    path = os.path.join(scratch, "recording")
    monitor = batch("-P", "--record", path, format="json", delay=0.2, env=clocks.env)
    before = load.io()["write_bytes"]
    write_on(load, monitor, 3)
    clocks.set_wall(step)
    write_on(load, monitor, 3)
    did = load.io()["write_bytes"] - before
    assert monitor.total(load.name, "write") == did
    monitor.process.send_signal(signal.SIGINT)
    assert monitor.process.wait(30) == 0
    live = [sample.interval for sample in monitor.samples()]
    told = replay(path)
    assert [one["timestamp"] for one in told] == [one["timestamp"] for one in live]
    for field in ("read_bytes_per_second", "write_bytes_per_second"):
        assert [one["totals"][field] for one in told] == [one["totals"][field] for one in live]
    # By time: the part behind the step alone, and the part before it alone.
    cut = max(range(1, len(live)), key=lambda at: abs(when(live[at]["timestamp"]) - when(live[at - 1]["timestamp"])))
    for part in (live[:cut], live[cut:]):
        first, last = (datetime.datetime.fromtimestamp(when(part[at]["timestamp"]) + ahead).strftime("%F %T")
                       for at, ahead in ((0, -60), (-1, 60)))
        assert [one["timestamp"] for one in replay(path, "--begin", first, "--end", last)] == [
            one["timestamp"] for one in part]
    assert sum(task["write_bytes"] for one in told for task in one["tasks"]
               if task["command"].startswith(load.name)) == did


def test_screen_tells(clocks):
    """The notice stands there for the interval with the gap, and no longer."""
    with tmux.Terminal([iotopx.BINARY, "-d", "1"], 120, 40, environment=clocks.env) as terminal:
        terminal.wait_for("COMMAND")
        clocks.suspend(HOUR)
        terminal.wait_for("after a gap in time")
        terminal.wait_for(lambda shown: "a gap in time" not in shown.text())
