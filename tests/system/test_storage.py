"""The service, the device, the pressure: real cgroups with tasks that move, real devices beside iostat."""

import json
import os
import re
import subprocess
import uuid

import pytest

import iotopx
from tmux import Terminal

MIB = 1 << 20
PROC_MOUNTS = "/proc/self/mountinfo"
FIRST = ("chrt", "-f", "40")  # so that the other load of this machine does not move the moments of measurement


def find_mount(kind, option=None):
    """Where a cgroup hierarchy is mounted, None if it is not."""
    with open(PROC_MOUNTS, encoding="utf-8") as file:
        for line in file:
            left, right = (part.split() for part in line.split(" - ", 1))
            if right[0] == kind and left[3] == "/" and (not option or option in right[2].split(",")):
                return left[4]
    return None


HIERARCHIES = {"v2": find_mount("cgroup2"), "v1": find_mount("cgroup", "name=systemd")}


class Cgroups:
    """cgroups("v2", "a.slice/b.service"): a directory of that hierarchy, gone after the test."""

    def __init__(self):
        self.made = []

    def __call__(self, hierarchy, path):
        mount = HIERARCHIES[hierarchy]
        if not mount:
            pytest.skip(f"no {hierarchy} hierarchy here")
        at = mount
        for part in path.split("/"):
            at = os.path.join(at, part)
            if not os.path.isdir(at):
                try:
                    os.mkdir(at)
                except OSError as error:
                    pytest.skip(f"{at}: {error}")
                self.made.append((at, mount))
        return at

    def close(self):
        for path, mount in reversed(self.made):
            for pid in members(path):
                move(pid, mount)
            iotopx.wait_for(f"{path} to be empty", lambda at=path: iotopx.remove_cgroup(at), 20)


def members(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), encoding="ascii") as file:
        return [int(line) for line in file]


def move(pid, cgroup):
    try:
        with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(pid))
    except ProcessLookupError:
        pass


@pytest.fixture
def cgroups(start):
    maker = Cgroups()
    yield maker
    start.close()
    maker.close()


@pytest.fixture
def tag():
    """Part of names that no other cgroup has."""
    return uuid.uuid4().hex[:8]


def sums(samples, by, field="write_bytes"):
    """What each unit or container did in all intervals."""
    result = {}
    for sample in samples:
        for row in sample.interval["tasks"]:
            result[row[by]] = result.get(row[by], 0) + (row[field] or 0)
    return result


def expect(monitor, by, expected):
    """Exactly so many bytes for each of these."""
    found = sums(monitor.settle(), by)
    assert {name: found.get(name, 0) for name in expected} == expected


ID = "0123456789abcdef" * 4
POD = "1b1f6a2c-93d5-4a70-8f5c-6a4e2f0c9d11"
SLICE_POD = "pod" + POD.replace("-", "_")

