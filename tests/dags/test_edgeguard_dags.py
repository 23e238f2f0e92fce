"""The DAGs: what needs no Airflow always, and both of them run for real where it is installed."""

import ast
import gzip
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support import PROJECT, data

from edgeguard_core.pipeline.runs import GATES, STAGES, list_runs, read_run
from edgeguard_core.pipeline.runs.folder import require_run_id

FILE = PROJECT / "dags" / "edgeguard_dags.py"
TREE = ast.parse(FILE.read_text())
AIRFLOW = PROJECT / ".venv-airflow" / "bin" / "airflow"
STEPS = 20
GENEROUS = {"edge_budget": {"most_latency_us": 1e6, "most_memory_mb": 1e4}}
EVERY = 24  # of the real rows, about 2,800 normal ones are left

# Where all must be there nothing is skipped.
needs_airflow = pytest.mark.skipif(
    not AIRFLOW.is_file() and os.environ.get("CI") != "true",
    reason="Airflow is not installed in .venv-airflow: make test-airflow",
)


def constant(name: str) -> Any:
    """The value of a literal at the top of the DAG file."""
    for node in TREE.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{FILE} has no {name}")


def function(name: str) -> Any:
    """A function of the DAG file that needs nothing of Airflow."""
    (node,) = (n for n in TREE.body if isinstance(n, ast.FunctionDef) and n.name == name)
    known: dict[str, Any] = {"re": re}
    exec(compile(ast.Module([node], []), str(FILE), "exec"), known)
    return known[name]


def test_there_is_a_task_for_each_stage():
    assert constant("STAGES") == STAGES


@given(st.text(min_size=1, max_size=250))
def test_every_dag_run_gives_a_run_id_that_the_pipeline_takes(dag_run_id):
    require_run_id(function("run_id_of")(dag_run_id))


def test_two_dag_runs_are_two_runs():
    run_id_of = function("run_id_of")
    assert run_id_of("scheduled__2026-01-05T03:00:00+00:00") != run_id_of(
        "scheduled__2026-01-12T03:00:00+00:00"
    )


def test_the_gates_are_read_off_what_the_command_says():
    told = "".join(f" [{gate}] It is [too] much." for gate in GATES)
    sentence = function("sentence_of")(f"a warning\nedgeguard: Run x:{told}\n")
    assert sentence == f"Run x:{told}"
    assert function("gates_of")(sentence.replace("[too]", "too")) == list(GATES)


def test_the_page_names_every_setting():
    page = (PROJECT / "docs" / "airflow.md").read_text()
    told = set(re.findall(r"`EDGEGUARD_([A-Z_]+)`", page))
    used = re.findall(r'(?:setting|of_environment)\("(\w+)"', FILE.read_text())
    assert told == {name.upper() for name in used} >= {n.upper() for n in constant_defaults()}


def constant_defaults() -> list[str]:
    (node,) = (
        n
        for n in TREE.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "DEFAULTS"
    )
    assert isinstance(node.value, ast.Dict)
    return [ast.literal_eval(key) for key in node.value.keys if key is not None]


def test_airflow_is_held_to_exact_versions_without_an_address():
    asked = (PROJECT / "dags" / "requirements.txt").read_text()
    held = (PROJECT / "dags" / "constraints.txt").read_text()
    (pin,) = re.findall(r"^apache-airflow==\S+$", asked, re.MULTILINE)
    lines = [line for line in held.splitlines() if not line.startswith("#")]
    assert pin in lines
    assert all("==" in line for line in lines)
    assert "://" not in asked + held


