"""The lines of a spool on disk, each with its number and a checksum, in files of bounded size.

A line is ``CHECKSUM NUMBER PAYLOAD``: what a crash tore, or a bad block changed, is recognised
by its checksum, and reading goes on at the next line.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".spool"
_BLOCK_BYTES = 256 << 10
_DIGITS = 20


@dataclass
class Segment:
    """One file of the spool: the lines from number ``first`` on, ``size`` bytes of them whole."""

    first: int
    path: Path
    size: int


@dataclass(frozen=True)
class Line:
    """A whole line: its number, its payload, and where the next one begins.

    ``payload`` is None where the line is damaged; its number is then unknown.
    """

    number: int
    payload: bytes | None
    end: int


def line_bytes(number: int, payload: bytes) -> bytes:
    """The line of a payload, which holds no newline.

    >>> line_bytes(7, b'["a"]')
    b'49811285 7 ["a"]\\n'
    """
    content = b"%d %s" % (number, payload)
    return b"%08x %s\n" % (zlib.crc32(content), content)


def parse_line(line: bytes) -> tuple[int, bytes] | None:
    """Number and payload of a line without its newline, or None if it is damaged."""
    checksum, content = line[:8], line[9:]
    try:
        if line[8:9] != b" " or int(checksum, 16) != zlib.crc32(content):
            return None
        number, payload = content.split(b" ", 1)
        return int(number), payload
    except ValueError:
        return None


def lines(path: Path, begin: int, size: int) -> Iterator[Line]:
    """The lines of a segment from byte ``begin`` on, of its first ``size`` bytes.

    What stands behind the last newline is no line.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        stream.seek(begin)
        position, rest = begin, b""
        while block := stream.read(min(_BLOCK_BYTES, size - position - len(rest))):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                position += len(line) + 1
                if not line:
                    continue  # ends what a failed write left
                found = parse_line(line)
                number, payload = found if found is not None else (-1, None)
                yield Line(number, payload, position)


def whole_size(path: Path) -> tuple[int, int | None]:
    """How many bytes of a segment are whole, and the number of its last line.

    What follows the last undamaged line was being written when the machine stopped.
    """
    end, last = 0, None
    for line in lines(path, 0, path.stat().st_size):
        if line.payload is not None:
            end, last = line.end, line.number
    return end, last


def segment_path(folder: Path, first: int) -> Path:
    """Where the segment that begins with number ``first`` lies."""
    return folder / f"{first:0{_DIGITS}d}{SUFFIX}"


def segments_in(folder: Path) -> list[Segment]:
    """The segments of a folder, in order."""
    found = [path for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit()]
    return [Segment(int(path.stem), path, path.stat().st_size) for path in sorted(found)]
