"""The command line and the edges of the process: options, closed and full outputs, signals, rights, terminals."""
import fcntl
import os
import pty
import resource
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import iotopx

BINARY = iotopx.BINARY
DELAYACCT = "/proc/sys/kernel/task_delayacct"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}


def run(*arguments, **keywords):
    keywords = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                "timeout": 60, "env": ENVIRONMENT, **keywords}
    return subprocess.run([BINARY, *arguments], check=False, **keywords)


def start(*arguments, **keywords):
    keywords = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                "env": ENVIRONMENT, **keywords}
    return subprocess.Popen([BINARY, *arguments], **keywords)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- options ---

BAD = [
    (["-d", "abc"], ["-d", "'abc'", "0.1 to 3600"]),
    (["-d", "0"], ["-d", "'0'", "0.1 to 3600"]),
    (["-d", "3601"], ["-d", "'3601'", "0.1 to 3600"]),
    (["--delay=-1"], ["--delay", "'-1'", "0.1 to 3600"]),
    (["-n", "0"], ["-n", "'0'", "1 or more"]),
    (["-n", "abc"], ["-n", "'abc'", "1 or more"]),
    (["-n", "-5"], ["-n", "'-5'", "1 or more"]),
    (["-n", "1.5"], ["-n", "'1.5'", "1 or more"]),
    (["-p", "x"], ["-p", "'x'", "4194304"]),
    (["-p", "0"], ["-p", "'0'", "4194304"]),
    (["-u", "nobody here"], ["-u", "'nobody here'", "user"]),
    (["-s", "NOPE"], ["-s", "'NOPE'", "pid", "read", "write", "io", "command"]),
    (["--view", "devices", "-s", "util"], ["-s", "'util'", "--device-sort"]),
    (["--columns", "read,nope"], ["--columns", "'nope'", "pid", "command"]),
    (["--columns", ""], ["--columns", "command"]),
    (["--group", "cat"], ["--group", "'cat'", "command, user, unit or container"]),
    (["--filter", "a("], ["--filter", "'a('", "regular expression"]),
    (["--mode", "x"], ["--mode", "'x'", "rate, accumulated or average"]),
    (["--units", "x"], ["--units", "'x'", "binary, si or kib"]),
    (["--output", ""], ["--output", "file"]),
    (["--nope"], ["--nope", "--help"]),
    (["-Z"], ["-Z", "--help"]),
    (["word"], ["'word'", "--help"]),
    (["-n"], ["-n", "1 or more"]),
    (["--only=yes"], ["--only", "'yes'"]),
    (["-d", "\x1b[31m\nx"], ["\\x1b[31m\\nx"]),
]


