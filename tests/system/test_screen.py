"""The screen in real terminals: every size, every key, and the terminal afterwards.

Runs the binary of IOTOPX_BIN, in tmux. Nothing here judges by how long something takes but where slowness is the
defect (an Escape that waits, a loop that spins), and there by a wide margin.
"""
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

import iotopx
from tmux import Terminal

BINARY = os.environ.get("IOTOPX_BIN")
pytestmark = [
    pytest.mark.skipif(not BINARY, reason="IOTOPX_BIN is not set"),
    pytest.mark.skipif(os.geteuid() != 0, reason="not root"),
]

SIZES = [(80, 24), (120, 40), (200, 50), (40, 10), (100, 30), (300, 80), (20, 5)]


def start(columns=80, rows=24, *options, **more):
    # A settings file of someone's own must not matter here.
    more.setdefault("environment", {}).setdefault("XDG_CONFIG_HOME", "/nonexistent")
    return Terminal([BINARY, *options], columns, rows, **more)


def measured(terminal):
    """The first interval with rates is shown."""
    text = terminal.text()
    return "COMMAND" in text and "collecting" not in text and re.search(r"\d B/s|\d K/s|\d M/s", text)


def titles(terminal):
    return next((line for line in terminal.lines() if re.search("COMMAN|DEVICE|MOUNT", line)), "")


@pytest.mark.parametrize("columns,rows", SIZES)
def test_size(columns, rows):
    with start(columns, rows) as terminal:
        if columns >= 40:
            terminal.wait_for(measured)
        else:
            terminal.wait_for("COMMAN")
        lines = terminal.lines()
        assert len(lines) == rows
        last = lines[rows - 1]
        assert "q Quit" in last and "? Help" in last
        if columns >= 40:
            # COMMAND reaches to the right edge, and has 16 cells or more.
            assert columns - titles(terminal).index("COMMAND") >= 16
        if rows >= 20:
            assert lines[1].startswith("Total  READ") and lines[2].startswith("Actual READ")
            assert "Dirty" in lines[3]


TERMS = ["linux", "vt100", "xterm", "xterm-256color", "tmux-256color", "screen"]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("term", TERMS)
def test_terminal_types(term, locale):
    with start(80, 24, term=term, environment={"LC_ALL": locale}) as terminal:
        terminal.wait_for(measured)
        assert "q Quit" in terminal.lines()[23]
        assert locale != "C" or terminal.text().isascii()
        assert locale == "C" or "▼IO" in titles(terminal)
        terminal.press("Down", "?")
        terminal.wait_for("What is shown")
        terminal.press("Escape", "q")
        assert terminal.wait_for_end() == 0


def test_unknown_terminal():
    with start(80, 24, term="dumb-unknown") as terminal:
        assert terminal.wait_for_end() != 0
        assert "TERM" in terminal.text()


# What is sent: codes of SGR that set a colour, of 8 or 16, or the beginning of one of 256.
COLOURS_8 = {str(code) for code in [*range(30, 38), *range(40, 48)]}
COLOURS_16 = {str(code) for code in [*range(90, 98), *range(100, 108)]}


