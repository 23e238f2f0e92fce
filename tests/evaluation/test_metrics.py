"""Detection figures against loops over rows."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.evaluation import average_precision, evaluate, roc_auc, tpr_at_fpr
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.thresholds import Threshold

WORDS = {BENIGN: ["benign"], ATTACK: ["scan", "flood"], UNLABELLED: ["-", "Background"]}
row = st.tuples(
    st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.floats(0, 10, width=32)),
    st.sampled_from([BENIGN, ATTACK, UNLABELLED]),
    st.integers(0, 1),
)
rows = st.lists(row, min_size=1, max_size=60)


def labels_of(label, names=None):
    names = names or [WORDS[one][0] for one in label]
    return Labels(np.array(label, np.int8), np.array(names, object))


def split(rows):
    scores = np.array([s for s, _, _ in rows], np.float32)
    label = [one for _, one, _ in rows]
    names = [WORDS[one][word % len(WORDS[one])] for _, one, word in rows]
    return scores, labels_of(label, names)


def line(value, promised=None):
    return Threshold(value, "conformal" if promised else "fixed", promised, "test", promised)


@given(rows, st.floats(0, 10))
def test_counts_follow_from_looking_at_each_row(rows, value):
    scores, labels = split(rows)
    if all(labels.label == UNLABELLED):
        return
    found = evaluate(scores, labels, line(value))
    tp = fp = fn = tn = alerts = 0
    for score, label in zip(scores, labels.label, strict=True):
        alert = score >= np.float32(value)
        alerts += alert
        tp += alert and label == ATTACK
        fp += alert and label == BENIGN
        fn += not alert and label == ATTACK
        tn += not alert and label == BENIGN
    both = tp + fn > 0 and fp + tn > 0
    assert (found.flows, found.attacks, found.alerts) == (len(rows), tp + fn, alerts)
    assert found.unlabelled == len(rows) - tp - fp - fn - tn
    assert_same(found.precision, tp / (tp + fp) if both and tp + fp else math.nan)
    assert_same(found.recall, tp / (tp + fn) if tp + fn else math.nan)
    assert_same(found.false_positive_rate, fp / (fp + tn) if fp + tn else math.nan)
    assert_same(found.f1, 2 * tp / (2 * tp + fp + fn) if both else math.nan)


@given(rows, st.floats(0, 10))
def test_recall_a_class_follows_from_looking_at_each_row(rows, value):
    scores, labels = split(rows)
    if all(labels.label == UNLABELLED):
        return
    found = evaluate(scores, labels, line(value)).per_class
    attacks = [
        (name, score >= np.float32(value))
        for name, label, score in zip(labels.class_name, labels.label, scores, strict=True)
        if label == ATTACK
    ]
    assert list(found) == sorted({name for name, _ in attacks})
    for name, one in found.items():
        hits = [hit for word, hit in attacks if word == name]
        assert one.flows == len(hits)
        assert one.recall == sum(hits) / len(hits)


@given(rows)
def test_roc_auc_is_the_chance_that_an_attack_scores_higher(rows):
    scores, labels = split(rows)
    benign, attacks = scores[labels.label == BENIGN], scores[labels.label == ATTACK]
    if not benign.size or not attacks.size:
        return
    wins = [float(a > b) + 0.5 * float(a == b) for a in attacks for b in benign]
    assert evaluate(scores, labels, line(1)).roc_auc == pytest.approx(np.mean(wins))


@given(rows)
def test_average_precision_is_its_definition(rows):
    scores, labels = split(rows)
    known = labels.label != UNLABELLED
    scores, attack = scores[known], labels.label[known] == ATTACK
    if attack.all() or not attack.any():
        return
    total, reached = 0.0, 0.0
    for value in np.unique(scores)[::-1]:
        alert = scores >= value
        recall = attack[alert].sum() / attack.sum()
        total += (recall - reached) * attack[alert].mean()
        reached = recall
    assert average_precision(attack, scores) == pytest.approx(total)


@given(rows, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0]))
def test_tpr_at_fpr_is_the_best_threshold_that_exists(rows, rate):
    scores, labels = split(rows)
    known = labels.label != UNLABELLED
    scores, attack = scores[known], labels.label[known] == ATTACK
    if attack.all() or not attack.any():
        return
    best = 0.0
    for value in np.unique(scores):
        if (scores[~attack] >= value).mean() <= rate:
            best = max(best, (scores[attack] >= value).mean())
    assert tpr_at_fpr(attack, scores, rate) == pytest.approx(best)


@given(rows)
def test_ranking_figures_are_those_of_scikit_learn(rows):
    scores, labels = split(rows)
    known = labels.label != UNLABELLED
    scores, attack = scores[known], labels.label[known] == ATTACK
    if attack.all() or not attack.any():
        return
    assert roc_auc(attack, scores) == pytest.approx(metrics.roc_auc_score(attack, scores))
    expected = metrics.average_precision_score(attack, scores)
    assert average_precision(attack, scores) == pytest.approx(expected)
    fpr, tpr, _ = metrics.roc_curve(attack, scores, drop_intermediate=False)
    for rate in (0.001, 0.01, 0.2):
        assert tpr_at_fpr(attack, scores, rate) == pytest.approx(tpr[fpr <= rate].max())


def test_json_has_the_keys_that_others_rely_on():
    scores, labels = [0.1, 0.2, 0.3, 0.9], labels_of([BENIGN, BENIGN, ATTACK, UNLABELLED])
    found = evaluate(scores, labels, line(0.3, promised=0.01), hours=2.0).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "flows": 4,
        "attacks": 1,
        "unlabelled": 1,
        "alerts": 2,
        "alerts_per_hour": 1.0,
        "roc_auc": 1.0,
        "average_precision": 1.0,
        "tpr_at_fpr": {"0.01": 1.0, "0.001": 1.0},
        "threshold": {
            "value": float(np.float32(0.3)),
            "method": "conformal",
            "target": 0.01,
            "calibrated_on": "test",
        },
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "false_positive_rate": 0.0,
        "promised_false_positive_rate": 0.01,
        "promise": {
            "promised": 0.01,
            "realised": 0.0,
            "low": 0.0,
            "high": pytest.approx(0.8419, abs=1e-4),
            "breached": False,
        },
        "per_class": {"scan": {"flows": 1, "recall": 1.0}},
    }


@pytest.mark.parametrize(
    ("label", "defined"),
    [
        (BENIGN, {"false_positive_rate"}),
        (ATTACK, {"recall"}),
    ],
)
def test_one_class_leaves_undefined_figures_null(label, defined):
    found = evaluate([0.1, 0.9], labels_of([label, label]), line(0.5)).to_json()
    figures = ("roc_auc", "average_precision", "precision", "recall", "f1", "false_positive_rate")
    assert {name for name in figures if found[name] is not None} == defined
    assert found["tpr_at_fpr"] == {"0.01": None, "0.001": None}
    assert found["promise"] is None
    json.dumps(found, allow_nan=False)


def test_a_promise_without_benign_flows_is_not_audited():
    found = evaluate([0.9], labels_of([ATTACK]), line(0.5, promised=0.01)).to_json()
    assert found["promise"] == {
        "promised": 0.01,
        "realised": None,
        "low": 0.0,
        "high": 1.0,
        "breached": False,
    }


def test_where_nothing_alerts_precision_is_undefined_and_f1_zero():
    found = evaluate([0.1, 0.2], labels_of([BENIGN, ATTACK]), line(0.5))
    assert math.isnan(found.precision)
    assert (found.recall, found.f1) == (0.0, 0.0)


def test_a_broken_promise_is_flagged():
    scores = np.concatenate([np.zeros(930), np.ones(70)])
    found = evaluate(scores, labels_of([BENIGN] * 1000), line(0.5, promised=0.01))
    assert found.promise.breached
    assert found.promise.realised == 0.07


@pytest.mark.parametrize("label", [[], [UNLABELLED, UNLABELLED]])
def test_no_label_at_all_is_refused(label):
    with pytest.raises(NotEnoughDataError, match="labelled file"):
        evaluate([0.5] * len(label), labels_of(label), line(0.5))


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(EdgeGuardError, match="1 scores"):
        evaluate([math.nan, 1.0], labels_of([BENIGN, ATTACK]), line(0.5))


def test_scores_and_labels_must_be_of_the_same_flows():
    with pytest.raises(ValueError, match="labels"):
        evaluate([1.0], labels_of([BENIGN, ATTACK]), line(0.5))


def test_higher_is_more_anomalous():
    attack, scores = np.array([False, False, True]), np.float32([0.1, 0.2, 0.9])
    assert roc_auc(attack, scores) == 1.0
    assert roc_auc(~attack, scores) == 0.0


def assert_same(figure, expected):
    assert figure == pytest.approx(expected, nan_ok=True)