@pytest.mark.parametrize("arguments, parts", BAD, ids=[" ".join(case[0]) for case in BAD])
def test_bad_value(arguments, parts):
    """One line on stderr that names the option, the value and what is accepted; exit 2."""
    done = run("-b", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n")
    assert "\x1b" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_version():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("iotopx ") and done.stdout.count("\n") == 1
    assert [word.isdigit() for word in done.stdout.split()[1].split(".")] == [True] * 3


def test_help():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--delay", "--only", "--no-threads", "-n, --iter NUM", "DISK WRITE"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert run("-h").stdout == done.stdout


def test_settings_file_and_command_line(tmp_path):
    config = tmp_path / "rc"
    config.write_text("columns = pid,command\nonly = yes\ndelay = 0.2\n")
    config.chmod(0o600)
    done = run("-b", "-n", "1", "--no-only", "--config", str(config))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    titles = next(line for line in lines if "COMMAND" in line)
    assert titles.split() == ["TID", "COMMAND"]
    # --no-only undoes the file: tasks that did nothing are there.
    assert len(lines) - lines.index(titles) > 10

    config.write_text("columns = pid,nope\noutput = /tmp/never\n")
    done = run("-b", "-n", "1", "-d", "0.2", "--config", str(config))
    assert done.returncode == 0
    assert f"{config}:1:" in done.stderr and f"{config}:2: output: command line only" in done.stderr
    assert not os.path.exists("/tmp/never")


# --- batch ---

def test_iterations_are_full_intervals():
    begin = time.monotonic()
    done = run("-b", "-o", "-n", "3", "-d", "0.4")
    assert time.monotonic() - begin >= 3 * 0.4
    assert done.returncode == 0
    assert sum(line.startswith("Total DISK READ") for line in done.stdout.splitlines()) == 3


def test_snap_lets_one_pass():
    begin = time.monotonic()
    done = run("-b", "-o", "-n", "2", "-d", "0.4", "--snap")
    assert time.monotonic() - begin >= 3 * 0.4
    assert sum(line.startswith("Total DISK READ") for line in done.stdout.splitlines()) == 2


def test_output_file(tmp_path):
    out = tmp_path / "out"
    out.write_text("old\n" * 10000)
    done = run("-o", "-n", "1", "-d", "0.2", "--output", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    text = out.read_text()
    assert text.startswith("Total DISK READ") and "old" not in text
    done = run("-n", "1", "--output", str(tmp_path / "no" / "where"))
    assert done.returncode == 1 and "No such file" in done.stderr and done.stderr.count("\n") == 1


def test_pid_ends_the_batch():
    sleeper = subprocess.Popen(["sleep", "1000"])
    monitor = start("-b", "-p", str(sleeper.pid), "-d", "0.2")
    try:
        assert monitor.stdout.readline().startswith(b"Total")
        time.sleep(0.5)
        assert monitor.poll() is None
        sleeper.kill()
        sleeper.wait()
        monitor.communicate(timeout=iotopx.PATIENCE)
        assert monitor.returncode == 0
    finally:
        monitor.kill()
        sleeper.kill()


def test_pid_that_is_not_there():
    child = subprocess.Popen(["true"])
    child.wait()
    done = run("-b", "-n", "1", "-d", "0.2", "-p", str(child.pid))
    assert done.returncode == 1 and f"-p {child.pid}: no such process" in done.stderr


def test_stdin_from_null_does_not_spin():
    monitor = start("-b", "-o", "-d", "1", stdout=subprocess.DEVNULL)
    try:
        time.sleep(1.5)
        before = cpu_seconds(monitor.pid)
        time.sleep(2.5)
        used = cpu_seconds(monitor.pid) - before
        assert monitor.poll() is None
        # A loop that spins takes all of it; a sweep takes milliseconds.
        assert used < 1.25
    finally:
        monitor.terminate()
        assert monitor.wait(iotopx.PATIENCE) == 0


# --- outputs that fail ---

def test_broken_pipe_is_quiet():
    """| head -1"""
    monitor = start("-b", "-d", "0.2")
    head = subprocess.run(["head", "-1"], stdin=monitor.stdout, stdout=subprocess.PIPE, check=True)
    monitor.stdout.close()
    assert monitor.wait(iotopx.PATIENCE) == 0
    assert head.stdout.startswith(b"Total")
    assert b"ipe" not in monitor.stderr.read()


def test_reader_that_leaves_early_ends_it_at_once():
    """Not only at the next write: that may be an hour away."""
    monitor = start("-b", "-d", "3600")
    iotopx.wait_for("the timer to be set", lambda: any(
        "timerfd" in os.readlink(f"/proc/{monitor.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{monitor.pid}/fd")))
    monitor.stdout.close()
    assert monitor.wait(iotopx.PATIENCE) == 0


@pytest.mark.parametrize("arguments", [["-b", "-n", "2", "-d", "0.2"], ["--help"], ["--version"]])
def test_full_disk(arguments):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 1
    assert "No space left" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["-b", "-n", "2", "-d", "0.2"], ["--help"], ["--version"]])
def test_closed_stdout(arguments):
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", BINARY, *arguments], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "standard output" in done.stderr and done.stderr.count("\n") == 1


def test_all_descriptors_closed(tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BINARY, "-n", "1", "-d", "0.2", "--output",
                           str(out)], timeout=60, check=False)
    assert done.returncode == 0
    assert out.read_text().startswith("Total DISK READ")


@pytest.mark.parametrize("failing", [["--replay", "/nonexistent"], ["-p", "4194304"], ["--record", "/nonexistent/r"]],
                         ids=lambda words: words[0])
def test_a_start_that_fails_leaves_the_output_alone(tmp_path, failing):
    out = tmp_path / "out"
    out.write_text("a week's work\n")
    done = run("-b", "-n", "1", "-d", "0.2", "--output", str(out), *failing)
    assert done.returncode == 1 and failing[0] in done.stderr.splitlines()[-1]
    assert out.read_text() == "a week's work\n"


