"""Incidents of captures: how many attack episodes are found, how soon, at what false ones.

An *episode* is a run of attack flows of one class in one capture, no two of them further than
half an hour apart. It is *found* when an incident that holds one of its flows is raised. Incidents
are grouped as the product does: host, window of ten minutes, cause (one cause for a peer, which
names none). Time counts in windows that hold no attack flow of the capture: a *false incident* is
one raised there. Scores of different models are made comparable by their p-values among each one's
own calibration, so that one promised rate is the threshold of all captures of a group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from edgeguard_core.detection.grouping import IncidentArrays, group_incidents
from edgeguard_core.detection.incidents import RANK, WINDOW_MS, hosts
from edgeguard_core.flows.table import BENIGN, Flows
from edgeguard_core.pipeline.splits import MS_PER_HOUR
from edgeguard_core.thresholds import Calibration
from edgeguard_core.thresholds.calibration import SMALLEST_P
from edgeguard_core.thresholds.edges import next_above
from quality.figures import Scores

GAP_MS = 1_800_000.0
A_DAY = 1.0
"""False incidents a sensor and day that are accepted."""
_HOURS_A_DAY = 24.0


@dataclass(frozen=True, eq=False)
class Watched:
    """A capture as a model sees it: its incidents by level, and its attack episodes.

    Attributes
    ----------
    level
        Of each judged flow: −log10 of its p-value, float32, ``(n,)``.
    known_ms
        When each flow has ended, ``(n,)``.
    episode
        Number of each flow's episode, −1 for none, ``(n,)``.
    false_levels
        Levels of the incidents in windows without attacks.
    free_hours
        How long those windows are together.
    """

    level: Scores
    known_ms: NDArray[np.float64]
    episode: NDArray[np.int64]
    begins_ms: NDArray[np.float64]
    incidents: IncidentArrays
    false_levels: Scores
    free_hours: float


def watched(
    test: Flows, scores: Scores, calibration: Scores, cause: NDArray[np.int64] | None = None
) -> Watched:
    """The judged flows of a capture; ``cause`` as codes, ``(n,)``, by default one for all."""
    times, attack = test.time_ms, test.is_attack
    assert times is not None
    level, severity = levels(scores, calibration)
    named = hosts(test)
    host = np.full(len(test), -1, np.int64)
    known = np.array([name is not None for name in named])
    host[known] = np.unique(named[known].astype(str), return_inverse=True)[1]
    label = test.labels.label if test.labels is not None else None
    found = group_incidents(
        level, severity, times, host, np.zeros(len(test), np.int64) if cause is None else cause,
        label,
    )  # fmt: skip
    windows = np.floor(times / WINDOW_MS)
    attacked = np.unique(windows[attack])
    benign = times[~attack]
    is_false = (found.label == BENIGN) & ~np.isin(found.window_ms / WINDOW_MS, attacked)
    episode, begins = episodes(times, attack, test.labels.class_name if test.labels else None)
    lasts = test.columns.get("bidirectional_duration_ms", np.zeros(len(test)))
    return Watched(
        level, times + np.nan_to_num(lasts), episode, begins, found, found.score[is_false],
        free_hours(float(benign.min()), float(benign.max()), attacked),
    )  # fmt: skip


def levels(scores: Scores, calibration: Scores) -> tuple[Scores, NDArray[np.int64]]:
    """−log10 of the p-values, and severities, both ``(n,)``; the order of the scores is kept.

    Where the p-value has reached its floor the score goes on, by less than one level.
    """
    lowest = min(scores.min(), calibration.min(), 0.0)  # some peers score below nought
    scores, calibration = scores - lowest, calibration - lowest
    fitted = Calibration.fit(calibration)
    p, _ = fitted.p_values(scores)
    beyond = np.where(p <= SMALLEST_P, scores - fitted.largest, 0.0).astype(np.float64)
    scale = max(fitted.largest, 1e-12)
    level = (-np.log10(p) + beyond / (beyond + scale)).astype(np.float32)
    return level, fitted.severity(p)


def episodes(
    times: NDArray[np.float64], attack: NDArray[np.bool_], names: NDArray[np.object_] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The episode of each flow, ``(n,)``, −1 for none, and when each episode begins, ms.

    >>> times = np.array([0.0, 1.0, 5e6, 2.0])
    >>> kinds = np.array(["scan", "scan", "scan", "flood"], object)
    >>> episodes(times, np.ones(4, bool), kinds)[0].tolist()
    [1, 1, 2, 0]
    """
    of_flow = np.full(len(times), -1, np.int64)
    rows = np.flatnonzero(attack)
    if not len(rows):
        return of_flow, np.zeros(0)
    kind = np.zeros(len(rows), np.int64)
    if names is not None:
        kind = np.unique(names[rows].astype(str), return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((times[rows], kind))
    rows, kind = rows[order], kind[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(times[rows]) > GAP_MS) | (np.diff(kind) != 0)
    of_flow[rows] = np.cumsum(first) - 1
    return of_flow, times[rows[first]]


def free_hours(first_ms: float, last_ms: float, attacked: NDArray[np.float64]) -> float:
    """Hours from the first to the last time without those windows.

    >>> free_hours(0.0, 3.6e6, np.array([1.0, 99.0]))
    0.8333333333333334
    """
    begins = attacked * WINDOW_MS
    inside = np.minimum(begins + WINDOW_MS, last_ms) - np.maximum(begins, first_ms)
    return (last_ms - first_ms - float(np.maximum(inside, 0.0).sum())) / MS_PER_HOUR


def pooled(captures: Sequence[Watched]) -> dict[str, Any]:
    """Found and missed over all captures, at the lowest level that keeps the false ones rare.

    The attack-free time chooses the threshold, as for the TPR at a true rate: nobody knows it in
    advance, and it is the same for all.
    """
    hours = sum(each.free_hours for each in captures)
    false = np.sort(np.concatenate([each.false_levels for each in captures]))
    allowed = math.floor(A_DAY * hours / _HOURS_A_DAY)
    # Incidents of too few flows have level 0 and are raised by no threshold.
    line = next_above(float(false[-allowed - 1]) if allowed < len(false) else 0.0)
    n_false = int((false >= line).sum())
    low, high = garwood(n_false)
    delays = [delay for each in captures for delay in delays_s(each, line)]
    found = np.array([delay for delay in delays if delay is not None])
    per_day = _HOURS_A_DAY / hours
    return {
        "episodes": len(delays),
        "found": len(found),
        "share": len(found) / len(delays) if delays else math.nan,
        "median_seconds": float(np.median(found)) if len(found) else math.nan,
        "p90_seconds": float(np.quantile(found, 0.9)) if len(found) else math.nan,
        "promised_rate": float(10.0**-line) if line < -math.log10(SMALLEST_P) else 0.0,
        "attack_free_hours": hours,
        "false_incidents": n_false,
        "false_a_day": n_false * per_day,
        "false_a_day_low": low * per_day,
        "false_a_day_high": high * per_day,
    }


def delays_s(capture: Watched, line: np.float32) -> list[float | None]:
    """Seconds from each episode's first flow to its first raised incident; None if missed.

    An incident is raised when as many of its flows as it takes have ended at or above the line;
    one of fewer flows, of which one is certain, when its window closes.
    """
    found = capture.incidents
    raised = np.flatnonzero(found.score >= line)
    when = np.full(len(found), np.inf)
    alerts = np.flatnonzero((capture.level >= line) & np.isin(found.of_flow, raised))
    alerts = alerts[np.lexsort((capture.known_ms[alerts], found.of_flow[alerts]))]
    for incident, rows in zip(*_runs(found.of_flow[alerts], alerts), strict=True):
        closes = found.window_ms[incident] + WINDOW_MS
        when[incident] = capture.known_ms[rows[RANK - 1]] if len(rows) >= RANK else closes
    soonest = np.full(len(capture.begins_ms), np.inf)
    held = (capture.episode >= 0) & (found.of_flow >= 0)
    np.minimum.at(soonest, capture.episode[held], when[found.of_flow[held]])
    waited = np.maximum(soonest - capture.begins_ms, 0.0) / 1000.0
    return [float(seconds) if np.isfinite(seconds) else None for seconds in waited]


def _runs(
    keys: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[list[int], list[NDArray[np.int64]]]:
    """Each key of an ascending array, and the rows that have it."""
    distinct, starts = np.unique(keys, return_index=True)
    return distinct.tolist(), np.split(rows, starts[1:]) if len(distinct) else []


def garwood(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson count (Garwood, Biometrika 28, 1936).

    >>> [round(end, 3) for end in garwood(0)], [round(end, 3) for end in garwood(3)]
    ([0.0, 3.689], [0.619, 8.767])
    """
    side = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else float(chi2.ppf(side, 2 * count)) / 2.0
    return low, float(chi2.ppf(1.0 - side, 2 * count + 2)) / 2.0
