"""What tests of a watch share: a feed from memory, a delivery that only remembers, flows."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from support import PROJECT

from edgeguard_core.bundle import Bundle
from edgeguard_core.clock import ManualClock
from edgeguard_core.detection import Detector
from edgeguard_core.errors import OutputError
from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.sources import read_flows
from edgeguard_core.sources.feed import Fed
from edgeguard_core.watch.loop import Watch
from edgeguard_core.watch.settings import BoxSettings

OFFICE = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
DEMO = PROJECT / "models" / "demo"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = NOON.timestamp() * 1000.0


class MemoryDelivery:
    """Accepts records and keeps them; takes heartbeats alone as long as ``is_full``."""

    def __init__(self, *, takes_counts: bool = False) -> None:
        self.takes_counts = takes_counts
        self.records: list[Record] = []
        self.is_full = False

    def accept(self, records: Sequence[Record]) -> None:
        if self.is_full and any(record.kind is not Kind.HEARTBEAT for record in records):
            raise OutputError("The disk is full.")
        for record in records:
            json.dumps(record.body, allow_nan=False)  # strict JSON, or it fails here
        self.records += records

    def status(self) -> dict[str, Any]:
        return {}

    def close(self, within_s: float) -> bool:
        return True

    def of(self, kind: Kind, reason: str | None = None) -> list[Record]:
        found = [record for record in self.records if record.kind is kind]
        if reason is None:
            return found
        return [r for r in found if r.body["edgeguard"]["reason"] == reason]

    def reasons(self) -> list[tuple[str, bool]]:
        """Reason of each event that can be over, and whether it is."""
        return [
            (own["reason"], own["over"])
            for own in (record.body["edgeguard"] for record in self.records)
            if "over" in own
        ]


Step = Fed | Flows | Callable[[], None]


class MemoryFeed:
    """Gives some flows, and does some things in between, in the thread that reads."""

    name = "memory"
    waits = True

    def __init__(
        self, steps: Sequence[Step], *, meter: str = "synthetic", is_live: bool = False
    ) -> None:
        self.steps, self.meter, self.is_live = steps, meter, is_live
        self.stopped = False

    schema = Schema.named("flow")

    def start(self) -> None: ...

    def batches(self) -> Iterator[Fed]:
        for step in self.steps:
            if self.stopped:
                return
            if callable(step):
                step()
            else:
                yield step if isinstance(step, Fed) else Fed(step)

    def stop(self) -> None:
        self.stopped = True

    def counters(self) -> Counter[str]:
        return Counter(packets=7)


@cache
def demo() -> Bundle:
    return Bundle.load(DEMO)


@cache
def office() -> Flows:
    """The shipped flows of an office with attacks, in the order of their begin."""
    flows, _ = read_flows([OFFICE])
    return flows.select(np.argsort(flows.columns["bidirectional_first_seen_ms"], kind="stable"))


def cut(flows: Flows, *ends: int) -> list[Flows]:
    """The flows in parts that end at these rows."""
    edges = [0, *sorted({min(end, len(flows)) for end in ends}), len(flows)]
    return [flows.select(np.arange(a, b)) for a, b in pairwise(edges) if b > a]


def made(n: int, **given: Any) -> Flows:
    """``n`` small, equal TCP flows, a millisecond apart; what is given replaces columns."""
    base: dict[str, Any] = {
        "src_ip": "10.0.0.5", "src_port": 40_000.0, "dst_ip": "10.0.0.9", "dst_port": 443.0,
        "protocol": 6.0, "bidirectional_first_seen_ms": NOON_MS + np.arange(n),
        "bidirectional_duration_ms": 0.0, "src2dst_packets": 1.0, "dst2src_packets": 0.0,
        "src2dst_bytes": 40.0, "dst2src_bytes": 0.0, "state": "noreply",
    }  # fmt: skip
    columns = {}
    for name, value in (base | given).items():
        kind = (
            object
            if isinstance(value, str) or getattr(value, "dtype", None) == np.dtype(object)
            else float
        )
        columns[name] = np.array(np.broadcast_to(np.asarray(value, kind), n))
    made_columns = canonical_columns(columns, NetworkTable())
    schema = Schema.named("flow")
    known = {column.name for column in schema.columns}
    kept = {name: values for name, values in made_columns.items() if name in known}
    return Flows(schema, kept, None, np.arange(1, n + 1))


def scan(n: int, host: str = "10.0.0.66", at_ms: float = NOON_MS) -> Flows:
    """A scan of ``n`` ports of one host within a second."""
    return made(
        n, src_ip=host, dst_port=1.0 + np.arange(n) % 60_000,
        bidirectional_first_seen_ms=at_ms + np.arange(n) * (1_000.0 / n),
    )  # fmt: skip


def watch_of(
    steps: Sequence[Step] | MemoryFeed,
    state: Path,
    *,
    delivery: MemoryDelivery | None = None,
    clock: ManualClock | None = None,
    detector: Detector | None = None,
    settings: dict[str, Any] | None = None,
    **other: Any,
) -> tuple[Watch, MemoryDelivery]:
    """A watch of the demo bundle over a feed from memory."""
    delivery = delivery or MemoryDelivery()
    feed = steps if isinstance(steps, MemoryFeed) else MemoryFeed(steps)
    chosen = replace(BoxSettings(sensor="gate"), batch_seconds=0.0, **(settings or {}))
    watch = Watch(
        detector or Detector(demo(), state), feed, delivery, chosen, clock or ManualClock(NOON),
        **other,
    )  # fmt: skip
    return watch, delivery
