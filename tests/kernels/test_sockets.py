"""Sockets that die, on other kernels: the helper's take their places, and bring what the old ones did."""

import os
import re

import guest
import report

SIZE = guest.MIB
DEATHS = ("queries", "births", "records")

SCENARIO = f"""
mkdir -p /mnt/sockets
load life puppet /mnt/sockets/life 0
UNDER="env LD_PRELOAD=/lib/deadsocket.so DEATH=/tmp/death" monitor seen -P -o -d 0.5
for which in {" ".join(DEATHS)}; do
	order life "write 0 {SIZE}"
	order life "fork {SIZE}"
	echo "$which null" >/tmp/death-
	mv /tmp/death- /tmp/death
	while [ -e /tmp/death ]; do sleep 0.1; done
	intervals seen 3
	order life "fork {SIZE}"
	order life "write 0 {SIZE}"
done
stop seen
"""


def prepare(image):
    build = os.environ.get("IOTOPX_BUILD", "build-test/system")
    image.add_program(os.path.join(build, "tests", "load", "deadsocket.so"), "/lib/deadsocket.so")


def test_replaced(left):
    """Of one interval nobody knows how many exits were lost; all tasks are seen in each, and what they did is there."""
    unknown = [interval for interval in report.intervals(left["seen"]) if interval["lost_exits"] is None]
    assert {interval["scope"] for interval in report.intervals(left["seen"])} == {"all"}
    assert len(unknown) == 1 and report.intervals(left["seen"])[-1]["lost_exits"] == 0
    charged = int(re.findall(r"charged=(\d+)", left["life.answers"])[-1])
    shown = report.total(report.rows(left["seen"], command="life"), "write_bytes")
    assert 4 * len(DEATHS) * SIZE <= shown <= charged
