"""Ways to choose a threshold that weigh attacks found against false alarms.

Pure functions of a sketch with labelled attacks. A figure chosen for and reported on the
same flows flatters: report it on others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.thresholds.candidates import (
    at,
    at_best,
    at_lowest,
    class_weights,
    hourly_weight,
    require_attacks,
    require_both,
    require_budget,
    require_share,
    too_low_edges,
)
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold


def precision_at_least(
    sketch: ThresholdSketch,
    floor: float,
    calibrated_on: str,
    *,
    prevalence: float | None = None,
) -> Threshold:
    """Lowest edge whose alerts are attacks at least to the share ``floor``.

    The lowest, because it finds the most attacks. Precision depends on how common attacks
    are: on a network with fewer of them it will be lower. ``prevalence``, the share of attacks
    to expect there, corrects for that.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> precision_at_least(sketch, 0.6, "doc").value
    2.0
    """
    require_share(floor, "precision")
    require_both(sketch, "Choosing by precision")
    precision = _precision(sketch, prevalence)
    meets = precision >= floor
    if not meets.any():
        raise EdgeGuardError(
            f"No threshold reaches a precision of {floor:g}, the highest is "
            f"{np.nanmax(precision):.3g}: ask for less, or for a recall or an alert budget."
        )
    return at_lowest(sketch, meets, "precision_at_least", floor, calibrated_on)


def recall_at_least(sketch: ThresholdSketch, floor: float, calibrated_on: str) -> Threshold:
    """Highest edge that still finds the share ``floor`` of the attacks.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> recall_at_least(sketch, 0.5, "doc").value
    4.0
    """
    require_share(floor, "recall")
    require_attacks(sketch, "Choosing by recall")
    meets = sketch.attack_counts / sketch.n_attacks >= floor
    if not meets.any():  # only where the lowest of fixed edges lies above some attacks
        raise EdgeGuardError(
            f"No edge reaches a recall of {floor:g}: make the sketch with ThresholdSketch.build."
        )
    index = int(np.flatnonzero(meets)[-1])
    return at(sketch, index, "recall_at_least", floor, calibrated_on)


def max_f_beta(
    sketch: ThresholdSketch,
    beta: float,
    calibrated_on: str,
    *,
    prevalence: float | None = None,
) -> Threshold:
    """Edge of the highest F-beta; of equal ones the highest edge, which alerts least.

    ``beta`` above 1 weighs recall more, below 1 precision. Chosen and reported on the same
    flows the figure flatters. ``prevalence`` as for ``precision_at_least``.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 0, 1, 1], ("benign", "scan"))
    >>> max_f_beta(sketch, 1.0, "doc").value
    3.0
    """
    if not 0 < beta < math.inf:
        raise EdgeGuardError(
            f"F-beta has no beta of {beta:g}: give one above 0, 1 weighs both equally."
        )
    require_both(sketch, "Choosing by F-beta")
    attack, benign = class_weights(sketch, prevalence)
    found, false = attack * sketch.attack_counts, benign * sketch.benign_counts
    missed = attack * (sketch.n_attacks - sketch.attack_counts)
    weighted = (1.0 + beta**2) * found
    f_beta = weighted / (weighted + beta**2 * missed + false)
    return at_best(sketch, f_beta, "max_f_beta", beta, calibrated_on)


def min_cost(
    sketch: ThresholdSketch,
    fp_cost: float,
    fn_cost: float,
    calibrated_on: str,
    *,
    prevalence: float | None = None,
) -> Threshold:
    """Edge of the lowest cost of false alarms and missed attacks together.

    Costs in any one currency, for one flow each. Of equal costs the highest edge is taken.
    ``target`` keeps the ratio ``fn_cost / fp_cost``, on which alone the answer depends, beside
    the ``prevalence`` (as for ``precision_at_least``).

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> [min_cost(sketch, 1.0, miss, "doc").value for miss in (0.5, 5.0)]
    [4.0, 2.0]
    """
    if not (0 < fp_cost < math.inf and 0 <= fn_cost < math.inf):
        raise EdgeGuardError(
            f"Costs of {fp_cost:g} a false alarm and {fn_cost:g} a missed attack cannot be "
            "weighed: give a false alarm a cost above 0 and a miss one of at least 0."
        )
    require_both(sketch, "Choosing by cost")
    attack, benign = class_weights(sketch, prevalence)
    missed = attack * (sketch.n_attacks - sketch.attack_counts)
    cost = fp_cost * (benign * sketch.benign_counts) + fn_cost * missed
    return at_best(sketch, -cost, "min_cost", fn_cost / fp_cost, calibrated_on)


def max_recall_within(
    sketch: ThresholdSketch,
    calibrated_on: str,
    *,
    false_positive_rate: float | None = None,
    alerts_an_hour: float | None = None,
    flows_per_hour: float | None = None,
) -> Threshold:
    """Edge that finds most attacks within a budget; of equal ones the highest edge.

    The budget is a false-alarm rate on these flows, a number of alerts an hour, or both.
    ``target`` is the rate where one is given, else the alerts.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> max_recall_within(sketch, "doc", false_positive_rate=0.5).value
    2.0
    """
    if false_positive_rate is None and alerts_an_hour is None:
        raise ValueError("give a false_positive_rate, alerts_an_hour, or both")
    require_attacks(sketch, "Choosing the most recall")
    within = np.ones(sketch.edges.size, np.bool_)
    if false_positive_rate is not None:
        require_share(false_positive_rate, "false-alarm rate")
        require_both(sketch, "A budget of false alarms")
        within &= sketch.benign_counts / sketch.n_benign <= false_positive_rate
    if alerts_an_hour is not None:
        require_budget(alerts_an_hour)
        within &= sketch.alert_counts * hourly_weight(sketch, flows_per_hour) <= alerts_an_hour
    if not within.any():
        raise too_low_edges(sketch)
    gain = np.where(within, sketch.attack_counts, -1)
    target = alerts_an_hour if false_positive_rate is None else false_positive_rate
    return at_best(sketch, gain, "max_recall_within", target, calibrated_on)


def _precision(sketch: ThresholdSketch, prevalence: float | None) -> NDArray[np.float64]:
    """Precision at each edge, nan where nothing alerts."""
    attack, benign = class_weights(sketch, prevalence)
    found, false = attack * sketch.attack_counts, benign * sketch.benign_counts
    with np.errstate(invalid="ignore"):
        return np.asarray(found / (found + false))
