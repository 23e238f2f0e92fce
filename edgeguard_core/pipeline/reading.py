"""Reading for a stage that needs all flows at once, with or without labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

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


def unlabelled(count: int) -> Labels:
    """The labels of so many flows that nobody judged.

    >>> unlabelled(2).label.tolist()
    [-1, -1]
    """
    return Labels(
        np.full(count, UNLABELLED, np.int8), np.full(count, LABEL_WORDS[UNLABELLED], object)
    )
