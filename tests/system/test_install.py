"""What cmake --install and cpack put on a machine: the files, the program hardened, completions that complete, the unit
of the recorder, the packages. tools/package does what takes longer: lintian, two builds, a clean Debian."""
import gzip
import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

import iotopx
from tmux import Terminal

BUILD = os.path.dirname(os.path.abspath(iotopx.BINARY))
SOURCE = os.environ.get("IOTOPX_SOURCE", os.path.dirname(BUILD))
X86 = platform.machine() in ("x86_64", "i686")

INSTALLED = {
    "sbin/iotopx",
    "lib/systemd/system/iotopx-record.service",
    "share/bash-completion/completions/iotopx",
    "share/doc/iotopx/LICENSE",
    "share/doc/iotopx/changelog",
    "share/doc/iotopx/copyright",
    "share/fish/vendor_completions.d/iotopx.fish",
    "share/man/man5/iotopx-recording.5",
    "share/man/man8/iotopx.8",
    "share/zsh/site-functions/_iotopx",
}


def run(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **keywords)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    need("cmake")
    path = tmp_path_factory.mktemp("installed") / "usr"
    run("cmake", "--install", BUILD, "--prefix", str(path))
    return str(path)


@pytest.fixture(scope="module")
def words():
    """Every option as --help tells it, with its opposite, and the keys of the columns: of tasks, devices, nfs."""
    options, columns, *pages = run(iotopx.BINARY, "--help").split("\nColumns")
    options = {word for line in options.split("\n") for word in re.findall(r"(?:^|[ (])(--?[a-zA-Z][a-z-]*)(?![A-Z])", line)}
    keys = {"tasks": re.findall(r"^  [* ] (\w+)", columns, re.M)}
    for page in pages:
        name, text = page.split("\n\n")[0].split(":")
        keys[name.removeprefix(" of ")] = re.findall(r"[\w-]+", text)
    return options - {"-qq", "-qqq"}, keys


def test_files(prefix):
    found = {os.path.relpath(os.path.join(at, name), prefix) for at, _, names in os.walk(prefix) for name in names}
    assert found == INSTALLED
    for name in found:
        mode = os.stat(os.path.join(prefix, name)).st_mode & 0o7777
        assert mode == (0o755 if name == "sbin/iotopx" else 0o644), (name, oct(mode))


def test_the_installed_program_runs(prefix):
    version = run(f"{prefix}/sbin/iotopx", "--version").split()[1]
    with open(f"{SOURCE}/packaging/changelog", encoding="utf-8") as file:
        assert file.readline().startswith(f"iotopx ({version}) ")
    for page in "man8/iotopx.8", "man5/iotopx-recording.5":
        with open(f"{prefix}/share/man/{page}", encoding="utf-8") as file:
            assert f'"iotopx {version}"' in file.readline(), page


def test_unit(prefix):
    path = f"{prefix}/lib/systemd/system/iotopx-record.service"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert f"\nExecStart={prefix}/sbin/iotopx --record " in text
    assert "@" not in text
    need("systemd-analyze")
    assert run("systemd-analyze", "--man=no", "verify", path, stderr=None) == ""


# The binary

def readelf(*options):
    need("readelf")
    return run("readelf", "-W", *options, iotopx.BINARY)


def test_hardened_binary():
    headers, dynamic = readelf("-h", "-l"), readelf("-d")
    assert re.search(r"Type:\s+DYN", headers) and re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    assert "GNU_RELRO" in headers and re.search(r"FLAGS_1.*\bNOW\b", dynamic)
    assert re.search(r"GNU_STACK\s.* RW ", headers), "an executable stack"
    assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic)


def test_fortified_and_guarded():
    called = set(re.findall(r"\bUND (\w+)", readelf("--dyn-syms")))
    assert "__stack_chk_fail" in called
    assert {name for name in called if re.fullmatch(r"__\w+_chk", name)}, "no call is checked by _FORTIFY_SOURCE"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CET is of x86-64")
