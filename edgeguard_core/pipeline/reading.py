"""Reading for a stage that needs all flows at once, with or without labels."""

from collections.abc import Sequence
from pathlib import Path

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.progress import OnProgress, reading
from edgeguard_core.sources import ReadOptions, ReadReport, read_flows


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
    return read_flows(paths, options, reading(on_progress, "Reading flows"))


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
