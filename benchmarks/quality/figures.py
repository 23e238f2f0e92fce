"""What the scores of one run achieve: ranking figures, and figures at blind thresholds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.metrics import average_precision, roc_auc, tpr_at_fpr
from edgeguard_core.thresholds.edges import conformal_rank, next_above

PROMISES = (0.05, 0.01, 0.001)
"""False-alarm rates of the blind thresholds: 95, 99 and 99.9 % of held-out benign rows."""

STRICT, STRICTEST = 0.01, 0.001

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class AtThreshold:
    """A blind threshold's F1, recall and realised false-alarm rate.

    ``promise`` is what so few calibration rows can promise, if that is more than was asked.
    """

    promise: float
    f1: float
    recall: float
    realised_fpr: float


@dataclass(frozen=True)
class Figures:
    """All figures of one run; of several seeds the mean or the spread of each."""

    roc_auc: float
    average_precision: float
    best_f1: float
    tpr_at_1e_2: float
    tpr_at_1e_3: float
    blind: Mapping[float, AtThreshold]

    @property
    def flat(self) -> dict[str, float]:
        """Every figure under a name of its own, ``f1_at_0.01`` and the like."""
        plain = {
            "roc_auc": self.roc_auc,
            "average_precision": self.average_precision,
            "best_f1": self.best_f1,
            "tpr_at_1e_2": self.tpr_at_1e_2,
            "tpr_at_1e_3": self.tpr_at_1e_3,
        }
        for rate, found in self.blind.items():
            plain[f"f1_at_{rate:g}"] = found.f1
            plain[f"recall_at_{rate:g}"] = found.recall
            plain[f"realised_fpr_at_{rate:g}"] = found.realised_fpr
        return plain


def figures(is_attack: NDArray[np.bool_], scores: Scores, calibration: Scores) -> Figures:
    """The figures of scores ``(n,)``, thresholds from the scores of held-out benign rows.

    >>> found = figures(np.array([False, True]), np.float32([1, 3]), np.float32([0, 1, 2]))
    >>> found.roc_auc, found.best_f1, found.blind[0.01].promise, found.blind[0.01].recall
    (1.0, 1.0, 0.25, 1.0)
    """
    return Figures(
        roc_auc=roc_auc(is_attack, scores),
        average_precision=average_precision(is_attack, scores),
        best_f1=best_f1(is_attack, scores),
        tpr_at_1e_2=tpr_at_fpr(is_attack, scores, STRICT),
        tpr_at_1e_3=tpr_at_fpr(is_attack, scores, STRICTEST),
        blind={rate: _at(is_attack, scores, calibration, rate) for rate in PROMISES},
    )


def best_f1(is_attack: NDArray[np.bool_], scores: Scores) -> float:
    """The highest F1 of any threshold: what somebody would reach who knew the truth.

    >>> best_f1(np.array([False, True, True]), np.float32([2, 1, 3]))
    0.8
    """
    thresholds = np.unique(scores)
    ordered = np.sort(scores)
    attacks = np.sort(scores[is_attack])
    alerts = ordered.size - np.searchsorted(ordered, thresholds, side="left")
    found = attacks.size - np.searchsorted(attacks, thresholds, side="left")
    return float((2 * found / (alerts + attacks.size)).max())


def blind_threshold(calibration: Scores, rate: float) -> tuple[np.float32, float]:
    """The split conformal threshold, and the rate it promises: ``rate``, or 1/(n+1) if more.

    >>> blind_threshold(np.arange(99, dtype=np.float32), 0.02)
    (np.float32(97.00001), 0.02)
    """
    rank, n = conformal_rank(calibration.size, rate), calibration.size
    promise = rate if rank <= n else float(Fraction(1, n + 1))
    return next_above(float(np.sort(calibration)[min(rank, n) - 1])), promise


def _at(
    is_attack: NDArray[np.bool_], scores: Scores, calibration: Scores, rate: float
) -> AtThreshold:
    value, promise = blind_threshold(calibration, rate)
    alerts = scores >= value
    found, attacks = int(alerts[is_attack].sum()), int(is_attack.sum())
    false, benign = int(alerts.sum()) - found, is_attack.size - attacks
    return AtThreshold(
        promise=promise,
        f1=2 * found / (found + false + attacks) if attacks else math.nan,
        recall=found / attacks if attacks else math.nan,
        realised_fpr=false / benign if benign else math.nan,
    )
