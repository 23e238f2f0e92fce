"""Figures at a threshold against slow loops over the flows themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation.operating import (
    Assumptions,
    capacity_per_hour,
    figures,
    operating_point,
    wilson_interval,
)
from edgeguard_core.thresholds import ThresholdSketch

CLASSES = ("benign", "scan", "flood", "unlabelled")
FLOWS = st.lists(st.tuples(st.floats(0, 9, width=32), st.integers(0, 3)), min_size=1, max_size=60)


def sketch_of_pairs(flows: list[tuple[float, int]], hours: float | None = 2.0) -> ThresholdSketch:
    scores, index = zip(*flows, strict=True)
    return ThresholdSketch.build(
        scores, index, CLASSES, 0, unlabelled_index=3, duration_hours=hours
    )


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, rel=1e-12)


def by_hand(flows: list[tuple[float, int]], value: float, assumed: Assumptions) -> dict[str, float]:
    """Every figure by counting one flow after the other."""
    tp = fp = fn = tn = unlabelled = 0
    for score, kind in flows:
        alert = np.float32(score) >= np.float32(value)
        if kind == 3:
            unlabelled += alert
        elif kind == 0:
            fp, tn = fp + alert, tn + (not alert)
        else:
            tp, fn = tp + alert, fn + (not alert)
    nan = math.nan
    attacks, benign = tp + fn, fp + tn
    both = attacks > 0 and benign > 0
    a = b = 1.0
    if assumed.prevalence is not None and both:
        a = assumed.prevalence * (attacks + benign) / attacks
        b = (1 - assumed.prevalence) * (attacks + benign) / benign
    precision = a * tp / (a * tp + b * fp) if both and tp + fp else nan
    recall = tp / attacks if attacks else nan
    beta = assumed.beta**2
    whole = (1 + beta) * a * tp + beta * a * fn + b * fp
    weight = 0.5 if assumed.flows_per_hour is None else assumed.flows_per_hour / len(flows)
    return {
        "alerts": tp + fp + unlabelled,
        "false_alarms": fp,
        "caught": tp,
        "missed": fn,
        "quiet": tn,
        "unlabelled_alerts": unlabelled,
        "precision": precision,
        "measured_precision": tp / (tp + fp) if both and tp + fp else nan,
        "recall": recall,
        "f_beta": (1 + beta) * a * tp / whole if both else nan,
        "false_positive_rate": fp / benign if benign else nan,
        "alerts_per_hour": (tp + fp + unlabelled) * weight,
        "false_alarms_per_hour": fp * weight if benign else nan,
        "cost": assumed.fp_cost * b * fp + assumed.fn_cost * a * fn if both else nan,
    }


@given(
    flows=FLOWS,
    value=st.floats(0, 10, width=32),
    beta=st.sampled_from([0.5, 1.0, 2.0]),
    prevalence=st.sampled_from([None, 0.001, 0.3]),
    per_hour=st.sampled_from([None, 500.0]),
)
@settings(deadline=None)
def test_every_figure_is_that_of_a_slow_count(
    flows: list[tuple[float, int]],
    value: float,
    beta: float,
    prevalence: float | None,
    per_hour: float | None,
) -> None:
    assumed = Assumptions(beta, prevalence, per_hour, fp_cost=2.0, fn_cost=30.0)
    point = operating_point(sketch_of_pairs(flows), value, assumed=assumed)
    for name, expected in by_hand(flows, value, assumed).items():
        assert same(getattr(point, name), expected), name


@given(flows=FLOWS, prevalence=st.sampled_from([None, 0.01]))
@settings(deadline=None)
def test_the_figures_of_all_edges_are_those_of_each(
    flows: list[tuple[float, int]], prevalence: float | None
) -> None:
    sketch = sketch_of_pairs(flows)
    raised = ThresholdSketch.on_edges([s for s, _ in flows[::2]], sketch.edges, duration_hours=2.0)
    assumed = Assumptions(prevalence=prevalence)
    every = figures(sketch, raised, assumed)
    for k, edge in enumerate(sketch.edges):
        point = operating_point(sketch, float(edge), raised, assumed)
        for name in ("alerts", "precision", "f_beta", "cost", "incidents", "incidents_per_day"):
            assert same(float(getattr(every, name)[k]), float(getattr(point, name))), name


@given(flows=FLOWS)
@settings(deadline=None)
def test_a_higher_threshold_never_adds_anything(flows: list[tuple[float, int]]) -> None:
    found = figures(sketch_of_pairs(flows))
    for name in ("alerts", "false_alarms", "caught", "unlabelled_alerts", "alerts_per_hour"):
        assert (np.diff(getattr(found, name)) <= 0).all(), name


def test_incidents_a_day_are_those_of_their_sketch() -> None:
    sketch = sketch_of_pairs([(1, 0), (2, 1), (3, 0), (4, 2)])
    raised = ThresholdSketch.on_edges([1.0, 2.0, 4.0], sketch.edges, duration_hours=12.0)
    point = operating_point(sketch, 2.0, raised)
    assert (point.incidents, point.incidents_per_day) == (2.0, 4.0)
    without = operating_point(sketch, 2.0)
    assert math.isnan(without.incidents)
    assert math.isnan(without.incidents_per_day)


def test_sketches_on_other_edges_are_refused() -> None:
    sketch = sketch_of_pairs([(1, 0), (2, 1)])
    with pytest.raises(ValueError, match="other edges"):
        figures(sketch, ThresholdSketch.build([5.0, 6.0]))


def test_without_time_what_needs_it_is_unknown() -> None:
    sketch = sketch_of_pairs([(1, 0), (2, 1)], hours=None)
    assert math.isnan(operating_point(sketch, 1.0).alerts_per_hour)
    per_hour = operating_point(sketch, 1.0, assumed=Assumptions(flows_per_hour=100.0))
    assert per_hour.alerts_per_hour == 100.0


def test_recall_of_each_class_and_how_sure_it_is() -> None:
    flows = [(float(n % 7), 1) for n in range(40)] + [(5.0, 2)] * 3 + [(0.0, 0)]
    scan, flood = operating_point(sketch_of_pairs(flows), 3.0).per_class
    assert (scan.name, scan.flows, scan.few) == ("scan", 40, False)
    assert scan.found == sum(n % 7 >= 3 for n in range(40))
    assert scan.low < scan.recall < scan.high
    assert (flood.recall, flood.few, flood.high) == (1.0, True, 1.0)
    assert flood.low == pytest.approx(0.4385, abs=1e-4)


@given(trials=st.integers(1, 400), data=st.data())
def test_the_wilson_interval_solves_its_equation(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    share = hits / trials
    for end in wilson_interval(hits, trials):
        # At an end the observed share lies 1.96 standard errors away from it, or the end is 0 or 1.
        away = abs(share - end) - 1.959963984540054 * math.sqrt(end * (1 - end) / trials)
        assert away == pytest.approx(0, abs=1e-7)


def test_the_regret_is_nothing_where_the_cost_is_lowest() -> None:
    sketch = sketch_of_pairs([(1, 0), (2, 1), (3, 0), (4, 2)])
    found = figures(sketch)
    cheapest = float(sketch.edges[int(np.argmin(found.cost))])
    assert operating_point(sketch, cheapest).regret == 0
    assert all(operating_point(sketch, float(e)).regret >= 0 for e in sketch.edges)


@pytest.mark.parametrize(("analysts", "minutes"), [(0, 10), (2, 0), (-1, 5), (math.inf, 5)])
def test_nobody_on_duty_is_refused(analysts: float, minutes: float) -> None:
    with pytest.raises(EdgeGuardError, match="give both above 0"):
        capacity_per_hour(analysts, minutes)


def test_a_share_of_attacks_lies_between_0_and_1() -> None:
    with pytest.raises(EdgeGuardError, match=r"A share of 5 attacks"):
        operating_point(sketch_of_pairs([(1, 0), (2, 1)]), 1.0, assumed=Assumptions(prevalence=5))
