"""What lives between two samples, and what takes the place of another: all of it is in the books, on other kernels."""

import re

import guest
import report

COUNT = 400
SIZE = 65536
COMMANDS = 40
COMMAND_SIZE = guest.MIB

SCENARIO = f"""
mkdir -p /mnt/exits
ln -s /bin/busybox /tmp/dd
load processes swarm -p -n {COUNT} -b {SIZE} -f /mnt/exits/processes -j 2
load threads swarm -t -n {COUNT} -b {SIZE} -f /mnt/exits/threads -j 2
load commands swarm -x -n {COMMANDS} -b {COMMAND_SIZE} -j 2 -- /tmp/dd if=/dev/zero of=/mnt/exits/{{}} bs=64k count=16 conv=fsync
load zombie puppet /mnt/exits/zombie 0
load exec puppet /mnt/exits/exec 3
load reuse pidreuse /mnt/exits/reuse {SIZE} 5 100
sync
monitor by-thread --threads -o -d 0.5
monitor by-process -P -o -d 0.5
order processes
order threads
order commands
order zombie "zombie {SIZE}"
order exec "write 2 {SIZE}"
order exec "write 0 {SIZE}"
intervals by-thread 1
order exec "exec 2" # a thread takes its leader's place: "ready" comes anew
order exec "write 0 {SIZE}"
order zombie reap
order reuse
stop by-thread by-process
"""


def charged(left, name):
    return int(re.findall(r"charged=(\d+)", left[f"{name}.answers"])[-1])


def test_short_lives(left):
    """Every byte that the kernel charged to hundreds of processes and threads, none of which was there to be asked."""
    for name, command, least in (("processes", "processes", COUNT * SIZE), ("threads", "threads", COUNT * SIZE),
                                 ("commands", "dd", COMMANDS * COMMAND_SIZE)):
        for view in ("by-thread", "by-process"):
            found = report.rows(left[view], command=command)
            assert least <= report.total(found, "write_bytes") <= charged(left, name), (name, view)
            assert report.lost(left[view]) == 0
    assert len({row["tid"] for row in report.rows(left["by-thread"], command="dd")}) == COMMANDS


def test_taken_places(left):
    """A zombie, an exec by a thread that is not the leader, a PID that is used six times: each byte once."""
    for name, least in (("zombie", SIZE), ("exec", 3 * SIZE), ("reuse", 6 * SIZE)):
        for view in ("by-thread", "by-process"):
            found = report.rows(left[view], command=name)
            told = (name, view, report.brief(found, "write_bytes"), report.lost(left[view]))
            assert least <= report.total(found, "write_bytes") <= charged(left, name), told
    pid = int(left["reuse.pid"])
    assert {row["pid"] for row in report.rows(left["by-process"], command="reuse") if row["write_bytes"]} == {pid}
    assert len({row["start_time"] for row in report.rows(left["by-process"], pid=pid)}) == 6
