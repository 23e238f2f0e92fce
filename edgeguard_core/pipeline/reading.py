"""Reading for a stage that needs all flows at once, with or without labels."""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.table import Flows
from edgeguard_core.flows.validation import Rejection
from edgeguard_core.pipeline.progress import OnProgress, reading
from edgeguard_core.pipeline.tables import write_rejections
from edgeguard_core.sources import ReadOptions, ReadReport, read_batches, require_usable


def read_all(
    paths: Sequence[str | Path],
    options: ReadOptions,
    on_progress: OnProgress,
    rejected: Path | None = None,
    report: ReadReport | None = None,
) -> tuple[Flows, ReadReport]:
    """All accepted flows of some files as one table, and the report.

    With ``rejected`` every rejected row is written to that CSV file while the files are read:
    the report keeps only the first of them. A ``report`` that is given is filled also where the
    reading is refused.

    Where one file has labels and another none, the flows of the latter are unlabelled: an
    attack of the first must not pass as normal because nobody judged the second.

    Raises
    ------
    SourceError
        If a file cannot be read, holds no flow, or more than half of the rows were rejected.
    SchemaError
        If the files are not all of one schema.
    """
    report, parts = report or ReadReport(), list[Flows]()

    def rejections() -> Iterator[Rejection]:
        told = reading(on_progress, "Reading flows")
        for batch in read_batches(paths, options, report, told):
            if len(batch.flows):
                parts.append(batch.flows)
            yield from batch.rejections

    if rejected is None:
        deque(rejections(), maxlen=0)
    else:
        write_rejections(rejected, rejections())
    require_usable(report)
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
