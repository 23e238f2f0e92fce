import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.evaluation.feature_errors import BINS, FeatureErrorSketch, in_order

FEATURES = ("bytes", "rate", "state")
CLASSES = ("benign", "scan", "bot", "unlabelled")


def flows(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    errors = draw.lognormal(0, 4, (n, len(FEATURES))).astype(np.float32)
    errors[draw.random(errors.shape) < 0.1] = 0
    return errors, draw.integers(0, len(CLASSES), n)


@given(seed=st.integers(0, 99), n=st.integers(1, 60), cuts=st.lists(st.integers(0, 60), max_size=3))
@settings(deadline=None)
def test_the_parts_merged_are_the_whole(seed, n, cuts):
    errors, class_of = flows(seed, n)
    whole = FeatureErrorSketch.build(errors, class_of, CLASSES, FEATURES)
    merged = FeatureErrorSketch.empty(FEATURES)
    for rows in np.split(np.arange(n), sorted(min(cut, n) for cut in cuts)):
        merged = merged.merge(
            FeatureErrorSketch.build(errors[rows], class_of[rows], CLASSES, FEATURES)
        )
    assert merged.classes == whole.classes
    assert (merged.counts == whole.counts).all()
    assert merged.flows.tolist() == whole.flows.tolist()
    assert merged.sums == pytest.approx(whole.sums)
    assert merged.share_sums == pytest.approx(whole.share_sums)


def test_counts_sums_and_shares_are_the_obvious_ones():
    errors, class_of = flows(7, 200)
    found = FeatureErrorSketch.build(errors, class_of, CLASSES, FEATURES)
    assert found.classes == ("benign", "bot", "scan", "unlabelled")
    for c, name in enumerate(found.classes):
        mine = errors[class_of == CLASSES.index(name)]
        assert found.flows[c] == len(mine)
        for f in range(len(FEATURES)):
            slow = [0] * len(BINS)
            for value in mine[:, f]:
                slow[sum(value >= edge for edge in BINS.edges)] += 1
            assert found.counts[f, c].tolist() == slow
        total = mine.astype(float).sum(axis=1)
        part = [e / t if t else 0 * e for e, t in zip(mine, total, strict=True)]
        assert found.mean_share[:, c] == pytest.approx(np.mean(part, axis=0))
        assert found.mean_error[:, c] == pytest.approx(mine.astype(float).mean(axis=0))
    assert (found.quantile(0.95) >= found.quantile(0.5)).all()


def test_zeros_have_no_share_and_the_lowest_bin():
    found = FeatureErrorSketch.build(np.zeros((3, 3), np.float32), np.zeros(3, int), ("x",), "abc")
    assert found.counts[:, 0, 0].tolist() == [3, 3, 3]
    assert found.mean_share.sum() == 0
    assert found.quantile(0.99).tolist() == [[0.0]] * 3


def test_a_class_without_flows_is_not_there():
    errors = np.ones((2, 3), np.float32)
    found = FeatureErrorSketch.build(errors, np.array([1, 1]), ("benign", "scan"), FEATURES)
    assert found.classes == ("scan",)
    assert in_order(("unlabelled", "a", "benign")) == ("benign", "a", "unlabelled")


def test_arrays_bring_it_back_and_wrong_ones_are_refused():
    found = FeatureErrorSketch.build(*flows(1, 9), CLASSES, FEATURES)
    again = FeatureErrorSketch.from_arrays(found.to_arrays())
    assert (again.features, again.classes) == (found.features, found.classes)
    assert (again.counts == found.counts).all()
    with pytest.raises(ValueError, match="lacks the array 'sums'"):
        FeatureErrorSketch.from_arrays({k: v for k, v in found.to_arrays().items() if k != "sums"})
    with pytest.raises(ValueError, match="shape"):
        FeatureErrorSketch.from_arrays(found.to_arrays() | {"counts": found.counts[:, :, 1:]})
    with pytest.raises(ValueError, match="same features"):
        found.merge(FeatureErrorSketch.empty(("other",)))
