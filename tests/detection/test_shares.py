import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeguard_core.detection import shares, top_features

NAMES = ("a", "b", "c", "d")
errors = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 20), st.just(len(NAMES))),
    # Few distinct values, so that ties and rows of zeros come up often.
    elements=st.sampled_from([0.0, 2**-10, 1.0, 2.0, 100.0]),
)


def slow_top(row, k):
    """The definition: sort, divide, round, write."""
    total = sum(float(value) for value in row)
    ranked = sorted(range(len(row)), key=lambda j: (-float(row[j]), j))[:k]
    texts = []
    for j in ranked:
        percent = round(100 * float(row[j]) / total) if total else 0
        if percent:
            texts.append(f"{NAMES[j]} {percent} %")
    return "; ".join(texts)


@given(errors, st.integers(1, 6))
def test_top_features_are_those_of_a_plain_sort(feature_errors, k):
    assert top_features(feature_errors, NAMES, k) == [slow_top(row, k) for row in feature_errors]


@given(errors)
def test_shares_add_up_to_one_or_are_all_zero(feature_errors):
    total = shares(feature_errors).sum(axis=1)
    np.testing.assert_allclose(total, (feature_errors.sum(axis=1) > 0).astype(float))


def test_a_table_longer_than_one_block_keeps_its_order():
    rows = 70_000
    feature_errors = np.zeros((rows, 2), np.float32)
    feature_errors[np.arange(rows), np.arange(rows) % 2] = 1.0
    texts = top_features(feature_errors, ("even", "odd"))
    assert texts[:2] == ["even 100 %", "odd 100 %"]
    assert texts[-2:] == ["even 100 %", "odd 100 %"]
    assert len(texts) == rows


@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (2, 0)])
def test_nothing_to_rank(shape):
    assert top_features(np.zeros(shape, np.float32), ("a", "b", "c")[: shape[1]]) == [""] * shape[0]