@dataclass(frozen=True)
class Place:
    """An Airflow of its own, and beside it the folder in which the pipeline works."""

    home: Path
    work: Path

    def airflow(
        self, *arguments: object, command: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """An ``airflow`` command; ``variables`` are Airflow's."""
        here = f"env PYTHONPATH={shlex.quote(str(PROJECT))} {shlex.quote(sys.executable)}"
        settings = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(FILE.parent),
            "EDGEGUARD_HOME": str(self.work),
            "EDGEGUARD_COMMAND": command or f"{here} -m edgeguard_core.cli",
            "EDGEGUARD_RETRY_DELAY_S": "0",
            **{f"AIRFLOW_VAR_EDGEGUARD_{name.upper()}": v for name, v in variables.items()},
        }
        return subprocess.run(
            [str(AIRFLOW), *map(str, arguments)],
            env={**os.environ, "EDGEGUARD_RETRIES": "1", **settings},
            cwd=self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "airflow.db") as database:
            found = database.execute(query).fetchall()
        database.close()
        return found

    def tasks(self, key: str = "state") -> dict[str, Any]:
        """Task → its state, or another column, in the latest DAG run."""
        query = f"""SELECT task_id, {key} FROM task_instance WHERE run_id =
            (SELECT run_id FROM dag_run ORDER BY id DESC LIMIT 1)"""
        return dict(self.rows(query))

    def config(self, name: str, **settings: Any) -> str:
        base = {
            "data": "flows.txt",
            "train": {"steps": STEPS},
            "gates": GENEROUS,
            "registry": "models",
            "artifacts": "artifacts",
        }
        (self.work / name).write_text(yaml.safe_dump({**base, **settings}))
        return name


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    made = Place(tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("work"))
    with gzip.open(data("nsl-kdd/KDDTrain+.txt.gz"), "rt") as stream:
        lines = [line for at, line in enumerate(stream) if at % EVERY == 0]
    (made.work / "flows.txt").write_text("".join(lines))
    done = made.airflow("db", "migrate")
    assert done.returncode == 0, done.stdout
    return made


