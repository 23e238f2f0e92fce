"""The end of a store, read once for all who look at it.

A tail remembers the latest alerts and what each sensor told in the last hour, and asks the store
only for what came since: its memory and its queries stay the same however long it is looked at
and however much the store holds.
"""

import statistics
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.store_reading import (
    AlertStore,
    StoredAlert,
    StoredEvent,
    StoredHeartbeat,
    StoredIncident,
)

MOST_ALERTS = 500  # remembered; the table shows fewer
MOST_INCIDENTS = 30
MOST_EVENTS = 30
STRIP_S = 180  # of the strip of highest scores
HOUR_MS = 3_600_000.0
_MINUTE_MS = 60_000.0
_LEAST_GAP_MS = 400.0  # between two looks, however many people look
_INCIDENTS_GAP_MS = 1_500.0  # they are drawn each two seconds
_SLOW_GAP_MS = 4_000.0  # for what changes seldom
_SILENT_GAP_MS = 30_000.0  # for boxes that have not told anything for an hour
_LATE_MS = 120_000.0  # a heartbeat that comes later is not put into the strip any more
_MOST_HEARTBEATS = 2_000
_USUAL_GAP_S = 60.0  # between heartbeats, where only one is known
_GAPS = 5

Strip = tuple[tuple[float, float, int, int], ...]
"""Second (ms), highest score, flows, alerts; oldest first."""


@dataclass(frozen=True, eq=False)
class Sensor:
    """What a sensor told, up to its last heartbeat.

    Attributes
    ----------
    seen_ms
        When that heartbeat was there to be read, by the clock of whoever looks.
    gap_s
        How long it usually is from one to the next.
    minutes
        Flows and alerts by the minute they fell into (ms), of the last hour.
    incidents
        Raised in that hour, or since as long as is known.
    """

    name: str
    last: StoredHeartbeat
    seen_ms: float
    gap_s: float
    strip: Strip
    minutes: Mapping[float, tuple[int, int]]
    incidents: int

    @property
    def told(self) -> Mapping[str, Any]:
        """The figures of the last heartbeat."""
        return part(self.last.body, "edgeguard")


