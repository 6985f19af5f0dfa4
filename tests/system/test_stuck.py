"""Tasks that hang: visible while they do, not only afterwards."""

import re

import pytest

import iotopx
from tmux import Terminal


@pytest.mark.parametrize("view", ["-P", "--threads"])
def test_writer_on_a_frozen_filesystem(batch, start, frozen, view):
    """A write to a frozen filesystem moves no counter until the thaw. The writer counts as active, is in D, and what it
    wrote is there when it is over."""
    load = start("puppet", f"{frozen.path}/data", 2)
    load.go("write 0 4096")
    before = load.charged
    monitor = batch(view, "-o", columns="pid,state,io,command", accumulated=False)
    books = batch("-P")
    frozen.freeze()
    load.say("write 1 65536")

    def seen():
        return [sample for sample in monitor.samples()[:-1] if [row for row in sample.of(load.name) if row["state"] == "D"]]

    iotopx.wait_for("the hanging writer in three samples", lambda: len(seen()) >= 3)
    frozen.thaw()
    load.hear()
    assert books.total(load.name, "write") == load.charged - before >= 65536
    last = iotopx.wait_for("the writer to go", lambda: [s for s in [monitor.settle()[-1]] if not s.of(load.name)])
    assert last


def test_hanging_from_before_the_start(batch, start, frozen):
    """It is seen although it does not run while iotopx is there."""
    load = start("puppet", f"{frozen.path}/data", 2)
    load.go("write 0 4096")
    frozen.freeze()
    load.say("write 2 65536")
    iotopx.wait_for("the writer to hang", lambda: hangs(load))
    monitor = batch("-P", "-o", columns="pid,state,io,command", accumulated=False)
    rows = iotopx.wait_for("its row", lambda: [row for s in monitor.samples()[:-1] for row in s.of(load.name)])
    assert rows[-1]["state"] == "D"
    frozen.thaw()
    load.hear()


def hangs(load):
    import glob

    for path in glob.glob(f"/proc/{load.pid}/task/*/stat"):
        with open(path, encoding="ascii") as file:
            if file.read().rpartition(")")[2].split()[0] == "D":
                return True
    return False


@pytest.mark.parametrize("before", [False, True], ids=["from now on", "from before"])
def test_seen_on_the_screen(start, frozen, before):
    """While it hangs: its row is marked and at the top, the header counts it, its detail says what that means; all that
    goes when it is over."""
    load = start("puppet", f"{frozen.path}/data", 2)
    load.go("write 0 4096")

    def hang():
        frozen.freeze()
        load.say("write 1 65536")
        iotopx.wait_for("the writer to hang", lambda: hangs(load))

    def row(terminal):
        return next((line for line in terminal.lines() if f" D {load.name}" in line), None)

    if before:
        hang()
    with Terminal([iotopx.BINARY, "-P", "-d", "0.3"], 120, 50, environment={"XDG_CONFIG_HOME": "/nonexistent"}) as screen:
        screen.wait_for("COMMAND")
        if not before:
            hang()
        screen.wait_for(lambda t: re.search(r"[1-9]\d* stuck in D", t.lines()[0]))
        assert screen.wait_for(row).split()[0] == str(load.pid)
        # By IO, as it is sorted at first: who waits is above all that only works.
        above = screen.lines()[5:screen.lines().index(screen.wait_for(row))]
        assert all(" D " in line or "†" in line or "%" in line for line in above), above
        screen.press("/")
        screen.type(f"pid:{load.pid}")
        screen.press("Enter")
        screen.wait_for(lambda t: row(t) and t.lines()[5] == row(t))
        screen.press("Enter")
        screen.wait_for("D waits for I/O")
        screen.wait_for("It is in state D: it waits for I/O that has not ended")
        frozen.thaw()
        load.hear()
        screen.wait_for("S sleeps")
        screen.press("Escape")
        screen.wait_for(lambda t: "stuck in D" not in t.lines()[0] and not row(t))
        screen.press("q")
        assert screen.wait_for_end() == 0
