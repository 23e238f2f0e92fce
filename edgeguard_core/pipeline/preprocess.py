"""Preprocess: a raw file in, two clean Parquet files out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import NotEnoughDataError, OutputError, SchemaError
from edgeguard_core.features.context import with_context
from edgeguard_core.files import whole_folder
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.splits import (
    NormalFlows,
    normal_flows,
    split,
    unlabelled_as_benign,
)
from edgeguard_core.pipeline.tables import write_flows
from edgeguard_core.sources import ReadOptions, ReadReport

TRAIN, TEST, REJECTED = "train.parquet", "test.parquet", "rejected.csv"


@dataclass(frozen=True)
class Preprocessed:
    """Where the two files are, and what became of the rows."""

    train: Path
    test: Path
    train_flows: int
    test_flows: int
    split: str
    seed: int
    report: ReadReport
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``preprocess --json``."""
        rejected: Counter[str] = self.report.rejected
        return {
            "train": str(self.train.resolve()),
            "test": str(self.test.resolve()),
            "train_flows": self.train_flows,
            "test_flows": self.test_flows,
            "accepted": self.report.accepted,
            "rejected": dict(rejected.most_common()),
            "split": self.split,
            "seed": self.seed,
            "warnings": self.warnings,
        }


def preprocess(
    paths: Sequence[str | Path],
    out: Path,
    *,
    read: ReadOptions | None = None,
    test_share: float = 0.2,
    kind: str | None = None,
    seed: int = 0,
    take_unlabelled: bool = False,
    force: bool = False,
    on_progress: OnProgress = silent,
) -> Preprocessed:
    """Validated flows in ``train.parquet`` and ``test.parquet``, rejected rows beside them.

    Benign flows are split, each file's by time where there is any; all attacks and whatever else
    may not be learned go to the test file. With ``take_unlabelled`` unlabelled flows count as
    benign, and are labelled so in both files.

    Raises
    ------
    SourceError, SchemaError, NotEnoughDataError
        If the files cannot be read, or hold nothing to learn from.
    OutputError
        If ``out`` exists without ``force``, or cannot be written.
    """
    if not 0 <= test_share < 1:
        raise SchemaError(f"--test-share is {test_share:g}; give a share from 0 to below 1.")
    _check_target(out, force=force)
    with whole_folder(out, force=force) as folder:
        flows, report = read_all(paths, read or ReadOptions(), on_progress, folder / REJECTED)
        if take_unlabelled:
            flows = unlabelled_as_benign(flows)
        normal = normal_flows(flows, report)
        parts = parted(flows, report, normal, test_share, kind=kind, seed=seed)
        on_progress(Progress("write", 0.0, "Writing Parquet files"))
        write_flows(folder / TRAIN, parts.learned, report.meter)
        write_flows(folder / TEST, parts.tested, report.meter)
        _check_target(out, force=force)  # another run may have finished meanwhile
    return Preprocessed(
        train=out / TRAIN,
        test=out / TEST,
        train_flows=len(parts.learned),
        test_flows=len(parts.tested),
        split=parts.kind,
        seed=seed,
        report=report,
        warnings=normal.warnings + report.all_warnings(),
    )


@dataclass(frozen=True)
class Parted:
    """Flows in parts, with context where they have times.

    Attributes
    ----------
    learned, held_out
        Normal flows to train on, and those kept from it: their hosts have no attack in their
        history.
    tested
        Everything that is not trained on; its hosts have all of their history.
    timeline
        Which file each learned flow is from, shape ``(n,)``.
    positions
        Which of the normal flows each learned one is, shape ``(n,)``.
    """

    learned: Flows
    held_out: Flows
    tested: Flows
    timeline: NDArray[np.int64]
    positions: NDArray[np.int64]
    kind: str


def parted(
    flows: Flows,
    report: ReadReport,
    normal: NormalFlows,
    test_share: float,
    *,
    kind: str | None = None,
    seed: int = 0,
    always: NDArray[np.bool_] | None = None,
) -> Parted:
    """All flows of some files in what is trained on and what is not.

    Parameters
    ----------
    always
        Which of the normal flows are trained on wherever they stand, ``(m,)``: those that a person
        judged. They keep the history that they were judged with, also where their neighbours are
        not learned; without it they would be other flows than those that alert.

    Raises
    ------
    NotEnoughDataError
        If so large a ``test_share`` leaves nothing to train on.
    SchemaError
        If a split by time is asked for and some flow has no time.
    """
    timeline = report.timeline[normal.rows]
    parts = split(normal.flows, test_share, timeline=timeline, kind=kind, seed=seed)
    parts = parts.placed(always)
    if not len(parts.first):
        raise NotEnoughDataError(
            f"A --test-share of {test_share:g} leaves none of the {len(normal.flows)} benign "
            "flows to train on; give a smaller one."
        )
    for_test = ~normal.rows
    for_test[np.flatnonzero(normal.rows)[parts.last]] = True
    learned, whole = with_context(normal.flows, timeline), with_context(flows, report.timeline)
    if always is not None and always.any():
        learned = _with_history(learned, whole, np.flatnonzero(normal.rows)[always], always)
    return Parted(
        learned=learned.select(parts.first),
        held_out=learned.select(parts.last),
        tested=whole.select(for_test),
        timeline=timeline[parts.first],
        positions=parts.first,
        kind=parts.kind,
    )


def _with_history(
    flows: Flows, whole: Flows, at: NDArray[np.int64], some: NDArray[np.bool_]
) -> Flows:
    """The flows, ``(m,)``, some of them with the history that they have among all flows.

    ``at`` says where each of those stands among all flows.
    """
    columns = dict(flows.columns)
    for name in columns:
        if flows.schema.column(name).context:
            columns[name] = columns[name].copy()
            columns[name][some] = whole.columns[name][at]
    return replace(flows, columns=columns)


def _check_target(out: Path, *, force: bool) -> None:
    """Refuse to write over anything but the result of an earlier run."""
    if not out.exists() and not out.is_symlink():
        return
    if not force:
        raise OutputError(f"{out} exists already; choose another --out or add --force.")
    if out.is_symlink() or not out.is_dir():
        raise OutputError(f"{out} is no folder, which is all that --force replaces.")
    if foreign := sorted({item.name for item in out.iterdir()} - {TRAIN, TEST, REJECTED}):
        raise OutputError(
            f"{out} also holds {foreign[0]}, which --force would delete; choose another --out."
        )
