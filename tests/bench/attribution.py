#!/usr/bin/python3
"""Who wrote? iotopx beside iotop-c and iotop (Python): 200 short dd and 200 short threads write 4 MiB each, all tools
watch the same load, and one table tells what each attributed to those who wrote it.

attribution.py [RUNS]; IOTOPX_BIN names the program (build/iotopx), its loads lie beside it in tests/load.
To the peers' favour, the most that they ever showed of a task counts, whenever it was.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import iotopx  # noqa: E402

COUNT = 200
SIZE = 4 << 20
MIB = 1 << 20
ROW = re.compile(r"\s*(\d+)\s+\S+\s+\S+\s+[\d.]+ K\s+([\d.]+) K\s+(.*)")
PEERS = {
    "iotop-c": ["iotop-c", "-b", "-a", "-k", "-P", "-o", "-d", "1"],
    "iotop": ["iotop-py", "-b", "-a", "-k", "-P", "-o", "-d", "1"],
}


class Peer:
    """iotop or iotop-c in accumulated batch mode."""

    def __init__(self, scratch, name):
        self.path = os.path.join(scratch, name + ".out")
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(PEERS[name], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                                            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"})

    def count(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read().count("Total DISK READ")

    def wait(self, more):
        wanted = self.count() + more
        iotopx.wait_for("the peer's output", lambda: self.count() >= wanted, 120)

    def written(self, name):
        """The most that was shown, task by task."""
        most = {}
        with open(self.path, encoding="utf-8", errors="replace") as file:
            for line in file:
                found = ROW.match(line)
                if found and name in found[3]:
                    most[found[1]] = max(most.get(found[1], 0), float(found[2]) * 1024)
        return sum(most.values())

    def close(self):
        self.process.terminate()
        self.process.wait()


def run_load(scratch, load):
    """One load under all tools: {tool: share attributed}, and how many exit records iotopx lost."""
    directory = tempfile.mkdtemp(dir=scratch)
    generator, name = load(directory)
    peers = {name: Peer(directory, name) for name in PEERS}
    try:
        with iotopx.Batch(directory, "-P", delay=1) as monitor:
            for peer in peers.values():
                peer.wait(2)
            generator.go()
            seen = {"iotopx": monitor.total(name, "write")}
            for tool, peer in peers.items():
                peer.wait(2)
                seen[tool] = peer.written(name)
            # Of what the kernel charged: a page more now and then than what was written, for the filesystem's own.
            return {tool: written / generator.charged for tool, written in seen.items()}, monitor.lost()
    finally:
        generator.close()
        for peer in peers.values():
            peer.close()


def short_dd(directory):
    name = "dd-" + os.path.basename(directory)[-8:]
    path = os.path.join(directory, name)
    os.symlink(shutil.which("dd"), path)
    return iotopx.Load(directory, "swarm", "-x", "-n", COUNT, "-b", SIZE, "-j", 4, "--", path, "if=/dev/zero",
                       f"of={directory}/slot{{}}", "bs=64k", "count=64", "conv=fsync", "status=none"), name


def short_threads(directory):
    load = iotopx.Load(directory, "swarm", "-t", "-n", COUNT, "-b", SIZE, "-f", "FILE", "-s", "-j", 4)
    return load, load.name


def version(command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return (run.stdout or run.stderr).strip().split("\n")[0]


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    base = os.environ.get("IOTOPX_SCRATCH") or os.path.dirname(os.path.abspath(iotopx.BINARY))
    scratch = tempfile.mkdtemp(prefix="iotopx-bench-", dir=base)
    total = COUNT * SIZE
    try:
        print(f"Bytes written, and the share attributed to who wrote them; medians of {runs} runs; {time.strftime('%F')}, "
              f"Linux {os.uname().release}, {os.cpu_count()} CPUs\n")
        print(f"| load | written | {' | '.join(['iotopx', *PEERS])} |")
        print(f"|---|---|{'---|' * (1 + len(PEERS))}")
        for title, load in ((f"{COUNT} short dd of 4 MiB", short_dd), (f"{COUNT} short threads, 4 MiB each", short_threads)):
            results = [run_load(scratch, load) for _ in range(runs)]
            cells = []
            for tool in ["iotopx", *PEERS]:
                share = statistics.median(result[0][tool] for result in results)
                cells.append(f"{share * total / MIB:.1f} MiB, {100 * share:.2f} %")
            print(f"| {title} | {total / MIB:.0f} MiB | {' | '.join(cells)} |", flush=True)
            lost = sum(result[1] for result in results)
            if lost:
                print(f"\niotopx lost {lost} exit records.\n")
        print(f"\n{version([iotopx.BINARY, '--version'])}; {version(['iotop-c', '--version'])}; "
              f"iotop (Python) {version(['/usr/sbin/iotop-py', '--version'])}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