@dataclass(frozen=True, eq=False)
class Seen:
    """A store as it was at a moment.

    Attributes
    ----------
    error
        Why the store cannot be read now; the rest is then as it was the last time it could.
    read_ms
        When it was last read without an error; None where it never was.
    """

    at_ms: float
    read_ms: float | None = None
    sensors: tuple[Sensor, ...] = ()
    alerts: tuple[StoredAlert, ...] = ()  # newest first
    incidents: tuple[StoredIncident, ...] = ()  # the one with the latest alert first
    events: tuple[StoredEvent, ...] = ()  # newest first
    error: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written there, as far as can be seen."""
        return not (self.sensors or self.alerts or self.incidents or self.events)


@dataclass
class _Known:
    """What is remembered of one sensor; changes as heartbeats come."""

    last: StoredHeartbeat
    seen_ms: float
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=_GAPS))
    strip: dict[float, tuple[float, int, int]] = field(default_factory=dict)
    minutes: dict[float, tuple[int, int]] = field(default_factory=dict)
    raised: dict[float, int] = field(default_factory=dict)  # incidents so far, by minute

    def take(self, beat: StoredHeartbeat, seen_ms: float) -> None:
        self.gaps_s.append((beat.time_ms - self.last.time_ms) / 1000.0)
        self.last, self.seen_ms = beat, seen_ms
        self.add_strip(beat)

    def add_strip(self, beat: StoredHeartbeat) -> None:
        so_far = part(beat.body, "edgeguard").get("incidents")
        if isinstance(so_far, int):
            self.raised.setdefault(beat.time_ms // _MINUTE_MS * _MINUTE_MS, so_far)
        for second_ms, score, flows, alerts in strip_of(beat):
            before = self.strip.get(second_ms, (0.0, 0, 0))
            both = (max(score, before[0]), flows + before[1], alerts + before[2])
            self.strip[second_ms] = both
            minute_ms = second_ms // _MINUTE_MS * _MINUTE_MS
            all_flows, all_alerts = self.minutes.get(minute_ms, (0, 0))
            self.minutes[minute_ms] = (all_flows + flows, all_alerts + alerts)
        if len(self.strip) > 2 * STRIP_S:
            self._forget()

    def _forget(self) -> None:
        """Let go of what is older than is ever drawn."""
        latest = max(self.strip, default=self.last.time_ms)
        _drop_before(self.strip, latest - STRIP_S * 1000.0)
        _drop_before(self.minutes, latest - HOUR_MS)
        _drop_before(self.raised, self.last.time_ms - HOUR_MS)

    def frozen(self, name: str) -> Sensor:
        self._forget()
        strip = tuple((at, *self.strip[at]) for at in sorted(self.strip))
        gap_s = statistics.median(self.gaps_s) if self.gaps_s else _USUAL_GAP_S
        return Sensor(
            name, self.last, self.seen_ms, gap_s, strip, dict(self.minutes), self._incidents()
        )

    def _incidents(self) -> int:
        """Raised in the last hour; after a restart from nothing those since then."""
        now = part(self.last.body, "edgeguard").get("incidents")
        if not isinstance(now, int):
            return 0
        before = self.raised[min(self.raised)] if self.raised else now
        return now - before if now >= before else now


def _drop_before(found: dict[float, Any], time_ms: float) -> None:
    for at in [at for at in found if at < time_ms]:
        del found[at]


class Tail:
    """The end of one store; several threads may look."""

    def __init__(self, url: str) -> None:
        self.store = AlertStore(url)
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._alerts: deque[StoredAlert] = deque(maxlen=MOST_ALERTS)  # newest first
        self._seen = Seen(0.0)
        self._incidents_ms = self._slow_ms = self._silent_ms = -HOUR_MS

    def look(self, now_ms: float) -> Seen:
        """The store now; an error is told in the answer and never raised."""
        with self._lock:
            if abs(now_ms - self._seen.at_ms) < _LEAST_GAP_MS:
                return self._seen
            try:
                self._read(now_ms)
            except EdgeGuardError as error:
                self._seen = replace(self._seen, at_ms=now_ms, error=str(error))
            return self._seen

    def close(self) -> None:
        """Let go of the connections."""
        self.store.close()

    def _read(self, now_ms: float) -> None:
        self._read_heartbeats(now_ms)
        self._read_alerts()
        incidents, events = self._seen.incidents, self._seen.events
        if now_ms - self._incidents_ms >= _INCIDENTS_GAP_MS:
            incidents = tuple(self.store.incidents(now_ms - HOUR_MS, most=MOST_INCIDENTS))
            self._incidents_ms = now_ms
        if now_ms - self._slow_ms >= _SLOW_GAP_MS:
            events = tuple(self.store.events(0.0, most=MOST_EVENTS))
            self._slow_ms = now_ms
        sensors = tuple(self._known[name].frozen(name) for name in sorted(self._known))
        self._seen = Seen(now_ms, now_ms, sensors, tuple(self._alerts), incidents, events)

    def _read_alerts(self) -> None:
        newest = self._alerts[0].place if self._alerts else None
        for alert in reversed(self.store.alerts(after=newest, most=MOST_ALERTS)):
            self._alerts.appendleft(alert)

    def _read_heartbeats(self, now_ms: float) -> None:
        first = not self._known
        beats = self.store.heartbeats(self._since(now_ms), most=_MOST_HEARTBEATS)
        for beat in beats:
            self._take(beat, min(beat.time_ms, now_ms) if first else now_ms)
        if now_ms - self._silent_ms >= _SILENT_GAP_MS:
            self._silent_ms = now_ms
            for beat in self.store.last_heartbeats():
                self._take(beat, min(beat.time_ms, now_ms))

    def _since(self, now_ms: float) -> float:
        if not self._known:
            return now_ms - HOUR_MS
        return max(min(known.last.time_ms for known in self._known.values()), now_ms - _LATE_MS)

    def _take(self, beat: StoredHeartbeat, seen_ms: float) -> None:
        known = self._known.get(beat.sensor)
        if known is None:
            known = self._known[beat.sensor] = _Known(beat, seen_ms)
            known.add_strip(beat)
        elif beat.time_ms > known.last.time_ms:
            known.take(beat, seen_ms)


@st.cache_resource(max_entries=8, show_spinner=False, on_release=lambda tail: tail.close())
def tail_of(url: str) -> Tail:
    """The tail of a store, one for all visitors.

    Raises
    ------
    OutputError
        If the address cannot be read, or the driver is not installed.
    """
    return Tail(url)


def strip_of(beat: StoredHeartbeat) -> Strip:
    """The seconds that a heartbeat tells of; what is no such row is passed over."""
    rows = part(beat.body, "edgeguard").get("strip")
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            second_ms, score, flows, alerts = row
            found.append((float(second_ms), float(score), int(flows), int(alerts)))
        except (TypeError, ValueError):
            continue
    return tuple(found)


def part(body: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """An object inside a record; empty where it is absent or something else.

    >>> part({"a": {"b": {"c": 1}}}, "a", "b"), part({"a": 1}, "a", "b")
    ({'c': 1}, {})
    """
    found: Any = body
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
