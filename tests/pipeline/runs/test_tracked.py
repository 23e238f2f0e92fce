"""How runs end, read back from MLflow; and runs that lose nothing by it."""

import sys

import pytest
from mlflow_store import client_of, needs_mlflow
from pipeline_office import write_config
from servers import free_port

from edgeguard_core.bundle import Bundle
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import GATES, ConfigError, load_config, read_run, run_pipeline
from edgeguard_core.pipeline.runs import tracked as room

STORE = "sqlite:///mlflow.db"
real = [needs_mlflow, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def office(folder, store=STORE, **settings):
    return write_config(folder, track={"mlflow": store}, **settings)


def runs_of(folder):
    client = client_of(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    return client, client.search_runs(experiments, order_by=["attributes.start_time ASC"])


class TestReadBack:
    pytestmark = real

    def test_a_run_is_there_with_its_figures_gates_reports_and_version(self, tmp_path):
        done = run_pipeline(office(tmp_path), "first")
        assert [each.warnings for each in done.outcomes] == [()] * 8
        client, (run,) = runs_of(tmp_path)
        assert run.info.status == "FINISHED"
        assert run.data.tags["edgeguard.run"] == "first"
        assert {name: run.data.tags[f"edgeguard.gate.{name}"] for name in GATES} == dict.fromkeys(
            GATES, "held"
        )
        assert run.data.params["train.steps"] == run.data.params["steps"] == "40"
        assert "track.mlflow" not in run.data.params
        figures = read_run(tmp_path / "artifacts", "first").figures
        told = run.data.metrics
        assert told["roc_auc"] == figures["roc_auc"]  # of evaluate
        assert told["held_out_false_alarms.rate"] == figures["held_out_false_alarms"]["rate"]
        assert told["cost.latency_us.p99"] == figures["cost"]["latency_us"]["p99"]  # of convert
        kept = client.download_artifacts(run.info.run_id, "run", str(tmp_path))
        ours = tmp_path / "artifacts" / "first"
        for name in ("metrics.json", "lineage.json", "config.yaml", "validate/artifact.json",
                     "drift/artifact.json"):  # fmt: skip
            assert (tmp_path / kept / name).read_bytes() == (ours / name).read_bytes(), name
        version = Registry(tmp_path / "registry").champion()
        model = client.get_model_version_by_alias("edgeguard", "champion")
        assert model.run_id == run.info.run_id
        folder = client.download_artifacts(run.info.run_id, "bundle", str(tmp_path))
        assert Bundle.load(folder).sums_sha256 == version.fingerprint

    def test_the_same_run_again_adds_nothing_and_says_nothing(self, tmp_path, capfd):
        for _ in range(2):
            run_pipeline(office(tmp_path), "first")
        assert capfd.readouterr().err == ""
        assert len(runs_of(tmp_path)[1]) == 1

    def test_a_refused_run_failed_there_and_has_no_version(self, tmp_path):
        strict = {"benign_rows": {"least_rows": 1_000_000}}
        for _ in range(2):  # the same refusal again is no other run
            refused = run_pipeline(office(tmp_path, gates=strict), "small")
            (refusal,) = refused.refusals
        client, (run,) = runs_of(tmp_path)
        assert run.info.status == "FAILED"
        assert run.data.tags["edgeguard.gate.benign_rows"] == f"refused: {refusal.sentence}"
        assert run.data.tags["edgeguard.refused"] == refusal.sentence
        assert "edgeguard.gate.drift" not in run.data.tags  # it was not asked
        assert client.search_model_versions("name = 'edgeguard'") == []
        assert run.data.metrics == {}
        client.download_artifacts(run.info.run_id, "run/validate/artifact.json", str(tmp_path))

    def test_what_was_accepted_is_told_with_its_reason(self, tmp_path):
        strict = {"benign_rows": {"least_rows": 1_000_000}}
        run_pipeline(office(tmp_path, gates={**write_limits(), **strict}), "small",
                     accept={"benign_rows": "a small office"})  # fmt: skip
        (run,) = runs_of(tmp_path)[1]
        assert run.info.status == "FINISHED"
        assert run.data.tags["edgeguard.gate.benign_rows"].endswith(": a small office")
        assert run.data.tags["edgeguard.gate.schema"] == "held"

    def test_a_server_that_is_down_costs_a_warning_and_no_model(self, tmp_path):
        store = f"http://127.0.0.1:{free_port()}"
        done = run_pipeline(office(tmp_path, store), "first")
        (warning,) = done.outcomes[-1].warnings
        assert warning.startswith(f"This run is not in MLflow: MLflow cannot write {store}: ")
        assert warning in (tmp_path / "artifacts/first/log.txt").read_text()
        assert Registry(tmp_path / "registry").champion().number == 1

    def test_a_store_that_is_no_database_costs_a_warning_and_no_model(self, tmp_path):
        (tmp_path / "mlflow.db").write_text("no database" * 1_000)
        done = run_pipeline(office(tmp_path), "first")
        (warning,) = done.outcomes[-1].warnings
        assert "name another store" in warning
        assert Registry(tmp_path / "registry").champion().number == 1


def write_limits():
    return {
        "edge_budget": {"most_latency_us": 1e6, "most_memory_mb": 1e4},
        "false_alarms": {"most_times_promised": 100},
    }


def test_without_mlflow_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match=r"yaml line \d+: track.mlflow: .* run pip install"):
        run_pipeline(office(tmp_path), "first")
    assert read_run(tmp_path / "artifacts", "first").outcomes == ()


def test_what_goes_wrong_at_the_end_is_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "require_store", lambda _: None)
    monkeypatch.setitem(sys.modules, "mlflow", None)  # went between begin and end
    strict = {"benign_rows": {"least_rows": 1_000_000}}
    done = run_pipeline(office(tmp_path, gates=strict), "small")
    assert [refusal.gate for refusal in done.refusals] == ["benign_rows"]
    (warning,) = done.outcomes[-1].warnings
    assert warning.startswith("This run is not in MLflow: MLflow is not installed here")


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("mlflow.db", "must be a tracking URI such as sqlite:///mlflow.db"),
        ("http://ann:secret@host:5000", "holds a password, which the run would keep"),
        (5, "must be a text, not 5"),
    ],
)
def test_a_store_that_cannot_be_is_told_with_its_line(tmp_path, store, told):
    with pytest.raises(ConfigError, match=f"line \\d+: track.mlflow {told}") as caught:
        load_config(office(tmp_path, store))
    assert "secret" not in str(caught.value)


def test_the_database_lies_beside_the_config(tmp_path):
    assert load_config(office(tmp_path)).mlflow == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert load_config(write_config(tmp_path)).mlflow is None
