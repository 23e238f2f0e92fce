"""The containers: delimited text, JSON lines and Parquet, each read in bounded memory."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.validation import Rejection
from edgeguard_core.sources.base import Batch, ReadOptions
from edgeguard_core.sources.decode import Decoded, Layout, best_decoder
from edgeguard_core.sources.interpret import Interpreter
from edgeguard_core.sources.streams import LineBlock, line_blocks

ZEEK_QUIRK = "   "  # IoT-23 parts tunnel_parents, label and detailed-label by three blanks
NOT_JSON = "not a JSON object"
_MOST_OF_A_REASON = 120  # characters; a library's message can fill a screen
PARQUET_KEY = b"edgeguard"
"""Under it a Parquet file that EdgeGuard wrote says which schema and meter it is of."""


@dataclass
class FileSource:
    """What the sources of all containers share."""

    path: Path
    format: str
    interpreter: Interpreter
    header: list[str]
    options: ReadOptions
    odd: list[str] = field(default_factory=list)
    meter: str = ""
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.meter = self.meter or self.interpreter.meter

    @property
    def schema(self) -> Schema:
        """The schema of the flows that come out."""
        return self.interpreter.schema

    @property
    def labels(self) -> LabelReader:
        """The words of the label column met so far."""
        return self.interpreter.labels

    @property
    def warnings(self) -> list[str]:
        """One sentence each about what was odd but did not stop the reading."""
        return self.interpreter.notes() + self.odd

    def _batch(self, decoded: Decoded, share_read: float) -> Batch:
        validated = self.interpreter.read(decoded.columns, decoded.line)
        batch = Batch.of(validated, decoded.malformed, share_read)
        shown = [self._as_in_the_file(rejection) for rejection in batch.rejections]
        batch.rejections[:] = sorted(shown, key=lambda rejection: rejection.line)
        return batch

    def _as_in_the_file(self, rejection: Rejection) -> Rejection:
        """The same, under the column name that the person's own file has."""
        position = self.interpreter.positions.get(rejection.column)
        if position is None or not self.header:
            return rejection
        name = self.header[position].strip()
        return Rejection(rejection.line, name, rejection.value, rejection.rule)


@dataclass
class DelimitedSource(FileSource):
    """Comma or TAB separated lines with one header, or none."""

    n_fields: int = 0
    delimiter: str = ","
    quoted: bool = True
    skip_lines: int = 1
    comment: bytes | None = None

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        decode = best_decoder()
        layout = Layout(
            n_fields=self.n_fields,
            wanted=self.interpreter.positions,
            numeric=self.interpreter.numeric,
            delimiter=self.delimiter,
            quoted=self.quoted,
        )
        for block in line_blocks(self.path, skip_lines=self.skip_lines, comment=self.comment):
            decoded = decode(self._prepared(block), layout)
            yield self._batch(self._without_headers(decoded), block.share_read)

    def _prepared(self, block: LineBlock) -> LineBlock:
        return block

    def _without_headers(self, decoded: Decoded) -> Decoded:
        """Leave out lines that repeat the header, as joined files have them."""
        found = decoded.columns.values()
        if not self.header or not found or any(cells.dtype != object for cells in found):
            return decoded  # a column of numbers alone repeats no header
        repeated = np.ones(len(decoded.line), np.bool_)
        for name, cells in decoded.columns.items():
            title = self.header[self.interpreter.positions[name]].strip()
            # A joined file keeps the byte order mark of its second part.
            repeated &= np.array([str(cell).strip(" \ufeff") == title for cell in cells], np.bool_)
            if not repeated.any():
                return decoded
        kept = {name: cells[~repeated] for name, cells in decoded.columns.items()}
        return Decoded(kept, decoded.line[~repeated], decoded.malformed)


@dataclass
class ZeekLogSource(DelimitedSource):
    """Zeek's own TSV, in which a later ``#fields`` line must name the same fields.

    ``quirk`` marks IoT-23's logs, whose last three fields stand three blanks apart.
    """

    quirk: bool = False

    def _prepared(self, block: LineBlock) -> LineBlock:
        for number, text in block.comments:
            name, _, rest = text.decode().partition("\t")
            if name == "#fields" and zeek_fields(rest) != self.header:
                raise SourceError(
                    f"{self.path} line {number} begins a log with other fields; "
                    "give each log as a file of its own."
                )
        if not self.quirk:
            return block
        data = block.data.replace(ZEEK_QUIRK.encode(), b"\t")
        return LineBlock(data, block.line, block.share_read)


def zeek_fields(text: str) -> list[str]:
    """The names that a ``#fields`` line lists.

    >>> zeek_fields("ts\\tuid\\ttunnel_parents   label   detailed-label")
    ['ts', 'uid', 'tunnel_parents', 'label', 'detailed-label']
    """
    return text.strip().replace(ZEEK_QUIRK, "\t").split("\t")


@dataclass
class JsonLinesSource(FileSource):
    """One JSON object a line; absent keys are empty cells."""

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        for block in line_blocks(self.path):
            yield self._batch(self._decode(block), block.share_read)

    def _decode(self, block: LineBlock) -> Decoded:
        records: list[dict[str, Any]] = []
        kept: list[int] = []
        malformed: list[Rejection] = []
        for number, text in zip(block.line, block.data.split(b"\n"), strict=False):
            record = json_object(text)
            if record is None:
                shown = text[:80].decode(errors="replace")
                malformed.append(Rejection(int(number), "", shown, NOT_JSON))
            elif (flow := self._flow_in(record)) is not None:
                records.append(flow)
                kept.append(int(number))
        columns = {
            name: _objects([record.get(self.header[position]) for record in records])
            for name, position in self.interpreter.positions.items()
        }
        return Decoded(columns, np.array(kept, np.int64), malformed)

    def _flow_in(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The cells of a record by their titles, None where it is no flow."""
        return record


def _objects(cells: list[Any]) -> NDArray[np.object_]:
    """Cells as they are: of lists of one length numpy would make a table."""
    column = np.empty(len(cells), object)
    column[:] = cells
    return column


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object that a text is, or None."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


@dataclass
class ParquetSource(FileSource):
    """A Parquet file, row group by row group; the "line" of a row is its number from 1."""

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = {name: self.header[at] for name, at in self.interpreter.positions.items()}
        try:
            with pq.ParquetFile(self.path) as file:
                total, done = max(file.metadata.num_rows, 1), 0
                batches = file.iter_batches(
                    self.options.batch_rows, columns=sorted(set(names.values())), use_threads=False
                )
                for part in batches:
                    columns = {
                        name: _parquet_cells(part.column(key), self.options.tz)
                        for name, key in names.items()
                    }
                    line = np.arange(done + 1, done + len(part) + 1)
                    done += len(part)
                    yield self._batch(Decoded(columns, line), done / total)
        except (pa.ArrowException, OSError, KeyError) as error:
            reason = str(error).splitlines()[0][:_MOST_OF_A_REASON] if str(error) else "damaged"
            raise SourceError(f"{self.path} cannot be read ({reason}); export it again.") from error


def _parquet_cells(column: Any, tz: str) -> NDArray[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        numbers: NDArray[Any] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return numbers
    if pa.types.is_timestamp(kind):
        if kind.tz is None and tz.upper() != "UTC":
            import pyarrow.compute as pc

            early = "earliest"  # as Python has it where clocks change
            column = pc.assume_timezone(column, tz, ambiguous=early, nonexistent=early)
        stamps: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return stamps
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    cells: NDArray[Any] = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return cells
