"""Canonical flows as a CSV that is read back as they were."""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.files import whole_file
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED, Flows
from edgeguard_core.sources.files import METER_COLUMN

LABEL, CLASS = "label", "class"
"""``label`` decides, ``class`` names the kind: the order that readers of schema ``flow`` take."""

_CHUNK_ROWS = 50_000
_NUMBERS_EXACT_BELOW = 2.0**53


def write_flows_csv(path: Path, flows: Flows, meter: str = "") -> None:
    """The flows as CSV, every column and both label columns; gzip where the name ends in .gz.

    With ``meter`` a last column says what counted them, so that a promise calibrated on it holds
    for the file. Numbers are written in the fewest digits that give the same float64 again,
    nothing where there is no value. The same flows give the same bytes.

    Raises
    ------
    OutputError
        If the file cannot be written; nothing is left then.
    """
    names = [column.name for column in flows.schema.columns if column.name in flows.columns]
    titles = names if flows.labels is None else [*names, LABEL, CLASS]
    titles = [*titles, METER_COLUMN] if meter else titles
    with whole_file(path) as temporary, _text(temporary, packed=path.suffix == ".gz") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(titles)
        for begin in range(0, len(flows), _CHUNK_ROWS):
            rows = slice(begin, begin + _CHUNK_ROWS)
            cells = [_cells(flows.columns[name][rows]) for name in names]
            if flows.labels is not None:
                words = np.array([LABEL_WORDS[x] for x in (BENIGN, ATTACK, UNLABELLED)], object)
                cells.append(words[flows.labels.label[rows]].tolist())
                cells.append(flows.labels.class_name[rows].tolist())
            if meter:
                cells.append([meter] * len(flows.line[rows]))
            writer.writerows(zip(*cells, strict=True))


@contextmanager
def _text(path: Path, *, packed: bool) -> Iterator[TextIO]:
    if not packed:
        with path.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    with (
        path.open("wb") as raw,
        # No name and no time, so that the same flows give the same bytes.
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as binary,
        io.TextIOWrapper(binary, "utf-8", newline="") as stream,
    ):
        yield stream


def _cells(values: NDArray[Any]) -> list[object]:
    """Cells for csv, which writes a float as its shortest text and None as nothing."""
    if values.dtype == object:
        return list(values.tolist())
    plain: list[float] = values.tolist()
    return [_number(value) for value in plain]


def _number(value: float) -> float | int | None:
    if value != value:
        return None
    whole = value.is_integer() and abs(value) < _NUMBERS_EXACT_BELOW
    return int(value) if whole else value
