"""The containers: delimited text, JSON lines and Parquet, each read in bounded memory."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import Schema, squeeze
from edgeguard_core.flows.validation import Rejection
from edgeguard_core.sources.base import Batch, ReadOptions
from edgeguard_core.sources.decode import (
    Decoded,
    Decoder,
    Layout,
    best_decoder,
    decode_plain,
)
from edgeguard_core.sources.interpret import (
    ANY_LABEL,
    COARSE,
    FINE,
    Interpreter,
    label_positions,
)
from edgeguard_core.sources.meters import bytes_layer
from edgeguard_core.sources.streams import LineBlock, line_blocks, without_empty_rows

ZEEK_QUIRK = "   "  # IoT-23 parts tunnel_parents, label and detailed-label by three blanks
NOT_JSON = "not a JSON object"
_MOST_OF_A_REASON = 120  # characters; a library's message can fill a screen
PARQUET_KEY = b"edgeguard"
"""Under it a Parquet file that EdgeGuard wrote says which schema and meter it is of."""
METER_COLUMN = "meter"
"""In it a CSV of canonical flows that EdgeGuard wrote says which meter counted them."""


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
    def bytes_layer(self) -> str | None:
        """What the bytes of the flows count; None where that is not known."""
        return bytes_layer(self.meter)

    @property
    def timeouts(self) -> Mapping[str, float]:
        """Nothing: files do not say when their meter ended a flow."""
        return {}

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

    def _batch(self, decoded: Decoded, share_read: float, empty: int = 0) -> Batch:
        validated = self.interpreter.read(decoded.columns, decoded.line)
        batch = replace(Batch.of(validated, decoded.malformed, share_read), empty=empty)
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
        for block in line_blocks(self.path, skip_lines=self.skip_lines, comment=self.comment):
            yield self.batch_of(block, decode)

    def batch_of(self, block: LineBlock, decode: Decoder = decode_plain) -> Batch:
        """The flows of some whole lines that follow those before."""
        layout = Layout(
            n_fields=self.n_fields,
            wanted=self.interpreter.positions,
            numeric=self.interpreter.numeric,
            delimiter=self.delimiter,
            quoted=self.quoted,
            keep_nan=self.interpreter.nan_is_told,
        )
        filled, empty = without_empty_rows(
            self._prepared(block), self.delimiter, quoted=self.quoted
        )
        decoded = self._without_headers(decode(filled, layout))
        return self._batch(decoded, block.share_read, empty)

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
            yield self.batch_of(block)

    def batch_of(self, block: LineBlock) -> Batch:
        """The flows of some whole lines that follow those before."""
        decoded, empty = self._decode(block)
        return self._batch(decoded, block.share_read, empty)

    def _decode(self, block: LineBlock) -> tuple[Decoded, int]:
        """The cells of a block, and how many of its flows have none."""
        records: list[dict[str, Any]] = []
        kept: list[int] = []
        malformed: list[Rejection] = []
        empty = 0
        for number, text in zip(block.line, block.data.split(b"\n"), strict=False):
            record = json_object(text)
            if record is None:
                shown = text[:80].decode(errors="replace")
                malformed.append(Rejection(int(number), "", shown, NOT_JSON))
            elif (flow := self._flow_in(record)) is not None:
                if not any(map(_says_something, flow.values())):
                    empty += 1
                    continue
                records.append(flow)
                kept.append(int(number))
        self._note_labels(set[str]().union(*records))
        columns = {
            name: _objects([record.get(self.header[position]) for record in records])
            for name, position in self.interpreter.positions.items()
        }
        return Decoded(columns, np.array(kept, np.int64), malformed), empty

    def _note_labels(self, keys: set[str]) -> None:
        """Take up label columns that no record had so far: JSON leaves out what is unset."""
        known = self.interpreter.positions
        if COARSE in known and FINE in known:
            return
        spec = self.interpreter.labels.spec
        own = {squeeze(word) for word in (*spec.coarse, *spec.fine)}
        new = sorted(key for key in keys - set(self.header) if squeeze(key) in ANY_LABEL | own)
        if not new:
            return
        header = [*self.header, *new]
        taken = [at for name, at in known.items() if name not in (COARSE, FINE)]
        found = label_positions(header, spec, taken)
        if COARSE not in known:
            self.header, self.interpreter.positions = header, known | found
        elif finer := set(found.values()) - {known[COARSE]}:
            # What decides the labels stays; the rest of them can only name classes.
            self.header, self.interpreter.positions = header, known | {FINE: min(finer)}

    def _flow_in(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The cells of a record by their titles, None where it is no flow."""
        return record


def _says_something(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


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
    """A Parquet file, row group by row group; the "line" of a row is its number from 1.

    A row that is null or blank in every column that is read is no record.
    """

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = {name: self.header[at] for name, at in self.interpreter.positions.items()}
        numbers = self.interpreter.numeric
        try:
            with pq.ParquetFile(self.path) as file:
                total, done = max(file.metadata.num_rows, 1), 0
                batches = file.iter_batches(
                    self.options.batch_rows, columns=sorted(set(names.values())), use_threads=False
                )
                for part in batches:
                    columns = {
                        name: _parquet_cells(part.column(key), name in numbers, self.options.tz)
                        for name, key in names.items()
                    }
                    line = np.arange(done + 1, done + len(part) + 1)
                    done += len(part)
                    decoded, empty = _without_empty_rows(Decoded(columns, line))
                    yield self._batch(decoded, done / total, empty)
        except (pa.ArrowException, OSError, KeyError) as error:
            reason = str(error).splitlines()[0][:_MOST_OF_A_REASON] if str(error) else "damaged"
            raise SourceError(f"{self.path} cannot be read ({reason}); export it again.") from error


def _without_empty_rows(decoded: Decoded) -> tuple[Decoded, int]:
    """The rows with a value in some column, and how many have none."""
    empty = np.arange(len(decoded.line) if decoded.columns else 0)
    for cells in sorted(decoded.columns.values(), key=lambda cells: cells.dtype == object):
        found = cells[empty]
        if found.dtype == object:
            blank = np.array([not _says_something(cell) for cell in found.tolist()], np.bool_)
        else:
            blank = np.isnat(found) if found.dtype.kind == "M" else np.isnan(found)
        empty = empty[blank]
        if not len(empty):
            break
    if not len(empty):
        return decoded, 0
    columns = {name: np.delete(cells, empty) for name, cells in decoded.columns.items()}
    return Decoded(columns, np.delete(decoded.line, empty), decoded.malformed), len(empty)


def _parquet_cells(column: Any, numeric: bool, tz: str) -> NDArray[Any]:
    """Numbers and stamps as such where they are wanted, all else as a CSV has it."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    plain = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if plain and numeric:
        numbers: NDArray[Any] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    if plain:
        return _as_written(column)
    if pa.types.is_timestamp(kind) and numeric:
        if kind.tz is None and tz.upper() != "UTC":
            import pyarrow.compute as pc

            early = "earliest"  # as Python has it where clocks change
            column = pc.assume_timezone(column, tz, ambiguous=early, nonexistent=early)
        stamps: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return stamps
    cells: NDArray[Any] = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return cells


def _as_written(column: Any) -> NDArray[np.object_]:
    """Numbers and truth values as pandas writes them to CSV: 6, 6.0, True."""
    coded = column.dictionary_encode()
    known = coded.dictionary.to_numpy(zero_copy_only=False)
    words = [None if value != value else str(value) for value in known]  # NaN
    codes = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    cells: NDArray[np.object_] = np.array([*words, None], object)[codes]
    return cells
