"""NFS mounts on a kernel that has them: what iotopx tells against the mount's own counters, over the loopback."""

import json
import os
import re

import pytest

import guest

TOOLS = os.environ.get("IOTOPX_NFS", "")  # nfs-kernel-server and nfs-common, unpacked
PROGRAMS = ("sbin/mount.nfs", "usr/sbin/exportfs", "usr/sbin/rpc.mountd", "usr/sbin/rpc.nfsd")
MODULES = ("nfsd", "nfs", "nfsv4")
SIZE = 24 * guest.MIB

SCENARIO = f"""
ip link set lo up
mkdir -p /run/rpcbind /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery /etc/exports.d /nfs
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t nfsd nfsd /proc/fs/nfsd
mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs
echo '/mnt *(rw,fsid=0,no_root_squash,no_subtree_check,insecure)' >/etc/exports
exportfs -ra
rpc.mountd -N 3 -N 2
rpc.nfsd -N 3 -V 4.2 -G 10 -L 10 2
echo Y >/proc/fs/nfsd/v4_end_grace
mount.nfs 127.0.0.1:/ /nfs -o vers=4.2
dd if=/dev/zero of=/nfs/first bs=64k count={SIZE >> 16}
sync
echo 3 >/proc/sys/vm/drop_caches
monitor json --view nfs -d 1
cat /proc/self/mountstats >before
dd if=/nfs/first of=/dev/null bs=64k
dd if=/dev/zero of=/nfs/second bs=64k count={SIZE >> 17} conv=fsync
cat /proc/self/mountstats >after
stop json
iotopx -b --view nfs -n 1 -d 1 >text
umount /nfs
rpc.nfsd 0
"""


def counters(text):
    """ops, retransmissions, bytes, queue, rtt and execution time in ms, errors: of each operation of the mount."""
    text = text[text.index(" mounted on /nfs "):].split("\ndevice ")[0]
    return {name: list(map(int, numbers.split()))
            for name, numbers in re.findall(r"^\s+([A-Z_]+): ([\d ]+)$", text, re.M)}


def nfsiostat(left, directory, capsys):
    """What nfsiostat itself makes of the two readings of mountstats, told that a second lies between them: the mount's ops,
    and of reads and writes ops, kB, kB/op, RTT and execution time in ms."""
    with open(os.path.join(TOOLS, "usr/sbin/nfsiostat"), encoding="utf-8") as file:
        program = {"__name__": "nfsiostat"}
        exec(file.read().split("\nprog = ")[0], program)  # all but its main part
    devices = {}
    for when in ("before", "after"):
        path = directory / when
        path.write_text(left[when], encoding="utf-8")
        devices[when] = program["DeviceData"]()
        devices[when].parse_stats(program["parse_stats_file"](path)["/nfs"])
    moved = devices["after"].compare_iostats(devices["before"])
    capsys.readouterr()
    moved.display_iostats(1, 0)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    figures = {line[0]: after for line, after in zip(lines, lines[1:]) if line}
    def operation(name):  # retransmissions take two words
        words = figures[name]
        return [float(words[0]), float(words[1]), float(words[2]), float(words[5]), float(words[6])]

    return float(figures["ops/s"][0]), operation("read:"), operation("write:")


def prepare(image):
    if not os.path.isdir(TOOLS):
        raise guest.Missing("IOTOPX_NFS names no directory with the NFS tools, unpacked")
    for program in PROGRAMS:
        image.add_program(os.path.join(TOOLS, program), "/sbin/" + os.path.basename(program), [TOOLS])
    for name in ("netconfig", "services", "protocols"):
        for source in (os.path.join(TOOLS, "etc", name), "/etc/" + name):
            if os.path.exists(source):
                image.add(source, "/etc/" + name)
                break


def test_mount(boot, left):
    intervals = [json.loads(line) for line in left["json"].split("\n")[:-1]]
    before, after = counters(left["before"]), counters(left["after"])
    if boot.kernel.version == (6, 12):  # there a client of 4.2 reads by READ_PLUS, which nfsiostat does not count
        assert after["READ_PLUS"][0] > before["READ_PLUS"][0]
    rows = [(row, interval["interval_seconds"]) for interval in intervals for row in interval["mounts"]
            if row["mount"] == "/nfs"]
    assert len(rows) == len(intervals) >= 4
    assert rows[0][0]["device"] == "127.0.0.1:/" and rows[0][0]["version"] == "4.2"
    for direction, names, least in (("read", ("READ", "READ_PLUS"), SIZE), ("write", ("WRITE",), SIZE // 2)):
        moved = [sum(after[name][field] - before[name][field] for name in names if name in after)
                 for field in range(8)]
        ops, transmissions, _, sent, received, _, rtt_ms, execute_ms = moved
        shown = sum(row[f"{direction}_ops_per_second"] * seconds for row, seconds in rows)
        # By the time between two readings of the counters, which is not quite that between two sweeps.
        assert ops > 0 and shown == pytest.approx(ops, rel=0.03), direction
        shown = sum(row[f"{direction}_bytes_per_second"] * seconds for row, seconds in rows)
        assert least <= shown and shown == pytest.approx(sent + received, rel=0.03), direction
        for field, milliseconds in (("rtt_ns", rtt_ms), ("exe_ns", execute_ms)):
            shown = sum((row[f"{direction}_{field}"] or 0) * row[f"{direction}_ops_per_second"] * seconds
                        for row, seconds in rows)
            assert shown / 1e6 == pytest.approx(milliseconds, rel=0.05, abs=1), (direction, field)
        shown = sum(row[f"{direction}_retransmissions"] or 0 for row, _ in rows)
        assert shown == pytest.approx(transmissions - ops, abs=0.5), direction
    assert "/nfs" in left["text"]


def test_as_nfsiostat(boot, left, tmp_path, capsys):
    """The same load by nfsiostat's own figures."""
    ops, reads, writes = nfsiostat(left, tmp_path, capsys)
    rows = [(row, interval["interval_seconds"]) for interval in
            (json.loads(line) for line in left["json"].split("\n")[:-1]) for row in interval["mounts"]
            if row["mount"] == "/nfs"]

    def mean(direction, field):
        done = sum(row[f"{direction}_ops_per_second"] * seconds for row, seconds in rows)
        return sum((row[f"{direction}_{field}"] or 0) * row[f"{direction}_ops_per_second"] * seconds
                   for row, seconds in rows) / done

    shown = sum(row["ops_per_second"] * seconds for row, seconds in rows)
    assert shown == pytest.approx(ops, rel=0.03)
    # It does not know READ_PLUS, by which 6.12 reads.
    known = {"write": writes} if boot.kernel.version >= (6, 12) else {"read": reads, "write": writes}
    for direction, (done, kilobytes, size, rtt, exe) in known.items():
        shown = sum(row[f"{direction}_ops_per_second"] * seconds for row, seconds in rows)
        assert shown == pytest.approx(done, rel=0.03), direction
        shown = sum(row[f"{direction}_bytes_per_second"] * seconds for row, seconds in rows)
        assert shown == pytest.approx(kilobytes * 1024, rel=0.03), direction
        assert mean(direction, "size_bytes") == pytest.approx(size * 1024, rel=0.03), direction
        assert mean(direction, "rtt_ns") / 1e6 == pytest.approx(rtt, rel=0.05, abs=0.1), direction
        assert mean(direction, "exe_ns") / 1e6 == pytest.approx(exe, rel=0.05, abs=0.1), direction
