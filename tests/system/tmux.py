"""A private tmux server for one program: start it at a size, press keys, look at what the screen shows.

    with Terminal(["build/iotopx"], 80, 24) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("q")

Each Terminal has a server of its own (a socket of its own), so that tests run side by side and leave nothing behind.
"""
import os
import shlex
import subprocess
import tempfile
import time

TIMEOUT = 30


def is_helper(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip() in ("iotopx-actor", "iotopx-namer", "iotopx-opener")
    except (FileNotFoundError, ProcessLookupError):
        return True  # gone


class Terminal:
    pressed = set()  # by all of them: keys as they were named, what the mouse did

    def __init__(self, command, columns=80, rows=24, environment=None, term="xterm-256color", shell=False):
        """`command` is a list; with shell=True the program runs under a shell that outlives it."""
        self.columns, self.rows = columns, rows
        variables = {"LC_ALL": "C.UTF-8", "ESCDELAY": None, "NO_COLOR": None, "IOTOPX_READONLY": None}
        variables.update(environment or {})
        self.directory = tempfile.TemporaryDirectory(prefix="iotopx-tmux-")
        self.socket = os.path.join(self.directory.name, "socket")
        self.status_file = os.path.join(self.directory.name, "status")
        words = ["env"]
        for name, value in variables.items():
            words += ["-u", name] if value is None else []
        words += [f"{name}={value}" for name, value in variables.items() if value is not None]
        words += ["TERM=" + term] + list(command)
        line = " ".join(shlex.quote(word) for word in words)
        if not shell:
            line += "; echo $? > " + shlex.quote(self.status_file) + "; exec sleep 1000"
        self._server("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", line,
                     ";", "set", "-g", "escape-time", "0", ";", "set", "-g", "status", "off",
                     ";", "set", "-g", "window-size", "manual",
                     ";", "resize-window", "-x", str(columns), "-y", str(rows))

    def _server(self, *arguments):
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        environment.pop("TMUX", None)
        return subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], check=True, capture_output=True,
                              text=True, env=environment, timeout=TIMEOUT).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self._server("kill-server")
        except (subprocess.SubprocessError, OSError):
            pass
        self.directory.cleanup()

    def press(self, *keys):
        """Keys by tmux's names: "Up", "Escape", "C-t", "F1", "q"."""
        run = []
        Terminal.pressed.update(keys)
        for key in keys:
            run.append(key)
            if key == "Escape":  # with a key behind it at once it would be another one
                self._server("send-keys", "--", *run)
                run = []
        if run:
            self._server("send-keys", "--", *run)

    def type(self, text):
        self._server("send-keys", "-l", "--", text)

    def click(self, row, column):
        """Button 1 at a cell (from 0), as an SGR mouse report and its release."""
        Terminal.pressed.add("click")
        self._mouse(0, row, column, "Mm")

    def double_click(self, row, column):
        Terminal.pressed.add("double click")
        self._mouse(0, row, column, "MmMm")

    def wheel(self, direction, row, column):
        """One notch "up" or "down"."""
        Terminal.pressed.add("wheel " + direction)
        self._mouse({"up": 64, "down": 65}[direction], row, column, "M")

    def _mouse(self, button, row, column, ends):
        reports = "".join(f"\x1b[<{button};{column + 1};{row + 1}{end}" for end in ends)
        self._server("send-keys", "-H", *[f"{byte:02x}" for byte in reports.encode()])

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self._server("resize-window", "-x", str(columns), "-y", str(rows))

    def lines(self, styles=False):
        """What the screen shows, a line each; with styles=True the escapes of their looks are in."""
        text = self._server("capture-pane", "-p", *(["-e"] if styles else []))
        return text.split("\n")[:self.rows]

    def text(self):
        return "\n".join(self.lines())

    def cursor_visible(self):
        return self._server("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def in_alternate_screen(self):
        return self._server("display-message", "-p", "#{alternate_on}").strip() == "1"

    def modes(self):
        """The terminal's modes as stty prints them."""
        tty = self._server("display-message", "-p", "#{pane_tty}").strip()
        return subprocess.run(["stty", "-g", "-F", tty], check=True, capture_output=True, text=True).stdout.strip()

    def shell_pid(self):
        return int(self._server("display-message", "-p", "#{pane_pid}"))

    def program_pid(self):
        """The program itself: the youngest descendant of the pane's shell, helpers of iotopx aside."""
        pid = self.shell_pid()
        while True:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                children = [child for child in file.read().split() if not is_helper(child)]
            if not children:
                return pid
            pid = int(children[-1])

    def status(self):
        """The exit status, or None while it runs."""
        try:
            with open(self.status_file) as file:
                text = file.read().strip()
        except FileNotFoundError:
            return None
        return int(text) if text else None

    def wait_for(self, wanted, timeout=TIMEOUT):
        """Until `wanted` (a text, or a function of this terminal) is there; returns what the function did."""
        end = time.monotonic() + timeout
        while True:
            result = wanted in self.text() if isinstance(wanted, str) else wanted(self)
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"waited {timeout} s for {wanted!r}; the screen shows\n{self.text()}")
            time.sleep(0.02)

    def wait_for_end(self, timeout=TIMEOUT):
        return self.wait_for(lambda terminal: terminal.status() is not None, timeout) and self.status()
