import json

import numpy as np
import pytest
from trained import head, noon, written

from edgeguard_core.detection import Detector
from edgeguard_core.errors import NotEnoughDataError, OutputError, SchemaError, SourceError
from edgeguard_core.pipeline.judge import (
    calibrate_on,
    evaluate_files,
    explain_files,
    score_all,
    store_threshold,
)
from edgeguard_core.sources import ReadOptions
from edgeguard_core.thresholds import conformal, fixed

ATTACKED = "zeek/iot23_34-1_conn.log.labeled.gz"
UNLABELLED = "zeek/zat_conn.log"
KEYS = {
    "flows", "attacks", "roc_auc", "average_precision", "tpr_at_fpr", "threshold", "precision",
    "recall", "f1", "false_positive_rate", "promised_false_positive_rate", "per_class", "warnings",
}  # fmt: skip


def test_evaluate_gives_the_keys_that_others_rely_on(bundle, data):
    result = evaluate_files(Detector(bundle), [data(ATTACKED)]).to_json()
    assert set(result) >= KEYS
    assert set(result["tpr_at_fpr"]) == {"0.01", "0.001"}
    assert set(result["threshold"]) == {
        "value", "method", "target", "calibrated_on", "set_at", "origin",
    }  # fmt: skip
    assert result["threshold"]["set_at"] == bundle.manifest.created
    assert set(result["promise"]) == {"promised", "realised", "low", "high", "breached"}
    assert (result["flows"], result["attacks"]) == (23_145, 21_222)
    assert {name: found["flows"] for name, found in result["per_class"].items()} == {
        "C&C": 6706, "DDoS": 14394, "PartOfAHorizontalPortScan": 122,
    }  # fmt: skip
    assert result["roc_auc"] > 0.5  # attacks score above benign flows, not below
    assert result["promised_false_positive_rate"] == 0.01
    json.dumps(result, allow_nan=False)


def test_evaluate_counts_as_a_plain_loop_does(bundle, data):
    detector = Detector(bundle)
    found = score_all(detector, [data(ATTACKED)])
    value = np.float32(detector.threshold.value)
    hits = alarms = missed = 0
    for score, label in zip(found.scores, found.labels.label, strict=True):
        alert = score >= value
        hits += bool(alert and label == 1)
        alarms += bool(alert and label == 0)
        missed += bool(not alert and label == 1)
    result = evaluate_files(detector, [data(ATTACKED)]).to_json()
    assert result["alerts"] == hits + alarms
    assert result["precision"] == pytest.approx(hits / (hits + alarms))
    assert result["recall"] == pytest.approx(hits / (hits + missed))
    assert result["false_positive_rate"] == pytest.approx(alarms / 1923)


def test_unlabelled_flows_are_counted_and_judge_nothing(bundle, data):
    detector = Detector(bundle)
    alone = evaluate_files(detector, [data(ATTACKED)]).to_json()
    both = evaluate_files(detector, [data(ATTACKED), data(UNLABELLED)]).to_json()
    assert both["unlabelled"] == alone["unlabelled"] + 360
    for key in ("roc_auc", "average_precision", "precision", "recall", "per_class"):
        assert both[key] == alone[key], key


def test_one_class_alone_leaves_figures_undefined(bundle, data):
    result = evaluate_files(Detector(bundle), [data("zeek/iot23_honeypot_4-1.csv")]).to_json()
    assert result["attacks"] == 0
    assert result["roc_auc"] is result["average_precision"] is result["recall"] is None
    assert result["false_positive_rate"] is not None
    assert result["per_class"] == {}


def test_without_any_label_there_is_nothing_to_judge_by(bundle, data):
    with pytest.raises(NotEnoughDataError, match=r"None of the 360 flows .* is labelled"):
        evaluate_files(Detector(bundle), [data(UNLABELLED)])


def test_a_label_column_without_a_known_benign_word_asks_for_one(cic, data, tmp_path):
    lines = head(data("cic-ids2017/monday_first_999.csv"), 60)
    words = [lines[0], *(line.rpartition(",")[0] + ",gut" for line in lines[1:])]
    source = written(tmp_path / "x.csv", words)
    detector = Detector(cic.bundle, state=tmp_path / "state")
    with pytest.raises(SchemaError, match=r"'gut'; say which one is benign with --benign WORD"):
        evaluate_files(detector, [source])
    with pytest.raises(SchemaError, match="--benign WORD"):
        calibrate_on(detector, [source])
    told = ReadOptions(benign_words=("gut",))
    assert evaluate_files(detector, [source], read=told).to_json()["flows"] == 60


