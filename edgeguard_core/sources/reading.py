"""Whole readings: files and folders into one table, with a report of what was found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.base import Batch, ReadOptions, ReadReport, Source
from edgeguard_core.sources.packets.capture_source import CAPTURE_FORMATS
from edgeguard_core.sources.sniff import open_source

MOST_REJECTED_SHARE = 0.5

OnProgress = Callable[[float], None]
"""Told the share that is read, 0 to 1."""


def expand(paths: Iterable[str | Path]) -> list[Path]:
    """The files that are meant: a folder stands for the files in it, by name.

    Hidden files and the notes that people lay beside their data (``README``, ``*.md``) are no
    data.

    Raises
    ------
    SourceError
        If a path is missing, or a folder holds no file.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(item for item in path.iterdir() if _is_data(item))
        if not inside:
            raise SourceError(f"Folder {path} holds no file; name one that does.")
        files += inside
    return files


def _is_data(path: Path) -> bool:
    name = path.name.lower()
    note = name.endswith(".md") or name in ("readme", "readme.txt", "license", "license.txt")
    return path.is_file() and not note and not name.startswith(".")


def read_batches(
    paths: Sequence[str | Path],
    options: ReadOptions,
    report: ReadReport,
    on_progress: OnProgress | None = None,
) -> Iterator[Batch]:
    """The batches of all files in turn; ``report`` fills up as they are read.

    Raises
    ------
    SourceError
        If a file cannot be read.
    SchemaError
        If the files are not all of one schema.
    """
    files = expand(paths)
    first: Source | None = None
    for position, path in enumerate(files):
        source = open_source(path, options)
        first = first or source
        if source.schema != first.schema:
            raise SchemaError(
                f"{path} is of schema {source.schema.name!r} and {first.path} of "
                f"{first.schema.name!r}; read them apart."
            )
        report.current_name = path.name
        for batch in source.batches():
            report.add(batch)
            yield batch
            if on_progress is not None:
                on_progress((position + batch.share_read) / len(files))
        report.close(source)


def read_flows(
    paths: Sequence[str | Path],
    options: ReadOptions | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Flows, ReadReport]:
    """All accepted flows of some files as one table, and the report.

    Raises
    ------
    SourceError
        If a file cannot be read, or more than half of its rows were rejected.
    SchemaError
        If the files are not all of one schema.
    """
    report = ReadReport()
    parts = [b.flows for b in read_batches(paths, options or ReadOptions(), report, on_progress)]
    require_usable(report)
    filled = [part for part in parts if len(part)]
    return Flows.concat(filled), report


def require_usable(report: ReadReport) -> None:
    """Refuse a reading that gave no flow, or rejected more than half.

    Raises
    ------
    SourceError
        Then; the message names the commonest reason.
    """
    named = ", ".join(str(path) for path in report.paths)
    if not report.rows and report.format in CAPTURE_FORMATS:
        raise SourceError(
            f"{named} holds no packet that a flow could be made of; give a capture of IP traffic."
        )
    if not report.rows and (events := report.skipped.total()):
        counted = f"{events} event{'s' if events > 1 else ''}"
        raise SourceError(
            f"{named} holds {counted} and no flow; turn on `flow` under the types of eve-log in "
            "suricata.yaml."
        )
    if not report.rows:
        raise SourceError(f"{named} has a header and no flow below it; give a file with flows.")
    if report.rejected.total() > MOST_REJECTED_SHARE * report.rows:
        rule, count = report.rejected.most_common(1)[0]
        first = report.examples[rule]
        where = f"line {first.line}" + (
            f", {first.column} = {first.value!r}" if first.column else ""
        )
        raise SourceError(
            f"{report.rejected.total()} of {report.rows} rows of {named} were rejected, "
            f"{count} of them as {rule!r} ({where}); see `edgeguard inspect`."
        )
