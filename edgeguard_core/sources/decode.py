"""Lines of delimited text to columns: pyarrow where it is installed, plain Python elsewhere.

Both give the same cells; the tests hold them equal on every shared file.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.validation import WRONG_FIELD_COUNT, Rejection
from edgeguard_core.sources.streams import LineBlock


@dataclass(frozen=True)
class Layout:
    """How lines are split, and which fields are wanted.

    ``wanted`` maps a column name to its position; those in ``numeric`` may come as float64,
    unless ``keep_nan`` is set and one holds the word: as a float it would pass for an empty cell.
    """

    n_fields: int
    wanted: Mapping[str, int]
    numeric: frozenset[str] = frozenset()
    delimiter: str = ","
    quoted: bool = True
    keep_nan: bool = False


@dataclass(frozen=True)
class Decoded:
    """Columns of shape ``(n,)``, the line of each row, and the lines that did not fit."""

    columns: dict[str, NDArray[Any]]
    line: NDArray[np.int64]
    malformed: list[Rejection] = field(default_factory=list)


Decoder = Callable[[LineBlock, Layout], Decoded]


def best_decoder() -> Decoder:
    """The fastest decoder that is installed."""
    try:
        import pyarrow.csv  # noqa: F401
    except ImportError:
        return decode_plain
    return decode_with_pyarrow


def decode_plain(block: LineBlock, layout: Layout) -> Decoded:
    """The cells of a block as str, None where empty, by the standard library alone."""
    rows: list[list[str]] = []
    kept: list[int] = []
    malformed: list[Rejection] = []
    # Line by line: a stray quote then spoils its own line and not the rest of the file.
    for number, text in zip(
        block.line, io.StringIO(block.data.decode(), newline="\n"), strict=True
    ):
        row = _fields(text, layout)
        if len(row) == layout.n_fields:
            rows.append(row)
            kept.append(int(number))
        else:
            malformed.append(_malformed(int(number), len(row), layout))
    columns = {
        name: np.array([row[position] or None for row in rows], object)
        for name, position in layout.wanted.items()
    }
    return Decoded(columns, np.array(kept, np.int64), malformed)


def _fields(text: str, layout: Layout) -> list[str]:
    plain = text.rstrip("\r\n")
    if not layout.quoted or '"' not in plain:
        return plain.split(layout.delimiter)
    try:
        return next(csv.reader([plain], delimiter=layout.delimiter), [])
    except csv.Error:  # a bare carriage return, or a field of more than 128 KiB
        return plain.split(layout.delimiter)


def decode_with_pyarrow(block: LineBlock, layout: Layout) -> Decoded:
    """The same cells, numeric columns as float64 wherever every cell of one is a number."""
    import pyarrow as pa

    if not block.data:
        return Decoded({name: np.array([], object) for name in layout.wanted}, block.line)
    if block.data.count(b"\r") > block.data.count(b"\r\n"):
        return decode_plain(block, layout)  # pyarrow takes a bare return for the end of a line
    try:
        table, found = _parsed_with_pyarrow(block.data.rstrip(b"\r\n"), layout)
    except pa.ArrowInvalid:  # a quote that never closes
        return decode_plain(block, layout)
    bad = sorted(found)
    line = np.delete(block.line, bad) if bad else block.line
    if len(table) != len(line):  # a quoted line break: let each line stand for itself
        return decode_plain(block, layout)
    columns = {
        name: _to_numpy(table.column(str(position)), name in layout.numeric, layout.keep_nan)
        for name, position in layout.wanted.items()
    }
    return Decoded(
        columns, line, [_malformed(int(block.line[at]), found[at], layout) for at in bad]
    )


def _parsed_with_pyarrow(data: bytes, layout: Layout) -> tuple[Any, dict[int, int]]:
    """The table of text, and how many fields each line has that does not fit, by position."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    found: dict[int, int] = {}

    def note(row: Any) -> str:
        found[row.number - 1] = row.actual_columns
        return "skip"

    names = [str(position) for position in range(layout.n_fields)]
    table = pa_csv.read_csv(
        pa.BufferReader(data),
        read_options=pa_csv.ReadOptions(
            column_names=names, use_threads=False, block_size=len(data) + 1
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=layout.delimiter,
            quote_char='"' if layout.quoted else False,
            double_quote=layout.quoted,
            invalid_row_handler=note,
        ),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=sorted({str(position) for position in layout.wanted.values()}),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return table, found


def _to_numpy(column: Any, numeric: bool, keep_nan: bool) -> NDArray[Any]:
    import pyarrow as pa

    if numeric:
        try:
            values: NDArray[Any] = column.cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            pass  # some cell is no number; validation says which
        else:
            if not keep_nan or np.count_nonzero(np.isnan(values)) == column.null_count:
                return values
    # As a dictionary, equal words become one Python object instead of one a row.
    coded = column.combine_chunks().dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), None], object)
    codes = coded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    cells: NDArray[Any] = words[codes]
    return cells


def _malformed(line: int, found: int, layout: Layout) -> Rejection:
    value = f"{found} fields, {layout.n_fields} expected"
    return Rejection(line, "", value, WRONG_FIELD_COUNT)
