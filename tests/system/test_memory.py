"""Memory does not grow with the number of tasks that have come and gone."""

import statistics
import time

RATE = 300
MIB = 1 << 20


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def measure(monitors):
    """The median of a second: a sweep in progress needs more for a moment."""
    seen = [[resident(monitor.process.pid) for monitor in monitors]]
    while len(seen) < 11:
        time.sleep(0.1)
        seen.append([resident(monitor.process.pid) for monitor in monitors])
    return [statistics.median(column) for column in zip(*seen)]


def test_churn(batch, start):
    """300 short processes a second for 60 s, after a warm-up of 15 s: less than 1 MiB more, in rates and in sums.

    Other programs of this machine that start thousands of tasks meanwhile take memory too, once: a leak shows in every
    minute."""
    monitors = [batch("-P", "-o", accumulated=False, delay=1), batch("-P", delay=1),
                batch("--threads", "--group=command", delay=0.5)]
    load = start("swarm", "-x", "-n", RATE * 300, "-j", 2, "-r", RATE, "--", "/bin/true")
    load.say()
    time.sleep(15)
    minutes = []
    while len(minutes) < 3:
        before = measure(monitors)
        time.sleep(60)
        minutes.append([late - early for early, late in zip(before, measure(monitors))])
        if max(minutes[-1]) < MIB:
            break
    load.kill()
    assert max(minutes[-1]) < MIB, minutes
    assert all(monitor.lost() == 0 for monitor in monitors)