def sent_codes(term, *options, **environment):
    """The codes of all SGR sequences in what the program sends to the terminal until rates are there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ.update(TERM=term, LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent", **environment)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execv(BINARY, [BINARY, "-d", "0.2", *options])
    output = b""
    try:
        while not re.search(rb"\d [BKM]/s", output):
            output += os.read(terminal, 65536)
        os.write(terminal, b"q")
        while True:
            output += os.read(terminal, 65536)
    except OSError:
        pass
    assert os.waitpid(pid, 0)[1] == 0
    os.close(terminal)
    return [look.decode().split(";") for look in re.findall(rb"\x1b\[([0-9;]*)m", output)]


# Terminals of 16 colours are not in every installation.
SIXTEEN = "sixteen|xterm of 16 colours,colors#16,pairs#256,setaf=\\E[%?%p1%{8}%<%t3%p1%d%e9%p1%{8}%-%d%;m,use=xterm,"


@pytest.mark.parametrize("term,colours", [("vt100", 0), ("linux", 8), ("screen", 8), ("xterm", 8), ("sixteen", 16),
                                          ("xterm-256color", 256), ("tmux-256color", 256)])
def test_colours(term, colours, tmp_path):
    if term == "sixteen":
        (tmp_path / "source").write_text(SIXTEEN)
        subprocess.run(["tic", "-x", "-o", str(tmp_path / "terminfo"), str(tmp_path / "source")], check=True)
    looks = sent_codes(term, TERMINFO_DIRS=f"{tmp_path}/terminfo:/etc/terminfo:/lib/terminfo:/usr/share/terminfo")
    codes = {code for look in looks for code in look}
    many = [look for look in looks if look[:2] in (["38", "5"], ["48", "5"])]
    assert looks
    assert bool(codes & COLOURS_8) == (colours > 0)
    assert bool(many) == (colours == 256)
    assert colours >= 16 or not codes & COLOURS_16
    # The background is the user's: never set, but by reversing.
    assert not [look for look in looks if "48" in look or set(look) & {str(code) for code in range(40, 48)}]
    assert colours == 0 or "7" in codes


@pytest.mark.parametrize("options,environment", [([], {"NO_COLOR": "1"}), (["--no-color"], {})])
@pytest.mark.parametrize("term", ["linux", "xterm-256color"])
def test_no_colour_is_sent(term, options, environment):
    codes = {code for look in sent_codes(term, *options, **environment) for code in look}
    assert codes & {"1", "7"} and not codes & (COLOURS_8 | COLOURS_16 | {"38", "48"})


def test_ascii_outside_utf8():
    with start(120, 40, environment={"LC_ALL": "C"}) as terminal:
        terminal.wait_for(measured)
        terminal.press("?")
        terminal.wait_for("What is shown")
        assert terminal.text().isascii()
        for keys, shown in [(["Escape", "Enter"], "Figures"), (["End"], "Esc Back"), (["Escape", "C"], "[x] TID"),
                            (["Escape", "t"], "PID"), (["g"], "grouped"), (["Tab"], "DEVICE"), (["Enter"], "History")]:
            terminal.press(*keys)
            terminal.wait_for(shown)
            assert terminal.text().isascii()


def test_no_color():
    for options, environment in (([], {"NO_COLOR": "1"}), (["--no-color"], {})):
        with start(80, 24, *options, environment=dict(environment)) as terminal:
            terminal.wait_for(measured)
            looks = re.findall(r"\x1b\[([0-9;]*)m", "\n".join(terminal.lines(styles=True)))
            codes = {code for look in looks for code in look.split(";")}
            assert not codes & {str(code) for code in [*range(30, 39), *range(40, 49), *range(90, 98)]}


def test_resize_to_nothing_and_back():
    with start(80, 24) as terminal:
        terminal.wait_for(measured)
        for columns, rows in [(20, 5), (7, 2), (1, 1), (1, 30), (200, 1), (200, 50), (1, 1), (80, 24)]:
            terminal.resize(columns, rows)
            time.sleep(0.05)
        terminal.wait_for(lambda t: measured(t) and "q Quit" in t.lines()[23])
        assert terminal.status() is None


def test_random_resizes_under_load():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    load = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
    try:
        with start(80, 24, "-d", "0.1") as terminal:
            terminal.wait_for(measured)
            for _ in range(200):
                terminal.resize(dice.randint(1, 250), dice.randint(1, 70))
                if dice.random() < 0.2:
                    terminal.press(dice.choice(["Down", "Up", "p", "o", "a", "?", "Escape", "End", "Home", "g", "t"]))
            terminal.press("Escape")
            terminal.resize(80, 24)
            terminal.wait_for(lambda t: "q Quit" in t.lines()[23] or "Back" in t.lines()[23])
            assert terminal.status() is None
    finally:
        load.kill()
        load.wait()


def test_escape_answers_at_once():
    with start(80, 24, "-d", "60") as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("?")
        terminal.wait_for("What is shown")
        # ncurses would wait a second for the rest of a sequence, and 60 s pass to the next interval.
        begin = time.monotonic()
        terminal.press("Escape")
        terminal.wait_for("COMMAND")
        assert time.monotonic() - begin < 0.9


def test_help_scrolls():
    with start(80, 24) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("F1")
        terminal.wait_for("What is shown")
        terminal.press("End")
        terminal.wait_for(lambda t: "READ TOTAL" in t.text() and "What is shown" not in t.text())
        terminal.press("Home")
        terminal.wait_for("What is shown")
        terminal.press("q")
        terminal.wait_for("COMMAND")
        assert terminal.status() is None


# Key, and what the screen shows after it (a text or a regex); what it showed before is not to show it.
KEYS = [
    (["p"], "PID", "TID"),
    (["o"], "o All", "o Active"),
    (["a"], " sums", " rates"),
    (["a", "a"], " average", " rates"),
    (["r"], "▲IO", "▼IO"),
    (["Left"], None, "▼IO"),
    ([">"], "COMMAND▲", "▼IO"),
    (["<"], None, "▼IO"),
    (["Right"], "COMMAND▲", "▼IO"),
    (["1"], "▲TID", "▼IO"),
    (["s", "Home", "Enter"], "▲TID", "▼IO"),
    (["F6"], "Sort by", None),
    (["b"], "units of 1000", None),
    (["e"], "exited tasks are hidden", None),
    (["g"], "grouped by command", None),
    (["t"], "▾", None),
    (["F5"], "▾", None),
    (["z"], "PAUSED", None),
    (["Space"], "PAUSED", None),
    (["F"], "following", None),
    (["u"], "all users", None),
    (["C"], "[x] TID", None),
    (["F2"], "[x] TID", None),
    (["d"], "Seconds between samples: 0.3", None),
    (["/"], "Filter:", None),
    (["F4"], "Filter:", None),
    (["h"], "What is shown", None),
    (["?"], "What is shown", None),
    (["F1"], "What is shown", None),
    (["Enter"], "Figures", None),
    (["Tab"], "DEVICE", "TID"),
    (["Tab", "Tab"], "MOUNT", "TID"),
    (["Tab", "Tab", "Tab", "p"], "PID", "TID"),
    (["D"], "default settings", None),
    (["P"], "PID", "TID"),
    (["O"], "o All", "o Active"),
    (["A"], " sums", " rates"),
    (["R"], "▲IO", "▼IO"),
    (["+"], "nothing to open here", None),
    (["t", "-"], "▸", None),
    (["c"], None, None),
    (["2", "2"], None, "▼IO"),
    (["3"], None, "▼IO"),
    (["4"], None, "▼IO"),
    (["5"], None, "▼IO"),
    (["6"], None, "▼IO"),
    (["9", "8", "7", "0", "1"], "▲TID", "▼IO"),
    ([","], re.compile("PAST|nothing older"), None),
    (["["], re.compile("PAST|nothing older"), None),
    (["."], "this is the latest interval", None),
    (["]"], "this is the latest interval", None),
    (["j", "J"], "this is no recording", None),
    (["z", "L"], None, None),
    (["I"], "best effort 0", None),
    (["i"], "best effort 0", None),
    (["k"], "TERM  end", None),
    (["F9"], "TERM  end", None),
    (["C-l"], None, None),
    (["Up"], None, None),
    (["PageUp"], None, None),
]

@pytest.mark.parametrize("keys,after,before", KEYS, ids=lambda value: "-".join(value) if isinstance(value, list) else None)
def test_key(keys, after, before):
    with start(80, 24, "-d", "0.3") as terminal:
        terminal.wait_for(measured)
        if before:
            terminal.wait_for(before)
        if keys[0] in ("i", "I", "k", "F9"):  # the row must be one living task, whatever else goes on here
            terminal.press("/")
            terminal.type(f"pid:{os.getpid()}")
            terminal.press("Enter")
            terminal.wait_for(lambda t: re.search(rf"^ *{os.getpid()} ", t.text(), re.M))
        terminal.press(*keys)
        if isinstance(after, re.Pattern):
            terminal.wait_for(lambda t: after.search(t.text()))
        elif after:
            terminal.wait_for(after)
        if before:
            terminal.wait_for(lambda t: before not in titles(t) and (after or before not in t.text()))
        terminal.press("Escape")
        assert terminal.status() is None


def keys_of_the_help():
    """Every key as the help names it, sections of panels and lines included, columns and signs not."""
    with start(109, 200, environment={"LC_ALL": "C"}) as terminal:  # one column, and no text is wrapped
        terminal.wait_for("COMMAND")
        terminal.press("?")
        terminal.wait_for("What is shown")
        lines = terminal.wait_for(lambda t: "Signs" in t.text() and t.lines())
    lines = lines[:lines.index("Signs")]
    keys = []
    for line, after in zip(lines, lines[1:]):
        if re.match(r" \S", line):
            # Keys that don't fit beside their text have the line before it.
            keys += (line if after.startswith(" " * 16) else line[:15]).split()
    return " ".join(keys).replace("double click", "double-click").replace("wheel up", "wheel-up").replace(
        "wheel down", "wheel-down").split()


def test_delay_accounting():
    path = "/proc/sys/kernel/task_delayacct"
    if not os.path.exists(path):
        pytest.skip("no sysctl here")
    with open(path) as file:
        before = file.read()
    try:
        with start(80, 24, "-d", "0.3") as terminal:
            terminal.wait_for(measured)
            for _ in range(2):
                with open(path) as file:
                    was_on = file.read().strip() == "1"
                terminal.press("C-t")
                terminal.wait_for("delay accounting is " + ("off" if was_on else "on"))
                with open(path) as file:
                    assert (file.read().strip() == "1") != was_on
                # The screen has seen it too: the notice is there or not.
                terminal.wait_for(lambda t: ("no delay accounting" in t.lines()[0]) == was_on)
    finally:
        with open(path, "w") as file:
            file.write(before)


def test_save_settings(tmp_path):
    with start(80, 24, environment={"XDG_CONFIG_HOME": str(tmp_path), "SUDO_USER": ""}) as terminal:
        terminal.wait_for(measured)
        terminal.press("p", "b", "W")
        terminal.wait_for(lambda t: re.search("saved in|not saved", t.lines()[23]))
        assert "saved in" in terminal.text(), terminal.text()
    with start(80, 24, environment={"XDG_CONFIG_HOME": str(tmp_path), "SUDO_USER": ""}) as terminal:
        terminal.wait_for(measured)
        terminal.wait_for("PID")
        terminal.press("D")
        terminal.wait_for("TID")


def test_broken_settings(tmp_path):
    """What is wrong with the settings is read on the screen too, which hides what was told before it."""
    (tmp_path / "rc").write_text("mode = average\nnonsense = 1\n")
    (tmp_path / "rc").chmod(0o600)
    with start(100, 24, "--config", str(tmp_path / "rc")) as terminal:
        terminal.wait_for("average")
        assert "rc:2: unknown key 'nonsense'" in terminal.lines()[23]
        terminal.press("Down")
        terminal.wait_for(lambda t: "q Quit" in t.lines()[23])


def test_save_pages(tmp_path):
    """Columns and order of the pages come back too, until they are put back."""
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "SUDO_USER": ""}
    with start(120, 24, environment=dict(environment)) as terminal:
        terminal.wait_for(measured)
        terminal.press("Tab")
        terminal.wait_for("DEVICE")
        terminal.press("1", "1", "C")
        terminal.wait_for("[x] READS/S")
        terminal.press("Down", "Space", "Enter", "W")
        terminal.wait_for("saved in")
    with open(tmp_path / "iotopx" / "iotopxrc", encoding="utf-8") as file:
        saved = [line for line in file.read().split("\n") if line and not line.startswith("#")]
    assert "device-sort = -device" in saved and len(saved) == 2, saved
    with start(120, 24, "--view", "devices", environment=dict(environment)) as terminal:
        terminal.wait_for("WRITE")
        assert re.search("▲ ?DEVICE|DEVICE▼|▼DEVICE", titles(terminal)) and "R/S" not in titles(terminal)
        terminal.press("D")
        terminal.wait_for(lambda t: "R/S" in titles(t) and re.search("▼ ?UTIL|UTIL▼", titles(t)))


def test_line_editing():
    with start(100, 24) as terminal:
        terminal.wait_for(measured)
        terminal.press("/")
        terminal.type("one two three")
        for keys, shown in [(["C-w"], "one two "), (["C-a", "C-d"], "ne two "), (["C-f", "DC"], "n two "),
                            (["C-e", "BSpace"], "n two"), (["C-b", "C-b", "C-k"], "n t"), (["C-u"], ""),
                            (["a", "b", "Left", "Left", "Right", "x"], "axb"), (["Home", "y", "End", "z"], "yaxbz")]:
            terminal.press(*keys)
            terminal.wait_for(lambda t: t.lines()[23].rstrip() == ("Filter: " + shown).rstrip())
        terminal.press("Enter")
        terminal.wait_for("q Quit")
        terminal.press("Escape", "/", "Up")
        terminal.wait_for("Filter: yaxbz")
        terminal.press("Down")
        terminal.wait_for(lambda t: t.lines()[23].rstrip() == "Filter:")


def test_cursor_moves_and_stays():
    with start(80, 24) as terminal:
        terminal.wait_for(measured)
        terminal.press("z")
        terminal.wait_for("PAUSED")
        terminal.press("Down", "Down")
        terminal.wait_for(lambda t: re.search(r" 3/\d+$", t.lines()[23]))
        terminal.press("PageDown")
        terminal.wait_for(lambda t: not re.search(r" 3/\d+$", t.lines()[23]))
        terminal.press("End")
        terminal.wait_for(lambda t: re.search(r" (\d+)/\1$", t.lines()[23]))
        terminal.press("Home")
        terminal.wait_for(lambda t: re.search(r" 1/\d+$", t.lines()[23]))


def test_interval_prompt():
    with start(120, 24) as terminal:
        terminal.wait_for(measured)
        terminal.press("d")
        terminal.wait_for("Seconds between samples:")
        assert terminal.cursor_visible()
        terminal.press("C-u")
        terminal.type("0.05")
        terminal.press("Enter")
        terminal.wait_for("0.1 to 3600")
        terminal.press("C-u")
        terminal.type("0.2")
        terminal.press("Enter")
        terminal.wait_for("a sample every 0.2 s")
        terminal.wait_for(lambda t: re.search(r"0\.[12]\d s", t.lines()[0]))
        assert not terminal.cursor_visible()


def test_filter():
    name = "iotopx-filter"
    script = f"import ctypes, time\nctypes.CDLL(None).prctl(15, b'{name}')\nwhile True:\n open('/dev/zero').read(9); time.sleep(.05)"
    victim = subprocess.Popen(["/usr/bin/python3", "-c", script])
    try:
        with start(80, 24) as terminal:
            terminal.wait_for(measured)
            terminal.press("/")
            terminal.type("pid:" + str(victim.pid))
            terminal.wait_for(lambda t: sum(bool(re.match(r" *\d+ ", line)) for line in t.lines()[5:]) == 1)
            terminal.wait_for(str(victim.pid))
            terminal.press("Enter")
            terminal.wait_for("q Quit")
            assert "filter:" in terminal.lines()[0]
            terminal.press("/", "C-u")
            terminal.type("a(")
            terminal.wait_for("Filter: a(")
            terminal.wait_for("no regular expression")
            terminal.press("Escape", "Escape")
            terminal.wait_for(lambda t: "filter:" not in t.lines()[0])
    finally:
        victim.kill()
        victim.wait()


def test_choose_columns():
    with start(120, 24) as terminal:
        terminal.wait_for(measured)
        terminal.press("C")
        terminal.wait_for("[x] PRIO")
        terminal.press("Down", "Space")
        terminal.wait_for("[ ] PRIO")
        terminal.press("Down", "Left")
        terminal.wait_for(lambda t: t.text().index("] USER") < t.text().index("] PRIO"))
        terminal.press("+", "-", "Right", "Left", "-")
        terminal.wait_for(lambda t: t.text().index("] USER") < t.text().index("] TID"))
        terminal.press("Enter")
        terminal.wait_for("q Quit")
        assert titles(terminal).startswith("USER") and "PRIO" not in titles(terminal)


def test_past_and_back():
    with start(100, 24, "-d", "0.2") as terminal:
        terminal.wait_for(measured)
        terminal.wait_for(lambda t: t.press(",") or "PAST" in t.text())
        terminal.press("L")
        terminal.wait_for(lambda t: "PAST" not in t.text())


@pytest.mark.parametrize("yes", ["y", "Y"])
def test_signal_asks_first(yes):
    victim = subprocess.Popen(["sleep", "1000"])
    try:
        with start(80, 24) as terminal:
            terminal.wait_for(measured)
            terminal.press("/")
            terminal.type(f"pid:{victim.pid}")
            terminal.press("Enter")
            terminal.wait_for(lambda t: re.search(rf"^ *{victim.pid} ", t.text(), re.M))
            terminal.press("k")
            terminal.wait_for("TERM  end")
            terminal.press("Enter")
            terminal.wait_for(f"Send SIGTERM to sleep (process {victim.pid})?")
            for no in "nN":
                terminal.press(no)
                terminal.wait_for("nothing sent")
                assert victim.poll() is None
                terminal.press("F9", "Enter")
                terminal.wait_for("Send SIGTERM")
            terminal.press(yes)
            assert victim.wait(30) == -signal.SIGTERM
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.parametrize("options,environment", [(["--read-only"], {}), ([], {"IOTOPX_READONLY": "1"})])
def test_read_only(options, environment):
    with start(80, 24, *options, environment=dict(environment)) as terminal:
        terminal.wait_for(measured)
        for key in "ki":
            terminal.press(key)
            terminal.wait_for("read-only: no signals and no priorities")
            terminal.press("Home")


def test_priority():
    victim = subprocess.Popen(["sleep", "1000"])
    try:
        with start(80, 24) as terminal:
            terminal.wait_for(measured)
            terminal.press("/")
            terminal.type(f"pid:{victim.pid}")
            terminal.press("Enter")
            terminal.wait_for(lambda t: re.search(rf"^ *{victim.pid} ", t.text(), re.M))
            terminal.press("i")
            terminal.wait_for("best effort 0")
            terminal.press("Down", "Enter")
            terminal.wait_for("priority set")
            shown = subprocess.run(["ionice", "-p", str(victim.pid)], capture_output=True, text=True).stdout
            assert shown.strip() == "best-effort: prio 1"
    finally:
        victim.kill()
        victim.wait()


def under_a_shell(*options):
    terminal = Terminal(["sh", "-i"], 80, 24, shell=True, environment={"PS1": "ready> ", "ENV": "/dev/null",
                                                                        "XDG_CONFIG_HOME": "/nonexistent"})
    terminal.wait_for("ready>")
    before = terminal.modes()
    terminal.type(" ".join([BINARY, *options]))
    terminal.press("Enter")
    terminal.wait_for(measured)
    assert terminal.in_alternate_screen() and not terminal.cursor_visible()
    return terminal, before


def assert_restored(terminal, before):
    terminal.wait_for(lambda t: not t.in_alternate_screen() and t.cursor_visible())
    terminal.wait_for(lambda t: t.modes() == before)


@pytest.mark.parametrize("key", ["q", "Q", "F10", "C-c"])
def test_quit_restores_the_terminal(key):
    terminal, before = under_a_shell()
    with terminal:
        terminal.press(key)
        assert_restored(terminal, before)
        terminal.type("echo status $?")
        terminal.press("Enter")
        terminal.wait_for("status 0")


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "SEGV", "ABRT"])
def test_signals_restore_the_terminal(name):
    terminal, before = under_a_shell()
    with terminal:
        os.kill(terminal.program_pid(), getattr(signal, "SIG" + name))
        assert_restored(terminal, before)


def test_suspend_and_resume():
    terminal, before = under_a_shell()
    with terminal:
        for _ in range(2):
            terminal.press("C-z")
            assert_restored(terminal, before)
            terminal.type("fg")
            terminal.press("Enter")
            terminal.wait_for(lambda t: t.in_alternate_screen() and measured(t))
            terminal.wait_for(lambda t: not t.cursor_visible())
        terminal.press("p")
        terminal.wait_for("PID")
        terminal.press("q")
        assert_restored(terminal, before)


@pytest.mark.parametrize("name", ["STOP", "TSTP"])
def test_stopped_and_continued_from_outside(name):
    terminal, before = under_a_shell("-d", "0.3")
    with terminal:
        pid = terminal.program_pid()
        os.kill(pid, getattr(signal, "SIG" + name))
        terminal.wait_for(lambda t: stat_fields(pid)[0] == "T")
        terminal.resize(100, 30)
        if name == "TSTP":  # of the other it is not told
            assert_restored(terminal, before)
        terminal.type("fg")
        terminal.press("C-j")  # a shell need not have put the modes back
        terminal.wait_for(lambda t: t.in_alternate_screen() and not t.cursor_visible() and "q Quit" in t.lines()[29])
        terminal.press("p")
        terminal.wait_for(lambda t: titles(t).lstrip().startswith("PID"))
        terminal.press("q")
        assert_restored(terminal, before)


def long_interval(lines, least):
    """(its seconds, the first row), of one picture."""
    seconds = re.search(r" ([\d.]+) s  ", lines[0])
    return seconds and float(seconds[1]) >= least and (float(seconds[1]), lines[5])


def test_a_stop_is_one_long_interval(scratch):
    """What happened while it was stopped is divided by the time that it took, not by that between two samples."""
    load = iotopx.Load(scratch, "puppet", "FILE", 1)
    try:
        with start(160, 24, "-P", "-d", "2") as terminal:  # the first line has room for notices and the filter
            terminal.wait_for(measured)
            terminal.press("/")
            terminal.type(f"pid:{load.pid}")
            terminal.press("Enter")
            terminal.wait_for(lambda t: load.name in t.lines()[5])
            pid = terminal.program_pid()
            os.kill(pid, signal.SIGSTOP)
            before = load.charged
            load.go(f"write 0 {8 << 20}")
            time.sleep(6)
            os.kill(pid, signal.SIGCONT)
            seconds, row = terminal.wait_for(lambda t: long_interval(t.lines(), 6))
            rate = re.search(r"([\d.]+) M/s", row)
            assert rate, row
            wrote = (load.charged - before) / (1 << 20)
            assert abs(float(rate[1]) - wrote / seconds) < 0.02, (row, seconds, wrote)
            terminal.wait_for(lambda t: long_interval(t.lines(), 0) and not long_interval(t.lines(), 6))
            terminal.press("q")
            assert terminal.wait_for_end() == 0
    finally:
        load.close()


# Threads that read a little all the time; the third has an I/O priority of its own.
THREADS = """
import ctypes, threading, time
libc = ctypes.CDLL(None)
file = open({path!r}, "r+b")
file.seek(4321)
def work(prio):
    if prio:
        libc.syscall(251, 1, 0, 2 << 13 | prio)  # ioprio_set
    while True:
        open("/dev/zero", "rb", buffering=0).read(9)
        time.sleep(.05)
