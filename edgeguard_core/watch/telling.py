"""Records out of verdicts: what each line of a watch says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import edgeguard_core
from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.explain import Explanation, FeatureReason
from edgeguard_core.flows.pivots import community_id
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id
from edgeguard_core.watch.incidents import LiveIncident, Told

TIME_COLUMNS: Final = ("bidirectional_first_seen_ms", "timestamp_ms")
DURATIONS_MS: Final = (("bidirectional_duration_ms", 1.0), ("flow_duration_us", 1e-3),
                       ("dur_s", 1e3))  # fmt: skip
"""Columns that hold how long a flow took, and how many milliseconds one of them is."""
_PACKETS: Final = (("src2dst_packets", "dst2src_packets"), ("fwd_packets", "bwd_packets"),
                   ("spkts", "dpkts"))  # fmt: skip
_BYTES: Final = (("src2dst_bytes", "dst2src_bytes"), ("fwd_bytes", "bwd_bytes"),
                 ("sbytes", "dbytes"))  # fmt: skip
_TRANSPORTS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_NS_PER_MS = 1e6
_CATEGORY = ["network", "intrusion_detection"]

Body = dict[str, Any]


@dataclass(frozen=True)
class FlowFacts:
    """A flow as a record needs it; what is unknown is None."""

    first_ms: float | None
    duration_ms: float | None
    source: Body
    destination: Body
    protocol: int | None
    packets: float | None
    bytes: float | None
    uid: str | None
    flow_id: str | None
    community: str | None

    @classmethod
    def of(cls, columns: Mapping[str, Any], row: int) -> "FlowFacts":
        """Of one row of a flow table."""

        def cell(name: str) -> Any:
            return _plain(columns[name][row]) if name in columns else None

        packets, octets = _both(cell, _PACKETS), _both(cell, _BYTES)
        protocol = cell("protocol")
        ends = [
            _filled({"ip": cell(f"{end}_ip"), "port": _whole(cell(f"{end}_port")),
                     "bytes": _whole(octets[at]), "packets": _whole(packets[at])})
            for at, end in enumerate(("src", "dst"))
        ]  # fmt: skip
        known = {name: cell(name) for name in
                 ("src_ip", "dst_ip", "src_port", "dst_port", "protocol")}  # fmt: skip
        return cls(
            first_ms=next((t for t in map(cell, TIME_COLUMNS) if t is not None), None),
            duration_ms=next(
                (cell(name) * unit for name, unit in DURATIONS_MS if cell(name) is not None), None
            ),
            source=ends[0],
            destination=ends[1],
            protocol=_whole(protocol),
            packets=_sum(packets),
            bytes=_sum(octets),
            uid=cell("uid"),
            flow_id=cell("flow_id"),
            community=cell("community_id") or community_id(known),
        )

    @property
    def sentence(self) -> str:
        """Its ends in words: ``10.0.0.7 → 203.0.113.9:443 tcp``."""
        there = self.destination.get("ip", "?")
        port = self.destination.get("port")
        there = f"[{there}]" if port is not None and ":" in str(there) else there
        place = there if port is None else f"{there}:{port}"
        word = _TRANSPORTS.get(self.protocol or -1, "")
        return f"{self.source.get('ip', '?')} → {place} {word}".rstrip()


class Teller:
    """Makes the records of one watch.

    Parameters
    ----------
    detector
        Its bundle, threshold and where that comes from stand in every record.
    """

    def __init__(self, sensor: str, detector: Detector) -> None:
        self.sensor = sensor
        self.take_up(detector)
        self._observer = {
            "name": sensor,
            "vendor": "EdgeGuard",
            "version": edgeguard_core.__version__,
            "type": "ids",
        }

    @property
    def threshold(self) -> Body:
        """The threshold in force."""
        threshold = self.detector.threshold
        return {
            "value": threshold.value,
            "method": threshold.method,
            "origin": self.detector.origin,
        }

    def take_up(self, detector: Detector) -> None:
        """Tell of another detector from now on."""
        self.detector = detector
        bundle = detector.bundle
        self.bundle: Body = {"name": bundle.name, "model_sha256": bundle.model_sha256}

    def alert_id(self, facts: FlowFacts, meter: str) -> str:
        """The id of a flow's alert: the same whenever the same flow is read again."""
        return record_id(
            self.sensor, self.detector.bundle.model_sha256, meter, facts.first_ms,
            facts.source.get("ip"), facts.source.get("port"), facts.destination.get("ip"),
            facts.destination.get("port"), facts.protocol, facts.duration_ms, facts.packets,
            facts.bytes,
        )  # fmt: skip

    def incident_id(self, incident: LiveIncident) -> str:
        """The id of an incident."""
        model = self.detector.bundle.model_sha256
        return record_id(self.sensor, model, incident.host, incident.window_ms, incident.cause)

    def alert(
        self,
        facts: FlowFacts,
        why: Explanation,
        meter: str,
        incident: LiveIncident | None,
        now_ms: float,
    ) -> Record:
        """A flow at or above the threshold."""
        first_ms = now_ms if facts.first_ms is None else facts.first_ms
        id, duration = self.alert_id(facts, meter), facts.duration_ms or 0.0
        event = {
            "id": id, "kind": "alert", "category": _CATEGORY, "type": ["info"],
            "dataset": "edgeguard.alert", "start": iso_time(first_ms),
            "end": iso_time(first_ms + duration), "duration": int(duration * _NS_PER_MS),
            "severity": why.severity,
        }  # fmt: skip
        own: Body = {
            "score": why.score, "p_value": why.p_value, "p_extrapolated": why.extrapolated,
            "severity": why.severity, "threshold": self.threshold, "bundle": self.bundle,
            "meter": meter, "features": [_feature(reason) for reason in why.features],
        }  # fmt: skip
        if incident is not None:
            own["incident"] = {
                "id": self.incident_id(incident), "host": incident.host,
                "cause": incident.cause, "window_start": iso_time(incident.window_ms),
            }  # fmt: skip
        body: Body = {
            "@timestamp": iso_time(first_ms), "kind": Kind.ALERT.value, "event": event,
            "message": f"{facts.sentence}: {why.sentence}",
            "source": facts.source, "destination": facts.destination,
            "network": _network(facts), "observer": self._observer,
            "edgeguard": own,
        }  # fmt: skip
        if facts.uid is not None:
            body["zeek"] = {"session_id": facts.uid}
        if facts.flow_id is not None:
            body["suricata"] = {"flow_id": facts.flow_id}
        return Record(Kind.ALERT, id, first_ms, self.sensor, body)

    def incident(self, told: Told, window_minutes: float) -> Record:
        """An incident as it stands."""
        found = told.incident
        id, start = self.incident_id(found), iso_time(found.window_ms)
        begin, end = iso_time(found.first_ms), iso_time(found.last_ms)
        event = {
            "id": id, "kind": "alert", "category": _CATEGORY, "type": ["info"],
            "dataset": "edgeguard.incident", "start": begin, "end": end,
            "severity": found.severity,
        }  # fmt: skip
        own = {
            "id": id, "host": found.host, "cause": found.cause, "window_start": start,
            "window_minutes": window_minutes, "score": told.score, "severity": found.severity,
            "flows": found.flows, "alerts": found.alerts, "first_alert": begin, "last_alert": end,
            "open": told.is_open, "revision": found.revision,
            "examples": [name for _, name in found.examples],
        }  # fmt: skip
        alerts = f"{found.alerts} alert{'s' if found.alerts != 1 else ''}"
        body = {
            "@timestamp": start, "kind": Kind.INCIDENT.value, "event": event,
            "message": f"{found.host}: {alerts} among {found.flows} flows, "
            f"odd in {found.cause} (severity {found.severity}).",
            "related": {"ip": [found.host]}, "observer": self._observer,
            "edgeguard": {
                "incident": own, "threshold": self.threshold, "bundle": self.bundle,
            },
        }  # fmt: skip
        return Record(Kind.INCIDENT, id, found.window_ms, self.sensor, body, found.revision)

    def event(
        self, kind: Kind, reason: str, message: str, now_ms: float, figures: Mapping[str, Any]
    ) -> Record:
        """Something the watch says of itself, of its source or of its promise."""
        id = record_id(self.sensor, kind.value, reason, now_ms, message)
        body = {
            "@timestamp": iso_time(now_ms), "kind": kind.value,
            "event": {"id": id, "kind": "event", "dataset": f"edgeguard.{kind.value}"},
            "message": message, "observer": self._observer,
            "edgeguard": {"reason": reason, **strict(figures)},
        }  # fmt: skip
        return Record(kind, id, now_ms, self.sensor, body)

    def heartbeat(self, now_ms: float, figures: Mapping[str, Any]) -> Record:
        """That the watch lives, and how it does."""
        id = record_id(self.sensor, Kind.HEARTBEAT.value, now_ms)
        body = {
            "@timestamp": iso_time(now_ms), "kind": Kind.HEARTBEAT.value,
            "event": {"id": id, "kind": "metric", "dataset": "edgeguard.heartbeat"},
            "message": f"{self.sensor} has seen {figures.get('flows', 0)} flows.",
            "observer": self._observer, "edgeguard": strict(figures),
        }  # fmt: skip
        return Record(Kind.HEARTBEAT, id, now_ms, self.sensor, body)

    def counts(self, id: str, hour_ms: float, figures: Mapping[str, Any], revision: int) -> Record:
        """What was counted in an hour of the traffic; a store keeps it."""
        body = {
            "@timestamp": iso_time(hour_ms), "kind": Kind.COUNTS.value,
            "event": {"id": id, "kind": "metric", "dataset": "edgeguard.counts"},
            "message": f"{self.sensor} counted {figures['flows']} flows of the hour.",
            "observer": self._observer, "edgeguard": strict(figures),
        }  # fmt: skip
        return Record(Kind.COUNTS, id, hour_ms, self.sensor, body, revision)


