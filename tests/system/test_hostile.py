"""Processes whose names, command lines, files, users and cgroups are attacks on who looks at them: real ones, and every
byte of every output is checked by other means than iotopx's own. What they are called is told here as it must be shown.
"""
import csv
import ctypes
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import unicodedata
import uuid

import pytest

import iotopx
from test_options import Terminal
from test_prometheus import PLACES
from tmux import Terminal as Screen

BINARY = iotopx.BINARY
HOSTILE = os.path.join(iotopx.LOADS, "hostile")
UID, GID = 54321, 54322  # nobody's
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}

ATTACKS = {
    "title": b"\x1b]0;pwn\x07",
    "colour": b"\x1b[37;41;5m\x1b[2J",
    "cursor": b"\x1b[1;1Hpwn",
    "c1": b"\x9b31m\x9dx\x9c\x90",
    "c1 in UTF-8": "\u009b31m\u009dx\u009c".encode(),
    "delete": b"a\x7fb\x08c\x08\x08d",
    "lines": b"a\nb\r\tc\x0b\x0cd",
    "bidi": "a\u202eb\u2066c\u200f".encode(),
    "zero width": "a\u200bb\ufeffc\u00ad".encode(),
    "blank": "\u00a0\u3000\u2800\u3164\u115f".encode(),
    "halfwidth blank": "\uffa0\u2003\u1160".encode(),
    "marks": ("e" + "\u0301" * 7).encode(),
    "invalid": b"\xff\xfe\xe2\x82 \xc0\xaf\xed\xa0\x80",
    "quotes": b"\"a\",'b\\;`c`",
    "formula": b"=cmd|' /C'!A0",
    "label": b"x\"} 1\n# EOF",
    "format": b"%s%n%99999d&<b",
    "shift": b"\x0e\x0f\x05\x18\x1a",
    "wide": "日本語 ö".encode(),
}


# Blank, but for their cells: what Unicode calls separators of words, and what is called otherwise and looks the same.
BLANK = "\u2800\u115f\u1160\u3164\uffa0"


def acts(one):
    """Whether a character does something else than to be seen."""
    return unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Zs") and one != " " or one in BLANK


