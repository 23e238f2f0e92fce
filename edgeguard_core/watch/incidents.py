"""Incidents while they happen: host, window and cause, raised, told as they grow, closed.

The same incidents that ``detection.incidents`` finds in a whole file, kept in bounded memory:
of each host, window and cause only its k highest scores and some counts.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.incidents import CERTAIN_SEVERITY, RANK, WINDOW_MS
from edgeguard_core.thresholds import Threshold

MOST_OPEN: Final = 20_000
MOST_LINES: Final = 20
"""Alerts of an incident that are told one by one; after them only the incident is."""
TELL_EVERY_S: Final = 1.0
MOST_TOLD_AT_ONCE: Final = 200
MOST_EXAMPLES: Final = 3
_REVISIONS_A_RUN: Final = 100_000
_MOST_CLOSED: Final = 2_000  # told ones that a late flow may still join

Key = tuple[str, float, str]
"""Host, begin of the window in ms, cause."""


@dataclass(slots=True)
class LiveIncident:
    """One host, window and cause, as far as it has come.

    Attributes
    ----------
    flows
        Its flows, alerted or not, hidden ones too.
    alerts, first_ms, last_ms
        Its alerted flows that no exclusion hides: how many, and when the first and last began.
    severity
        The highest of its flows that are not hidden.
    top
        Their k highest scores, the highest first.
    lines
        How many of its alerts were told one by one.
    examples
        Score and id of the highest of those.
    revision
        How often it was told.
    """

    host: str
    window_ms: float
    cause: str
    flows: int = 0
    alerts: int = 0
    first_ms: float = float("inf")
    last_ms: float = float("-inf")
    severity: int = 0
    top: list[float] = field(default_factory=list)
    lines: int = 0
    examples: list[tuple[float, str]] = field(default_factory=list)
    revision: int = 0
    told_s: float = float("-inf")  # on the monotonic clock

    @property
    def key(self) -> Key:
        """What makes it this one."""
        return self.host, self.window_ms, self.cause

    def score(self, rank: int, *, is_closed: bool) -> float:
        """Its k-th highest score; with fewer flows 0, or the highest of a closed certain one."""
        if len(self.top) >= rank:
            return self.top[rank - 1]
        return self.top[0] if is_closed and self.severity >= CERTAIN_SEVERITY else 0.0

    def add_example(self, score: float, alert_id: str) -> None:
        """Remember an alert that was told, if it is one of the highest."""
        self.examples.append((score, alert_id))
        self.examples.sort(key=lambda pair: -pair[0])
        del self.examples[MOST_EXAMPLES:]


@dataclass(frozen=True)
class Told:
    """An incident that is to be told now."""

    incident: LiveIncident
    is_open: bool
    score: float
    is_first: bool


@dataclass
class LiveIncidents:
    """The incidents of a watch.

    Parameters
    ----------
    rank, window_ms
        As in ``IncidentTable``.
    most_open
        Hosts, windows and causes remembered at a time. Beyond them those without an alert are
        forgotten first, the oldest of them; ``evicted`` counts them.
    revision_base
        Revisions begin above it: after a restart above all that was told before.
    """

    rank: int = RANK
    window_ms: float = WINDOW_MS
    most_open: int = MOST_OPEN
    evicted: int = 0
    raised: int = 0
    revision_base: int = 0
    _open: dict[Key, LiveIncident] = field(default_factory=dict)
    _touched: dict[Key, LiveIncident] = field(default_factory=dict)
    _closed: OrderedDict[Key, LiveIncident] = field(default_factory=OrderedDict)
    _waiting: list[Told] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._open)

    def windows(self, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """The begin of the window that each time is in, ms, shape ``(n,)``."""
        return np.floor(times_ms / self.window_ms) * self.window_ms

    def add(
        self,
        hosts: NDArray[np.object_],
        windows: NDArray[np.float64],
        causes: NDArray[np.object_],
        scores: NDArray[np.float32],
        severities: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> None:
        """Take over n flows, shape ``(n,)`` each; those without host or time are in no incident.

        Written flat on purpose: it runs for every flow.
        """
        opened, rank = self._open, self.rank
        for host, window, cause, score, severity, is_hidden in zip(
            hosts.tolist(), windows.tolist(), causes.tolist(), scores.tolist(),
            severities.tolist(), hidden.tolist(), strict=True,
        ):  # fmt: skip
            if host is None or window != window:
                continue
            key = (host, window, cause)
            found = opened.get(key)
            if found is None:
                found = self._begin(key)
            found.flows += 1
            if is_hidden:
                continue
            if severity > found.severity:
                found.severity = severity
            top = found.top
            if len(top) < rank or score > top[-1]:
                top.append(score)
                top.sort(reverse=True)
                del top[rank:]

    def alert(self, key: Key, time_ms: float) -> LiveIncident:
        """The incident of an alerted flow that ``add`` took, which counts it."""
        found = self._open.get(key) or self._begin(key)
        found.alerts += 1
        found.first_ms = min(found.first_ms, time_ms)
        found.last_ms = max(found.last_ms, time_ms)
        self._touched[key] = found
        return found

    def reconsider(self) -> None:
        """Ask of all whether they are raised: the threshold is another one."""
        self._touched |= {key: found for key, found in self._open.items() if found.alerts}

    def due(self, threshold: Threshold, now_s: float) -> list[Told]:
        """Open incidents to be told now: newly raised ones, and grown ones once a second.

        The caller tells them; each has its next revision already.
        """
        told, self._waiting = self._waiting[:MOST_TOLD_AT_ONCE], self._waiting[MOST_TOLD_AT_ONCE:]
        ready = [
            found
            for found in self._touched.values()
            if not found.revision or now_s - found.told_s >= TELL_EVERY_S
        ]
        for found, score in self._at_or_above(ready, threshold, is_closed=False):
            if len(told) >= MOST_TOLD_AT_ONCE:
                break
            del self._touched[found.key]
            told.append(self._told(found, score, now_s, is_open=True))
        for found in ready:
            if not found.revision:  # not raised by the flows so far: the next one asks again
                self._touched.pop(found.key, None)
        return told

    def close_before(self, time_ms: float, threshold: Threshold, now_s: float) -> list[Told]:
        """Incidents of windows that ended by then, for the last time."""
        begun_before = time_ms - self.window_ms
        ended = [found for found in self._open.values() if found.window_ms <= begun_before]
        for found in ended:
            del self._open[found.key]
            self._touched.pop(found.key, None)
        return self._finished(ended, threshold, now_s)

    def make_room(self, threshold: Threshold, now_s: float) -> None:
        """Forget what is beyond the bound; raised ones among them are told for the last time."""
        if len(self._open) <= self.most_open:
            return
        keep = self.most_open // 2
        quiet = [found for found in self._open.values() if not found.alerts]
        gone = quiet[: len(self._open) - keep]
        left = len(self._open) - len(gone)
        if left > self.most_open:
            loud = [found for found in self._open.values() if found.alerts]
            gone += sorted(loud, key=lambda found: found.revision)[: left - keep]
        for found in gone:
            del self._open[found.key]
            self._touched.pop(found.key, None)
        self.evicted += len(gone)
        self._waiting += self._finished(gone, threshold, now_s, is_closed=False)

    def _finished(
        self,
        ended: Sequence[LiveIncident],
        threshold: Threshold,
        now_s: float,
        *,
        is_closed: bool = True,
    ) -> list[Told]:
        loud = [found for found in ended if found.alerts]
        told = []
        for found, score in self._at_or_above(loud, threshold, is_closed=is_closed):
            told.append(self._told(found, score, now_s, is_open=False))
            self._closed[found.key] = found
        while len(self._closed) > _MOST_CLOSED:
            self._closed.popitem(last=False)
        return told

    def _at_or_above(
        self, found: Sequence[LiveIncident], threshold: Threshold, *, is_closed: bool
    ) -> Iterator[tuple[LiveIncident, float]]:
        """Those that are raised, or were once."""
        scores = [incident.score(self.rank, is_closed=is_closed) for incident in found]
        flags = threshold.alerts(np.array(scores, np.float32)).tolist()
        for incident, score, is_raised in zip(found, scores, flags, strict=True):
            if is_raised or incident.revision:
                yield incident, score

    def _told(self, found: LiveIncident, score: float, now_s: float, *, is_open: bool) -> Told:
        is_first = not found.revision
        self.raised += is_first
        found.revision = max(found.revision, self.revision_base) + 1
        found.told_s = now_s
        return Told(found, is_open, score, is_first)

    def _begin(self, key: Key) -> LiveIncident:
        found = self._closed.pop(key, None) or LiveIncident(*key)
        self._open[key] = found
        return found

    # -- checkpoints -------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """What is open and what was told lately, as plain JSON values."""
        return {
            "evicted": self.evicted,
            "raised": self.raised,
            "revision_base": self.revision_base,
            "open": [_plain(found) for found in self._open.values()],
            "closed": [_plain(found) for found in self._closed.values()],
        }

    def restore(self, document: dict[str, Any]) -> None:
        """Go on with what ``to_json`` wrote."""
        self.evicted, self.raised = int(document["evicted"]), int(document["raised"])
        self.revision_base = int(document["revision_base"]) + _REVISIONS_A_RUN
        self._open = {found.key: found for found in _read(document["open"])}
        self._closed = OrderedDict((found.key, found) for found in _read(document["closed"]))
        self._touched = {key: found for key, found in self._open.items() if found.alerts}


def _plain(found: LiveIncident) -> dict[str, Any]:
    document = asdict(found)
    del document["told_s"]
    if not found.alerts:
        del document["first_ms"], document["last_ms"]  # infinite, which JSON has not
    return document


def _read(documents: Iterable[dict[str, Any]]) -> Iterator[LiveIncident]:
    for document in documents:
        examples = [(float(score), str(name)) for score, name in document["examples"]]
        yield LiveIncident(**{**document, "examples": examples})