def rows_of(flows: Flows, rows: Sequence[int]) -> list[FlowFacts]:
    """The facts of some rows."""
    return [FlowFacts.of(flows.columns, row) for row in rows]


def strict(value: Any) -> Any:
    """The value in the types of strict JSON; what is undefined becomes None.

    >>> strict({"rate": float("nan"), "rows": (1, 2)})
    {'rate': None, 'rows': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _feature(reason: FeatureReason) -> Body:
    """Its values are plain and finite already."""
    body = {
        "name": reason.name, "actual": reason.actual, "reconstructed": reason.reconstructed,
        "usual_low": reason.usual_low, "usual_high": reason.usual_high, "unit": reason.unit,
        "share": round(reason.share, 6),
        "usual_values": None if reason.usual_values is None else list(reason.usual_values),
        "similar_low": reason.similar_low, "similar_high": reason.similar_high,
        "similar_values": None if reason.similar_values is None else list(reason.similar_values),
    }  # fmt: skip
    return _filled(body)


def _network(facts: FlowFacts) -> Body:
    return _filled(
        {
            "transport": _TRANSPORTS.get(facts.protocol or -1),
            "iana_number": None if facts.protocol is None else str(facts.protocol),
            "bytes": _whole(facts.bytes),
            "packets": _whole(facts.packets),
            "community_id": facts.community,
        }
    )


def _both(cell: Any, pairs: Sequence[tuple[str, str]]) -> tuple[Any, Any]:
    for there, back in pairs:
        if (found := (cell(there), cell(back))) != (None, None):
            return found
    return None, None


def _sum(both: tuple[Any, Any]) -> float | None:
    known = [value for value in both if value is not None]
    return float(sum(known)) if known else None


def _filled(body: Mapping[str, Any]) -> Body:
    return {name: value for name, value in body.items() if value is not None}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _plain(value: Any) -> Any:
    """A cell as a plain value; nan and "" are None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value or None if isinstance(value, str) else value
