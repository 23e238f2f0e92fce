"""Records and a clock for the tests of the outputs."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START_MS = START.timestamp() * 1000.0
OBSERVER = {"name": "gate", "vendor": "EdgeGuard", "version": "0", "type": "ids"}


class TurnedClock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.jump_s = 0.0  # of the time of day alone

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.jump_s)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def alert(number: int, *, sensor: str = "gate", host: str = "10.0.0.7", **own: Any) -> Record:
    """The alert of a flow that began ``number`` seconds after the start."""
    identity = record_id(sensor, host, number)
    time_ms = START_MS + number * 1000.0
    incident = {"id": record_id(sensor, host), "host": host, "cause": "spread"}
    body = {
        "@timestamp": iso_time(time_ms),
        "kind": "alert",
        "event": {"id": identity, "kind": "alert", "dataset": "edgeguard.alert", "severity": 80},
        "message": f"Flow {number} sends 5 × more than usual.",
        "source": {"ip": host, "port": 40_000, "bytes": 10, "packets": 1},
        "destination": {"ip": "10.0.0.9", "port": 443, "bytes": 20, "packets": 2},
        "network": {"transport": "tcp", "iana_number": "6"},
        "observer": {**OBSERVER, "name": sensor},
        "edgeguard": {
            "score": 0.5,
            "p_value": 0.001,
            "severity": 80,
            "number": number,
            "incident": {**incident, "window_start": iso_time(START_MS)},
            **own,
        },
    }
    return Record(Kind.ALERT, identity, time_ms, sensor, body)


def incident(
    revision: int, *, sensor: str = "gate", host: str = "10.0.0.7", alerts: int = 3
) -> Record:
    """The incident of the alerts of a host, as it is told the ``revision``-th time."""
    identity = record_id(sensor, host)
    own = {
        "id": identity,
        "host": host,
        "cause": "spread",
        "window_start": iso_time(START_MS),
        "window_minutes": 10,
        "score": 0.5,
        "severity": 90,
        "flows": 50,
        "alerts": alerts,
        "first_alert": iso_time(START_MS),
        "last_alert": iso_time(START_MS + 1000.0 * revision),
        "open": True,
        "revision": revision,
    }
    body = {
        "@timestamp": iso_time(START_MS),
        "kind": "incident",
        "event": {"id": identity, "kind": "alert", "dataset": "edgeguard.incident"},
        "message": f"{host} raised {alerts} alerts.",
        "observer": {**OBSERVER, "name": sensor},
        "edgeguard": {"incident": own},
    }
    return Record(Kind.INCIDENT, identity, START_MS, sensor, body, revision)


def event(number: int, kind: Kind = Kind.SENSOR, *, sensor: str = "gate") -> Record:
    """Something that a watch tells about itself."""
    identity = record_id(sensor, kind, number)
    time_ms = START_MS + number * 1000.0
    body = {
        "@timestamp": iso_time(time_ms),
        "kind": kind.value,
        "event": {"id": identity, "kind": "event", "dataset": f"edgeguard.{kind.value}"},
        "message": "The log was rotated.",
        "observer": {**OBSERVER, "name": sensor},
        "edgeguard": {"reason": "log_rotated"},
    }
    return Record(kind, identity, time_ms, sensor, body)


def heartbeat(number: int, *, sensor: str = "gate") -> Record:
    """A heartbeat after ``number`` seconds."""
    identity = record_id(sensor, "heartbeat", number)
    time_ms = START_MS + number * 1000.0
    body = {
        "@timestamp": iso_time(time_ms),
        "kind": "heartbeat",
        "event": {"id": identity, "kind": "metric", "dataset": "edgeguard.heartbeat"},
        "observer": {**OBSERVER, "name": sensor},
        "edgeguard": {"flows": 100 + number, "alerts": 3, "dropped": 0, "lag_s": 0.5},
    }
    return Record(Kind.HEARTBEAT, identity, time_ms, sensor, body)


def counts(hour: int, revision: int = 1, *, sensor: str = "gate", bundle: str = "b" * 64) -> Record:
    """What was counted in an hour, as it is told the ``revision``-th time."""
    identity = record_id(sensor, "drift", hour)
    time_ms = START_MS + hour * 3_600_000.0
    packed = base64.b64encode(bytes([0, 255, revision])).decode()
    own = {"what": "drift", "bundle": bundle, "first": 100 * hour, "flows": 10 * revision}
    body = {
        "@timestamp": iso_time(time_ms),
        "kind": "counts",
        "event": {"id": identity, "kind": "metric", "dataset": "edgeguard.counts"},
        "observer": {**OBSERVER, "name": sensor},
        "edgeguard": {**own, "rejected": 3, "packed": packed},
    }
    return Record(Kind.COUNTS, identity, time_ms, sensor, body, revision)
