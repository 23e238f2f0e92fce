"""Models side by side on the same flows, each at a threshold that raises as many alerts.

Scores of two models are different numbers, so one threshold means nothing for both; what an
analyst can look at in an hour does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.evaluation.curves import Curve, precision_recall, roc
from edgeguard_core.evaluation.metrics import (
    STRICT_RATES,
    average_precision,
    roc_auc,
    tpr_at_fpr,
)
from edgeguard_core.evaluation.paired import DRAWS, METRICS, Lead, lead, lead_of_recall
from edgeguard_core.flows.table import ATTACK, BENIGN
from edgeguard_core.thresholds import Threshold, ThresholdSketch
from edgeguard_core.thresholds.edges import next_above

MOST_MODELS = 4
"""That can be told apart in one picture."""

LEADS = ("recall", "roc_auc", "average_precision")
MOST_CURVE_POINTS = 400


@dataclass(frozen=True, eq=False)
class ModelScores:
    """One model's scores of a file.

    Attributes
    ----------
    row
        Line of each flow in the file, int64, ``(n,)``.
    scores
        float32, ``(n,)``.
    incident_scores
        Of its incidents, ``(i,)``; None without times or hosts.
    """

    name: str
    row: NDArray[np.int64]
    scores: NDArray[np.float32]
    incident_scores: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ModelFigures:
    """What one model does at its own threshold; nan where undefined.

    Attributes
    ----------
    alerts
        As many as the budget, or fewer where scores tie.
    overlap
        Alerts it shares with the first model, as a part of the alerts of either (Jaccard).
    """

    name: str
    threshold: float
    alerts: int
    alerts_per_hour: float
    recall: float
    precision: float
    false_positive_rate: float
    roc_auc: float
    average_precision: float
    tpr_at_fpr: dict[float, float]
    incidents: int | None
    incidents_per_day: float
    overlap: float


@dataclass(frozen=True)
class Comparison:
    """Figures of all models at one budget of alerts, on the flows that all of them scored.

    ``left_out`` are flows that some model did not score.
    """

    flows: int
    left_out: int
    budget: int
    models: tuple[ModelFigures, ...]


def compare(
    models: Sequence[ModelScores],
    budget: int,
    label: NDArray[np.int8] | None = None,
    hours: float | None = None,
) -> Comparison:
    """The models at the thresholds where each raises at most ``budget`` alerts.

    Parameters
    ----------
    models
        Two or more, the one to be held against first.
    label
        BENIGN, ATTACK or UNLABELLED of the first model's flows, ``(n,)``; None without labels.
    hours
        Time that the flows cover, for what is counted by hour and day.

    Raises
    ------
    EdgeGuardError
        With fewer than two models, or a budget of no alert.
    NotEnoughDataError
        If no flow was scored by all of them.

    Examples
    --------
    >>> rows, labels = np.array([2, 3, 4]), np.int8([BENIGN, ATTACK, ATTACK])
    >>> found = compare([ModelScores("a", rows, np.float32([1, 2, 3])),
    ...                  ModelScores("b", rows, np.float32([9, 1, 8]))], 2, labels)
    >>> [(m.name, m.alerts, m.recall, round(m.overlap, 2)) for m in found.models]
    [('a', 2, 1.0, 1.0), ('b', 2, 0.5, 0.33)]
    """
    if len(models) < 2:
        raise EdgeGuardError("One model alone cannot be compared: choose two or more.")
    if budget < 1:
        raise EdgeGuardError(f"A budget of {budget} alerts compares nothing: give at least 1.")
    rows = reduce(np.intersect1d, [model.row for model in models])
    if not len(rows):
        raise NotEnoughDataError(
            "No flow was scored by all of these models: choose scores of the same file."
        )
    scores = [_on_rows(model, rows) for model in models]
    labels = None if label is None else label[_places(models[0].row, rows)]
    lines = [Threshold(threshold_for(s, budget), "fixed", budget, "") for s in scores]
    first = lines[0].alerts(scores[0])
    return Comparison(
        flows=len(rows),
        left_out=max(len(model.row) for model in models) - len(rows),
        budget=budget,
        models=tuple(
            _figures(model, s, line, first, labels, hours)
            for model, s, line in zip(models, scores, lines, strict=True)
        ),
    )


def leads(
    models: Sequence[ModelScores],
    found: Comparison,
    label: NDArray[np.int8],
    *,
    of: Sequence[str] = LEADS,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[dict[str, Lead], ...]:
    """How far each model after the first is ahead of it, with 95 % intervals.

    Of recall at the thresholds of ``found``, ROC AUC and average precision, by a paired
    bootstrap over the labelled flows (Efron & Tibshirani 1993): the same draw judges both models,
    so what is hard for both does not widen the interval. Nothing where a class is absent.

    Parameters
    ----------
    models, label
        As ``compare`` had them.
    of
        Some of ``LEADS``; that of recall costs next to nothing.

    Examples
    --------
    >>> rows, labels = np.arange(40), np.int8([BENIGN] * 20 + [ATTACK] * 20)
    >>> models = [ModelScores("a", rows, np.arange(40, dtype=np.float32)),
    ...           ModelScores("b", rows, np.zeros(40, np.float32))]
    >>> leads(models, compare(models, 20, labels), labels)[0]["roc_auc"]
    Lead(difference=-0.5, low=-0.5, high=-0.5)
    """
    rows = reduce(np.intersect1d, [model.row for model in models])
    known = label[_places(models[0].row, rows)]
    judged = known >= BENIGN
    is_attack = known[judged] == ATTACK
    if not is_attack.any() or is_attack.all():
        return tuple({} for _ in models[1:])
    scores = [_on_rows(model, rows)[judged] for model in models]
    alerts = [
        Threshold(told.threshold, "fixed", 1, "").alerts(s)
        for told, s in zip(found.models, scores, strict=True)
    ]

    def one(name: str, s: NDArray[np.float32], alert: NDArray[np.bool_]) -> Lead:
        if name == "recall":
            return lead_of_recall(is_attack, alert, alerts[0], seed, draws)
        return lead(METRICS[name], is_attack, [s], scores[0], seed, draws)

    return tuple(
        {name: one(name, s, alert) for name in of}
        for s, alert in zip(scores[1:], alerts[1:], strict=True)
    )


def threshold_for(scores: NDArray[np.float32], budget: int) -> float:
    """The lowest threshold that raises at most ``budget`` alerts.

    Flows that tie at the edge of the budget alert together or not at all.

    >>> threshold_for(np.float32([1, 3, 2]), 2), threshold_for(np.float32([1, 1]), 1) > 1
    (2.0, True)
    """
    if budget >= len(scores):
        return float(scores.min())
    first_out = np.partition(scores, len(scores) - budget - 1)[len(scores) - budget - 1]
    above = scores[scores > first_out]
    return float(above.min()) if len(above) else float(next_above(float(first_out)))


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """What two sets of alerts share, as a part of both together; nan where both are empty.

    >>> overlap(np.array([True, True]), np.array([True, False]))
    0.5
    """
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else math.nan


def thinned(curve: Curve, most: int = MOST_CURVE_POINTS, *, log_x: bool = False) -> Curve:
    """The same curve with at most so many points, spread evenly along its way.

    Points that cannot be drawn are left out; the first and the last of the others stay. With
    ``log_x`` the way is that on a logarithmic axis.

    >>> line = np.arange(1000.0)
    >>> short = thinned(Curve(line, line, line.astype(np.float32)), 5)
    >>> short.x.tolist()
    [0.0, 333.0, 666.0, 999.0]
    """
    drawn = np.flatnonzero(np.isfinite(curve.x) & np.isfinite(curve.y))
    if len(drawn) > most:
        x, y = curve.x[drawn], curve.y[drawn]
        x = np.log10(x) if log_x else x
        way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        marks = np.linspace(0.0, way[-1], most - 1)
        at = np.minimum(np.searchsorted(way, marks), len(drawn) - 1)
        # Where nothing moves the marks meet; the ends are points all the same.
        drawn = drawn[np.unique(np.append(at, len(drawn) - 1))]
    return Curve(curve.x[drawn], curve.y[drawn], curve.thresholds[drawn])


def curves(sketch: ThresholdSketch) -> tuple[Curve, Curve]:
    """Precision–recall and ROC of a sketch, of at most 400 points each."""
    return thinned(precision_recall(sketch)), thinned(roc(sketch), log_x=True)


def _on_rows(model: ModelScores, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return model.scores[_places(model.row, rows)]


def _places(row: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted line stands; every one of them is there."""
    order = np.argsort(row, kind="stable")
    return order[np.searchsorted(row[order], wanted)]


