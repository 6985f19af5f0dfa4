"""The way to a dashboard, with the real programs: iotopx writes counters, node_exporter's textfile collector takes
them, Prometheus scrapes that, and rate() says what a load did. Everything on loopback.

The programs are looked for in PATH, and below IOTOPX_PROMETHEUS as a Debian package lays them out.
"""
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

import iotopx

BINARY = iotopx.BINARY
PLACES = os.pathsep.join([os.path.join(os.environ.get("IOTOPX_PROMETHEUS", "/nowhere"), "usr", "bin"),
                          os.environ.get("PATH", "")])
RATE, BLOCK = 200, 4096  # of the load: writes a second, and their size


def program(name):
    path = shutil.which(name, path=PLACES)
    if not path:
        pytest.skip(f"Prometheus is not there: {name}")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, path):
    """The body, or None while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read().decode("utf-8")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


class Running:
    """Programs that end with the test, each with its output in a file."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []

    def __call__(self, *command):
        log = os.path.join(self.directory, f"log-{len(self.processes)}")
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out))
        return self.processes[-1]

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def running(tmp_path):
    programs = Running(str(tmp_path))
    yield programs
    programs.close()


@pytest.mark.parametrize("options", [[], ["--group", "unit"], ["--group", "user"], ["--delayacct"]],
                         ids=["command", "unit", "user", "with delays"])
def test_promtool_accepts_it(options):
    promtool = program("promtool")
    done = subprocess.run([BINARY, "--format", "openmetrics", "-n", "1", "-d", "0.3", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    checked = subprocess.run([promtool, "check", "metrics"], input=done.stdout, capture_output=True, timeout=60,
                             check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def start_exporter(running, directory):
    port = free_port()
    running(program("prometheus-node-exporter"), "--collector.disable-defaults", "--collector.textfile",
            f"--collector.textfile.directory={directory}", f"--web.listen-address=127.0.0.1:{port}")
    return port


def start_prometheus(running, directory, exporter):
    port = free_port()
    config = directory / "prometheus.yml"
    config.write_text("global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: iotopx\n"
                      f"    static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]\n")
    running(program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}")
    return port


def query(port, expression):
    """The values of an instant vector, by their labels' text; None while there is no answer."""
    body = fetch(port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
    if body is None:
        return None
    return [(result["metric"], float(result["value"][1])) for result in json.loads(body)["data"]["result"]]


def test_rate_of_a_load(running, tmp_path, scratch):
    """Prometheus tells the rate of a load of known rate, by its command."""
    program("prometheus")
    fio = shutil.which("fio")
    if not fio:
        pytest.skip("fio is not there")
    name = "fio-" + os.path.basename(scratch)[-8:].lower()
    os.symlink(fio, os.path.join(scratch, name))
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    exporter = start_exporter(running, metrics)
    prometheus = start_prometheus(running, tmp_path, exporter)
    running(BINARY, "--format", "openmetrics", "-d", "1", "--output", str(metrics / "iotopx.prom"))
    running(os.path.join(scratch, name), "--name=w", "--rw=write", f"--bs={BLOCK}", f"--rate_iops={RATE}",
            "--size=16M", "--time_based", "--runtime=50", "--ioengine=psync", "--direct=1", "--thread",
            f"--filename={scratch}/{name}.data")
    selector = f'{{groupname="{name[:15]}",user="root"}}'

    def settled():
        """The rate over the last 6 s is that of the load."""
        found = query(prometheus, f"rate(iotopx_write_bytes_total{selector}[6s])")
        return found and 0.9 * RATE * BLOCK < found[0][1] < 1.1 * RATE * BLOCK

    iotopx.wait_for("a rate in Prometheus that is the load's", settled, 45)
    # The counter arrived with its type and its help.
    assert "# TYPE iotopx_write_bytes_total counter\n" in fetch(exporter, "/metrics")
    assert "# HELP iotopx_write_bytes_total Bytes that" in fetch(exporter, "/metrics")
    assert "node_textfile_scrape_error 0\n" in fetch(exporter, "/metrics")