# How each runtime names its cgroups (the id is replaced by one of the test's own), the unit and the container in it.
RUNTIMES = {
    "systemd": ("TAG.slice/shop-TAG.service", "shop-TAG.service", None),
    "escaped": (r"TAG.slice/shop\x2dweb-TAG.service", "shop-web-TAG.service", None),
    "session": ("TAG.slice/user-1000.slice/session-TAG.scope", "session-TAG.scope", None),
    "user manager": ("TAG.slice/user@TAG.service/init.scope", "user@TAG.service", None),
    "docker": ("TAG.slice/docker-ID.scope", "docker-SHORT.scope", "SHORT"),
    "docker, cgroupfs": ("TAG.slice/docker/ID", "TAG.slice", "SHORT"),
    "podman": ("TAG.slice/machine.slice/libpod-ID.scope/container", "libpod-SHORT.scope", "SHORT"),
    "containerd": (f"TAG.slice/kubepods-{SLICE_POD}.slice/cri-containerd-ID.scope", "cri-containerd-SHORT.scope",
                   POD[:8] + "/SHORT"),
    "CRI-O": (f"TAG.slice/kubepods-{SLICE_POD}.slice/crio-ID.scope", "crio-SHORT.scope", POD[:8] + "/SHORT"),
    "LXC": ("TAG.slice/lxc.payload.box-TAG", "TAG.slice", "box-TAG"),
    "nspawn": (r"TAG.slice/machine.slice/machine-box\x2dTAG.scope", "machine-box-TAG.scope", "box-TAG"),
}


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_runtimes(batch, start, cgroups, tag, hierarchy):
    """Units and containers by the names that systemd and the runtimes give them; sums exact, exited tasks included."""
    loads = []
    for number, (path, unit, container) in enumerate(RUNTIMES.values(), 1):
        identity = uuid.uuid4().hex * 2
        words = {"TAG": f"iotopx{tag}x{number}", "ID": identity, "SHORT": identity[:12]}
        path, unit, container = (text and re.sub("TAG|ID|SHORT", lambda word: words[word[0]], text)
                                 for text in (path, unit, container))
        load = start("puppet", "FILE", 1)
        move(load.pid, cgroups(hierarchy, path))
        loads.append((load, number, unit, container))
    by_unit = batch("-P", "--group", "unit", format="json")
    by_container = batch("-P", "--group", "container", format="json")
    units, containers = {}, {}
    for load, number, unit, container in loads:
        before = load.io()["write_bytes"]
        load.go(f"write 0 {number * 65536}")
        load.go(f"fork {number * 65536}")  # a child that is gone before anybody looks
        load.go(f"born {65536}")           # a thread
        load.go(f"zombie {65536}")
        load.go("reap")
        units[unit] = iotopx.Between((2 * number + 2) * 65536, load.charged - before)
        if container:
            containers[container] = units[unit]
    assert len(units) == len(RUNTIMES)
    expect(by_unit, "unit", units)
    expect(by_container, "container", containers)


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_moves_leave_the_past_behind(batch, start, cgroups, tag, hierarchy):
    """What a task did stays with the unit that it did it in; no interval loses or doubles any of it."""
    names = [f"{word}-{tag}.service" for word in ("one", "two")]
    one, two = (cgroups(hierarchy, f"iotopx{tag}.slice/{name}") for name in names)
    load = start("puppet", "FILE", 1)
    before = load.io()["write_bytes"]
    move(load.pid, one)
    monitor = batch("-P", "--group", "unit", format="json")
    load.go(f"write 0 {MIB}")
    load.go(f"fork {MIB}")
    first = iotopx.Between(2 * MIB, load.charged - before)
    monitor.settle()
    before = load.io()["write_bytes"]
    move(load.pid, two)
    load.go(f"write 1 {3 * MIB}")
    load.go(f"fork {MIB}")
    second = iotopx.Between(4 * MIB, load.charged - before)
    expect(monitor, "unit", {names[0]: first, names[1]: second})
    before, old = load.charged, sums(monitor.settle(), "unit")
    # moved to and fro at its work: which of the two has a piece of an interval depends on the moment of the sweep
    for step in range(30):
        move(load.pid, (one, two)[step % 2])
        load.go(f"{'fork' if step % 3 else 'write 0'} {65536}")
    found = sums(monitor.settle(), "unit")
    new = sum(found[name] - old[name] for name in names)
    assert new == iotopx.Between(30 * 65536, load.charged - before)


def test_short_processes(batch, start, cgroups, tag, scratch):
    """Hundreds of children of a service, each gone within milliseconds."""
    unit = f"many-{tag}.service"
    cgroup = cgroups("v2", f"iotopx{tag}.slice/{unit}")
    monitor = batch("-P", "--group", "unit", format="json")
    load = start("swarm", "-p", "-n", 500, "-b", 65536, "-j", 2, "-r", 500, "-f", os.path.join(scratch, "data"))
    move(load.pid, cgroup)
    answer = load.go()
    samples = monitor.settle()
    lost = sum(sample.lost() for sample in samples)
    assert answer["done"] and not lost
    # the filesystem's own blocks are charged to who needs them
    assert 500 * 65536 <= sums(samples, "unit")[unit] <= 502 * 65536
    rows = [row for sample in samples for row in sample.interval["tasks"] if row["unit"] == unit]
    assert sum(row["members"] for row in rows) >= 500


