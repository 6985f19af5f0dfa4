"""Calls that fail: the monitor goes on or ends with one line, and never tells what was not done. What it does not tell
of what was done, it says that it does not tell.
"""

import errno
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import iotopx
from tmux import Terminal

INTERVALS = 6  # in which the load writes
QUIET = 6      # after them: what a fault delayed may come

# The calls that faultio.so makes fail, and the names that a program may know them by.
CALLS = {call: re.compile(rf"_*{call}(at)?(64)?(_2|_chk)?") for call in
         ("open", "read", "pread", "recv", "recvmmsg", "send", "poll")}

BLOCK = 65536
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]


def symbols(path, which):
    listed = subprocess.run(["nm", "-D", "--" + which, path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines()}


@pytest.mark.parametrize("call", CALLS)
def test_every_name_of_a_call(call):
    """A compiler may put another function in its place, which would then not fail."""
    used = {name for name in symbols(iotopx.BINARY, "undefined-only") if CALLS[call].fullmatch(name)}
    assert used
    assert used <= symbols(os.path.join(iotopx.LOADS, "faultio.so"), "defined-only")


class Faulty:
    """Batch under a fault while the load and children of it write for some intervals, and then no more."""

    def __init__(self, fault, load, scratch):
        self.fault, self.load, self.path = fault, load, os.path.join(scratch, "faults")
        self.columns = ["pid", "write", "wchar", "command"]
        self.before = load.go("write 0 4096") and load.charged
        command = [iotopx.BINARY, "-b", "-a", "-k", "-qq", "-P", "-d", "0.1", "--columns", ",".join(self.columns)]
        with open(self.path, "wb") as out, open(self.path + ".err", "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                            env={**os.environ, "LC_ALL": "C.UTF-8", "FAULT": fault,
                                                 "LD_PRELOAD": os.path.join(iotopx.LOADS, "faultio.so")})
        try:
            self.wait_intervals(1)
            self.own, self.asked = self.write()
            self.did = load.charged - self.before
            self.wait_intervals(self.count() + QUIET)
        finally:
            if self.process.poll() is None:
                self.process.terminate()
            self.status = self.process.wait(iotopx.PATIENCE)
        with open(self.path + ".err", encoding="utf-8") as file:
            self.told = file.read().splitlines()
        self.samples = iotopx.TextParser(self.columns).parse(self.text())

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def count(self):
        return len(re.findall("^Total ", self.text(), re.M))

    def wait_intervals(self, count):
        iotopx.wait_for(f"{self.fault}: {count} intervals",
                        lambda: self.process.poll() is not None or self.count() >= count)

    def write(self):
        """What the load itself wrote, which lives all the time, and what it and its children did."""
        end, own, born = self.count() + INTERVALS, 0, 0
        while self.process.poll() is None and self.count() < end:
            self.load.go("write 0 65536")
            self.load.go("fork 4096")
            own, born = own + 65536, born + 4096
            time.sleep(0.01)
        return own, own + born

    def shown(self):
        return [sample.sum(self.load.name, "write") for sample in self.samples]

    def complete(self):
        """All that was asked for is shown. The kernel charges a page more at times, and not always before the exit."""
        return self.shown()[-1] >= self.asked

    def signs(self):
        """What says that something may be missing. That delays are not counted is the machine's way, and no sign."""
        notes = [note for sample in self.samples for line in sample.head if line.startswith("Note: ")
                 for note in line[6:].split("; ") if not note.startswith("delay accounting is off")]
        heads = notes + [line for sample in self.samples for line in sample.head if line.startswith("Lost")]
        marks = [row for sample in self.samples[-1:] for row in sample.of(self.load.name)
                 if row["write"] is None or "write" in row.approximate]
        return self.told + heads + marks

    def check(self):
        assert self.status in (0, 1), (self.fault, self.status, self.told)
        assert all(re.match(r"iotopx: [^\n]+$", line) for line in self.told), self.told
        assert all(shown <= self.did for shown in self.shown()), (self.fault, self.shown(), self.did)
        if self.status == 1:
            assert self.told, f"{self.fault}: it ends without a word"
        else:
            # That records of exits are missing says nothing of who lives.
            assert self.complete() or self.signs() and self.shown()[-1] >= self.own, (
                self.fault, self.shown(), self.own, self.asked, self.signs())
        return self


