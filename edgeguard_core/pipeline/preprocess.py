"""Preprocess: a raw file in, two clean Parquet files out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.errors import SchemaError
from edgeguard_core.files import whole_folder
from edgeguard_core.pipeline.progress import OnProgress, Progress, reading, silent
from edgeguard_core.pipeline.splits import normal_flows, split
from edgeguard_core.pipeline.tables import write_flows, write_rejections
from edgeguard_core.sources import ReadOptions, ReadReport, read_flows

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
    unlabelled_as_benign: bool = False,
    force: bool = False,
    on_progress: OnProgress = silent,
) -> Preprocessed:
    """Validated flows in ``train.parquet`` and ``test.parquet``, rejected rows beside them.

    Benign flows are split, by time where there is any; all attacks and whatever else may not
    be learned go to the test file.

    Raises
    ------
    SourceError, SchemaError, NotEnoughDataError
        If the files cannot be read, or hold nothing to learn from.
    OutputError
        If ``out`` exists without ``force``, or cannot be written.
    """
    if not 0 <= test_share < 1:
        raise SchemaError(f"--test-share is {test_share:g}; give a share from 0 to below 1.")
    with whole_folder(out, force=force) as folder:
        flows, report = read_flows(paths, read, reading(on_progress, "Reading flows"))
        normal = normal_flows(flows, report, unlabelled_as_benign=unlabelled_as_benign)
        parts = split(normal.flows, test_share, kind=kind, seed=seed)
        for_test = ~normal.rows
        for_test[np.flatnonzero(normal.rows)[parts.last]] = True
        on_progress(Progress("write", 0.0, "Writing Parquet files"))
        meter = report.meter
        write_flows(folder / TRAIN, normal.flows.select(parts.first), meter)
        write_flows(folder / TEST, flows.select(for_test), meter)
        write_rejections(folder / REJECTED, report.rejections)
    return Preprocessed(
        train=out / TRAIN,
        test=out / TEST,
        train_flows=len(parts.first),
        test_flows=int(for_test.sum()),
        split=parts.kind,
        seed=seed,
        report=report,
        warnings=normal.warnings + report.all_warnings(),
    )
