"""Bytes and lines: open plain, gzip and zstd files, and cut text into blocks of whole lines."""

import csv
import gzip
import importlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError

_zstandard: Any = None
with suppress(ImportError):  # an edge box without it reads plain and gzip files
    _zstandard = importlib.import_module("zstandard")
_ZstdError: type[Exception] = getattr(_zstandard, "ZstdError", zlib.error)

PACKING_ERRORS: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, _ZstdError)
"""What reading a damaged packed file raises, ``EOFError`` where it is cut short."""

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to skip
UTF8_BOM = b"\xef\xbb\xbf"

BLOCK_BYTES = 8 << 20
LONGEST_LINE_BYTES = 16 << 20
HEAD_BYTES = 256 << 10
MOST_LINES = 1 << 18  # in a block: junk of two bytes a line must not fill the memory

_ZSTD_PIECE_BYTES = 4 << 10  # 4 bytes can unfold to 128 KiB, so this many to 128 MiB at most
_BLANKS = b" \t\r\n"
_BLANK_STARTS = (b"\n\n", b"\n\r", b"\n ", b"\n\t")


def open_bytes(path: Path) -> BinaryIO:
    """The decompressed bytes of a file, whatever its name ends in.

    Raises
    ------
    SourceError
        If the file is missing, a folder, a pipe, not readable, or packed in zstd without
        ``zstandard`` at hand.
    """
    try:
        stream = path.open("rb")
    except IsADirectoryError as error:
        raise SourceError(f"{path} is a folder; name a file.") from error
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}; check the path.") from error
    if not stream.seekable():
        stream.close()
        raise SourceError(f"{path} is a pipe, which is read only once; write it to a file first.")
    magic = stream.read(4)
    stream.seek(0)
    if magic.startswith(GZIP_MAGIC):
        stream.close()  # GzipFile closes only what it opened itself
        return cast(BinaryIO, gzip.open(path, "rb"))
    if ZSTD_MAGIC.match(magic):
        return _open_zstd(stream, path)
    return stream


def _open_zstd(stream: BinaryIO, path: Path) -> BinaryIO:
    if _zstandard is None:
        stream.close()
        raise SourceError(
            f"{path} is packed in zstd and zstandard is not installed; unpack it with `zstd -d`."
        )
    return cast(BinaryIO, _ZstdStream(stream))


class _ZstdStream(io.RawIOBase):
    """Decompressed bytes of zstd frames; a file that ends in mid-frame is an error, not an end."""

    def __init__(self, packed: BinaryIO) -> None:
        self.packed = packed
        self._decompressor = _zstandard.ZstdDecompressor()
        self._frame: Any = None
        self._ready = bytearray()

    def read(self, size: int = -1, /) -> bytes:
        while size < 0 or len(self._ready) < size:
            piece = self.packed.read(_ZSTD_PIECE_BYTES)
            if not piece:
                break
            while piece:
                self._frame = self._frame or self._decompressor.decompressobj()
                self._ready += self._frame.decompress(piece)
                piece = self._frame.unused_data if self._frame.eof else b""
                self._frame = None if self._frame.eof else self._frame
        if not self._ready and self._frame is not None:
            raise EOFError
        size = len(self._ready) if size < 0 else size
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def close(self) -> None:
        self.packed.close()
        super().close()


def read_block(stream: BinaryIO, size: int, path: Path) -> bytes:
    """Up to ``size`` bytes.

    Raises
    ------
    SourceError
        If the packed file is cut short or damaged.
    """
    try:
        return stream.read(size)
    except EOFError as error:
        raise SourceError(
            f"{path} ends in the middle of its compressed data; copy or export it again."
        ) from error
    except PACKING_ERRORS as error:
        raise SourceError(f"{path} cannot be read ({error}); copy or export it again.") from error


@dataclass(frozen=True)
class LineBlock:
    """Some whole lines of a text file.

    Attributes
    ----------
    data
        UTF-8 text without blank lines and comments, every line ended.
    line
        The number of each line in the file, counted from 1, shape ``(n,)``.
    share_read
        How much of the (packed) file is read so far, 0 to 1.
    comments
        Number and text of each comment line that was left out.
    """

    data: bytes
    line: NDArray[np.int64]
    share_read: float
    comments: tuple[tuple[int, bytes], ...] = ()


