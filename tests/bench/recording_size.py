#!/usr/bin/python3
"""How large a recording grows, beside atop's raw file of the same time: a machine under qemu in which each second ten
tasks move and two disks work, iotopx and atop among them.

recording_size.py [SECONDS]: 600. IOTOPX_BIN names the program, IOTOPX_KERNEL the unpacked package of a kernel,
IOTOPX_ATOP the program atop; tools/bench-recording fetches them.
"""

import os
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kernels"))
import guest  # noqa: E402

IOTOPX = os.environ["IOTOPX_BIN"]
ATOP = os.environ["IOTOPX_ATOP"]
DAY = 86400
HASTE = -15  # of the guest: where a sweep takes long because others have the processor, ages are stored one by one

# With fio's own process, two threads of iotopx and atop: ten. Three write through the page cache, three do without.
LOADS = """
fio --thread=0 --time_based --runtime=%(runtime)d --ioengine=psync --rate_iops=4 --size=16M --eta=never \
    --output=/dev/null \
    --name=log1 --rw=write --bs=4k --directory=/mnt --name=log2 --rw=write --bs=16k --directory=/data \
    --name=log3 --rw=write --bs=4k --fsync=8 --directory=/data \
    --name=db1 --rw=randrw --bs=4k --direct=1 --directory=/mnt \
    --name=db2 --rw=randread --bs=8k --direct=1 --directory=/mnt \
    --name=db3 --rw=randrw --bs=4k --direct=1 --directory=/data &
"""

SCENARIO = """#!/bin/sh
export PATH=/usr/bin:/bin:/sbin LC_ALL=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /tmp /mnt /data /out /dev/shm
for module in %(modules)s; do modprobe $module 2>/dev/null; done
echo 1 >/proc/sys/kernel/task_delayacct
mount -t ext4 /dev/vda /mnt
mount -t ext4 /dev/vdb /data
""" + LOADS + """
fio=$!
ask() { sqlite3 -cmd '.timeout 20000' /mnt/recording "$2" >/out/$1; }
sleep 10
iotopx --record /mnt/recording --retain 7d -d 1 -n %(seconds)d &
iotopx=$!
atop -w /mnt/atop 1 %(seconds)d &
atop=$!
sleep 5 # what they begin with
ask intervals.begin 'SELECT count(*) FROM samples'
ask recording.begin 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size'
wc -c </mnt/atop >/out/atop.begin
wait $iotopx
wait $atop
kill $fio
iotopx --version >/out/version
wc -c </mnt/recording >/out/recording
wc -c </mnt/atop >/out/atop
ask intervals 'SELECT count(*) FROM samples'
ask tasks 'SELECT avg(task_count), avg(exited), avg(length_ns) / 1e9 FROM samples'
ask moved 'SELECT avg(n) FROM (SELECT count(*) AS n FROM task_io GROUP BY sample)'
ask devices 'SELECT avg(n) FROM (SELECT count(*) AS n FROM device_io WHERE reads + writes > 0 GROUP BY sample)'
ask names 'SELECT name, count(*), sum(exited) FROM task_io GROUP BY name ORDER BY 2 DESC'
cd /out
tar c . >/dev/vdc
sync
poweroff -f
"""
DISKS = {"vda": 512 * guest.MIB, "vdb": 128 * guest.MIB, "vdc": guest.MIB}  # the last one takes what is in /out


def boot(directory, kernel, image):
    """Until the guest turns itself off. Its console, and the files of /out as text."""
    drives, initrd = [], os.path.join(directory, "initrd")
    for name, size in DISKS.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.truncate(size)
        if name != "vdc":
            subprocess.run(["mkfs.ext4", "-q", "-F", file.name], check=True)
        drives += ["-drive", f"file={file.name},if=virtio,format=raw,cache=unsafe"]
    image.pack(initrd)
    console = subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-nic", "none", "-nographic", "-no-reboot",
         "-kernel", kernel.image, "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet no_timer_check", *drives],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, preexec_fn=lambda: os.nice(HASTE)
    ).stdout.decode(errors="replace")
    try:
        with tarfile.open(os.path.join(directory, "vdc")) as archive:
            return console, {os.path.basename(member.name): archive.extractfile(member).read().decode()
                             for member in archive.getmembers() if member.isfile()}
    except tarfile.ReadError:
        sys.exit(f"the guest left nothing:\n{console}")


def measure(directory, seconds):
    kernel = guest.Kernel(os.environ["IOTOPX_KERNEL"])
    image = guest.Image(directory, kernel, ())
    for program in (IOTOPX, ATOP, "/usr/bin/fio", "/usr/bin/sqlite3"):
        image.add_program(program, "/usr/bin/" + os.path.basename(program))  # apart from busybox
    scenario = SCENARIO % {"seconds": seconds, "runtime": seconds + 600, "modules": " ".join(image.modules)}
    image.write("/init", scenario, 0o755)
    return kernel, boot(directory, kernel, image)


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory(prefix="iotopx-size-", dir="/var/tmp") as directory:
        kernel, (console, out) = measure(directory, seconds)
    if not out.get("intervals", "").strip():
        sys.exit(f"the guest did not come to its end:\n{console}")
    begin, end = int(out["intervals.begin"]), int(out["intervals"])
    tasks, exited, length = map(float, out["tasks"].split("|"))
    print(f"{out['version'].strip()} and atop on Linux {kernel.release}, {end} intervals of {length:.3f} s; in each on "
          f"average {float(out['moved']):.1f} tasks of {tasks:.0f} moved, {float(out['devices']):.1f} devices did, and "
          f"{exited:.2f} tasks exited.\n")
    print("| | begins with | grows in an interval | after a day |\n|---|---|---|---|")
    for name in ("recording", "atop"):
        first, last = int(out[name + ".begin"]), int(out[name])
        growth = (last - first) / (end - begin)
        print(f"| {name} | {first:,} bytes | {growth:,.0f} bytes | {(first + growth * DAY) / 1e6:.1f} MB |")
    print("\nIntervals in which a task moved, and how many of that name exited:\n\n" + out["names"])


if __name__ == "__main__":
    sys.exit(main())
