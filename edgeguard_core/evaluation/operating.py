"""What a threshold does, read off the sketch: the figures that the screen shows while it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.thresholds import ThresholdSketch
from edgeguard_core.thresholds.candidates import class_weights

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

FEW_FLOWS = 30
"""Below so many flows a recall says little, and is shown as such."""

_Z95 = 1.959963984540054  # of the normal law, for 95 %
_HOURS_A_DAY = 24.0


@dataclass(frozen=True)
class Assumptions:
    """What the figures need beside the counts; by default nothing is assumed.

    Attributes
    ----------
    beta
        Of F-beta: above 1 recall weighs more.
    prevalence
        Share of attacks among the flows to expect, in place of the one seen: attacks are rarer
        in production than in labelled data, and precision there is lower.
    flows_per_hour
        Traffic to expect, in place of the hours that the sketch has seen.
    fp_cost, fn_cost
        Cost of a false alarm and of a missed attack flow, in any one currency.
    """

    beta: float = 1.0
    prevalence: float | None = None
    flows_per_hour: float | None = None
    fp_cost: float = 1.0
    fn_cost: float = 10.0


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures at K thresholds, each of shape ``(K,)``; nan where undefined.

    Attributes
    ----------
    alerts
        Benign, attack and unlabelled flows at or above the threshold.
    precision, f_beta, cost
        For the prevalence that was assumed; ``measured_precision`` is that of these flows.
    incidents
        Incidents raised; nan without a sketch of incidents.
    """

    thresholds: NDArray[np.float32]
    alerts: Counts
    false_alarms: Counts
    caught: Counts
    missed: Counts
    unlabelled_alerts: Counts
    precision: Floats
    measured_precision: Floats
    recall: Floats
    f_beta: Floats
    false_positive_rate: Floats
    alerts_per_hour: Floats
    false_alarms_per_hour: Floats
    incidents: Floats
    incidents_per_day: Floats
    cost: Floats


@dataclass(frozen=True)
class ClassPoint:
    """Recall of an attack class with its 95 % Wilson interval; ``few`` below 30 flows."""

    name: str
    flows: int
    found: int
    recall: float
    low: float
    high: float

    @property
    def few(self) -> bool:
        return self.flows < FEW_FLOWS


@dataclass(frozen=True)
class OperatingPoint:
    """The figures at one threshold, as in ``Figures``; ``quiet`` are benign flows below it."""

    threshold: float
    alerts: int
    false_alarms: int
    caught: int
    missed: int
    quiet: int
    unlabelled_alerts: int
    precision: float
    measured_precision: float
    recall: float
    f_beta: float
    false_positive_rate: float
    alerts_per_hour: float
    false_alarms_per_hour: float
    incidents: float
    incidents_per_day: float
    cost: float
    regret: float
    per_class: tuple[ClassPoint, ...]


def figures(
    sketch: ThresholdSketch,
    incidents: ThresholdSketch | None = None,
    assumed: Assumptions | None = None,
) -> Figures:
    """Figures at every edge of the sketch, exact, shape ``(K,)`` each.

    Parameters
    ----------
    incidents
        A sketch over incidents on the same edges; else what counts incidents is nan.

    Raises
    ------
    ValueError
        If the two sketches have different edges.

    Examples
    --------
    >>> sketch = ThresholdSketch.build(
    ...     [1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"), duration_hours=0.5)
    >>> found = figures(sketch)
    >>> found.recall[:4].tolist(), found.alerts_per_hour[:4].tolist()
    ([1.0, 1.0, 0.5, 0.5], [8.0, 6.0, 4.0, 2.0])
    """
    if incidents is not None and not np.array_equal(incidents.edges, sketch.edges):
        raise ValueError("the sketch of incidents has other edges than that of flows")
    raised = None if incidents is None else incidents.alert_counts
    counts = sketch.counts_ge.astype(np.int64)
    return _figures(sketch, sketch.edges, counts, incidents, raised, assumed or Assumptions())


def operating_point(
    sketch: ThresholdSketch,
    value: float,
    incidents: ThresholdSketch | None = None,
    assumed: Assumptions | None = None,
) -> OperatingPoint:
    """What a threshold does to the flows of a sketch: counts, rates, cost, recall by class.

    Exact at an edge, and at any value of a complete sketch; between the edges of another one
    the counts are those at the edge below.

    Examples
    --------
    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> point = operating_point(sketch, 2.0)
    >>> point.alerts, point.false_alarms, point.caught, point.missed, point.quiet
    (3, 1, 2, 0, 1)
    >>> round(point.precision, 3), point.recall, point.false_positive_rate
    (0.667, 1.0, 0.5)
    """
    assumed = assumed or Assumptions()
    counts = sketch.counts_at(value)
    raised = None if incidents is None else np.array([incidents.counts_at(value).sum()])
    line = np.array([value], np.float32)
    at = _figures(sketch, line, counts[:, np.newaxis], incidents, raised, assumed)
    lowest = _lowest_cost(sketch, assumed)
    cost = float(at.cost[0])
    return OperatingPoint(
        threshold=float(line[0]),
        alerts=int(at.alerts[0]),
        false_alarms=int(at.false_alarms[0]),
        caught=int(at.caught[0]),
        missed=int(at.missed[0]),
        quiet=sketch.n_benign - int(at.false_alarms[0]),
        unlabelled_alerts=int(at.unlabelled_alerts[0]),
        precision=float(at.precision[0]),
        measured_precision=float(at.measured_precision[0]),
        recall=float(at.recall[0]),
        f_beta=float(at.f_beta[0]),
        false_positive_rate=float(at.false_positive_rate[0]),
        alerts_per_hour=float(at.alerts_per_hour[0]),
        false_alarms_per_hour=float(at.false_alarms_per_hour[0]),
        incidents=float(at.incidents[0]),
        incidents_per_day=float(at.incidents_per_day[0]),
        cost=cost,
        regret=cost - lowest,
        per_class=recall_by_class(sketch, counts),
    )


