#!/usr/bin/python3
"""The arrows between the rooms: base <- model <- {source, store, output, tui} <- app.

A file of src/ROOM may include the contracts of its own room and of those below it, its own room's private headers,
and nothing of another's. Libraries have one home each: curses, netlink, SQLite and jansson.

arrows.py ROOT checks a tree; arrows.py --prove builds trees with one forbidden include each and wants each found.
"""
import re
import sys
import tempfile
from pathlib import Path

BELOW = {
    "base": set(),
    "model": {"base"},
    "source": {"base", "model"},
    "store": {"base", "model"},
    "output": {"base", "model"},
    "tui": {"base", "model"},
    "app": {"base", "model", "source", "store", "output", "tui"},
}

# A contract header belongs to the room that implements it. A new header is added here.
CONTRACTS = {
    "base": "array clock hash text units",
    "model": "accumulator cgroup_name column device_column device_stat filter history interval lookup machine"
             " merger nfs nfs_column open_files page sample settings table task tracker view when"
             # interfaces that other rooms fill in
             " actions source",
    "source": "cgroup cgroup_io delayacct device_info layout live lookup_live machine_read netlink_socket nfs_read proc"
              " taskstats",
    "store": "record replay",
    "output": "writer",
    "tui": "screen",
}
ROOM_OF = {name: room for room, names in CONTRACTS.items() for name in names.split()}

# Library headers, and the files that may include them.
HOMES = [
    (re.compile(r"n?curses(w/.*)?\.h|n?cursesw?/.*|term\.h"), re.compile(r"src/tui/curses\w*\.[ch]")),
    (re.compile(r"netlink/.*|linux/(netlink|genetlink|taskstats|cgroupstats|acct|cn_proc|connector)\.h"),
     re.compile(r"src/source/(taskstats|exits|forks|netlink)\w*\.[ch]")),
    (re.compile(r"sqlite3\.h"), re.compile(r"src/store/.*")),
    (re.compile(r"seccomp\.h"), re.compile(r"src/app/calls\.c")),
    (re.compile(r"jansson\.h"), re.compile(r"src/output/json\w*\.[ch]")),
    (re.compile(r"cmocka\.h"), re.compile(r"tests/.*")),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def check_file(root, path):
    """Yields what is wrong with the includes of one file."""
    name = path.relative_to(root).as_posix()
    parts = name.split("/")
    if parts[0] == "src":
        room = parts[1]
    else:
        room = ROOM_OF.get(path.stem)
        if room is None:
            yield f"{name}: no room is known for this header (tests/arrows.py lists them)"
            return
    if room not in BELOW:
        yield f"{name}: {room} is no room"
        return
    for kind, header in INCLUDE.findall(path.read_text(errors="replace")):
        if header.startswith("iotopx/"):
            owner = ROOM_OF.get(Path(header).stem)
            if owner is None:
                yield f"{name}: {header} has no room (tests/arrows.py lists them)"
            elif owner != room and owner not in BELOW[room]:
                yield f"{name}: {room} must not know {header} of {owner}"
        elif kind == '"':
            if "/" in header or not (path.parent / header).exists():
                yield f"{name}: \"{header}\" is not a private header of its room"
        for library, home in HOMES:
            if library.fullmatch(header) and not home.fullmatch(name):
                yield f"{name}: <{header}> has its home in {home.pattern}"


def check(root):
    files = sorted(root.glob("src/*/**/*.[ch]")) + sorted(root.glob("include/iotopx/*.h"))
    if not files:
        return [f"{root}: no sources found"]
    return [line for path in files for line in check_file(root, path)]


FORBIDDEN = [
    ("src/base/a.c", '#include "iotopx/task.h"'),
    ("src/model/a.c", '#include "iotopx/live.h"'),
    ("src/model/a.c", '#include "iotopx/screen.h"'),
    ("src/source/a.c", '#include "iotopx/writer.h"'),
    ("src/tui/a.c", '#include "iotopx/live.h"'),
    ("src/tui/a.c", '#include "../model/ledger.h"'),
    ("src/tui/a.c", "#include <curses.h>"),
    ("src/output/a.c", '  #  include "iotopx/screen.h"'),
    ("src/model/a.c", "#include <linux/taskstats.h>"),
    ("src/source/live.c", "#include <netlink/netlink.h>"),
    ("src/model/a.c", "#include <jansson.h>"),
    ("src/app/main.c", "#include <seccomp.h>"),
    ("include/iotopx/task.h", '#include "iotopx/tracker.h"\n#include "iotopx/proc.h"'),
    ("include/iotopx/mystery.h", ""),
]
ALLOWED = [
    ("src/tui/curses.c", "#include <curses.h>\n#include \"iotopx/screen.h\"\n#include \"iotopx/text.h\""),
    ("src/source/taskstats.c", '#include <netlink/netlink.h>\n#include "iotopx/task.h"'),
    ("src/app/main.c", '#include "iotopx/live.h"\n#include "iotopx/screen.h"\n#include "iotopx/writer.h"'),
]


def prove():
    failures = []
    for expected, cases in ((True, FORBIDDEN), (False, ALLOWED)):
        for name, text in cases:
            with tempfile.TemporaryDirectory() as root:
                path = Path(root, name)
                path.parent.mkdir(parents=True)
                path.write_text(text + "\n")
                found = check(Path(root))
                if bool(found) != expected:
                    failures.append(f"{name} with {text!r}: " + ("passed" if expected else "; ".join(found)))
    return failures


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: arrows.py ROOT | --prove")
    found = prove() if sys.argv[1] == "--prove" else check(Path(sys.argv[1]).resolve())
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


main()
