"""A promise from flows among which a few attacks may be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds import ThresholdSketch, conformal
from edgeguard_core.thresholds.edges import conformal_rank
from edgeguard_core.thresholds.robust import ALONE, USUAL_IN_A_BURST, leave_out_bursts

rates = st.sampled_from([0.3, 0.1, 0.05, 0.01])
shares = st.sampled_from([0.0, 0.01, 0.03, 0.1, 0.25, 0.49])


@st.composite
def calibrating(draw):
    """Scores with or without ties, and the burst of each; -1 is nobody's."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(1, 250))
    scores = rng.choice([0.0, 0.5, 2.0, 3.0], n) if draw(st.booleans()) else rng.lognormal(0, 2, n)
    return scores.astype(np.float32), rng.integers(ALONE, draw(st.integers(0, 60)), n)


def value(scores, left_out, alpha):
    return conformal(ThresholdSketch.build(scores[~left_out]), alpha, "test").value


def slow(scores, bursts, alpha, share):
    """Flows left out, one at a time, the threshold computed anew each time."""
    kept = list(np.argsort(scores, kind="stable")[::-1])
    seen, candidates = {}, []
    for flow in kept:
        seen[bursts[flow]] = seen.get(bursts[flow], 0) + 1
        if seen[bursts[flow]] > USUAL_IN_A_BURST and bursts[flow] != ALONE:
            candidates.append(flow)
    left_out = []
    for flow in candidates[: int(share * len(scores))]:
        rank = conformal_rank(len(kept), alpha)
        if flow not in kept[: max(len(kept) - rank, 0)]:
            break
        kept.remove(flow)
        left_out.append(flow)
    return set(left_out)


@given(calibrating(), rates, shares)
def test_it_is_what_the_obvious_way_leaves_out(given_flows, alpha, share):
    scores, bursts = given_flows
    found = leave_out_bursts(scores, bursts, alpha, share)
    assert set(found.left_out.nonzero()[0].tolist()) == slow(scores, bursts, alpha, share)


@given(calibrating(), rates)
def test_without_contamination_it_is_plain_split_conformal(given_flows, alpha):
    scores, bursts = given_flows
    found = leave_out_bursts(scores, bursts, alpha, 0.0)
    assert not found.left_out.any()
    n, rank = len(scores), min(conformal_rank(len(scores), alpha), len(scores))
    assert found.at_most == (n + 1 - rank) / (n + 1) <= max(alpha, 1 / (n + 1)) + 1e-12


@given(calibrating(), rates, shares)
def test_it_never_lies_below_trimming_nor_above_leaving_all_in(given_flows, alpha, share):
    scores, bursts = given_flows
    found = leave_out_bursts(scores, bursts, alpha, share)
    trimmed = np.sort(scores)[: len(scores) - int(share * len(scores))]
    low = conformal(ThresholdSketch.build(trimmed), alpha, "test").value
    none = np.zeros(len(scores), bool)
    assert low <= value(scores, found.left_out, alpha) <= value(scores, none, alpha)
    assert found.left_out.sum() <= min(found.suspicious, int(share * len(scores)))


@given(calibrating(), rates, shares, shares)
def test_allowing_for_more_attacks_never_raises_it(given_flows, alpha, one, other):
    scores, bursts = given_flows
    few, many = (leave_out_bursts(scores, bursts, alpha, c) for c in sorted((one, other)))
    assert not (few.left_out & ~many.left_out).any()
    assert value(scores, many.left_out, alpha) <= value(scores, few.left_out, alpha)
    assert few.suspicious == many.suspicious


@given(calibrating(), rates, shares)
def test_at_most_that_many_flows_lie_at_or_above_it(given_flows, alpha, share):
    scores, bursts = given_flows
    found = leave_out_bursts(scores, bursts, alpha, share)
    threshold = np.float32(value(scores, found.left_out, alpha))
    n, allowed = len(scores), int(share * len(scores))
    assert ((scores >= threshold).sum() + 1) / (n - allowed + 1) <= found.at_most + 1e-9
    assert found.at_most <= max((alpha + share) / (1 - share), 1 / (n - allowed + 1)) + 1 / n


def test_oddities_that_are_spread_or_nobodys_all_stay():
    scores = np.random.default_rng(0).lognormal(0, 1, 2_000)
    for bursts in (np.arange(2_000), np.arange(2_000) // 2, np.full(2_000, ALONE)):
        found = leave_out_bursts(scores, bursts, 0.01, 0.05)
        assert (found.suspicious, found.left_out.any()) == (0, False)


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_a_burst_of_attacks_does_not_hide_the_next_one(share):
    """3 % of the flows are one host's attack: plain conformal then sees none of its kind."""
    rng = np.random.default_rng(1)
    benign, attack = rng.lognormal(0, 1, 3_000), rng.lognormal(4, 0.3, 93)
    scores = np.append(benign, attack)
    bursts = np.append(rng.integers(0, 400, 3_000), np.full(93, 400))
    none = np.zeros(len(scores), bool)
    found = leave_out_bursts(scores, bursts, 0.01, share)
    later = rng.lognormal(4, 0.3, 1_000)
    recall = {
        "plain": (later >= value(scores, none, 0.01)).mean(),
        "robust": (later >= value(scores, found.left_out, 0.01)).mean(),
    }
    assert recall["plain"] < 0.5
    assert found.suspicious >= 80
    if share >= 0.03:
        assert recall["robust"] > 0.95
        fresh = rng.lognormal(0, 1, 20_000)
        assert (fresh >= value(scores, found.left_out, 0.01)).mean() <= found.at_most


def test_over_many_calibrations_the_rate_stays_within_what_is_said():
    """Clean flows of one host in one window: as much as may be is left out, and was benign."""
    rng = np.random.default_rng(2)
    realised = []
    for _ in range(200):
        scores = rng.exponential(1, 500).astype(np.float32)
        found = leave_out_bursts(scores, np.zeros(500, int), 0.05, 0.02)
        assert found.left_out.sum() == 10
        realised.append(np.exp(-value(scores, found.left_out, 0.05)))  # of exponential scores
    assert np.mean(realised) <= found.at_most
    assert np.mean(realised) > 0.06  # the promise itself is not kept then, and nobody says so


def test_what_cannot_be_is_refused():
    for share in (-0.1, 0.5, float("nan")):
        with pytest.raises(EdgeGuardError, match="attacks cannot be allowed for"):
            leave_out_bursts([1.0], [0], 0.01, share)
    with pytest.raises(NotEnoughDataError, match="no flow to calibrate on"):
        leave_out_bursts([], [], 0.01)
