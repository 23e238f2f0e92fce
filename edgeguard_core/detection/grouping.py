"""Incidents of flows that are all at hand, as arrays: the same ones an ``IncidentTable`` finds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.incidents import CERTAIN_SEVERITY, RANK, WINDOW_MS
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED
from edgeguard_core.thresholds import ThresholdSketch

NOWHERE = -1
"""The incident of a flow without time or host: none."""

_CLASSES = {BENIGN: "benign", ATTACK: "attack", UNLABELLED: "unlabelled"}


@dataclass(frozen=True, eq=False)
class IncidentArrays:
    """The incidents of n flows, m of them, whatever they score.

    Attributes
    ----------
    of_flow
        Each flow's incident, ``(n,)``; ``NOWHERE`` without time or host.
    score
        The k-th highest score, float32, ``(m,)``; 0 with fewer flows unless one is certain.
    highest, severity, flows
        Of its flows: the highest score, the highest severity, how many; ``(m,)``.
    worst
        Position of its highest flow, the first of equal ones, ``(m,)``.
    host, cause
        Codes as they were given, ``(m,)``.
    window_ms
        When its window begins, ms UTC, ``(m,)``.
    label
        ATTACK where any of its flows is one, else BENIGN where any is, else UNLABELLED;
        int8, ``(m,)``.
    """

    of_flow: NDArray[np.int64]
    score: NDArray[np.float32]
    highest: NDArray[np.float32]
    severity: NDArray[np.int64]
    flows: NDArray[np.int64]
    worst: NDArray[np.int64]
    host: NDArray[np.int64]
    cause: NDArray[np.int64]
    window_ms: NDArray[np.float64]
    label: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.score)

    def sketch(
        self, edges: NDArray[np.float32], duration_hours: float | None = None
    ) -> ThresholdSketch:
        """Incidents that each of the given thresholds raises, counted by what is in them.

        Parameters
        ----------
        edges
            Those of the flows' sketch, so that one threshold means one place in both.
        """
        there = [value for value in _CLASSES if (self.label == value).any()] or [BENIGN]
        position = {value: place for place, value in enumerate(there)}
        return ThresholdSketch.on_edges(
            self.score,
            edges,
            np.array([position[int(value)] for value in self.label], np.int64),
            [_CLASSES[value] for value in there],
            position.get(BENIGN),
            unlabelled_index=position.get(UNLABELLED),
            duration_hours=duration_hours,
        )


def group_incidents(
    scores: NDArray[np.float32],
    severity: NDArray[np.int64],
    time_ms: NDArray[np.float64],
    host: NDArray[np.int64],
    cause: NDArray[np.int64],
    label: NDArray[np.int8] | None = None,
    *,
    rank: int = RANK,
    window_ms: float = WINDOW_MS,
) -> IncidentArrays:
    """The incidents of n flows in one pass; all windows are taken as closed.

    Parameters
    ----------
    scores, severity, time_ms
        Of each flow, shape ``(n,)``; a time that is NaN puts a flow nowhere.
    host, cause
        Codes from 0, shape ``(n,)``; a negative host is an unknown one.
    label
        As in ``Labels``, shape ``(n,)``; None: nothing is known.

    Examples
    --------
    Three flows of one host within ten minutes are an incident that scores as the third:

    >>> zeros = np.zeros(3, np.int64)
    >>> found = group_incidents(np.float32([5, 9, 7]), zeros, np.zeros(3), zeros, zeros)
    >>> found.score.tolist(), found.worst.tolist(), found.of_flow.tolist()
    ([5.0], [1], [0, 0, 0])
    """
    known = np.full(len(scores), UNLABELLED, np.int8) if label is None else label
    of_flow = np.full(len(scores), NOWHERE, np.int64)
    there = np.flatnonzero((host >= 0) & ~np.isnan(time_ms))
    window = np.floor(time_ms[there] / window_ms)
    # Sorted by incident and, within one, from the highest score to the lowest.
    order = np.lexsort((there, -scores[there], cause[there], window, host[there]))
    there, window = there[order], window[order]
    keys = np.stack([host[there].astype(np.float64), window, cause[there].astype(np.float64)])
    first = np.ones(len(there), np.bool_)
    first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    starts = np.flatnonzero(first)
    of_flow[there] = np.cumsum(first) - 1
    size = np.diff(np.append(starts, len(there)))
    worst = there[starts]
    highest = scores[worst]
    most = np.maximum.reduceat(severity[there], starts) if len(starts) else severity[:0]
    ranked = (
        scores[there[np.minimum(starts + rank - 1, len(there) - 1)]] if len(starts) else highest
    )
    alone = np.where(most >= CERTAIN_SEVERITY, highest, np.float32(0))
    return IncidentArrays(
        of_flow=of_flow,
        score=np.where(size >= rank, ranked, alone).astype(np.float32),
        highest=highest,
        severity=most,
        flows=size,
        worst=worst,
        host=host[worst],
        cause=cause[worst],
        window_ms=window[starts] * window_ms,
        # ATTACK > BENIGN > UNLABELLED, so the largest of its flows' labels is the incident's.
        label=np.maximum.reduceat(known[there], starts) if len(starts) else known[:0],
    )