def test_output_leaves_nothing_of_what_was_there(tmp_path):
    out = tmp_path / "out"
    out.write_text("a week's work\n" * 100000)
    assert run("-n", "1", "-d", "0.2", "--output", str(out)).returncode == 0
    assert out.read_text().startswith("Total DISK READ") and "week" not in out.read_text()


def test_output_into_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert run("-n", "1", "-d", "0.2", "--output", str(pipe)).returncode == 0
        assert reader.stdout.read().startswith("Total DISK READ")


@pytest.mark.parametrize("option,others", [("--replay", []), ("--record", []), ("--record", ["--format", "openmetrics"])])
def test_output_destroys_no_recording(tmp_path, option, others):
    path, link = tmp_path / "r", tmp_path / "link"
    assert run("-b", "--record", str(path), "-n", "1", "-d", "0.2").returncode == 0
    link.hardlink_to(path)
    before = path.read_bytes()
    done = run("-b", "-n", "1", "-d", "0.2", option, str(path), "--output", str(link), *others)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"iotopx: --output {link}: it is the recording\n")
    assert path.read_bytes() == before


def test_output_that_ends_names_its_option():
    done = run("-b", "-n", "2", "-d", "0.2", "--output", "/dev/full")
    assert (done.returncode, done.stderr) == (1, "iotopx: --output /dev/full: No space left on device\n")


def test_file_size_limit(tmp_path):
    with open(tmp_path / "out", "w", encoding="ascii") as out:
        done = run("-b", "-n", "50", "-d", "0.1", stdout=out, preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))))
    assert done.returncode == 1
    assert "File too large" in done.stderr.splitlines()[-1]


def test_slow_reader_costs_intervals_only():
    """A pipe that no one reads fills up; the monitor goes on, ends on a signal, and says what was left out."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    monitor = start("-b", "-d", "0.1", stdout=writer)
    os.close(writer)
    try:
        # The queue holds 64 intervals; after that they are dropped. It goes on sweeping all the time.
        time.sleep(9)
        assert monitor.poll() is None
        monitor.terminate()
        assert monitor.wait(iotopx.PATIENCE) == 0
        assert b"intervals were not written" in monitor.stderr.read()
        assert os.read(reader, 5) == b"Total"
    finally:
        monitor.kill()
        os.close(reader)


# --- signals ---

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_end_batch(number):
    monitor = start("-b", "-o", "-d", "0.2", bufsize=0)
    assert monitor.stdout.readline().startswith(b"Total")
    monitor.send_signal(number)
    out, _ = monitor.communicate(timeout=iotopx.PATIENCE)
    assert monitor.returncode == 0
    assert out.endswith(b"\n")


@pytest.fixture(name="delayacct")
def delayacct_file():
    if not os.path.exists(DELAYACCT):
        pytest.skip("no sysctl for delay accounting on this kernel")
    before = open(DELAYACCT, encoding="ascii").read()
    yield lambda: open(DELAYACCT, encoding="ascii").read().strip()
    with open(DELAYACCT, "w", encoding="ascii") as file:
        file.write(before)


@pytest.mark.parametrize("before", ["0", "1"])
@pytest.mark.parametrize("end", [None, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, signal.SIGABRT])
def test_delayacct_is_restored(delayacct, before, end):
    with open(DELAYACCT, "w", encoding="ascii") as file:
        file.write(before)
    monitor = start("-b", "-o", "--delayacct", "-d", "0.3", *(["-n", "1"] if end is None else []))
    try:
        iotopx.wait_for("delay accounting to be on", lambda: delayacct() == "1")
        if end is not None:
            assert monitor.stdout.readline().startswith(b"Total")
            assert delayacct() == "1"
            monitor.send_signal(end)
        monitor.communicate(timeout=iotopx.PATIENCE)
    finally:
        monitor.kill()
    crash = end in (signal.SIGSEGV, signal.SIGABRT)
    assert monitor.returncode == (-end if crash else 0)
    assert delayacct() == before


# --- rights ---

def without(*capabilities):
    drop = ",".join("-" + name for name in capabilities)
    return ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", "--"]


@pytest.mark.parametrize("prefix", [
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"],
    without("net_admin"),
    ["unshare", "--user", "--map-root-user"],
], ids=["nobody", "no CAP_NET_ADMIN", "user namespace"])
def test_no_capability(prefix, tmp_path):
    """Own processes with a notice; with --require-all one line that says what to do, exit 1."""
    binary = tmp_path / "iotopx"
    binary.write_bytes(open(BINARY, "rb").read())
    binary.chmod(0o755)
    for directory in [tmp_path, *tmp_path.parents][:3]:
        directory.chmod(directory.stat().st_mode | 0o755)
    done = subprocess.run([*prefix, str(binary), "-b", "-n", "1", "-d", "0.2"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)
    assert done.returncode == 0
    assert "own processes only" in done.stdout + done.stderr
    assert "iotopx" in done.stdout
    done = subprocess.run([*prefix, str(binary), "-b", "-n", "1", "--require-all"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "root" in done.stderr or "CAP_NET_ADMIN" in done.stderr


# --- the terminal ---

def test_screen_needs_a_terminal():
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "-b" in done.stderr


class Terminal:
    """iotopx on a terminal of its own, as the session's leader and in its foreground."""

    def __init__(self, *arguments, columns=80, lines=24, command=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            words = command or [BINARY, *arguments]
            os.execvpe(words[0], words, ENVIRONMENT)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.output = b""
        self.status = None

    def read_until(self, text, patience=iotopx.PATIENCE):
        end = time.monotonic() + patience
        while text not in self.output:
            assert time.monotonic() < end, f"{text!r} not in {self.output[-2000:]!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.output += os.read(self.fd, 65536)
                except OSError:
                    assert text in self.output, self.output[-2000:]

    def drain(self):
        while select.select([self.fd], [], [], 0.1)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def ended(self):
        if self.fd >= 0:
            self.drain()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.waitstatus_to_exitcode(status)
        return pid != 0

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)


