"""Least privilege: what every thread and process of iotopx may do, as the kernel tells it and as it turns out by trying;
what still works through the helpers; what is left with capabilities of the file, and with --read-only."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import iotopx
from iotopx import helpers
from tmux import Terminal

BINARY = iotopx.BINARY
DELAYACCT = "/proc/sys/kernel/task_delayacct"
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
NUMBERS = {"dac_read_search": 2, "kill": 5, "net_admin": 12, "sys_ptrace": 19, "sys_admin": 21, "sys_nice": 23}
KEPT = ("net_admin", "sys_ptrace", "dac_read_search")
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def bits(*names):
    return sum(1 << NUMBERS[name] for name in names)


MONITOR = bits(*KEPT)
HELPERS = {"iotopx-actor": bits("kill", "sys_nice", "sys_admin"), "iotopx-namer": 0, "iotopx-opener": bits("net_admin")}


def run(*arguments, prefix=(), binary=BINARY, environment=None):
    return subprocess.run([*prefix, binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env={**ENVIRONMENT, **(environment or {})}, check=False)


def status(path):
    """The numbers of a status file that matter here."""
    with open(f"{path}/status", encoding="utf-8") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    rights = {key: int(lines[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return {**rights, "NoNewPrivs": int(lines["NoNewPrivs"]), "Seccomp": int(lines["Seccomp"]), "Name": lines["Name"],
            "switches": int(lines["voluntary_ctxt_switches"])}


def threads(pid):
    return [status(f"/proc/{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task")]


def switch():
    with open(DELAYACCT, encoding="ascii") as file:
        return file.read().strip()


@pytest.fixture(name="off")
def switched_off(delayacct):
    """Delay accounting is off, and as it was in the end."""
    delayacct(False)


@pytest.fixture(name="monitor")
def running(tmp_path):
    """monitor("-b", ...): a running process, settled: its second interval is out or its files are there."""
    processes = []

    def go(*arguments, prefix=(), binary=BINARY, environment=None):
        out, error = open(tmp_path / "out", "wb"), open(tmp_path / "err", "wb")
        os.chmod(tmp_path / "out", 0o666)
        process = subprocess.Popen([*prefix, binary, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=error,
                                   env={**ENVIRONMENT, **(environment or {})})
        processes.append(process)
        return process

    yield go
    for process in processes:
        process.kill()
        process.wait()


def output(tmp_path):
    return (tmp_path / "out").read_text(errors="replace")


def wait_intervals(tmp_path, process, count, word="Total "):
    iotopx.wait_for(f"{count} intervals", lambda: output(tmp_path).count(word) >= count or process.poll() is not None)
    assert process.poll() is None, (tmp_path / "err").read_text()


def open_to_others(path):
    for directory in [pathlib.Path(path), *pathlib.Path(path).parents]:
        mode = directory.stat().st_mode
        if not mode & 0o001:
            directory.chmod(mode | 0o055)


@pytest.fixture(name="granted")
def binary_with_capabilities(scratch):
    """A copy that an administrator gave capabilities to, where nobody may run it."""
    path = os.path.join(scratch, "iotopx")
    with open(BINARY, "rb") as file, open(path, "wb") as copy:
        copy.write(file.read())
    os.chmod(path, 0o755)
    open_to_others(scratch)
    done = subprocess.run(["setcap", ",".join("cap_" + name for name in KEPT) + "+ep", path], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        pytest.skip(f"no capabilities of files here: {done.stderr.strip()}")
    return path


# --- what the kernel says ---

def assert_stripped(one, most):
    assert one["CapPrm"] & ~most == 0 and one["CapEff"] & ~most == 0 and one["CapBnd"] & ~most == 0, one
    assert (one["CapInh"], one["CapAmb"], one["NoNewPrivs"], one["Seccomp"]) == (0, 0, 1, 2), one


FRONTS = {
    "text": ["-b", "-d", "0.2"],
    "recording": ["--record", "FILE", "-d", "0.2"],
    "openmetrics": ["--format", "openmetrics", "--output", "FILE", "-d", "0.2"],
    "both": ["--format", "json", "--record", "FILE", "-d", "0.2"],
}


@pytest.mark.parametrize("front", FRONTS)
def test_every_thread_is_stripped(monitor, tmp_path, front):
    path = tmp_path / "file"
    process = monitor(*[str(path) if word == "FILE" else word for word in FRONTS[front]])
    iotopx.wait_for("output", lambda: (path.exists() and path.stat().st_size or output(tmp_path).count("\n") > 3)
                    and os.path.isdir(f"/proc/{process.pid}/task") and set(helpers(process.pid)) == set(HELPERS))
    # Files are opened with what is in effect set aside: it is back in the end.
    main = iotopx.wait_for("the drop", lambda: (one := status(f"/proc/{process.pid}"))["Seccomp"] == 2
                           and one["CapEff"] and one)
    assert main["CapEff"] == main["CapPrm"] == main["CapBnd"] == MONITOR
    for one in threads(process.pid):
        assert_stripped(one, MONITOR)
    children = helpers(process.pid)
    for name, most in HELPERS.items():
        for one in threads(children[name]):
            assert_stripped(one, most)
        assert status(f"/proc/{children[name]}")["CapEff"] == most


def test_the_screen_is_stripped_too():
    with Terminal([BINARY, "-d", "0.3"]) as terminal:
        terminal.wait_for("COMMAND")
        pid = terminal.program_pid()
        for one in threads(pid):
            assert_stripped(one, MONITOR)


def test_a_replay_has_nothing(monitor, tmp_path):
    assert run("--record", str(tmp_path / "r"), "-b", "-n", "2", "-d", "0.2").returncode == 0
    with Terminal([BINARY, "--replay", str(tmp_path / "r")]) as terminal:
        terminal.wait_for("COMMAND")
        pid = terminal.program_pid()
        for one in threads(pid):
            assert_stripped(one, 0)
        assert helpers(pid) == {}
    assert run("--replay", str(tmp_path / "r"), "-b").returncode == 0


def test_nothing_but_the_needed_is_needed(start):
    """With the three alone the numbers of another's process are exact; without one of them something is missing."""
    load = start("puppet", "FILE", 0)

    def seen(*lost):
        keep = ",".join(["-all", *("+" + name for name in KEPT if name not in lost)])
        child = subprocess.Popen([*AS_NOBODY, "sh", "-c", "while :; do echo x >/dev/null; sleep 0.01; done"])
        try:
            time.sleep(0.3)
            done = run("--format", "json", "-P", "-n", "2", "-d", "0.4",
                       prefix=["setpriv", f"--bounding-set={keep}", "--inh-caps=-all", "--"])
            assert done.returncode == 0, done.stderr
            interval = iotopx.json.loads(done.stdout.splitlines()[-1])
        finally:
            child.kill()
            child.wait()
        tasks = [task for task in interval["tasks"] if task["pid"] == child.pid]
        return interval, tasks[0]["write_syscalls"] if tasks else None

    load.close()
    interval, calls = seen()
    assert interval["scope"] == "all" and interval["lost_exits"] == 0 and calls > 5
    interval, calls = seen("net_admin")
    assert interval["scope"] == "own" and interval["lost_exits"] is None
    for name in ("sys_ptrace", "dac_read_search"):
        interval, calls = seen(name)
        assert interval["scope"] == "all" and not calls, name  # /proc/PID/io is closed: counts in thousands only


