"""Drives iotopx in batch and the load generators of tests/load, for the system tests.

Every generator runs under a name of its own (a symbolic link), so that a test finds exactly its rows, whatever else
runs on the machine.
"""

import json
import os
import re
import subprocess
import time
import uuid

BINARY = os.environ.get("IOTOPX_BIN", "build/iotopx")
LOADS = os.environ.get("IOTOPX_LOADS", os.path.join(os.path.dirname(os.path.abspath(BINARY)), "tests", "load"))
PATIENCE = 60  # seconds that a machine under load may take for what should take a moment

BYTES = ("read", "write", "rchar", "wchar", "cancel", "rtotal", "wtotal")
COUNTS = ("syscr", "syscw", "blkio", "swapcnt")
RATIOS = ("io", "swapin")
PATTERNS = {
    **dict.fromkeys(BYTES, r"~?-?[\d.]+ ?K(?:/s)?|-"),
    **dict.fromkeys(COUNTS, r"~?[\d.]+[kMGT]?(?:/s)?|-"),
    **dict.fromkeys(RATIOS, r"~?[\d.]+ ?%|-"),
}
HEADS = ("Actual ", "Gap ", "Filtered ", "Lost exit records: ", "Note: ")
SCALES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def wait_for(what, condition, patience=PATIENCE):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.02)


def helpers(pid):
    """The helper processes of a monitor by name."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    names = {}
    for child in children:
        with open(f"/proc/{child}/comm", encoding="utf-8") as file:
            names[file.read().strip()] = int(child)
    return names


class Row(dict):
    """The cells of one row by column key: numbers in base units, None for unknown, text as it stands."""

    def __init__(self, cells, approximate=()):
        super().__init__(cells)
        self.approximate = set(approximate)

    @property
    def name(self):
        """The program's name, without marks, path, arguments and the count of folded rows."""
        words = re.sub(r"^[^\w/.-]+", "", self["command"]).split()
        return os.path.basename(words[0]) if words else ""


class Sample:
    def __init__(self, head):
        self.head = head  # the lines above the rows
        self.rows = []

    def of(self, name):
        return [row for row in self.rows if row.name == name]

    def sum(self, name, key):
        return sum(row[key] or 0 for row in self.of(name))

    def lost(self):
        """Lost exit records that the head tells about, since the start in accumulated mode."""
        found = re.search(r"^Lost exit records: (\d+)", "\n".join(self.head), re.M)
        return int(found[1]) if found else 0


def parse_cell(key, text):
    """(value, approximate)"""
    approximate = text.startswith("~")
    text = text.lstrip("~").strip()
    if text == "-" and (key in PATTERNS):
        return None, approximate
    if key in BYTES:
        return float(text.split("K")[0]) * 1024, approximate
    if key in COUNTS:
        text = text.removesuffix("/s")
        scale = SCALES.get(text[-1], 1)
        return float(text.rstrip("kMGT")) * scale, approximate
    if key in RATIOS:
        return float(text.rstrip(" %")) / 100, approximate
    return text, approximate


class TextParser:
    def __init__(self, columns):
        assert columns[-1] == "command"
        self.columns = columns
        cells = [f"({PATTERNS.get(key, chr(92) + 'S+')})" for key in columns[:-1]]
        self.row = re.compile(r"\s*" + r"\s+".join(cells) + r"(?:\s+(.*))?$")  # a task may have no name

    def parse(self, text):
        """Samples of the text; the last may not be complete."""
        samples = []
        for line in text.split("\n")[:-1]:
            if line.startswith("Total "):
                samples.append(Sample([line]))
                continue
            if line.startswith(HEADS):
                samples[-1].head.append(line)
                continue
            found = self.row.match(line)
            assert found, f"not a row of {self.columns}: {line!r}"
            cells = [parse_cell(key, cell) for key, cell in zip(self.columns, found.groups(""))]
            samples[-1].rows.append(
                Row({key: cell[0] for key, cell in zip(self.columns, cells)},
                    [key for key, cell in zip(self.columns, cells) if cell[1]]))
        return samples


JSON_FIELDS = {
    "pid": "pid", "tid": "tid", "state": "state", "read": "read_bytes", "write": "write_bytes",
    "cancel": "cancelled_write_bytes", "rchar": "read_char_bytes", "wchar": "write_char_bytes",
    "syscr": "read_syscalls", "syscw": "write_syscalls", "blkio": "blkio_count", "command": "command",
    "io": "io_delay_ratio", "swapin": "swapin_delay_ratio",
}


class JsonParser:
    """One object an interval; deltas, so accumulated values are sums over the samples."""

    def parse(self, text):
        samples = []
        for line in text.split("\n")[:-1]:
            interval = json.loads(line)
            sample = Sample([])
            sample.lost = lambda count=interval["lost_exits"]: count or 0
            sample.interval = interval
            for task in interval["tasks"]:
                cells = {key: task.get(field) for key, field in JSON_FIELDS.items()}
                cells["command"] = cells["command"] or ""
                sample.rows.append(Row(cells, task.get("approximate") or ()))
            samples.append(sample)
        return samples


def json_works():
    """NDJSON is there."""
    run = subprocess.run([BINARY, "--format", "json", "-n", "1", "-d", "0.2"], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=PATIENCE)
    if run.returncode == 2 or not run.stdout.startswith("{"):
        return False
    assert run.returncode == 0, run.stderr
    json.loads(run.stdout)
    return True