def recall_by_class(sketch: ThresholdSketch, counts: Counts) -> tuple[ClassPoint, ...]:
    """Recall of each attack class for ``counts`` of alerts a class, shape ``(C,)``.

    In the order of the sketch's classes.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> (scan,) = recall_by_class(sketch, sketch.counts_at(3.0))
    >>> scan.name, scan.found, scan.flows, scan.recall, scan.few
    ('scan', 1, 2, 0.5, True)
    """
    points = []
    for index in sketch.attack_indices:
        flows, found = int(sketch.n[index]), int(counts[index])
        low, high = wilson_interval(found, flows)
        recall = found / flows if flows else math.nan
        points.append(ClassPoint(sketch.classes[index], flows, found, recall, low, high))
    return tuple(points)


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share by Wilson's score, low and high; nan without a trial.

    Narrower than the exact one that audits a promise, and never outside 0 to 1.

    >>> [round(end, 3) for end in wilson_interval(9, 10)]
    [0.596, 0.982]
    """
    if trials == 0:
        return math.nan, math.nan
    share, square = hits / trials, _Z95 * _Z95
    middle = share + square / (2 * trials)
    half = _Z95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    whole = 1 + square / trials
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def capacity_per_hour(analysts: float, minutes_each: float) -> float:
    """Alerts, or incidents, that analysts on duty can look at in an hour.

    Raises
    ------
    EdgeGuardError
        If nobody is on duty, or looking takes no time.

    Examples
    --------
    >>> capacity_per_hour(2, 10)
    12.0
    """
    if not (0 < analysts < math.inf and 0 < minutes_each < math.inf):
        raise EdgeGuardError(
            f"{analysts:g} analysts with {minutes_each:g} minutes each have no capacity: "
            "give both above 0."
        )
    return analysts * 60.0 / minutes_each


def _figures(
    sketch: ThresholdSketch,
    thresholds: NDArray[np.float32],
    counts: Counts,  # (C, K)
    incidents: ThresholdSketch | None,
    raised: Counts | None,  # (K,)
    assumed: Assumptions,
) -> Figures:
    nothing = np.zeros(thresholds.size, np.int64)
    false = nothing if sketch.benign_index is None else counts[sketch.benign_index]
    unlabelled = nothing if sketch.unlabelled_index is None else counts[sketch.unlabelled_index]
    caught = counts[list(sketch.attack_indices)].sum(axis=0)
    alerts = counts.sum(axis=0)
    missed = sketch.n_attacks - caught
    hourly = _hourly_weight(sketch, assumed.flows_per_hour)
    both = sketch.n_attacks > 0 and sketch.n_benign > 0
    undefined = np.full(thresholds.size, np.nan)
    a, b = class_weights(sketch, assumed.prevalence)
    squared = assumed.beta**2
    weighted = (1.0 + squared) * (a * caught)
    seen = undefined if raised is None else raised.astype(np.float64)
    hours = incidents.duration_hours if incidents is not None else None
    return Figures(
        thresholds=thresholds,
        alerts=alerts,
        false_alarms=false,
        caught=caught,
        missed=missed,
        unlabelled_alerts=unlabelled,
        precision=_ratio(a * caught, a * caught + b * false) if both else undefined,
        measured_precision=_ratio(caught, caught + false) if both else undefined,
        recall=_ratio(caught, sketch.n_attacks),
        f_beta=_ratio(weighted, weighted + squared * (a * missed) + b * false)
        if both
        else undefined,
        false_positive_rate=_ratio(false, sketch.n_benign),
        alerts_per_hour=alerts * hourly,
        false_alarms_per_hour=np.asarray(false * hourly) if sketch.n_benign else undefined,
        incidents=seen,
        incidents_per_day=seen * (1.0 / hours * _HOURS_A_DAY) if hours else undefined,
        cost=assumed.fp_cost * (b * false) + assumed.fn_cost * (a * missed) if both else undefined,
    )


def _lowest_cost(sketch: ThresholdSketch, assumed: Assumptions) -> float:
    if not (sketch.n_attacks and sketch.n_benign):
        return math.nan
    a, b = class_weights(sketch, assumed.prevalence)
    missed = sketch.n_attacks - sketch.attack_counts
    cost = assumed.fp_cost * (b * sketch.benign_counts) + assumed.fn_cost * (a * missed)
    return float(cost.min())


def _hourly_weight(sketch: ThresholdSketch, flows_per_hour: float | None) -> float:
    """Alerts an hour that one alert stands for; nan where nobody knows."""
    total = int(sketch.n.sum())
    if flows_per_hour is not None:
        return flows_per_hour / total if total else math.nan
    return 1.0 / sketch.duration_hours if sketch.duration_hours else math.nan


def _ratio(part: Counts | Floats, whole: Counts | Floats | int) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.true_divide(part, whole), np.float64)