# --- what happens when it is tried ---

def test_forbidden_calls_fail_in_the_monitor(monitor, tmp_path):
    told = tmp_path / "told"
    process = monitor("-b", "-o", "-d", "0.2", environment={"TRESPASS": str(told), "LD_PRELOAD": os.path.join(
        iotopx.LOADS, "trespass.so")})
    iotopx.wait_for("the tries", lambda: told.exists() or process.poll() is not None)
    results = {name: int(number) for name, number in (line.split() for line in told.read_text().splitlines())}
    assert len(results) == 32
    assert {name: number for name, number in results.items() if number not in (1, 13)} == {}
    assert [name for name, number in results.items() if number == 13] in ([], ["delayacct"])
    wait_intervals(tmp_path, process, output(tmp_path).count("Total ") + 2)  # and it goes on


def test_a_kernel_without_filters():
    blind = {"LD_PRELOAD": os.path.join(iotopx.LOADS, "nofilter.so")}
    done = run("-b", "-n", "1", "-d", "0.2", environment=blind)
    assert done.returncode == 0
    assert "more rights than needed: system calls can't be filtered on this kernel: Invalid argument" in done.stderr
    done = run("-b", "-n", "1", "-d", "0.2", "--require-all", environment=blind)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "--require-all: system calls can't be filtered" in done.stderr


