"""Rehearse: known attacks laid into one's own flows, and what a bundle makes of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector, ScoredFlows
from edgeguard_core.detection.reading import reading_for
from edgeguard_core.errors import OutputError, SchemaError, SourceError
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.features.context import with_context
from edgeguard_core.files import whole_file
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.contextual import wants_context
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import named, read_all
from edgeguard_core.pipeline.room import require_room, spare
from edgeguard_core.pipeline.score import result_columns, threshold_json, usage_warnings
from edgeguard_core.pipeline.tables import TableWriter
from edgeguard_core.sources import ReadOptions, expand
from edgeguard_core.sources.synthesis.attacks import ATTACKS, STRENGTHS, require_kinds
from edgeguard_core.sources.synthesis.inject import inject, internal_hosts

_ENDINGS = {".parquet": False, ".csv": True}  # whether it is CSV
KIND, STRENGTH = "kind", "strength"


@dataclass(frozen=True)
class Rehearsed:
    """What was found of the attacks that were laid in.

    Attributes
    ----------
    out
        Where each flow of an attack stands with its score; None where none was asked for.
    flows
        One's own flows, among which they were laid.
    """

    out: Path | None
    flows: int
    laid: LaidAttacks
    detector: Detector
    seed: int
    seconds: float
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``rehearse --json``."""
        return {
            "out": None if self.out is None else str(self.out.resolve()),
            "flows": self.flows,
            "laid": len(self.laid),
            "seed": self.seed,
            "model_sha256": self.detector.bundle.model_sha256,
            "threshold": threshold_json(self.detector),
            **self.laid.to_json(self.detector.threshold),
            "seconds": round(self.seconds, 3),
            "warnings": self.warnings,
        }


def rehearse(
    detector: Detector,
    paths: Sequence[str | Path],
    out: Path | None = None,
    *,
    kinds: tuple[str, ...] = (),
    seed: int = 0,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Rehearsed:
    """Each kind of attack at each strength, laid into one's own flows and scored there.

    A strength is laid in on its own: a flood that goes on beside a slow scan of the same hosts
    would make the scan look odder than it is. One's own flows are not judged here; they are the
    traffic that the attacks hide in, and give the history of the hosts.

    Parameters
    ----------
    out
        A .parquet or .csv file for the flows of the attacks: ``kind``, ``strength`` and the
        columns of ``score``.
    kinds
        Names of ``ATTACKS``; all by default.
    seed
        The same flows and seed give the same attacks.

    Raises
    ------
    SchemaError
        If the flows are of another schema than ``flow`` or than the bundle's, or have no times or
        no internal hosts, so that no attack can be laid into them.
    SourceError
        If the files cannot be read, or a kind is not known.
    OutputError
        If ``out`` cannot be written.
    """
    require_kinds(kinds)
    if out is not None:
        _require_place(out, paths, detector)
    started = clock()
    options = reading_for(detector, read)
    own, report = read_all(paths, options, on_progress)
    _require_hosts_and_times(own, named(paths), options)
    detector.check(own.schema)
    parts: list[_Part] = []
    for position, strength in enumerate(STRENGTHS):
        said = f"Laying in and scoring: {strength} strength"
        on_progress(Progress("rehearse", position / len(STRENGTHS), said))
        mixed = inject(own, kinds, strength, seed, local_networks=options.local_networks)
        flows = with_context(mixed.flows) if wants_context(detector.features) else mixed.flows
        flows = flows.select(np.flatnonzero(mixed.is_injected))
        parts.append(_Part(strength, flows, detector.score(flows)))
    if out is not None:
        _write(out, detector, parts)
    laid = LaidAttacks.of(
        np.concatenate([part.scored.scores for part in parts]),
        [str(kind) for part in parts for kind in part.kinds],
        [part.strength for part in parts for _ in part.kinds],
        kinds=tuple(ATTACKS),
        strengths=STRENGTHS,
    )
    warnings = usage_warnings(detector, report)
    return Rehearsed(out, len(own), laid, detector, seed, clock() - started, warnings)


@dataclass(frozen=True, eq=False)
class _Part:
    """The attacks of one strength, scored."""

    strength: str
    flows: Flows
    scored: ScoredFlows

    @property
    def kinds(self) -> NDArray[Any]:
        if self.flows.labels is None:
            raise AssertionError("what is laid in is labelled")
        return self.flows.labels.class_name


def read_laid(path: Path) -> LaidAttacks:
    """The attacks that ``rehearse`` wrote as Parquet, without reading more of them.

    Raises
    ------
    SourceError
        If the file is gone or is none that ``rehearse`` wrote.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=[KIND, STRENGTH, "score"])
        return LaidAttacks.of(
            table["score"].to_numpy(),
            table[KIND].to_pylist(),
            table[STRENGTH].to_pylist(),
            kinds=tuple(ATTACKS),
            strengths=STRENGTHS,
        )
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise SourceError(
            f"{path} holds no attacks that were laid in, or is gone: lay them in again."
        ) from error


def _require_hosts_and_times(own: Flows, name: str, options: ReadOptions) -> None:
    if own.schema.name != Schema.named("flow").name:
        raise SchemaError(
            f"{name} is of schema {own.schema.name!r}, which records more of a flow than can be "
            "made up, so known attacks cannot be laid into it; give the log of a flow meter such "
            "as Zeek, or a --schema that maps the columns onto flow."
        )
    if own.time_ms is None:
        raise SchemaError(
            f"{name} has no time stamps, and attacks differ in their pace: known attacks cannot "
            "be laid into it. Give flows with times."
        )
    if not internal_hosts(own, options.local_networks):
        raise SchemaError(
            f"{name} names no internal IPv4 host that an attack could meet, so known attacks "
            "cannot be laid into it. Give flows with addresses; if yours are public ones, name "
            "your networks with --local-network."
        )


def _require_place(out: Path, paths: Sequence[str | Path], detector: Detector) -> None:
    if out.suffix not in _ENDINGS:
        raise OutputError(f"Cannot write {out}: name a file that ends in .parquet or .csv.")
    spare(out, expand(paths), detector.bundle.path)
    require_room(out)


def _write(out: Path, detector: Detector, parts: Sequence[_Part]) -> None:
    with (
        whole_file(out) as temporary,
        TableWriter(temporary, as_csv=_ENDINGS[out.suffix]) as table,
    ):
        for part in parts:
            found = result_columns(part.flows, part.scored, detector)
            del found["row"]  # in no source
            strengths = np.full(len(part.flows), part.strength, object)
            table.write(
                {KIND: part.kinds, STRENGTH: strengths, **found}, whole=part.flows.whole_numbers
            )
