"""Thresholds that promise a false-alarm rate, and the audit of that promise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds.edges import conformal_rank, next_above
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold

MINIMUM_BENIGN_ROWS = 50


def conformal(sketch: ThresholdSketch, alpha: float, calibrated_on: str) -> Threshold:
    """Threshold that at most a share ``alpha`` of *further* benign flows will reach.

    Split conformal: with n benign flows that the model was not fitted on, the value lies
    just above the ⌈(n+1)(1−alpha)⌉-th smallest score; just above, because a score shared
    by many flows would else break the promise. It holds on average over calibration sets,
    for flows that are exchangeable with them: same network, same time of day, same meter.
    Under shift it breaks, which is what ``audit`` watches. Nothing is promised about recall.

    Parameters
    ----------
    sketch
        Scores of held-out benign flows, from the runtime that will serve. On a sketch that
        is not complete, the lowest edge that keeps the promise is taken.
    alpha
        Promised false-alarm rate, in ``(0, 1)``.

    Returns
    -------
    A threshold with ``method="conformal"``. Fewer than 1/alpha − 1 flows cannot carry the
    promise: it is then raised to ``smallest_promise(n)`` and ``warning`` says so.

    Raises
    ------
    NotEnoughDataError
        If the sketch holds no benign flow.

    Examples
    --------
    Of scores 1 to 99 the one largest may alert, and nothing below it:

    >>> threshold = conformal(ThresholdSketch.build(np.arange(1.0, 100.0)), 0.02, "doc")
    >>> round(threshold.value, 3), threshold.alerts([98.0, 98.1, 99.0]).tolist()
    (98.0, [False, True, True])
    >>> conformal(ThresholdSketch.build([1.0, 2.0, 3.0]), 0.01, "doc").target
    0.25
    """
    require_rate(alpha)
    n = sketch.n_benign
    if n == 0:
        raise NotEnoughDataError(
            "A promised false-alarm rate needs benign flows and there are none: "
            "calibrate on flows that are known to be benign."
        )
    rank, promised, warning = conformal_rank(n, alpha), float(alpha), None
    if rank > n:
        rank, promised = n, smallest_promise(n)
        warning = (
            f"{n} benign flows cannot promise a false-alarm rate of {alpha:g}; "
            f"promised is {promised:.3g}, calibrate on {needed_rows(alpha)} or more."
        )
    value = _just_above_rank(sketch, rank)
    return Threshold(value, "conformal", promised, calibrated_on, promised, warning)


def smallest_promise(n_rows: int) -> float:
    """Lowest false-alarm rate that n calibration flows can promise, ``1 / (n + 1)``.

    >>> smallest_promise(99)
    0.01
    """
    return 1.0 / (n_rows + 1)


def needed_rows(alpha: float) -> int:
    """Fewest calibration flows that can promise a false-alarm rate of ``alpha``.

    >>> needed_rows(0.01), needed_rows(0.3)
    (99, 3)
    """
    rows = max(math.ceil(1.0 / alpha) - 2, 1)  # rounding may be off by one either way
    while conformal_rank(rows, alpha) > rows:
        rows += 1
    return rows


def require_benign_rows(n_rows: int, minimum: int = MINIMUM_BENIGN_ROWS) -> None:
    """Nothing, or a ``NotEnoughDataError`` when too few benign flows are at hand.

    >>> require_benign_rows(50)
    """
    if n_rows < minimum:
        raise NotEnoughDataError(
            f"{n_rows} benign flows are too few to learn what is normal: "
            f"give at least {minimum}, better some thousands."
        )


@dataclass(frozen=True)
class PromiseAudit:
    """Promised and realised false-alarm rate, with the exact 95 % interval of the latter.

    ``breached`` when the whole interval lies above the promise. The interval knows the
    chance in the audited flows, not the chance in the calibration flows: after a small
    calibration a breach may be bad luck of that draw, and then calibrating on more helps.
    """

    promised: float
    realised: float
    low: float
    high: float
    breached: bool

    def to_json(self) -> dict[str, float | bool | None]:
        """Plain values for strict JSON; undefined is None."""
        figures = {name: getattr(self, name) for name in ("promised", "realised", "low", "high")}
        finite = {name: v if math.isfinite(v) else None for name, v in figures.items()}
        return {**finite, "breached": self.breached}


def audit(
    promised: float, false_alarms: int, benign: int, confidence: float = 0.95
) -> PromiseAudit:
    """Whether a promised false-alarm rate was kept on benign flows seen since.

    The interval is Clopper and Pearson's, exact for independent flows. Flows of one burst
    are not independent, so on live traffic it is too narrow. Without benign flows the
    realised rate is nan and nothing is breached.

    >>> kept = audit(0.01, false_alarms=12, benign=1000)
    >>> round(kept.low, 4), round(kept.high, 4), kept.breached
    (0.0062, 0.0209, False)
    >>> audit(0.01, false_alarms=70, benign=1000).breached
    True
    """
    require_rate(promised)
    if not 0 <= false_alarms <= benign:
        raise ValueError(f"{false_alarms} false alarms among {benign} benign flows")
    if benign == 0:
        return PromiseAudit(promised, math.nan, 0.0, 1.0, False)
    low, high = binomial_interval(false_alarms, benign, confidence)
    return PromiseAudit(promised, false_alarms / benign, low, high, low > promised)


def binomial_interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper–Pearson) interval of a share, low and high, both in ``[0, 1]``.

    >>> [round(end, 3) for end in binomial_interval(0, 10)]
    [0.0, 0.308]
    """
    side = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else _beta_quantile(side, hits, trials - hits + 1)
    high = 1.0 if hits == trials else _beta_quantile(1.0 - side, hits + 1, trials - hits)
    return low, high


def _just_above_rank(sketch: ThresholdSketch, rank: int) -> float:
    """Just above the rank-th smallest benign score; the next edge up where that is unknown."""
    allowed = sketch.n_benign - rank  # flows that may still alert
    within = np.flatnonzero(sketch.benign_counts <= allowed)
    if within.size == 0:
        raise EdgeGuardError(
            f"The highest edge {sketch.edges[-1]:g} of this sketch lies below the scores "
            "that matter: make it with ThresholdSketch.build."
        )
    if sketch.complete:  # the count falls right behind the edge before: that is the score
        return float(next_above(float(sketch.edges[within[0] - 1])))
    return float(sketch.edges[within[0]])


def require_rate(rate: float) -> None:
    """Nothing, or an ``EdgeGuardError`` for a rate that nobody can promise.

    >>> require_rate(0.01)
    """
    if not 0.0 < rate < 1.0:
        raise EdgeGuardError(
            f"A false-alarm rate of {rate:g} cannot be promised: give one between 0 and 1, "
            "such as 0.01."
        )


# The edge has no scipy, so the beta quantile is found here: bisection on the continued
# fraction of the regularised incomplete beta function (Numerical Recipes, 6.4).


def _beta_quantile(share: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if _beta_share(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _beta_share(x: float, a: float, b: float) -> float:
    """Share of the beta law with parameters a and b that lies below x."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):  # there the fraction converges fast from the other side
        return 1.0 - _beta_share(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) * _beta_fraction(x, a, b) / a


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 / ((1.0 - (a + b) * x / (a + 1.0)) or tiny)
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / ((1.0 + even * d) or tiny), (1.0 + even / c) or tiny
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1.0 / ((1.0 + odd * d) or tiny), (1.0 + odd / c) or tiny
        value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value
