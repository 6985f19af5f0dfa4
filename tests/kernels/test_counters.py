"""Programs that do exactly known I/O, on other kernels: each counter against /proc/PID/io, the disk against diskstats."""

import re

import pytest

import guest
import report

METHODS = ("buffered", "direct", "mmap", "aio", "uring")
SIZE = 2 * guest.MIB
KEYS = [f"{what}-{method}" for what in ("writer", "reader") for method in METHODS]

SCENARIO = f"""
for method in {" ".join(METHODS)}; do
	dd if=/dev/zero of=/mnt/read-$method bs=64k count={SIZE >> 16}
	load writer-$method writer $method /mnt/write-$method {SIZE} 65536
	load reader-$method reader $method /mnt/read-$method {SIZE} 65536
done
sync
for format in text csv openmetrics; do iotopx --format $format -n 1 -d 0.5 >$format; done
monitor threads --threads -o -d 0.5
monitor processes -P -o -d 0.5
monitor devices --view devices -d 0.5
cat /proc/vmstat >vmstat.before
cat /proc/diskstats >diskstats.before
for name in {" ".join(KEYS)}; do
	io $name before
	order $name
	io $name after
done
sync
stop threads processes devices
cat /proc/vmstat >vmstat.after
cat /proc/diskstats >diskstats.after
"""


def test_every_counter(left):
    """Of five ways to read and to write: six counters to the byte, in the view of threads and of processes."""
    for key in KEYS:
        pid = int(left[key + ".pid"])
        before, after = report.io(left[key + ".before"]), report.io(left[key + ".after"])
        true = {field: after[field] - before[field] for field in after}
        assert true["read_bytes" if key.startswith("reader") else "write_bytes"] >= SIZE, (key, true)
        for view in ("threads", "processes"):
            found = report.rows(left[view], pid=pid)
            assert {field: report.total(found, field) for field in true} == true, (key, view)
            assert not any(set(row["approximate"]) & set(report.FROM_IO) for row in found), (key, view)


def test_totals(left):
    """No row is missing in Total, and Actual is what vmstat counted."""
    for view in ("threads", "processes"):
        for interval in report.intervals(left[view]):
            for field in ("read_bytes", "write_bytes"):
                shown = interval["totals"][f"{field}_per_second"] * interval["interval_seconds"]
                assert abs(report.total(interval["tasks"], field) - shown) < 1, (view, field)
    before, after = (dict(line.split() for line in left[f"vmstat.{when}"].splitlines()) for when in ("before", "after"))
    for field, name in (("actual_read_bytes_per_second", "pgpgin"), ("actual_write_bytes_per_second", "pgpgout")):
        intervals = report.intervals(left["threads"])
        shown = sum(interval["totals"][field] * interval["interval_seconds"] for interval in intervals)
        # These are by the time between two readings of vmstat, which is not quite that between two sweeps.
        assert shown == pytest.approx((int(after[name]) - int(before[name])) * 1024, rel=0.03), name


def test_device(left):
    """What the device did, as diskstats counts it."""
    before, after = (re.search(r" vda (.*)", left[f"diskstats.{when}"])[1].split() for when in ("before", "after"))
    rows = [(row, interval["interval_seconds"]) for interval in report.intervals(left["devices"])
            for row in interval["devices"] if row["device"] == "vda"]
    for direction, field in (("read", 2), ("write", 6)):
        shown = sum(row[f"{direction}_bytes_per_second"] * seconds for row, seconds in rows)
        true = 512 * (int(after[field]) - int(before[field]))
        assert shown == pytest.approx(true, rel=0.03) and true >= SIZE * len(METHODS), direction


def test_formats(left):
    assert "TID" in left["text"] and left["text"].startswith("Total ")
    assert left["csv"].startswith("schema,") and left["csv"].count("\n") > 1
    assert left["openmetrics"].endswith("# EOF\n")


def test_layout(boot, left):
    """The kernel's own answer, without iotopx: a version and a size that belong together."""
    version, size = re.fullmatch(r"version (\d+) size (\d+)\n", boot.files["taskstats"]).groups()
    sizes = {13: 416, 14: 432, 15: 560, 16: 560, 17: 688}
    assert sizes[int(version)] == int(size) == len(boot.files["taskstats.bin"])