def test_filter_terms(batch, start, cgroups, tag):
    identity = uuid.uuid4().hex * 2
    unit, scope = f"shop-{tag}.service", f"docker-{identity[:12]}.scope"
    loads = [start("puppet", "FILE", 0) for _ in range(3)]
    move(loads[0].pid, cgroups("v2", f"iotopx{tag}.slice/{unit}"))
    move(loads[1].pid, cgroups("v2", f"iotopx{tag}.slice/docker-{identity}.scope"))
    by_unit = batch("-P", "--filter", f"unit:SHOP-{tag}", columns="pid,unit,write,command")
    by_container = batch("-P", "--filter", f"container:{identity[:12]}", columns="pid,unit,write,command")
    for load in loads:
        load.go(f"write 0 {MIB}")
    for monitor, load, name in ((by_unit, loads[0], unit), (by_container, loads[1], scope)):
        last = monitor.settle()[-1]
        assert [row.name for row in last.rows] == [load.name]
        assert last.rows[0]["unit"] == name
        assert last.rows[0]["write"] == load.wrote(MIB)


def fio(scratch, directory, *options, seconds=5, before=None):
    """fio under a name of its own, as (process, name); reads and writes a file that is there already."""
    name = f"fio-{uuid.uuid4().hex[:8]}"
    link = os.path.join(scratch, name)
    os.symlink("/usr/bin/fio", link)
    data = os.path.join(directory, name + ".data")
    with open(data, "wb") as file:
        for _ in range(32):
            file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())
    process = subprocess.Popen(
        [link, "--name=w", f"--filename={data}", "--rw=randrw", "--bs=16k", "--direct=1", "--ioengine=psync",
         "--size=32M", "--time_based", f"--runtime={seconds}", "--output-format=json", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=before)
    return process, name


def fio_result(process):
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(out[out.index("{"):])["jobs"][0]


def test_fio_in_a_service(batch, cgroups, scratch, tag):
    """One row for web.slice/shop.service, with what fio did, and the pressure of its cgroup."""
    unit = f"shop-{tag}.service"
    cgroup = cgroups("v2", f"web{tag}.slice/{unit}")
    subprocess.run(["fio", "--version"], check=True, stdout=subprocess.DEVNULL)  # the program itself is in memory then
    monitor = batch("--group", "unit", "-o", format="json", delay=1)
    process, _ = fio(scratch, scratch, "--rate=4m", before=lambda: move("0", cgroup))
    result = fio_result(process)
    with open("/proc/pressure/io", encoding="ascii") as file:
        has_pressure = bool(file.read())
    waited = pressure(os.path.join(cgroup, "io.pressure")) if has_pressure else 0
    samples = monitor.settle()
    rows = [[row for row in sample.interval["tasks"] if row["unit"] == unit] for sample in samples]
    assert all(len(row) <= 1 for row in rows)
    rows = [row[0] for row in rows if row]
    assert all(row["members"] >= 1 for row in rows)
    for direction in ("read", "write"):
        did, said = sum(row[f"{direction}_bytes"] for row in rows), result[direction]["io_bytes"]
        # More only by what the program itself costs: pages of it, blocks of the filesystem.
        assert 0.99 * said <= did <= 1.01 * said + 8 * MIB, (direction, did, said)
        rates = [row[f"{direction}_bytes_per_second"] for row in rows][1:-1]
        assert rates and max(rates) < 3 * result[direction]["bw_bytes"]
    if has_pressure:
        seconds = sum(row["io_some_ratio"] * sample.interval["interval_seconds"]
                      for sample in samples for row in sample.interval["tasks"]
                      if row["unit"] == unit and row["io_some_ratio"])
        assert 0 < seconds <= waited / 1e6 + 0.001
        assert seconds >= 0.8 * waited / 1e6
    with open(os.path.join(HIERARCHIES["v2"], "cgroup.controllers"), encoding="ascii") as file:
        has_io = "io" in file.read().split()
    if os.path.exists(os.path.join(cgroup, "io.stat")):
        written = sum(row["actual_write_bytes"] or 0 for row in rows)
        assert written == pytest.approx(result["write"]["io_bytes"], rel=0.02, abs=MIB)
    elif not has_io:
        assert all(row["actual_write_bytes"] is None for row in rows)


def pressure(path):
    """Microseconds in which some task waited."""
    with open(path, encoding="ascii") as file:
        return int(re.search(r"^some .*total=(\d+)", file.read(), re.M)[1])


def test_pressure_of_the_machine(scratch):
    """The share of the interval comes from total=, the averages are the kernel's."""
    if not os.path.exists("/proc/pressure/io"):
        pytest.skip("no pressure here")
    process, _ = fio(scratch, scratch, "--rate=4m", seconds=3)
    before = pressure("/proc/pressure/io")
    run = subprocess.run([iotopx.BINARY, "--format", "json", "-n", "1", "-d", "2"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=60, check=True)
    after = pressure("/proc/pressure/io")
    fio_result(process)
    interval = json.loads(run.stdout)
    waited = interval["totals"]["io_some_ratio"] * interval["interval_seconds"]
    assert 0 < waited <= (after - before) / 1e6 * 1.02 + 0.001
    assert 0 <= interval["totals"]["io_full_ratio"] <= interval["totals"]["io_some_ratio"]


def test_group_opens_on_the_screen(start, cgroups, tag):
    """A unit's row, opened, shows its members."""
    unit = f"shop-{tag}.service"
    load = start("puppet", "FILE", 0)
    move(load.pid, cgroups("v2", f"iotopx{tag}.slice/{unit}"))
    load.go(f"write 0 {MIB}")  # the filesystem's own blocks of a new file are charged too
    environment = {"XDG_CONFIG_HOME": "/nonexistent"}
    with Terminal([iotopx.BINARY, "-a", "-d", "0.3", "--group", "unit", "--filter", f"unit:{tag}"], 180, 30,
                  environment=environment) as terminal:
        terminal.wait_for(lambda t: "COMMAND" in t.text() and "collecting" not in t.text())
        load.go(f"write 0 {MIB}")
        terminal.wait_for(lambda t: any(unit in line and "1.00 M" in line for line in t.lines()))
        assert load.name not in terminal.text()
        terminal.press("Home", "+")
        terminal.wait_for(load.name)
        lines = [line for line in terminal.lines() if unit in line or load.name in line]
        assert unit in lines[0] and load.name in lines[1]
        assert all("1.00 M" in line for line in lines), lines
        terminal.press("-")
        terminal.wait_for(lambda t: load.name not in t.text())


class LoopDevice:
    """A disk in a file."""

    def __init__(self, directory, megabytes):
        self.image = os.path.join(directory, "disk")
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        run = subprocess.run(["losetup", "--find", "--show", self.image], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            pytest.skip(f"no loop device: {run.stderr}")
        self.path = run.stdout.strip()
        self.name = os.path.basename(self.path)
        self.mount_point = None

    def mount(self, directory):
        self.mount_point = os.path.join(directory, "mounted here")
        os.mkdir(self.mount_point)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.path], check=True)
        subprocess.run(["mount", self.path, self.mount_point], check=True)

    def close(self):
        if self.mount_point:
            iotopx.wait_for("the mount to be free", lambda: subprocess.run(
                ["umount", self.mount_point], stderr=subprocess.DEVNULL, check=False).returncode == 0, 20)
        subprocess.run(["losetup", "--detach", self.path], check=True)


@pytest.fixture
def loop(scratch):
    device = LoopDevice(scratch, 128)
    yield device
    device.close()


def rows_of_devices(text):
    """A dict by name for each interval."""
    return [{row["device"]: row for row in json.loads(line)["devices"]} for line in text.split("\n")[:-1]]


def test_device_counts_every_byte(scratch, loop):
    """What went to a disk that nobody else uses, with what it is and where it is mounted."""
    loop.mount(scratch)
    out = os.path.join(scratch, "devices")
    with open(out, "wb") as file:
        process = subprocess.Popen([iotopx.BINARY, "--format", "json", "--view", "devices", "-d", "0.2"],
                                   stdin=subprocess.DEVNULL, stdout=file)

    def lines():
        with open(out, encoding="utf-8") as file:
            return file.read()

    try:
        iotopx.wait_for("an interval", lambda: lines().count("\n") >= 1)
        subprocess.run(["sync", "-f", loop.mount_point], check=True)
        count = lines().count("\n")
        iotopx.wait_for("an interval after mkfs", lambda: lines().count("\n") >= count + 2)
        skip = lines().count("\n")
        before = disk_counters(loop.name)
        subprocess.run(["dd", "if=/dev/zero", f"of={loop.mount_point}/file", "bs=64k", "count=256", "oflag=direct"],
                       check=True, stderr=subprocess.DEVNULL)
        after = disk_counters(loop.name)
        count = lines().count("\n")
        iotopx.wait_for("the interval after", lambda: lines().count("\n") >= count + 2)
        settled = disk_counters(loop.name)
    finally:
        process.terminate()
        process.wait(20)
    intervals = [json.loads(line) for line in lines().split("\n")[:-1]]
    shown = [next(row for row in interval["devices"] if row["device"] == loop.name) for interval in intervals]
    assert shown[-1]["mounts"] == loop.mount_point and shown[-1]["stacked"] is True
    written = sum(row["write_bytes_per_second"] * interval["interval_seconds"]
                  for row, interval in list(zip(shown, intervals))[skip:])
    assert after["write_sectors"] - before["write_sectors"] >= 256 * 128
    # All of it, and no more than the counters moved until now; rates go by the clock of the readings themselves.
    low, high = ((counters["write_sectors"] - before["write_sectors"]) * 512 for counters in (after, settled))
    assert 0.97 * low <= written <= 1.03 * high


FIELDS = ("reads", "reads_merged", "read_sectors", "read_ms", "writes", "writes_merged", "write_sectors", "write_ms")


def disk_counters(name):
    with open("/proc/diskstats", encoding="ascii") as file:
        words = next(line.split() for line in file if line.split()[2] == name)
    return dict(zip(FIELDS, map(int, words[3:])))


class FakeDisks:
    """/proc/diskstats and /sys/block as programs see them that were started with `prefix`: two moments of the real
    ones, so that two programs compare the same two moments."""

    def __init__(self, directory):
        self.file = os.path.join(directory, "diskstats")
        self.sys = os.path.join(directory, "block")
        os.mkdir(self.sys)
        script = f'mount --bind "{self.file}" /proc/diskstats && mount --bind "{self.sys}" /sys/block && exec "$@"'
        self.prefix = ["unshare", "-m", "sh", "-c", script, "sh"]

    def show(self, snapshot):
        for path, text in snapshot.items():
            path = self.file if path == "diskstats" else os.path.join(self.sys, path, "stat")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # In one go over the old text, which is as long: nobody reads half of it.
            with open(path, "r+b" if os.path.exists(path) else "wb", buffering=0) as file:
                file.write(text.encode())


def take_snapshot():
    with open("/proc/diskstats", encoding="ascii") as file:
        lines = [line.split() for line in file]
    snapshot = {"diskstats": ""}
    for words in lines:
        counters = " ".join(word.zfill(15) for word in words[3:])
        snapshot["diskstats"] += f"{words[0]} {words[1]} {words[2]} {counters}\n"
        if os.path.isdir(f"/sys/block/{words[2]}"):
            snapshot[words[2]] = counters + "\n"
    return snapshot


IOSTAT = {
    "r/s": ("reads_per_second", 1), "w/s": ("writes_per_second", 1), "d/s": ("discards_per_second", 1),
    "f/s": ("flushes_per_second", 1), "rkB/s": ("read_bytes_per_second", 1024),
    "wkB/s": ("write_bytes_per_second", 1024), "dkB/s": ("discard_bytes_per_second", 1024),
    "rrqm/s": ("read_merges_per_second", 1), "wrqm/s": ("write_merges_per_second", 1), "r_await": ("read_wait_ns", 1e6),
    "w_await": ("write_wait_ns", 1e6), "d_await": ("discard_wait_ns", 1e6), "f_await": ("flush_wait_ns", 1e6),
    "rareq-sz": ("read_size_bytes", 1024), "wareq-sz": ("write_size_bytes", 1024), "aqu-sz": ("queue_length", 1),
    "%util": ("util_ratio", 0.01),
}


def iostat_reports(text):
    """A dict by device of the figures as text, for each complete report after the first (since boot)."""
    reports = []
    for block in text.split("Device ")[1:]:
        lines = ("Device " + block).split("\n")
        names = lines[0].split()[1:]
        reports.append({line.split()[0]: dict(zip(names, line.split()[1:])) for line in lines[1:] if line.strip()})
    return reports[1:-1]


def test_devices_as_iostat(scratch, loop):
    """Every figure of iostat -x within 2 % or a unit of its last digit, under fio on the root disk and a loop device."""
    loop.mount(scratch)
    loads = [fio(scratch, directory, "--rate_iops=300", seconds=6, *options)[0] for directory, options in
             ((scratch, ["--fsync=50"]), (loop.mount_point, ["--bs=4k", "--fsync=20"]))]
    iotopx.wait_for("fio at work", lambda: disk_counters(loop.name)["writes"] > 100)
    first = take_snapshot()
    try:
        loads[0].wait(4)
    except subprocess.TimeoutExpired:
        pass
    second = take_snapshot()
    for load in loads:
        fio_result(load)
    disks = FakeDisks(scratch)
    disks.show(first)
    outputs = [os.path.join(scratch, "iotopx"), os.path.join(scratch, "iostat")]
    commands = [[iotopx.BINARY, "--format", "json", "--view", "devices", "-d", "5"], ["iostat", "-dxk", "5"]]
    processes = []

    def text(number):
        with open(outputs[number], encoding="utf-8") as file:
            return file.read()

    def told(number):
        """The interval in which the counters moved, by device."""
        if number == 0:
            found = [report for report in rows_of_devices(text(0)) if loop.name in report]
            moved = [report for report in found if report[loop.name]["writes_per_second"]]
        else:
            found = [report for report in iostat_reports(text(1)) if loop.name in report]
            moved = [report for report in found if float(report[loop.name]["w/s"])]
        return moved and moved[0]

    try:
        for command, output in zip(commands, outputs):
            with open(output, "wb") as file:
                processes.append(subprocess.Popen([*disks.prefix, *FIRST, *command], stdin=subprocess.DEVNULL,
                                                  stdout=file, env={**os.environ, "LC_ALL": "C"}))
        # One interval in which nothing moved: the next of both begins with the first moment.
        iotopx.wait_for("two readings of both", lambda: rows_of_devices(text(0)) and text(1).count("Device ") >= 2)
        disks.show(second)
        ours = iotopx.wait_for("iotopx", lambda: told(0))
        theirs = iotopx.wait_for("iostat", lambda: told(1))
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)
    busy = 0
    for name, figures in theirs.items():
        for title, (field, unit) in IOSTAT.items():
            value = ours[name][field]
            expected = float(figures[title])
            shown = (value or 0) / unit
            # a figure per operation where there was none is not known; iostat says 0
            assert value is not None or expected == 0, (name, title)
            digit = 10 ** -len(figures[title].partition(".")[2])
            assert abs(shown - expected) <= max(0.02 * expected, digit), (name, title, shown, expected)
            busy += expected > 0
    assert busy >= 20 and float(theirs[loop.name]["%util"]) > 0
