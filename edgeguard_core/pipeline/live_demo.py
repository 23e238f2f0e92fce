"""The demo of the Live page: an office replayed through the loop of a watch, into a store.

A folder holds all of it::

    FOLDER
    ├── alerts.sqlite     the store, which the page reads
    ├── commands.jsonl    what the page asks for, see ReplayFeed
    ├── answers.jsonl     what the replay answers
    ├── viewer            touched by who looks; untouched for long, the demo ends
    ├── state/            the office's own calibration and threshold
    └── spool/            accepted records on their way
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import Bundle, StateFolder
from edgeguard_core.clock import Clock, SystemClock
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import HostContext
from edgeguard_core.flows.canonical import NetworkTable
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.spool import Spool
from edgeguard_core.outputs.store import StoreSink
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.sources.synthesis.arrivals import MS_PER_DAY, MS_PER_HOUR
from edgeguard_core.sources.synthesis.replay import STARTS_MS, ReplayFeed
from edgeguard_core.sources.synthesis.rows import Rows
from edgeguard_core.sources.synthesis.working_days import WorkingDays
from edgeguard_core.thresholds import Calibration, conformal
from edgeguard_core.watch.loop import Watch
from edgeguard_core.watch.reporting import WatchSummary
from edgeguard_core.watch.settings import BoxSettings

PROMISED_RATE: Final = 0.003
"""False alarms among benign flows: a handful a minute at the replay's speed."""

SETTINGS: Final = BoxSettings(
    sensor="office-demo",
    budget=240.0,  # ten incidents an hour, for the office passes faster than the clock
    heartbeat_s=1.0,
    silent_after_s=15.0,
    late_s=120.0,  # flows come as they begin, so that the end of a long one lies ahead
)

UNWATCHED_S: Final = 1_800.0
_CALIBRATION_DAYS = 4  # Tuesday to Friday of the week before
_CALIBRATION_HOURS = 10.0  # of each
_SPOOL_BYTES = 32_000_000
_STORE_MEGABYTES = 200.0
_RETENTION_DAYS = 1.0
_FLUSH_S = 3.0


@dataclass(frozen=True)
class LiveDemonstration:
    """What a live demo did until it ended."""

    folder: Path
    summary: WatchSummary

    def to_json(self) -> dict[str, Any]:
        """The keys of ``demo --live --json``."""
        told = {name: value for name, value in self.summary.to_json().items() if name != "format"}
        return {"store": f"sqlite:///{self.folder / 'alerts.sqlite'}", **told}


def run_live_demo(
    folder: Path,
    *,
    clock: Clock | None = None,
    unwatched_s: float = UNWATCHED_S,
    on_ready: Callable[[Callable[[], None]], None] = lambda stop: None,
) -> LiveDemonstration:
    """Replay the office until it is stopped, or until nobody has looked for half an hour.

    Parameters
    ----------
    folder
        Made where it is missing; the page is told its name.
    unwatched_s
        How long the file ``viewer`` may stay untouched.
    on_ready
        Is given what ends the demo, from another thread or a signal.

    Raises
    ------
    SourceError
        If the shipped bundle is not there.
    OutputError
        If the folder cannot be written.
    """
    clock = clock or SystemClock()
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    viewer = folder / "viewer"
    viewer.touch()
    detector = office_detector(folder / "state", clock)
    feed = ReplayFeed(
        folder / "commands.jsonl",
        folder / "answers.jsonl",
        clock,
        remembering(HostContext()),
        is_watched=lambda: _age_s(viewer, clock) < unwatched_s,
    )
    store = f"sqlite:///{folder / 'alerts.sqlite'}"
    sink = StoreSink(store, _RETENTION_DAYS, clock, most_megabytes=_STORE_MEGABYTES)
    delivery = Delivery(Spool(folder / "spool", _SPOOL_BYTES, clock), [sink], clock)
    try:
        watch = Watch(detector, feed, delivery, SETTINGS, clock)
        on_ready(watch.stop)
        return LiveDemonstration(folder, watch.run())
    finally:
        delivery.close(_FLUSH_S)


def office_detector(state: Path, clock: Clock) -> Detector:
    """The shipped bundle, calibrated on the week before as one would on the spot."""
    bundle = Bundle.load(shipped().bundle)
    folder = StateFolder(state)
    if not folder.thresholds(bundle):
        scores = _week_before(Detector(bundle, state))
        calibration = Calibration.fit(scores, _CALIBRATION_DAYS * _CALIBRATION_HOURS)
        on_what = f"{len(scores):,} flows of the office's week before"
        folder.add(
            bundle,
            conformal(calibration.sketch, PROMISED_RATE, on_what),
            who="live demo",
            when=clock.now(),
            why="calibrated on the spot",
            on_what=on_what,
            calibration=calibration,
            meter=ReplayFeed.meter,
        )
    return Detector(bundle, state)


def remembering(context: HostContext) -> Callable[[Flows], Flows]:
    """What gives flows the history of their hosts, and adds them to it."""

    def add(flows: Flows) -> Flows:
        return replace(flows, columns={**flows.columns, **context.columns(flows)})

    return add


def _week_before(detector: Detector) -> NDArray[np.float32]:
    """The scores of the office's hours on four days, shape ``(n,)``."""
    site = ReplayFeed.site()
    begin_ms = STARTS_MS - 7 * MS_PER_DAY
    days = WorkingDays(site, begin_ms // MS_PER_DAY * MS_PER_DAY + 8 * MS_PER_HOUR)
    networks, remember = NetworkTable(), remembering(HostContext())

    def flows_of(rows: Rows) -> Flows:
        return remember(rows.to_flows(networks))

    flows_of(days.earlier_today())
    parts = []
    for _ in range(_CALIBRATION_DAYS):
        parts.append(detector.score(flows_of(days.take(days.closes_ms))).scores)
        flows_of(days.open_next_day())
    return np.concatenate(parts)


def _age_s(path: Path, clock: Clock) -> float:
    """How long ago a file was touched; 0 where it is gone, for then nobody can touch it."""
    try:
        return clock.now().timestamp() - path.stat().st_mtime
    except OSError:
        return 0.0
