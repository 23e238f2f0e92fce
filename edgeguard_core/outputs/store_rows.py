"""Records as rows of the store."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.wire import body_json

Row = dict[str, Any]

_NAMES = {"sensor": 120, "host": 64, "cause": 40, "ip": 64, "kind": 16, "id": 24}  # characters


def alert_row(record: Record, received_ms: float) -> Row:
    """An alert as a row of ``alerts``."""
    own = _part(record.body, "edgeguard")
    incident = _part(own, "incident")
    source, destination = _part(record.body, "source"), _part(record.body, "destination")
    return {
        "id": _text(record.id, "id"),
        "sensor": _text(record.sensor, "sensor"),
        "time_ms": record.time_ms,
        "received_ms": received_ms,
        "incident_id": _text(incident.get("id"), "id"),
        "host": _text(incident.get("host") or source.get("ip"), "host"),
        "cause": _text(incident.get("cause"), "cause"),
        "src_ip": _text(source.get("ip"), "ip"),
        "src_port": _whole(source.get("port")),
        "dst_ip": _text(destination.get("ip"), "ip"),
        "dst_port": _whole(destination.get("port")),
        "protocol": _whole(_part(record.body, "network").get("iana_number")),
        "score": _number(own.get("score"), 0.0),
        "p_value": _number(own.get("p_value"), 1.0),
        "severity": _whole(own.get("severity")) or 0,
        "body": body_json(record.body),
    }


def incident_row(record: Record) -> Row:
    """An incident as a row of ``incidents``."""
    incident = _part(_part(record.body, "edgeguard"), "incident")
    window_ms = _time_ms(incident.get("window_start"), record.time_ms)
    return {
        "id": _text(record.id, "id"),
        "sensor": _text(record.sensor, "sensor"),
        "window_ms": window_ms,
        "host": _text(incident.get("host"), "host") or "",
        "cause": _text(incident.get("cause"), "cause") or "",
        "score": _number(incident.get("score"), 0.0),
        "severity": _whole(incident.get("severity")) or 0,
        "flows": _whole(incident.get("flows")) or 0,
        "alerts": _whole(incident.get("alerts")) or 0,
        "first_ms": _time_ms(incident.get("first_alert"), window_ms),
        "last_ms": _time_ms(incident.get("last_alert"), window_ms),
        "revision": record.revision,
        "body": body_json(record.body),
    }


def event_row(record: Record) -> Row:
    """An audit, drift or sensor record as a row of ``events``."""
    message = record.body.get("message")
    return {
        "id": _text(record.id, "id"),
        "sensor": _text(record.sensor, "sensor"),
        "kind": record.kind.value,
        "time_ms": record.time_ms,
        "message": _clean(str(message)) if message is not None else "",
        "body": body_json(record.body),
    }


def heartbeat_row(record: Record) -> Row:
    """A heartbeat as a row of ``heartbeats``."""
    own = _part(record.body, "edgeguard")
    lag_s = own.get("lag_s")
    return {
        "sensor": _text(record.sensor, "sensor"),
        "time_ms": record.time_ms,
        "flows": _whole(own.get("flows")) or 0,
        "alerts": _whole(own.get("alerts")) or 0,
        "dropped": _whole(own.get("dropped")) or 0,
        "lag_s": None if lag_s is None else _number(lag_s, 0.0),
        "body": body_json(record.body),
    }


def counts_row(record: Record, received_ms: float) -> Row:
    """Counts of an hour as a row of ``hour_counts``; their arrays come as base64."""
    own = dict(_part(record.body, "edgeguard"))
    packed = str(own.pop("packed", ""))
    return {
        "id": _text(record.id, "id"),
        "sensor": _text(record.sensor, "sensor"),
        "what": _text(own.get("what"), "kind") or "",
        "bundle": _text(own.get("bundle"), "host") or "",
        "hour_ms": record.time_ms,
        "received_ms": received_ms,
        "first": _whole(own.get("first")) or 0,
        "flows": _whole(own.get("flows")) or 0,
        "revision": record.revision,
        "body": body_json({**record.body, "edgeguard": own}),
        "packed": base64.b64decode(packed),
    }


def body_of(text: str) -> dict[str, Any]:
    """The body of a row."""
    body = json.loads(text)
    return body if isinstance(body, dict) else {}


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(value: object, column: str) -> str | None:
    return None if value is None else _clean(str(value))[: _NAMES[column]]


def _clean(text: str) -> str:
    # PostgreSQL takes neither a NUL nor half a surrogate; names come from the network.
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and isfinite(value) else otherwise


def _whole(value: object) -> int | None:
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return None


def _time_ms(value: object, otherwise: float) -> float:
    """Milliseconds of an ISO time or of a number; as told otherwise where there is none."""
    if isinstance(value, int | float):
        return _number(value, otherwise)
    try:
        stamp = datetime.fromisoformat(str(value))
    except ValueError:
        return otherwise
    return stamp.timestamp() * 1000.0 if stamp.tzinfo is not None else otherwise
