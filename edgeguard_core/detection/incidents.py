"""Incidents: what an analyst is called for, instead of ten thousand alerts of one scan.

An incident is one host, one fixed window of time, one cause. Host, window and cause of a flow
do not depend on the threshold, and an incident's score is the k-th highest score of its flows:
so raising the threshold can only remove incidents, and a budget of incidents per day can be
dragged like one of alerts.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.detector import ScoredFlows
from edgeguard_core.flows import Column, Flows, Role, Schema
from edgeguard_core.thresholds import Threshold, ThresholdSketch

WINDOW_MS: Final = 600_000.0
RANK: Final = 3
"""An incident scores as its third highest flow: one odd flow alone calls nobody."""

CERTAIN_SEVERITY: Final = 100
"""… unless the window closes with fewer flows and one of them is as odd as the scale goes."""

_CONTEXT_CAUSES = (
    ("new_destinations", "spread"),
    ("new_ports", "spread"),
    ("new_sources", "spread"),
    ("conversation", "rhythm"),
    ("flows_", "activity"),
    ("gap_s", "activity"),
)
_UNIT_CAUSES = {"B": "volume", "packets": "volume", "B^2": "volume", "bit/s": "rate"}
_NAMED_CAUSES = {
    "service": "service",
    "transport": "service",
    "proto": "service",
    "protocol_type": "service",
    "state": "state",
    "flag": "state",
    "src_network": "direction",
    "dst_network": "direction",
}


def cause_of(column: Column) -> str:
    """The cause that a feature speaks for: volume, rate, time, service, state, ….

    >>> flow = Schema.named("flow")
    >>> [cause_of(flow.column(name)) for name in ("src2dst_bytes", "state", "service")]
    ['volume', 'state', 'service']
    """
    if column.name in _NAMED_CAUSES:
        return _NAMED_CAUSES[column.name]
    for part, cause in _CONTEXT_CAUSES:
        if part in column.name:
            return cause
    if column.role is Role.CATEGORICAL:
        return "kind"
    unit = column.unit or ""
    if unit in ("s", "ms", "us"):
        return "time"
    return "rate" if unit.endswith("/s") else _UNIT_CAUSES.get(unit, "shape")


def causes(
    feature_errors: NDArray[np.float32], names: Iterable[str], schema: Schema
) -> NDArray[np.object_]:
    """The cause with the largest share of each flow's score, shape ``(n,)``.

    Of equal ones the first in the order of the features.

    Parameters
    ----------
    feature_errors
        Shape ``(n, F)``, one column a feature.
    names
        The F features.
    """
    groups = [cause_of(schema.column(name)) for name in names]
    words = list(dict.fromkeys(groups))
    member = np.array([[group == word for word in words] for group in groups], np.float32)
    largest = (feature_errors @ member).argmax(axis=1) if len(words) else np.zeros(0, int)
    named: NDArray[np.object_] = np.array(words, object)[largest]
    return named


def hosts(flows: Flows) -> NDArray[np.object_]:
    """Whose incident each flow is part of, shape ``(n,)``; None where no address is known.

    The source, but of what comes in from outside the destination: that is the host one can do
    something about, and a flood from a million sources is one victim's incident.
    """
    nobody = np.full(len(flows), None, object)
    source = flows.columns.get("src_ip", nobody)
    destination = flows.columns.get("dst_ip", nobody)
    if "src_network" not in flows.columns or "dst_network" not in flows.columns:
        return source
    inward = (flows.columns["src_network"] == "external") & (
        flows.columns["dst_network"] == "internal"
    )
    return np.where(inward, destination, source)


@dataclass(frozen=True)
class Incident:
    """One host, one window, one cause, and its flows so far.

    Attributes
    ----------
    score
        The k-th highest score of its flows; 0 where it has too few and none is certain.
    highest
        The highest score of a flow.
    flows
        How many flows of this host, window and cause there were, alerted or not.
    rows
        Lines of its k highest flows in their source, the highest first.
    """

    host: str
    window_ms: float
    cause: str
    score: float
    highest: float
    severity: int
    flows: int
    rows: tuple[int, ...]

    def is_raised(self, threshold: Threshold) -> bool:
        """Whether the incident is one at this threshold."""
        return bool(threshold.alerts(np.array([self.score], np.float32))[0])


@dataclass
class _Open:
    """A host, window and cause while flows may still come."""

    flows: int = 0
    severity: int = 0
    highest: list[tuple[float, int]] = field(default_factory=list)  # a heap of (score, -line)


@dataclass
class IncidentTable:
    """Collects flows into incidents, batch by batch, in any order.

    Parameters
    ----------
    rank
        Which highest score counts (k).
    window_ms
        Length of a window, aligned to the clock: windows begin at multiples of it.

    Examples
    --------
    >>> table = IncidentTable()
    >>> len(list(table.incidents()))
    0
    """

    rank: int = RANK
    window_ms: float = WINDOW_MS
    _open: dict[tuple[str, float, str], _Open] = field(default_factory=dict)

    def add(self, flows: Flows, scored: ScoredFlows) -> None:
        """Take over some flows; those without time or host belong to no incident."""
        times = flows.time_ms
        if times is None:
            return
        host = hosts(flows)
        cause = causes(scored.feature_errors, scored.features, flows.schema)
        window = np.floor(times / self.window_ms) * self.window_ms
        for position in np.flatnonzero(~np.isnan(times)):
            if host[position] is None:
                continue
            key = (host[position], float(window[position]), cause[position])
            found = self._open.get(key)
            if found is None:
                found = self._open[key] = _Open()
            found.flows += 1
            found.severity = max(found.severity, int(scored.severity[position]))
            entry = (float(scored.scores[position]), -int(scored.line[position]))
            if len(found.highest) < self.rank:
                heapq.heappush(found.highest, entry)
            else:
                heapq.heappushpop(found.highest, entry)

    def incidents(self, *, open_since_ms: float | None = None) -> Iterator[Incident]:
        """Every host, window and cause that was seen, whatever it scores.

        Parameters
        ----------
        open_since_ms
            Windows that end after this may still get flows; one with fewer than k then scores
            0. By default all are closed.
        """
        for (host, window, cause), found in self._open.items():
            closed = open_since_ms is None or window + self.window_ms <= open_since_ms
            ranked = sorted(found.highest, reverse=True)
            yield Incident(
                host=host,
                window_ms=window,
                cause=cause,
                score=self._score(ranked, found.severity, closed),
                highest=ranked[0][0],
                severity=found.severity,
                flows=found.flows,
                rows=tuple(-line for _, line in ranked),
            )

    def close_before(self, time_ms: float) -> list[Incident]:
        """The incidents of windows that ended by then, which are forgotten here."""
        ended = {key for key in self._open if key[1] + self.window_ms <= time_ms}
        closing = IncidentTable(self.rank, self.window_ms, {key: self._open[key] for key in ended})
        for key in ended:
            del self._open[key]
        return list(closing.incidents())

    def _score(self, ranked: list[tuple[float, int]], severity: int, closed: bool) -> float:
        if len(ranked) >= self.rank:
            return ranked[-1][0]
        return ranked[0][0] if closed and severity >= CERTAIN_SEVERITY else 0.0


def raised(incidents: Iterable[Incident], threshold: Threshold) -> list[Incident]:
    """The incidents at a threshold, the highest score first."""
    kept = [incident for incident in incidents if incident.is_raised(threshold)]
    return sorted(kept, key=lambda incident: -incident.score)


def incident_sketch(
    incidents: Iterable[Incident], duration_hours: float | None, *, max_edges: int = 2048
) -> ThresholdSketch:
    """A sketch over incidents, on which ``thresholds.incidents_per_day`` keeps a budget.

    The k-th highest score of each host, window and cause stands for a flow's score; so the
    ways to choose for flows choose for incidents, too.

    Parameters
    ----------
    duration_hours
        How long the flows were seen; None where that is not known.
    """
    scores = np.array([incident.score for incident in incidents], np.float32)
    return ThresholdSketch.build(scores, duration_hours=duration_hours, max_edges=max_edges)
