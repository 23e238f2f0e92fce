"""The queue of an analyst: raised incidents grouped by host and cause, the worst first."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.grouping import NOWHERE, IncidentArrays
from edgeguard_core.detection.review import Verdict
from edgeguard_core.thresholds import Threshold

MOST_GROUPS: Final = 5_000
NO_VERDICT: Final = 0
VERDICT_CODES: Final[Mapping[Verdict, int]] = {
    Verdict.TRUE: 1,
    Verdict.FALSE: 2,
    Verdict.KNOWN: 3,
}


class Standing(StrEnum):
    """How far a group is decided: one word for all its alerts, or open, or mixed."""

    OPEN = "open"
    PARTLY = "partly decided"
    TRUE = "true"
    FALSE = "false"
    KNOWN = "known benign"
    MIXED = "mixed"


_STANDINGS: Final = (Standing.TRUE, Standing.FALSE, Standing.KNOWN)


@dataclass(frozen=True, eq=False)
class Queue:
    """Groups of alerts, m of them, the one with the highest score first.

    Attributes
    ----------
    of_flow
        Each flow's group, ``(n,)``; ``NOWHERE`` for a flow that is no alert of one.
    host, cause
        Codes as they were given, ``(m,)``; host is ``NOWHERE`` where none is known.
    windows
        Raised incidents, ``(m,)``; 0 where there are no times.
    alerts, decided
        Alerts, and those that have a verdict, ``(m,)``.
    first_ms, last_ms
        When its first and last alert was seen, NaN without times, ``(m,)``.
    worst
        Position of its highest alert, ``(m,)``.
    standing
        A ``Standing`` each, ``(m,)``.
    lone_alerts
        Alerts that raise no incident and are in no group.
    left_out
        Groups beyond the most that are listed.
    """

    of_flow: NDArray[np.int64]
    host: NDArray[np.int64]
    cause: NDArray[np.int64]
    windows: NDArray[np.int64]
    alerts: NDArray[np.int64]
    decided: NDArray[np.int64]
    first_ms: NDArray[np.float64]
    last_ms: NDArray[np.float64]
    worst: NDArray[np.int64]
    standing: NDArray[np.object_]
    lone_alerts: int
    left_out: int

    def __len__(self) -> int:
        return len(self.worst)

    def flows_of(self, group: int) -> NDArray[np.int64]:
        """Positions of a group's alerts, in the order of the file."""
        return np.flatnonzero(self.of_flow == group)


def build_queue(
    scores: NDArray[np.float32],
    threshold: Threshold,
    cause: NDArray[np.int64],
    verdicts: NDArray[np.int8],
    *,
    incidents: IncidentArrays | None = None,
    hidden: NDArray[np.bool_] | None = None,
    time_ms: NDArray[np.float64] | None = None,
    lone: bool = False,
    most: int = MOST_GROUPS,
) -> Queue:
    """The queue at a threshold.

    Parameters
    ----------
    scores, cause
        Of each flow, ``(n,)``; the cause as codes from 0, negative where unknown.
    verdicts
        A code of ``VERDICT_CODES`` or ``NO_VERDICT`` each, ``(n,)``.
    incidents
        Those of the same flows. Without them (no times, or no hosts) every alert counts, and
        the groups are those of the cause alone.
    hidden
        Flows that exclusions hide, ``(n,)``.
    lone
        Whether alerts that raise no incident are queued too.

    Examples
    --------
    >>> none = np.zeros(3, np.int8)
    >>> queue = build_queue(np.float32([1, 5, 9]), Threshold(4, "fixed", 4, ""),
    ...                     np.array([0, 0, 1]), none)
    >>> queue.cause.tolist(), queue.alerts.tolist(), queue.worst.tolist()
    ([1, 0], [1, 1], [2, 1])
    """
    alerts = threshold.alerts(scores)
    shown = alerts if hidden is None else alerts & ~hidden
    lone_alerts = 0
    host = np.full(len(scores), NOWHERE, np.int64)
    if incidents is not None:
        there = incidents.of_flow >= 0
        host[there] = incidents.host[incidents.of_flow[there]]
        raised = np.append(threshold.alerts(incidents.score), False)[incidents.of_flow]
        lone_alerts = int((shown & ~raised).sum())
        shown = shown if lone else shown & raised
    where = np.flatnonzero(shown)
    keys, group = np.unique(
        np.stack([host[where], cause[where]]), axis=1, return_inverse=True
    )  # (2, m), (a,)
    return _sorted_queue(
        scores, where, group.reshape(-1), keys, verdicts, time_ms, incidents, lone_alerts, most
    )


