"""What reaches the disk by writeback, some time after its writer is gone: in its own unit's row, on other kernels."""

import json

import guest

SIZE = 16 * guest.MIB

# Two writers of buffered data, both gone before any of it is written; one unit is removed, too.
# What others wrote before must not reach the disk meanwhile: that would be the root's.
SCENARIO = """
sync
echo 90 >/proc/sys/vm/dirty_ratio; echo 80 >/proc/sys/vm/dirty_background_ratio
echo 60000 >/proc/sys/vm/dirty_expire_centisecs
mount -t cgroup2 cgroup /sys/fs/cgroup
cd /sys/fs/cgroup
echo '+io +memory' >cgroup.subtree_control
mkdir -p web.slice/shop.service web.slice/gone.service web.slice/plain.service
echo '+io +memory' >web.slice/cgroup.subtree_control
monitor json --group unit -d 1
# each with a parent in its unit that outlives it: where its zombie is gone before it is looked at, that one tells
(echo 0 >web.slice/shop.service/cgroup.procs; dd if=/dev/zero of=/mnt/shop bs=64k count=256; sleep 2) &
one=$!
(echo 0 >web.slice/gone.service/cgroup.procs; dd if=/dev/zero of=/mnt/gone bs=64k count=128; sleep 2) &
wait $one
wait $!
intervals $OUT/json 2
rmdir web.slice/gone.service
sync
intervals $OUT/json 3
cat web.slice/shop.service/io.stat >$OUT/after
stop json
"""


def test_writeback_by_unit(left):
    intervals = [json.loads(line) for line in left["json"].split("\n")[:-1]]
    assert len(intervals) >= 6 and intervals[0]["scope"] == "all"
    assert f"wbytes={SIZE}" in left["after"], left["after"]
    rows = {unit: [row for interval in intervals for row in interval["tasks"] if row["unit"] == unit]
            for unit in ("shop.service", "gone.service", "web.slice", "/")}

    def total(unit, field):
        return sum(row[field] or 0 for row in rows[unit])

    # Asked for by the writers, in their time; done by the disk later, for a unit without a process.
    for unit, size in (("shop.service", SIZE), ("gone.service", SIZE // 2)):
        assert size <= total(unit, "write_bytes") <= 1.01 * size, unit
    assert total("shop.service", "actual_write_bytes") == SIZE
    assert any(row["members"] == 0 and row["actual_write_bytes"] for row in rows["shop.service"])
    # What was left by the unit that was removed is above it.
    left = sum(total(unit, "actual_write_bytes") for unit in ("gone.service", "web.slice", "/"))
    assert SIZE // 2 <= left <= SIZE // 2 + 4 * guest.MIB
    # No byte is in two rows: together they are what the disks did.
    everything = sum(row["actual_write_bytes"] or 0 for interval in intervals for row in interval["tasks"])
    disks = sum(interval["totals"]["actual_write_bytes_per_second"] * interval["interval_seconds"]
                for interval in intervals)
    assert abs(everything - disks) <= 0.02 * disks
