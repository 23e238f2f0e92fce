"""Ways to choose a threshold that need no attack, each a pure function of the sketch.

Each looks only at the sketch's edges (and ``conformal`` between them): on a complete sketch
that is every decision the flows allow, from "all alert" to "none does".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds.candidates import (
    at_lowest,
    hourly_weight,
    require_benign,
    require_budget,
    require_share,
)
from edgeguard_core.thresholds.extreme import fit_tail
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold

# Makes the median absolute deviation of normally distributed scores their standard deviation.
MAD_TO_SIGMA = 1.4826
HOURS_A_DAY = 24.0


def fixed(value: float, calibrated_on: str = "given by hand") -> Threshold:
    """Threshold at a value that a person gives; nothing is promised.

    >>> fixed(0.5).method
    'fixed'
    """
    return Threshold(value, "fixed", float(value), calibrated_on)


def percentile(sketch: ThresholdSketch, q: float, calibrated_on: str) -> Threshold:
    """Lowest edge that at most ``100 − q`` percent of the benign flows reach.

    Nothing is promised about further flows; ``conformal`` does that.

    >>> percentile(ThresholdSketch.build(np.arange(1.0, 101.0)), 95, "doc").value
    96.0
    """
    if not 0 <= q <= 100:
        raise EdgeGuardError(f"There is no percentile {q:g}: give one between 0 and 100.")
    require_benign(sketch, "A percentile")
    # A hair of slack: 100 - 99.9 is not a tenth in binary.
    allowed = math.floor(sketch.n_benign * (100.0 - q) / 100.0 + 1e-9)
    own = _edges_of_benign(sketch)
    return at_lowest(sketch, own & (sketch.benign_counts <= allowed), "percentile", q,
                      calibrated_on)  # fmt: skip


def mean_plus_sigmas(sketch: ThresholdSketch, k: float, calibrated_on: str) -> Threshold:
    """Mean of the benign scores plus k standard deviations, exact, not rounded to an edge.

    Scores are skewed: three sigmas are no promise of .1 %, and one outlier moves the line.

    >>> mean_plus_sigmas(ThresholdSketch.build([1.0, 3.0]), 2.0, "doc").value
    4.0
    """
    require_benign(sketch, "Mean and standard deviation")
    assert sketch.benign_index is not None
    mean = sketch.score_sum[sketch.benign_index] / sketch.n_benign
    mean_square = sketch.score_square_sum[sketch.benign_index] / sketch.n_benign
    sigma = math.sqrt(max(mean_square - mean**2, 0.0))
    return Threshold(mean + k * sigma, "mean_plus_sigmas", float(k), calibrated_on)


def median_plus_mads(sketch: ThresholdSketch, k: float, calibrated_on: str) -> Threshold:
    """Median of the benign scores plus k · 1.4826 median absolute deviations.

    Outliers do not move it. Exact on a complete sketch, else to the step of the edges.

    >>> round(median_plus_mads(ThresholdSketch.build([1.0, 2.0, 3.0]), 2.0, "doc").value, 4)
    4.9652
    """
    require_benign(sketch, "Median and deviation")
    points, weights = sketch.benign_points()
    median = _weighted_median(points, weights)
    deviation = _weighted_median(np.abs(points - median), weights)
    value = median + k * MAD_TO_SIGMA * deviation
    return Threshold(value, "median_plus_mads", float(k), calibrated_on)


def peaks_over_threshold(sketch: ThresholdSketch, rate: float, calibrated_on: str) -> Threshold:
    """Score that a share ``rate`` of benign flows reaches, by the fitted tail (Siffer 2017).

    Reaches rates that the flows themselves cannot show, as far as the tail keeps its form;
    that is an assumption and no promise. A rate above that of the fitted tail is read off
    the flows, like a percentile.

    Raises
    ------
    NotEnoughDataError
        If all benign scores are equal, so that there is no tail.

    Examples
    --------
    >>> scores = np.random.default_rng(0).exponential(1.0, 2_000)
    >>> value = peaks_over_threshold(ThresholdSketch.build(scores), 1e-5, "doc").value
    >>> 8 < value < 20  # the truth is 11.5, the largest score 7.6
    True
    """
    if not 0 < rate < 1:
        raise EdgeGuardError(
            f"A false-alarm rate of {rate:g} has no threshold: give one between 0 and 1."
        )
    require_benign(sketch, "A tail")
    tail = fit_tail(*sketch.benign_points())
    if math.isinf(tail.sigma):
        raise NotEnoughDataError(
            "All benign scores are equal, so no tail can be fitted: give more varied flows."
        )
    if rate < tail.share_above:
        value = tail.quantile(rate)
    else:
        value = percentile(sketch, 100.0 * (1.0 - rate), calibrated_on).value
    return Threshold(value, "peaks_over_threshold", float(rate), calibrated_on)


def alerts_per_hour(
    sketch: ThresholdSketch,
    budget: float,
    calibrated_on: str,
    *,
    flows_per_hour: float | None = None,
) -> Threshold:
    """Lowest edge at which all flows together raise at most ``budget`` alerts an hour.

    Counts every flow of the sketch; on benign flows alone these are false alarms. Ties at
    the line are inside the budget, never over it.

    Parameters
    ----------
    flows_per_hour
        Traffic to expect, in place of the flows and hours that the sketch has seen; needed
        where flows carry no time.

    Raises
    ------
    NotEnoughDataError
        If neither the sketch nor the caller knows how many flows an hour brings.

    Examples
    --------
    >>> sketch = ThresholdSketch.build(np.arange(1.0, 101.0), duration_hours=2.0)
    >>> alerts_per_hour(sketch, 5, "doc").value
    91.0
    """
    return _within_alerts(sketch, budget, 1.0, "alerts_per_hour", calibrated_on, flows_per_hour)


def alerts_per_day(
    sketch: ThresholdSketch,
    budget: float,
    calibrated_on: str,
    *,
    flows_per_hour: float | None = None,
) -> Threshold:
    """Lowest edge at which all flows together raise at most ``budget`` alerts a day.

    As ``alerts_per_hour``, with days of 24 such hours.

    >>> sketch = ThresholdSketch.build(np.arange(1.0, 101.0), duration_hours=48.0)
    >>> alerts_per_day(sketch, 5, "doc").value
    91.0
    """
    return _within_alerts(
        sketch, budget, HOURS_A_DAY, "alerts_per_day", calibrated_on, flows_per_hour
    )


def incidents_per_day(incidents: ThresholdSketch, budget: float, calibrated_on: str) -> Threshold:
    """Lowest edge at which at most ``budget`` incidents a day are raised.

    It is a threshold of flows like any other, chosen by how often somebody is called: one scan
    of ten thousand flows takes one of the budget. Nothing is promised about further days.

    Parameters
    ----------
    incidents
        A sketch over incidents: its scores are those of incidents, not of flows, and its hours
        are those of the flows they were made of.

    Raises
    ------
    NotEnoughDataError
        If the sketch has no hours: without times there are no incidents to count.

    Examples
    --------
    >>> incidents = ThresholdSketch.build([0.0, 1.0, 2.0, 3.0], duration_hours=48.0)
    >>> incidents_per_day(incidents, 1, "doc").value
    2.0
    """
    if not incidents.duration_hours:
        raise NotEnoughDataError(
            "Incidents per day cannot be counted, these flows carry no time: choose by alerts "
            "per hour with --flows-per-hour, or by a false-alarm rate."
        )
    return _within_alerts(incidents, budget, HOURS_A_DAY, "incidents_per_day", calibrated_on, None)


def false_alarms_at_most(sketch: ThresholdSketch, rate: float, calibrated_on: str) -> Threshold:
    """Lowest edge that at most a share ``rate`` of these benign flows reaches.

    What was seen, not what is promised: ``conformal`` promises a rate for further flows.

    >>> false_alarms_at_most(ThresholdSketch.build(np.arange(1.0, 101.0)), 0.05, "doc").value
    96.0
    """
    require_share(rate, "false-alarm rate")
    require_benign(sketch, "A false-alarm rate")
    meets = sketch.benign_counts / sketch.n_benign <= rate
    return at_lowest(sketch, meets, "false_alarms_at_most", rate, calibrated_on)


def _within_alerts(
    sketch: ThresholdSketch,
    budget: float,
    hours: float,
    method: str,
    calibrated_on: str,
    flows_per_hour: float | None,
) -> Threshold:
    require_budget(budget)
    rates = sketch.alert_counts * (hourly_weight(sketch, flows_per_hour) * hours)
    # A hair of slack for budgets met exactly: weights such as 1/3 round up.
    chosen = at_lowest(sketch, rates <= budget * (1.0 + 1e-12), method, budget, calibrated_on)
    return chosen


def _edges_of_benign(sketch: ThresholdSketch) -> NDArray[np.bool_]:
    """Edges where benign flows lie, or the last one, above them all.

    Between benign flows the choice would be arbitrary; the next flow up is the convention.
    """
    if not sketch.complete:
        return np.ones(sketch.edges.size, np.bool_)
    counts = sketch.benign_counts
    own = counts > np.append(counts[1:], 0)
    own[-1] = True
    return np.asarray(own)


def _weighted_median(points: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    """Median of points that stand for ``weights`` flows each; the mean of two middle ones."""
    order = np.argsort(points, kind="stable")
    reached = np.cumsum(weights[order])
    total = int(reached[-1])
    middle = np.searchsorted(reached, [(total - 1) // 2, total // 2], side="right")
    return float(points[order][middle].mean())
