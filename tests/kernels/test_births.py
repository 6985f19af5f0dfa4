"""Processes and threads that are born between two samples and live on, on other kernels: nobody announces them but the
kernel's fork events or a look into /proc, and no exit record makes up for one that was overlooked. So each must show all
that it ever did, as /proc/PID/io tells it."""

import guest
import report

IDLE = [f"idle-{number}" for number in range(1, 13)]  # processes that do nothing until later
PROCESSES, THREADS, ACTIVE = 10, 4, 8
SIZE = guest.MIB
VIEWS = ("by-thread", "by-process", "by-listing")

SCENARIO = f"""
mkdir -p /mnt/births
dd if=/dev/zero of=/mnt/births/data bs=64k count=16
load old puppet /mnt/births/old 2
sync
monitor by-thread --threads -o -d 0.5
monitor by-process -P -o -d 0.5
# in another network neither births nor exits are told: /proc alone says who is there
UNDER="unshare -n" monitor by-listing -P -o -d 0.5
# works at once, and never again
load once puppet /mnt/births/once 0
order once "write 0 {SIZE}"
# works as soon as it is there, and later, when many intervals without it have passed; a thread of its own too
load again puppet /mnt/births/again 2
order again "write 1 {SIZE}"
for view in {" ".join(VIEWS)}; do wc -l <$view >$view.when; done
# one of so many that are born in the same interval and sleep
for name in {" ".join(IDLE)}; do load $name puppet /mnt/births/$name 0; done
# ... and with threads, some of which read every second
load many sleepers {PROCESSES} {THREADS} {ACTIVE} /mnt/births/data
intervals by-thread 3
order again "write 0 {SIZE}"
for name in {" ".join(IDLE)}; do order $name "write 0 $((${{name#idle-}} * 4096))"; done
# an old process, of which nobody has seen anything yet
order old "write 2 {SIZE}"
intervals by-thread 3
for path in /proc/[0-9]*/task/[0-9]*/comm; do
	read name <$path || continue
	[ $name = many ] && kill -STOP $(echo $path | cut -d/ -f3)
done
sleep 0.2
for path in /proc/[0-9]*/task/[0-9]*/comm; do
	read name <$path || continue
	[ $name = many ] && cat ${{path%/comm}}/io >many-thread-$(echo $path | cut -d/ -f5)
done
for name in once again {" ".join(IDLE)}; do io $name after; done
stop by-thread by-process by-listing
"""


def test_two_ways_to_know(left):
    """The monitors did not all see by the same means."""
    assert {interval["lost_exits"] for interval in report.intervals(left["by-listing"])} == {None}
    assert {interval["lost_exits"] for interval in report.intervals(left["by-process"])} == {0}


def test_a_life_from_its_birth(left):
    for name in ("once", "again", *IDLE):
        true = report.io(left[f"{name}.after"])
        assert true["write_bytes"] > 0
        for view in VIEWS:
            found = report.rows(left[view], pid=int(left[f"{name}.pid"]))
            assert {field: report.total(found, field) for field in true} == true, (name, view)


def test_at_once(left):
    """Not only when somebody looks all over /proc again: in the interval under way, or at most two later (one may be
    about to be written, the sweep of the next under way)."""
    for view in VIEWS:
        latest = int(left[f"{view}.when"]) + 2
        for name in ("once", "again"):
            pid, early = int(left[f"{name}.pid"]), report.intervals(left[view])[:latest + 1]
            shown = sum(row["write_bytes"] for interval in early for row in interval["tasks"] if row["pid"] == pid)
            assert shown >= SIZE, (name, view)


def test_who_was_there_before(left):
    """Only what it did since."""
    for view in VIEWS:
        found = report.rows(left[view], pid=int(left["old.pid"]))
        assert report.total(found, "write_bytes") == SIZE, view


def test_threads(left):
    """Each of many, by its own file."""
    threads = {int(name.removeprefix("many-thread-")): report.io(text) for name, text in left.items()
               if name.startswith("many-thread-")}
    assert len(threads) == PROCESSES * THREADS + 1
    assert sum(true["read_bytes"] >= 2 * 4096 for true in threads.values()) >= ACTIVE
    for tid, true in threads.items():
        found = report.rows(left["by-thread"], tid=tid)
        assert {field: report.total(found, field) for field in true} == true, tid
    every = {field: sum(true[field] for true in threads.values()) for field in report.FROM_IO}
    for view in VIEWS[1:]:
        shown = report.rows(left[view], command="many")
        for field in report.DISK:
            assert report.total(shown, field) == every[field], (field, view)
