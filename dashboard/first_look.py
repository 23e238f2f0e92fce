"""The first rows of a file, read in this process: feedback before all of it is read.

Of text a piece from the beginning is copied beside the file and read like any other; of Parquet
the first rows are read where they lie.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgeguard_core.flows.schema import Schema
from edgeguard_core.sources import ReadOptions, ReadReport, open_source
from edgeguard_core.sources.streams import open_bytes, read_block

HEAD_BYTES = 1 << 20
MOST_ROWS = 5_000


@dataclass(frozen=True)
class FirstLook:
    """What the first rows were taken for."""

    format: str
    schema: str
    rows: int
    accepted: int
    rejected: Counter[str]
    labels: Counter[str]
    features: int  # of the schema, those that the file can fill
    whole: bool  # whether these are all rows of the file


def look(path: Path, schema: Schema | None = None, most_rows: int = MOST_ROWS) -> FirstLook:
    """The first rows of a file, read by a schema or by the one that is recognised.

    Raises
    ------
    SourceError, SchemaError
        As for the whole file: no known format, a column absent, damaged.
    """
    options = ReadOptions(schema=schema, batch_rows=most_rows)
    with path.open("rb") as stream:
        if stream.read(4) == b"PAR1":
            return _first_batch(path, options)
    with tempfile.TemporaryDirectory(prefix="edgeguard-") as folder:
        # Under its own name, so that a refusal names the file as its owner does.
        piece = Path(folder) / path.name
        whole = _copy_head(path, piece, most_rows)
        return _first_batch(piece, options, whole=whole)


def _copy_head(path: Path, piece: Path, most_rows: int) -> bool:
    """Copy the first whole lines; whether they are all."""
    with open_bytes(path) as stream:
        start = read_block(stream, HEAD_BYTES, path)
        cut = len(start) == HEAD_BYTES and bool(read_block(stream, 1, path))
    lines = start.splitlines(keepends=True)
    if cut:
        lines = lines[:-1] or lines
    whole = not cut and len(lines) <= most_rows + 1
    piece.write_bytes(b"".join(lines[: most_rows + 1]))
    return whole


def _first_batch(path: Path, options: ReadOptions, *, whole: bool = False) -> FirstLook:
    source, report = open_source(path, options), ReadReport()
    batch = next(iter(source.batches()), None)
    features = 0
    if batch is not None:
        report.add(batch)
        features = sum(name in batch.flows.columns for name in source.schema.features)
    report.close(source)
    return FirstLook(
        format=report.format,
        schema=source.schema.name,
        rows=report.rows,
        accepted=report.accepted,
        rejected=report.rejected,
        labels=report.labels,
        features=features,
        whole=whole,
    )
