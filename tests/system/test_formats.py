"""What programs read: NDJSON, CSV and OpenMetrics of the live machine, by the tools that people use."""
import csv
import fcntl
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import termios
import time
import uuid

import pytest

import iotopx

BINARY = iotopx.BINARY
ENVIRONMENT = {**os.environ, "LC_ALL": "C"}  # the formats are UTF-8 whatever the locale
MACHINE = ("csv", "json", "openmetrics")

COUNTERS = ["read_bytes", "write_bytes", "cancelled_write_bytes", "read_char_bytes", "write_char_bytes",
            "read_syscalls", "write_syscalls", "blkio_count", "blkio_delay_ns", "swapin_count", "swapin_delay_ns"]
SAMPLE = ["schema", "view", "scope", "timestamp", "interval_seconds", "host", "delayacct", "lost_exits", "after_gap",
          "unrecorded_intervals", "totals"]
TOTALS = ["read_bytes_per_second", "write_bytes_per_second", "actual_read_bytes_per_second",
          "actual_write_bytes_per_second", "dirty_bytes", "writeback_bytes", "io_some_ratio", "io_full_ratio",
          "io_some_avg10_ratio", "io_some_avg60_ratio", "io_some_avg300_ratio", "io_full_avg10_ratio",
          "io_full_avg60_ratio", "io_full_avg300_ratio", "cpu_user_ratio", "cpu_system_ratio", "cpu_iowait_ratio",
          "cpu_steal_ratio"]
TASK = {"pid", "tid", "ppid", "start_time", "user", "uid", "command", "cmdline", "unit", "container", "cgroup",
        "prio", "state", "exited", "members", *COUNTERS, *(name + "_per_second" for name in COUNTERS),
        "io_delay_ratio", "swapin_delay_ratio", "approximate"}


def run(*arguments, **keywords):
    return subprocess.run([BINARY, *arguments], **{
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60,
        "env": ENVIRONMENT, "check": False, **keywords})


