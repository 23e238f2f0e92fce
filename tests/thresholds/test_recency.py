"""Recent flows weigh more: equal weights change nothing, and drift is followed."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds import (
    ThresholdSketch,
    conformal,
    recency_weights,
    smallest_weighted_promise,
    weighted_conformal,
    weighted_worst,
)

RATES = st.sampled_from([0.5, 0.2, 0.1, 0.07, 0.05, 0.03, 0.01, 0.001])
# Powers of two add up without rounding, so that the slow way can be exact.
WEIGHED = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([1.0, 0.5, 0.25, 2.0**-9])),
    min_size=1,
    max_size=80,
)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), RATES)
def test_equal_weights_are_split_conformal(values, alpha):
    scores = np.array(values, np.float32)
    plain = conformal(ThresholdSketch.build(scores), alpha, "x")
    assert weighted_conformal(scores, np.ones(len(scores)), alpha, "x") == plain


@given(WEIGHED, RATES)
def test_the_value_is_the_weighted_quantile_with_the_judged_flow_at_infinity(cells, alpha):
    scores = np.array([cell[0] for cell in cells], np.float32)
    weights = np.array([cell[1] for cell in cells])
    total = sum(map(Fraction, weights.tolist())) + 1
    reach = (1 - Fraction(repr(alpha))) * total
    held = [
        value
        for value in np.unique(scores)
        if sum(map(Fraction, weights[scores <= value].tolist())) >= reach
    ]
    found = weighted_conformal(scores, weights, alpha, "x")
    expected = held[0] if held else scores.max()
    assert found.value == np.nextafter(expected, np.float32(np.inf))
    assert (found.warning is None) == bool(held)
    assert found.target == (alpha if held else smallest_weighted_promise(float(weights.sum())))


def test_after_a_shift_the_line_follows_while_unweighted_flows_hold_it_back():
    rng = np.random.default_rng(0)
    hours = np.sort(rng.uniform(0, 48, 20_000))
    scores = (rng.lognormal(0, 0.5, 20_000) * np.where(hours < 24, 1, 3)).astype(np.float32)
    further = (rng.lognormal(0, 0.5, 50_000) * 3).astype(np.float32)
    weights = recency_weights(hours.max() - hours, 2.0)
    flat = conformal(ThresholdSketch.build(scores), 0.05, "x").alerts(further).mean()
    weighted = weighted_conformal(scores, weights, 0.05, "x").alerts(further).mean()
    assert flat > 0.08
    assert weighted == pytest.approx(0.05, abs=0.01)


def test_the_promise_holds_for_exchangeable_flows_whatever_the_weights():
    rng, weights = np.random.default_rng(1), recency_weights(np.arange(400.0), 40.0)
    promised, alerts = 0.05, []
    for _ in range(400):
        scores = rng.lognormal(0, 1, 1_400).astype(np.float32)
        found = weighted_conformal(scores[:400], weights, promised, "x")
        alerts.append(found.alerts(scores[400:]).mean())
    spread = np.std(alerts) / np.sqrt(len(alerts))
    # From above by the theorem, from below since one flow holds 1.7 % of the weight at most.
    assert promised - 0.017 - 4 * spread < np.mean(alerts) < promised + 4 * spread


def test_few_recent_flows_promise_little_and_say_so():
    weights = recency_weights(np.arange(1_000.0), 1.0)
    found = weighted_conformal(np.arange(1_000.0), weights, 0.01, "x")
    assert found.target == pytest.approx(1 / 3, abs=1e-3)  # they weigh as much as two
    assert "weigh as much as 2" in found.warning


def test_the_worst_case_takes_the_heaviest_flows_for_attacks():
    scores = np.arange(100, dtype=np.float32)
    weights = recency_weights(np.arange(100.0)[::-1], 50.0)
    line = weighted_conformal(scores, weights, 0.1, "x")
    clean = weighted_worst(scores, weights, line, 0.0)
    assert 0 < clean <= 0.1
    beyond = weights[line.alerts(scores)].sum() + 1
    assert weighted_worst(scores, weights, line, 0.05) == pytest.approx(
        beyond / (np.sort(weights)[:-5].sum() + 1)
    )


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_half_life_is_refused(hours):
    with pytest.raises(EdgeGuardError, match="half-life"):
        recency_weights([1.0], hours)


def test_ages_far_beyond_the_half_life_keep_a_weight():
    assert (recency_weights([1e9], 1e-3) > 0).all()
    with pytest.raises(NotEnoughDataError):
        weighted_conformal([], [], 0.1, "x")
    with pytest.raises(ValueError, match="weights"):
        weighted_conformal([1.0], [0.0], 0.1, "x")
