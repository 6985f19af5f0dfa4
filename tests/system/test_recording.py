"""Recordings of the real machine: they lose nothing, survive kills and full disks, and everyone who reads one reads
the same."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

import pytest

import iotopx
import tmux
from conftest import Mount

RECORDINGS = Path(__file__).parent.parent / "recordings"
GOLDEN = Path(__file__).parent.parent / "golden" / "replay"
COUNTERS = ("read_bytes", "write_bytes", "cancelled_write_bytes", "read_char_bytes", "write_char_bytes", "read_syscalls",
            "write_syscalls", "blkio_count")
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Recorder:
    def __init__(self, path, scratch, *options, delay=0.1):
        self.path = path
        self.error = os.path.join(scratch, uuid.uuid4().hex + ".err")
        with open(self.error, "wb") as error:
            self.process = subprocess.Popen([iotopx.BINARY, "--record", path, "-d", str(delay), *options],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=error,
                                            start_new_session=True)

    def told(self):
        with open(self.error, encoding="utf-8") as file:
            return file.read()

    def samples(self):
        return samples_of(self.path)

    def wait_samples(self, count):
        iotopx.wait_for(f"{count} samples", lambda: self.samples() >= count or not self.alive())

    def alive(self):
        assert self.process.poll() is None, self.told()
        return True

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def record(scratch):
    recorders = []

    def run(*options, path=None, **keywords):
        recorders.append(Recorder(path or os.path.join(scratch, "recording"), scratch, *options, **keywords))
        return recorders[-1]

    yield run
    for one in recorders:
        if one.process.poll() is None:
            one.kill()


def samples_of(path):
    """How many are in the file, as anyone may ask while it grows."""
    try:
        return query(path, "SELECT coalesce(max(id), 0) FROM samples")[0][0]
    except sqlite3.OperationalError:
        return 0  # it is being made


def query(path, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
        return database.execute(sql, values).fetchall()


def run(*options, status=0):
    done = subprocess.run([iotopx.BINARY, *map(str, options)], stdin=subprocess.DEVNULL, capture_output=True,
                          env=ENVIRONMENT, timeout=iotopx.PATIENCE, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout.decode(), done.stderr.decode()


def replay_csv(path, *options):
    return list(csv.DictReader(io.StringIO(run("--replay", path, "--format", "csv", *options)[0])))


def sum_of(rows, name, key):
    return sum(int(row[key]) for row in rows if row["command"] == name and row[key])


def test_all_readers_agree(record, start, scratch):
    """JSON, CSV, text and SQL say of a command what the kernel charged to it, to the byte."""
    swarm = start("swarm", "-p", "-n", 60, "-b", 65536, "-f", "FILE")  # what making its file costs is over then
    recorder = record("--delayacct")  # else the waits of its processes are unknown
    recorder.wait_samples(1)
    swarm.go()
    recorder.wait_samples(recorder.samples() + 3)
    assert recorder.end() == 0
    path = recorder.path

    assert os.stat(path).st_mode & 0o777 == 0o600
    assert not os.path.exists(path + "-wal"), "a recording that is over is one file"
    columns = ", ".join(f"sum({key})" for key in COUNTERS)
    shell = subprocess.run(["sqlite3", path, f"SELECT {columns} FROM task_io WHERE command = '{swarm.name}'"],
                           capture_output=True, text=True, check=True).stdout
    told = dict(zip(COUNTERS, [int(value) for value in shell.strip().split("|")]))
    assert told["write_bytes"] == swarm.wrote(60 * 65536)

    once = replay_csv(path, "-n", "1", "-a", "-P")
    each = replay_csv(path)
    few = replay_csv(path, "-n", "3", "--group", "command")
    merged = replay_csv(path, "-d", "0.5", "-P")
    lines = [json.loads(line) for line in run("--replay", path, "--format", "json")[0].splitlines()]
    # Means over minutes are not in a recording.
    assert all(line["totals"][f"io_{kind}_avg{mean}_ratio"] is None for line in lines for kind in ("some", "full")
               for mean in (60, 300))
    tasks = [task for line in lines for task in line["tasks"]]
    for key in COUNTERS:
        assert sum_of(once, swarm.name, key) == told[key]
        assert sum_of(each, swarm.name, key) == told[key]
        assert sum_of(few, swarm.name, key) == told[key]
        assert sum_of(merged, swarm.name, key) == told[key]
        assert sum(task[key] or 0 for task in tasks if task["command"] == swarm.name) == told[key]
    text = run("--replay", path, "-b", "-n", "1", "-a", "-k", "-qq", "--columns", "write,command", "--group", "command")[0]
    rows = iotopx.TextParser(["write", "command"]).parse(text)[-1]
    shown = told["write_bytes"] - told["cancelled_write_bytes"]
    assert rows.sum(swarm.name, "write") == pytest.approx(shown, abs=6)

    # The sum of all rows is the total, in any window.
    totals = query(path, "SELECT sum(write_bytes), sum(read_bytes) FROM machine_io")[0]
    rows = query(path, "SELECT sum(write_bytes), sum(read_bytes) FROM task_io")[0]
    assert totals == rows
    assert len(lines) == query(path, "SELECT count(*) FROM samples")[0][0]
    user = query(path, "SELECT DISTINCT user FROM task_io WHERE command = ?", swarm.name)
    assert user == [("root",)]


def windows_of(path):
    """Options, and the samples that lie between: all, from or to the middle, in the middle, one second of it."""
    first, last = query(path, "SELECT min(end_ms), max(end_ms) FROM samples")[0]
    middle = [1000 * round((first + (last - first) * part) / 1000) for part in (0.3, 0.7)]
    for begin, end in ((None, None), (middle[0], None), (None, middle[1]), middle, (middle[0], middle[0] + 1000)):
        options = []
        for name, ms in (("--begin", begin), ("--end", end)):
            options += [name, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms / 1000))] if ms else []
        yield options, begin or 0, end or last


def by_command(rows):
    """{command: the sums of its counters}, whoever did nothing left out."""
    sums = {}
    for row in rows:
        counters = sums.setdefault(row["command"], [0] * len(COUNTERS))
        for place, key in enumerate(COUNTERS):
            counters[place] += int(row[key] or 0)
    return {command: tuple(counters) for command, counters in sums.items() if any(counters)}


def screen_sums(path, options, last):
    """{command: (DISK READ, DISK WRITE, BUFFER WRITE) as the screen writes them} at the end of a window, in KiB."""
    command = [iotopx.BINARY, "--replay", path, *options, "-P", "-a", "-k", "--group", "command",
               "--columns", "read,write,wchar,command"]
    with tmux.Terminal(command, 120, 100, environment={"TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("L")
        # All of them: sums grow there piece by piece.
        terminal.wait_for(lambda terminal: re.search(rf"{last}(?!.*adding up)", terminal.lines()[0]))
        rows = [re.fullmatch(r" *~?(\S+) K +~?(\S+) K +~?(\S+) K ▸ (?:† )?(.+?)(?: ×\d+)? *", line)
                for line in terminal.lines()[6:-1]]
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    return {row[4]: row.groups()[:3] for row in rows if row and any(float(cell) for cell in row.groups()[:3])}


@pytest.mark.parametrize("name", ["idle", "fio", "storm"])
def test_readers_agree_in_any_window(name):
    """SQL, CSV, JSON and the screen say the same of each command, and the totals are the sums of the samples."""
    path = RECORDINGS / f"{name}.iotopx"
    columns = ", ".join(f"coalesce(sum({key}), 0)" for key in COUNTERS)
    for options, begin, end in windows_of(path):
        where = f"WHERE end_ms > {begin} AND end_ms <= {end}"
        told, threads = ({row[0]: tuple(row[1:]) for row in query(
            path, f"SELECT {who}, {columns} FROM task_io {where} GROUP BY {who}") if any(row[1:])}
            for who in ("command", "name"))  # of the process, and a thread's own
        totals = query(path, f"SELECT {columns} FROM machine_io {where}")[0]
        assert told and totals == tuple(map(sum, zip(*told.values())))
        for divided in ([], ["-P"], *(["--group", "command", *how] for how in (
                ["-n", "1"], ["-n", "3"], ["-d", "0.7"], ["-n", "1", "-a", "-P"]))):
            rows = replay_csv(path, *options, *divided)
            named = told if divided else threads
            assert by_command(row for row in rows if row["members"]) == named, (options, divided)
            sums = by_command({**row, "command": "all"} for row in rows if not row["members"])
            assert sums == {"all": totals}, (options, divided)
        lines = run("--replay", path, *options, "--format", "json")[0].splitlines()
        assert by_command(task for line in lines for task in json.loads(line)["tasks"]) == threads
        read, write, cancelled, wchar = (COUNTERS.index(key + "_bytes") for key in
                                         ("read", "write", "cancelled_write", "write_char"))
        shown = {command: tuple(f"{bytes / 1024:.2f}" for bytes in
                                (sums[read], max(0, sums[write] - sums[cancelled]), sums[wchar]))
                 for command, sums in told.items()}
        last, = query(path, f"SELECT strftime('%H:%M:%S', max(end_ms) / 1000, 'unixepoch') FROM samples {where}")[0]
        assert screen_sums(str(path), options, last) == {
            command: cells for command, cells in shown.items() if any(float(cell) for cell in cells)}, options


def test_snap_in_a_replay(record):
    """One part more passes unprinted: -n N prints N."""
    recorder = record()
    recorder.wait_samples(8)
    recorder.end()
    for count in (1, 3):
        whole, snapped = ([json.loads(line)["timestamp"] for line in run(
            "--replay", recorder.path, "--format", "json", "-n", str(parts), *options)[0].splitlines()]
            for parts, options in ((count + 1, []), (count, ["--snap"])))
        assert len(snapped) == count and snapped == whole[1:]


def test_killed_it_loses_nothing_written(record):
    recorder = record()
    recorder.wait_samples(5)
    before = recorder.samples()
    recorder.kill()
    assert query(recorder.path, "PRAGMA integrity_check") == [("ok",)]
    assert query(recorder.path, "SELECT count(*) FROM samples")[0][0] >= before
    assert len({row["timestamp"] for row in replay_csv(recorder.path)}) >= before

    # The next one goes on in it.
    again = record("-n", "3")
    assert again.process.wait(30) == 0, again.told()
    assert query(again.path, "SELECT count(*) FROM sessions")[0][0] == 2
    assert again.samples() >= before + 3


def test_parts_after_a_clock_was_set_back(record):
    recorder = record()
    recorder.wait_samples(12)
    recorder.end()
    with contextlib.closing(sqlite3.connect(recorder.path)) as database, database:
        database.execute("UPDATE samples SET end_ms = end_ms - 400 WHERE id >= 7")
        whole = database.execute("SELECT sum(length_ns) FROM samples").fetchone()[0] / 1e9
    for parts in ("1", "2", "3"):
        lines = run("--replay", recorder.path, "--format", "json", "-n", parts)[0].splitlines()
        assert sum(json.loads(line)["interval_seconds"] for line in lines) == pytest.approx(whole, rel=0.01)


def test_output_is_not_the_recording(scratch):
    path = os.path.join(scratch, "both")
    other = os.path.join(scratch, ".", "both")
    error = run("-b", "-n", "2", "-d", "0.1", "--record", path, "--output", other, status=1)[1]
    assert f"--output {other}" in error
    assert query(path, "SELECT count(*) FROM sessions") != []


def test_what_was_before_the_first_sample_is_nobodys(record, scratch):
    """The recording takes its time to open; who is born meanwhile did nothing in the first interval with that."""
    recorder = record()
    recorder.wait_samples(1)
    recorder.end()
    with contextlib.closing(sqlite3.connect(recorder.path, isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = NORMAL")
        database.execute("BEGIN EXCLUSIVE")
        monitor = subprocess.Popen([iotopx.BINARY, "-b", "-n", "2", "-d", "0.2", "--record", recorder.path, "--format",
                                    "json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        time.sleep(0.7)
        program = os.path.join(scratch, "before-all")
        shutil.copy("/usr/bin/head", program)
        writer = subprocess.Popen(["sh", "-c", "\"$0\" -c 50000000 /dev/zero >\"$0.out\"; echo; sleep 60", program],
                                  stdout=subprocess.PIPE)
        writer.stdout.readline()
        database.execute("ROLLBACK")
    lines = monitor.communicate(timeout=60)[0].splitlines()
    writer.kill()
    writer.wait()
    assert monitor.returncode == 0 and len(lines) == 2
    for task in (task for line in lines for task in json.loads(line)["tasks"]):
        assert task["command"] != "before-all", task


def test_second_recorder_is_refused(record, scratch):
    recorder = record()
    recorder.wait_samples(1)
    error = run("--record", recorder.path, "-n", "1", status=1)[1]
    assert error.count("\n") == 1 and "another iotopx is recording into it" in error
    recorder.wait_samples(recorder.samples() + 1)
    assert recorder.end(signal.SIGTERM) == 0


def test_full_disk_is_told_and_survived(record, scratch):
    mount = Mount(scratch, 24)
    recorder = None
    try:
        recorder = record(path=os.path.join(mount.path, "recording"))
        recorder.wait_samples(3)
        filler = os.path.join(mount.path, "filler")
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1 << 9):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

            def full():
                # What is given back meanwhile is taken too.
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    pass
                return "No space left" in recorder.told() or not recorder.alive()

            # A log that has room left inside takes samples for a while.
            iotopx.wait_for("the full disk to be told", full)
        os.unlink(filler)
        seen = recorder.samples()
        recorder.wait_samples(seen + 5)
        assert recorder.end() == 0
        assert query(recorder.path, "PRAGMA integrity_check") == [("ok",)]
        # None was lost: they waited.
        assert query(recorder.path, "SELECT sum(dropped), count(*) - max(id) FROM samples") == [(0, 0)]
    finally:
        if recorder and recorder.process.poll() is None:
            recorder.kill()
        mount.close()


def test_what_was_lost_ends_in_an_error(record, scratch):
    """A disk that stays full: it is told at the end, and by the exit status."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", scratch], check=True)
    try:
        done = subprocess.run([iotopx.BINARY, "--record", os.path.join(scratch, "recording"), "-d", "0.1", "-n", "30"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=iotopx.PATIENCE,
                              check=False)
    finally:
        subprocess.run(["umount", scratch], check=True)
    assert done.returncode == 1
    assert re.search(r"--record \S+: \d+ intervals were not recorded\n", done.stderr)


def test_the_old_leaves_a_running_recording(record):
    recorder = record("--retain", "1s")
    iotopx.wait_for("old samples to leave",
                    lambda: recorder.samples() and query(recorder.path, "SELECT min(id) FROM samples")[0][0] > 8)
    kept = query(recorder.path, "SELECT count(*) FROM samples WHERE end_ms < (SELECT max(end_ms) - 20000 FROM samples)")
    assert kept == [(0,)]
    assert recorder.end() == 0
    assert replay_csv(recorder.path)


def test_a_log_that_cannot_be_read(record, scratch):
    """What a killed recorder wrote last is in its log. In a place that can't be written to it can't be read: the rest alone
    would be the past with its end left out."""
    recorder = record()
    recorder.wait_samples(5)
    recorder.kill()
    place = Path(scratch, "place")
    place.mkdir()
    for end in ("", "-wal"):
        shutil.copy(recorder.path + end, place / f"recording{end}")
    command = f'mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec "$@"'
    replay = ["unshare", "-m", "sh", "-c", command, "sh", iotopx.BINARY, "--replay", place / "recording", "--format", "csv"]
    done = subprocess.run(replay, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "-wal" in done.stderr, done.stderr
    assert not done.stdout
    # ... by way of a link too, beside which there is none.
    os.symlink(place / "recording", Path(scratch, "link"))
    link = [Path(scratch, "link") if word == place / "recording" else word for word in replay]
    done = subprocess.run(link, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "-wal" in done.stderr and not done.stdout, done.stderr
    # Once the log is in the file, it can be read there.
    with contextlib.closing(sqlite3.connect(place / "recording")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not os.path.exists(place / "recording-wal")
    done = subprocess.run(replay, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr


def test_errors_are_one_line(record, scratch):
    recorder = record("-n", "3")
    assert recorder.process.wait(30) == 0
    data = Path(recorder.path).read_bytes()
    newer = bytearray(data)
    newer[60:64] = (99).to_bytes(4, "big")
    files = {"text": b"hello\n" * 1000, "half": data[:len(data) // 2], "newer": bytes(newer), "empty": b""}
    words = {"text": "not a recording", "half": "cut off", "newer": "newer iotopx", "empty": "not a recording"}
    for name, content in files.items():
        path = Path(scratch, name)
        path.write_bytes(content)
        error = run("--replay", path, "-b", status=1)[1]
        assert error.count("\n") == 1 and words[name] in error and str(path) in error
        if name != "empty":
            error = run("--record", path, "-n", "1", status=1)[1]
            assert error.count("\n") == 1 and words[name] in error
            assert path.read_bytes() == content, "what is no recording is left alone"
    assert "No such file" in run("--replay", "/nonexistent", "-b", status=1)[1]
    assert "nothing is recorded between" in run("--replay", recorder.path, "-b", "--end", "2001-01-01 10:00", "--begin",
                                                "2001-01-01", status=1)[1]
    for options in (["--retain", "7x", "--record", "/x"], ["--retain", "7d"], ["--begin", "3:10", "--replay", "/x"],
                    ["--begin", "03:10"], ["--end", "soon", "--replay", "/x"], ["--record", "/x", "--replay", "/x"],
                    ["--delayacct", "--replay", "/x"]):
        error = run(*options, status=2)[1]
        assert error.count("\n") == 1 and "must" in error, error


def test_read_where_nothing_can_be_written(record, scratch):
    recorder = record("-n", "3")
    assert recorder.process.wait(30) == 0
    subprocess.run(["mount", "--bind", "-o", "ro", scratch, scratch], check=True)
    try:
        assert replay_csv(recorder.path, "-n", "1")
    finally:
        subprocess.run(["umount", scratch], check=True)


def test_slow_reader_of_a_replay_gets_all(record):
    recorder = record("-n", "5")
    assert recorder.process.wait(30) == 0
    whole = run("--replay", recorder.path, "--format", "json")[0]
    process = subprocess.Popen([iotopx.BINARY, "--replay", recorder.path, "--format", "json"], stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, env=ENVIRONMENT)
    read = process.stdout.read(100)
    time.sleep(1)  # what LAST_WRITE_MS of a live run would not wait
    read += process.stdout.read()
    assert process.wait(10) == 0
    assert read.decode() == whole


def test_screen_records_and_replays(record, scratch):
    path = os.path.join(scratch, "screen")
    with tmux.Terminal([iotopx.BINARY, "--record", path, "-d", "0.2"]) as terminal:
        terminal.wait_for("COMMAND")
        iotopx.wait_for("samples", lambda: samples_of(path) >= 5)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    with tmux.Terminal([iotopx.BINARY, "--replay", path, "-P"], 100, 24, environment={"TZ": "UTC"}) as terminal:
        terminal.wait_for("replay 20")
        terminal.press("L")
        terminal.wait_for("100 %")
        terminal.press(".")
        terminal.wait_for("the recording ends here")
        terminal.press("j")
        terminal.wait_for("Time, or max:")
        terminal.type("max")
        terminal.press("Enter")
        terminal.press("[")
        terminal.press("[")
        terminal.wait_for("the recording begins here")
        line = terminal.lines()[4]  # when it begins and ends, and in between where the load was, and where we are
        begin, end = re.fullmatch(r"(?:IO |R\+W) (\d\d:\d\d:\d\d) [▁-█ ]*┃[▁-█ ]* (\d\d:\d\d:\d\d)", line).groups()
        assert begin < end
        last = line.rindex(" ") - 1
        terminal.click(4, last)
        terminal.wait_for(lambda terminal: terminal.lines()[4][last] == "┃")
        terminal.press("a")
        terminal.wait_for("sums")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize("name", ["idle", "fio", "storm"])
def test_recordings_of_old_read_the_same(name):
    """What was recorded once is told the same for ever: UPDATE_GOLDEN=1 writes anew what differs."""
    path = RECORDINGS / f"{name}.iotopx"
    assert path.stat().st_size < 200 * 1024
    columns = "read,write,rchar,wchar,syscr,syscw,blkio,command"
    parts = [["--format", "csv", "-n", "2", "--group", "command", "--columns", columns],
             ["-b", "-k", "-n", "3", "-t", "-o", "-P", "--columns", "pid,user,read,write,rchar,wchar,io,command"],
             ["-b", "-n", "1", "--view", "devices"]]
    text = "\n".join(run("--replay", path, *part)[0] for part in parts)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(text.encode())
    assert golden.read_bytes().decode() == text
