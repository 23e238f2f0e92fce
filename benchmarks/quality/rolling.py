"""What a promise comes to on a stream: with the old threshold, calibrated once, again and again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.thresholds import (
    audit,
    needed_rows,
    recency_weights,
    smallest_promise,
    weighted_conformal,
)
from quality.figures import Scores, blind_threshold
from quality.sets import LOCAL_CALIBRATION_SHARE

PROMISE = 0.01
KEPT_WITHIN = 0.02
"""What a promise of 1 % may come to on another day or network."""
STEP_HOURS = 1.0

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """How often a threshold is calibrated again, and on which flows before it.

    ``window_hours`` None: all so far. ``half_life_hours`` None: all weigh the same.
    """

    word: str
    again: bool = True
    window_hours: float | None = None
    half_life_hours: float | None = None


OLD, ONCE = "old threshold", "first third"
RULES = (
    Rule(ONCE, again=False),
    Rule("all so far", window_hours=None),
    Rule("last 3 h", window_hours=3.0),
    Rule("last 6 h", window_hours=6.0),
    Rule("last 12 h", window_hours=12.0),
    Rule("half-life 3 h", half_life_hours=3.0),
    Rule("half-life 6 h", half_life_hours=6.0),
    Rule("half-life 12 h", half_life_hours=12.0),
    Rule("half-life 24 h", half_life_hours=24.0),
)
CHOSEN = "all so far"
"""The rolling rule that the goal is about."""


@dataclass(frozen=True)
class StreamScores:
    """A model on a stream of n flows, m of them benign.

    Attributes
    ----------
    old
        Of the flows held out where the model learned.
    judged, is_attack, hours
        Of the stream in the order of time, ``(n,)``.
    clean
        Of its benign flows without an attack in their history, ``(m,)``.
    """

    old: Scores
    judged: Scores
    is_attack: NDArray[np.bool_]
    hours: Times
    clean: Scores


def figures(stream: StreamScores) -> dict[str, Any]:
    """The realised rate after the first third of the hours, and the recall, of each rule.

    Attacks before that are judged by the first threshold that there is.
    """
    start = float(stream.hours[-1]) * LOCAL_CALIBRATION_SHARE
    value, promise = blind_threshold(stream.old, PROMISE)
    lines = {OLD: (np.full(len(stream.judged), value, np.float32), promise)}
    lines |= {rule.word: _lines(stream, rule, start) for rule in RULES}
    later = ~stream.is_attack & (stream.hours >= start)
    told = {word: _told(stream, *line, later) for word, line in lines.items()}
    return {
        "benign": int(later.sum()),
        "attacks": int(stream.is_attack.sum()),
        "calibrated_on": int((~stream.is_attack & (stream.hours < start)).sum()),
        "hours": [start, float(stream.hours[-1])],
        "rules": told,
        "hourly": _hourly(stream, lines, later, start),
    }


def _lines(stream: StreamScores, rule: Rule, start: float) -> tuple[Scores, float]:
    """The threshold that each flow meets, ``(n,)``, and the highest rate that one promised."""
    benign_hours = stream.hours[~stream.is_attack]
    found, promised = np.empty(len(stream.judged), np.float32), PROMISE
    at, until = 0, start
    while at < len(found):
        before = int(np.searchsorted(benign_hours, until, side="left"))
        value, rate = _threshold(stream.clean[:before], benign_hours[:before], until, rule)
        promised = max(promised, rate)
        until = until + STEP_HOURS if rule.again else np.inf
        end = int(np.searchsorted(stream.hours, until, side="left"))
        found[at:end] = value
        at = end
    return found, promised


def _threshold(scores: Scores, hours: Times, now: float, rule: Rule) -> tuple[float, float]:
    """The threshold from the benign flows so far, and what it promises."""
    if rule.window_hours is not None:
        inside = int(np.searchsorted(hours, now - rule.window_hours, side="left"))
        # A window with too few flows reaches back until the promise can be made.
        scores = scores[min(inside, max(0, len(scores) - needed_rows(PROMISE))) :]
    if rule.half_life_hours is None:
        value, rate = blind_threshold(scores, PROMISE)
        return float(value), rate
    weights = recency_weights(now - hours, rule.half_life_hours)
    weighted = weighted_conformal(scores, weights / weights.max(), PROMISE, rule.word)
    return weighted.value, weighted.promised_false_positive_rate or smallest_promise(len(scores))


def _told(
    stream: StreamScores, line: Scores, promised: float, later: NDArray[np.bool_]
) -> dict[str, Any]:
    alerts = stream.judged >= line
    found = audit(promised, int(alerts[later].sum()), int(later.sum()))
    recall = float(alerts[stream.is_attack].mean()) if stream.is_attack.any() else float("nan")
    return {**found.to_json(), "recall": recall}


def _hourly(
    stream: StreamScores,
    lines: Mapping[str, tuple[Scores, float]],
    later: NDArray[np.bool_],
    start: float,
) -> dict[str, list[float | None]]:
    """The realised rate of each hour after the calibration; None where nothing benign came."""
    hour = np.floor(stream.hours[later] - start).astype(np.int64)
    flows = np.bincount(hour)
    told: dict[str, list[float | None]] = {"flows": flows.tolist()}
    for word in (OLD, ONCE, CHOSEN):
        alerts = np.bincount(hour, (stream.judged >= lines[word][0])[later])
        told[word] = [float(hits / n) if n else None for hits, n in zip(alerts, flows, strict=True)]
    return told