@pytest.fixture(scope="module")
def trained(place) -> str:
    """What a DAG run printed that trained and registered, though its first try failed."""
    stumbles = place.work / "stumbles.sh"
    stumbles.write_text(
        "if [ ! -e stumbled ]; then touch stumbled; echo 'edgeguard: Not yet.' >&2; exit 2; fi\n"
        f"PYTHONPATH={shlex.quote(str(PROJECT))} exec {shlex.quote(sys.executable)} "
        '-m edgeguard_core.cli "$@"\n'
    )
    place.config("pipeline.yaml")
    done = place.airflow(
        "dags", "test", "edgeguard_training", "-f", FILE, command=f"bash {stumbles}"
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
@needs_airflow
def test_new_flows_or_the_clock_begin_a_training(place):
    done = place.airflow("dags", "reserialize")
    assert done.returncode == 0, done.stdout
    waits = """SELECT reference.dag_id, asset.name FROM dag_schedule_asset_reference AS reference
        JOIN asset ON asset.id = reference.asset_id"""
    assert place.rows(waits) == [("edgeguard_training", "edgeguard_flows")]
    planned = dict(place.rows("SELECT dag_id, next_dagrun IS NOT NULL FROM dag"))
    assert planned == {"edgeguard_training": 1, "edgeguard_drift": 1}


@pytest.mark.slow
@needs_airflow
def test_a_training_ends_in_a_registered_bundle_and_a_failure_is_tried_again(place, trained):
    states = place.tasks()
    assert {name: states[name] for name in (*STAGES, "gates", "refused")} == {
        **dict.fromkeys((*STAGES, "gates"), "success"),
        "refused": "skipped",
    }
    assert "Stage ingest ended with 2: Not yet." in trained
    (run,) = list_runs(place.work / "artifacts")
    assert (run.status, run.version, run.is_champion) == ("done", 1, True)
    assert [each.stage for each in run.outcomes] == list(STAGES)
    tries = place.tasks("try_number")
    assert (tries["ingest"], tries["train"]) == (2, 1)


@pytest.mark.slow
@needs_airflow
def test_a_gate_that_refuses_stops_the_run_at_once_and_says_why(place, trained):
    before = (place.work / "models" / "registry.json").read_text()
    config = place.config("strict.yaml", gates={"benign_rows": {"least_rows": 10**7}})
    done = place.airflow("dags", "test", "edgeguard_training", "-f", FILE, config=config)
    assert done.returncode != 0
    assert "Refused at validate by benign_rows: Run airflow-" in done.stdout
    assert "are fewer than the 10,000,000" in done.stdout
    states, tries = place.tasks(), place.tasks("try_number")
    assert (states["ingest"], states["validate"], tries["validate"]) == ("success", "failed", 1)
    assert (states["gates"], states["refused"]) == ("success", "failed")
    assert (states["train"], states["register"]) == ("upstream_failed", "skipped")
    assert (place.work / "models" / "registry.json").read_text() == before
    (refused,) = (r for r in list_runs(place.work / "artifacts") if r.status == "refused")
    told = read_run(place.work / "artifacts", refused.run_id)
    assert [each.gate for each in told.refusals] == ["benign_rows"]


@pytest.mark.slow
@needs_airflow
def test_a_gate_that_is_accepted_lets_the_run_go_on(place, trained):
    config = place.config("strict.yaml", gates={**GENEROUS, "benign_rows": {"least_rows": 10**7}})
    conf = '{"accept": ["benign_rows"], "because": "a first try"}'
    done = place.airflow(
        "dags", "test", "edgeguard_training", "-f", FILE, "--conf", conf, config=config
    )
    assert done.returncode == 0, done.stdout
    latest = list_runs(place.work / "artifacts")[0]
    assert latest.status == "done"
    assert [(each.gate, each.because) for each in latest.accepted] == [
        ("benign_rows", "a first try")
    ]


@pytest.mark.slow
@needs_airflow
def test_a_stage_that_takes_too_long_is_stopped_with_its_command(place, monkeypatch):
    monkeypatch.setenv("EDGEGUARD_TIMEOUT_H", "0.0005")
    endless = "sh -c 'echo $$ >> pids; exec sleep 600'"
    done = place.airflow("dags", "test", "edgeguard_training", "-f", FILE, command=endless)
    assert done.returncode != 0
    pids = [int(pid) for pid in (place.work / "pids").read_text().split()]
    assert len(pids) == 2  # it was tried again
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
@needs_airflow
def test_a_failure_is_no_refusal(place):
    done = place.airflow("dags", "test", "edgeguard_training", "-f", FILE, config="none.yaml")
    assert done.returncode != 0
    states, tries = place.tasks(), place.tasks("try_number")
    assert (states["ingest"], tries["ingest"]) == ("failed", 2)
    assert states["gates"] == "failed"
    assert {states["register"], states["refused"]} == {"upstream_failed"}


@pytest.mark.slow
@needs_airflow
def test_drift_is_told_and_its_absence_is_quiet(place, trained):
    drift = ("dags", "test", "edgeguard_drift", "-f", FILE)
    same = place.airflow(*drift, drift_files="flows.txt")
    assert same.returncode == 0, same.stdout
    assert place.tasks() == {"judge": "success", "tell": "success"}
    lines = (place.work / "flows.txt").read_text().splitlines(keepends=True)
    (place.work / "moved.txt").write_text("".join(x for x in lines if x.split(",")[2] == "smtp"))
    moved = place.airflow(*drift, drift_files="moved*.txt")
    assert moved.returncode != 0
    assert place.tasks() == {"judge": "success", "tell": "failed"}
    assert re.search(r"Drift of .*features?", moved.stdout)


@pytest.mark.slow
@needs_airflow
def test_without_files_there_is_nothing_to_judge(place):
    done = place.airflow("dags", "test", "edgeguard_drift", "-f", FILE)
    assert place.tasks() == {"judge": "skipped", "tell": "skipped"}, done.stdout
    assert "set edgeguard_drift_files" in done.stdout