def line_blocks(
    path: Path, *, skip_lines: int = 0, comment: bytes | None = None
) -> Iterator[LineBlock]:
    """The lines of a text file in blocks of some megabytes.

    Parameters
    ----------
    path
        Plain, gzip or zstd.
    skip_lines
        Lines at the start to leave out (a header).
    comment
        Lines that begin with this are left out; they keep their number.

    Raises
    ------
    SourceError
        If the file is cut short, or a line is longer than 16 MiB.
    """
    with open_bytes(path) as stream:
        packed_bytes = max(path.stat().st_size, 1)
        rest, first_line = b"", 1
        while True:
            block = read_block(stream, BLOCK_BYTES, path)
            text = rest + block
            cut = len(text) if not block else text.rfind(b"\n") + 1
            if not cut and len(text) > LONGEST_LINE_BYTES:
                raise SourceError(f"{path} line {first_line} is longer than 16 MiB; not a log.")
            whole, rest = text[:cut], text[cut:]
            share = _share(stream, packed_bytes)
            for piece in _pieces(whole):
                yield clean_lines(piece, first_line, skip_lines, comment, share)
                first_line += piece.count(b"\n")
            if not block:
                return


def _pieces(text: bytes) -> Iterator[bytes]:
    """Whole lines, about ``MOST_LINES`` at a time; one piece for all but very short lines."""
    n_lines = text.count(b"\n")
    size = len(text) if n_lines <= MOST_LINES else len(text) * MOST_LINES // n_lines
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size - 1) + 1 or len(text)
        yield text[start:end]
        start = end


def _share(stream: BinaryIO, packed_bytes: int) -> float:
    packed = getattr(stream, "fileobj", None) or getattr(stream, "packed", None) or stream
    return min(1.0, packed.tell() / packed_bytes)


def clean_lines(
    text: bytes, first_line: int, skip_lines: int, comment: bytes | None, share: float
) -> LineBlock:
    """Whole lines of a file, the first of them of that number, as a block."""
    text = to_utf8(text.removeprefix(UTF8_BOM) if first_line == 1 else text)
    if not text.endswith(b"\n"):
        text += b"\n"
    n_lines = text.count(b"\n")
    skipped = max(0, min(skip_lines - first_line + 1, n_lines))
    # Searching for these is ten times as fast as splitting a block to see if it need be split.
    odd = skipped > 0 or text[:1] in _BLANKS or any(start in text for start in _BLANK_STARTS)
    if comment is not None:
        odd = odd or text.startswith(comment) or b"\n" + comment in text
    line = np.arange(first_line, first_line + n_lines)
    if not odd:
        return LineBlock(text, line, share)
    kept: list[int] = []
    comments: list[tuple[int, bytes]] = []
    lines = text.split(b"\n")[:-1]
    for position in range(skipped, n_lines):
        if comment and lines[position].startswith(comment):
            comments.append((first_line + position, lines[position]))
        elif lines[position].strip(_BLANKS):
            kept.append(position)
    data = b"".join(lines[position] + b"\n" for position in kept)
    return LineBlock(data, line[kept], share, tuple(comments))


def without_empty_rows(block: LineBlock, delimiter: str, *, quoted: bool) -> tuple[LineBlock, int]:
    """The block without rows all of whose fields are empty or blank, and how many those were.

    >>> block = LineBlock(b'1,2\\n, ,""\\n', np.array([2, 3]), 1.0)
    >>> without_empty_rows(block, ",", quoted=True)[0].data
    b'1,2\\n'
    """
    marks = b" \t\r" + delimiter.encode() + b'"' * quoted
    # With a line feed before it the search skips from line to line.
    if re.search(rb"\n[%b]*(?=\n)" % re.escape(marks), b"\n" + block.data) is None:
        return block, 0
    lines = block.data.split(b"\n")[:-1]
    kept = [
        position
        for position, line in enumerate(lines)
        if line.strip(marks) or not _all_blank(line.decode(), delimiter)
    ]
    data = b"".join(lines[position] + b"\n" for position in kept)
    return replace(block, data=data, line=block.line[kept]), len(lines) - len(kept)


def _all_blank(line: str, delimiter: str) -> bool:
    """Whether a line of delimiters, blanks and quotes has no field with anything in it."""
    if '"' not in line:
        return True
    try:
        return not any(map(str.strip, next(csv.reader([line], delimiter=delimiter), [])))
    except csv.Error:  # a bare carriage return, or a field of more than 128 KiB
        return False


def to_utf8(text: bytes) -> bytes:
    """Text as UTF-8; a line that is not is taken as code page 1252, Windows' default."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return b"\n".join(_line_to_utf8(line) for line in text.split(b"\n"))
    return text


def _line_to_utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace").encode()
    return line


def read_head(path: Path) -> bytes:
    """The first 256 KiB of a file's decompressed bytes."""
    with open_bytes(path) as stream:
        return read_block(stream, HEAD_BYTES, path)
