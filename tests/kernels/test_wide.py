"""Exit records on a machine that may have 512 CPUs: they are registered for, all of them come, and those of a CPU that
comes later too.

It is the kernel that is told so, by possible_cpus=. Kernels from 6.9 on go by the firmware's tables alone, and qemu's list
no CPU above 254 to an emulated machine."""

import re

import guest
import report

OPTIONS = "possible_cpus=512"
POSSIBLE = "0-511"
COUNT = 400
SIZE = 65536
LOADS = ("processes", "threads", "later")
VIEWS = ("by-thread", "by-process")

SCENARIO = f"""
mkdir -p /mnt/wide
cat /sys/devices/system/cpu/possible >possible
echo 0 >/sys/devices/system/cpu/cpu1/online
strace -f -xx -s 256 -e trace=sendto -o sent iotopx -b -n 1 -d 0.1 >/dev/null
load processes swarm -p -n {COUNT} -b {SIZE} -f /mnt/wide/processes -j 2
load threads swarm -t -n {COUNT} -b {SIZE} -f /mnt/wide/threads -j 2
load later swarm -p -n {COUNT} -b {SIZE} -f /mnt/wide/later -j 2
sync
cat /sys/devices/system/cpu/online >online
monitor by-thread --threads -d 0.5
monitor by-process -P -o -d 0.5
echo 1 >/sys/devices/system/cpu/cpu1/online
taskset -p 2 $(cat later.pid)
order processes
order threads
order later
stop by-thread by-process
"""


def prepare(image):
    if image.kernel.version >= (6, 9):
        raise guest.Missing("this kernel can't be told that it may have 512 CPUs")
    strace = guest.find("strace")
    if not strace:
        raise guest.Missing("strace is not there")
    image.add_program(strace, "/bin/strace")


def sent(left):
    """The bytes of all that went out by sendto."""
    return [bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", line))) for line in left["sent"].splitlines()]


def test_mask(left):
    """The kernel gets its own list back, as an attribute of 2 bytes length, 2 bytes type (3: register, 4: end that)."""
    assert left["possible"] == POSSIBLE + "\n"
    text = POSSIBLE.encode() + b"\0"
    for kind in (3, 4):
        attribute = (4 + len(text)).to_bytes(2, "little") + kind.to_bytes(2, "little") + text
        assert sum(attribute in message for message in sent(left)) == 1, kind


def test_all_records(left):
    """Of each process and thread, each byte that the kernel charged to it; some ended on a CPU that was not there when the
    monitors began."""
    assert left["online"] == "0\n"
    for view in VIEWS:
        assert report.lost(left[view]) == 0
        for name in LOADS:
            charged = int(re.findall(r"charged=(\d+)", left[f"{name}.answers"])[-1])
            found = report.rows(left[view], command=name)
            assert COUNT * SIZE <= report.total(found, "write_bytes") <= charged, (name, view)
    for name in LOADS:
        exited = report.rows(left["by-thread"], command=name, exited=True)
        ends = {(row["tid"], row["start_time"]) for row in exited}
        # The load's own second thread starts the others and writes nothing.
        assert len(ends) == len(exited) == COUNT + 1, name
        # One that lived on both sides of a sweep has two rows, the last of them may be without a byte.
        wrote = dict.fromkeys(ends, 0)
        for row in report.rows(left["by-thread"], command=name):
            if (row["tid"], row["start_time"]) in ends:
                wrote[row["tid"], row["start_time"]] += row["write_bytes"]
        assert sum(size >= SIZE for size in wrote.values()) == COUNT, (name, report.brief(exited, "write_bytes"))
