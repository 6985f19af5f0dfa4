import os
import shutil
import subprocess
import tempfile

import pytest

import iotopx

DELAYACCT = "/proc/sys/kernel/task_delayacct"


def pytest_sessionfinish(session, exitstatus):
    """A file whose tests were all skipped counts as skipped for ctest."""
    stats = session.config.pluginmanager.get_plugin("terminalreporter").stats
    if exitstatus == 0 and stats.get("skipped") and not stats.get("passed"):
        session.exitstatus = 77


def charges(directory):
    """The kernel counts what is written there: it is not in memory only."""
    def written():
        with open("/proc/thread-self/io", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))

    try:
        with tempfile.NamedTemporaryFile(dir=directory) as file:
            before = written()
            file.write(b"x" * (1 << 20))
            file.flush()
            return written() - before >= 1 << 20 and shutil.disk_usage(directory).free > 2 << 30
    except OSError:
        return False


class Mount:
    """An ext4 filesystem on a loop device."""

    def __init__(self, directory, megabytes):
        self.image = os.path.join(directory, "image")
        self.path = os.path.join(directory, "mount")
        os.mkdir(self.path)
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True)
        self.frozen = False

    def freeze(self):
        subprocess.run(["fsfreeze", "-f", self.path], check=True)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            subprocess.run(["fsfreeze", "-u", self.path], check=True)
            self.frozen = False

    def close(self):
        self.thaw()
        try:
            iotopx.wait_for("the mount to be free", lambda: subprocess.run(
                ["umount", self.path], stderr=subprocess.DEVNULL, check=False).returncode == 0, 20)
        except AssertionError:
            subprocess.run(["umount", "-l", self.path], check=False)
            raise


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """A directory on real storage."""
    candidates = [os.environ.get("IOTOPX_SCRATCH"), os.path.dirname(os.path.abspath(iotopx.BINARY)), "/var/tmp", "/tmp"]
    mount = None
    base = next((path for path in candidates if path and charges(path)), None)
    if not base:
        mount = Mount(str(tmp_path_factory.mktemp("storage")), 4096)
        base = mount.path
    path = tempfile.mkdtemp(prefix="iotopx-test-", dir=base)
    yield path
    shutil.rmtree(path, ignore_errors=True)
    if mount:
        mount.close()


@pytest.fixture
def scratch(storage):
    """A directory on real storage, of one test."""
    path = tempfile.mkdtemp(dir=storage)
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Loads:
    """start("puppet", "FILE", 3): a Load that ends with the test. FILE becomes a file of its own in the scratch."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.loads = []

    def __call__(self, program, *arguments, **keywords):
        self.loads.append(iotopx.Load(self.scratch, program, *arguments, **keywords))
        return self.loads[-1]

    def close(self):
        while self.loads:
            self.loads.pop().close()


@pytest.fixture
def start(scratch):
    loads = Loads(scratch)
    yield loads
    loads.close()


@pytest.fixture
def batch(scratch):
    """batch("-P", delay=0.5): a running Batch that ends with the test."""
    batches = []

    def run(*options, **keywords):
        one = iotopx.Batch(scratch, *options, **keywords)
        one.__enter__()
        batches.append(one)
        return one

    yield run
    for one in batches:
        one.__exit__()


@pytest.fixture
def frozen(scratch, start):
    """A small filesystem that a test may freeze; thawed and unmounted whatever happens."""
    mount = Mount(scratch, 64)
    yield mount
    mount.thaw()  # first of all: who hangs on it can't be ended before
    start.close()
    mount.close()


@pytest.fixture
def delayacct():
    """delayacct(True) switches delay accounting on; as it was, afterwards."""
    if not os.path.exists(DELAYACCT):
        pytest.skip("this kernel has no switch for delay accounting")

    def write(value):
        with open(DELAYACCT, "w", encoding="ascii") as file:
            file.write(value)

    with open(DELAYACCT, encoding="ascii") as file:
        before = file.read().strip()
    yield lambda on: write("1" if on else "0")
    write(before)
