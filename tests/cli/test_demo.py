"""``edgeguard demo``: the answer for machines, the screen for people, without anything else."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
from support import PROJECT

PROBE = (
    "import sys\n"
    "from edgeguard_core.cli.main import main\n"
    "def refuse(event, arguments):\n"
    "    assert not event.startswith('socket.'), event\n"
    "sys.addaudithook(refuse)\n"
    "code = main(['demo', '--json'])\n"
    "heavy = {'tensorflow', 'keras', 'torch'} & set(sys.modules)\n"
    "print(sorted(heavy), file=sys.stderr)\n"
    "sys.exit(code)\n"
)


def test_the_answer_has_what_is_promised(run):
    ran = run("demo", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = ran.json
    assert (found["format"], found["flows"], found["attacks"]) == (1, 13_397, 1_632)
    assert 1_500 < found["alerts"] < 2_500
    assert found["seconds"] < 20
    assert found["precision"] > 0.7
    assert found["recall"] > 0.95
    assert found["false_positive_rate"] < 0.04
    assert found["promised_false_positive_rate"] == 0.01
    assert found["threshold"]["method"] == "conformal"
    assert len(found["worst"]) == 10
    assert all(flow["sentence"].endswith(".") for flow in found["worst"])
    assert {"row", "score", "p_value", "severity", "features", "class"} <= set(found["worst"][0])


def test_as_a_child_it_needs_no_network_and_no_tensorflow(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=20, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["flows"] == 13_397


def test_a_person_sees_a_verdict_a_histogram_and_reasons_in_80_columns(run):
    ran = run("demo")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    commands = lines.index("Next")
    assert all(len(line) <= 80 for line in lines[:commands])
    assert "alerts among 13,397 flows" in ran.out
    histogram = [line for line in lines if " to " in line and "█" in line]
    assert len(histogram) > 8
    [line] = [n for n, text in enumerate(lines) if text.startswith("threshold 2.9")]
    assert lines[line - 1].startswith("1.5 to 2.9")
    assert lines[line + 1].startswith("2.9 to 5.8")
    assert sum(line.endswith("(SYN flood)") for line in lines) == 1
    told = [line for line in lines if line.endswith(")") and " alerts, score " in line]
    mistaken = sum(line.endswith("(false alarm)") for line in told)
    assert 1 <= mistaken < len(told) / 2
    assert any("edgeguard train" in line for line in lines[commands:])


def test_the_bars_count_every_flow(run):
    ran = run("demo")
    counts = [
        int(word.replace(",", ""))
        for line in ran.out.splitlines()
        if "█" in line
        for bar, word in zip(line.split(), line.split()[1:], strict=False)
        if set(bar) == {"█"}
    ]
    assert sum(counts) == 13_397


def test_the_scored_flows_can_be_kept(run, tmp_path):
    out = tmp_path / "scored.parquet"
    ran = run("demo", "--out", out, "--json")
    assert ran.json["out"] == str(out)
    assert pq.read_table(out).num_rows == 13_397


def test_a_bad_ending_is_refused_in_a_line(run, tmp_path):
    ran = run("demo", "--out", tmp_path / "scored.xls")
    assert ran.code == 2
    assert "ends in .parquet or .csv" in ran.problem
    assert list(tmp_path.iterdir()) == []


def test_what_it_suggests_next_works_as_written(run, monkeypatch):
    monkeypatch.chdir(PROJECT)
    [line] = [line for line in run("demo").out.splitlines() if "edgeguard explain" in line]
    ran = run(*line.split("edgeguard ")[1].split())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("severity") == 3
