"""Edges that may become the threshold, and what a choice among them needs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold


def hourly_weight(sketch: ThresholdSketch, flows_per_hour: float | None) -> float:
    """Alerts an hour that one alert of the sketch stands for."""
    total = int(sketch.n.sum())
    if total == 0:
        raise NotEnoughDataError("There is no flow to count alerts on: give some flows.")
    if flows_per_hour is not None:
        if not 0 < flows_per_hour < math.inf:
            raise EdgeGuardError(
                f"{flows_per_hour:g} flows an hour is no traffic: give --flows-per-hour above 0."
            )
        return flows_per_hour / total
    if not sketch.duration_hours:
        raise NotEnoughDataError(
            "Alerts per hour cannot be counted, these flows carry no time: "
            "say how many flows an hour brings with --flows-per-hour."
        )
    return 1.0 / sketch.duration_hours


def class_weights(sketch: ThresholdSketch, prevalence: float | None) -> tuple[float, float]:
    """What an attack and a benign flow of the sketch count for, where attacks are rarer.

    With ``prevalence`` the share of attacks to expect, as many flows in all as the sketch has
    labelled ones; without it each counts as one.
    """
    if prevalence is None:
        return 1.0, 1.0
    if not 0 < prevalence < 1:
        raise EdgeGuardError(
            f"A share of {prevalence:g} attacks is none: give one between 0 and 1, such as 0.001."
        )
    total = sketch.n_attacks + sketch.n_benign
    if sketch.n_attacks == 0 or sketch.n_benign == 0:
        return 1.0, 1.0
    return prevalence * total / sketch.n_attacks, (1.0 - prevalence) * total / sketch.n_benign


def at(
    sketch: ThresholdSketch, index: int, method: str, target: float | None, calibrated_on: str
) -> Threshold:
    goal = None if target is None else float(target)
    return Threshold(float(sketch.edges[index]), method, goal, calibrated_on)


def at_lowest(
    sketch: ThresholdSketch,
    meets: NDArray[np.bool_],
    method: str,
    target: float,
    calibrated_on: str,
) -> Threshold:
    if not meets.any():
        raise too_low_edges(sketch)
    return at(sketch, int(np.argmax(meets)), method, target, calibrated_on)


def at_best(
    sketch: ThresholdSketch,
    gain: NDArray[np.float64] | NDArray[np.int64],
    method: str,
    target: float | None,
    calibrated_on: str,
) -> Threshold:
    last = int(np.flatnonzero(gain == gain.max())[-1])
    return at(sketch, last, method, target, calibrated_on)


def too_low_edges(sketch: ThresholdSketch) -> EdgeGuardError:
    return EdgeGuardError(
        f"No edge up to {sketch.edges[-1]:g} meets the budget: "
        "make the sketch with ThresholdSketch.build."
    )


def require_share(share: float, what: str) -> None:
    if not 0 < share <= 1:
        raise EdgeGuardError(f"A {what} of {share:g} is none: give one above 0 and up to 1.")


def require_budget(budget: float) -> None:
    if not 0 <= budget < math.inf:
        raise EdgeGuardError(f"A budget of {budget:g} alerts is none: give 0 or more.")


def require_benign(sketch: ThresholdSketch, what: str) -> None:
    if sketch.n_benign == 0:
        raise NotEnoughDataError(
            f"{what} needs benign flows and there are none: give flows known to be benign."
        )


def require_attacks(sketch: ThresholdSketch, what: str) -> None:
    if sketch.n_attacks == 0:
        raise NotEnoughDataError(
            f"{what} needs labelled attacks and there are none: calibrate on a labelled file, "
            "or choose by a promised false-alarm rate, a percentile or alerts per hour."
        )


def require_both(sketch: ThresholdSketch, what: str) -> None:
    require_attacks(sketch, what)
    require_benign(sketch, what)
