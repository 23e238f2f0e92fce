"""Collect and inject: synthesised traffic in a file, and attacks laid into one's own flows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeguard_core.errors import OutputError, SchemaError
from edgeguard_core.files import whole_file
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import OnProgress, Progress, reading, silent
from edgeguard_core.pipeline.room import spare
from edgeguard_core.pipeline.splits import NOTHING_LABELLED
from edgeguard_core.pipeline.tables import write_flows
from edgeguard_core.sources import ReadOptions, expand, read_flows
from edgeguard_core.sources.synthesis.capture import write_pcap
from edgeguard_core.sources.synthesis.inject import inject
from edgeguard_core.sources.synthesis.request import SynthesisRequest, synthesise
from edgeguard_core.sources.synthesis.table_file import write_flows_csv

SYNTHETIC_METER = "synthetic"
ALL_HEADERS_BYTES = 96
"""Of each packet; whole ones make gigabytes of filler out of an hour."""
_ENDINGS = (".csv", ".csv.gz", ".parquet", ".pcap")


@dataclass(frozen=True)
class Collected:
    """What was synthesised, and where it stands."""

    out: Path
    flows: int
    attacks: dict[str, int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The keys of ``collect --json``."""
        return {
            "out": str(self.out.resolve()),
            "flows": self.flows,
            "attacks": self.attacks,
            "seconds": round(self.seconds, 3),
        }


def collect_synthetic(
    request: SynthesisRequest,
    out: Path,
    *,
    keep_bytes: int | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Collected:
    """Synthesised flows in ``out``: a table, or a capture whose packets add up to them.

    Parameters
    ----------
    keep_bytes
        Of each packet of a capture; by default 96, which keep every header.

    Raises
    ------
    SourceError
        If the request cannot be met, such as one beyond memory.
    OutputError
        If ``out`` has another ending than .csv, .csv.gz, .parquet or .pcap, or packets are to
        be cut in a table.
    """
    started = clock()
    require_ending(out)
    _require_packets(out, keep_bytes)
    on_progress(Progress("synthesise", 0.0, "Synthesising flows"))
    flows = synthesise(request)
    on_progress(Progress("write", 0.0, f"Writing {len(flows):,} flows"))
    write_table(out, flows, SYNTHETIC_METER, request.seed, keep_bytes or ALL_HEADERS_BYTES)
    return Collected(out, len(flows), count_attacks(flows), clock() - started)


@dataclass(frozen=True)
class InjectedFile:
    """What was laid into a file, and where the result stands."""

    out: Path
    flows: int
    injected: dict[str, int]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``inject --json``."""
        return {
            "out": str(self.out.resolve()),
            "flows": self.flows,
            "injected": self.injected,
            "warnings": self.warnings,
        }


def inject_into(
    paths: Sequence[str | Path],
    out: Path,
    *,
    kinds: tuple[str, ...] = (),
    strength: str = "medium",
    seed: int = 0,
    keep_bytes: int | None = None,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> InjectedFile:
    """One's own canonical flows with attacks among them, every row labelled.

    Raises
    ------
    SchemaError
        If the files are not canonical flows, such as a Zeek log is.
    SourceError
        If they cannot be read, or a kind or strength is not known.
    OutputError
        If ``out`` is one of the files, or cannot be written.
    """
    require_ending(out)
    _require_packets(out, keep_bytes)
    spare(out, expand(paths))
    options = read or ReadOptions()
    flows, report = read_flows(paths, options, reading(on_progress, "Reading flows"))
    if flows.schema.name != Schema.named("flow").name:
        raise SchemaError(
            f"{report.paths[0]} is of schema {flows.schema.name!r}, and attacks are laid into "
            "canonical flows; give the log of a flow meter such as Zeek, what collect wrote, or "
            "a --schema that maps the columns onto flow."
        )
    on_progress(Progress("inject", 0.0, "Laying attacks in"))
    done = inject(flows, kinds, strength, seed, local_networks=options.local_networks)
    on_progress(Progress("write", 0.0, f"Writing {len(done.flows):,} flows"))
    write_table(out, done.flows, report.meter, seed, keep_bytes or ALL_HEADERS_BYTES)
    warnings = report.all_warnings() + [NOTHING_LABELLED] * done.taken_as_benign
    return InjectedFile(out, len(done.flows), done.counts, warnings)


def write_table(
    out: Path, flows: Flows, meter: str, seed: int, keep_bytes: int = ALL_HEADERS_BYTES
) -> None:
    """Flows as CSV, Parquet or a capture, by the ending of ``out``; whole or not at all."""
    if out.suffix == ".pcap":
        write_pcap(out, flows, seed, keep_bytes=keep_bytes)
    elif out.suffix == ".parquet":
        with whole_file(out) as temporary:
            write_flows(temporary, flows, meter)
    else:
        write_flows_csv(out, flows, meter)


def require_ending(out: Path) -> None:
    """Refuse an ending that says no format, before any work.

    Raises
    ------
    OutputError
        Then; the message lists those that do.
    """
    if not out.name.endswith(_ENDINGS):
        raise OutputError(f"Cannot write {out}: name a file that ends in {', '.join(_ENDINGS)}.")


def _require_packets(out: Path, keep_bytes: int | None) -> None:
    if keep_bytes is not None and out.suffix != ".pcap":
        raise OutputError(
            f"{out} holds no packets of which {keep_bytes} bytes could be kept; name a .pcap file, "
            "or leave --keep-bytes out."
        )


def count_attacks(flows: Flows) -> dict[str, int]:
    """Flows of each kind of attack, by name."""
    if flows.labels is None:
        return {}
    names = flows.labels.class_name[flows.is_attack].tolist()
    return {name: names.count(name) for name in sorted(set(names))}
