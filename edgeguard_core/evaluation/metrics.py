"""How well scores and a threshold tell attacks from benign flows; never accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.flows.table import ATTACK, BENIGN, Labels
from edgeguard_core.thresholds import PromiseAudit, Threshold, audit

Scores = NDArray[np.float32]
STRICT_RATES = (0.01, 0.001)


@dataclass(frozen=True)
class ClassRecall:
    """Flows of one attack class, and the share of them that alert."""

    flows: int
    recall: float


@dataclass(frozen=True)
class Evaluation:
    """What scores and a threshold achieve on labelled flows; nan where undefined.

    ``flows`` and ``alerts`` count all flows, those without a label too; every other figure
    is about labelled ones. With benign flows alone, or attacks alone, all that compares
    the two is nan. ``per_class`` holds attack classes only.
    """

    flows: int
    attacks: int
    unlabelled: int
    alerts: int
    roc_auc: float
    average_precision: float
    tpr_at_fpr: dict[float, float]
    threshold: Threshold
    precision: float
    recall: float
    f1: float
    false_positive_rate: float
    promise: PromiseAudit | None
    per_class: dict[str, ClassRecall]
    alerts_per_hour: float

    def to_json(self) -> dict[str, object]:
        """Plain values for strict JSON: undefined is None, rates are written as text keys."""
        line = self.threshold
        return {
            "flows": self.flows,
            "attacks": self.attacks,
            "unlabelled": self.unlabelled,
            "alerts": self.alerts,
            "alerts_per_hour": _defined(self.alerts_per_hour),
            "roc_auc": _defined(self.roc_auc),
            "average_precision": _defined(self.average_precision),
            "tpr_at_fpr": {f"{rate:g}": _defined(tpr) for rate, tpr in self.tpr_at_fpr.items()},
            "threshold": {
                "value": line.value,
                "method": line.method,
                "target": line.target,
                "calibrated_on": line.calibrated_on,
            },
            "precision": _defined(self.precision),
            "recall": _defined(self.recall),
            "f1": _defined(self.f1),
            "false_positive_rate": _defined(self.false_positive_rate),
            "promised_false_positive_rate": line.promised_false_positive_rate,
            "promise": None if self.promise is None else self.promise.to_json(),
            "per_class": {
                name: {"flows": found.flows, "recall": _defined(found.recall)}
                for name, found in self.per_class.items()
            },
        }


def evaluate(
    scores: ArrayLike, labels: Labels, threshold: Threshold, *, hours: float | None = None
) -> Evaluation:
    """Detection figures of a threshold on labelled flows.

    Parameters
    ----------
    scores
        Score of each flow, shape ``(n,)``.
    labels
        Labels of the same flows. Unlabelled ones are counted and otherwise left out.
    hours
        Time over which the flows were seen, for ``alerts_per_hour``; else that is nan.

    Raises
    ------
    NotEnoughDataError
        If no flow has a label.
    EdgeGuardError
        If a score is not a number: it would pass for benign.

    Examples
    --------
    Two benign flows and two attacks, one of them below the line:

    >>> labels = Labels(np.int8([0, 0, 1, 1]), np.array(["benign"] * 2 + ["scan"] * 2, object))
    >>> found = evaluate([0.1, 0.2, 0.15, 0.9], labels, Threshold(0.5, "fixed", 0.5, "doc"))
    >>> found.precision, found.recall, found.false_positive_rate, found.roc_auc
    (1.0, 0.5, 0.0, 0.75)
    """
    values = np.asarray(scores, dtype=np.float32)
    _require_usable(values, labels)
    alerts = threshold.alerts(values)
    benign, attack = labels.label == BENIGN, labels.label == ATTACK
    n_benign, n_attacks = int(benign.sum()), int(attack.sum())
    false, found = int(alerts[benign].sum()), int(alerts[attack].sum())
    both = n_benign > 0 and n_attacks > 0
    known = benign | attack
    promised = threshold.promised_false_positive_rate
    return Evaluation(
        flows=values.size,
        attacks=n_attacks,
        unlabelled=values.size - n_benign - n_attacks,
        alerts=int(alerts.sum()),
        roc_auc=roc_auc(attack[known], values[known]),
        average_precision=average_precision(attack[known], values[known]),
        tpr_at_fpr={rate: tpr_at_fpr(attack[known], values[known], rate) for rate in STRICT_RATES},
        threshold=threshold,
        precision=_share(found, found + false) if both else math.nan,
        recall=_share(found, n_attacks),
        # As 2·found / (alerts + attacks) F1 is 0, not undefined, where nothing alerts.
        f1=_share(2 * found, found + false + n_attacks) if both else math.nan,
        false_positive_rate=_share(false, n_benign),
        promise=None if promised is None else audit(promised, false, n_benign),
        per_class=_per_class(alerts[attack], labels.class_name[attack]),
        alerts_per_hour=int(alerts.sum()) / hours if hours else math.nan,
    )


def roc_auc(is_attack: NDArray[np.bool_], scores: Scores) -> float:
    """Chance that an attack scores above a benign flow, ties half; nan with one class.

    >>> roc_auc(np.array([False, True]), np.array([0.1, 0.1], np.float32))
    0.5
    """
    benign, attacks = _ordered(is_attack, scores)
    if not benign.size or not attacks.size:
        return math.nan
    below = np.searchsorted(benign, attacks, side="left").sum(dtype=np.float64)
    not_above = np.searchsorted(benign, attacks, side="right").sum(dtype=np.float64)
    return float((below + not_above) / 2 / benign.size / attacks.size)


def average_precision(is_attack: NDArray[np.bool_], scores: Scores) -> float:
    """Mean precision over the attacks found, step by step; nan with one class.

    Depends on how common attacks are: without any skill it is their share.

    >>> average_precision(np.array([False, True]), np.array([0.1, 0.2], np.float32))
    1.0
    """
    benign, attacks = _ordered(is_attack, scores)
    if not benign.size or not attacks.size:
        return math.nan
    # For each attack, the precision of a threshold on its own score.
    found = attacks.size - np.searchsorted(attacks, attacks, side="left")
    false = benign.size - np.searchsorted(benign, attacks, side="left")
    return float(np.mean(found / (found + false)))


def tpr_at_fpr(is_attack: NDArray[np.bool_], scores: Scores, rate: float) -> float:
    """Largest share of attacks found with at most ``rate`` of benign flows alerted.

    At thresholds that exist, without interpolation; nan with one class.

    >>> tpr_at_fpr(np.array([False, False, True, True]), np.float32([1, 3, 2, 4]), 0.01)
    0.5
    """
    benign, attacks = _ordered(is_attack, scores)
    if not benign.size or not attacks.size:
        return math.nan
    false = benign.size - np.searchsorted(benign, attacks, side="left")
    within = false / benign.size <= rate
    return float(np.count_nonzero(within) / attacks.size)


def _ordered(is_attack: NDArray[np.bool_], scores: Scores) -> tuple[Scores, Scores]:
    """Benign and attack scores, each ascending: all that ranking figures need."""
    return np.sort(scores[~is_attack]), np.sort(scores[is_attack])


def _per_class(
    alerts: NDArray[np.bool_], class_name: NDArray[np.object_]
) -> dict[str, ClassRecall]:
    """Flows and recall of each attack class, ordered by name."""
    if alerts.size == 0:
        return {}
    names, index = np.unique(class_name.astype(str), return_inverse=True)
    flows = np.bincount(index, minlength=names.size)
    found = np.bincount(index, weights=alerts, minlength=names.size)
    return {
        str(name): ClassRecall(int(n), float(hits / n))
        for name, n, hits in zip(names, flows, found, strict=True)
    }


def _require_usable(scores: Scores, labels: Labels) -> None:
    if scores.shape != labels.label.shape:
        raise ValueError(f"{scores.shape} scores for {labels.label.shape} labels")
    if not np.isin(labels.label, (BENIGN, ATTACK)).any():
        raise NotEnoughDataError(
            "No flow has a label, so nothing can be evaluated: give a labelled file, "
            "or score this one without evaluating."
        )
    missing = int(np.isnan(scores).sum())
    if missing:
        raise EdgeGuardError(
            f"{missing} scores are not a number and would pass for benign: score the file again."
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _defined(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
