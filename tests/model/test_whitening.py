import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_graph import SMALL, run_graph

from edgeguard_core.model import train_weights
from edgeguard_core.model.training import _parted
from edgeguard_core.model.whitening import whitened, whitening, whitening_shapes


def residuals(n, n_expanded, seed=0):
    """Residuals that go together in pairs, of spreads from .01 to 10."""
    rng = np.random.default_rng(seed)
    free = rng.normal(size=(n, n_expanded))
    mixed = free + 0.9 * np.roll(free, 1, axis=1)
    return mixed * np.geomspace(0.01, 10, n_expanded)


def slow_whitening(rows, directions):
    """The full matrix of ZCA-cor with shrinkage, then all but some factors made one."""
    n, size = rows.shape
    spread = np.array([np.sqrt(np.mean(column**2) + 0.03) for column in rows.T])
    correlation = np.zeros((size, size))
    for row in rows / spread:
        correlation += np.outer(row, row) / n
    values, vectors = np.linalg.eigh(correlation + (0.1 + size / n) * np.eye(size))
    factors = 1 / np.sqrt(values)
    logs = np.log(factors)
    far = sorted(range(size), key=lambda k: -abs(logs[k] - np.median(logs)))
    rest = far[directions:]
    if rest:
        factors[rest] = np.sqrt(np.mean(factors[rest] ** 2))
    return (vectors * factors) @ vectors.T / spread[:, None]


@given(st.integers(2, 12), st.integers(0, 14), st.integers(0, 5))
def test_three_arrays_say_what_the_full_matrix_says(n_expanded, directions, seed):
    rows = residuals(200, n_expanded, seed)
    arrays = whitening(rows, directions)
    assert {name: a.shape for name, a in arrays.items()} == whitening_shapes(n_expanded, directions)
    expected = rows @ slow_whitening(rows, directions)
    np.testing.assert_allclose(whitened(rows, arrays), expected, rtol=1e-3, atol=1e-3)


def test_what_is_whitened_hardly_goes_together():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(20_000, 1))
    rows = cause + 0.2 * rng.normal(size=(20_000, 6))
    before, after = (
        np.corrcoef(found.T)[np.triu_indices(6, 1)]
        for found in (rows, whitened(rows, whitening(rows, directions=6)))
    )
    assert before.min() > 0.95
    assert np.abs(after).max() < 0.5


def test_few_rows_say_little_of_how_features_go_together():
    """Shrunk to no correlation, whitening is a scale for each feature."""
    rows = residuals(4, 40)
    z = whitened(rows, whitening(rows, directions=40))
    assert (
        np.corrcoef((rows / np.sqrt((rows**2).mean(axis=0) + 0.03)).ravel(), z.ravel())[0, 1] > 0.97
    )


def test_the_weight_of_a_feature_that_never_moved_is_bounded():
    rows = residuals(500, 6)
    rows[:, 2] = 0.0
    arrays = whitening(rows, directions=6)
    assert np.isfinite(arrays["whitening_scale"]).all()
    odd = np.zeros((1, 6))
    odd[0, 2] = 1.0
    assert 100 < (whitened(odd, arrays) ** 2).sum() < 1 / (0.03 * 0.1)


def test_the_score_is_the_geometric_mean_of_both_means(weights, preprocessor, held_out):
    found = run_graph(held_out, preprocessor, weights.arrays, SMALL)
    r = (found.x - found.m) * np.exp(-found.s)
    z = whitened(r, weights.arrays)
    both = np.sqrt((r**2).mean(axis=1) * (z**2).mean(axis=1))
    np.testing.assert_allclose(found.score, both, rtol=1e-5)


@pytest.mark.parametrize(
    ("n", "fitted", "measured"), [(1, 1, 1), (400, 400, 400), (6_000, 5_400, 600)]
)
def test_many_rows_are_parted_and_few_do_both(benign, n, fitted, measured):
    rows = benign.select(np.arange(n) % len(benign))
    parts = _parted(rows, np.random.default_rng(0))
    assert [len(part) for part in parts] == [fitted, measured]


def test_no_directions_no_whitening(benign, preprocessor):
    from dataclasses import replace

    config = replace(SMALL, steps=2, whitened_directions=0)
    arrays = train_weights(benign, preprocessor, config).arrays
    assert not [name for name in arrays if name.startswith("whitening")]
