"""A capture file as a source of canonical flows."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import Schema
from edgeguard_core.sources.base import Batch, ReadOptions
from edgeguard_core.sources.packets.capture_file import Walker, kind_of
from edgeguard_core.sources.packets.feeding import feed
from edgeguard_core.sources.packets.meter import (
    METER,
    Counted,
    PacketMeter,
    Records,
    require_engine,
)
from edgeguard_core.sources.packets.records import reader_of
from edgeguard_core.sources.packets.survey import Survey, survey
from edgeguard_core.sources.recognise import wants_canonical
from edgeguard_core.sources.timeouts import Timeouts

CAPTURE_FORMATS = ("pcap", "pcapng")
NOT_IP = "packets without IP"
_LEAST_FLOWS_AT_ONCE = 4_096


def open_capture(path: Path, options: ReadOptions) -> "CaptureSource":
    """A capture as a source.

    Raises
    ------
    SchemaError
        If flows of another schema than ``flow`` are wanted.
    """
    if not wants_canonical(options):
        assert options.schema is not None
        raise SchemaError(
            f"{path} is a packet capture, and of packets only canonical flows are made, not those "
            f"of schema {options.schema.name!r}; leave --schema out, or give a table."
        )
    return CaptureSource(path, kind_of(path), options)


@dataclass
class CaptureSource:
    """The flows of a pcap or pcapng, in the order of their first packets.

    Nothing but the file's head is read before its batches are; the packets are then counted
    first and metered after.
    """

    path: Path
    format: str
    options: ReadOptions
    meter: str = METER
    bytes_layer: str | None = "ip"  # accounting_mode=1
    skipped: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    labels: LabelReader = field(init=False)

    def __post_init__(self) -> None:
        self.labels = reader_of(self.options)[0].labels

    @property
    def schema(self) -> Schema:
        """The canonical schema."""
        return Schema.named("flow")

    @property
    def timeouts(self) -> dict[str, float]:
        """When the meter ends a flow, in seconds by name."""
        return self.options.timeouts.to_json()

    @property
    def warnings(self) -> list[str]:
        """One sentence each about what was odd but did not stop the reading."""
        return self.odd

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of their first packets.

        Raises
        ------
        SourceError
            If NFStream is not installed, or no packet can be metered: the file is damaged from
            its start, or of a link type that cannot be read.
        """
        require_engine()
        self.skipped.clear()
        found = survey(self.path)
        found.refuse()
        self.odd[:] = found.warnings()
        read = reader_of(self.options)[1]
        flows, counted = 0, Counted()
        if found.readable:
            with open_meter(found, self.options) as meter:
                for records in joined(meter):
                    flows += len(records)
                    share = min(meter.counted.packets / found.packets, 1.0)
                    yield Batch.of(read(records), [], share)
                counted = meter.counted
        ignored = counted.ignored + found.packets - counted.packets
        if ignored:
            self.skipped[NOT_IP] = ignored
        self.odd += told_of(found, flows, counted.early, counted.jumps)


def told_of(found: Survey, flows: int, early: int, jumps: int) -> list[str]:
    """What was odd about the metering, a sentence each."""
    told = []
    if not found.packets:
        told.append(f"{found.path} holds no packet.")
    elif not flows:
        told.append(
            f"{found.path} holds no flow: none of its packets ({found.packets:,}) is of IP, or "
            "whole enough to tell."
        )
    if jumps:
        told.append(
            f"Time goes back in {found.path} ({jumps:,}×); all flows under way ended there."
        )
    if early:
        told.append(
            f"Flows of {found.path} ended early ({early:,}): too many were under way at a time."
        )
    return told


def open_meter(
    found: Survey, options: ReadOptions, timeouts: Timeouts | None = None
) -> PacketMeter:
    """A meter of a capture: on the file itself, or on its packets where it cannot read that."""
    hand_over: Callable[[IO[bytes]], None] | None = None
    if not found.is_direct:
        hand_over = partial(feed, Walker(found.path))
    ends = timeouts or options.timeouts
    return PacketMeter(found.path.resolve(), ends, feed=hand_over)


def joined(meter: PacketMeter) -> Iterator[Records]:
    """All flows of a meter, some thousands at a time."""
    parts: list[Records] = []
    while (records := meter.read(None)) is not None:
        parts.append(records)
        if sum(map(len, parts)) >= _LEAST_FLOWS_AT_ONCE:
            yield np.concatenate(parts)
            parts.clear()
    if parts:
        yield np.concatenate(parts)
