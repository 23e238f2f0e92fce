"""The promise of a false-alarm rate, and its audit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds import (
    PromiseAudit,
    ThresholdSketch,
    audit,
    conformal,
    needed_rows,
    require_benign_rows,
    smallest_promise,
)
from edgeguard_core.thresholds.conformal import binomial_interval
from edgeguard_core.thresholds.edges import conformal_rank

tied = st.lists(st.sampled_from([0.0, 0.1, 0.1, 0.2, 0.7, 3.0]), min_size=1, max_size=300)
free = st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=120)
rate = st.sampled_from([0.5, 0.2, 0.1, 0.05, 0.03, 0.01, 0.001])


@given(st.one_of(tied, free), rate)
def test_at_most_the_promised_share_of_the_calibration_alerts(scores, alpha):
    threshold = conformal(ThresholdSketch.build(scores), alpha, "test")
    promised = threshold.promised_false_positive_rate
    assert threshold.alerts(scores).mean() <= promised
    assert promised >= alpha


@given(st.one_of(tied, free), rate)
def test_the_value_is_just_above_the_score_of_the_contract(scores, alpha):
    ordered = np.sort(np.array(scores, np.float32))
    n = ordered.size
    rank = min(conformal_rank(n, alpha), n)
    expected = np.nextafter(ordered[rank - 1], np.float32(np.inf))
    index = np.append(np.zeros(n, int), [1, 1])  # other classes must not matter
    sketch = ThresholdSketch.build([*scores, 0.15, 2.0], index, ("benign", "scan"))
    assert conformal(sketch, alpha, "test").value == expected


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_a_sketch_that_is_not_complete_gives_the_same_for_usual_promises(alpha):
    scores = np.random.default_rng(0).lognormal(-3, 1, 20_000).astype(np.float32)
    coarse = conformal(ThresholdSketch.build(scores, max_edges=100), alpha, "test")
    exact = conformal(ThresholdSketch.build(scores, max_edges=30_000), alpha, "test")
    assert coarse == exact


def test_a_sketch_that_is_not_complete_keeps_unusual_promises_too():
    scores = np.random.default_rng(0).lognormal(-3, 1, 20_000).astype(np.float32)
    sketch = ThresholdSketch.build(scores, max_edges=100)
    for alpha in (0.3, 0.0137, 0.0033):
        threshold = conformal(sketch, alpha, "test")
        assert 0 < threshold.alerts(scores).mean() <= alpha


def test_the_promise_holds_on_independent_flows():
    # On average over calibrations: 400 splits of 999 and 2,000 tied scores, five sigmas.
    alpha, rng, false, flows = 0.05, np.random.default_rng(1), 0, 0
    for _ in range(400):
        scores = np.round(rng.lognormal(-1, 1, 2_999), 2).astype(np.float32)
        threshold = conformal(ThresholdSketch.build(scores[:999]), alpha, "test")
        false += int(threshold.alerts(scores[999:]).sum())
        flows += 2_000
    # Each calibration's own coverage varies too, as Beta(50, 950).
    spread = math.sqrt(alpha * (1 - alpha) * (1 / flows + 1 / (1001 * 400)))
    assert false / flows <= alpha + 5 * spread


def test_the_promise_is_not_kept_by_alerting_never():
    alpha, rng, realised = 0.05, np.random.default_rng(2), []
    for _ in range(200):
        scores = rng.lognormal(-1, 1, 2_999).astype(np.float32)
        threshold = conformal(ThresholdSketch.build(scores[:999]), alpha, "test")
        realised.append(threshold.alerts(scores[999:]).mean())
    assert np.mean(realised) == pytest.approx(alpha, abs=0.003)


def test_too_few_rows_raise_the_promise_with_a_warning():
    threshold = conformal(ThresholdSketch.build(np.arange(1.0, 51.0)), 0.01, "test")
    assert threshold.target == threshold.promised_false_positive_rate == smallest_promise(50)
    assert "99 or more" in threshold.warning
    assert threshold.alerts(np.arange(1.0, 51.0)).sum() == 0
    enough = conformal(ThresholdSketch.build(np.arange(1.0, 100.0)), 0.01, "test")
    assert enough.warning is None
    assert enough.target == 0.01


@given(st.floats(1e-4, 0.9))
def test_needed_rows_are_the_fewest(alpha):
    rows = needed_rows(alpha)
    assert conformal_rank(rows, alpha) <= rows
    assert rows == 1 or conformal_rank(rows - 1, alpha) > rows - 1


def test_ranks_do_not_suffer_from_binary_fractions():
    # In floating point (n + 1) * (1 - alpha) lands above the whole number for some of these.
    for n, alpha, rank in [(99, 0.07, 93), (999, 0.058, 942), (9_999, 0.0007, 9_993)]:
        assert conformal_rank(n, alpha) == rank


def test_no_benign_flow_carries_no_promise():
    with pytest.raises(NotEnoughDataError, match="benign"):
        conformal(ThresholdSketch.build([]), 0.01, "test")
    with pytest.raises(NotEnoughDataError, match="49"):
        require_benign_rows(49)


def test_edges_below_the_scores_are_refused():
    sketch = ThresholdSketch.on_edges(np.full(200, 50.0), np.float32([1.0, 2.0]))
    with pytest.raises(EdgeGuardError, match="build"):
        conformal(sketch, 0.01, "test")


@pytest.mark.parametrize(
    ("hits", "trials"),
    [(0, 1), (1, 1), (0, 50), (50, 50), (3, 10), (1, 1000), (70, 1000), (10_234, 1_000_000)],
)
def test_the_interval_is_scipys(hits, trials):
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    low, high = binomial_interval(hits, trials)
    assert low == pytest.approx(expected.low, rel=1e-8, abs=1e-12)
    assert high == pytest.approx(expected.high, rel=1e-8)


def test_a_breach_is_an_interval_above_the_promise():
    assert audit(0.01, 70, 1_000).breached
    assert not audit(0.01, 15, 1_000).breached  # 1.5 % may be chance
    assert not audit(0.01, 0, 1_000).breached  # fewer than promised is kept


def test_without_benign_flows_nothing_is_known():
    found = audit(0.01, 0, 0)
    assert math.isnan(found.realised)
    assert found.to_json() == {
        "promised": 0.01,
        "realised": None,
        "low": 0.0,
        "high": 1.0,
        "breached": False,
    }


def test_an_audit_of_impossible_counts_is_a_bug():
    with pytest.raises(ValueError, match="false alarms"):
        audit(0.01, 2, 1)


def test_audits_compare_by_value():
    assert audit(0.1, 1, 10) == PromiseAudit(0.1, 0.1, *binomial_interval(1, 10), False)