@pytest.fixture(name="terminal")
def terminal_factory():
    opened = []

    def make(*arguments, **keywords):
        opened.append(Terminal(*arguments, **keywords))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_terminal_that_goes_away(terminal):
    """It ends, and does not spin on a dead descriptor."""
    screen = terminal("-d", "1")
    screen.read_until(b"COMMAND")
    os.close(screen.fd)
    screen.fd = -1
    iotopx.wait_for("the end of the monitor", screen.ended)
    assert screen.status == 0


def test_terminal_that_goes_away_with_hangup_ignored(terminal):
    screen = terminal(command=["sh", "-c", f"trap '' HUP; exec {BINARY}"])
    screen.read_until(b"COMMAND")
    os.close(screen.fd)
    screen.fd = -1
    iotopx.wait_for("the end of the monitor", screen.ended)
    assert screen.status == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT])
def test_terminal_is_as_before(terminal, number):
    screen = terminal(command=["sh", "-c", f"stty -a >&2; echo BEFORE; {BINARY}; echo AFTER; stty -a >&2; echo DONE"])
    screen.read_until(b"COMMAND")
    child = iotopx.wait_for("the monitor", lambda: subprocess.run(
        ["pgrep", "-P", str(screen.pid), "-f", os.path.basename(BINARY)], capture_output=True, text=True,
        check=False).stdout.split())
    os.kill(int(child[0]), number)
    screen.read_until(b"DONE")
    text = screen.output
    before, after = text[:text.index(b"BEFORE")], text[text.rindex(b"AFTER") + 5:text.rindex(b"DONE")]
    assert before.strip() == after.strip()
    assert text.rindex(b"\x1b[?1049l") > text.rindex(b"\x1b[?1049h")


def test_interactive_iterations(terminal):
    screen = terminal("-n", "2", "-d", "0.2")
    iotopx.wait_for("the end of the monitor", screen.ended)
    assert screen.status == 0


def test_background_has_no_screen(terminal):
    """In the background of its terminal it must not touch it."""
    screen = terminal(command=["bash", "-ic", f"set -m; {BINARY} & wait $!; echo STATUS=$?"])
    screen.read_until(b"STATUS=2")
    assert b"\x1b[?1049h" not in screen.output
    assert b"-b" in screen.output
