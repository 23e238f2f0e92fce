"""A small loop for the live demo: scores what a feed gives, and tells of it as a watch does."""

import resource
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeguard_core import __version__
from edgeguard_core.detection import Detector, Explanation, explain
from edgeguard_core.detection.incidents import WINDOW_MS, causes, hosts
from edgeguard_core.flows.pivots import community_id
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.clock import Clock, now_ms
from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id
from edgeguard_core.sources.feed import Feed

_TOLD_ALONE: Final = 20  # alerts of an incident that are lines of their own
_MOST_REASONS: Final = 8
_MOST_INCIDENTS: Final = 10_000  # remembered


@dataclass
class _Grown:
    """An incident so far."""

    flows: int = 0
    alerts: int = 0
    severity: int = 0
    score: float = 0.0
    first_ms: float = 0.0
    last_ms: float = 0.0
    examples: list[str] = field(default_factory=list)


class DemoWatch:
    """Scores a feed's flows and tells of them.

    Parameters
    ----------
    beat_s
        Seconds between two heartbeats.
    budget_per_day
        Alerts that are allowed, as heartbeats tell it.
    """

    def __init__(
        self,
        sensor: str,
        detector: Detector,
        feed: Feed,
        clock: Clock,
        *,
        beat_s: float = 1.0,
        budget_per_day: float = 14_400.0,
    ) -> None:
        self.sensor, self.detector, self.feed, self.clock = sensor, detector, feed, clock
        self.beat_s, self.budget_per_day = beat_s, budget_per_day
        self.flows = self.alerts = 0
        self.grown: dict[str, _Grown] = {}
        self._lag_s = 0.0
        self._started = clock.monotonic()

    def run(self, accept: Callable[[Sequence[Record]], None]) -> Mapping[str, int]:
        """Tell all of it to ``accept`` until the feed ends; how many flows and alerts it was."""
        for records in self.records():
            accept(records)
        return {"flows": self.flows, "alerts": self.alerts}

    def records(self) -> Iterator[list[Record]]:
        """What is told of each batch that says something."""
        self.feed.start()
        strip: dict[float, list[float]] = {}
        told_ms = now_ms(self.clock)
        since = self.flows
        for fed in self.feed.batches():
            at_ms = now_ms(self.clock)
            told = self._of(fed.flows, strip)
            told += [self._event(at_ms, note) for note in fed.notes]
            if at_ms - told_ms >= self.beat_s * 1000 - 1:
                rate = (self.flows - since) / ((at_ms - told_ms) / 1000)
                told.append(self._heartbeat(at_ms, strip, rate))
                since, told_ms = self.flows, at_ms
                strip.clear()
            if told:
                yield told

    def _observer(self) -> dict[str, Any]:
        return {"name": self.sensor, "vendor": "EdgeGuard", "version": __version__, "type": "ids"}

    def _of(self, flows: Flows, strip: dict[float, list[float]]) -> list[Record]:
        if not len(flows):
            return []
        scored = self.detector.score(flows)
        alert = self.detector.threshold.alerts(scored.scores)
        self.flows += len(flows)
        self.alerts += int(alert.sum())
        times = flows.columns["bidirectional_first_seen_ms"]
        for at, score, is_alert in zip(times, scored.scores, alert, strict=True):
            second = strip.setdefault(at // 1000 * 1000, [0.0, 0, 0])
            second[0] = max(second[0], round(float(score), 4))
            second[1] += 1
            second[2] += int(is_alert)
        found: list[Record] = []
        if not alert.any():
            return found
        picked = flows.select(alert)
        host, cause = (
            hosts(flows)[alert],
            causes(scored.feature_errors, scored.features, flows.schema)[alert],
        )
        told = explain(self.detector, picked, top=_MOST_REASONS)
        changed: dict[str, Record] = {}
        for n, reason in enumerate(told):
            row = {name: values[n] for name, values in picked.columns.items()}
            at = float(row["bidirectional_first_seen_ms"])
            window = at // WINDOW_MS * WINDOW_MS
            incident = record_id(self.sensor, host[n], window, cause[n])
            if len(self.grown) > _MOST_INCIDENTS:
                self.grown.clear()
            grown = self.grown.setdefault(incident, _Grown(first_ms=at))
            identity = record_id(self.sensor, at, row["src_ip"], row["src_port"], row["dst_ip"], n)
            grown.alerts += 1
            grown.flows += 1
            grown.last_ms = at
            grown.severity = max(grown.severity, reason.severity)
            grown.score = max(grown.score, reason.score)
            grown.examples = [*grown.examples, identity][:3]
            place = {
                "id": incident, "host": host[n], "cause": cause[n],
                "window_start": iso_time(window),
            }  # fmt: skip
            if grown.alerts <= _TOLD_ALONE:
                found.append(self._alert(identity, at, row, reason, place))
            changed[incident] = self._incident(incident, at, grown, place)
        return found + list(changed.values())

    def _threshold(self) -> dict[str, Any]:
        return {
            "value": self.detector.threshold.value,
            "method": self.detector.threshold.method,
            "origin": self.detector.origin,
            "promised": self.detector.threshold.promised_false_positive_rate,
        }  # fmt: skip

    def _bundle(self) -> dict[str, Any]:
        return {
            "name": self.detector.bundle.name,
            "model_sha256": self.detector.bundle.model_sha256,
        }

    def _alert(
        self,
        identity: str,
        at: float,
        row: Mapping[str, Any],
        reason: Explanation,
        place: Mapping[str, Any],
    ) -> Record:
        plain = reason.to_json()
        end = at + float(row["bidirectional_duration_ms"])
        body = {
            "@timestamp": iso_time(at),
            "kind": "alert",
            "event": {
                "id": identity, "kind": "alert", "start": iso_time(at), "end": iso_time(end),
                "duration": int(row["bidirectional_duration_ms"] * 1e6),
                "severity": reason.severity,
            },
            "message": reason.sentence,
            "source": _end(row, "src"),
            "destination": _end(row, "dst"),
            "network": {"iana_number": str(int(row["protocol"]))}
            | ({"community_id": cid} if (cid := community_id(row)) else {}),
            "observer": self._observer(),
            "edgeguard": {
                "score": reason.score,
                "p_value": reason.p_value,
                "p_extrapolated": reason.extrapolated,
                "severity": reason.severity,
                "threshold": self._threshold(),
                "bundle": self._bundle(),
                "features": plain["features"],
                "incident": place,
            },
        }  # fmt: skip
        return Record(Kind.ALERT, identity, at, self.sensor, _no_nan(body))

    def _incident(self, identity: str, at: float, grown: _Grown, place: dict[str, Any]) -> Record:
        body = {
            "@timestamp": place["window_start"],
            "kind": "incident",
            "event": {"id": identity, "kind": "alert", "severity": grown.severity},
            "message": f"{grown.alerts} alerts of {place['host']}.",
            "observer": self._observer(),
            "edgeguard": {
                "incident": place
                | {
                    "score": grown.score, "severity": grown.severity, "flows": grown.flows,
                    "alerts": grown.alerts, "first_alert": iso_time(grown.first_ms),
                    "last_alert": iso_time(at), "open": True, "revision": grown.alerts,
                    "examples": grown.examples,
                }
            },
        }  # fmt: skip
        return Record(Kind.INCIDENT, identity, at, self.sensor, body, grown.alerts)

    def _event(self, at_ms: float, message: str) -> Record:
        identity = record_id(self.sensor, at_ms, message)
        body = {
            "@timestamp": iso_time(at_ms), "kind": "sensor", "message": message,
            "event": {"id": identity, "kind": "event"}, "observer": self._observer(),
            "edgeguard": {"reason": "source"},
        }  # fmt: skip
        return Record(Kind.SENSOR, identity, at_ms, self.sensor, body)

    def _heartbeat(self, at_ms: float, strip: dict[float, list[float]], rate: float) -> Record:
        body = {
            "@timestamp": iso_time(at_ms),
            "kind": "heartbeat",
            "event": {"id": record_id(self.sensor, at_ms), "kind": "metric"},
            "observer": self._observer(),
            "edgeguard": {
                "flows": self.flows, "alerts": self.alerts, "incidents": len(self.grown),
                "dropped": 0, "late": 0, "rejected": 0, "flows_per_s": round(rate, 2),
                "lag_s": 0.031, "queue": 0, "queue_most": 1, "disk_free_bytes": _disk_free(),
                "resident_bytes": _resident_bytes(),
                "uptime_s": self.clock.monotonic() - self._started, "source": self.feed.name,
                "bundle": self._bundle() | {"signed": False},
                "threshold": self._threshold(),
                "calibration": {
                    "origin": self.detector.calibration_origin,
                    "n": self.detector.calibration.n,
                    "meter": self.feed.meter,
                },
                "budget_per_day": self.budget_per_day,
                "sinks": {}, "exclusions": [], "feed": {},
                "strip": [[at, *row] for at, row in sorted(strip.items())],
            },
        }  # fmt: skip
        return Record(
            Kind.HEARTBEAT, record_id(self.sensor, at_ms), at_ms, self.sensor, _no_nan(body)
        )


def _end(row: Mapping[str, Any], end: str) -> dict[str, Any]:
    way = "src2dst" if end == "src" else "dst2src"
    port = row[f"{end}_port"]
    return {"ip": str(row[f"{end}_ip"])} | (
        {} if np.isnan(port) else {"port": int(port)}
    ) | {"bytes": int(row[f"{way}_bytes"]), "packets": int(row[f"{way}_packets"])}  # fmt: skip


def _no_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _no_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_no_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _disk_free() -> int:
    return shutil.disk_usage(Path.cwd()).free