for prio in (0, 0, 6):
    threading.Thread(target=work, args=(prio,), daemon=True).start()
work(0)
"""


@pytest.fixture
def threads(tmp_path):
    path = tmp_path / "held-open"
    path.write_bytes(b"x" * 10000)
    process = subprocess.Popen(["/usr/bin/python3", "-c", THREADS.format(path=str(path))])
    process.held = str(path)
    yield process
    process.kill()
    process.wait()


def show_only(terminal, pid):
    terminal.wait_for(measured)
    terminal.press("/")
    terminal.type(f"pid:{pid}")
    terminal.press("Enter")
    terminal.wait_for(lambda t: re.search(rf"^ *{pid} ", t.text(), re.M))


def test_threads_stand_together(threads):
    with start(100, 24, "-s", "rchar") as terminal:
        show_only(terminal, threads.pid)
        terminal.wait_for(lambda t: [line.split()[-2:] for line in t.lines()[5:9]] == [
            ["┌", "python3"], ["│", "python3"], ["│", "python3"], ["└", "python3"]])
        terminal.press("1")  # by TID: no brackets, they would tear the order apart
        terminal.wait_for(lambda t: "┌" not in t.text() and "│" not in t.text())


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of a system call")
def test_mixed_priorities(threads):
    with start(100, 24) as terminal:
        show_only(terminal, threads.pid)
        assert "!" not in next(line for line in terminal.lines() if re.match(rf" *{threads.pid} ", line))
        terminal.press("p")
        terminal.wait_for(lambda t: re.search(rf"^ *{threads.pid} !be/4 ", t.text(), re.M))


def test_own_rows_are_marked():
    with start(120, 24, "-P") as terminal:
        terminal.wait_for(measured)
        terminal.press("/")
        terminal.type("iotopx")
        terminal.press("Enter")
        terminal.wait_for(lambda t: len(re.findall(r"\* .*iotopx", t.text())) >= 2)


def test_detail_shows_open_files(threads):
    with start(150, 24, "-d", "0.3") as terminal:
        show_only(terminal, threads.pid)
        terminal.press("Enter")
        terminal.wait_for("Figures")
        # Where it is scrolled to is kept: the files come a moment later.
        terminal.wait_for(lambda t: t.press("End") or re.search(rf"rw .* 4\.22 K  {re.escape(threads.held)}", t.text()))
        threads.kill()
        threads.wait()
        terminal.press("Home")
        terminal.wait_for("It has exited")
        terminal.wait_for("by signal 9")


def test_device_panels():
    with start(100, 24) as terminal:
        terminal.wait_for(measured)
        terminal.press("Tab")
        terminal.wait_for("DEVICE")
        terminal.press("Enter")
        terminal.wait_for("Figures of the interval")
        terminal.press("Escape", "s")
        terminal.wait_for("Sort by")
        terminal.press("Home", "Enter")
        terminal.wait_for(lambda t: "DEVICE▲" in titles(t) or "▲DEVICE" in titles(t))
        terminal.press("C")
        terminal.wait_for("[x] DEVICE")
        terminal.press("Down", "Space")
        terminal.wait_for("[ ] READS/S")
        terminal.press("Enter")
        terminal.wait_for("q Quit")
        assert "READS" not in titles(terminal) and "R/S" not in titles(terminal)


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()


def cpu_ticks(pid):
    fields = stat_fields(pid)
    return int(fields[11]) + int(fields[12])


def test_killed_terminal_ends_it():
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent")
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.execv(BINARY, [BINARY, "-d", "0.5"])
    output = b""
    while b"COMMAND" not in output:
        output += os.read(terminal, 65536)
    os.close(terminal)
    end = time.monotonic() + 30
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it outlives its terminal"
        time.sleep(0.05)


class Screen:
    """The program on a terminal of its own that takes all it is sent."""

    def __init__(self, *options, rows=24, columns=80, before=()):
        words = [*before, BINARY, *options]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvp(words[0], words)
        self.sent = 0
        self.status = None
        self.seen = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for(lambda: re.search(rb"\d [BKM]/s", self.seen), "rates")

    def _read(self):
        while True:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                return
            if not data:
                return
            self.sent += len(data)
            self.seen = (self.seen + data)[-100000:]

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def wait_for(self, condition, what, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"waited for {what}"
            time.sleep(0.02)

    def press(self, keys):
        assert select.select([], [self.terminal], [], 30)[1], "it takes no keys any more"
        os.write(self.terminal, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)


def ticks_in(pid, seconds):
    before = cpu_ticks(pid)
    time.sleep(seconds)
    return cpu_ticks(pid) - before


# No keys that end or stop the program (Ctrl-C, Ctrl-Z, Ctrl-\\, q), hold its output (Ctrl-S), or write beyond it (W).
KEYS_AT_RANDOM = [bytes([code]) for code in range(1, 127) if bytes([code]) not in b"\x03\x1a\x1c\x11\x13qQW"]
KEYS_AT_RANDOM += [b"\x1b", b"\r", b"\t", b"\xc3\xa9", b"\xff", b"\x1b[99;99;99z"] * 3
KEYS_AT_RANDOM += [b"\x1b[" + key for key in (b"A", b"B", b"C", b"D", b"H", b"F", b"5~", b"6~", b"15~", b"17~", b"20~")]


@pytest.fixture
def dice():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    return random.Random(seed)


@pytest.fixture
def delayacct_kept():
    """As it was, afterwards: Ctrl-T is a key too."""
    with open("/proc/sys/kernel/task_delayacct", encoding="ascii") as file:
        before = file.read()
    yield
    with open("/proc/sys/kernel/task_delayacct", "w", encoding="ascii") as file:
        file.write(before)


def press_at_random(screen, dice, count, keys):
    """A thousand a second, some of them of the mouse, and now and then another size. False if the program ended."""
    begin, pressed = time.monotonic(), 0
    while pressed < count:
        if pressed >= 1000 * (time.monotonic() - begin):
            time.sleep(0.001)
            continue
        try:
            screen.press(b"\x1b[<%d;%d;%dM" % (dice.choice((0, 64, 65)), dice.randint(1, 90), dice.randint(1, 30))
                         if dice.random() < 0.05 else dice.choice(keys))
        except OSError:
            screen.wait_for(screen.has_ended, "its end")
        pressed += 1
        if dice.random() < 0.001:
            screen.resize(dice.randint(1, 70), dice.randint(1, 250))
        if pressed % 100 == 0 and screen.has_ended():
            return False
    return True


def assert_answers(screen):
    screen.resize(24, 80)
    for key in (b"\x1b", b"\x1b", b"\x1b", b"D"):  # to the table, from wherever it is; the interval may be long
        screen.press(key)
        time.sleep(0.2)
    sent = screen.sent
    screen.press(b"\x0c")
    screen.wait_for(lambda: screen.sent > sent + 500, "the picture that Ctrl-L asks for")


def test_a_thousand_keys_a_second(dice):
    """For a minute: it neither dies nor hangs, sends nothing to nobody, and is as idle as before when they are over."""
    with Screen("--read-only") as screen:
        idle = ticks_in(screen.pid, 3)
        assert press_at_random(screen, dice, 60000, KEYS_AT_RANDOM), screen.status
        assert_answers(screen)
        time.sleep(1)
        assert ticks_in(screen.pid, 3) < idle + 0.2 * 3 * os.sysconf("SC_CLK_TCK"), "it spins"
        screen.press(b"q")
        screen.wait_for(screen.has_ended, "its end")
        assert screen.status == 0


# A namespace of its own, of which iotopx is the first process: what it sends to itself is ignored or ends it in peace, and
# all others are gone with it.
APART = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c",
         'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & sh -c "while :; do sleep 1000; done" & done; exec "$@"', "sh")


def act(screen, dice):
    """What random keys find too seldom: a row, the menu of signals or of priorities, a place in it, and yes."""
    for _ in range(3):
        screen.press(b"\x1b")
        time.sleep(0.05)
    for key, end in ((b"k", b"\ry"), (b"i", b"\r")):
        screen.press(b"\x1b[H" + b"\x1b[B" * dice.randrange(18) + key + b"\x1b[B" * dice.randrange(9) + end)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def what_keys_did(screen):
    """To the others in its namespace."""
    did = set()
    for first in children_of(screen.pid):
        for pid in children_of(first):
            if stat_fields(pid)[0] in "ZT":
                did.add("signals")
            prio = subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
            did |= {"priorities"} if re.match("idle|realtime|best-effort: prio [0-3]", prio) else set()
    return did


def test_acting_keys_at_random(dice, delayacct_kept):
    """Without --read-only they send signals and change priorities; it ends by a signal of its own, or by q."""
    left, did = 8000, set()
    for _ in range(20):
        with Screen("-d", "0.2", before=APART) as screen:
            goes_on = True
            while goes_on and (left > 0 or did != {"signals", "priorities"}):
                act(screen, dice)
                goes_on = press_at_random(screen, dice, 1000, KEYS_AT_RANDOM)
                left -= 1000
                did |= what_keys_did(screen) if goes_on else {"signals"}
            if goes_on:
                assert_answers(screen)
                screen.press(b"q")
                screen.wait_for(screen.has_ended, "its end")
        assert screen.status == 0, "no key asked for that"
        if goes_on:
            break
    assert did == {"signals", "priorities"}


def test_memory():
    """On an idle machine: where no record of an exit arrives, as in another network namespace, it is that."""
    with open("/proc/loadavg", encoding="ascii") as file:
        tasks = int(file.read().split()[3].split("/")[1])
    if tasks > 500:
        pytest.skip(f"{tasks} tasks are no idle machine")
    with Screen("-d", "0.1", before=("unshare", "--net")) as screen:
        time.sleep(5)
        with open(f"/proc/{screen.pid}/status", encoding="ascii") as file:
            status = file.read()
        assert "iotopx" in status
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
        print("peak", peak, "KiB of", tasks, "tasks")
        assert peak <= 8 << 10


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "</dev/null", ">/dev/null"])
def test_no_terminal_at_the_start(redirect):
    with Terminal(["sh", "-c", f"exec {BINARY} {redirect}"], 80, 24) as terminal:
        assert terminal.wait_for_end() != 0
        assert "-b" in terminal.text()


@pytest.mark.parametrize("lost", ["input", "output"])
def test_half_a_terminal_is_lost(lost):
    """Standard input and output are two terminals, of which one goes: it ends, and does not spin until then."""
    other, other_end = pty.openpty()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent")
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.dup2(other_end, 1)
        os.execv(BINARY, [BINARY, "-d", "0.5"])
    os.close(other_end)
    try:
        output = b""
        while b"COMMAND" not in output:
            output += os.read(other, 65536)
        if lost == "input":
            os.close(terminal)
            terminal = other
        else:
            os.close(other)
        end = time.monotonic() + 30
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < end, "it outlives its terminal"
            time.sleep(0.05)
        pid = 0
    finally:
        os.close(terminal)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_idle_screen_writes_nothing():
    """Between two intervals, and while paused, nothing is sent to the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent")
        os.execv(BINARY, [BINARY, "-d", "0.3"])
    try:
        output = b""
        while b"/s" not in output:
            output += os.read(terminal, 65536)
        os.write(terminal, b"z")
        while b"PAUSED" not in output:
            output += os.read(terminal, 65536)
        os.set_blocking(terminal, False)
        time.sleep(0.3)
        try:
            while os.read(terminal, 65536):
                pass
        except BlockingIOError:
            pass
        time.sleep(1.5)
        with pytest.raises(BlockingIOError):
            os.read(terminal, 65536)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_mouse():
    with start(120, 40) as terminal:
        terminal.wait_for(measured)
        row = next(i for i, line in enumerate(terminal.lines()) if "COMMAND" in line)
        terminal.click(row, titles(terminal).index("DISK WRITE") + 4)
        terminal.wait_for(lambda t: re.search(r"▼ ?DISK WRITE|DISK WRITE▼", titles(t)))
        terminal.click(39, terminal.lines()[39].index("Help"))
        terminal.wait_for("What is shown")
        terminal.press("Escape", "z")
        terminal.wait_for("PAUSED")
        terminal.click(row + 3, 30)
        terminal.wait_for(lambda t: re.search(r" 3/\d+$", t.lines()[39]))
        top = terminal.lines()[row + 1]
        terminal.wheel("down", row + 3, 30)
        terminal.wait_for(lambda t: t.lines()[row + 1] != top)
        terminal.wheel("up", row + 3, 30)
        terminal.wait_for(lambda t: t.lines()[row + 1] == top)
        words = terminal.lines()[row + 5].split()
        # The detail may tell the whole command line, and rows of exited tasks have no TID.
        shown = words[0] if words[0] != "-" else words[-2 if words[-1].startswith("×") else -1]
        shown = ".*".join(map(re.escape, shown.split("…")))
        terminal.double_click(row + 5, 30)
        terminal.wait_for("Figures")
        lines = terminal.lines()
        figures = next(i for i, line in enumerate(lines) if line.startswith("Figures"))
        assert re.search(rf"(?<!\w){shown}(?!\w)", "\n".join(lines[4:figures]))
        terminal.press("Escape")
        terminal.wait_for(lambda t: re.search(r" 5/\d+$", t.lines()[39]))
        time.sleep(0.5)
        terminal.click(row + 2, 30)  # two clicks with time between them are two clicks
        time.sleep(0.5)
        terminal.click(row + 2, 30)
        terminal.wait_for(lambda t: re.search(r" 2/\d+$", t.lines()[39]))
        assert "Figures" not in terminal.text()