def _sorted_queue(
    scores: NDArray[np.float32],
    where: NDArray[np.int64],
    group: NDArray[np.int64],
    keys: NDArray[np.int64],
    verdicts: NDArray[np.int8],
    time_ms: NDArray[np.float64] | None,
    incidents: IncidentArrays | None,
    lone_alerts: int,
    most: int,
) -> Queue:
    m = keys.shape[1]
    # By group and, within one, from the highest score to the lowest, the earlier flow first.
    order = np.lexsort((where, -scores[where], group))
    starts = np.searchsorted(group[order], np.arange(m))
    worst = where[order][starts] if m else where[:0]
    rank = np.lexsort((worst, -scores[worst]))[:most]
    place = np.full(m, NOWHERE, np.int64)
    place[rank] = np.arange(len(rank))
    of_flow = np.full(len(scores), NOWHERE, np.int64)
    of_flow[where] = place[group]
    counts = np.stack(
        [np.bincount(group[verdicts[where] == code], minlength=m) for code in range(4)]
    )[:, rank]  # (4, m): without a verdict, then one row a verdict
    alerts = counts.sum(axis=0)
    first, last = _span(where, group, m, time_ms)
    return Queue(
        of_flow=of_flow,
        host=keys[0, rank],
        cause=keys[1, rank],
        windows=_windows(where, group, m, incidents)[rank],
        alerts=alerts,
        decided=alerts - counts[0],
        first_ms=first[rank],
        last_ms=last[rank],
        worst=worst[rank],
        standing=np.array([_standing(column) for column in counts.T], object),
        lone_alerts=lone_alerts,
        left_out=m - len(rank),
    )


def _span(
    where: NDArray[np.int64],
    group: NDArray[np.int64],
    m: int,
    time_ms: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, last = np.full(m, np.nan), np.full(m, np.nan)
    if time_ms is not None:
        np.fmin.at(first, group, time_ms[where])
        np.fmax.at(last, group, time_ms[where])
    return first, last


def _windows(
    where: NDArray[np.int64],
    group: NDArray[np.int64],
    m: int,
    incidents: IncidentArrays | None,
) -> NDArray[np.int64]:
    """Incidents that the alerts of each group lie in, ``(m,)``."""
    if incidents is None:
        return np.zeros(m, np.int64)
    incident = incidents.of_flow[where]
    pairs = np.unique(np.stack([group, incident])[:, incident >= 0], axis=1)
    return np.bincount(pairs[0], minlength=m)


def _standing(counts: NDArray[np.int64]) -> Standing:
    open_alerts, *decided = counts.tolist()
    words = [word for word, count in zip(_STANDINGS, decided, strict=True) if count]
    if not words:
        return Standing.OPEN
    if open_alerts:
        return Standing.PARTLY
    return words[0] if len(words) == 1 else Standing.MIXED


def verdict_codes(rows: NDArray[np.int64], verdicts: Mapping[int, Verdict]) -> NDArray[np.int8]:
    """The code of each flow's verdict, ``(n,)``, by its line.

    >>> verdict_codes(np.array([7, 8]), {8: Verdict.FALSE}).tolist()
    [0, 2]
    """
    codes = np.zeros(len(rows), np.int8)
    if verdicts:
        lines = np.array(sorted(verdicts), np.int64)
        words = np.array([VERDICT_CODES[verdicts[int(line)]] for line in lines], np.int8)
        at = np.minimum(np.searchsorted(lines, rows), len(lines) - 1)
        found = lines[at] == rows
        codes[found] = words[at[found]]
    return codes