@pytest.mark.parametrize("call", ["read", "pread", "recv", "recvmmsg", "send", "poll"])
@pytest.mark.parametrize("every", [3])
def test_interrupted(start, scratch, call, every):
    """EINTR is no failure: all that was written is there, and nothing is to be said."""
    load = start("puppet", "FILE", 0)
    run = Faulty(f"{call} {errno.EINTR} {every}", load, scratch).check()
    assert run.status == 0 and not run.signs()
    assert run.complete() and run.asked > 0


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("call,number", [
    ("open", errno.ENOENT), ("open", errno.ESRCH), ("open", errno.EACCES), ("open", errno.EMFILE),
    ("read", errno.ESRCH), ("read", errno.EIO), ("read", 0),
    ("pread", errno.ESRCH), ("pread", errno.EIO), ("pread", 0),
    ("recv", errno.EIO), ("recvmmsg", errno.ENOBUFS), ("recvmmsg", errno.EBADF),
    ("send", errno.ENOBUFS), ("send", errno.ECONNREFUSED), ("poll", errno.ENOMEM),
])
def test_refused(start, scratch, call, number, every):
    run = Faulty(f"{call} {number} {every}", start("puppet", "FILE", 0), scratch).check()
    print(run.fault, "status", run.status, "shown", run.shown(), "did", run.did, run.signs())
    if call == "poll":
        assert run.status == 1 and run.told == ["iotopx: waiting for events: Cannot allocate memory"]


# --- a socket of the kernel's that dies, and the new one ---

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Work(threading.Thread):
    """A load that writes a block, and has a short-lived child write one, again and again, until it is told to stop."""

    def __init__(self, load):
        super().__init__()
        self.load, self.rounds, self.going = load, 0, True
        self.start()

    def run(self):
        while self.going:
            self.load.go(f"write 0 {BLOCK}")
            self.load.go(f"fork {BLOCK}")
            self.rounds += 1

    def done(self):
        """What it has done by now, at least: all that was begun before this call is in it."""
        rounds = self.rounds
        iotopx.wait_for("two rounds", lambda: self.rounds >= rounds + 2 or not self.is_alive())
        return self.load.charged

    def stop(self):
        self.going = False
        self.join()


@pytest.fixture(name="work")
def working(start):
    work = Work(start("puppet", "FILE", 0))
    yield work
    work.stop()


@pytest.fixture(name="death")
def deaths(scratch):
    """death("queries", "null") kills the socket of the monitor that runs with death.env."""
    class Death:
        path = os.path.join(scratch, "death")
        env = {"LD_PRELOAD": os.path.join(iotopx.LOADS, "deadsocket.so"), "DEATH": path}

        def __call__(self, which, how="null"):
            with open(self.path + "-", "w", encoding="ascii") as file:
                file.write(f"{which} {how}")
            os.rename(self.path + "-", self.path)
            iotopx.wait_for("the death", lambda: not os.path.exists(self.path))

    return Death()


def opener_of(pid):
    return iotopx.wait_for("the opener", lambda: iotopx.helpers(pid).get("iotopx-opener"))


def told(monitor):
    with open(monitor.path + ".err", encoding="utf-8") as file:
        return file.read()


def shown(samples, name):
    return sum(sample.sum(name, "write") for sample in samples)


def intervals(monitor):
    return [sample.interval for sample in monitor.samples()]


def check_never_too_much(monitor, work):
    samples = monitor.samples()
    assert shown(samples, work.load.name) <= work.done()
    return samples


