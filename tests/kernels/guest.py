"""Boots a kernel under qemu with busybox, iotopx and scripts, and gives back the files they left.

No KVM is needed: a boot takes 10 seconds or less. Nothing is installed: kernels are unpacked packages.
"""

import glob
import io
import lzma
import os
import re
import shutil
import subprocess
import tarfile

MIB = 1 << 20
DISK = 512 * MIB
SLOW_READS = 25  # a second: what the third disk can do
TIMEOUT = 600  # of the guest, which gives each scenario less
COMMON_MODULES = ("virtio_pci", "virtio_blk", "ext4")
LIBRARY_PATHS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib", "usr/lib")

# What the scenarios share. /mnt is a disk; $OUT is where they leave their files.
FUNCTIONS = """# intervals FILE COUNT: waits until so many more have been written
intervals() {
	end=$(($(wc -l <$1) + $2))
	while [ $(wc -l <$1) -lt $end ]; do sleep 0.1; done
}
# load NAME PROGRAM ARGUMENT...: a program of tests/load under a name of its own, which has said "ready PID". Nobody of
# those who forked it lives on.
load() {
	name=$1 program=$2
	shift 2
	ln -s /bin/$program /tmp/$name
	mkfifo /tmp/$name.orders
	>$OUT/$name.answers
	(/tmp/$name "$@" </tmp/$name.orders >>$OUT/$name.answers &)
	(sleep 9999 >/tmp/$name.orders &) # keeps the way open
	answered $name 1
	pid=$(sed -n 's/^ready //p' $OUT/$name.answers)
	echo $pid >$OUT/$name.pid
}
answered() {
	while [ $(wc -l <$OUT/$1.answers) -lt $2 ]; do sleep 0.05; done
}
# order NAME [LINE]: tells a load what to do, and waits until it is done
order() {
	count=$(($(wc -l <$OUT/$1.answers) + 1))
	echo "$2" >/tmp/$1.orders
	answered $1 $count
}
# io NAME WORD: /proc/PID/io of a load as $OUT/NAME.WORD
io() { cat /proc/$(cat $OUT/$1.pid)/io >$OUT/$1.$2; }
# monitor NAME OPTION...: iotopx, in JSON, in the background, under the command $UNDER; it has written two intervals
monitor() {
	name=$1
	shift
	>$OUT/$name
	$UNDER iotopx --format json "$@" >$OUT/$name &
	echo $! >/tmp/$name.monitor
	intervals $OUT/$name 2
}
# stop NAME...: after an interval that began after this call
stop() {
	for name in "$@"; do intervals $OUT/$name 2; done
	for name in "$@"; do kill $(cat /tmp/$name.monitor); done
	for name in "$@"; do wait $(cat /tmp/$name.monitor) || true; done
}
"""

# Mounts what a machine has, runs the scenarios, and hands /out over on the second disk.
INIT = """#!/bin/sh
export PATH=/bin:/sbin:/usr/sbin:/usr/bin LC_ALL=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /tmp /run /out /mnt /dev/shm; mount -t tmpfs tmp /tmp
for module in MODULES; do modprobe $module 2>/dev/null; done
mount -t ext4 /dev/vda /mnt
taskstats $$ /out/taskstats.bin >/out/taskstats 2>&1
for scenario in SCENARIOS; do
	echo 1 >/proc/sys/kernel/task_delayacct
	export OUT=/out/$scenario
	mkdir $OUT
	cd $OUT
	timeout LIMIT sh -ex /scenarios/$scenario >log 2>&1
	echo $? >status
	cut -d' ' -f1 /proc/uptime >end
done
cd /out && tar c . >/dev/vdb
sync
poweroff -f
"""
SCENARIO_LIMIT = 150  # seconds


class Missing(Exception):
    """What a scenario needs is not on this machine."""


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")


def libraries(program, roots=()):
    """The shared objects of a program and its interpreter; missing ones are looked for below `roots`."""
    search = [os.path.join(root, path) for root in roots for path in LIBRARY_PATHS]
    run = subprocess.run(["ldd", program], capture_output=True, text=True, check=False,
                         env={**os.environ, "LD_LIBRARY_PATH": ":".join(search)})
    found = re.findall(r"(?:=> )?(/\S+) \(0x", run.stdout)
    missing = re.findall(r"(\S+) => not found", run.stdout)
    assert not missing, f"{program}: {missing}"
    return found


