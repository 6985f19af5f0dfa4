"""No leak at the end, and no memory read before it is written, by valgrind: of batch and of the screen."""
import os
import shutil
import subprocess

import pytest

import iotopx
from tmux import Terminal

if not shutil.which("valgrind"):
    pytest.skip("valgrind is not installed", allow_module_level=True)

# What can still be reached at the end is none: curses, the stack for crashes and the thread that looks up names keep
# theirs until the process is gone. A process that was forked holds what its parent had, and never gives it back: its own
# code runs under the sanitizers, in the unit tests.
KINDS = "definite,indirect,possible"
COMMAND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=" + KINDS,
           "--errors-for-leak-kinds=" + KINDS, "--num-callers=20", "--child-silent-after-fork=yes",
           "--suppressions=" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "valgrind.supp")]


def errors(text):
    """What it says, but for that it does not know every system call."""
    return [line for line in text.splitlines() if not line.startswith("--")]


def check(*options):
    done = subprocess.run([*COMMAND, iotopx.BINARY, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0 and "==" not in done.stderr, done.stderr[-5000:]
    return done.stdout


def test_batch():
    assert check("-b", "-n", "2", "-d", "1").count("\nActual ") == 2


@pytest.mark.parametrize("format", ["json", "csv", "openmetrics"])
def test_formats(format):
    assert check("--format", format, "-n", "1", "-d", "1", "--group", "unit")


def test_recording_and_replay(tmp_path):
    path = str(tmp_path / "recording")
    check("--record", path, "-b", "-n", "2", "-d", "1", "-P")
    assert "Total " in check("--replay", path, "-b", "-a", "-n", "1")


def test_wrong_command_line():
    done = subprocess.run([*COMMAND, iotopx.BINARY, "--sort", "nosuch"], capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 2 and "==" not in done.stderr, done.stderr[-5000:]


def test_screen(tmp_path):
    log = str(tmp_path / "log")
    with Terminal([*COMMAND, "--log-file=" + log, iotopx.BINARY], 120, 40) as terminal:
        terminal.wait_for("COMMAND", 120)
        for key, wanted in (("?", "Help"), ("q", "COMMAND"), ("Enter", "Esc"), ("Escape", "COMMAND"), ("g", "group"),
                            ("t", "COMMAND"), ("Tab", "Devices")):
            terminal.press(key)
            terminal.wait_for(wanted, 120)
        terminal.press("q")
        status = terminal.wait_for_end(120)
    with open(log, encoding="utf-8") as file:
        text = file.read()
    assert status == 0 and errors(text) == [], text[-5000:]
