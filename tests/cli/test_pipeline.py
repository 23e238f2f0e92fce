"""``edgeguard pipeline``: the exit codes, what stands on which stream, and the answers."""

import pytest

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"


@pytest.fixture
def config(tmp_path, data):
    """A config whose gates refuse the honeypot's few flows."""
    path = tmp_path / "p.yaml"
    path.write_text(
        f"data: {data(HONEYPOT)}\nregistry: registry\nartifacts: artifacts\n"
        "gates: {benign_rows: {least_rows: 5000}}\n"
    )
    return path


def test_a_refusal_ends_with_3_and_a_sentence(run, config, tmp_path):
    done = run("pipeline", "run", config, "--run-id", "monday")
    assert done.code == 3
    assert "[benign_rows] 1,374 benign flows are fewer than the 5,000" in done.problem
    assert not (tmp_path / "registry").exists()
    folder = ("--artifacts", tmp_path / "artifacts")
    (listed,) = run("pipeline", "list", *folder, "--json").json["runs"]
    assert (listed["run_id"], listed["status"], listed["stage"]) == (
        "monday",
        "refused",
        "validate",
    )
    shown = run("pipeline", "show", "monday", *folder)
    assert shown.code == 0
    assert "[benign_rows]" in shown.out
    assert "monday" in run("pipeline", "list", *folder).out
    told = run("pipeline", "show", "monday", *folder, "--json").json
    assert told["outcomes"][1]["refusals"][0]["gate"] == "benign_rows"


def test_an_accepted_gate_lets_the_stage_go_on(run, config):
    accept = ("--accept", "benign_rows", "--because", "a first try")
    stages = ("--stage", "ingest", "--stage", "validate")
    done = run("pipeline", "run", config, "--run-id", "r", *stages, *accept, "--json")
    assert done.code == 0, done.err
    assert done.json["outcomes"][1]["accepted"][0]["gate"] == "benign_rows"
    assert done.json["accepted"][0]["because"] == "a first try"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--accept", "drift"), "--because"),
        (("--accept", "drfit", "--because", "x"), "did you mean drift"),
        (("--stage", "train"), "--run-id"),
        (("--stage", "trian", "--run-id", "x"), "did you mean train"),
        (("--run-id", "../x"), "cannot be called"),
    ],
)
def test_bad_usage_ends_with_2(run, config, arguments, told):
    done = run("pipeline", "run", config, *arguments, "--json")
    assert done.code == 2
    assert told in done.problem


def test_bad_configs_and_runs_end_with_2(run, tmp_path):
    (tmp_path / "p.yaml").write_text("data: none.csv\nartifacts: a\n")
    done = run("pipeline", "run", tmp_path / "p.yaml", "--json")
    assert (done.code, "line 1: data: there is no" in done.problem) == (2, True)
    done = run("pipeline", "show", "x", "--artifacts", tmp_path, "--json")
    assert (done.code, "There is no run 'x'" in done.problem) == (2, True)
    assert "No run in" in run("pipeline", "list", "--artifacts", tmp_path).out
