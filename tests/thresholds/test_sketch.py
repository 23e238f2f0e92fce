"""The sketch against counting by hand."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.thresholds import ThresholdSketch, fixed_edges
from edgeguard_core.thresholds.edges import USUAL_PROMISES, conformal_rank, next_above

CLASSES = ("benign", "scan", "flood")

# Few distinct values next to arbitrary ones: ties are the rule in quantised models.
score = st.one_of(
    st.sampled_from([0.0, 0.1, 0.25, 1.0, 7.0]),
    st.floats(0, 2.0**100, width=32),
)
scored = st.lists(st.tuples(score, st.integers(0, 2)), max_size=120).map(
    lambda rows: (
        np.array([s for s, _ in rows], np.float32),
        np.array([c for _, c in rows], np.int64),
    )
)


def count_by_hand(scores, index, edge, n_classes=3):
    counts = [0] * n_classes
    for one, c in zip(scores, index, strict=True):
        if np.float32(one) >= np.float32(edge):
            counts[c] += 1
    return counts


@given(scored)
def test_counts_equal_counting_by_hand_at_every_edge(rows):
    scores, index = rows
    sketch = ThresholdSketch.build(scores, index, CLASSES)
    for k, edge in enumerate(sketch.edges):
        assert sketch.counts_ge[:, k].tolist() == count_by_hand(scores, index, edge)
        assert sketch.counts_at(float(edge)).tolist() == count_by_hand(scores, index, edge)


@given(scored, st.floats(-1, 2.0**100, width=32))
def test_a_complete_sketch_is_exact_between_its_edges(rows, value):
    scores, index = rows
    sketch = ThresholdSketch.build(scores, index, CLASSES)
    assert sketch.complete
    assert sketch.counts_at(value).tolist() == count_by_hand(scores, index, value)


@given(scored)
def test_edges_ascend_and_end_where_nothing_alerts(rows):
    scores, index = rows
    sketch = ThresholdSketch.build(scores, index, CLASSES)
    assert np.all(np.diff(sketch.edges) > 0)
    assert sketch.counts_ge[:, -1].tolist() == [0, 0, 0]
    assert set(np.unique(scores)) <= set(sketch.edges)
    if scores.size:
        assert sketch.counts_ge[:, 0].sum() == scores.size


@given(scored)
def test_the_histogram_holds_every_score_once(rows):
    scores, index = rows
    sketch = ThresholdSketch.build(scores, index, CLASSES)
    assert sketch.hist.sum(axis=1).tolist() == np.bincount(index, minlength=3).tolist()
    zeros = [int(np.sum(scores[index == c] == 0)) for c in range(3)]
    assert np.all(sketch.hist[:, 0] >= zeros)
    for b in range(sketch.hist.shape[1]):
        inside = (scores >= sketch.hist_edges[b]) & (scores < sketch.hist_edges[b + 1])
        assert sketch.hist[:, b].sum() == inside.sum()


@pytest.mark.parametrize("max_edges", [64, 100, 2048])
def test_a_sketch_of_many_scores_keeps_to_its_budget(max_edges):
    rng = np.random.default_rng(3)
    scores = rng.lognormal(-3, 2, 20_000).astype(np.float32)
    index = rng.integers(0, 3, scores.size)
    sketch = ThresholdSketch.build(scores, index, CLASSES, max_edges=max_edges)
    assert not sketch.complete
    assert sketch.edges.size <= max_edges
    for k in range(0, sketch.edges.size, 7):
        wanted = [(scores[index == c] >= sketch.edges[k]).sum() for c in range(3)]
        assert sketch.counts_ge[:, k].tolist() == wanted
    assert sketch.counts_ge[:, 0].sum() == scores.size
    assert sketch.counts_ge[:, -1].sum() == 0


def test_an_incomplete_sketch_never_counts_too_few_alerts():
    scores = np.random.default_rng(4).lognormal(-3, 2, 5_000).astype(np.float32)
    sketch = ThresholdSketch.build(scores, max_edges=64)
    for value in np.geomspace(1e-6, 1e3, 200):
        assert sketch.counts_at(value)[0] >= (scores >= np.float32(value)).sum()


def test_edges_hold_the_values_of_the_usual_promises():
    scores = np.random.default_rng(5).lognormal(-3, 2, 30_000).astype(np.float32)
    sketch = ThresholdSketch.build(scores, max_edges=500)
    ordered = np.sort(scores)
    for rate in USUAL_PROMISES:
        rank = conformal_rank(scores.size, rate)
        if rank <= scores.size:
            assert next_above(ordered[rank - 1]) in sketch.edges


def test_edges_are_dense_where_few_benign_flows_alert():
    benign = np.random.default_rng(6).lognormal(-3, 1.5, 200_000).astype(np.float32)
    sketch = ThresholdSketch.build(benign)
    rates = sketch.benign_counts / sketch.n_benign
    assert np.sum((rates > 1e-5) & (rates < 0.1)) > 500


def test_one_stray_tiny_score_does_not_squeeze_the_histogram():
    scores = np.append(np.random.default_rng(7).lognormal(0, 1, 1_000), 1e-35)
    sketch = ThresholdSketch.build(scores.astype(np.float32))
    assert np.count_nonzero(sketch.hist[0]) > 50
    assert sketch.hist[0, 0] == 1


def test_nan_is_counted_apart():
    sketch = ThresholdSketch.build([1.0, np.nan, 2.0, np.nan], [0, 0, 1, 2], CLASSES)
    assert sketch.n_nan == 2
    assert sketch.n.tolist() == [1, 1, 0]


@pytest.mark.parametrize("wrong", [-0.5, np.inf])
def test_an_impossible_score_is_named(wrong):
    with pytest.raises(EdgeGuardError, match=str(wrong)):
        ThresholdSketch.build([1.0, wrong])


def test_an_empty_sketch_counts_nothing():
    sketch = ThresholdSketch.build([])
    assert sketch.complete
    assert sketch.counts_at(0.0).tolist() == [0]
    assert sketch.n_benign == 0


@pytest.mark.parametrize(
    ("scores", "index"), [([1.0], [3]), ([1.0], [-1]), ([1.0, 2.0], [0]), ([[1.0]], None)]
)
def test_class_indices_must_fit(scores, index):
    with pytest.raises(ValueError, match=r"ind|dimension"):
        ThresholdSketch.build(scores, index, CLASSES)


@given(scored, scored)
@settings(max_examples=50)
def test_merging_equals_building_from_all_scores(first, second):
    edges = fixed_edges(1e-3, 1e3, 50)
    a = ThresholdSketch.on_edges(first[0], edges, first[1], CLASSES, duration_hours=1.0)
    b = ThresholdSketch.on_edges(second[0], edges, second[1], CLASSES, duration_hours=2.0)
    both = ThresholdSketch.on_edges(
        np.concatenate([first[0], second[0]]),
        edges,
        np.concatenate([first[1], second[1]]),
        CLASSES,
        duration_hours=3.0,
    )
    assert_equal_sketches(a.merge(b), both)


def test_merging_joins_classes_by_name():
    edges = fixed_edges()
    monday = ThresholdSketch.on_edges([1, 2], edges, [0, 1], ("benign", "scan"))
    tuesday = ThresholdSketch.on_edges([3, 4], edges, [1, 0], ("flood", "benign"), 1)
    week = monday.merge(tuesday)
    assert week.classes == ("benign", "scan", "flood")
    assert week.counts_at(float(edges[1])).tolist() == [2, 1, 1]
    assert week.benign_index == 0
    assert week.duration_hours is None


def test_sketches_with_other_edges_or_another_benign_class_do_not_merge():
    fixed = ThresholdSketch.on_edges([1.0])
    with pytest.raises(EdgeGuardError, match="different edges"):
        fixed.merge(ThresholdSketch.build([1.0]))
    with pytest.raises(EdgeGuardError, match="different classes as benign"):
        fixed.merge(ThresholdSketch.on_edges([1.0], classes=("normal",)))


@given(scored, st.floats(0, 1e3, width=32))
def test_an_inserted_edge_is_exact(rows, value):
    scores, index = rows
    sketch = ThresholdSketch.on_edges(scores, fixed_edges(1e-2, 1e2, 10), index, CLASSES)
    finer = sketch.with_edge(value, scores, index)
    assert finer.counts_at(value).tolist() == count_by_hand(scores, index, value)
    assert np.all(np.diff(finer.edges) > 0)


def test_inserting_an_edge_needs_the_scores_of_the_sketch():
    sketch = ThresholdSketch.on_edges([1.0, 2.0])
    with pytest.raises(ValueError, match="scores of"):
        sketch.with_edge(1.5, [1.0])


def test_sums_give_mean_and_deviation():
    scores = np.random.default_rng(8).lognormal(0, 1, 999).astype(np.float32)
    sketch = ThresholdSketch.build(scores)
    exact = scores.astype(np.float64)
    assert sketch.score_sum[0] == pytest.approx(exact.sum(), rel=1e-12)
    assert sketch.score_square_sum[0] == pytest.approx((exact**2).sum(), rel=1e-12)


@given(scored)
@settings(max_examples=30)
def test_benign_points_are_the_benign_scores(rows):
    scores, index = rows
    points, weights = ThresholdSketch.build(scores, index, CLASSES).benign_points()
    values, counts = np.unique(scores[index == 0], return_counts=True)
    assert points.tolist() == values.astype(float).tolist()
    assert weights.tolist() == counts.tolist()


def test_unlabelled_flows_are_neither_right_nor_wrong():
    sketch = ThresholdSketch.build(
        [1.0, 2.0, 3.0], [0, 1, 2], ("benign", "scan", "unlabelled"), unlabelled_index=2
    )
    assert sketch.attack_indices == (1,)
    assert sketch.n_attacks == 1
    assert sketch.attack_counts.max() == 1
    assert sketch.alert_counts.max() == 3


@given(scored)
@settings(max_examples=30)
def test_arrays_survive_a_file_without_pickle(rows):
    sketch = ThresholdSketch.build(*rows, CLASSES, duration_hours=1.5)
    file = io.BytesIO()
    np.savez(file, **sketch.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        assert_equal_sketches(ThresholdSketch.from_arrays(stored), sketch)


@pytest.mark.parametrize("name", ["edges", "counts_ge", "classes", "n_nan", "complete"])
def test_a_missing_array_is_named(name):
    arrays = ThresholdSketch.build([1.0, 2.0]).to_arrays()
    del arrays[name]
    with pytest.raises(BundleError, match=name):
        ThresholdSketch.from_arrays(arrays)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("edges", np.float32([3, 2, 1])),
        ("edges", np.float32([np.nan, 1, 2])),
        ("counts_ge", np.zeros((1, 2), np.uint32)),
        ("hist", np.zeros((1, 2), np.uint32)),
        ("benign_index", np.int64([5])),
        ("n", np.zeros(0, np.uint64)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(name, wrong):
    arrays = ThresholdSketch.build([1.0, 2.0]).to_arrays() | {name: wrong}
    with pytest.raises(BundleError, match="damaged"):
        ThresholdSketch.from_arrays(arrays)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 10)))
def test_scores_are_counted_as_float32(scores):
    sketch = ThresholdSketch.build(scores)
    rounded = scores.astype(np.float32)
    for value in scores:
        assert sketch.counts_at(value)[0] == (rounded >= np.float32(value)).sum()


def assert_equal_sketches(one, other):
    for name, array in one.to_arrays().items():
        expected = other.to_arrays()[name]
        if array.dtype == np.float64:
            np.testing.assert_allclose(array, expected, rtol=1e-9, equal_nan=True)
        else:
            np.testing.assert_array_equal(array, expected)
