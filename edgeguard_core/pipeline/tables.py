"""Tables on disk: flows as Parquet, rejected rows as CSV, scored flows as either."""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeguard_core.features.context import has_context
from edgeguard_core.flows.schema import CONTEXT_VERSION
from edgeguard_core.flows.table import Flows
from edgeguard_core.flows.validation import Rejection
from edgeguard_core.sources.files import PARQUET_KEY

# What a spreadsheet may take for a formula: its signs and their full-width twins, also after
# blanks and marks that nobody sees; a sign alone is none. Written so that `re` and RE2 agree.
_BLANKS = "\t-\r \u0085\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = f"^(?:[{_BLANKS}]*[{_SIGNS}](?s:.)|[\t\r\n])"
_starts_formula = re.compile(_FORMULA).match


def write_flows(path: Path, flows: Flows, meter: str) -> None:
    """Flows as a Parquet file that remembers the meter that counted them.

    And the version of the code that made their context, where they have any.
    """
    import pyarrow.parquet as pq

    table = flows.to_arrow()
    about: dict[str, object] = {"schema": flows.schema.name, "meter": meter}
    if has_context(flows):
        about["context"] = CONTEXT_VERSION
    note = {PARQUET_KEY: json.dumps(about).encode()}
    pq.write_table(table.replace_schema_metadata(note), path, compression="zstd")


def write_rejections(path: Path, rejections: Iterable[Rejection]) -> None:
    """Rejected rows as CSV: line, column, value and rule."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["line", "column", "value", "rule"])
        for item in rejections:
            writer.writerow([item.line, defused(item.column), defused(item.value), item.rule])


def defused(text: str) -> str:
    """A text that a spreadsheet shows and does not run: a formula gets a quote before it.

    >>> defused("=1+1"), defused(" @SUM(A1)"), defused("tcp"), defused("-")
    ("'=1+1", "' @SUM(A1)", 'tcp', '-')
    """
    return f"'{text}" if _starts_formula(text) else text


def defused_array(texts: Any) -> Any:
    """A pyarrow array of texts, ``(n,)``, each as ``defused`` leaves it; nulls stay null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mark, nothing = pa.scalar("'", texts.type), pa.scalar("", texts.type)
    quoted = pc.binary_join_element_wise(mark, texts, nothing)
    return pc.if_else(pc.match_substring_regex(texts, _FORMULA), quoted, texts)


class TableWriter:
    """Writes batches of columns to one Parquet or CSV file, by the ending of its name.

    The columns of the first batch stand for all; later batches fill what they lack with null.
    """

    def __init__(self, path: Path, *, as_csv: bool) -> None:
        self._path, self._as_csv = path, as_csv
        self._writer: Any = None
        self._schema: Any = None

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, columns: Mapping[str, NDArray[Any]], whole: Iterable[str] = ()) -> None:
        """Append some rows; the columns named in ``whole`` are written as integers."""
        import pyarrow as pa

        wanted = list(columns) if self._schema is None else self._schema.names
        n_rows = len(next(iter(columns.values())))
        arrays = {}
        for name in wanted:
            values = columns.get(name)
            array = pa.nulls(n_rows) if values is None else pa.array(values, from_pandas=True)
            if name in set(whole) and pa.types.is_floating(array.type):
                array = array.cast(pa.int64())
            if pa.types.is_string(array.type) and self._as_csv:
                array = defused_array(array)
            if pa.types.is_null(array.type) and self._schema is None:
                array = array.cast(pa.string())
            arrays[name] = (
                array if self._schema is None else array.cast(self._schema.field(name).type)
            )
        table = pa.table(arrays)
        writer = self._open(table.schema)
        writer.write_table(table.rename_columns(self._titles(wanted)))

    def _titles(self, names: list[str]) -> list[str]:
        return [defused(name) for name in names] if self._as_csv else names

    def _open(self, schema: Any) -> Any:
        if self._writer is None:
            import pyarrow.csv as pa_csv
            import pyarrow.parquet as pq

            self._schema = schema
            titled = schema.empty_table().rename_columns(self._titles(schema.names)).schema
            self._writer = (
                pa_csv.CSVWriter(self._path, titled)
                if self._as_csv
                else pq.ParquetWriter(self._path, titled, compression="zstd")
            )
        return self._writer
