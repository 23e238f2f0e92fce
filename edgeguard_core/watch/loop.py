"""The live loop: one thread reads a source, one judges what it gives and hands on what to tell."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.clock import Clock, now_ms
from edgeguard_core.detection.detector import Detector
from edgeguard_core.errors import OutputError
from edgeguard_core.features.context import HostContext
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.sources.feed import Fed, Feed
from edgeguard_core.watch.changes import Changes
from edgeguard_core.watch.checkpoint import Checkpoint
from edgeguard_core.watch.exclusions import LiveExclusions
from edgeguard_core.watch.figures import Figures
from edgeguard_core.watch.flow_queue import FlowQueue
from edgeguard_core.watch.following import Brings, Following
from edgeguard_core.watch.hours import Hours, hours_of
from edgeguard_core.watch.incidents import LiveIncidents, Told
from edgeguard_core.watch.judging import Judge, Judged
from edgeguard_core.watch.keeper import Keeper
from edgeguard_core.watch.live_drift import count_drift
from edgeguard_core.watch.reporting import WatchSummary, heartbeat_figures
from edgeguard_core.watch.service_notify import ServiceManager
from edgeguard_core.watch.settings import BoxSettings
from edgeguard_core.watch.shadowing import Shadow, ShadowFollowing
from edgeguard_core.watch.telling import Teller
from edgeguard_core.watch.warming import Warming
from edgeguard_core.watch.wellbeing import Wellbeing

TICK_S: Final = 1.0
_TAKE_S: Final = 0.1
_RETRY_S: Final = 0.5
_AHEAD_MS: Final = 60_000.0  # a clock of the network may be so far ahead of this one
_CLOSE_S: Final = 10.0  # for sinks to take the last records


class Delivers(Protocol):
    """What the loop needs of ``outputs.delivery.Delivery``."""

    def accept(self, records: Sequence[Record]) -> None:
        """The records are safe when this returns."""

    def status(self) -> Mapping[str, Any]:
        """How each sink does."""

    def close(self, within_s: float) -> bool:
        """Deliver what is left."""


class Watch:
    """A detector on a source, until the source ends or ``stop`` is called.

    Parameters
    ----------
    checkpoint
        Where it stood when it ended last; the feed was opened at its position.
    checkpoint_file
        Where to keep it; None keeps none.
    reviews
        The log of the Review page, whose exclusions hold here, too.
    own_addresses
        Of this box, to notice that it sees nothing but itself.
    updater
        Brings newer bundles, or those that are promoted; it gave the detector's.
    shadow
        What to score the same flows with beside the detector; it may become another one.
    warn
        Takes a sentence where records cannot: the disk is full, and there is room again.
    """

    def __init__(
        self,
        detector: Detector,
        feed: Feed,
        delivery: Delivers,
        settings: BoxSettings,
        clock: Clock,
        *,
        checkpoint: Checkpoint | None = None,
        checkpoint_file: Path | None = None,
        reviews: Path | None = None,
        own_addresses: Iterable[str] = (),
        updater: Brings | None = None,
        shadow: ShadowFollowing | None = None,
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.detector, self.feed, self.delivery = detector, feed, delivery
        self.settings, self.clock = settings, clock
        self.teller = Teller(settings.sensor, detector)
        self.exclusions = LiveExclusions(settings.exclusions, reviews)
        self.judge = Judge(
            detector, self.teller, self.exclusions, clock, HostContext(settings.context_hosts),
            LiveIncidents(),
        )  # fmt: skip
        waits = feed.waits if settings.when_full is None else settings.when_full == "wait"
        self.queue = FlowQueue(settings.queue_flows, waits)
        self.figures = Figures()
        self.wellbeing = Wellbeing(
            detector, self.teller, settings.silent_after_s, settings.budget,
            frozenset(own_addresses), feed.is_live,
        )  # fmt: skip
        self.warming = Warming(detector, settings)
        self.watermark_ms = float("-inf")
        self.started_s = clock.monotonic()
        self._stopped = threading.Event()
        self.changes = Changes()
        self._failure: BaseException | None = None
        self._pending: list[Record] = []
        self._warn, self._is_held_back = warn, False
        self._newest_s = self.started_s
        self._tick_s = self._beat_s = float("-inf")
        self._following, self._shadows = Following(updater), shadow
        self._service = ServiceManager.of()
        self.keeper = Keeper(checkpoint_file, clock)
        if checkpoint is not None:
            self.watermark_ms = self.keeper.restore(
                checkpoint, self.judge, self.figures, self.warming
            )
        self.hours = Hours.of(self, checkpoint_file)
        goes_on, counts = checkpoint is not None, self.figures.counts
        self.hours.restore(goes_on=goes_on, rejected=counts["rejected"])
        count_drift(self.hours, detector)
        self.shadow: Shadow | None = None
        self._at_start = dict(self.counts)

    # -- from other threads and signals ------------------------------------------------------

    def stop(self) -> None:
        """End soon: finish what is at hand, tell it, keep the place."""
        self._stopped.set()

    def reload(self, settings: BoxSettings) -> None:
        """Take up exclusions, budget and silence of other settings, and look at the state."""
        self.changes.reload = settings

    def complain(self, sentence: str) -> None:
        """Tell that something asked of the running watch cannot be."""
        self.changes.complaints.append(sentence)

    @property
    def counts(self) -> dict[str, int]:
        """Flows, alerts, incidents and the like since the first start."""
        counted = dict(self.figures.counts)
        dropped = self.queue.dropped + counted.get("dropped", 0)
        return {**counted, "dropped": dropped, "incidents": self.judge.incidents.raised}

    def heartbeat(self) -> Record:
        """How the watch does, as it would say now; the seconds since the last are kept."""
        return self.teller.heartbeat(self._now_ms(), heartbeat_figures(self, []))

    # -- the loop ----------------------------------------------------------------------------

    def run(self) -> WatchSummary:
        """Watch until the end.

        Raises
        ------
        SourceError
            If the source can give nothing more, once all that came is told.
        SchemaError
            If the model cannot read the flows of the source.
        """
        self.feed.start()
        reader = threading.Thread(target=self._read, name="edgeguard reader", daemon=True)
        reader.start()
        try:
            self._loop()
        finally:
            self._end(reader)
        if self._failure is not None:
            raise self._failure
        return self.summary()

    def summary(self) -> WatchSummary:
        """How it went so far."""
        since = {name: n - self._at_start.get(name, 0) for name, n in self.counts.items()}
        return WatchSummary(
            flows=since.get("flows", 0),
            alerts=since.get("alerts", 0),
            incidents=since.get("incidents", 0),
            dropped=since.get("dropped", 0),
            late=since.get("late", 0),
            seconds=self.clock.monotonic() - self.started_s,
        )

    def _read(self) -> None:
        try:
            for fed in self.feed.batches():
                self.queue.put(fed)
        except BaseException as error:
            self._failure = error
        finally:
            self.queue.end()

    def _loop(self) -> None:
        self._tick()
        while self._is_held_back or not self.queue.is_ended:
            if self._stopped.is_set():
                self.feed.stop()
                self.queue.stop()
                if self.keeper.position is not None:
                    return  # what waits is read again
            if self._pending and not self._hand_over():
                self.clock.sleep(_RETRY_S)  # the disk is full: nothing more is taken meanwhile
                if self._stopped.is_set():
                    return
            else:
                self._process(self.queue.take(self.settings.batch_flows, _TAKE_S))
            if self.clock.monotonic() - self._tick_s >= TICK_S:
                self._tick()

    def _process(self, feds: list[Fed]) -> None:
        for fed in feds:
            self.figures.counts["rejected"] += fed.rejected.total()
            for note in fed.notes:
                self.tell_event(Kind.SENSOR, getattr(note, "reason", "source"), str(note))
        parts = [fed.flows for fed in feds if len(fed.flows)]
        while parts:
            alike = [part for part in parts if part.schema == parts[0].schema]
            parts = [part for part in parts if part.schema != parts[0].schema]
            flows = Flows.concat(alike)
            for first in range(0, len(flows), self.settings.batch_flows):
                rows = np.arange(first, min(first + self.settings.batch_flows, len(flows)))
                self._judge(flows if len(rows) == len(flows) else flows.select(rows))
        self._hand_over()
        places = [fed.position for fed in feds if fed.position is not None]
        if places and places[-1] != self.keeper.position:
            self.keeper.position, self.keeper.is_dirty = places[-1], True

    def _judge(self, flows: Flows) -> None:
        judged = self.judge.judge(flows, self.feed.meter)
        now_s, now_ms = self.clock.monotonic(), self._now_ms()
        # A live meter tells flows by their end; files and captures have them by their begin.
        told_ms = judged.end_ms if self.feed.is_live else judged.start_ms
        self._count_hours(judged, told_ms, now_ms)
        end_ms = told_ms[np.isfinite(told_ms)]
        lag_s = None
        if len(end_ms):
            newest_so_far = np.maximum.accumulate(np.append(self.watermark_ms, end_ms))[:-1]
            late = end_ms < newest_so_far - 1000.0 * self.settings.late_s
            self.figures.counts["late"] += int(np.count_nonzero(late))
            newest = float(end_ms.max())
            if self.feed.is_live:
                newest = min(newest, now_ms + _AHEAD_MS)
                # Not of the oldest: a meter tells some flows long after their end.
                lag_s = max(0.0, (now_ms - float(np.median(end_ms))) / 1000.0)
            if newest > self.watermark_ms:
                self.watermark_ms, self._newest_s = newest, now_s
        self.figures.add(judged.scored.scores, judged.is_alert, now_ms, lag_s)
        self.figures.counts["hidden"] += judged.hidden
        self.wellbeing.add(flows, judged, now_s)
        self._pending += judged.records
        self._tell(self.judge.incidents.due(self.detector.threshold, now_s))
        self.keeper.is_dirty = True
        if self.warming.add(judged, self):
            self.changes.take_up(self)

    def _count_hours(self, judged: Judged, told_ms: NDArray[np.float64], now_ms: float) -> None:
        if self.feed.is_live:
            told_ms = np.minimum(told_ms, now_ms + _AHEAD_MS)
        hours, counts = hours_of(told_ms, self.watermark_ms, now_ms), self.figures.counts
        self.hours.add(judged, hours, counts["flows"], counts["rejected"], self.feed.meter)

    def close_incidents(self) -> None:
        """Tell every open incident for the last time."""
        threshold, now_s = self.detector.threshold, self.clock.monotonic()
        self._tell(self.judge.incidents.close_before(float("inf"), threshold, now_s))

    def _tell(self, told: list[Told]) -> None:
        window_minutes = self.judge.incidents.window_ms / 60_000.0
        self._pending += [self.teller.incident(each, window_minutes) for each in told]
        self.wellbeing.raised(sum(each.is_first for each in told), self.clock.monotonic())

    def tell_event(self, kind: Kind, reason: str, message: str, **figures: Any) -> None:
        """Tell something about this watch, with the next records."""
        self._pending.append(self.teller.event(kind, reason, message, self._now_ms(), figures))

    def _hand_over(self) -> bool:
        """Whether all that was to be told is safe."""
        if not self._pending:
            return True
        try:
            self.delivery.accept(self._pending)
        except OutputError as error:
            if not self._is_held_back:
                self._warn(f"{error} Nothing more is judged until there is room.")
            self._is_held_back = True
            self._beat_alone()
            return False  # tried again
        if self._is_held_back:
            self._warn("There is room again; the watch goes on where it stood.")
        self._pending, self._is_held_back = [], False
        if getattr(self.delivery, "ended", False):
            self.stop()  # who read the lines went away
        return True

    def _beat_alone(self) -> None:
        """A sign of life needs no room on the disk, and says how little there is."""
        beats = [record for record in self._pending if record.kind is Kind.HEARTBEAT]
        if beats:
            self.delivery.accept(beats[-1:])
            self._pending = [r for r in self._pending if r.kind is not Kind.HEARTBEAT]

    # -- each second -------------------------------------------------------------------------

    def _tick(self) -> None:
        now_s = self._tick_s = self.clock.monotonic()
        self._service.beat(now_s)
        self._following.look(self)
        if self._shadows is not None:
            self._shadows.look(self)
        self.changes.take_up(self)
        threshold, incidents = self.detector.threshold, self.judge.incidents
        if self.feed.is_live:  # else its end closes them: no figure hangs on how fast it is read
            passed_ms = 1000.0 * (now_s - self._newest_s)
            closing = self.watermark_ms + passed_ms - 1000.0 * self.settings.late_s
            self._tell(incidents.close_before(closing, threshold, now_s))
        self._tell(incidents.due(threshold, now_s))
        self._pending += self.hours.due(now_s)
        self._pending += self.wellbeing.look(
            now_s, self._now_ms(), self.watermark_ms, self.queue.dropped, self.feed.meter
        )
        if now_s - self._beat_s >= self.settings.heartbeat_s:
            self._beat_s = now_s
            self._beat()
        if self._hand_over():
            self._save()

    def _beat(self) -> None:
        strip = self.figures.take_strip()
        figures = heartbeat_figures(self, strip)
        self._pending.append(self.teller.heartbeat(self._now_ms(), figures))

    def _end(self, reader: threading.Thread) -> None:
        """The source has ended, or a stop was asked for."""
        self.feed.stop()
        self.queue.stop()
        self._following.close()
        if self._shadows is not None:
            self._shadows.close(self)
        reader.join(_CLOSE_S)
        now_s = self.clock.monotonic()
        if not self._stopped.is_set() and self._failure is None:
            self.close_incidents()
        self._pending += self.hours.due(now_s, at_once=True)
        self._pending += self.wellbeing.look(
            now_s, self._now_ms(), self.watermark_ms, self.queue.dropped, self.feed.meter
        )
        self._beat()
        if self._hand_over():
            self._save(at_once=True)

    def _save(self, *, at_once: bool = False) -> None:
        name, watermark = self.feed.name, self.watermark_ms
        self.keeper.save(name, self.judge, self.counts, watermark, self.warming, at_once=at_once)

    def _now_ms(self) -> float:
        return now_ms(self.clock)
