"""Paired bootstrap: by how much one model is ahead of another on the same rows.

Benign rows and attacks are drawn anew each on their own, the same draw for both models. A draw
is a weight a row, so scores are sorted once and every draw costs a few sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Metric = Callable[["Ordered", Weights], float]

DRAWS = 200
COVERAGE = 0.95


@dataclass(frozen=True)
class Ordered:
    """Scores by falling value; rows that tie share a group."""

    order: NDArray[np.int64]  # (n,)
    is_attack: NDArray[np.bool_]  # (n,), in that order
    last_of_group: NDArray[np.int64]  # (groups,), position of the last row of each

    @classmethod
    def of(cls, is_attack: NDArray[np.bool_], scores: NDArray[np.float32]) -> "Ordered":
        """The order of some scores, ``(n,)``."""
        order = np.argsort(-scores, kind="stable")
        falling = scores[order]
        last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        return cls(order, is_attack[order], last)

    def counts(self, weights: Weights) -> tuple[Weights, Weights]:
        """Weight of attacks and of benign rows at or above each distinct score."""
        mine = weights[self.order]
        found = np.cumsum(np.where(self.is_attack, mine, 0.0))[self.last_of_group]
        false = np.cumsum(np.where(self.is_attack, 0.0, mine))[self.last_of_group]
        return found, false


@dataclass(frozen=True)
class Lead:
    """How far ahead: the difference on all rows, and the interval of the draws."""

    difference: float
    low: float
    high: float

    @property
    def behind(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high < 0

    @property
    def ahead(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0


def weighted_roc_auc(ordered: Ordered, weights: Weights) -> float:
    """ROC AUC of weighted rows, ties half."""
    found, false = (np.append(0.0, counts) for counts in ordered.counts(weights))
    area = np.sum(np.diff(false) * (found[1:] + found[:-1]) / 2)
    return float(area / (found[-1] * false[-1]))


def weighted_average_precision(ordered: Ordered, weights: Weights) -> float:
    """Average precision of weighted rows."""
    found, false = ordered.counts(weights)
    some = found > 0
    gained = np.diff(np.append(0.0, found))[some]
    return float(np.sum(gained * found[some] / (found + false)[some]) / found[-1])


def weighted_tpr(ordered: Ordered, weights: Weights, rate: float) -> float:
    """Largest weighted share of attacks found with at most ``rate`` of the benign ones."""
    found, false = ordered.counts(weights)
    within = np.searchsorted(false, rate * false[-1] * (1 + 1e-12), side="right")
    return float(found[within - 1] / found[-1]) if within else 0.0


METRICS: dict[str, Metric] = {
    "roc_auc": weighted_roc_auc,
    "average_precision": weighted_average_precision,
    "tpr_at_1e_2": lambda ordered, weights: weighted_tpr(ordered, weights, 0.01),
    "tpr_at_1e_3": lambda ordered, weights: weighted_tpr(ordered, weights, 0.001),
}


def lead_of_recall(
    is_attack: NDArray[np.bool_],
    one: NDArray[np.bool_],
    other: NDArray[np.bool_],
    seed: int = 0,
    draws: int = DRAWS,
) -> Lead:
    """The lead in recall of one set of alerts, ``(n,)``, on another; nan without attacks.

    >>> truth = np.repeat([False, True], 50)
    >>> lead_of_recall(truth, truth, ~truth)
    Lead(difference=1.0, low=1.0, high=1.0)
    """
    ahead = one[is_attack].astype(np.float64) - other[is_attack]
    if not ahead.size:
        return Lead(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    found = [ahead[rng.integers(0, ahead.size, ahead.size)].mean() for _ in range(draws)]
    return Lead(float(ahead.mean()), *_interval(found))


def lead_of_mean_recall(
    kind_of: NDArray[np.int64],
    one: NDArray[np.bool_],
    other: NDArray[np.bool_],
    seed: int = 0,
    draws: int = DRAWS,
) -> Lead:
    """The lead in recall, each kind of attack counting the same; flows are drawn within kinds.

    Parameters
    ----------
    kind_of
        The kind of each attack, shape ``(n,)``; ``one`` and ``other`` say which alert.

    Examples
    --------
    >>> kinds = np.array([0, 0, 0, 1])
    >>> lead_of_mean_recall(kinds, np.array([1, 1, 1, 0], bool), np.array([1, 1, 1, 1], bool))
    Lead(difference=-0.5, low=-0.5, high=-0.5)
    """
    ahead = one.astype(np.float64) - other
    parts = [ahead[kind_of == kind] for kind in np.unique(kind_of)]
    if not parts:
        return Lead(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    found = [
        float(np.mean([part[rng.integers(0, part.size, part.size)].mean() for part in parts]))
        for _ in range(draws)
    ]
    return Lead(float(np.mean([part.mean() for part in parts])), *_interval(found))


def lead(
    metric: Metric,
    is_attack: NDArray[np.bool_],
    ours: Sequence[NDArray[np.float32]],
    peer: NDArray[np.float32],
    seed: int = 0,
    draws: int = DRAWS,
) -> Lead:
    """The lead of the mean over our seeds on one peer, with its 95 % interval.

    Examples
    --------
    >>> truth = np.repeat([False, True], 50)
    >>> good, bad = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)
    >>> lead(weighted_roc_auc, truth, [good], bad)
    Lead(difference=0.5, low=0.5, high=0.5)
    """
    orders, other = [Ordered.of(is_attack, s) for s in ours], Ordered.of(is_attack, peer)

    def difference(weights: Weights) -> float:
        mean = np.mean([metric(ordered, weights) for ordered in orders])
        return float(mean - metric(other, weights))

    rng = np.random.default_rng(seed)
    found = [difference(_draw(is_attack, rng)) for _ in range(draws)]
    return Lead(difference(np.ones(is_attack.size)), *_interval(found))


def _interval(found: Sequence[float]) -> tuple[float, float]:
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return float(low), float(high)


def _draw(is_attack: NDArray[np.bool_], rng: np.random.Generator) -> Weights:
    """How often each row was drawn, the classes each as often as there are rows of them."""
    weights = np.empty(is_attack.size)
    for kind in (False, True):
        rows = np.flatnonzero(is_attack == kind)
        drawn = rng.integers(0, rows.size, rows.size)
        weights[rows] = np.bincount(drawn, minlength=rows.size)
    return weights
