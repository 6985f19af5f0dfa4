#!/usr/bin/python3
"""What a refresh costs: iotopx beside iotop-c, with thousands of sleeping tasks, and beside the floor: a program that
asks the kernel about every task and does nothing else.

cost.py [REFRESHES]; IOTOPX_BIN names the program (build/iotopx), its loads lie beside it in tests/load.
CPU is user and system time of the process between one printed refresh and the next, the median of REFRESHES (7).
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import iotopx  # noqa: E402

IOTOPX = [iotopx.BINARY, "-b", "-o", "-d", "1"]
IOTOP_C = ["/usr/sbin/iotop-c", "-b", "-o", "-d", "1"]
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
SETTLE = 2  # refreshes before the measured ones


def cpu_seconds(pid):
    """The process's CPU clock: user and system, to the nanosecond, its ended threads included."""
    return time.clock_gettime((~pid << 3) | 2)


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def refreshes(command, count):
    """(median CPU seconds of a refresh, peak RSS in MiB)"""
    # stdbuf: the end of a refresh must be seen when it comes; it executes the program in its place.
    process = subprocess.Popen(["stdbuf", "-oL", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
    marks = []
    try:
        for line in process.stdout:
            if line.lstrip().startswith("Total DISK READ"):
                marks.append(cpu_seconds(process.pid))
            if len(marks) > SETTLE + count:
                break
        peak = peak_mib(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        process.wait()
    marks = marks[SETTLE:]
    return statistics.median(later - sooner for sooner, later in zip(marks, marks[1:])), peak


def count_syscalls(command, iterations):
    perf = shutil.which("perf")
    with tempfile.NamedTemporaryFile("r") as report:
        def run(tracer):
            return subprocess.run([*tracer, *command, "-n", str(iterations)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=False)

        if perf and run([perf, "stat", "-x,", "-o", report.name, "-e", "raw_syscalls:sys_enter"]).returncode == 0:
            found = re.search(r"^(\d+),", report.read(), re.M)
            if found:
                return int(found[1])
        run(["strace", "-f", "-c", "-o", report.name])
        report.seek(0)
        return int(re.findall(r"^\S+\s+\S+(?:\s+\S+)?\s+(\d+)(?:\s+\d+)?\s+total", report.read(), re.M)[0])


def syscalls_per_refresh(command):
    return (count_syscalls(command, 5) - count_syscalls(command, 2)) / 3


def task_count():
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in os.listdir("/proc") if pid.isdigit()
               and os.path.exists(f"/proc/{pid}/task"))


def floor_seconds(count):
    run = subprocess.run([os.path.join(iotopx.LOADS, "floor"), str(count + 1)], capture_output=True, text=True, check=True)
    return statistics.median(int(ns) / 1e9 for ns in re.findall(r"ns=(\d+)", run.stdout)[1:])


@contextlib.contextmanager
def sleepers(scratch, *groups):
    """Each group: processes, threads of each, how many of them read 4 KiB a second from the disk."""
    path = os.path.join(scratch, "data")
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
    with contextlib.ExitStack() as stack:
        for processes, threads, active in groups:
            stack.enter_context(iotopx.Load(scratch, "sleepers", processes, threads, active, path))
        yield


def account(command, iterations):
    """The collector's own account on stderr: its counts and the ns of its phases, after so many refreshes."""
    run = subprocess.run([*command, "-n", str(iterations)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True, env={**ENVIRONMENT, "IOTOPX_COST": "1"}, check=True)
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", run.stderr, re.M)}


def phases(count):
    """Of a refresh once the first ones are over: what some more of them add."""
    few, many = account(IOTOPX, SETTLE), account(IOTOPX, SETTLE + count)
    return {name: (many[name] - few[name]) / count for name in many}


def measure(title, count, groups, scratch, breakdown):
    with sleepers(scratch, *groups):
        time.sleep(2)
        tasks = task_count()
        ours, our_peak = refreshes(IOTOPX, count)
        peers, peer_peak = refreshes(IOTOP_C, count)
        parts = phases(count)
        floor = floor_seconds(count)
        our_calls, peer_calls = syscalls_per_refresh(IOTOPX) / tasks, syscalls_per_refresh(IOTOP_C) / tasks
    print(f"| {title} | {tasks} | {ours * 1e3:.2f} | {peers * 1e3:.1f} | 1/{peers / ours:.0f} | {floor * 1e3:.1f} | "
          f"{our_calls:.3f} | {peer_calls:.1f} | {our_peak:.1f} | {peer_peak:.0f} |", flush=True)
    parts["rest_ns"] = ours * 1e9 - sum(value for name, value in parts.items() if name.endswith("_ns"))
    breakdown.append((title, parts))


class Terminal:
    """A program on a pseudo-terminal of 200x50."""

    def __init__(self, command):
        self.start = time.monotonic()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execvpe(command[0], command, ENVIRONMENT)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.seen = b""

    def read(self, patience):
        """Whatever comes within so many seconds; b"" if nothing does."""
        if not select.select([self.fd], [], [], patience)[0]:
            return b""
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        self.seen += chunk
        return chunk

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def close(self):
        os.write(self.fd, b"q")
        self.drain(0.3)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def interactive(command, seconds):
    """CPU seconds per second, and peak RSS."""
    terminal = Terminal(command)
    try:
        terminal.drain(2)
        before, begin = cpu_seconds(terminal.pid), time.monotonic()
        terminal.drain(seconds)
        return (cpu_seconds(terminal.pid) - before) / (time.monotonic() - begin), peak_mib(terminal.pid)
    finally:
        terminal.close()


def first_screen(command):
    """Seconds until the table with rows is on the screen."""
    terminal = Terminal(command)
    try:
        while not re.search(rb"COMMAND(?s:.)*sleep", terminal.seen) and time.monotonic() < terminal.start + 20:
            terminal.read(0.1)
        return time.monotonic() - terminal.start
    finally:
        terminal.close()


def key_latencies(command, presses):
    """Seconds from a key press to the first bytes of the answer, sorted."""
    terminal = Terminal(command)
    latencies = []
    try:
        terminal.drain(4)
        for press in range(presses):
            while terminal.read(0.03):
                pass
            begin = time.monotonic()
            os.write(terminal.fd, b"\x1b[B" if press % 8 < 4 else b"\x1b[A")
            if terminal.read(5):
                latencies.append(time.monotonic() - begin)
        return sorted(latencies)
    finally:
        terminal.close()


def measure_exits(scratch):
    """CPU share of iotopx under 20,000 exits a second, and what it lost."""
    with iotopx.Batch(scratch, "-P", "-o", delay=1) as monitor, \
            iotopx.Load(scratch, "swarm", "-t", "-n", 120000, "-b", 4096, "-f", "FILE", "-j", 2, "-r", 20000) as load:
        load.say()
        time.sleep(1)
        before, begin = cpu_seconds(monitor.process.pid), time.monotonic()
        time.sleep(4)
        share = (cpu_seconds(monitor.process.pid) - before) / (time.monotonic() - begin)
        done = load.hear()
        total = monitor.total(load.name, "write")
        return share, 120000 / (done["ms"] / 1000), monitor.lost(), total / load.charged


def print_breakdown(breakdown):
    names = [name for name in breakdown[0][1] if name.endswith("_ns")]
    print("\nWhere iotopx's time goes, µs of a refresh, means; the rest is rows, sorting, printing and the loop:\n")
    print(f"| work | {' | '.join(name.removesuffix('_ns') for name in names)} |")
    print(f"|---|{'---|' * len(names)}")
    for title, values in breakdown:
        print(f"| {title} | {' | '.join(f'{values.get(name, 0) / 1e3:.0f}' for name in names)} |")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    base = os.environ.get("IOTOPX_SCRATCH") or os.path.dirname(os.path.abspath(iotopx.BINARY))
    scratch = tempfile.mkdtemp(prefix="iotopx-bench-", dir=base)
    breakdown = []
    try:
        print(f"CPU of one refresh in ms, system calls per task and refresh, peak memory in MiB; medians of {count}; "
              f"{time.strftime('%F')}, Linux {os.uname().release}, {os.cpu_count()} CPUs\n")
        print("| work | tasks | iotopx | iotop-c | ratio | floor | calls | iotop-c's | RSS | iotop-c's |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        # First of all: the end of the loads below is thousands of exits.
        ours, our_peak = interactive([iotopx.BINARY], 20)
        peers, peer_peak = interactive(["/usr/sbin/iotop-c"], 20)
        print(f"| this machine as it is, interactive, 20 s | {task_count()} | {ours * 1e3:.2f} | {peers * 1e3:.2f} | "
              f"1/{peers / ours:.1f} | – | – | – | {our_peak:.1f} | {peer_peak:.0f} |")
        for title, groups in (
                ("1,000 processes, idle", [(1000, 1, 0)]),
                ("100 processes of 100 threads, idle", [(100, 100, 0)]),
                ("5,000 processes, idle", [(5000, 1, 0)]),
                ("5,000 of 1 and 150 of 100, 1 % do I/O", [(5000, 1, 50), (150, 100, 150)])):
            measure(title, count, groups, scratch, breakdown)
        print_breakdown(breakdown)
        share, rate, lost, seen = measure_exits(scratch)
        print(f"\n{rate:.0f} exits a second: {100 * share:.1f} % of one CPU, {lost} records lost, "
              f"{100 * seen:.2f} % of the bytes accounted for.")
        with sleepers(scratch, (5000, 1, 50), (150, 100, 150)):
            screens = [first_screen([iotopx.BINARY, "--threads"]) for _ in range(5)]
            keys = key_latencies([iotopx.BINARY, "--threads"], 200)
            print(f"With 20,000 tasks in the view of threads: first screen after {statistics.median(screens):.2f} s; "
                  f"a key is answered within {keys[len(keys) // 2] * 1e3:.1f} ms (median), "
                  f"{keys[int(len(keys) * 0.99)] * 1e3:.1f} ms (p99 of {len(keys)}).")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