class Batch:
    """iotopx -b in the background, its output in a file. On entry the baseline and one interval have passed."""

    def __init__(self, scratch, *options, delay=0.1, columns="pid,read,write,command", format="text", env=None,
                 prefix=(), accumulated=True):
        self.delay = delay
        self.path = os.path.join(scratch, f"out-{uuid.uuid4().hex[:8]}")
        command = [*prefix, BINARY, "-b", "-d", str(delay), *options]
        if format == "text":
            command += ["-k", "-qq", "--columns", columns]
            command += ["-a"] if accumulated else []
            self.parser = TextParser(columns.split(","))
        else:
            command += ["--format", format]
            self.parser = JsonParser()
        self.deltas = format != "text"
        self.accumulated = accumulated
        self.command = command
        self.env = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        self.process = None

    def __enter__(self):
        with open(self.path, "wb") as out, open(self.path + ".err", "wb") as error:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=error,
                                            env=self.env, start_new_session=True)
        try:
            self.wait_samples(1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def text(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def samples(self):
        return self.parser.parse(self.text())

    def count(self):
        text = self.text()
        return text.count("\n") if self.deltas else len(re.findall(r"^Total ", text, re.M))

    def alive(self):
        if self.process.poll() is None:
            return True
        with open(self.path + ".err", encoding="utf-8", errors="replace") as file:
            raise AssertionError(f"{self.command} ended with {self.process.returncode}: {file.read()}")

    def wait_samples(self, count):
        """Until so many were begun."""
        wait_for(f"{count} samples of {self.command}", lambda: self.count() >= count or not self.alive(),
                 PATIENCE + 4 * self.delay)

    def settle(self, since=None):
        """All complete samples, once one was taken that began after this call (or after the moment when count() was
        `since`): the next may have been under way, and of text the header after the second one ends it."""
        since = self.count() if since is None else since
        self.wait_samples(since + (2 if self.deltas else 3))
        samples = self.samples()
        return samples if self.deltas else samples[:-1]

    def see(self, load):
        """Until rows show the load under its own name. A sweep between its fork and its exec knows it by another one."""
        wait_for(f"{load.name} in {self.command}", lambda: any(sample.of(load.name) for sample in self.samples()[:-1]))

    def total(self, name, key, since=None):
        """What rows of that name did since the start, when all of it is over. Never falls meanwhile."""
        samples = self.settle(since)
        if self.deltas:
            return sum(sample.sum(name, key) for sample in samples)
        sums = [sample.sum(name, key) for sample in samples]
        assert sums == sorted(sums), f"{key} of {name} fell: {sums}"
        return sums[-1]

    def lost(self):
        """Exit records that were lost since the start, as told by iotopx."""
        told = [sample.lost() for sample in self.samples()]
        return sum(told) if self.deltas or not self.accumulated else told[-1]


class Between:
    """Equal to every number from low to high."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __eq__(self, other):
        return self.low <= other <= self.high

    def __repr__(self):
        return f"{self.low} to {self.high}"


def remove_cgroup(path):
    """True once it could be removed: nobody may be left in it."""
    try:
        os.rmdir(path)
        return True
    except OSError:
        return False


class Load:
    """A generator of tests/load: started, "ready", and told what to do line by line. With `pid` that is its PID."""

    def __init__(self, scratch, program, *arguments, pid=None):
        self.name = f"{program[:5]}-{uuid.uuid4().hex[:8]}"
        self.file = os.path.join(scratch, self.name + ".data")
        link = os.path.join(scratch, self.name)
        os.symlink(os.path.join(LOADS, program), link)
        arguments = [str(argument).replace("FILE", self.file) for argument in arguments]
        numbered = [os.path.join(LOADS, "numbered"), str(pid)] if pid else []
        self.process = subprocess.Popen([*numbered, link, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline().split()
        assert line and line[0] == "ready", f"{program} {arguments}: {line}, exit {self.process.wait()}"
        self.pid = int(line[1])  # the load's, which need not be the generator's
        self.charged = 0  # what the kernel charged to it for writing, as of its last answer that tells

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def say(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        """The next line: {"done" or "ok" or "ready": True, key: value ...}; a puppet's number is "tid"."""
        words = self.process.stdout.readline().split()
        assert words, f"{self.name} ended with {self.process.wait()}"
        answer = {words[0]: True}
        for word in words[1:]:
            key, _, value = word.rpartition("=")
            answer[key or "tid"] = int(value)
        self.charged = answer.pop("charged", self.charged)
        return answer

    def wrote(self, size):
        """What rows may show for `size` bytes written: at most what the kernel charged. That is a page or two more at
        times, for the filesystem's own or a process's accounting record, which it writes after its exit record."""
        return Between(size, self.charged)

    def go(self, line=""):
        self.say(line)
        return self.hear()

    def io(self, tid=None):
        path = f"/proc/{self.pid}/task/{tid}/io" if tid else f"/proc/{self.pid}/io"
        with open(path, encoding="ascii") as file:
            return {key: int(value) for key, value in (line.split(": ") for line in file)}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """Lets it end by itself."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if os.path.exists(self.file):
            os.unlink(self.file)
