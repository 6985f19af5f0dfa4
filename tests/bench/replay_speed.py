#!/usr/bin/python3
"""How long the screen of a replay takes, on a recording of 24 hours at 1 s with 200 tasks that move each second: to
open, to jump to a time, to jump to the worst moment of a column, to page and to step.

replay_speed.py [PRESSES]: 20. IOTOPX_BIN names the program; the generator, `day`, lies beside it in tests/load.
From a key (or the start) to the last byte of the answer on a terminal of 200x50; a replay that is held draws nothing by
itself. CPU is what the program took of it, whatever else the machine does. The file is in the page cache, but for
"open, cold".
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from cost import ENVIRONMENT, Terminal, cpu_seconds

BINARY = os.environ["IOTOPX_BIN"]
DAY = os.path.join(os.path.dirname(BINARY), "tests", "load", "day")
QUIET = 0.1  # no more bytes for so long: that was the answer
PATIENCE = 60
ENVIRONMENT.update(TZ="UTC", XDG_CONFIG_HOME="/nonexistent")


class Replay(Terminal):
    def __init__(self, *options):
        super().__init__([BINARY, "--replay", *options])

    def answer(self, begin, cpu=0.0, wanted=b""):
        """Seconds from `begin` to the last byte of a burst in which `wanted` is, and of them on the CPU."""
        end = None
        while self.read(QUIET if end and wanted in self.seen else PATIENCE):
            end = time.monotonic()
        assert end and wanted in self.seen, "no answer"
        return end - begin, cpu_seconds(self.pid) - cpu

    def press(self, keys):
        begin, cpu = time.monotonic(), cpu_seconds(self.pid)
        os.write(self.fd, keys)
        return self.answer(begin, cpu)

    def jump(self, to):
        self.press(b"j")
        for letter in to:  # each is echoed
            self.press(letter.encode())
        return self.press(b"\r")


def forget(path):
    """Out of the page cache, as after a night."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def opening(path):
    replay = Replay(path)
    try:
        return replay.answer(replay.start, wanted=b"postgres")
    finally:
        replay.close()


def report(title, times):
    """Of pairs that press() gave."""
    passed, cpu = (sorted(column) for column in zip(*times))
    figures = [statistics.median(passed), passed[-1], statistics.median(cpu), cpu[-1]]
    print(f"| {title} | {' | '.join(f'{1e3 * figure:.0f}' for figure in figures)} |", flush=True)


def measure(path, presses):
    forget(path)
    report("open, cold", [opening(path)])
    report("open", [opening(path) for _ in range(5)])
    replay = Replay(path)
    try:
        replay.answer(replay.start, wanted=b"postgres")
        chance = random.Random(1)
        times = ["%02d:%02d:%02d" % (chance.randrange(24), chance.randrange(60), chance.randrange(60))
                 for _ in range(presses)]
        report("jump to a time", [replay.jump(to) for to in times])
        worst = []
        for press in range(presses):
            replay.press(b"%d" % (4 + press % 6))  # sorts by that column, or the other way round
            worst.append(replay.jump("max"))
            replay.jump(times.pop())
        report("jump to the worst moment of a column", worst)
        report("page", [replay.press(b"\x1b[6~" if press % 4 < 2 else b"\x1b[5~") for press in range(presses)])
        report("step back and forward", [replay.press(b"," if press % 4 < 2 else b".") for press in range(presses)])
        report("ten steps", [replay.press(b"[" if press % 4 < 2 else b"]") for press in range(presses)])
        report("to the end", [replay.press(b"L")])
    finally:
        replay.close()


def main():
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory(prefix="iotopx-day-", dir="/var/tmp") as directory:
        path = os.environ.get("IOTOPX_DAY") or os.path.join(directory, "day")
        if not os.path.exists(path):
            subprocess.run([DAY, path], check=True, stdout=subprocess.DEVNULL)
        print(f"{os.path.getsize(path) / 1e6:.0f} MB of recording\n")
        print("| what | ms, median | worst | CPU ms, median | worst |\n|---|---|---|---|---|")
        measure(path, presses)


if __name__ == "__main__":
    sys.exit(main())
