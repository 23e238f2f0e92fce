"""Records as a watch writes them: the replay of an office, judged by the demo bundle.

A stand-in for the loop, for tests of what reads a store; ``python tests/live_records.py URL``
keeps filling one.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector, explain
from edgeguard_core.detection.incidents import WINDOW_MS, causes, hosts
from edgeguard_core.features.context import HostContext
from edgeguard_core.flows.pivots import community_id
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind, Record, iso_time, record_id
from edgeguard_core.outputs.store import StoreSink
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.sources.synthesis.replay import ReplayFeed

_TOLD_ALONE = 20  # alerts of an incident that are lines of their own
_MOST_REASONS = 8


@dataclass
class StepClock:
    """A clock that moves while somebody sleeps."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


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


@dataclass
class StandIn:
    """A sensor that sees the replay and tells of it."""

    sensor: str
    clock: Any
    folder: Path
    beat_s: float = 1.0
    budget_per_day: float = 7200.0
    threshold: float = 2.5
    seed: int = 7

    def __post_init__(self) -> None:
        self.detector = Detector(Bundle.load(shipped().bundle))
        self.commands = self.folder / f"{self.sensor}.commands.jsonl"
        context = HostContext()

        def remember(flows: Flows) -> Flows:
            return replace(flows, columns={**flows.columns, **context.columns(flows)})

        self.feed = ReplayFeed(
            self.commands,
            self.folder / f"{self.sensor}.answers.jsonl",
            self.clock,
            remember,
            seed=self.seed,
        )
        self.flows = self.alerts = 0
        self.grown: dict[str, _Grown] = {}

    def attack(self, kind: str, strength: str = "medium") -> None:
        with self.commands.open("a") as file:
            file.write(json.dumps({"attack": kind, "strength": strength, "id": kind}) + "\n")

    def records(self) -> Iterator[list[Record]]:
        """What is told from heartbeat to heartbeat."""
        self.feed.start()
        kept: list[Record] = []
        strip: dict[float, list[float]] = {}
        told_ms = self.clock.now().timestamp() * 1000
        since = self.flows
        for fed in self.feed.batches():
            now_ms = self.clock.now().timestamp() * 1000
            kept += self._of(fed.flows, strip)
            kept += [self._event(now_ms, note) for note in fed.notes]
            if now_ms - told_ms >= self.beat_s * 1000 - 1:
                rate = (self.flows - since) / ((now_ms - told_ms) / 1000)
                kept.append(self._heartbeat(now_ms, strip, rate))
                since, told_ms = self.flows, now_ms
                strip.clear()
                yield kept
                kept = []

    def _observer(self) -> dict[str, Any]:
        return {"name": self.sensor, "vendor": "EdgeGuard", "version": "0.1.0", "type": "ids"}

    def _of(self, flows: Flows, strip: dict[float, list[float]]) -> list[Record]:
        if not len(flows):
            return []
        scored = self.detector.score(flows)
        alert = scored.scores >= np.float32(self.threshold)
        self.flows += len(flows)
        self.alerts += int(alert.sum())
        times = flows.columns["bidirectional_first_seen_ms"]
        for at, score, is_alert in zip(times, scored.scores, alert, strict=True):
            row = strip.setdefault(at // 1000 * 1000, [0.0, 0, 0])
            row[0] = max(row[0], round(float(score), 4))
            row[1] += 1
            row[2] += int(is_alert)
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
            "value": self.threshold, "method": "conformal", "origin": "state 0001",
            "promised": 0.001,
        }  # fmt: skip

    def _bundle(self) -> dict[str, Any]:
        return {"name": "demo", "model_sha256": self.detector.bundle.model_sha256}

    def _alert(self, identity: str, at: float, row: Any, reason: Any, place: Any) -> Record:
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

    def _incident(self, identity: str, at: float, grown: _Grown, place: Any) -> Record:
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

    def _event(self, now_ms: float, message: str) -> Record:
        identity = record_id(self.sensor, now_ms, message)
        body = {
            "@timestamp": iso_time(now_ms), "kind": "sensor", "message": message,
            "event": {"id": identity, "kind": "event"}, "edgeguard": {"reason": "source"},
        }  # fmt: skip
        return Record(Kind.SENSOR, identity, now_ms, self.sensor, body)

    def _heartbeat(self, now_ms: float, strip: dict[float, list[float]], rate: float) -> Record:
        body = {
            "@timestamp": iso_time(now_ms),
            "kind": "heartbeat",
            "event": {"id": record_id(self.sensor, now_ms), "kind": "metric"},
            "observer": self._observer(),
            "edgeguard": {
                "flows": self.flows, "alerts": self.alerts, "incidents": len(self.grown),
                "dropped": 0, "late": 0, "rejected": 0, "flows_per_s": round(rate, 2),
                "lag_s": 0.031, "queue": 0, "queue_most": 4, "disk_free_bytes": 41_200_000_000,
                "resident_bytes": 83_000_000, "uptime_s": 600.0, "source": "interface eth0",
                "bundle": self._bundle() | {"signed": True},
                "threshold": self._threshold(),
                "calibration": {"origin": "bundle", "n": 1813, "meter": "synthetic"},
                "budget_per_day": self.budget_per_day,
                "sinks": {}, "exclusions": [], "feed": {},
                "strip": [[at, *row] for at, row in sorted(strip.items())],
            },
        }  # fmt: skip
        return Record(
            Kind.HEARTBEAT, record_id(self.sensor, now_ms), now_ms, self.sensor, _no_nan(body)
        )


def _end(row: Any, end: str) -> dict[str, Any]:
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


def fill(
    url: str,
    end: datetime,
    folder: Path,
    *,
    seconds: int = 180,
    sensors: Sequence[str] = ("gate",),
    attacks: Sequence[str] = ("vertical_scan",),
    beat_s: float = 1.0,
) -> None:
    """A store in which each sensor has told of some time up to ``end``."""
    clock = StepClock(end)
    sink = StoreSink(url, 90.0, clock)
    try:
        for seed, name in enumerate(sensors):
            mine = StepClock(end - timedelta(seconds=seconds))
            stand_in = StandIn(name, mine, folder, beat_s=beat_s, seed=7 + seed)
            for kind in attacks:
                stand_in.attack(kind)
            every: list[Record] = []
            for records in stand_in.records():
                every += records
                if mine.at >= end - timedelta(seconds=beat_s / 2):
                    break
            sink.send(every)
    finally:
        sink.close()


class _SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def main(url: str, names: Sequence[str]) -> None:
    """Fill a store for ever; attacks are commanded in the folder that is printed."""
    folder = Path(tempfile.mkdtemp(prefix="live-"))
    print(folder, flush=True)
    fill(url, datetime.now(UTC), folder, seconds=600, sensors=names)
    clock = _SystemClock()
    sink = StoreSink(url, 90.0, clock)
    sources = [StandIn(name, clock, folder, seed=7 + n).records() for n, name in enumerate(names)]
    while True:
        for source in sources:
            sink.send(next(source))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or ["gate"])