def shown(raw):
    """As it must be shown: what would act becomes an escape, the rest stays, two combining marks on a character."""
    text, marks, at = "", 2, 0
    while at < len(raw):
        character = next((raw[at:at + size] for size in range(1, 5) if is_utf8(raw[at:at + size])), None)
        if character is None:
            text, marks, at = text + f"\\x{raw[at]:02x}", 2, at + 1
            continue
        at += len(character)
        one = character.decode()
        mark = unicodedata.combining(one) > 0
        if acts(one) or mark and marks >= 2:
            code = ord(one)
            text += {10: "\\n", 9: "\\t", 13: "\\r"}.get(code, f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")
            marks = 2
        else:
            text += one
            marks = marks + 1 if mark else 0
    return text


def is_utf8(raw):
    try:
        return len(raw.decode("utf-8")) == 1
    except UnicodeDecodeError:
        return False


def assert_clean(data, allowed=""):
    """Bytes for people: UTF-8 in which nothing acts."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    for at, one in enumerate(text):
        banned = acts(one) or unicodedata.category(one) in ("Co", "Cn")
        assert not banned or one in allowed, f"{one!r} in {text[max(0, at - 60):at + 20]!r}"
    assert not re.search("[\u0300-\u036f]{3}", text)


class Attacker:
    """A process of tests/load/hostile.c."""

    def __init__(self, comm, argv, uid=UID, fds=(), launcher=None):
        self.comm, self.argv = comm, argv
        command = launcher or argv
        self.process = subprocess.Popen(command, executable=None if launcher else HOSTILE, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, user=uid, group=GID, extra_groups=[], pass_fds=fds,
                                        env={"FILLER": "x" * 200})
        line = self.process.stdout.readline().split()
        assert line and line[0] == b"ready", line
        self.pid = int(line[1])
        self.say("comm", comm)

    def say(self, what, raw):
        self.process.stdin.write(what.encode() + b" " + raw.hex().encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"ok\n"

    def line(self):
        """What the kernel says its command line is, arguments joined."""
        with open(f"/proc/{self.pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


EMPTY_ARGV = ("import ctypes; none = (ctypes.c_char_p * 1)(None);"
              f"ctypes.CDLL(None).execve({HOSTILE!r}.encode(), none, none)")


@pytest.fixture(name="gang", scope="module")
def all_of_them(tmp_path_factory):
    """By a name for each. The binary must be within reach of a user who is nobody."""
    directory = tmp_path_factory.mktemp("hostile")
    evil_file = os.path.join(os.fsencode(directory), b"f\x1b[31;7m\xe2\x80\xae\xff\n")
    fd = os.open(evil_file, os.O_CREAT | os.O_RDWR)
    gang = {}
    try:
        for name, raw in ATTACKS.items():
            gang[name] = Attacker(raw[:15], [raw, b"-x", raw + b"z", b""], fds=(fd,))
        everything = b"".join(ATTACKS.values())
        long = (everything * (131071 // len(everything) + 1))[:131071]
        gang["128 KiB"] = Attacker(b"long", [b"long", long])
        gang["no arguments"] = Attacker(b"empty\x1b", None, launcher=[sys.executable, "-c", EMPTY_ARGV])
        gang["no name"] = Attacker(b"", [b"", b""])
        gang["as sshd"] = Attacker(b"sshd", [b"sshd-listener", b"x" * 100])
        gang["as sshd"].say("title", b"sshd: \x1b]2;root\x07@pts/0")
        gang["as postgres"] = Attacker(b"postgres", [b"postgres", b"x" * 50])
        gang["as postgres"].say("fill", b"postgres: \x9b7m idle ")
        os.close(fd)
        yield gang
    finally:
        for one in gang.values():
            one.close()


@pytest.fixture(name="recording", scope="module")
def recorded(gang, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("hostile") / "recording")
    run("--record", path, "-b", "-n", "3", "-d", "0.4", "-qqq")
    return path


def run(*arguments, status=0, **environment):
    done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                          env={**ENVIRONMENT, **environment}, check=False)
    assert done.returncode == status, done.stderr
    assert_clean(done.stderr, "\n")
    return done


@pytest.fixture(name="source", params=["live", "replay"])
def where_from(request, gang):
    """Options with which iotopx prints the gang, live or from a recording."""
    if request.param == "live":
        return ["-n", "2", "-d", "0.4"]
    return ["--replay", request.getfixturevalue("recording")]


def test_text(gang, source):
    """A row a process, on one line each, in both character sets."""
    for locale in ("C.UTF-8", "C"):
        done = run("-b", "-P", *source, "--columns", "pid,user,unit,container,cgroup,command", LC_ALL=locale)
        assert_clean(done.stdout, "\n")
        assert locale != "C" or done.stdout.isascii()
        text = done.stdout.decode()
        last = text[text.rindex("Total DISK"):].split("\n")
        for name, one in gang.items():
            rows = [row for row in last if re.match(rf"\s*{one.pid}\s", row)]
            assert len(rows) == 1, f"{name}: {rows}"
            assert re.match(rf"\s*{one.pid}\s+{UID}\s", rows[0])
        assert not [row for row in last if row.startswith("# EOF")]


def test_json(gang, source):
    done = run("--format", "json", "-P", *source)
    assert_clean(done.stdout, "\n")
    lines = done.stdout.decode().split("\n")
    assert lines.pop() == ""
    tasks = {task["pid"]: task for task in json.loads(lines[-1])["tasks"]}
    for name, one in gang.items():
        task = tasks[one.pid]
        assert task["command"] == shown(one.comm), name
        assert (task["uid"], task["user"]) == (UID, str(UID))
        expected = shown(one.line()[:4000])[:3900]
        assert (task["cmdline"] or "").startswith(expected) and bool(task["cmdline"]) == bool(expected), name


def test_csv(gang, source):
    done = run("--format", "csv", "-P", *source)
    assert_clean(done.stdout, "\r\n")
    rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    tasks = {row["pid"]: row for row in (dict(zip(rows[0], row)) for row in rows[1:])}
    for name, one in gang.items():
        assert tasks[str(one.pid)]["command"] == shown(one.comm), name
        assert tasks[str(one.pid)]["user"] == str(UID)


def test_openmetrics(gang, source):
    done = run("--format", "openmetrics", "-P", "--filter", f"user:{UID}", *source)
    assert_clean(done.stdout, "\n")
    text = done.stdout.decode()
    assert text.endswith("# EOF\n")
    label = r'[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"'
    for line in text.rstrip("\n").split("\n"):
        assert line.startswith("# ") or re.fullmatch(rf"iotopx_[a-z_]+(?:\{{{label}(?:,{label})*\}})? \S+(?: \S+)?", line), line
    names = {re.sub(r"\\(.)", r"\1", name) for name in re.findall(r'groupname="((?:[^"\\]|\\.)*)"', text)}
    for name, one in gang.items():
        assert shown(one.comm) in names or not one.comm, name
    promtool = shutil.which("promtool", path=PLACES)
    if promtool:
        last = text[text.rindex("# EOF\n", 0, -6) + 6:] if text.count("# EOF\n") > 1 else text
        checked = subprocess.run([promtool, "check", "metrics"], input=last.encode(), capture_output=True, check=False)
        assert b"error while linting" not in checked.stderr and checked.returncode in (0, 3), checked.stderr


def test_recording(gang, recording):
    """It keeps the bytes themselves, as text where they are text."""
    with sqlite3.connect(f"file:{recording}?mode=ro", uri=True) as base:
        base.text_factory = bytes
        texts = set(row[0] for row in base.execute("SELECT text FROM texts"))
        kinds = dict(base.execute("SELECT CAST(text AS BLOB), typeof(text) FROM texts"))
    for name, one in gang.items():
        assert one.comm in texts, name
        assert one.line()[:4096] in texts, name
    assert kinds[ATTACKS["wide"][:15]] == b"text" and kinds[ATTACKS["invalid"][:15]] == b"blob"


# All that ncurses may send to an xterm of 256 colours, by the forms in its terminfo. The picture's looks are those of
# src/tui/curses.c; "plain" is a terminal that can't be told anything but where to go and what to clear.
SGR = rb"(?:0?(?:;1)?(?:;2)?(?:;7)?|[127]|3[16]|38;5;(?:35|37|170|172|245)|39|39;49)m"
PLAIN = [
    SGR, rb"\d+;\d+H", rb"H\x1b\[J", rb"[JK]", rb"\d+X",
    # Beginning, end, and the corner at the lower right: another screen, keys, mouse, cursor, wrapping.
    rb"\?1049[hl]", rb"2[23];0;0t", rb"\?1[hl]\x1b[=>]", rb"\?1006;1000[hl]", rb"\?12l\x1b\[\?25h", rb"\?25l", rb"\?7[hl]",
]
XTERM = PLAIN + [rb"H\x1b\[2J", rb"H", rb"\d+[Gd]", rb"\d*[ABCD]", rb"\d+;\d+r", rb"1?K", rb"\d+b", rb"\d*[@PLM]", rb"4[hl]"]
GRAMMARS = {
    "xterm-256color": re.compile(rb"\x1b\[(?:" + rb"|".join(XTERM) + rb")|\x1b\(B|\x1bM|[\b\r\n]"),
    "plain": re.compile(rb"\x1b\[(?:" + rb"|".join(PLAIN + [rb"H\x1b\[2J"]) + rb")"),
}
PLAIN_SOURCE = "plain|an xterm that knows places only," + ",".join(name + "@" for name in """ht cbt cub cub1 cud cud1 cuf
    cuf1 cuu cuu1 cr ind indn ri rin nel hpa vpa home el1 rep csr il il1 dl dl1 ich dch dch1 smir rmir acsc smacs rmacs
    sgr""".split()) + r",sgr0=\E[m,use=xterm-256color,"


@pytest.fixture(name="terminfo", scope="module")
def plain_terminfo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("terminfo")
    (directory / "source").write_text(PLAIN_SOURCE + "\n")
    subprocess.run(["tic", "-x", "-o", str(directory), str(directory / "source")], check=True)
    return f"{directory}:/etc/terminfo:/lib/terminfo:/usr/share/terminfo"


def assert_terminal(stream, term):
    """Nothing but clean text and what ncurses sends; nothing of it as it stood in a name."""
    rest = GRAMMARS[term].sub(b"", stream)
    # Cut where it was read.
    rest = rest[:rest.rindex(b"\x1b")] if b"\x1b" in rest[-12:] else rest
    text = rest.decode("utf-8", "replace").rstrip("\ufffd")
    assert "\ufffd" not in text
    assert_clean(text)
    for raw in ATTACKS.values():
        acting = any(acts(one) for one in raw.decode("latin-1") if ord(one) < 0xa0)
        assert not acting or raw not in re.sub(rb"[\xc2-\xf4][\x80-\xbf]+", b"", stream), raw


@pytest.mark.parametrize("term", GRAMMARS)
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_terminal(gang, source, locale, term, terminfo, monkeypatch):
    """Every byte that a terminal gets, with names, command lines, groups and details on it."""
    monkeypatch.setitem(os.environ, "LC_ALL", locale)
    live = source[0] != "--replay"
    command = ["env", f"LC_ALL={locale}", f"TERM={term}", f"TERMINFO_DIRS={terminfo}", BINARY, "-u", str(UID), "-P",
               *(["-d", "0.3"] if live else source)]
    screen = Terminal(command=command, columns=200, lines=50)
    try:
        screen.read_until(b"postgres")
        wait_for_text(screen, str(gang["title"].pid).encode())
        for keys in (b"c", b"g", b"g", b"g", b"g", b"g", b"t", b"t", b"\x1b[H", b"\r", b"\x1b[F", b"\x1b", b"u", b"\x1b", b"/"):
            os.write(screen.fd, keys)
            screen.drain()
        assert_terminal(screen.output, term)
        before = len(screen.output)
        assert b"pwn" in screen.output  # it was there to be seen
        assert locale != "C" or screen.output.isascii()
        os.write(screen.fd, b"\x1b")
        screen.drain()
        os.write(screen.fd, b"q")
        iotopx.wait_for("the end", screen.ended)
        assert screen.status == 0
        assert_terminal(screen.output[:before] + screen.output[before:].replace(b"\r", b"", 1), term)  # endwin's
    finally:
        screen.close()


def cells(line):
    """What stands in each cell: a wide character takes two, the second of which is empty; a mark sits on another."""
    row = []
    for one in line:
        if unicodedata.combining(one) and row:
            row[-1] += one
            continue
        row += [one, ""] if unicodedata.east_asian_width(one) in "WF" else [one]
    return row


def names_in_place(screen, gang, wanted):
    """Every name is in its column as it must be shown, and all that stands to the right of it is where its title is."""
    lines = screen.lines()
    titles = next((line for line in lines if "COMMAND" in line and "USER" in line), "")
    names, users = titles.find("COMMAND"), titles.find("USER")
    found = {}
    for row in map(cells, lines):
        pid = "".join(row[:names]).strip()
        if pid.isdigit():
            found[int(pid)] = "".join(row[names:users]).rstrip(), "".join(row[users:])
    for name, one in gang.items():
        command, others = found.get(one.pid, ("", ""))
        expected = wanted(one).rstrip()
        whole = command == expected or "…" in command and expected.startswith(command.split("…")[0])
        if not whole or not re.fullmatch(rf"{UID} +be/\d +\S +[\d.]+ .?B?/s", others):
            return name, command, others
    return None


def test_places(gang):
    """The terminal itself says where it shows what: names move nothing, be they names or whole command lines."""
    with Screen([BINARY, "-u", str(UID), "-P", "-d", "0.3", "--columns", "pid,command,user,prio,state,read"], 160, 50,
                environment={"XDG_CONFIG_HOME": "/nonexistent"}) as screen:
        screen.wait_for("COMMAND")
        for wanted in (lambda one: shown(one.comm)), (lambda one: shown(one.line()[:4096]) or shown(one.comm)):
            end = time.monotonic() + iotopx.PATIENCE
            while wrong := names_in_place(screen, gang, wanted):
                assert time.monotonic() < end, (wrong, screen.text())
            screen.press("c")


def wait_for_text(screen, text):
    iotopx.wait_for(f"{text!r} on the screen", lambda: screen.drain() or text in screen.output)


def test_exited(gang):
    """One that is gone is known by its exit record alone."""
    with subprocess.Popen([BINARY, "--format", "json", "-n", "3", "-d", "0.5"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env=ENVIRONMENT) as monitor:
        first = monitor.stdout.readline()
        one = Attacker(ATTACKS["title"], [ATTACKS["title"]])
        one.close()
        rest = monitor.stdout.read()
    assert_clean(first + rest, "\n")
    ended = [task for line in rest.decode().splitlines() for task in json.loads(line)["tasks"] if task["pid"] == one.pid]
    assert any(task["exited"] and task["command"] == shown(one.comm) for task in ended)


CGROUPS = "/sys/fs/cgroup"


@pytest.mark.parametrize("name, unit", [
    (b"c\x1b[31m\xe2\x80\xae\xff", lambda name: shown(b"/" + name)),
    (rb"a\x1b]0;x\x0a.service", lambda name: shown(b"a\x1b]0;x\n.service")),
], ids=["raw", "escaped by systemd's rules"])
def test_cgroup(name, unit):
    """A cgroup's name is chosen by whoever may make one."""
    own = name + uuid.uuid4().hex[:6].encode() if not name.endswith(b".service") else name
    base = next((path for path in (CGROUPS, CGROUPS + "/unified") if os.path.exists(path + "/cgroup.procs")
                 and os.path.exists(path + "/cgroup.controllers")), None)
    if not base:
        pytest.skip("there is no cgroup v2 hierarchy")
    path = os.path.join(base.encode(), own)
    try:
        os.mkdir(path)
    except OSError as error:
        pytest.skip(f"no cgroup can be made: {error}")
    one = Attacker(b"in cgroup", [b"x"])
    try:
        with open(os.path.join(path, b"cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(one.pid))
        for arguments in (["-b", "--columns", "pid,unit,cgroup,command"], ["--format", "json"], ["--format", "csv"],
                          ["--format", "openmetrics", "--group", "unit"], ["-b", "--group", "unit"]):
            done = run(*arguments, "-P", "-n", "1", "-d", "0.3")
            assert_clean(done.stdout, "\r\n")
        tasks = json.loads(run("--format", "json", "-P", "-n", "1", "-d", "0.3").stdout)["tasks"]
        task = next(task for task in tasks if task["pid"] == one.pid)
        assert task["unit"] == unit(own)
        assert task["cgroup"] == shown(b"/" + own)
    finally:
        one.close()
        iotopx.wait_for("the cgroup to be empty", lambda: iotopx.remove_cgroup(path))


# --- errors repeat names too ---

def test_file_names_in_errors(tmp_path):
    evil = os.path.join(os.fsencode(tmp_path), b"\x1b]0;pwn\x07\xff\xe2\x80\xae")
    for arguments in (["--output", evil + b"/x", "-b", "-n", "1"], ["--replay", evil, "-b"], ["--record", evil + b"/x"]):
        done = run(*arguments, "-d", "0.1", status=1)
        assert b"\\x1b]0;pwn\\x07\\xff\\u202e" in done.stderr and done.stderr.count(b"\n") == 1


def test_recording_of_a_stranger(tmp_path):
    """SQLite's errors repeat what stands in a damaged file."""
    path = tmp_path / "evil"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA application_id = %d" % 0x696f7478)
        base.execute("PRAGMA user_version = 1")
        base.execute("CREATE TABLE t(x)")
        base.execute("PRAGMA writable_schema = ON")
        base.execute("UPDATE sqlite_master SET name = ?, tbl_name = ?, sql = 'CREATE TABLE nonsense ('",
                     ["\x1b]0;pwn\x07\u202e"] * 2)
    done = run("--replay", str(path), "-b", status=1)
    assert b"pwn" in done.stderr and done.stderr.count(b"\n") == 1