def check_right_again(monitor, work):
    """From now on all that is done is shown, and nothing is said to be missing."""
    work.stop()
    load = work.load
    before = monitor.settle()
    charged = load.charged
    for _ in range(20):
        load.go(f"write 0 {BLOCK}")
        load.go(f"fork {BLOCK}")
    after = monitor.settle()
    assert shown(after, load.name) - shown(before, load.name) == load.charged - charged >= 40 * BLOCK
    assert shown(after, load.name) <= load.charged
    for sample in after[len(before):]:
        assert (sample.interval["scope"], sample.interval["lost_exits"]) == ("all", 0)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return sum(int(word) for word in file.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def check_rests(monitor):
    """It does not spin."""
    pid, before, begin = monitor.process.pid, cpu_seconds(monitor.process.pid), time.monotonic()
    monitor.wait_samples(monitor.count() + 20)
    assert cpu_seconds(pid) - before < (time.monotonic() - begin) / 2


@needs_root
@pytest.mark.parametrize("how", ["null", "close", "alarm"])
def test_dead_socket_of_records(batch, work, death, how):
    """Some exits may be missing, and how many nobody knows: that is said of the interval, and of no later one."""
    monitor = batch("-P", format="json", env=death.env)
    monitor.see(work.load)
    death("records", how)
    iotopx.wait_for("the loss", lambda: any(one["lost_exits"] is None for one in intervals(monitor)))
    check_never_too_much(monitor, work)
    check_right_again(monitor, work)
    unknown = [number for number, one in enumerate(intervals(monitor)) if one["lost_exits"] is None]
    assert len(unknown) == 1 and {one["scope"] for one in intervals(monitor)} == {"all"}
    assert "exits lost, how many is not known: " in told(monitor) and told(monitor).count("\n") == 1


@needs_root
@pytest.mark.parametrize("how", ["null", "close"])
@pytest.mark.parametrize("which", ["queries", "births"])
def test_dead_socket_that_nothing_is_lost_with(batch, work, death, which, how):
    """The sweep is done again over the new one; or /proc tells who is born. Not a byte is missing, nothing is said."""
    monitor = batch("-P", format="json", env=death.env)
    monitor.see(work.load)
    work.stop()
    load = work.load
    before, charged = monitor.settle(), load.charged
    for turn in range(60):
        load.go(f"write 0 {BLOCK}")
        load.go(f"fork {BLOCK}")
        if turn % 20 == 10:
            death(which, how)
            time.sleep(1.1)  # within a second of one there is no other new socket
    after = monitor.settle()
    assert shown(after, load.name) - shown(before, load.name) == load.charged - charged >= 120 * BLOCK
    assert {(one["scope"], one["lost_exits"]) for one in intervals(monitor)} == {("all", 0)}
    assert told(monitor) == ""
    check_right_again(monitor, work)


@needs_root
def test_no_new_socket_for_records(batch, work, death):
    """Without who could open one it goes on, and says of every interval that exits are not known."""
    monitor = batch("-P", format="json", env=death.env)
    monitor.see(work.load)
    os.kill(opener_of(monitor.process.pid), signal.SIGKILL)
    death("records")
    iotopx.wait_for("the loss", lambda: "no exit records: " in told(monitor))
    check_rests(monitor)
    samples = check_never_too_much(monitor, work)
    assert samples[-1].interval["scope"] == "all" and samples[-1].sum(work.load.name, "write") > 0
    assert {one["lost_exits"] for one in intervals(monitor)[-15:]} == {None}
    assert "no new socket: Operation not permitted" in told(monitor)


@needs_root
def test_no_new_socket_for_queries(batch, work, death):
    """Own processes only, root's here; when the opener answers again, all: but what they did meanwhile is not shown as
    if they had just done it."""
    other = subprocess.Popen([*AS_NOBODY, "sh", "-c", "while :; do echo x >/dev/null; sleep 0.02; done"])
    try:
        monitor = batch("-P", format="json", env=death.env)
        monitor.see(work.load)
        opener = opener_of(monitor.process.pid)
        os.kill(opener, signal.SIGSTOP)
        death("queries")
        iotopx.wait_for("the loss", lambda: intervals(monitor)[-1]["scope"] == "own")
        check_rests(monitor)
        samples = check_never_too_much(monitor, work)
        assert samples[-1].interval["scope"] == "own" and samples[-1].sum(work.load.name, "write") > 0
        assert "own processes only: taskstats failed: Socket operation on non-socket; no new socket: " in told(monitor)
        os.kill(opener, signal.SIGCONT)
        iotopx.wait_for("all", lambda: intervals(monitor)[-1]["scope"] == "all")
        check_never_too_much(monitor, work)
        check_right_again(monitor, work)
        its = [(one["interval_seconds"], task["write_syscalls"] or 0) for one in intervals(monitor)
               for task in one["tasks"] if task["pid"] == other.pid]
        assert its and all(calls <= 5 + 1.5 * seconds / 0.02 for seconds, calls in its), its
        # Who is not seen is not listed; the first to see it again has nothing to tell yet.
        listed = [any(task["pid"] == other.pid for task in one["tasks"]) for one in intervals(monitor)
                  if one["scope"] == "own"]
        assert listed.count(True) == 1 and listed[-1]
    finally:
        other.kill()
        other.wait()


@needs_root
def test_all_are_required(batch, death):
    monitor = batch("-P", "--require-all", format="json", env=death.env)
    os.kill(opener_of(monitor.process.pid), signal.SIGKILL)
    death("queries")
    assert monitor.process.wait(iotopx.PATIENCE) == 1
    assert told(monitor).splitlines()[-1] == (
        "iotopx: the helper that opens sockets has ended: one that fails is not replaced; --require-all: taskstats "
        "failed: Socket operation on non-socket; no new socket: Operation not permitted")
    assert "own" not in {one["scope"] for one in intervals(monitor)}


@needs_root
@pytest.mark.parametrize("which", ["queries", "records"])
def test_recording_with_a_dead_socket(scratch, work, death, which):
    """The recording tells the same: of which interval exits are not known, and all the rest."""
    path = os.path.join(scratch, "recording")

    def replay():
        run = subprocess.run([iotopx.BINARY, "--replay", path, "--format", "json", "-P"], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False)
        return iotopx.JsonParser().parse(run.stdout)

    monitor = subprocess.Popen([iotopx.BINARY, "--record", path, "-d", "0.1"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **death.env})
    try:
        iotopx.wait_for("the load", lambda: os.path.exists(path) and any(
            sample.of(work.load.name) for sample in replay()))
        charged = work.done()
        death(which)
        work.done()
        count = len(replay())
        iotopx.wait_for("intervals after it", lambda: len(replay()) > count + 5)
    finally:
        monitor.send_signal(signal.SIGINT)
        assert monitor.wait(iotopx.PATIENCE) == 0
    samples = replay()
    assert shown(samples, work.load.name) <= work.done()
    assert shown(samples, work.load.name) > charged
    unknown = [sample for sample in samples if sample.interval["lost_exits"] is None]
    assert len(unknown) == (which == "records") and samples[-1].interval["lost_exits"] == 0


@needs_root
@pytest.mark.parametrize("options", [[], ["--read-only"]], ids=["", "--read-only"])
def test_screen_with_dead_sockets(death, options):
    """The first line tells, for as long as it is so."""
    with Terminal([iotopx.BINARY, "-d", "0.2", *options], 160, 24, environment=death.env) as terminal:
        terminal.wait_for("COMMAND")
        opener = opener_of(terminal.program_pid())
        for which, words in (("records", "no exit records: "), ("queries", "own processes only: taskstats failed: ")):
            os.kill(opener, signal.SIGSTOP)
            death(which)
            terminal.wait_for(lambda t, words=words: words in t.lines()[0])
            os.kill(opener, signal.SIGCONT)
            terminal.wait_for(lambda t: not re.search("exit|own|taskstats", t.lines()[0].replace(" exited", "")))
        death("records")
        terminal.wait_for(lambda t: "exits lost, how many is not known" in t.lines()[0])
        terminal.wait_for(lambda t: "exits lost" not in t.lines()[0])
        terminal.press("q")
        assert terminal.wait_for_end() == 0
