"""Memory that runs out: one allocation of the whole program fails, a different one in each run. It goes on, with figures
that are right, or ends with one line and a status that says so; it never crashes, hangs or invents a figure.
"""
import json
import os
import re
import struct
import subprocess

import pytest

import iotopx

RUNS = int(os.environ.get("IOTOPX_SCARCE_RUNS", "20"))
RECORDING = os.path.join(os.path.dirname(__file__), "..", "recordings", "idle.iotopx")


def run(directory, nth, *arguments):
    """(the finished program, whether the allocation came)"""
    told = os.path.join(directory, f"told-{nth}")
    done = subprocess.run([iotopx.BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "LD_PRELOAD": os.path.join(iotopx.LOADS, "mallocfail.so"),
                               "MALLOCFAIL": str(nth), "MALLOCFAIL_TOLD": told})
    return done, os.path.exists(told)


def allocations(directory, *arguments):
    """How many it makes, to about a tenth."""
    low, high = 1, 2
    while run(directory, high, *arguments)[1]:
        low, high = high, high * 2
    while high - low > low // 10 + 1:
        middle = (low + high) // 2
        low, high = (middle, high) if run(directory, middle, *arguments)[1] else (low, middle)
    return low


def numbers(directory, *arguments):
    """Which allocations fail: the first ones, whose failure ends the start, and others all along the way."""
    count = allocations(directory, *arguments)
    assert count > 50
    early = RUNS // 3
    return [*range(1, early + 1), *(early + (count - early) * i // (RUNS - early) for i in range(1, RUNS - early + 1))]


def check_end(done, nth):
    assert done.returncode in (0, 1), f"allocation {nth}: {done.returncode} {done.stderr}"
    lines = done.stderr.decode().splitlines()
    assert all(line.startswith("iotopx: ") for line in lines), (nth, lines)
    assert done.returncode == 0 or lines, f"allocation {nth}: it says nothing"


def check_text(text):
    """Whole lines, and figures that a machine can have."""
    assert not text or text.endswith("\n")
    for size, unit in re.findall(r"([\d.]+) ([KMGTPE]?)B?/s", text):
        assert float(size) * 1024 ** " KMGTPE".index(unit or " ") < 1e12


@pytest.mark.parametrize("arguments", [
    ["-b", "-n", "2", "-d", "0.1"],
    ["-b", "-n", "2", "-d", "0.1", "-a", "-P", "--group", "unit"],
], ids=["threads", "sums of units"])
def test_batch(tmp_path, arguments):
    ended = set()
    for nth in numbers(tmp_path, *arguments):
        done, _ = run(tmp_path, nth, *arguments)
        check_end(done, nth)
        check_text(done.stdout.decode())
        ended.add(done.returncode)
    assert 1 in ended  # at the start there is nothing to go on with


@pytest.mark.parametrize("mode", [[], ["-a"]], ids=["rates", "sums"])
def test_json(tmp_path, mode):
    """Each line is whole, and its rows add up to its total."""
    arguments = ["--format", "json", "-n", "2", "-d", "0.1", *mode]
    for nth in numbers(tmp_path, *arguments):
        done, _ = run(tmp_path, nth, *arguments)
        check_end(done, nth)
        for line in done.stdout.decode().splitlines():
            interval = json.loads(line)
            for name in ("read_bytes", "write_bytes"):
                total = interval["totals"][name + "_per_second"] * interval["interval_seconds"]
                assert abs(sum(task[name] or 0 for task in interval["tasks"]) - total) < 1, nth
        assert done.returncode or done.stdout.count(b"\n") == 2, nth


def test_what_a_failed_sweep_read(tmp_path, start, batch):
    """Threads write once and do not run again. Whatever fails in the sweep that finds them, an interval tells it all."""
    threads = 24
    load = start("puppet", "FILE", threads)
    lived = 0
    for nth in range(1, 13):
        left, told = tmp_path / f"left-{nth}", tmp_path / f"told-{nth}"
        left.write_bytes(bytes(8))
        one = batch(format="json", env={"LD_PRELOAD": os.path.join(iotopx.LOADS, "mallocfail.so"),
                                        "MALLOCFAIL_LEFT": str(left), "MALLOCFAIL_TOLD": str(told)})
        before = load.io()["write_bytes"]
        with open(left, "r+b") as file:
            file.write(struct.pack("=Q", nth))
        for thread in range(1, threads + 1):
            load.go(f"write {thread} 65536")
        iotopx.wait_for(f"allocation {nth}", told.exists)
        since = one.count()
        iotopx.wait_for("two more samples", lambda: one.count() > since + 2 or one.process.poll() is not None)
        if one.process.poll() is None:
            lived += 1
            assert sum(sample.sum(load.name, "write") for sample in one.samples()) == load.io()["write_bytes"] - before, nth
        else:
            assert one.process.returncode == 1, nth
    assert lived > 3


def test_replay(tmp_path):
    """What is the same each time: all of it, or a beginning of it and a line that says why."""
    arguments = ["--replay", RECORDING, "--format", "csv", "-P"]
    whole = subprocess.run([iotopx.BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True,
                           env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    for nth in numbers(tmp_path, *arguments):
        done, _ = run(tmp_path, nth, *arguments)
        check_end(done, nth)
        assert whole.startswith(done.stdout), nth
        assert done.returncode or done.stdout == whole, nth


def test_recording(tmp_path):
    """What was recorded can be read, and what was not is told: in the recording or by the recorder."""
    arguments = ["-b", "-n", "2", "-d", "0.1", "-qqq"]
    for nth in numbers(tmp_path, "--record", str(tmp_path / "first"), *arguments):
        path = tmp_path / f"recording-{nth}"
        done, _ = run(tmp_path, nth, "--record", str(path), *arguments)
        check_end(done, nth)
        if not path.exists() or path.stat().st_size == 0:
            assert done.returncode == 1, nth
            continue
        replay = subprocess.run([iotopx.BINARY, "--replay", str(path), "--format", "json"], stdin=subprocess.DEVNULL,
                                capture_output=True, check=False)
        count = len([json.loads(line) for line in replay.stdout.splitlines()])
        assert count == 2 or done.returncode == 1 or b"not recorded" in done.stderr, (nth, replay.stderr, done.stderr)