@pytest.mark.parametrize("options", [["--record", "FILE"], ["--format", "openmetrics", "--output", "FILE"]],
                         ids=["--record", "--output"])
def test_what_could_not_be_written_later_is_refused_at_start(tmp_path, options):
    directory = tmp_path / "theirs"
    directory.mkdir(mode=0o755)
    os.chown(directory, NOBODY, NOBODY)
    done = run(*[str(directory / "file") if word == "FILE" else word for word in options], "-n", "1", "-d", "0.2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert options[-2] in done.stderr and "Permission denied" in done.stderr and "CAP_DAC_OVERRIDE" in done.stderr
    assert os.listdir(directory) == []


def refused(path, *options, prefix=(), binary=BINARY):
    """Refused at the start in one line, of which the rest after the option and the path comes back; nothing is changed."""
    directory = path.parent
    before = {name: (directory / name).read_bytes() for name in os.listdir(directory)}
    done = run(*options, str(path), "-n", "1", "-d", "0.2", prefix=prefix, binary=binary)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert {name: (directory / name).read_bytes() for name in os.listdir(directory)} == before
    start = f"iotopx: {options[-1]} {path}: "
    assert done.stderr.startswith(start)
    return done.stderr.removeprefix(start)[:-1]


OPENMETRICS = ("--format", "openmetrics", "--output")


def test_another_users_file_in_a_sticky_directory(place, granted):
    """To take its place is what the owner of the directory or of the file may, and who has CAP_FOWNER."""
    path = place / "m.prom"
    path.write_text("theirs\n")
    os.chown(path, NOBODY, NOBODY)
    os.chown(place, NOBODY - 1, NOBODY - 1)
    place.chmod(0o1777)
    assert refused(path, *OPENMETRICS) == (
        "Operation not permitted: it is another user's, in a directory with the sticky bit, and iotopx gives up root's "
        "right to replace it (CAP_FOWNER)")
    os.chown(path, 0, 0)
    assert refused(path, *OPENMETRICS, prefix=AS_NOBODY, binary=granted) == (
        "Operation not permitted: it is another user's, in a directory with the sticky bit")
    assert run(*OPENMETRICS, str(path), "-n", "1", "-d", "0.2").returncode == 0
    assert path.read_text().endswith("# EOF\n")


@pytest.mark.parametrize("mark,of,text", [
    ("i", "file", "it is immutable (chattr +i)"),
    ("a", "file", "it is append-only (chattr +a)"),
    ("i", "directory", "its directory is immutable (chattr +i)"),
    ("a", "directory", "its directory is append-only (chattr +a)"),
])
def test_marks_that_no_right_overcomes(scratch, mark, of, text):
    inner = pathlib.Path(scratch, "inner")
    inner.mkdir()
    path = inner / "m.prom"
    path.write_text("before\n")
    marked = path if of == "file" else inner
    done = subprocess.run(["chattr", "+" + mark, marked], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no such marks here: {done.stderr.strip()}")
    try:
        assert refused(path, *OPENMETRICS) == f"Operation not permitted: {text}"
        if of == "file":  # nor is it opened
            assert refused(path, "-b", "--output") == f"Operation not permitted: {text}"
            assert refused(path, "-b", "--record") == f"Operation not permitted: {text}"
    finally:
        subprocess.run(["chattr", "-" + mark, marked], check=True)
    assert run(*OPENMETRICS, str(path), "-n", "1", "-d", "0.2").returncode == 0


def test_a_file_that_is_mounted_is_not_replaced(scratch):
    path = pathlib.Path(scratch, "m.prom")
    path.write_text("before\n")
    mounted = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', str(path)]
    if subprocess.run([*mounted, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    assert refused(path, *OPENMETRICS, prefix=mounted) == (
        "Device or resource busy: it is mounted there, so nothing can take its place")


def in_their_hands(place, path):
    place.chmod(0o755)
    os.chown(place, NOBODY, NOBODY)


def empty_in_their_hands(place, path):
    path.write_bytes(b"")
    in_their_hands(place, path)


def theirs_beside(place, path):
    log = place / "r-wal"
    log.write_bytes(b"")
    os.chown(log, NOBODY, NOBODY)


@pytest.mark.parametrize("hole,text", [
    (in_their_hands, "its directory takes no new files, which a recording needs beside it"),
    (empty_in_their_hands, "its directory takes no new files, which a recording needs beside it"),
    (theirs_beside, "the file beside it with -wal after the name can't be written"),
])
def test_what_a_recording_needs_beside_it(place, hole, text):
    path = place / "r"
    assert run("-b", "--record", str(path), "-n", "1", "-d", "0.2").returncode == 0
    hole(place, path)
    assert refused(path, "-b", "--record") == (
        f"{text}: Permission denied: iotopx gives up root's right to write where others are the owners "
        "(CAP_DAC_OVERRIDE)")


# --- acting, through the helper ---

@pytest.fixture(name="victim")
def victims():
    """victim(prefix): a sleeping process."""
    sleepers = []

    def sleep(prefix=()):
        sleepers.append(subprocess.Popen([*prefix, "sleep", "1000"]))
        return sleepers[-1]

    yield sleep
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()


def look_at(terminal, pid):
    terminal.wait_for("COMMAND")
    terminal.press("/", "C-u")
    terminal.type(f"pid:{pid}")
    terminal.press("Enter")
    terminal.wait_for(lambda t: re.search(rf"^ *{pid} ", t.text(), re.M))


def press_signal(terminal):
    terminal.press("k")
    terminal.wait_for("TERM  end")
    terminal.press("Enter")
    terminal.wait_for("Send SIGTERM")
    terminal.press("y")


def press_priority(terminal):
    terminal.press("i")
    terminal.wait_for("best effort 0")
    terminal.press("Down", "Enter")


def ionice(pid):
    return subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=True).stdout.strip()


def act_on(terminal, process):
    """Its priority is set, then it is ended."""
    look_at(terminal, process.pid)
    press_priority(terminal)
    terminal.wait_for("priority set")
    assert ionice(process.pid) == "best-effort: prio 1"
    press_signal(terminal)
    assert process.wait(30) == -signal.SIGTERM


def test_keys_act_on_others(victim, off):
    sleeper = victim(AS_NOBODY)
    with Terminal([BINARY, "-d", "0.3"], 150, 24) as terminal:
        act_on(terminal, sleeper)
        terminal.wait_for("no delay accounting")
        terminal.press("C-t")
        terminal.wait_for("delay accounting is on")
        assert switch() == "1"
        terminal.wait_for(lambda t: "no delay accounting" not in t.lines()[0])
        terminal.press("C-t")
        terminal.wait_for("delay accounting is off")
        assert switch() == "0"
        terminal.press("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize("options,environment", [(["--read-only"], {}), ([], {"IOTOPX_READONLY": "yes"})],
                         ids=["option", "variable"])
def test_read_only_has_no_actor(victim, off, options, environment):
    sleeper = victim()
    before = ionice(sleeper.pid)
    with Terminal([BINARY, "-d", "0.3", *options], environment=environment) as terminal:
        look_at(terminal, sleeper.pid)
        assert set(helpers(terminal.program_pid())) == {"iotopx-namer", "iotopx-opener"}
        for key, words in (("k", "no signals"), ("i", "no priorities"), ("C-t", "delay accounting stays as it is")):
            terminal.press(key)
            terminal.wait_for("read-only: ")
            terminal.wait_for(words)
            terminal.press("Home")
    assert sleeper.poll() is None and ionice(sleeper.pid) == before and switch() == "0"
    done = run("-b", "-n", "1", "--delayacct", *options, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "--delayacct" in done.stderr and "--read-only" in done.stderr


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_delay_accounting_is_restored(monitor, tmp_path, off, end):
    process = monitor("-b", "-o", "--delayacct", "-d", "0.2")
    wait_intervals(tmp_path, process, 2)
    assert switch() == "1"
    children = helpers(process.pid)
    process.send_signal(end)
    process.wait(iotopx.PATIENCE)
    if end != signal.SIGKILL:
        assert switch() == "0"  # at once: who started it may look
    iotopx.wait_for("the helpers to end", lambda: not any(os.path.exists(f"/proc/{pid}/exe") and os.access(
        f"/proc/{pid}/fd", os.R_OK) and os.listdir(f"/proc/{pid}/fd") for pid in children.values()))
    assert switch() == "0"


def test_signals_of_the_terminal_reach_all_and_restore(off, tmp_path):
    """Ctrl-C goes to the whole group: the helper must outlive the monitor."""
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen([BINARY, "-b", "-o", "--delayacct", "-d", "0.2"], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True)
    wait = time.monotonic() + iotopx.PATIENCE
    while output(tmp_path).count("Total ") < 2 and time.monotonic() < wait:
        time.sleep(0.02)
    assert switch() == "1"
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=iotopx.PATIENCE)
    assert (process.returncode, error, switch()) == (0, b"", "0")


def test_dead_helpers_are_told(monitor, tmp_path, off):
    def told():
        return (tmp_path / "err").read_text()

    process = monitor("-b", "-o", "--delayacct", "-d", "0.2")
    wait_intervals(tmp_path, process, 2)
    children = helpers(process.pid)
    os.kill(children["iotopx-namer"], signal.SIGKILL)
    iotopx.wait_for("the notice", lambda: "the helper that looks up users has ended" in told())
    os.kill(children["iotopx-actor"], signal.SIGKILL)
    iotopx.wait_for("the notice", lambda: "the helper that acts has ended: delay accounting stays on" in told())
    os.kill(children["iotopx-opener"], signal.SIGKILL)  # it is the least of the three: what is told stays
    wait_intervals(tmp_path, process, output(tmp_path).count("Total ") + 3)
    assert helpers(process.pid) == {}  # reaped
    process.terminate()
    assert process.wait(iotopx.PATIENCE) == 0
    assert switch() == "1"
    assert "kernel.task_delayacct was not switched off again" in told()


def test_keys_without_their_helper(victim, off):
    sleeper = victim()
    with Terminal([BINARY, "-d", "0.3"], 150, 24) as terminal:
        look_at(terminal, sleeper.pid)
        os.kill(helpers(terminal.program_pid())["iotopx-actor"], signal.SIGKILL)
        terminal.wait_for("the helper that acts has ended")
        press_signal(terminal)
        terminal.wait_for("No child processes")
        assert sleeper.poll() is None
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_idle_helpers_cost_nothing(monitor, tmp_path):
    """No refresh asks them anything: they sleep in one call for as long as nothing is asked."""
    process = monitor("-b", "-o", "-d", "0.1", "-p", "1")
    wait_intervals(tmp_path, process, 5)
    children = helpers(process.pid)
    before = {name: sum(one["switches"] for one in threads(pid)) for name, pid in children.items()}
    wait_intervals(tmp_path, process, output(tmp_path).count("Total ") + 10)
    after = {name: sum(one["switches"] for one in threads(pid)) for name, pid in children.items()}
    assert after["iotopx-actor"] == before["iotopx-actor"] and after["iotopx-opener"] == before["iotopx-opener"]
    assert after["iotopx-namer"] - before["iotopx-namer"] < 10  # a user who was not there before


# --- capabilities of the file ---

def test_granted_sees_everything(granted, monitor, tmp_path, scratch):
    os.chown(scratch, NOBODY, NOBODY)
    process = monitor("-b", "-d", "0.2", "--require-all", "--record", os.path.join(scratch, "r"), prefix=AS_NOBODY,
                      binary=granted)
    wait_intervals(tmp_path, process, 2)
    assert "own processes" not in output(tmp_path)
    pid = iotopx.wait_for("the drop", lambda: status(f"/proc/{process.pid}")["Seccomp"] == 2 and process.pid)
    for one in threads(pid):
        assert one["CapPrm"] == MONITOR and one["CapEff"] in (0, MONITOR), one  # the recorder writes as nobody
        assert (one["CapInh"], one["CapAmb"], one["NoNewPrivs"], one["Seccomp"]) == (0, 0, 1, 2)
    assert status(f"/proc/{pid}")["CapEff"] == MONITOR
    assert {one["CapEff"] for one in threads(pid)} == {0, MONITOR}
    for name, child in helpers(pid).items():
        most = HELPERS[name] & MONITOR
        for one in threads(child):
            assert (one["CapPrm"], one["CapEff"], one["NoNewPrivs"], one["Seccomp"]) == (most, most, 1, 2)


def test_granted_knows_others_exactly(granted, start):
    load = start("puppet", "FILE", 0)
    done = run("--format", "json", "-P", "-n", "1", "-d", "0.3", prefix=AS_NOBODY, binary=granted)
    interval = iotopx.json.loads(done.stdout.splitlines()[-1])
    assert (interval["scope"], interval["lost_exits"]) == ("all", 0)
    assert any(task["pid"] == load.pid and task["user"] == pwd.getpwuid(0).pw_name for task in interval["tasks"])


def test_granted_acts_on_its_own_only(granted, victim, off):
    own, other = victim(AS_NOBODY), victim()
    with Terminal([*AS_NOBODY, granted, "-d", "0.3"], 120, 24, environment={"XDG_CONFIG_HOME": "/nonexistent"}) as terminal:
        look_at(terminal, other.pid)
        before = ionice(other.pid)
        press_signal(terminal)
        terminal.wait_for("Operation not permitted")
        press_priority(terminal)
        terminal.wait_for(lambda t: "Operation not permitted" in t.lines()[23])
        assert other.poll() is None and ionice(other.pid) == before
        terminal.press("C-t")
        terminal.wait_for("delay accounting: ")
        assert switch() == "0"
        act_on(terminal, own)
    done = run("-b", "-n", "1", "--delayacct", prefix=AS_NOBODY, binary=granted)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "--delayacct" in done.stderr and "not permitted" in done.stderr


@pytest.mark.parametrize("options", [["--replay", "FILE"], ["--config", "FILE"]], ids=["--replay", "--config"])
def test_granted_reads_no_files_of_others(granted, tmp_path, options):
    """CAP_DAC_READ_SEARCH is for /proc: a file of root's that the user names stays closed."""
    secret = tmp_path / "secret"
    secret.write_text("root:secret-word:1:\n")
    secret.chmod(0o600)
    open_to_others(tmp_path)
    done = run("-b", "-n", "1", "-d", "0.2", *[str(secret) if word == "FILE" else word for word in options],
               prefix=AS_NOBODY, binary=granted)
    assert "secret-word" not in done.stdout + done.stderr
    assert "Permission denied" in done.stderr


def test_granted_follows_no_link_where_the_user_may_not(granted, scratch):
    """Nor is anything written where the user may not."""
    closed = pathlib.Path(scratch, "closed")
    closed.mkdir(mode=0o700)
    inner = closed / "open"
    inner.mkdir()
    inner.chmod(0o777)
    for options in (["--record", str(inner / "r"), "-b"], ["--format", "openmetrics", "--output", str(inner / "m")],
                    ["-b", "--output", str(inner / "o")]):
        done = run(*options, "-n", "1", "-d", "0.2", prefix=AS_NOBODY, binary=granted)
        assert done.returncode == 1 and "Permission denied" in done.stderr, options
    with Terminal([*AS_NOBODY, granted, "-d", "0.3", "--config", str(inner / "rc")], 120, 24) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("W")
        terminal.wait_for(lambda t: "not saved: Permission denied" in t.text() or "saved in" in t.text())
        assert "not saved: Permission denied" in terminal.text()
        assert status(f"/proc/{terminal.program_pid()}")["CapEff"] == MONITOR  # what it looks with is back
    assert os.listdir(inner) == []


def test_granted_saves_what_the_user_may(granted, scratch):
    own = pathlib.Path(scratch, "own")
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    with Terminal([*AS_NOBODY, granted, "-d", "0.3", "--config", str(own / "rc")], 120, 24) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("o", "W")
        terminal.wait_for("saved in")
    assert "only = yes" in (own / "rc").read_text() and (own / "rc").stat().st_uid == NOBODY


# --- the settings file ---

@pytest.fixture(name="place")
def short_directory():
    """Its name fits into a notice, which shortens long ones."""
    path = tempfile.mkdtemp(prefix="iotopx-", dir="/tmp")
    yield pathlib.Path(path)
    shutil.rmtree(path)


def theirs_under_sudo(place, path):
    os.chown(path, NOBODY, NOBODY)
    return {"SUDO_UID": str(NOBODY), "XDG_CONFIG_HOME": str(place)}, "under sudo only root's own is read"


def theirs(place, path):
    os.chown(path, NOBODY, NOBODY)
    return {"XDG_CONFIG_HOME": str(place)}, "does not belong to root"


def in_their_directory(place, path):
    os.chown(place, NOBODY, NOBODY)
    return {"XDG_CONFIG_HOME": str(place)}, "others could have put it there"


def a_link(place, path):
    path.rename(place / "target")
    path.symlink_to(place / "target")
    return {"XDG_CONFIG_HOME": str(place)}, "it is a symbolic link"


def writable_by_all(place, path):
    path.chmod(0o666)
    return {"XDG_CONFIG_HOME": str(place)}, "others may write to it"


@pytest.mark.parametrize("hole", [theirs_under_sudo, theirs, in_their_directory, a_link, writable_by_all])
def test_settings_that_others_could_have_written(place, hole):
    """Ignored with a notice: its columns are not those of the output."""
    (place / "iotopx").mkdir()
    path = place / "iotopx" / "iotopxrc"
    path.write_text("columns = pid,command\n")
    path.chmod(0o600)
    environment, reason = hole(place, path)
    done = run("-b", "-o", "-n", "1", "-d", "0.2", environment=environment)
    assert done.returncode == 0
    assert f"settings file {path} is ignored: " in done.stderr and reason in done.stderr
    assert "BUFFER READ" in done.stdout


def test_settings_name_no_output(place):
    """And what is root's alone is read, but for what acts."""
    (place / "iotopx").mkdir()
    path = place / "iotopx" / "iotopxrc"
    never = place / "never"
    acting = {"output": never, "record": never, "replay": never, "delayacct": "yes", "batch": "yes", "format": "json"}
    path.write_text("columns = pid,command\n" + "".join(f"{key} = {value}\n" for key, value in acting.items()))
    path.chmod(0o600)
    before = switch() if os.path.exists(DELAYACCT) else None
    done = run("-b", "-o", "-n", "1", "-d", "0.2", environment={"XDG_CONFIG_HOME": str(place)})
    assert done.returncode == 0
    for line, key in enumerate(acting, 2):
        assert f"{path}:{line}: {key}: command line only (skipped)" in done.stderr
    assert not never.exists() and (before is None or switch() == before)
    assert "BUFFER READ" not in done.stdout and done.stdout.startswith("Total ")


# --- the manual ---

def test_the_manual_names_what_is_kept():
    """Each capability of the monitor and of the actor, in the section about security, and no other."""
    text = (pathlib.Path(os.environ.get("IOTOPX_SOURCE", ".")) / "man/iotopx.8").read_text(encoding="utf-8")
    section = text[text.index("\n.SH SECURITY"):]
    section = section[:section.index("\n.SS Capabilities without root")]
    named = {name.lower() for name in re.findall(r"CAP_(\w+)", section)}
    assert named == set(KEPT) | {"kill", "sys_nice", "sys_admin"}