def intervals(*arguments):
    """The objects that iotopx prints."""
    done = run("--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]


def records(*arguments):
    """The records of CSV, as dictionaries, and the names."""
    done = run("--format", "csv", *arguments)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8")
    assert text.count("\n") == text.count("\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(rows[0], row)) for row in rows[1:]], rows[0]


class Victims:
    """Programs under a name of their own that write a page to the disk and end."""

    def __init__(self, scratch):
        self.name = f"v-{uuid.uuid4().hex[:10]}"
        self.path = os.path.join(scratch, self.name)
        self.out = self.path + ".data"
        self.pids = []
        shutil.copy("/bin/dd", self.path)

    def run(self, count):
        for _ in range(count):
            with subprocess.Popen([self.path, "if=/dev/zero", f"of={self.out}", "bs=4096", "count=1", "conv=fsync",
                                   "status=none"]) as process:
                assert process.wait() == 0
            self.pids.append(process.pid)


@pytest.fixture
def victims(scratch):
    return Victims(scratch)


# --- NDJSON ---

@pytest.mark.parametrize("options", [[], ["-P"], ["-o", "-P"]], ids=["threads", "processes", "active"])
def test_json(options):
    for interval in intervals("-n", "2", "-d", "0.3", *options):
        assert list(interval) == [*SAMPLE, "tasks"]
        assert list(interval["totals"]) == TOTALS
        assert (interval["schema"], interval["view"], interval["scope"]) == (1, "tasks", "all")
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", interval["timestamp"])
        assert 0.25 < interval["interval_seconds"]
        assert interval["host"] == os.uname().nodename
        assert isinstance(interval["lost_exits"], int) and isinstance(interval["delayacct"], bool)
        assert interval["tasks"] or "-o" in options
        for task in interval["tasks"]:
            assert set(task) == TASK
            assert (task["tid"] is None) == ("-P" in options)
            for name in COUNTERS:
                assert task[name] is None or isinstance(task[name], int) and task[name] >= 0
                assert (task[name] is None) == (task[name + "_per_second"] is None)
        for name in ("read_bytes", "write_bytes"):
            total = interval["totals"][name + "_per_second"] * interval["interval_seconds"]
            assert sum(task[name] or 0 for task in interval["tasks"]) == pytest.approx(total, abs=0.5)


def test_json_by_jq():
    """The question that a shell asks."""
    done = run("--format", "json", "-n", "2", "-d", "0.2", "-k", "--si")
    for line in done.stdout.splitlines():
        subprocess.run(["jq", "-e", '.schema == 1 and (.tasks|length) > 0 and (.tasks|all(.read_bytes|type == "number"))'],
                       input=line, stdout=subprocess.DEVNULL, check=True)


def test_exited_tasks_stand_alone(victims):
    """Each by itself, with its bytes, its command and its time."""
    with iotopx.Batch(os.path.dirname(victims.path), "-P", delay=0.3, format="json") as monitor:
        victims.run(12)
        samples = monitor.settle()
    rows = [task for sample in samples for task in sample.interval["tasks"] if task["command"] == victims.name[:15]]
    ended = [task for task in rows if task["exited"]]
    assert sorted(task["pid"] for task in ended) == sorted(victims.pids)
    assert all(task["members"] == 1 and task["start_time"] for task in ended)
    assert sum(task["write_bytes"] for task in rows) >= 12 * 4096
    assert all(task["pid"] in victims.pids for task in rows)


def test_groups_and_their_members():
    """A group has the key it goes by, and nulls for what differs."""
    for interval in intervals("-n", "1", "-d", "0.3", "--group", "user", "-P"):
        users = [task["user"] for task in interval["tasks"]]
        assert "root" in users and len(users) == len(set(users))
        root = next(task for task in interval["tasks"] if task["user"] == "root")
        assert root["members"] > 1
        assert root["pid"] is None and root["command"] is None and root["start_time"] is None


# --- CSV ---

def test_csv():
    rows, names = records("-n", "2", "-d", "0.3", "-P", "-o")
    assert len(names) == len(set(names))
    assert set(names) == {*SAMPLE[:-1], *TOTALS, *TASK}
    totals = [row for row in rows if not row["members"]]
    assert len(totals) == 2
    for total in totals:
        assert total["pid"] == "" and total["schema"] == "1"
        tasks = [row for row in rows if row["members"] and row["timestamp"] == total["timestamp"]]
        for name in COUNTERS[:7]:
            assert sum(int(task[name] or 0) for task in tasks) == int(total[name])
            assert float(total[name + "_per_second"]) * float(total["interval_seconds"]) == \
                pytest.approx(int(total[name]), rel=1e-9)
        assert {(task["dirty_bytes"], task["host"]) for task in tasks} <= {("", os.uname().nodename)}


def test_chosen_columns():
    rows, names = records("-n", "1", "-d", "0.2", "--columns", "read,user")
    assert {"read_bytes", "read_bytes_per_second", "user", "uid", "pid", "members"} <= set(names)
    assert not {"write_bytes", "command", "prio"} & set(names)
    assert len(rows) > 1


# --- pages ---

def test_devices():
    (interval,) = intervals("-n", "1", "-d", "0.3", "--view", "devices")
    assert list(interval) == [*SAMPLE, "devices"] and interval["view"] == "devices"
    names = [device["device"] for device in interval["devices"]]
    assert names and len(names) == len(set(names))
    assert set(names) <= set(os.listdir("/sys/class/block"))
    for device in interval["devices"]:
        assert 0 <= device["util_ratio"] <= 1
        assert device["partition_of"] is None or device["partition_of"] in names
    rows, fields = records("-n", "1", "-d", "0.2", "--view", "devices")
    assert set(interval["devices"][0]) <= set(fields)
    assert len([row for row in rows if not row["device"]]) == 1


def test_mounts():
    (interval,) = intervals("-n", "1", "-d", "0.2", "--view", "nfs")
    assert interval["view"] == "nfs" and isinstance(interval["mounts"], list)
    rows, fields = records("-n", "1", "-d", "0.2", "--view", "nfs")
    assert "read_rtt_ns" in fields and len(rows) == 1 + len(interval["mounts"])


def test_pages_as_text():
    done = run("-b", "-n", "1", "-d", "0.2", "--view", "devices")
    lines = done.stdout.decode("ascii").splitlines()
    assert lines[0].startswith("Total DISK READ:")
    titles = next(line for line in lines if line.startswith("DEVICE"))
    assert "UTIL" in titles and len(lines) > lines.index(titles) + 1


# --- the edges ---

def test_devices_have_no_openmetrics():
    done = run("--format", "openmetrics", "--view", "devices")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1 and b"--view" in done.stderr and b"devices" in done.stderr


def test_unknown_format():
    done = run("--format", "xml")
    assert done.returncode == 2
    assert b"'xml'" in done.stderr and b"text, csv, json or openmetrics" in done.stderr


@pytest.mark.parametrize("form", MACHINE)
def test_full_disk(form):
    with open("/dev/full", "wb") as full:
        done = run("--format", form, "-n", "2", "-d", "0.1", stdout=full)
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def test_a_device_is_written_and_never_replaced():
    done = run("--format", "openmetrics", "-n", "2", "-d", "0.1", "--output", "/dev/full")
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize("form", MACHINE)
def test_broken_pipe_is_quiet(form):
    monitor = subprocess.Popen([BINARY, "--format", form, "-d", "0.1"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert monitor.stdout.readline()
    monitor.stdout.close()
    assert monitor.wait(iotopx.PATIENCE) == 0
    assert monitor.stderr.read() == b""
    monitor.stderr.close()


def test_slow_reader_gets_whole_intervals():
    """A reader that sleeps for a while misses intervals, never a part of one."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen([BINARY, "--format", "json", "-d", "0.1", "-n", "75"], stdin=subprocess.DEVNULL,
                          stdout=writer, stderr=subprocess.PIPE) as monitor:
        os.close(writer)
        time.sleep(8.5)  # 64 intervals wait in the queue; then they are left out
        with open(reader, "rb") as pipe:
            text = pipe.read()
        said = monitor.stderr.read().decode("ascii")
    assert monitor.returncode == 0, said
    assert text.endswith(b"\n")
    objects = [json.loads(line) for line in text.splitlines()]
    dropped = re.search(r"(\d+) intervals were not written", said)
    assert len(objects) == 75 and dropped and int(dropped[1]) > 0
    ends = [object["timestamp"] for object in objects]
    assert ends == sorted(set(ends))


def unread(pipe):
    """Bytes that wait in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_no_reader_at_the_end():
    """What a signal finds unread is told as not written, and is not waited for."""
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen([BINARY, "--format", "json", "-d", "0.1"], stdin=subprocess.DEVNULL, stdout=writer,
                          stderr=subprocess.PIPE) as monitor:
        os.close(writer)
        iotopx.wait_for("a full pipe", lambda: unread(reader) == size)
        time.sleep(1)  # more wait for it
        monitor.terminate()
        said = monitor.stderr.read().decode("ascii")
    os.close(reader)
    told = re.search(r"(\d+) intervals were not written", said)
    assert told and int(told[1]) > 0, said


def test_own_processes_only(tmp_path):
    """Who may not see all says so: nothing is known of exits."""
    binary = tmp_path / "iotopx"
    shutil.copy(BINARY, binary)
    for directory in [tmp_path, *tmp_path.parents][:3]:
        directory.chmod(directory.stat().st_mode | 0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", str(binary),
                           "--format", "json", "-n", "1", "-d", "0.3"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    interval = json.loads(done.stdout)
    assert interval["scope"] == "own" and interval["lost_exits"] is None
    assert {task["uid"] for task in interval["tasks"]} <= {65534}


# --- OpenMetrics ---

SAMPLE_LINE = re.compile(r'(iotopx_\w+_total)((?:\{.*\})?) (\d+(?:\.\d{9})?)')


def parse_metrics(text):
    """{(name, labels): value} of one document."""
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    series, described = {}, set()
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE|UNIT) iotopx_\w+ \S", line)
            described.update([line.split()[2]] if line.startswith("# TYPE") else [])
            continue
        name, labels, value = SAMPLE_LINE.fullmatch(line).groups()
        assert name in described
        assert (name, labels) not in series
        series[name, labels] = float(value)
    return series


def test_counters_never_fall(victims, scratch):
    """While members exit, the file is always whole, and no counter falls or goes."""
    path = os.path.join(scratch, "iotopx.prom")
    label = f'{{groupname="{victims.name[:15]}",user="root"}}'
    seen = []

    def look():
        with open(path, encoding="utf-8") as file:
            seen.append(parse_metrics(file.read()))
        return seen[-1].get(("iotopx_write_bytes_total", label), -1)

    with subprocess.Popen([BINARY, "--format", "openmetrics", "--output", path, "-d", "0.1"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as monitor:
        iotopx.wait_for("the first document", lambda: os.path.exists(path))
        for _ in range(15):
            victims.run(4)
            look()
        iotopx.wait_for("all that was written", lambda: look() >= 60 * 4096)
        monitor.send_signal(signal.SIGTERM)
        assert monitor.wait(iotopx.PATIENCE) == 0
        assert monitor.stderr.read() == b""
    for older, newer in zip(seen, seen[1:]):
        for name, value in older.items():
            assert newer[name] >= value, name
    assert seen[-1]["iotopx_write_bytes_total", label] < 61 * 4096 + 60 * 65536
    assert sorted(name for name in os.listdir(scratch) if "prom" in name) == ["iotopx.prom"]
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o400


def test_metrics_by_unit():
    done = run("--format", "openmetrics", "-n", "1", "-d", "0.3", "--group", "unit")
    series = parse_metrics(done.stdout.decode("utf-8"))
    assert any(labels.startswith('{unit="') for _, labels in series)
    assert not any("groupname" in labels or "pid" in labels for _, labels in series)


def test_metrics_file_that_cannot_be():
    done = run("--format", "openmetrics", "--output", "/nowhere/iotopx.prom", "-n", "1")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1 and b"/nowhere/iotopx.prom" in done.stderr
