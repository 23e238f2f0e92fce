"""Curves over all thresholds at once: precision–recall, ROC, DET and cost."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.operating import Assumptions, figures
from edgeguard_core.thresholds import ThresholdSketch

Floats = NDArray[np.float64]
_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class Curve:
    """A point for each of K thresholds, ascending; ``x``, ``y`` and ``thresholds`` are ``(K,)``.

    A point that cannot be drawn (no alert has a precision, a rate of 0 has no logarithm) is nan.
    """

    x: Floats
    y: Floats
    thresholds: NDArray[np.float32]


def precision_recall(sketch: ThresholdSketch, assumed: Assumptions | None = None) -> Curve:
    """Recall (x) against precision (y) at each edge.

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> precision_recall(sketch).y[:2].tolist()
    [0.5, 0.6666666666666666]
    """
    found = figures(sketch, assumed=assumed)
    return Curve(found.recall, found.precision, found.thresholds)


def roc(sketch: ThresholdSketch) -> Curve:
    """False-alarm rate (x, for a logarithmic axis: nan at 0) against recall (y).

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> roc(sketch).x.tolist(), roc(sketch).y.tolist()
    ([1.0, 0.5, 0.5, nan, nan], [1.0, 1.0, 0.5, 0.5, 0.0])
    """
    found = figures(sketch)
    rate = np.where(found.false_positive_rate > 0, found.false_positive_rate, np.nan)
    return Curve(rate, found.recall, found.thresholds)


def det(sketch: ThresholdSketch) -> Curve:
    """False-alarm rate (x) against miss rate (y), both as probits; nan at 0 and at 1.

    Where scores are normally distributed it is a straight line (Martin et al. 1997).

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> curve = det(sketch)
    >>> float(curve.x[2]), float(curve.y[2])
    (0.0, 0.0)
    """
    found = figures(sketch)
    return Curve(probit(found.false_positive_rate), probit(1.0 - found.recall), found.thresholds)


def cost(sketch: ThresholdSketch, assumed: Assumptions | None = None) -> Curve:
    """Threshold (x) against the cost of false alarms and misses (y).

    >>> sketch = ThresholdSketch.build([1, 2, 3, 4], [0, 1, 0, 1], ("benign", "scan"))
    >>> cost(sketch).y.tolist()
    [2.0, 1.0, 11.0, 10.0, 20.0]
    """
    found = figures(sketch, assumed=assumed)
    return Curve(found.thresholds.astype(np.float64), found.cost, found.thresholds)


def probit(shares: Floats) -> Floats:
    """Quantiles of the normal law, same shape; nan for 0, 1 and what is no share.

    >>> probit(np.array([0.5, 0.0])).tolist()
    [0.0, nan]
    """
    inside = (shares > 0) & (shares < 1)
    return np.array(
        [
            _NORMAL.inv_cdf(float(share)) if ok else np.nan
            for share, ok in zip(shares, inside, strict=True)
        ],
        np.float64,
    )
