"""Each way to choose against trying every threshold that makes a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds import (
    ThresholdSketch,
    alerts_per_day,
    alerts_per_hour,
    conformal,
    false_alarms_at_most,
    fixed,
    incidents_per_day,
    max_f_beta,
    max_recall_within,
    mean_plus_sigmas,
    median_plus_mads,
    min_cost,
    peaks_over_threshold,
    percentile,
    precision_at_least,
    recall_at_least,
)
from edgeguard_core.thresholds.edges import next_above

score = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]), st.floats(0, 100, width=32))
side = st.lists(score, min_size=1, max_size=40).map(lambda s: np.array(s, np.float32))
share = st.floats(0.01, 1.0)
ON = "test"


def sketch_of_two(benign, attacks, **options):
    index = np.repeat([0, 1], [benign.size, attacks.size])
    return ThresholdSketch.build(
        np.concatenate([benign, attacks]), index, ("benign", "scan"), **options
    )


def every_threshold(benign, attacks):
    """All distinct scores and one above them, with the false alarms and hits of each."""
    scores = np.unique(np.concatenate([benign, attacks]))
    for value in [*scores, next_above(scores[-1])]:
        yield float(value), int((benign >= value).sum()), int((attacks >= value).sum())


def at(threshold, benign, attacks):
    return int(threshold.alerts(benign).sum()), int(threshold.alerts(attacks).sum())


@given(side, side, st.floats(0.1, 10))
def test_f_beta_is_the_best_there_is(benign, attacks, beta):
    def f_beta(false, hits):
        weighted = (1 + beta**2) * hits
        return weighted / (weighted + beta**2 * (attacks.size - hits) + false)

    chosen = max_f_beta(sketch_of_two(benign, attacks), beta, ON)
    best = max(f_beta(false, hits) for _, false, hits in every_threshold(benign, attacks))
    assert f_beta(*at(chosen, benign, attacks)) == pytest.approx(best, abs=1e-12)


@given(side, side, share)
def test_precision_takes_the_lowest_threshold_that_meets_the_floor(benign, attacks, floor):
    meeting = [
        value
        for value, false, hits in every_threshold(benign, attacks)
        if hits + false and hits / (hits + false) >= floor
    ]
    sketch = sketch_of_two(benign, attacks)
    if meeting:
        chosen = precision_at_least(sketch, floor, ON)
        false, hits = at(chosen, benign, attacks)
        assert hits / (hits + false) >= floor
        assert hits == (attacks >= np.float32(min(meeting))).sum()
    else:
        with pytest.raises(EdgeGuardError, match="the highest is"):
            precision_at_least(sketch, floor, ON)


@given(side, side, share)
def test_recall_takes_the_highest_threshold_that_meets_the_floor(benign, attacks, floor):
    chosen = recall_at_least(sketch_of_two(benign, attacks), floor, ON)
    meeting = [v for v, _, h in every_threshold(benign, attacks) if h / attacks.size >= floor]
    assert at(chosen, benign, attacks) == (
        (benign >= max(meeting)).sum(),
        (attacks >= max(meeting)).sum(),
    )


@given(side, side, st.floats(0.1, 100), st.floats(0, 100))
def test_cost_is_the_lowest_there_is(benign, attacks, fp_cost, fn_cost):
    def cost(false, hits):
        return fp_cost * false + fn_cost * (attacks.size - hits)

    chosen = min_cost(sketch_of_two(benign, attacks), fp_cost, fn_cost, ON)
    best = min(cost(false, hits) for _, false, hits in every_threshold(benign, attacks))
    assert cost(*at(chosen, benign, attacks)) == pytest.approx(best, abs=1e-9)


@given(side, side, st.integers(0, 40), st.floats(0.1, 10))
def test_alerts_per_hour_stay_within_the_budget_ties_included(benign, attacks, budget, hours):
    sketch = sketch_of_two(benign, attacks, duration_hours=hours)
    chosen = alerts_per_hour(sketch, budget, ON)
    assert sum(at(chosen, benign, attacks)) / hours <= budget * (1 + 1e-9)
    lower = [
        f + h for v, f, h in every_threshold(benign, attacks) if v < chosen.value
    ]  # each of these would alert too often, or just as often
    assert all(n / hours > budget or n == sum(at(chosen, benign, attacks)) for n in lower)


@given(side, side, st.integers(0, 40), share)
def test_most_recall_within_both_budgets(benign, attacks, budget, rate):
    sketch = sketch_of_two(benign, attacks, duration_hours=1.0)
    chosen = max_recall_within(sketch, ON, false_positive_rate=rate, alerts_an_hour=budget)
    allowed = [
        (hits, -false)
        for _, false, hits in every_threshold(benign, attacks)
        if false / benign.size <= rate and false + hits <= budget
    ]
    false, hits = at(chosen, benign, attacks)
    assert (hits, -false) == max(allowed)


@given(side, st.integers(0, 1000).map(lambda q: q / 10))
def test_percentile_is_the_lowest_benign_score_that_few_enough_reach(benign, q):
    sketch = sketch_of_two(benign, np.float32([0.25, 2.5, 1e3]))
    chosen = percentile(sketch, q, ON)
    allowed = benign.size * (100 - q) / 100 + 1e-9
    enough = [v for v in np.unique(benign) if (benign >= v).sum() <= allowed]
    assert (benign >= np.float32(chosen.value)).sum() <= allowed
    if enough:
        assert chosen.value == enough[0]
    else:
        assert chosen.value == sketch.edges[-1]


@given(side, st.floats(0, 10))
def test_mean_plus_sigmas_is_numpys(benign, k):
    exact = benign.astype(np.float64)
    chosen = mean_plus_sigmas(sketch_of_two(benign, np.float32([50.0])), k, ON)
    assert chosen.value == pytest.approx(exact.mean() + k * exact.std(), rel=1e-5, abs=1e-4)


@given(side, st.floats(0, 10))
def test_median_plus_mads_is_numpys_on_a_complete_sketch(benign, k):
    exact = benign.astype(np.float64)
    mad = np.median(np.abs(exact - np.median(exact)))
    chosen = median_plus_mads(sketch_of_two(benign, np.float32([50.0])), k, ON)
    assert chosen.value == pytest.approx(np.median(exact) + k * 1.4826 * mad, rel=1e-5, abs=1e-6)


def test_median_plus_mads_comes_close_on_an_incomplete_sketch():
    benign = np.random.default_rng(0).lognormal(-3, 1, 50_000).astype(np.float32)
    exact = median_plus_mads(ThresholdSketch.build(benign, max_edges=60_000), 3, ON).value
    assert median_plus_mads(ThresholdSketch.build(benign), 3, ON).value == pytest.approx(
        exact, rel=0.02
    )


@pytest.mark.parametrize("max_edges", [2048, 60_000])
def test_peaks_over_threshold_reaches_past_the_flows_seen(max_edges):
    # Exponential with mean 1: a share p reaches -log p.
    benign = np.random.default_rng(1).exponential(1.0, 50_000).astype(np.float32)
    sketch = ThresholdSketch.build(benign, max_edges=max_edges)
    for rate, tolerance in ((1e-3, 0.3), (1e-4, 1.0), (1e-6, 4.0)):
        value = peaks_over_threshold(sketch, rate, ON).value
        assert value == pytest.approx(-np.log(rate), abs=tolerance)


def test_peaks_over_threshold_reads_common_rates_off_the_flows():
    sketch = ThresholdSketch.build(np.arange(1.0, 1001.0))
    assert peaks_over_threshold(sketch, 0.5, ON).value == percentile(sketch, 50, ON).value


def test_peaks_over_threshold_needs_scores_that_differ():
    with pytest.raises(NotEnoughDataError, match="equal"):
        peaks_over_threshold(ThresholdSketch.build([2.0] * 100), 0.01, ON)


def test_flows_per_hour_stands_in_for_time():
    sketch = ThresholdSketch.build(np.arange(1.0, 1001.0))
    chosen = alerts_per_hour(sketch, 5, ON, flows_per_hour=100)
    assert chosen.alerts(np.arange(1.0, 1001.0)).sum() == 50
    assert (chosen.method, chosen.target) == ("alerts_per_hour", 5.0)


def test_a_day_has_twenty_four_hours():
    scores = np.arange(1.0, 1001.0)
    sketch = ThresholdSketch.build(scores, duration_hours=24.0)
    assert alerts_per_day(sketch, 10, ON).alerts(scores).sum() == 10


def test_unlabelled_flows_count_as_alerts_and_not_as_false_ones():
    sketch = ThresholdSketch.build(
        [1.0, 2.0, 3.0, 4.0],
        [0, 2, 1, 2],
        ("benign", "scan", "unlabelled"),
        unlabelled_index=2,
        duration_hours=1.0,
    )
    assert alerts_per_hour(sketch, 2, ON).value == 3.0
    assert precision_at_least(sketch, 1.0, ON).value == 2.0  # of 2, 3 and 4 only 3 is labelled


def test_without_time_or_traffic_the_option_is_named():
    for choose in (alerts_per_hour, alerts_per_day):
        with pytest.raises(NotEnoughDataError, match="--flows-per-hour"):
            choose(ThresholdSketch.build([1.0]), 5, ON)


WAYS_THAT_NEED_ATTACKS = {
    "precision": lambda sketch: precision_at_least(sketch, 0.9, ON),
    "recall": lambda sketch: recall_at_least(sketch, 0.9, ON),
    "f_beta": lambda sketch: max_f_beta(sketch, 1.0, ON),
    "cost": lambda sketch: min_cost(sketch, 1, 1, ON),
    "budget": lambda sketch: max_recall_within(sketch, ON, false_positive_rate=0.1),
}
WAYS_THAT_NEED_BENIGN = {
    "percentile": lambda sketch: percentile(sketch, 99, ON),
    "mean": lambda sketch: mean_plus_sigmas(sketch, 3, ON),
    "median": lambda sketch: median_plus_mads(sketch, 3, ON),
    "tail": lambda sketch: peaks_over_threshold(sketch, 0.01, ON),
    "conformal": lambda sketch: conformal(sketch, 0.01, ON),
    "precision": WAYS_THAT_NEED_ATTACKS["precision"],
    "f_beta": WAYS_THAT_NEED_ATTACKS["f_beta"],
    "cost": WAYS_THAT_NEED_ATTACKS["cost"],
    "budget": WAYS_THAT_NEED_ATTACKS["budget"],
}


@pytest.mark.parametrize("way", WAYS_THAT_NEED_ATTACKS)
def test_without_attacks_the_remedy_is_said(way):
    with pytest.raises(NotEnoughDataError, match="labelled file"):
        WAYS_THAT_NEED_ATTACKS[way](ThresholdSketch.build([1.0, 2.0]))


@pytest.mark.parametrize("way", WAYS_THAT_NEED_BENIGN)
def test_without_benign_flows_the_remedy_is_said(way):
    attacks_only = ThresholdSketch.build([1.0, 2.0], [1, 1], ("benign", "scan"))
    with pytest.raises(NotEnoughDataError, match="benign"):
        WAYS_THAT_NEED_BENIGN[way](attacks_only)


@pytest.mark.parametrize(
    "ask",
    [
        lambda sketch: percentile(sketch, 101, ON),
        lambda sketch: peaks_over_threshold(sketch, 1.0, ON),
        lambda sketch: alerts_per_hour(sketch, -1, ON),
        lambda sketch: alerts_per_hour(sketch, 5, ON, flows_per_hour=0),
        lambda sketch: precision_at_least(sketch, 1.5, ON),
        lambda sketch: recall_at_least(sketch, 0, ON),
        lambda sketch: max_f_beta(sketch, 0, ON),
        lambda sketch: min_cost(sketch, 0, 1, ON),
        lambda sketch: max_recall_within(sketch, ON, false_positive_rate=2),
        lambda sketch: conformal(sketch, 0.0, ON),
        lambda sketch: fixed(float("nan")),
    ],
)
def test_an_impossible_wish_is_refused_with_a_sentence(ask):
    sketch = sketch_of_two(np.float32([1, 2]), np.float32([3]), duration_hours=1.0)
    with pytest.raises(EdgeGuardError, match=r"give|ask"):
        ask(sketch)


@given(
    scores=st.lists(st.floats(0, 9, width=32), min_size=1, max_size=40), budget=st.integers(0, 9)
)
def test_incidents_a_day_are_the_lowest_edge_within_the_budget(
    scores: list[float], budget: int
) -> None:
    sketch = ThresholdSketch.build(scores, duration_hours=48.0)
    value = incidents_per_day(sketch, budget, "doc").value
    raised = [sum(s >= edge for s in np.float32(scores)) for edge in sketch.edges]
    within = [edge for edge, n in zip(sketch.edges, raised, strict=True) if n / 2 <= budget]
    assert value == min(within)


def test_incidents_a_day_need_times() -> None:
    with pytest.raises(NotEnoughDataError, match="carry no time"):
        incidents_per_day(ThresholdSketch.build([1.0, 2.0]), 5, "doc")


@given(scores=st.lists(st.floats(0, 9, width=32), min_size=1, max_size=40), rate=st.floats(0.01, 1))
def test_false_alarms_at_most_is_the_lowest_edge_with_so_few(
    scores: list[float], rate: float
) -> None:
    sketch = ThresholdSketch.build(scores)
    value = false_alarms_at_most(sketch, rate, "doc").value
    reach = [sum(s >= edge for s in np.float32(scores)) for edge in sketch.edges]
    assert value == min(
        e for e, n in zip(sketch.edges, reach, strict=True) if n / len(scores) <= rate
    )


def test_rarer_attacks_ask_for_a_higher_threshold() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.lognormal(0, 1, 900), rng.lognormal(2, 1, 100)])
    sketch = ThresholdSketch.build(scores, np.repeat([0, 1], [900, 100]), ("benign", "scan"))
    for choice in (
        lambda share: precision_at_least(sketch, 0.8, "doc", prevalence=share),
        lambda share: max_f_beta(sketch, 1.0, "doc", prevalence=share),
        lambda share: min_cost(sketch, 1.0, 10.0, "doc", prevalence=share),
    ):
        assert choice(0.1).value == pytest.approx(choice(None).value)  # as common as here
        assert choice(0.001).value > choice(None).value