def _figures(
    model: ModelScores,
    scores: NDArray[np.float32],
    line: Threshold,
    first: NDArray[np.bool_],
    label: NDArray[np.int8] | None,
    hours: float | None,
) -> ModelFigures:
    alerts = line.alerts(scores)
    known = np.full(len(scores), -1, np.int8) if label is None else label
    attack, benign = known == ATTACK, known == BENIGN
    judged = attack | benign
    caught, false = int(alerts[attack].sum()), int(alerts[benign].sum())
    incidents = None
    if model.incident_scores is not None:
        incidents = int(line.alerts(model.incident_scores).sum())
    return ModelFigures(
        name=model.name,
        threshold=line.value,
        alerts=int(alerts.sum()),
        alerts_per_hour=int(alerts.sum()) / hours if hours else math.nan,
        recall=_share(caught, int(attack.sum())),
        precision=_share(caught, caught + false) if attack.any() and benign.any() else math.nan,
        false_positive_rate=_share(false, int(benign.sum())),
        roc_auc=roc_auc(attack[judged], scores[judged]),
        average_precision=average_precision(attack[judged], scores[judged]),
        tpr_at_fpr={
            rate: tpr_at_fpr(attack[judged], scores[judged], rate) for rate in STRICT_RATES
        },
        incidents=incidents,
        incidents_per_day=math.nan if incidents is None or not hours else incidents / hours * 24,
        overlap=overlap(first, alerts),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