def test_hostile_names_never_reach_the_terminal():
    script = ("import ctypes, time\n"
              "ctypes.CDLL(None).prctl(15, b'\\x1b]0;pwn\\x07\\x9b\\xff\\ne')\n"
              "while True:\n open('/dev/zero').read(9); time.sleep(.05)")
    victim = subprocess.Popen(["/usr/bin/python3", "-c", script])
    try:
        with start(220, 40) as terminal:
            terminal.wait_for(measured)
            terminal.press("/")
            terminal.type(f"pid:{victim.pid}")
            terminal.press("Enter")
            terminal.wait_for(lambda t: re.search(rf"^ *{victim.pid} .*\\x1b\]0;pwn\\x07\\x9b\\xff\\n", t.text(), re.M))
    finally:
        victim.kill()
        victim.wait()


def test_every_key_is_pressed(request):
    """The last: by the tests before it, and each on the live program."""
    mine = {item.function for item in request.session.items if item.path == request.path}
    if any(function not in mine for name, function in globals().items() if name.startswith("test_")):
        pytest.skip("not all tests are run")
    names = {"PageUp": "PgUp", "PageDown": "PgDn", "Escape": "Esc", "BSpace": "Backspace", "DC": "Del"}
    pressed = {names.get(key, re.sub("^C-(.)$", lambda found: "Ctrl-" + found[1].upper(), key)).replace(" ", "-")
               for key in Terminal.pressed}
    known = keys_of_the_help()
    assert len(known) > 80
    missing = []
    for key in known:
        digits = re.fullmatch(r"(\d)-(\d)", key)
        wanted = [str(digit) for digit in range(int(digits[1]), int(digits[2]) + 1)] if digits else [key]
        missing += [one for one in wanted if one not in pressed]
    print("pressed:", " ".join(sorted(pressed)))
    assert not missing, "keys that no test presses"
