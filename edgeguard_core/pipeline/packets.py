"""Collect: flows out of captures, or off an interface, in a table."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import OnProgress, Progress, reading, silent
from edgeguard_core.pipeline.room import spare
from edgeguard_core.pipeline.synthetic import write_table
from edgeguard_core.sources import ReadOptions, ReadReport, expand, read_batches, require_usable
from edgeguard_core.sources.feed import Feed
from edgeguard_core.sources.packets.capture_file import is_capture
from edgeguard_core.sources.packets.interface_feed import InterfaceFeed
from edgeguard_core.sources.packets.meter import METER

_ENDINGS = (".csv", ".csv.gz", ".parquet")
MOST_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class CollectedFlows:
    """How many flows were collected, and where they stand."""

    out: Path
    flows: int
    seconds: float
    packets: int | None = None
    lost_packets: int | None = None
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The keys of ``collect --json``."""
        counted = {"packets": self.packets, "lost_packets": self.lost_packets}
        return {
            "out": str(self.out.resolve()),
            "flows": self.flows,
            "seconds": round(self.seconds, 3),
            **{name: count for name, count in counted.items() if count is not None},
            "warnings": self.warnings,
        }


def collect_captures(
    paths: Sequence[str | Path],
    out: Path,
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> CollectedFlows:
    """The flows of some captures, or folders of them, in ``out``.

    Raises
    ------
    SourceError
        If a file is no capture, cannot be read, or none holds a flow.
    OutputError
        If ``out`` has another ending than .csv, .csv.gz or .parquet, or is one of the files.
    """
    started = clock()
    _require_table(out)
    files = expand(paths)
    spare(out, files)
    for path in files:
        if not is_capture(path):
            raise SourceError(
                f"{path} is no packet capture; the other verbs read flow logs as they are."
            )
    report, parts = ReadReport(), list[Flows]()
    told = reading(on_progress, "Metering packets")
    for batch in read_batches(files, read or ReadOptions(), report, told):
        parts.append(batch.flows)
    require_usable(report)
    flows = Flows.concat(parts)
    on_progress(Progress("write", 0.0, f"Writing {len(flows):,} flows"))
    write_table(out, flows, report.meter, seed=0)
    return CollectedFlows(out, len(flows), clock() - started, warnings=report.all_warnings())


def collect_interface(
    interface: str,
    seconds: float,
    out: Path,
    *,
    read: ReadOptions | None = None,
    bpf_filter: str | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
    open_feed: Callable[..., Feed] = InterfaceFeed,
) -> CollectedFlows:
    """What passed an interface in so many seconds, as flows in ``out``.

    Those under way at the end are cut there and written, too.

    Raises
    ------
    SourceError
        If there is no such interface, no right to capture, or no packet passed.
    OutputError
        If ``out`` cannot be written.
    """
    _require_table(out)
    if not 0 < seconds <= MOST_SECONDS:
        raise SourceError(
            f"Listening for {seconds:g} seconds is not possible; give some above 0, at most a day."
        )
    feed = open_feed(interface, read or ReadOptions(), bpf_filter=bpf_filter)
    feed.start()
    started, parts, notes, stopping = clock(), list[Flows](), list[str](), False
    try:
        for fed in feed.batches():
            parts.append(fed.flows)
            notes += fed.notes
            passed = clock() - started
            n = sum(map(len, parts))
            on_progress(Progress("listen", min(passed / seconds, 1.0), f"{n:,} flows"))
            if passed >= seconds and not stopping:
                stopping = True
                feed.stop()
    finally:
        feed.stop()
    flows = Flows.concat([part for part in parts if len(part)] or parts)
    if not len(flows):
        raise SourceError(
            f"No IP packet passed interface {interface} in {seconds:g} s; listen for longer, or "
            "on another one."
        )
    write_table(out, flows, METER, seed=0)
    counted = feed.counters()
    return CollectedFlows(
        out,
        len(flows),
        clock() - started,
        counted.get("packets"),
        counted.get("lost_packets"),
        notes,
    )


def _require_table(out: Path) -> None:
    if not out.name.endswith(_ENDINGS):
        raise OutputError(
            f"Cannot write flows of packets to {out}: name a file that ends in "
            f"{', '.join(_ENDINGS)}."
        )
