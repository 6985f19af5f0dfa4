"""The recipes of README.md, run as they are written there."""
import csv
import io
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import iotopx
import tmux
from test_prometheus import program

TOP = Path(os.environ.get("IOTOPX_SOURCE", Path(__file__).parents[2]))
README = (TOP / "README.md").read_text(encoding="utf-8")
RECORDING = TOP / "tests" / "recordings" / "fio.iotopx"
DAY, BEGIN, END = "2026-11-29", "09:24:30", "09:24:33"  # UTC: a part of it
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}


def commands(pattern):
    """The indented commands that match, each on one line, with our recording and its times in place of README's."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
    blocks = re.findall(r"(?:^    .*\n)+", prose, re.M)
    text = re.sub(r"^    ", "", "".join(blocks), flags=re.M)
    lines = re.sub(r"\n +", " ", text).splitlines()  # a command goes on in lines that are indented further
    found = [line for line in lines if re.search(pattern, line)]
    assert found, f"README has no {pattern}"
    return [line.replace("sudo ", "").replace("iotopx ", f"{iotopx.BINARY} ", 1).replace("FILE", str(RECORDING))
            .replace(f"{DAY} 03:00", f"{DAY} {BEGIN}").replace(f"{DAY} 03:10", f"{DAY} {END}")
            .replace("--begin 03:00", f"--begin {BEGIN}").replace("--end 03:10", f"--end {END}") for line in found]


def block(language, directory, name):
    """A fenced block as a file."""
    path = directory / name
    path.write_text(re.search(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)[1], encoding="utf-8")
    return path


def shell(command, directory):
    return subprocess.run(command, shell=True, cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=iotopx.PATIENCE, check=True).stdout


def test_who_wrote_most(tmp_path):
    """The screen, print and SQL name the same ones with the same bytes."""
    screen, printed = commands(r"iotopx --replay \S+ --begin \S+ --end \S+ --group command -s write")
    query, = commands(r"sqlite3 .*SELECT")
    told = [row.split("|") for row in shell(query, tmp_path).splitlines()]
    assert len(told) == 5 and told[0][0] == "puppe"
    wanted = [(command, f"{int(size) / 1024:.2f} K") for command, size in told]
    rows = re.findall(r"^.*?\S+ K +(\S+ K) .*?([^ ]+(?: [^ ×]+)?)(?: ×\d+)?$",
                      shell(printed + " -k -qqq --columns read,write,command", tmp_path), re.M)
    assert [(command, size) for size, command in rows][:5] == wanted
    with tmux.Terminal([*screen.split(), "-a", "-k"], 120, 40, environment={"TZ": "UTC"}) as terminal:
        terminal.wait_for("COMMAND")
        terminal.press("L")
        terminal.wait_for(lambda terminal: f"▸ {wanted[0][0]}" in terminal.text() and wanted[0][1] in terminal.text())
        terminal.press("q")
        terminal.wait_for_end()


def test_picture(tmp_path):
    """CSV of a recording, and a picture of it."""
    if not shutil.which("gnuplot"):
        pytest.skip("gnuplot is not there")
    export, = commands(r"--format csv --group command --output io.csv")
    draw, = commands(r"^gnuplot ")
    shell(export, tmp_path)
    script = block("gnuplot", tmp_path, "io.gp")
    shell(draw, tmp_path)
    image = (tmp_path / "io.png").read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", image[16:24]) == (1000, 420)
    # What is drawn is there: gnuplot tells the ranges of each curve.
    script.write_text(re.sub(r"^plot", "set table 'io.table'\nplot", script.read_text(), flags=re.M))
    shell("gnuplot io.gp", tmp_path)
    curves = [[float(y) for y in re.findall(r'^ ?\S+ +(\S+) +i$', part, re.M)]
              for part in (tmp_path / "io.table").read_text().split("\n\n") if "# Curve" in part]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "io.csv").read_text())))
    wanted = [[float(row[key + "_bytes_per_second"]) / 1e6 for row in rows if row[field] == value]
              for key, field, value in (("write", "members", ""), ("actual_write", "members", ""),
                                        ("write", "command", "fio"))]
    assert len(wanted[0]) == 6 and curves == [pytest.approx(curve, rel=1e-4) for curve in wanted]


def test_alert(tmp_path):
    """promtool takes the rule, and it does what it says: after ten minutes, not for another unit, and not for ever."""
    promtool = program("promtool")
    rules = block("yaml", tmp_path, "rules.yml")
    subprocess.run([promtool, "check", "rules", str(rules)], capture_output=True, check=True)
    (tmp_path / "test.yml").write_text("""
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 15s
    input_series:
      - series: 'iotopx_write_bytes_total{unit="postgresql.service"}'
        values: '0x40 0+900000000x120 108000000000x80'
      - series: 'iotopx_write_bytes_total{unit="nginx.service"}'
        values: '0+900000000x240'
    alert_rule_test:
      - {eval_time: 15m, alertname: UnitWritesMuch, exp_alerts: []}
      - {eval_time: 30m, alertname: UnitWritesMuch, exp_alerts: [{exp_labels: {unit: postgresql.service}}]}
      - {eval_time: 55m, alertname: UnitWritesMuch, exp_alerts: []}
""")
    done = subprocess.run([promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
