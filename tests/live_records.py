"""Stores as a watch fills them: the replay of an office, judged by the demo bundle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import HostContext
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.store import StoreSink
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.pipeline.demo_watch import DemoWatch
from edgeguard_core.pipeline.live_demo import remembering
from edgeguard_core.sources.synthesis.replay import ReplayFeed


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


def fill(
    url: str,
    end: datetime,
    folder: Path,
    *,
    seconds: int = 60,
    sensors: Sequence[str] = ("gate",),
    attacks: Sequence[str] = ("vertical_scan",),
    beat_s: float = 1.0,
) -> None:
    """A store in which each sensor has told of some time up to ``end``."""
    sink = StoreSink(url, 90.0, StepClock(end))
    try:
        for number, name in enumerate(sensors):
            commands = folder / f"{name}.jsonl"
            commands.write_text("".join(json.dumps({"attack": kind}) + "\n" for kind in attacks))
            clock = StepClock(end - timedelta(seconds=seconds))
            feed = ReplayFeed(
                commands,
                folder / f"{name}.answers.jsonl",
                clock,
                remembering(HostContext()),
                seed=7 + number,
                is_watched=lambda clock=clock: clock.at < end,  # type: ignore[misc]
            )
            detector = Detector(Bundle.load(shipped().bundle))
            every: list[Record] = []
            DemoWatch(name, detector, feed, clock, beat_s=beat_s).run(every.extend)
            sink.send(every)
    finally:
        sink.close()
