"""Bundles and plain detectors on real flows: the same rows, the same budget, intervals."""

import json

import numpy as np
import pytest
from trained import head, written

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.evaluation.peers import peer_called
from edgeguard_core.flows.table import ATTACK
from edgeguard_core.pipeline.compare import compare_files
from edgeguard_core.pipeline.judge import score_all

ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"
BENIGN_LOG = "zeek/iot23_honeypot_4-1.csv"


@pytest.fixture
def some(data, tmp_path):
    """The first 1,200 flows of a real capture, attacks among them."""
    return written(tmp_path / "some.log.labeled", head(data(ATTACKED), 1_200))


def test_a_bundle_beside_a_peer_on_what_neither_learned(bundle, some):
    done = compare_files([Detector(bundle)], [some], peers=[peer_called("iforest")], alerts=200)
    result = done.to_json()
    json.dumps(result, allow_nan=True)
    everything = score_all(Detector(bundle), [some])
    times = everything.times_ms
    earliest = np.argsort(times, kind="stable")[: len(times) // 3]
    learned = (everything.labels.label[earliest] != ATTACK).sum()
    assert f"{learned:,} flows of the earliest third" in result["peers_fitted_on"]
    assert result["flows"] == len(times) - learned
    assert [model["name"] for model in result["models"]] == ["B", "IsolationForest"]
    for model in result["models"]:
        assert model["alerts"] <= 200
    assert result["models"][0]["lead_on_first"] == {}
    ahead = result["models"][1]["lead_on_first"]
    own, peer = result["models"]
    assert ahead["recall"]["difference"] == pytest.approx(peer["recall"] - own["recall"])
    assert ahead["roc_auc"]["low"] <= ahead["roc_auc"]["difference"] <= ahead["roc_auc"]["high"]
    assert done == compare_files(
        [Detector(bundle)], [some], peers=[peer_called("iforest")], alerts=200
    )


def test_flows_to_learn_can_be_given_and_then_all_are_judged(bundle, some, data):
    done = compare_files(
        [Detector(bundle)], [some], peers=[peer_called("knn")], fit=[data(BENIGN_LOG)]
    )
    judged = score_all(Detector(bundle), [some])
    assert done.found.flows == len(judged.scores)
    assert "452 flows of" in done.fitted_on
    assert "honeypot_4-1" in done.fitted_on
    alerts = int(Detector(bundle).threshold.alerts(judged.scores).sum())
    assert done.found.budget == alerts  # as many as the threshold raises


def test_two_bundles_need_no_peer_and_names_stay_apart(bundle, some):
    twice = [Detector(bundle), Detector(Bundle.load(bundle.path))]
    done = compare_files(twice, [some], alerts=50)
    assert [model.name for model in done.found.models] == ["B (1)", "B (2)"]
    assert done.found.models[1].overlap == 1.0
    assert {(lead.low, lead.high) for lead in done.leads[0].values()} == {(0.0, 0.0)}


def test_alerts_by_hour_count_the_hours_of_what_is_judged(bundle, some):
    one = compare_files([Detector(bundle)], [some], peers=[peer_called("knn")], alerts_per_hour=60)
    assert one.found.budget == round(60 * one.hours)


def test_without_labels_the_alerts_that_models_share_remain(bundle, data):
    done = compare_files(
        [Detector(bundle)], [data("zeek/zat_conn.log")], peers=[peer_called("iforest")],
        fit=[data(BENIGN_LOG)], alerts=10,
    )  # fmt: skip
    assert done.leads == ({},)
    assert "there is no recall to compare" in done.warnings[-1]
    assert np.isnan(done.found.models[1].recall)
    assert 0 <= done.found.models[1].overlap <= 1


def test_one_model_alone_and_too_little_to_learn_are_refused(bundle, some, data, tmp_path):
    with pytest.raises(EdgeGuardError, match="give another bundle, or --with knn"):
        compare_files([Detector(bundle)], [some])
    few = written(tmp_path / "few.csv", head(data(BENIGN_LOG), 30))
    with pytest.raises(NotEnoughDataError, match="30 flows are too few to fit another detector"):
        compare_files([Detector(bundle)], [some], peers=[peer_called("knn")], fit=[few])
