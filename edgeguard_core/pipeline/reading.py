"""Reading for a stage that needs all flows at once, with or without labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.table import LABEL_WORDS, UNLABELLED, Flows, Labels
from edgeguard_core.pipeline.progress import OnProgress, reading
from edgeguard_core.sources import ReadOptions, ReadReport, read_batches, require_usable


def read_all(
    paths: Sequence[str | Path], options: ReadOptions, on_progress: OnProgress
) -> tuple[Flows, ReadReport]:
    """All accepted flows of some files as one table, and the report.

    Where one file has labels and another none, the flows of the latter are unlabelled: an
    attack of the first must not pass as normal because nobody judged the second.

    Raises
    ------
    SourceError
        If a file cannot be read, holds no flow, or more than half of the rows were rejected.
    SchemaError
        If the files are not all of one schema.
    """
    report = ReadReport()
    relay = reading(on_progress, "Reading flows")
    batches = [batch.flows for batch in read_batches(paths, options, report, relay)]
    require_usable(report)
    parts = [part for part in batches if len(part)]
    if any(part.labels is not None for part in parts):
        parts = [
            part if part.labels is not None else replace(part, labels=unlabelled(len(part)))
            for part in parts
        ]
    return Flows.concat(parts), report


def require_trusted_labels(report: ReadReport) -> None:
    """Nothing, when it is known which label words mean benign.

    Raises
    ------
    SchemaError
        If it is not; the message lists the words.
    """
    if report.label_problem is not None:
        raise SchemaError(f"{named(report.paths)}: {report.label_problem}")


def named(paths: Sequence[str | Path]) -> str:
    """Some files in a few words.

    >>> named(["a.csv"]), named(["a.csv", "b.csv", "c.csv"])
    ('a.csv', 'a.csv and 2 more')
    """
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def unlabelled(count: int) -> Labels:
    """The labels of so many flows that nobody judged.

    >>> unlabelled(2).label.tolist()
    [-1, -1]
    """
    return Labels(
        np.full(count, UNLABELLED, np.int8), np.full(count, LABEL_WORDS[UNLABELLED], object)
    )
