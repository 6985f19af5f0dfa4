"""The kernel that IOTOPX_KERNEL names, below the directory IOTOPX_KERNELS: one boot for all tests that don't want another.

Each test module declares SCENARIO, a script for the guest; the tests look at the files it left. A module may declare
MODULES (of the kernel), prepare(image), which raises guest.Missing where it can't, and OPTIONS for the kernel: those with
the same options have a boot of their own.
"""

import os

import pytest

import guest

LOADS = ("writer", "reader", "swarm", "puppet", "pidreuse", "sleepers")
BUILD = os.environ.get("IOTOPX_BUILD", "build-test/system")
VERSION = os.environ.get("IOTOPX_KERNEL", "6.12")
told = []


def pytest_sessionfinish(session, exitstatus):
    """Where all tests were skipped, so is this one for ctest."""
    stats = session.config.pluginmanager.get_plugin("terminalreporter").stats
    if exitstatus == 0 and stats.get("skipped") and not stats.get("passed"):
        session.exitstatus = 77


def tell(line):
    """At the end of this run; and where IOTOPX_SAY names a descriptor, there at once: ctest hides what passed."""
    told.append(line)
    if os.environ.get("IOTOPX_SAY"):
        os.write(int(os.environ["IOTOPX_SAY"]), f"{line}\n".encode())


def pytest_terminal_summary(terminalreporter):
    for line in told:
        terminalreporter.write_line(line)


def machine():
    """Skips where qemu or the kernel is not there."""
    kernels = os.environ.get("IOTOPX_KERNELS")
    if not kernels:
        pytest.skip("IOTOPX_KERNELS is not set: tools/test and tools/kernels fetch kernels")
    for program in ("qemu-system-x86_64", "cpio", "busybox"):
        if not guest.find(program):
            pytest.skip(f"{program} is not there")
    directory = os.path.join(kernels, VERSION)
    if not os.path.isdir(os.path.join(directory, "boot")):
        pytest.skip(f"there is no kernel {VERSION}: {directory}")
    return guest.Kernel(directory)


class Boot:
    """What a boot left."""

    def __init__(self, kernel, files, missing):
        self.kernel = kernel
        self.files = files
        self.missing = missing  # why, by scenario

    def scenario(self, name):
        """Its files, once it has ended well."""
        if name in self.missing:
            pytest.skip(self.missing[name])
        files = {path.removeprefix(name + "/"): data for path, data in self.files.items() if path.startswith(name + "/")}
        assert files["status"].strip() == "0", files["log"]
        return files


def make_image(directory, kernel, modules):
    """The image for their scenarios, and by name why some can't be played."""
    wanted = [name for module in modules.values() for name in getattr(module, "MODULES", ())]
    image = guest.Image(directory, kernel, wanted)
    image.add_program(os.path.join(BUILD, "iotopx"), "/bin/iotopx")
    image.add_program(os.path.join(BUILD, "tests", "kernels", "taskstats"), "/bin/taskstats")
    for name in LOADS:
        image.add_program(os.path.join(BUILD, "tests", "load", name), "/bin/" + name)
    missing = {}
    for name, module in modules.items():
        try:
            getattr(module, "prepare", lambda image: None)(image)
        except guest.Missing as reason:
            missing[name] = str(reason)
    return image, missing


def start(directory, kernel, modules, options):
    """Boots with these options for the kernel, if any scenario can be played."""
    image, missing = make_image(directory, kernel, modules)
    scenarios = {name: module.SCENARIO for name, module in modules.items() if name not in missing}
    if not scenarios:
        return Boot(kernel, {}, missing)
    files = guest.boot(directory, kernel, image, scenarios, f"cgroup_no_v1=all {options}")
    tell(f"Linux {kernel.release} booted: taskstats {files['taskstats'].strip()}{options and f', {options}'}")
    return Boot(kernel, files, missing)


@pytest.fixture(scope="session")
def boots():
    """By options."""
    return {}


@pytest.fixture(scope="module")
def boot(request, boots, tmp_path_factory):
    options = getattr(request.module, "OPTIONS", "")
    kernel = machine()
    if options not in boots:
        modules = {item.module.__name__.removeprefix("test_"): item.module for item in request.session.items
                   if getattr(item.module, "OPTIONS", "") == options}
        boots[options] = start(str(tmp_path_factory.mktemp("guest")), kernel, modules, options)
    return boots[options]


@pytest.fixture(scope="module")
def left(request, boot):
    """The files that this module's scenario left."""
    return boot.scenario(request.module.__name__.removeprefix("test_"))
