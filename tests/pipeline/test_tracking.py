"""What is logged to MLflow, read back through MLflow's own client."""

import sys

import pytest
from mlflow_store import client_of, needs_mlflow
from support import PROJECT

from edgeguard_core.bundle import Bundle
from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.tracking import log_version

DEMO = PROJECT / "models" / "demo"


@pytest.fixture
def version(tmp_path):
    registry = Registry(tmp_path / "models")
    figures = {"roc_auc": 0.9, "f1": None, "tpr_at_fpr": {"0.01": 0.5}, "per_class": {"a b:c": 1}}
    return registry.register(DEMO, metrics=figures, run_id="r1", note="monday", who="ann")


@needs_mlflow
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_parameters_metrics_artifacts_and_the_model_version_are_read_back(version, tmp_path, capfd):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    done = log_version(version, ("champion", "shadow"), store)
    assert log_version(version, ("champion",), store) == done  # once is enough
    assert capfd.readouterr().err == ""
    client = client_of(store)
    (experiment,) = [x for x in client.search_experiments() if x.name == "edgeguard"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_id, run.info.status) == (done.run_id, "FINISHED")
    config = Bundle.load(DEMO).manifest.training["config"]
    assert run.data.params["steps"] == str(config["steps"])
    assert set(config) | {"schema", "variant"} == set(run.data.params)
    assert run.data.metrics == {"roc_auc": 0.9, "tpr_at_fpr.0.01": 0.5, "per_class.a b_c": 1.0}
    assert run.data.tags["edgeguard.fingerprint"] == version.fingerprint
    assert run.data.tags["edgeguard.run"] == "r1"
    folder = client.download_artifacts(done.run_id, "bundle", str(tmp_path))
    assert Bundle.load(folder).sums_sha256 == version.fingerprint
    model = client.get_model_version_by_alias("edgeguard", "champion")
    assert (str(model.version), model.run_id) == (done.model_version, done.run_id)
    assert client.get_model_version_by_alias("edgeguard", "shadow").version == model.version
    assert len(client.search_model_versions("name = 'edgeguard'")) == 1
    assert (tmp_path / "mlflow-artifacts").is_dir()


@needs_mlflow
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("store", ["sqlite:////no/such/folder/mlflow.db", "nonsense://x"])
def test_a_store_that_cannot_be_written_is_one_sentence(version, store):
    with pytest.raises(OutputError, match=r"MLflow cannot write .*; name another store"):
        log_version(version, (), store)


def test_without_mlflow_the_remedy_is_told(version, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(OutputError, match="not installed here; run pip install"):
        log_version(version)
