"""From kept scores to the page: losses are printed, means and ranks are right."""

from pathlib import Path

import numpy as np
import pytest
from quality import matrices, sets
from quality.report import markdown
from quality.results import Store, Task
from quality.scored import Scored
from quality.summary import SetResults, summary
from reference_graph import SMALL, small_flows

TRUTH = np.repeat([False, True], 200)


def scored(shift: float, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    test = (rng.normal(size=400) + shift * TRUTH).astype(np.float32)
    calibration = rng.normal(size=200).astype(np.float32)
    return Scored(calibration, test, 800, 1.5, 1e6, 70_000)


def results(ours: float, peer: float, name: str = "nsl-kdd") -> SetResults:
    runs = {
        Task(name, "EdgeGuard", matrices.OURS, 0): scored(ours, 0),
        Task(name, "EdgeGuard", matrices.OURS, 1): scored(ours, 1),
        Task(name, "kNN", matrices.MIN_MAX, 0): scored(peer, 2),
    }
    data_set = next(found for found in sets.listed() if found.name == name)
    rows = {"fitted": 800, "calibration": 200, "benign": 200, "attacks": 200}
    return SetResults(data_set, rows, TRUTH, runs)


def test_a_loss_is_printed_as_one() -> None:
    plain = summary([results(ours=0.5, peer=3.0)])
    assert plain["sets"]["nsl-kdd"]["leads"]["roc_auc"]["verdict"] == "behind"
    page = markdown(plain)
    assert "▼ **behind**" in page
    assert "nsl-kdd (ROC AUC)" in page
    assert not any(goal["reached"] for goal in plain["goals"] if "ahead" in goal["goal"])


def test_means_are_taken_over_the_sets_of_a_group() -> None:
    plain = summary([results(3.0, 1.0), results(3.0, 1.0, "unsw-nb15")])
    group = plain["groups"]["flows"]
    mine, peer = (group["models"][key] for key in ("EdgeGuard", "kNN, min-max"))
    assert group["sets"] == ["nsl-kdd", "unsw-nb15"]
    each = [found["models"]["EdgeGuard"]["figures"]["roc_auc"] for found in plain["sets"].values()]
    assert mine["figures"]["roc_auc"] == pytest.approx(np.mean(each), abs=1e-5)
    assert (mine["average_rank"], peer["average_rank"]) == (1.0, 2.0)


def test_kept_scores_come_back(tmp_path: Path) -> None:
    store, task = Store(tmp_path / "kept"), Task("nsl-kdd", "kNN", matrices.MIN_MAX, 0)
    assert store.load(task) is None
    store.save(task, scored(1.0))
    found = store.load(task)
    assert found is not None
    np.testing.assert_array_equal(found.test, scored(1.0).test)
    assert (found.fitted_rows, found.file_bytes) == (800, 70_000)


def test_judged_rows_are_never_learned() -> None:
    flows = small_flows(200, attacks=40)
    parts = sets.halved(flows)
    lines = [set(part.line.tolist()) for part in (parts.fit, parts.calibration, parts.test)]
    assert [len(part) for part in lines] == [80, 20, 140]
    assert len(set.union(*lines)) == 240
    assert not parts.fit.is_attack.any()


def test_our_matrix_is_what_the_graph_expands() -> None:
    pytest.importorskip("tensorflow")
    from edgeguard_core.model.autoencoder import CATEGORICAL, NUMERIC, Autoencoder

    parts = sets.halved(small_flows(200, attacks=40))
    inputs = matrices.inputs_of(parts, SMALL)
    ours = matrices.matrices_of(inputs, matrices.OURS, SMALL).test
    rows = {NUMERIC: inputs.test.numeric, CATEGORICAL: inputs.test.categorical}
    graph = Autoencoder(inputs.preprocessor, SMALL).expand(rows).numpy()
    np.testing.assert_allclose(ours, graph, atol=1e-5)
