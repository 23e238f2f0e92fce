"""Small records of hand-made figures, for what reads a store."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeguard_core.outputs.records import Kind, Record, iso_time
from edgeguard_core.outputs.store import StoreSink

NOW = datetime(2026, 5, 4, 14, 3, 12, tzinfo=UTC)
NOW_MS = NOW.timestamp() * 1000.0


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        return


def write(path: Path, *records: Record) -> str:
    """The address of a store that holds these."""
    url = f"sqlite:///{path}"
    sink = StoreSink(url, 90.0, FixedClock())
    try:
        sink.send(records)
    finally:
        sink.close()
    return url


def heartbeat(
    ago_s: float = 0.0,
    *,
    sensor: str = "gate",
    strip: Sequence[Sequence[float]] = (),
    dropped: int = 0,
    **figures: Any,
) -> Record:
    at = NOW_MS - ago_s * 1000.0
    told: dict[str, Any] = {
        "flows": 100, "alerts": 3, "dropped": dropped, "flows_per_s": 20.0, "lag_s": 0.04,
        "budget_per_day": 240.0, "incidents": 4, "disk_free_bytes": 3e9, "resident_bytes": 8e7,
        "source": "interface eth0",
        "bundle": {"name": "home", "model_sha256": "ab" * 32, "signed": True},
        "threshold": {"value": 2.5, "method": "conformal", "origin": "bundle", "promised": 0.01},
        "calibration": {"origin": "bundle", "n": 1813, "meter": "zeek"},
        "strip": [list(row) for row in strip],
    }  # fmt: skip
    body = {
        "@timestamp": iso_time(at),
        "kind": "heartbeat",
        "observer": {"name": sensor, "version": "0.1.0"},
        "edgeguard": told | figures,
    }
    return Record(Kind.HEARTBEAT, f"b{sensor}{at}"[:24], at, sensor, body)


def alert(
    number: int, *, ago_s: float = 1.0, sensor: str = "gate", host: str = "10.0.0.7",
    severity: int = 80, score: float = 5.0, incident: str = "c" * 24, src: str = "10.0.0.7",
    dst: str = "192.0.2.9",
) -> Record:  # fmt: skip
    at = NOW_MS - ago_s * 1000.0
    identity = f"{number:012x}" * 2
    features = [
        {"name": "src2dst_bytes", "actual": 5e6, "reconstructed": 900.0, "usual_low": 40.0,
         "usual_high": 9e4, "usual_values": None, "unit": "B", "share": 0.41},
        {"name": "service", "actual": "irc", "reconstructed": "https", "usual_low": "https",
         "usual_high": "dns", "usual_values": ["https", "dns"], "unit": None, "share": 0.3},
    ]  # fmt: skip
    body = {
        "@timestamp": iso_time(at),
        "kind": "alert",
        "message": "src2dst_bytes was 5 MB, usually 40 B to 90 kB (41 % of the score).",
        "event": {"id": identity, "start": iso_time(at), "duration": 2_000_000_000},
        "source": {"ip": src, "port": 50123},
        "destination": {"ip": dst, "port": 443},
        "network": {"iana_number": "6", "community_id": "1:abc="},
        "zeek": {"session_id": "CHhAvVGS1DHFjwGM9"},
        "observer": {"name": sensor},
        "edgeguard": {
            "score": score, "p_value": 0.0004, "p_extrapolated": False, "severity": severity,
            "threshold": {"value": 2.5}, "bundle": {"name": "home", "model_sha256": "ab" * 32},
            "features": features,
            "incident": {"id": incident, "host": host, "cause": "volume"},
        },
    }  # fmt: skip
    return Record(Kind.ALERT, identity, at, sensor, body)


def incident(*, identity: str = "c" * 24, alerts: int = 21, ago_s: float = 1.0) -> Record:
    at = NOW_MS - ago_s * 1000.0
    body = {
        "@timestamp": iso_time(at), "kind": "incident", "observer": {"name": "gate"},
        "edgeguard": {
            "incident": {
                "id": identity, "host": "10.0.0.7", "cause": "volume",
                "window_start": iso_time(at), "score": 9.0, "severity": 90, "flows": alerts,
                "alerts": alerts, "first_alert": iso_time(at), "last_alert": iso_time(at),
                "open": True, "revision": alerts,
            }
        },
    }  # fmt: skip
    return Record(Kind.INCIDENT, identity, at, "gate", body, alerts)


def event(kind: Kind, message: str, reason: str, *, ago_s: float = 5.0) -> Record:
    at = NOW_MS - ago_s * 1000.0
    body = {
        "@timestamp": iso_time(at), "kind": kind.value, "message": message,
        "observer": {"name": "gate"}, "edgeguard": {"reason": reason},
    }  # fmt: skip
    return Record(kind, f"e{reason}{ago_s}"[:24], at, "gate", body)