def test_marked_for_cet():
    """The note by which the loader switches it on, and it is true: what is jumped to by address begins with a mark."""
    assert "x86 feature: IBT, SHSTK" in readelf("-n")
    need("objdump")
    code = run("objdump", "-d", "--no-show-raw-insn", iotopx.BINARY)
    first = dict(re.findall(r"^ +([0-9a-f]+):\t(\w+)", code, re.M))  # every instruction by its address
    jumped_to = [int(re.search(r"Entry point address:\s+(\w+)", readelf("-h"))[1], 16),
                 *(int(address, 16) for address in re.findall(r"\((?:INIT|FINI)\)\s+(\w+)", readelf("-d"))),
                 *(int(address, 16) for address in re.findall(r"R_X86_64_RELATIVE\s+([0-9a-f]+)", readelf("-r")))]
    targets = [first[f"{address:x}"] for address in jumped_to if f"{address:x}" in first]
    assert len(targets) > 100 and set(targets) == {"endbr64"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CET is of x86-64")
def test_every_object_is_marked():
    """The linker was told to write the note, so it is not what tells about them."""
    need("readelf")
    objects = [str(path) for path in pathlib.Path(BUILD, "CMakeFiles").glob("iotopx*.dir/**/*.o")]
    assert len(objects) > 100
    for path in objects:
        assert "x86 feature: IBT, SHSTK" in run("readelf", "-W", "-n", path), path


@pytest.mark.skipif(not X86, reason="how the stack is probed depends on the processor")
def test_stack_is_probed():
    """A frame of more than a page touches each page: or $0x0 to the stack pointer."""
    need("objdump")
    assert re.search(r"\bor[ql]\s+\$0x0,(0x\w+)?\(%[re]sp\)", run("objdump", "-d", iotopx.BINARY))


# Completions

def ask_bash(script, line, breaks=None):
    """What the completion offers at the end of the line; "=" stands alone as it does in COMP_WORDS."""
    need("bash")
    parts = [part for word in line.split(" ") for part in (re.split("(=)", word) if "=" in word else [word])]
    if len(parts) > 1 and parts[-2:] == ["=", ""]:
        parts.pop()
    code = f"""
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        complete -p iotopx >/dev/null || exit 1
        _iotopx iotopx "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        for reply in "${{COMPREPLY[@]}}"; do printf '%s\\n' "$reply"; done"""
    return run("bash", "--norc", "-c", code, "bash", script, *(parts if breaks is None else breaks)).split("\n")[:-1]


@pytest.fixture
def bash(prefix):
    return lambda line, **keywords: ask_bash(f"{prefix}/share/bash-completion/completions/iotopx", line, **keywords)


def test_bash_offers_every_option(bash, words):
    options, _ = words
    assert len(options) > 50
    assert set(bash("iotopx -")) == options
    assert bash("iotopx --so") == ["--sort"]
    assert bash("iotopx -o --no-ex") == ["--no-exited"]
    assert bash("iotopx --nosuch") == []


def test_bash_offers_values(bash, words, tmp_path):
    _, keys = words
    columns = keys["tasks"]
    assert set(keys) == {"tasks", "devices", "nfs"}
    assert bash("iotopx --device-sort ") == keys["devices"] and bash("iotopx --nfs-sort ") == keys["nfs"]
    assert bash("iotopx --nfs-columns mount,re") == ["mount," + key for key in keys["nfs"] if key.startswith("re")]
    assert bash("iotopx --sort ") == columns == bash("iotopx -s ") == bash("iotopx --sort=")
    assert bash("iotopx --sort wr") == ["write"] == bash("iotopx --sort=wr")
    assert bash("", breaks=["iotopx", "--sort=wr"]) == ["--sort=write"]
    assert bash("iotopx --format ") == ["text", "csv", "json", "openmetrics"]
    assert bash("iotopx --group ") == ["none", "command", "user", "unit", "container"]
    assert bash("iotopx --columns read,wr") == ["read,write"]
    assert "read,read" not in bash("iotopx --columns read,") and len(bash("iotopx --columns read,")) == len(columns) - 1
    assert bash("iotopx --delay ") == []
    assert "root" in bash("iotopx -u ro")
    assert "1" in bash("iotopx -p ")
    (tmp_path / "a recording").touch()
    assert bash(f"iotopx --replay {tmp_path}/a") == [f"{tmp_path}/a recording"]


def see(shell, setup, typed, wanted):
    """A real shell in a terminal: what Tab makes of the line."""
    need("tmux", shell[0])
    with Terminal(shell, 120, 24, environment={"PS1": "ready> ", "HISTFILE": None, "HOME": "/nonexistent"}) as terminal:
        for line in setup:
            terminal.type(line)
            terminal.press("Enter")
        terminal.type("echo set-$((1 + 1))")
        terminal.press("Enter")
        terminal.wait_for("set-2")
        terminal.type(typed)
        terminal.press("Tab")
        terminal.wait_for(wanted)


def test_bash_at_the_prompt(prefix):
    see(["bash", "--norc", "--noprofile", "-i"], [f". {prefix}/share/bash-completion/completions/iotopx"],
        "iotopx --so", "iotopx --sort")


def test_zsh_at_the_prompt(prefix):
    need("zsh")
    run("zsh", "-n", f"{prefix}/share/zsh/site-functions/_iotopx")
    setup = [f"fpath=({prefix}/share/zsh/site-functions $fpath)", "autoload -Uz compinit; compinit -D -u"]
    shell = ["zsh", "-f", "-i"]
    see(shell, setup, "iotopx --so", "iotopx --sort=")
    see(shell, setup, "iotopx --sort wri", "iotopx --sort write")
    see(shell, setup, "iotopx --columns read,wri", "iotopx --columns read,write")
    see(shell, setup, "iotopx --format o", "iotopx --format openmetrics")


def test_fish(prefix, words, tmp_path):
    need("fish")
    script = f"{prefix}/share/fish/vendor_completions.d/iotopx.fish"
    options, keys = words

    def ask(line):
        out = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'",
                  env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
        return [line.split("\t")[0] for line in out.split("\n")[:-1]]

    assert set(ask("iotopx --")) == {option for option in options if option.startswith("--")}
    assert ask("iotopx --so") == ["--sort"]
    assert sorted(ask("iotopx --sort ")) == sorted(keys["tasks"])
    assert sorted(ask("iotopx --device-sort ")) == sorted(keys["devices"])
    assert ask("iotopx --columns read,wr") == ["read,write"]
    assert ask("iotopx --format o") == ["openmetrics"]


# Packages

@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """packed("DEB"): the package."""
    need("cpack")
    done = {}

    def pack(kind):
        if kind not in done:
            path = tmp_path_factory.mktemp(kind)
            run("cpack", "-G", kind, "-B", str(path), cwd=BUILD, umask=0o077)
            done[kind], = path.glob("*." + kind.lower())
        return str(done[kind])

    return pack


def in_package(names, zsh):
    """As installed, but for what stage.cmake does."""
    for name in names:
        name = name.replace("zsh/site-functions", f"zsh/{zsh}")
        yield "/usr/" + name + (".gz" if "/man/" in name else "")


def test_deb(packed, tmp_path):
    need("dpkg-deb", "dpkg-shlibdeps")
    deb = packed("DEB")
    listed = [line.split(None, 5) for line in run("dpkg-deb", "-c", deb).strip().split("\n")]
    files = {path[1:]: (mode, owner) for mode, owner, _, _, _, path in listed if mode[0] != "d"}
    expected = set(in_package(INSTALLED - {"share/doc/iotopx/LICENSE", "share/doc/iotopx/changelog"},
                              "vendor-completions"))
    assert set(files) == expected | {"/usr/share/doc/iotopx/changelog.gz"}
    for path, (mode, owner) in files.items():
        assert (mode, owner) == ("-rwxr-xr-x" if path == "/usr/sbin/iotopx" else "-rw-r--r--", "root/root"), path
    for mode, owner, _, _, _, path in listed:
        assert mode[0] != "d" or (mode, owner) == ("drwxr-xr-x", "root/root"), path

    run("dpkg-deb", "-R", deb, str(tmp_path))
    version = run(f"{tmp_path}/usr/sbin/iotopx", "--version").split()[1]
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "-f", deb).split("\n") if re.match(r"\S+: ", line))
    assert fields["Package"] == "iotopx" and fields["Version"] == version
    assert fields["Section"] == "admin" and fields["Priority"] == "optional"
    for library in "libc6", "libncursesw6", "libnl-3-200", "libnl-genl-3-200", "libjansson4", "libsqlite3-0":
        assert library in fields["Depends"]
    with open(f"{tmp_path}/usr/lib/systemd/system/iotopx-record.service", encoding="utf-8") as file:
        assert "\nExecStart=/usr/sbin/iotopx --record " in file.read()
    with gzip.open(f"{tmp_path}/usr/share/man/man8/iotopx.8.gz", "rt", encoding="utf-8") as file:
        assert file.readline().startswith(".TH IOTOPX 8")
    assert ".symtab" not in run("readelf", "-S", f"{tmp_path}/usr/sbin/iotopx"), "not stripped"
    for script in "postinst", "prerm", "postrm":
        run("sh", "-n", f"{tmp_path}/DEBIAN/{script}")


def test_rpm(packed):
    need("rpmbuild", "rpm")
    rpm = packed("RPM")
    listed = run("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}\n]", rpm)
    files = {line.split()[0]: line.split()[1:] for line in listed.strip().split("\n")}
    found = {path for path, (mode, _) in files.items() if mode[0] != "d" and ".build-id" not in path}
    assert found == set(in_package(INSTALLED - {"share/doc/iotopx/copyright"}, "site-functions"))
    assert {owner for _, owner in files.values()} == {"root"}
    assert {mode for mode, _ in files.values() if mode[0] == "d"} == {"drwxr-xr-x"}
    assert run("rpm", "-qp", "--qf", "%{NAME} %{LICENSE} %{PREFIXES}", rpm) == "iotopx GPL-2.0-only (none)"
    assert "libsqlite3.so" in run("rpm", "-qp", "--requires", rpm)
