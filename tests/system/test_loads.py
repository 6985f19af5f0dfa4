"""The generators do what they say, by the kernel's own count; and the parser of the text output reads what it should."""

import os
import subprocess

import pytest

import iotopx

MIB = 1 << 20


@pytest.mark.parametrize("method", ["buffered", "direct", "mmap", "aio", "uring"])
def test_writer_and_reader(start, method):
    writer = start("writer", method, "FILE", 4 * MIB, 65536)
    before = writer.io()["write_bytes"]
    assert writer.go()["bytes"] == 4 * MIB
    assert writer.io()["write_bytes"] - before == pytest.approx(4 * MIB, rel=0.01)
    reader = start("reader", method, writer.file, 4 * MIB, 65536)
    before = reader.io()["read_bytes"]
    assert reader.go()["bytes"] == 4 * MIB
    assert reader.io()["read_bytes"] - before == pytest.approx(4 * MIB, rel=0.01)


@pytest.mark.parametrize("options", [("-p",), ("-t",), ("-t", "-s", "-j", 3)], ids=str)
def test_swarm(start, options):
    load = start("swarm", *options, "-n", 100, "-b", 65536, "-f", "FILE")
    assert load.go()["bytes"] == 100 * 65536
    assert load.charged == pytest.approx(100 * 65536, rel=0.001)


def test_puppet(start):
    load = start("puppet", "FILE", 3)

    assert load.go("write 0 8192") == {"ok": True, "tid": load.pid}
    assert load.go("write 3 65536")["tid"] != load.pid
    load.go("born 4096")
    load.go("fork 4096")
    assert load.go("exec 2") == {"ready": True, "tid": load.pid}
    load.go("write 0 4096")
    assert load.charged == load.io()["write_bytes"] == load.wrote(8192 + 65536 + 3 * 4096)
    with open(f"/proc/{load.pid}/comm", encoding="ascii") as file:
        assert file.read().strip() == load.name


def test_puppet_lives_without_its_leader(start):
    load = start("puppet", "FILE", 1)
    assert load.go("leave")["tid"] != load.pid
    iotopx.wait_for("the leader to be a zombie", lambda: "\nState:\tZ" in open(f"/proc/{load.pid}/status").read())
    assert load.go("write 1 4096")["tid"] != load.pid


def test_pidreuse(start):
    load = start("pidreuse", "FILE", 65536, 5, 1)
    assert load.go() == {"done": True, "bytes": 6 * 65536, "members": 6}
    assert load.charged == load.wrote(6 * 65536)


def test_frozen_filesystem(start, frozen):
    """A puppet hangs on it, and a locked memory map hangs whoever asks for the command line."""
    puppet = start("puppet", f"{frozen.path}/data", 1)
    locked = start("mmaplock", f"{frozen.path}/map")
    frozen.freeze()
    puppet.say("write 1 4096")
    locked.say()

    def state():
        path = next(f"/proc/{puppet.pid}/task/{tid}/stat" for tid in os.listdir(f"/proc/{puppet.pid}/task")
                    if int(tid) != puppet.pid)
        with open(path, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]

    iotopx.wait_for("D", lambda: state() == "D")

    def hangs():
        reader = subprocess.Popen(["cat", f"/proc/{locked.pid}/cmdline"], stdout=subprocess.DEVNULL)
        try:
            reader.wait(0.5)
        except subprocess.TimeoutExpired:
            return True
        finally:
            reader.kill()
            reader.wait()
        return False

    iotopx.wait_for("cmdline to hang", hangs)
    frozen.thaw()
    assert puppet.hear()["ok"]


def test_parser():
    text = """Total DISK READ:            0.00 K | Total DISK WRITE:        12.00 K
Actual DISK READ:           0.00 K | Actual DISK WRITE:        0.00 K
Gap DISK READ:              0.00 K | Gap DISK WRITE:         -12.00 K | Cancelled: 0.00 K | Dirty: 1.00 K
Lost exit records: 12 (what those tasks did last is missing)
Note: own processes only
    123      12.00 K  ~1234      -   ~12.50 % /usr/bin/cat -n a file
      -    ~340.50 K      -  12.3k          - swarm-1234 \u00d720
Total DISK READ:            0.00 K | Total"""
    sample, = iotopx.TextParser(["pid", "write", "syscr", "blkio", "io", "command"]).parse(text)
    assert sample.lost() == 12
    first, second = sample.rows
    assert first == {"pid": "123", "write": 12288, "syscr": 1234, "blkio": None, "io": 0.125,
                     "command": "/usr/bin/cat -n a file"}
    assert first.approximate == {"syscr", "io"}
    assert (first.name, second.name) == ("cat", "swarm-1234")
    assert second["blkio"] == 12300 and second["pid"] == "-"
    with pytest.raises(AssertionError):
        iotopx.TextParser(["pid", "write", "command"]).parse("Total x\n 1 abc command\n")
