"""The fitted tail against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto

from edgeguard_core.errors import NotEnoughDataError
from edgeguard_core.thresholds import Tail, fit_tail
from edgeguard_core.thresholds.extreme import fit_excesses


@pytest.mark.parametrize("xi", [-0.3, 0.0, 0.2, 0.7])
@pytest.mark.parametrize("sigma", [1e-4, 1.0, 300.0])
def test_the_fit_is_as_likely_as_scipys(xi, sigma):
    x = genpareto.rvs(xi, scale=sigma, size=800, random_state=1)
    ours, scale = fit_excesses(x)
    theirs, _, their_scale = genpareto.fit(x / sigma, floc=0)
    likelihood = genpareto.logpdf(x, ours, scale=scale).sum()
    reference = genpareto.logpdf(x, theirs, scale=their_scale * sigma).sum()
    assert likelihood >= reference - 1e-2
    assert ours == pytest.approx(xi, abs=0.15)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60))
def test_any_excesses_have_a_fit(excesses):
    xi, sigma = fit_excesses(np.array(excesses))
    assert xi >= -0.5 - 1e-9
    assert 0 < sigma < np.inf


def test_weights_stand_for_repeated_excesses():
    x = np.random.default_rng(2).exponential(1.0, 60)
    weights = np.random.default_rng(3).integers(1, 5, 60)
    assert fit_excesses(x, weights) == pytest.approx(fit_excesses(np.repeat(x, weights)))


def test_the_tail_is_where_scipy_puts_it():
    scores = genpareto.rvs(0.2, scale=2.0, size=50_000, random_state=4)
    tail = fit_tail(scores)
    assert tail.share_above == pytest.approx(0.02, abs=1e-4)
    # Above u a Pareto law stays one, with the same shape.
    assert tail.xi == pytest.approx(0.2, abs=0.1)
    for rate in (1e-3, 1e-4):
        assert tail.quantile(rate) == pytest.approx(genpareto.isf(rate, 0.2, scale=2.0), rel=0.15)


@pytest.mark.parametrize("xi", [-0.4, 0.0, 0.5])
def test_survival_and_quantile_undo_each_other(xi):
    tail = Tail(3.0, xi, 2.0, 0.02)
    law = genpareto(xi, loc=3.0, scale=2.0)
    for rate in (0.02, 0.01, 1e-4):
        assert tail.survival(np.array([tail.quantile(rate)]))[0] == pytest.approx(rate)
    points = np.array([3.0, 3.5, 5.0, 100.0])
    np.testing.assert_allclose(tail.survival(points), 0.02 * law.sf(points), atol=1e-15)


def test_ties_at_the_top_are_stepped_below():
    tail = fit_tail(np.array([1.0] * 50 + [5.0] * 50))
    assert (tail.u, tail.share_above) == (1.0, 0.5)


def test_equal_scores_have_no_tail_that_falls():
    tail = fit_tail(np.full(10, 2.0))
    assert tail.survival(np.array([2.0, 1e9])).tolist() == [1.0, 1.0]


def test_no_score_has_no_tail():
    with pytest.raises(NotEnoughDataError, match="benign"):
        fit_tail(np.zeros(0))
