"""A promise that trusts recent flows more: conformal thresholds with forgetting weights."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds.conformal import require_rate
from edgeguard_core.thresholds.edges import next_above
from edgeguard_core.thresholds.threshold import Threshold


def recency_weights(age_hours: ArrayLike, half_life_hours: float) -> NDArray[np.float64]:
    """Weights in ``(0, 1]`` that halve with every ``half_life_hours`` of age, the newest 1.

    Parameters
    ----------
    age_hours
        How much older than the flow to be judged each calibrating flow is, shape ``(n,)``, not
        negative.

    Raises
    ------
    EdgeGuardError
        If the half-life is not a positive number of hours.

    Examples
    --------
    >>> recency_weights([0.0, 6.0, 12.0], 6.0).tolist()
    [1.0, 0.5, 0.25]
    """
    require_half_life(half_life_hours)
    # Not to nought: a weight that underflows would take its flow out of the data.
    exponents = np.minimum(np.asarray(age_hours, np.float64) / half_life_hours, 1000.0)
    weights: NDArray[np.float64] = np.exp2(-exponents)
    return weights


def weighted_conformal(
    scores: ArrayLike, weights: ArrayLike, alpha: float, calibrated_on: str
) -> Threshold:
    """Threshold that promises ``alpha``, with calibrating flows of unequal weight.

    The value lies just above the smallest score s for which the flows up to s hold a share of at
    least 1 − alpha of all weight, that of the flow to be judged included: it has weight 1 and
    lies at infinity (Barber, Candès, Ramdas and Tibshirani, *Conformal prediction beyond
    exchangeability*, Annals of Statistics 51, 2023, theorem 2). Weights may depend on time, not
    on the scores. For exchangeable flows alpha is promised as by ``conformal``, which this is
    when all weights are 1. Where flows drift, further ones exceed alpha by at most the sum of
    each flow's share of the weight times the distance in total variation that exchanging it with
    the judged one would make: little where flows unlike it weigh little. The price: W, the sum of
    the weights, takes the place of the number of flows, so 1/(W + 1) is the smallest promise.

    Parameters
    ----------
    scores
        Of held-out benign flows, shape ``(n,)``; no NaN.
    weights
        In ``(0, 1]``, shape ``(n,)``, as from ``recency_weights``.
    alpha
        Promised false-alarm rate, in ``(0, 1)``.

    Returns
    -------
    A threshold with ``method="conformal"``; where the weights cannot carry the promise it is
    raised to 1/(W + 1), and ``warning`` says so.

    Raises
    ------
    NotEnoughDataError
        If there is no flow.

    Examples
    --------
    A hundred old flows scored up to 99 and weigh as much as two, five recent ones up to 14: the
    recent ones pull the line down, and so few can promise an eighth at the least.

    >>> scores, weights = np.append(np.arange(100.0), np.arange(10.0, 15.0)), np.full(105, 0.02)
    >>> weights[100:] = 1.0
    >>> found = weighted_conformal(scores, weights, 0.2, "doc")
    >>> round(found.value, 3), round(weighted_conformal(scores, weights, 0.01, "doc").target, 3)
    (69.0, 0.125)
    """
    require_rate(alpha)
    values, heavy = np.asarray(scores, np.float32), np.asarray(weights, np.float64)
    if not len(values):
        raise NotEnoughDataError(
            "A promised false-alarm rate needs benign flows and there are none: "
            "calibrate on flows that are known to be benign."
        )
    if heavy.shape != values.shape or not ((heavy > 0) & (heavy <= 1)).all():
        raise ValueError(f"{heavy.shape} weights in (0, 1] are needed, one a score")
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(heavy[order])
    total = float(reached[-1])
    # In fractions of the rate as written, as conformal_rank does, so that equal weights agree.
    needed = float((1 - Fraction(repr(float(alpha)))) * (Fraction(total) + 1))
    at, promised, warning = int(np.searchsorted(reached, needed)), float(alpha), None
    if at == len(values):
        at, promised = at - 1, smallest_weighted_promise(total)
        warning = (
            f"{len(values)} benign flows that weigh as much as {total:.0f} cannot promise a "
            f"false-alarm rate of {alpha:g}; promised is {promised:.3g}, calibrate on more or "
            "with a longer half-life."
        )
    value = float(next_above(float(values[order[at]])))
    return Threshold(value, "conformal", promised, calibrated_on, promised, warning)


def smallest_weighted_promise(total_weight: float) -> float:
    """Lowest false-alarm rate that flows of a total weight W can promise, ``1 / (W + 1)``.

    >>> smallest_weighted_promise(99.0)
    0.01
    """
    return 1.0 / (total_weight + 1.0)


def weighted_worst(
    scores: NDArray[np.float32],
    weights: NDArray[np.float64],
    threshold: Threshold,
    contamination: float,
) -> float:
    """The rate promised to benign flows, whichever ones of a share of all flows were attacks.

    Parameters
    ----------
    scores, weights
        Of all calibrating flows, those left out as suspicious too, shape ``(n,)``.
    contamination
        Share of the flows that may be attacks; at worst they are the heaviest ones below the
        threshold.

    Examples
    --------
    >>> scores, line = np.arange(1.0, 100.0, dtype=np.float32), Threshold(98.5, "fixed", None, "")
    >>> weighted_worst(scores, np.ones(99), line, 0.0)
    0.02
    """
    below = ~threshold.alerts(scores)
    most = int(contamination * len(scores))
    heaviest = np.sort(weights)[len(weights) - most :].sum()
    beyond = float(weights[~below].sum()) + 1.0
    return min(1.0, beyond / (float(weights.sum() - heaviest) + 1.0))


def require_half_life(hours: float) -> None:
    """Nothing, or an ``EdgeGuardError`` for what cannot be a half-life.

    >>> require_half_life(6.0)
    """
    if not (math.isfinite(hours) and hours > 0):
        raise EdgeGuardError(
            f"A half-life of {hours:g} hours weighs nothing: give one above 0, such as 24."
        )
