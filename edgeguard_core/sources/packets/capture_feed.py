"""A capture as a feed: replayed at the pace of its clock, or as fast as it can be read."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.feed import Fed
from edgeguard_core.sources.packets.capture_file import is_capture
from edgeguard_core.sources.packets.capture_source import open_meter, told_of
from edgeguard_core.sources.packets.meter import METER, PacketMeter, Records, require_engine
from edgeguard_core.sources.packets.records import no_cells, reader_of
from edgeguard_core.sources.packets.survey import Survey, survey
from edgeguard_core.sources.timeouts import Timeouts

_LONGEST_WAIT_S = 0.25


class CaptureFeed:
    """The flows of a pcap or pcapng, as ``open_source`` gives them and in the same order.

    Parameters
    ----------
    path
        The capture, plain or packed.
    timeouts
        When a flow ends.
    speed
        1 gives each flow when the meter would have told it on the clock, counted from the first
        packet, 10 ten times as fast; None as fast as the capture can be read.
    monotonic, sleep
        The clock, in seconds.

    Raises
    ------
    SourceError
        If ``speed`` is not above 0.
    """

    meter = METER
    waits = True
    is_live = False

    def __init__(
        self,
        path: str | Path,
        options: ReadOptions | None = None,
        *,
        timeouts: Timeouts | None = None,
        speed: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise SourceError(f"A capture cannot be replayed {speed:g} times as fast; give 1.")
        self.name = str(path)
        self._path, self._options = Path(path), options or ReadOptions()
        self._timeouts = timeouts or self._options.timeouts
        self._speed, self._monotonic, self._sleep = speed, monotonic, sleep
        self._stopped = threading.Event()
        self._survey: Survey | None = None
        self._meter: PacketMeter | None = None
        self._counters: dict[str, int] = {"packets": 0}

    @property
    def schema(self) -> Schema:
        """The canonical schema."""
        return Schema.named("flow")

    def start(self) -> None:
        """Count the packets and start the meter.

        Raises
        ------
        SourceError
            If the file is no capture, or none of its packets can be metered.
        """
        require_engine()
        if not is_capture(self._path):
            raise SourceError(f"{self._path} is no packet capture; give a pcap or pcapng file.")
        found = survey(self._path)
        found.refuse()
        self._survey = found
        if found.readable:
            self._meter = open_meter(found, self._options, self._timeouts).__enter__()

    def batches(self) -> Iterator[Fed]:
        """The flows; an empty batch each half second in which none is due.

        Raises
        ------
        SourceError
            If the meter ended before the capture did.
        """
        assert self._survey is not None, "start comes first"
        found = self._survey
        nothing = empty_flows(self._options)
        read = reader_of(self._options)[1]
        n_flows = 0
        if notes := found.warnings():
            yield Fed(nothing, notes=tuple(notes))
        meter = self._meter
        if meter is None:
            yield Fed(nothing, notes=tuple(told_of(found, 0, 0, 0)))
            return
        pace = self._pace(found)
        try:
            while not self._stopped.is_set():
                records = meter.read(_LONGEST_WAIT_S)
                if records is None:
                    break
                self._count(meter)
                n_flows += len(records)
                for due in pace.due(records) if pace else [records]:
                    if self._stopped.is_set():
                        break
                    yield Fed(read(due).flows if len(due) else nothing)
            if notes := told_of(found, n_flows, meter.counted.early, meter.counted.jumps):
                yield Fed(nothing, notes=tuple(notes))
        finally:
            meter.close()

    def stop(self) -> None:
        """End ``batches`` soon."""
        self._stopped.set()

    def counters(self) -> Mapping[str, int]:
        """``packets`` metered, those ``without_ip``, and flows that ended ``early``."""
        return dict(self._counters)

    def _count(self, meter: PacketMeter) -> None:
        counted = meter.counted
        self._counters = {
            "packets": counted.packets,
            "without_ip": counted.ignored,
            "early": counted.early,
        }

    def _pace(self, found: Survey) -> "_Pace | None":
        if self._speed is None or found.first_us is None:
            return None
        return _Pace(found.first_us // 1000, self._speed, self._monotonic, self._sleep)


class _Pace:
    """Holds flows back until their time has come."""

    def __init__(
        self,
        first_ms: int,
        speed: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._first_ms, self._speed = first_ms, speed
        self._monotonic, self._sleep = monotonic, sleep
        self._started_s = monotonic()

    def due(self, records: Records) -> Iterator[Records]:
        """The records in parts, each when it is due; empty ones while waiting."""
        due_s = (records["told_ms"].astype(np.float64) - self._first_ms) / 1000.0 / self._speed
        given = 0
        while given < len(records):
            now_s = self._monotonic() - self._started_s
            upto = int(np.searchsorted(due_s, now_s, side="right"))
            if upto > given:
                yield records[given:upto]
                given = upto
                continue
            self._sleep(min(due_s[given] - now_s, _LONGEST_WAIT_S))
            yield records[:0]


def empty_flows(options: ReadOptions) -> Flows:
    """A table of no flows, with the columns that the meter's flows have."""
    return reader_of(options)[0].read(no_cells(), np.zeros(0, np.int64)).flows
