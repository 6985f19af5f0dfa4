"""What a refresh costs, counted without a clock: system calls and allocations for a fixed set of sleepers.

Other tasks of the machine cost something too, so the cheapest refresh of several is the one that counts.
"""

import os
import re
import struct
import subprocess

import pytest

import iotopx

REFRESHES = 12


def syscalls_per_refresh(scratch, *options):
    """The least number of system calls between two prints of the batch."""
    log = os.path.join(scratch, "strace.log")
    subprocess.run(["strace", "-f", "-qq", "-o", log, iotopx.BINARY, "-b", "-o", "-d", "0.2", "-n", str(REFRESHES),
                    *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=300)
    counts = [0]
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.search(r"\bwrite\(1, |<\.\.\. write resumed", line):
                counts.append(0)
            elif not line.split(None, 1)[1].startswith(("<...", "---", "+++")):
                counts[-1] += 1
    counts = counts[2:-1]  # not the start, the first refreshes and the end
    assert len(counts) >= 5, counts
    return min(counts)


@pytest.mark.parametrize("processes,threads,most", [(40, 100, 0.2), (1500, 1, 1.2)])
def test_syscalls_of_idle_tasks(start, scratch, processes, threads, most):
    bare = syscalls_per_refresh(scratch)
    start("sleepers", processes, threads)
    loaded = syscalls_per_refresh(scratch)
    assert (loaded - bare) / (processes * threads) <= most, (bare, loaded)


class Allocations:
    """The count that malloccount.so keeps for one process."""

    def __init__(self, scratch):
        self.path = os.path.join(scratch, "allocations")
        with open(self.path, "wb") as file:
            file.write(bytes(8))
        self.env = {"LD_PRELOAD": os.path.join(iotopx.LOADS, "malloccount.so"), "MALLOCCOUNT": self.path}

    def count(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]


def allocations_per_refresh(batch, scratch, *options):
    """The least number of allocations between two prints."""
    allocations = Allocations(scratch)
    monitor = batch(*options, env=allocations.env)
    monitor.wait_samples(5)
    counts = []
    for _ in range(REFRESHES):
        printed, before = monitor.count(), allocations.count()
        monitor.wait_samples(printed + 3)
        counts.append((allocations.count() - before) / 3)
    monitor.__exit__()
    assert allocations.count() > 0
    return min(counts)


@pytest.mark.parametrize("options", [("-P", "-o"), ("--threads", "-o"), ("-P",)], ids=" ".join)
def test_allocations_of_idle_tasks(batch, start, scratch, options):
    """2,000 sleepers more, and not an allocation more for each: a hundredth of one is noise of other tasks."""
    bare = allocations_per_refresh(batch, scratch, *options)
    start("sleepers", 1000, 1)
    start("sleepers", 10, 100)
    loaded = allocations_per_refresh(batch, scratch, *options)
    assert loaded - bare < 20, (bare, loaded)
