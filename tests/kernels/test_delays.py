"""Waiting for a disk of known slowness, on other kernels, with delay accounting switched on, off and on by others and by
iotopx itself."""

import re
import struct

import guest
import report

READS = 3 * guest.SLOW_READS

SCENARIO = f"""
echo 0 >/proc/sys/kernel/task_delayacct
monitor json --threads -o -d 0.5
load off reader direct /dev/vdc {READS * 4096} 4096
order off
intervals json 2
echo 1 >/proc/sys/kernel/task_delayacct
load on reader direct /dev/vdc {READS * 4096} 4096
taskstats $(cat on.pid) before.bin
intervals json 2 # what an interval has of it that began without is not known
order on
taskstats $(cat on.pid) after.bin
cut -d' ' -f42 /proc/$(cat on.pid)/stat >ticks
intervals json 2
echo 0 >/proc/sys/kernel/task_delayacct
stop json
>own
iotopx --delayacct --format json -n 4 -d 0.5 >own &
intervals own 1
cat /proc/sys/kernel/task_delayacct >during
wait $!
cat /proc/sys/kernel/task_delayacct >afterwards
"""


def test_off_is_unknown(left):
    """Nothing is invented; bytes go on."""
    found = report.rows(left["json"], pid=int(left["off.pid"]))
    assert report.total(found, "read_bytes") == READS * 4096
    for field in ("blkio_count", "blkio_delay_ns", "io_delay_ratio"):
        assert {row[field] for row in found} == {None}, field


def test_on(left):
    """As many waits as the kernel counts, and as long as the disk takes for each."""
    before, after = (struct.unpack_from("=QQ", left[f"{when}.bin"], 32) for when in ("before", "after"))
    count = after[0] - before[0]
    assert count >= 0.9 * READS  # the disk may have the first ones ready at once
    found = report.rows(left["json"], pid=int(left["on.pid"]))
    assert report.total(found, "blkio_count") == count
    waited = report.total(found, "blkio_delay_ns") / 1e9
    least = READS / guest.SLOW_READS
    assert 0.8 * least <= waited, (waited, left["ticks"])
    assert all(row["io_delay_ratio"] <= 1 for row in found if row["io_delay_ratio"] is not None)
    assert max(row["io_delay_ratio"] or 0 for row in found) > 0.8


def test_switch(left):
    """Each interval says whether it was on; --delayacct switches it on for the run only."""
    assert re.fullmatch("0+1+0+", "".join(str(int(interval["delayacct"])) for interval in report.intervals(left["json"])))
    assert {interval["delayacct"] for interval in report.intervals(left["own"])} == {True}
    assert left["during"] == "1\n" and left["afterwards"] == "0\n"
