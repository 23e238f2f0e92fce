"""Sketches of labelled flows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.evaluation import evaluate, sketch_of
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.thresholds import max_f_beta

row = st.tuples(
    st.floats(0, 8, width=32),
    st.sampled_from([(BENIGN, "benign"), (ATTACK, "scan"), (ATTACK, "benign"), (UNLABELLED, "-")]),
)
rows = st.lists(row, min_size=1, max_size=60)


def split(rows):
    label = np.array([kind[0] for _, kind in rows], np.int8)
    names = np.array([kind[1] for _, kind in rows], object)
    return np.array([s for s, _ in rows], np.float32), Labels(label, names)


@given(rows)
def test_each_class_is_counted_by_itself(rows):
    scores, labels = split(rows)
    sketch = sketch_of(scores, labels)
    if np.all(labels.label == UNLABELLED):
        assert sketch.n_benign == scores.size
        return
    assert sketch.classes[0] == "benign"
    assert sketch.n_benign == np.sum(labels.label == BENIGN)
    assert sketch.n_attacks == np.sum(labels.label == ATTACK)
    assert sketch.n.sum() == scores.size
    for value in sketch.edges:
        counts = dict(zip(sketch.classes, sketch.counts_at(float(value)), strict=True))
        for (label, name), shown in {
            (BENIGN, "benign"): "benign",
            (ATTACK, "scan"): "scan",
            (ATTACK, "benign"): "benign (attack)",
            (UNLABELLED, "-"): "unlabelled",
        }.items():
            mine = (labels.label == label) & (labels.class_name == name)
            assert counts.get(shown, 0) == np.sum(scores[mine] >= value)


def test_without_labels_all_flows_are_taken_as_benign():
    sketch = sketch_of([1.0, 2.0], None, duration_hours=3.0)
    assert (sketch.classes, sketch.n_benign, sketch.n_attacks) == (("unlabelled",), 2, 0)
    assert sketch.duration_hours == 3.0


def test_attacks_alone_leave_the_benign_class_empty():
    labels = Labels(np.int8([ATTACK]), np.array(["scan"], object))
    sketch = sketch_of([1.0], labels)
    assert (sketch.classes, sketch.n_benign) == (("benign", "scan"), 0)


def test_sketch_and_evaluation_agree():
    rng = np.random.default_rng(0)
    label = (rng.random(3_000) < 0.2).astype(np.int8)
    names = np.where(label == ATTACK, "scan", "benign").astype(object)
    scores = rng.lognormal(-1 + label, 1).astype(np.float32)
    labels = Labels(label, names)
    sketch = sketch_of(scores, labels, max_edges=500)
    threshold = max_f_beta(sketch, 1.0, "test")
    found = evaluate(scores, labels, threshold)
    false, hits = sketch.counts_at(threshold.value)
    assert found.precision == hits / (hits + false)
    assert found.recall == hits / sketch.n_attacks
