"""The first rows of an unknown table, for a person or a guess to look at."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.infer import Sample
from edgeguard_core.sources.foreign import refuse_by_magic, text_lines
from edgeguard_core.sources.packets.capture_file import is_capture
from edgeguard_core.sources.streams import read_head

MOST_ROWS = 5_000
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def sample_table(path: str | Path) -> Sample:
    """The titles and first rows of a CSV with one header line, or of a Parquet file.

    Raises
    ------
    SourceError
        If the file is no such table, or holds no row.
    """
    path = Path(path)
    if is_capture(path):
        raise SourceError(f"{path} is a packet capture, not a table; see `edgeguard inspect`.")
    head = read_head(path)
    refuse_by_magic(path, head)
    if head.startswith(b"PAR1"):
        return _sample_of_parquet(path)
    lines = text_lines(path, head)
    if lines[0].startswith("#") or lines[0].lstrip().startswith(("{", "[")):
        raise SourceError(f"{path} is a log, not a table; see `edgeguard inspect`.")
    for delimiter, word in _OTHER_DELIMITERS.items():
        if lines[0].count(delimiter) > lines[0].count(","):
            raise SourceError(
                f"{path} has {word} between its fields where commas belong; save it with commas."
            )
    rows = list(csv.reader(lines[: MOST_ROWS + 1]))
    titles = [title.strip() for title in rows[0]]
    whole = [row for row in rows[1:] if len(row) == len(titles)]  # the last may be cut short
    if len(titles) < 2 or not whole:
        raise SourceError(f"{path} has no row below a header of two columns; give a table.")
    return Sample(_columns(path, titles, [[row[at] for row in whole] for at in range(len(titles))]))


def _sample_of_parquet(path: Path) -> Sample:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:  # an edge box has neither
        raise SourceError(
            f"{path} is a Parquet file and pyarrow is not installed; give CSV instead."
        ) from error
    try:
        with pq.ParquetFile(path) as file:
            part = next(file.iter_batches(MOST_ROWS, use_threads=False), None)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is a damaged Parquet file; export it again.") from error
    if part is None or not len(part):
        raise SourceError(f"{path} holds no row; give a table with some.")
    columns: list[list[Any]] = [
        [None if cell is None else str(cell) for cell in part.column(at).to_pylist()]
        for at in range(part.num_columns)
    ]
    return Sample(_columns(path, part.schema.names, columns))


def _columns(
    path: Path, titles: list[str], columns: list[list[Any]]
) -> dict[str, NDArray[np.object_]]:
    if twice := sorted({title for title in titles if titles.count(title) > 1}):
        raise SourceError(f"{path} has column {twice[0]!r} twice; rename one.")
    return {title: np.array(cells, object) for title, cells in zip(titles, columns, strict=True)}