def test_a_broken_promise_is_said(bundle, data):
    detector = Detector(bundle)
    low = conformal(detector.calibration.sketch, 0.3, "x")
    object.__setattr__(low, "promised_false_positive_rate", 0.0001)
    store_threshold(detector, low, None, who="me", why="", now=noon)
    done = evaluate_files(detector, [data("zeek/iot23_honeypot_5-1.csv")])
    assert any("The false-alarm promise is broken here" in warning for warning in done.warnings)


def test_calibrating_uses_the_benign_rows_alone(bundle, data):
    detector = Detector(bundle)
    found = calibrate_on(detector, [data(ATTACKED)])
    every = score_all(detector, [data(ATTACKED)])
    assert found.benign.n == 1923
    benign = every.scores[every.labels.label == 0]
    assert np.float32(found.benign.largest) == benign.max()
    assert "1923 benign flows of iot23_34-1" in found.on_what
    assert found.warnings == []
    kept = conformal(found.sketch, 0.01, found.on_what)
    assert kept.alerts(benign).mean() <= 0.01


def test_calibrating_without_labels_takes_all_as_benign_and_says_so(bundle, data):
    found = calibrate_on(Detector(bundle), [data(UNLABELLED)])
    assert found.benign.n == 360
    assert found.sketch.n_benign == 360
    assert found.warnings[0] == "No flow is labelled: all are taken as benign."


def test_calibrating_needs_fifty_benign_flows(bundle, data, tmp_path):
    source = written(tmp_path / "x.csv", head(data("zeek/iot23_honeypot_5-1.csv"), 49))
    with pytest.raises(NotEnoughDataError, match="49 benign flows are too few"):
        calibrate_on(Detector(bundle), [source])


def test_the_newest_local_threshold_is_in_force_and_the_old_ones_are_kept(bundle, data):
    detector = Detector(bundle)
    local = calibrate_on(detector, [data("zeek/iot23_honeypot_4-1.csv")])
    first = conformal(local.sketch, 0.05, local.on_what)
    assert store_threshold(detector, first, local, who="me", why="a", now=noon) == "state 0001"
    assert (detector.threshold, detector.calibration.n) == (first, 452)
    store_threshold(detector, fixed(3.0), None, who="me", why="b", now=noon)
    again = Detector(bundle)
    assert again.origin == "state 0002"
    assert again.threshold.value == 3.0
    assert again.calibration.n == 452  # a threshold by hand leaves the calibration in force
    versions = again.state.thresholds(bundle)
    assert [(v.number, v.why, v.who) for v in versions] == [(2, "b", "me"), (1, "a", "me")]
    (detector.state.path / "threshold-0002.json").write_text("{}")
    assert Detector(bundle).origin == "state 0001"
    assert "threshold-0002.json is skipped" in Detector(bundle).warnings[0]
    assert Detector(bundle, state=detector.state.path.parent / "other").origin == "bundle"


def test_a_state_folder_in_the_bundle_is_refused(bundle):
    detector = Detector(bundle, state=bundle.path / "state")
    with pytest.raises(OutputError, match="it lies in bundle"):
        store_threshold(detector, fixed(3.0), None, who="me", why="", now=noon)


def test_explanations_are_of_the_worst_flows_or_of_the_lines_asked_for(bundle, data):
    detector, paths = Detector(bundle), [data(ATTACKED)]
    every = score_all(detector, paths)
    worst = explain_files(detector, paths, worst=3, top=2).flows
    expected = np.sort(every.scores)[::-1][:3]
    assert [np.float32(found.score) for found in worst] == expected.tolist()
    assert all(len(found.features) == 2 for found in worst)
    lines = [worst[2].row, worst[0].row]
    asked = explain_files(detector, paths, rows=lines).flows
    assert {found.row for found in asked} == set(lines)
    with pytest.raises(SourceError, match="Line 1 holds no accepted flow"):
        explain_files(detector, paths, rows=[1, worst[0].row])


def test_explain_gives_the_keys_that_others_rely_on(bundle, data):
    answer = explain_files(Detector(bundle), [data(ATTACKED)], worst=1).to_json()
    assert answer["threshold"]["origin"] == "bundle"
    (found,) = answer["flows"]
    assert set(found) >= {"row", "score", "p_value", "severity", "features", "sentence"}
    wanted = {"name", "actual", "reconstructed", "usual_low", "usual_high", "share"}
    assert all(set(feature) >= wanted for feature in found["features"])
    assert len(found["features"]) == 5
    shares = [feature["share"] for feature in found["features"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1 + 1e-9
