"""Lines as they come, to flows: their format is known by the first, and by each new header."""

import csv
import re
from dataclasses import replace
from pathlib import Path

from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.validation import NOT_A_NUMBER, WRONG_FIELD_COUNT
from edgeguard_core.sources.base import Batch, ReadOptions
from edgeguard_core.sources.feed import Note
from edgeguard_core.sources.files import (
    METER_COLUMN,
    DelimitedSource,
    JsonLinesSource,
    ZeekLogSource,
    zeek_fields,
)
from edgeguard_core.sources.foreign import refuse_by_magic, text_lines
from edgeguard_core.sources.sniff import open_lines
from edgeguard_core.sources.streams import HEAD_BYTES, UTF8_BOM, clean_lines

_COMMENTS = re.compile(rb"(?m)^(?:#[^\n]*\n)+")
_FIELDS = re.compile(rb"(?m)^#fields\b[ \t]*([^\n]*)")
_BEGINS_HEADER = re.compile(rb"(?m)^#separator\b")
_MOST_SUSPECTS = 4  # rejected lines of a block that are looked at for a new header


class LiveText:
    """The flows of one growing text after another, such as a log and what it is rotated to.

    Parameters
    ----------
    path
        Named in errors.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._source: DelimitedSource | JsonLinesSource | None = None
        self._schema = options.schema or Schema.named("flow")
        self.meter = ""
        """What counted the flows, lately; "" until the first lines are there."""
        self._line = 1  # of the file that is read
        self._header_line = 1
        self._told: tuple[str, ...] = ()
        self.pending = b""
        """Whole lines that were given and say too little yet: the beginning of a header."""

    @property
    def schema(self) -> Schema:
        """That of the flows, lately; the canonical one until the first lines are there."""
        return self._schema

    def begin(self) -> None:
        """Another file, which says anew what it is."""
        self._source = None
        self._line = self._header_line = 1
        self.pending = b""

    def prime(self, head: bytes) -> bool:
        """Whether the first lines of a file say what it is; none of them is read as a flow."""
        self.begin()
        known = self._recognise(head)
        if known and isinstance(self._source, DelimitedSource):
            self._line = self._source.skip_lines + 1
        return known

    def read(self, data: bytes) -> list[Batch]:
        """The flows of some whole lines.

        Raises
        ------
        SourceError, SchemaError
            If a file begins like nothing that is known.
        """
        data, self.pending = self.pending + data, b""
        if self._source is None and not self._recognise(data):
            if len(data) > HEAD_BYTES:
                raise SourceError(f"{self._path} begins with no header that ends; give a log.")
            self.pending = data
            return []
        if not isinstance(self._source, ZeekLogSource):
            return self._read_piece(data)
        batches: list[Batch] = []
        for piece in self._zeek_pieces(data):
            batches += self._read_piece(piece)
        return batches

    def notes(self) -> list[str]:
        """What is odd about the header, once."""
        told = () if self._source is None else tuple(self._source.warnings)
        if self._source is None or told == self._told:
            return []
        self._told = told
        return [Note("log_header", f"{self._path.name}: {sentence}") for sentence in told]

    def _recognise(self, head: bytes) -> bool:
        text = head.removeprefix(UTF8_BOM).lstrip()
        if not text:
            return False
        refuse_by_magic(self._path, head)
        lines = text_lines(self._path, head[:HEAD_BYTES])
        if text.startswith(b"#"):
            if all(line.startswith("#") for line in lines) and not _FIELDS.search(head):
                return False
        elif not text.startswith((b"{", b"[")) and METER_COLUMN in lines[0] and len(lines) < 2:
            return False  # its first row says which meter it is of
        source = open_lines(self._path, lines, self._options)
        assert isinstance(source, DelimitedSource | JsonLinesSource)
        self._source, self._schema, self.meter = source, source.schema, source.meter
        self._header_line = self._line
        return True

    def _zeek_pieces(self, data: bytes) -> list[bytes]:
        """The lines cut where a header begins that names other fields."""
        cuts, header = [0], [] if self._source is None else self._source.header
        for run in _COMMENTS.finditer(data):
            fields = _FIELDS.search(run[0])
            if fields is not None:
                found = zeek_fields(fields[1].decode(errors="replace"))
                if found != header:
                    header = found
                    cuts.append(run.start())
            elif run.end() == len(data) and _BEGINS_HEADER.search(run[0]) and run.start():
                self.pending, data = run[0], data[: run.start()]
        return [data[a:b] for a, b in zip(cuts, [*cuts[1:], len(data)], strict=True) if data[a:b]]

    def _read_piece(self, data: bytes) -> list[Batch]:
        source = self._source
        if isinstance(source, ZeekLogSource):
            fields = _FIELDS.search(data)
            if fields and zeek_fields(fields[1].decode(errors="replace")) != source.header:
                self._recognise(data)
                source = self._source
        if not data or source is None:
            return []
        skip = source.skip_lines if isinstance(source, DelimitedSource) else 0
        comment = source.comment if isinstance(source, DelimitedSource) else None
        first = self._line - self._header_line + 1
        block = clean_lines(data, first, skip, comment, 0.0)
        block = replace(block, line=block.line + self._header_line - 1)
        batch = source.batch_of(block)
        if isinstance(source, DelimitedSource) and (at := self._new_header(data, batch)):
            lines = data.split(b"\n")
            before, rest = b"\n".join(lines[:at]) + b"\n", b"\n".join(lines[at:])
            read = self._read_piece(before)
            return read + (self._read_piece(rest) if self._recognise(rest) else [])
        self._line += data.count(b"\n")
        return [batch]

    def _new_header(self, data: bytes, batch: Batch) -> int:
        """How many lines stand before one that is another header; 0 where none is."""
        suspects = [
            rejection.line - self._line
            for rejection in batch.rejections
            if rejection.rule in (WRONG_FIELD_COUNT, NOT_A_NUMBER)
        ][:_MOST_SUSPECTS]
        if not suspects:
            return 0
        lines = data.split(b"\n")
        for at in suspects:
            if at > 0 and self._is_header(lines[at].decode(errors="replace")):
                return at
        return 0

    def _is_header(self, line: str) -> bool:
        delimiter = "\t" if "\t" in line else ","
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if len(cells) < 2 or any(not cell.strip() or _is_number(cell) for cell in cells):
            return False
        try:
            open_lines(self._path, [line], self._options)
        except EdgeGuardError:
            return False
        return True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