class Image:
    """The file tree of the guest's memory disk."""

    def __init__(self, directory, kernel, modules):
        self.root = os.path.join(directory, "root")
        self.kernel = kernel
        for path in ("bin", "sbin", "proc", "sys", "dev", "etc", "lib", "lib64"):
            os.makedirs(os.path.join(self.root, path), exist_ok=True)
        self.add("/bin/busybox", "/bin/busybox")
        for applet in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True,
                                     check=True).stdout.split():
            link = os.path.join(self.root, "bin", applet)
            if not os.path.exists(link):
                os.symlink("busybox", link)
        self.modules = [*COMMON_MODULES, *modules]
        self.add_modules()

    def path(self, name):
        path = os.path.join(self.root, name.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def add(self, source, name):
        shutil.copy(source, self.path(name))

    def add_program(self, source, name, roots=()):
        self.add(source, name)
        for library in libraries(source, roots):
            place = library
            for root in roots:
                place = place.removeprefix(root)
            if not os.path.exists(self.path(place)):
                self.add(library, place)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def add_modules(self):
        """Those asked for with what they need, unpacked."""
        wanted, done = list(self.modules), set()
        files = {os.path.basename(path).split(".")[0].replace("-", "_"): path for path in glob.glob(
            os.path.join(self.kernel.modules, "kernel", "**", "*.ko*"), recursive=True)}
        while wanted:
            name = wanted.pop()
            if name in done or name not in files:
                continue  # built in
            done.add(name)
            with open(files[name], "rb") as file:
                data = file.read()
            if files[name].endswith(".xz"):
                data = lzma.decompress(data)
            with open(self.path(f"lib/modules/{self.kernel.release}/kernel/{name}.ko"), "wb") as file:
                file.write(data)
            depends = re.search(rb"\0depends=([^\0]*)\0", data)
            wanted += [part.decode().replace("-", "_") for part in depends[1].split(b",") if part] if depends else []
        if done:
            subprocess.run(["/bin/busybox", "depmod", "-b", self.root, self.kernel.release], check=True)

    def pack(self, path):
        names = []
        for base, directories, files in os.walk(self.root):
            names += [os.path.relpath(os.path.join(base, name), self.root) for name in directories + files]
        with open(path, "wb") as out:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=self.root, check=True, stdout=out,
                           input="\n".join(names).encode())


class Kernel:
    """An unpacked package linux-image-*."""

    def __init__(self, directory):
        self.image, = glob.glob(os.path.join(directory, "boot", "vmlinuz-*"))
        self.release = os.path.basename(self.image).removeprefix("vmlinuz-")
        self.modules = next(path for path in (os.path.join(directory, "usr/lib/modules", self.release),
                                              os.path.join(directory, "lib/modules", self.release))
                            if os.path.isdir(path))
        self.version = tuple(map(int, re.findall(r"\d+", self.release)[:2]))


def boot(directory, kernel, image, scenarios, options=""):
    """Runs scenarios, given as text by name, one after another. Gives back the files that they and the boot itself left,
    by path: text, or bytes of what is named *.bin."""
    for name, scenario in scenarios.items():
        image.write(f"/scenarios/{name}", FUNCTIONS + scenario)
    init = INIT
    for word, value in (("MODULES", " ".join(image.modules)), ("SCENARIOS", " ".join(scenarios)),
                        ("LIMIT", str(SCENARIO_LIMIT))):
        init = init.replace(word, value)
    image.write("/init", init, 0o755)
    packed, *disks = (os.path.join(directory, name) for name in ("initramfs", "disk", "out", "slow"))
    image.pack(packed)
    for path, size in zip(disks, (DISK, 256 * MIB, MIB)):
        with open(path, "wb") as file:
            file.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", disks[0]], check=True)
    limits = ("", "", f",throttling.iops-read={SLOW_READS}")
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "1024", "-nic", "none", "-nographic",
               "-no-reboot", "-kernel", kernel.image, "-initrd", packed,
               # On a busy machine the guest's timer comes late, and the kernel would give up when it looks for it.
               "-append", f"console=ttyS0 panic=-1 quiet no_timer_check delayacct {options}",
               *(word for path, limit in zip(disks, limits)
                 for word in ("-drive", f"file={path},if=virtio,format=raw,cache=unsafe{limit}"))]
    console = os.path.join(directory, "console")
    with open(console, "wb") as file:
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            pass  # it has left nothing, then
    with open(disks[1], "rb") as file:
        data = file.read()
    if not data.strip(b"\0"):
        with open(console, encoding="utf-8", errors="replace") as file:
            raise AssertionError(f"{kernel.release} left nothing:\n{file.read()}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {member.name.removeprefix("./"): archive.extractfile(member).read()
                 for member in archive.getmembers() if member.isfile()}
    return {name: data if name.endswith(".bin") else data.decode(errors="replace") for name, data in files.items()}
