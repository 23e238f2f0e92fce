"""nfdump: its listings, its CSV, and its own files by way of the ``nfdump`` program."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.cells import addresses
from edgeguard_core.sources.base import Batch
from edgeguard_core.sources.files import DelimitedSource
from edgeguard_core.sources.streams import LineBlock, open_bytes, read_block

NFDUMP_MAGICS = (b"\x0c\xa5", b"\xa5\x0c")
PROGRAM = "nfdump"
LISTING = re.compile(r"(Date (first seen|flow start)|Event time)\b", re.I)
_EVENT_LISTING = re.compile(r"Date first seen\s+(Event|X-?Event)\b|Event time\b", re.I)
_ALWAYS_THERE = ("Src IP Addr:Port", "Dst IP Addr:Port", "Proto", "Duration")

# Columns of a listing after the two addresses, and what they are in `nfdump -o csv`.
_TAIL_TITLES = {
    "Out Pkt": "opkt", "In Pkt": "ipkt", "Out Byte": "obyt", "In Byte": "ibyt", "Flags": "flg",
    "Tos": "stos", "Packets": "ipkt", "Bytes": "ibyt", "pps": "pps", "bps": "bps", "Bpp": "bpp",
    "Flows": "fl",
}  # fmt: skip
_HEAD_COLUMNS = ("ts", "td", "pr", "sa", "sp", "da", "dp")
_LISTED = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\s+"  # first seen
    r"((?:\d+d )?[\d:.]+)\s+(\S+)\s+"  # duration, protocol
    r"(\S+)\s+<?->?\s*(\S+)\s+(.*)"  # both ends, the rest
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
# What stands after the addresses, by how much it is: line, long and extended.
_TAILS = {
    3: ("ipkt", "ibyt", "fl"),
    5: ("flg", "stos", "ipkt", "ibyt", "fl"),
    8: ("flg", "stos", "ipkt", "ibyt", "pps", "bps", "bpp", "fl"),
}
_CSV_COLUMNS = (
    ("ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg", "fwd", "stos", "ipkt", "ibyt", "opkt",
     "obyt"),
    ("ts", "td", "pr", "sa", "sp", "da", "dp", "ipkt", "ibyt", "fl"),
)  # fmt: skip
_SCALED = re.compile(r"(\d+(?:\.\d+)?) ([KMGT])\b")
_SCALES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_CLOCK = re.compile(r"(?:(\d+)d )?(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_FOOT = re.compile(
    rb"Summary:|Time window:|Total (flows|records) processed|Sys:|No match(ing|ed) flows|"
    rb"Date (first seen|flow start)\b|Using \d+ worker"
)
_LINES_OF_A_SUMMARY = 3  # the word, its titles and its figures

# As in `nfdump -o csv`, whose seconds have no fraction; -N gives plain numbers, -6 whole addresses.
BINARY_COLUMNS = ("ts", "td", "pr", "sa", "sp", "da", "dp", "flg", "ipkt", "ibyt", "opkt", "obyt")
_AS_COLUMNS = "fmt:%ts,%td,%pr,%sa,%sp,%da,%dp,%flg,%ipkt,%ibyt,%opkt,%obyt"
_HARMLESS = ("Using ", "read() error: Success")


def listing_columns(header: str) -> list[str] | None:
    """The columns of a listing by its first line; None where it lists other things than flows.

    >>> listing_columns("Date first seen  Duration Proto  Src IP Addr:Port  Dst IP Addr:Port  "
    ...                 "Flags Tos  Packets    Bytes Flows")[7:]
    ['flg', 'stos', 'ipkt', 'ibyt', 'fl']
    """
    if _EVENT_LISTING.match(header) or not all(title in header for title in _ALWAYS_THERE):
        return None
    tail = header.partition("Dst IP Addr:Port")[2]
    titles = re.findall("|".join(map(re.escape, _TAIL_TITLES)), tail)
    return [*_HEAD_COLUMNS, *(_TAIL_TITLES[title] for title in titles)]


def columns_without_header(line: str) -> tuple[list[str], str] | None:
    """Columns and kind (``text`` or ``csv``) of a first record, as ``nfdump -q`` prints no header.

    >>> columns_without_header("2018-01-12 15:37:30.0 0.5 TCP 10.0.0.1:5 -> 10.0.0.2:80 3 90 1")
    (['ts', 'td', 'pr', 'sa', 'sp', 'da', 'dp', 'ipkt', 'ibyt', 'fl'], 'text')
    >>> columns_without_header("2018,1,2") is None
    True
    """
    if (found := _LISTED.match(line)) is not None:
        tail = _TAILS.get(len(_SCALED.sub("0", found[6]).split()))
        return ([*_HEAD_COLUMNS, *tail], "text") if tail else None
    fields = [field.strip() for field in line.split(",")]
    for columns in _CSV_COLUMNS:
        if len(fields) >= len(columns) and _is_record(dict(zip(columns, fields, strict=False))):
            named = [*columns, *(f"field {n}" for n in range(len(columns), len(fields)))]
            return named, "csv"
    return None


def _is_record(cells: dict[str, str]) -> bool:
    numbers = all(cells[name].isdigit() for name in ("ipkt", "ibyt"))
    ends = np.array([cells["sa"], cells["da"]], object)
    return numbers and _STAMP.match(cells["ts"]) is not None and not addresses(ends)[1].any()


@dataclass
class NfdumpListing(DelimitedSource):
    """What nfdump prints for people: columns by blanks, scaled numbers, a summary at the end."""

    def _prepared(self, block: LineBlock) -> LineBlock:
        kept: list[int] = []
        lines: list[bytes] = []
        for position, text in enumerate(block.data.split(b"\n")[:-1]):
            if not _FOOT.match(text):
                kept.append(position)
                lines.append(listed_fields(text.decode()).encode() + b"\n")
        return replace(block, data=b"".join(lines), line=block.line[kept])


def listed_fields(text: str) -> str:
    r"""The fields of a listed record, TAB between them; the text itself where it is no record.

    >>> listed_fields("2013-07-09 01:15:33.005  00:00:01.548 TCP   10.0.0.1:4916 -> 10.0.0.2:80 "
    ...               ".APRS.   0        5      1.2 M     1").split("\t")[1:]
    ['1.548', 'TCP', '10.0.0.1', '4916', '10.0.0.2', '80', '.APRS.', '0', '5', '1200000', '1']
    """
    found = _LISTED.match(text.rstrip())
    if found is None:
        return text.replace("\t", " ")
    first_seen, duration, protocol, source, destination, tail = found.groups()
    head = [first_seen, _seconds(duration), protocol, *_end(source), *_end(destination)]
    plain = _SCALED.sub(lambda each: f"{float(each[1]) * _SCALES[each[2]]:.0f}", tail)
    return "\t".join([*head, *plain.split()])


def _end(text: str) -> tuple[str, str]:
    """Address and port, which a colon parts, and after IPv6 a full stop."""
    address, _, port = text.partition("." if text.count(":") > 1 else ":")
    return address, port


def _seconds(text: str) -> str:
    found = _CLOCK.match(text)
    if found is None:
        return text
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return f"{((days * 24 + hours) * 60 + minutes) * 60 + seconds:.3f}"


@dataclass
class NfdumpCsv(DelimitedSource):
    """``nfdump -o csv``, which may end in a summary of other columns."""

    _still_summary: int = 0

    def _prepared(self, block: LineBlock) -> LineBlock:
        if (
            not self._still_summary
            and b"Summary" not in block.data
            and b"No match" not in block.data
        ):
            return block
        lines = block.data.splitlines(keepends=True)
        kept = [position for position, text in enumerate(lines) if not self._is_summary(text)]
        data = b"".join(lines[position] for position in kept)
        return replace(block, data=data, line=block.line[kept])

    def _is_summary(self, text: bytes) -> bool:
        if text.strip() == b"Summary":
            self._still_summary = _LINES_OF_A_SUMMARY
        if self._still_summary:
            self._still_summary -= 1
            return True
        return _FOOT.match(text) is not None


@dataclass
class NfdumpBinary(DelimitedSource):
    """A file of nfcapd, read by the ``nfdump`` program; the "line" of a record is its number."""

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        program = require_program(self.path)
        with tempfile.TemporaryDirectory(prefix="edgeguard-nfdump-") as folder:
            listing = Path(folder, "flows.csv")
            with _unpacked(self.path, Path(folder)) as plain:
                problem = _list_into(listing, program, plain, self.path)
            if not listing.stat().st_size:
                reason = f" ({problem})" if problem else ""
                raise SourceError(
                    f"{self.path} holds no flow that nfdump can read{reason}; copy it again."
                )
            if problem:
                self.odd.append(f"nfdump read only part of {self.path}: {problem}.")
            yield from DelimitedSource.batches(replace(self, path=listing))


def require_program(path: Path) -> str:
    """Where the ``nfdump`` program stands.

    Raises
    ------
    SourceError
        If it is not installed.
    """
    if program := shutil.which(PROGRAM):
        return program
    raise SourceError(
        f"{path} is a capture file of nfdump, which only the nfdump program reads; install it "
        "(apt install nfdump), or give the output of `nfdump -o csv`."
    )


@contextmanager
def _unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """The file itself, or what is packed in it."""
    with path.open("rb") as file:
        if file.read(2) in NFDUMP_MAGICS:
            yield path
            return
    plain = folder / "flows.nfdump"
    with open_bytes(path) as packed, plain.open("wb") as unpacked:
        while piece := read_block(packed, 1 << 20, path):
            unpacked.write(piece)
    yield plain


def _list_into(listing: Path, program: str, plain: Path, path: Path) -> str:
    """Let nfdump write its records; what it complained of, ``""`` for nothing."""
    # Times of nfdump are local; a file name that begins with a dash is no option.
    command = [program, "-q", "-N", "-6", "-o", _AS_COLUMNS, "-r", str(plain.resolve())]
    with listing.open("wb") as out:
        done = subprocess.run(
            command,
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, "TZ": "UTC"},
            check=False,
        )
    said = done.stderr.decode(errors="replace").replace(str(plain), path.name).splitlines()
    complaints = [line.strip() for line in said if line.strip() and not line.startswith(_HARMLESS)]
    _drop_notes(listing)
    if complaints:
        return complaints[0][:120].rstrip(".")
    return f"it stopped with code {done.returncode}" if done.returncode else ""


def _drop_notes(listing: Path) -> None:
    """Empty a listing that says only that there is no flow."""
    with listing.open("rb") as file:
        start = file.read(80)
    if _FOOT.match(start):
        listing.write_bytes(b"")
