"""Captures: pcap and pcapng walked packet by packet, in either byte order and bounded memory."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.streams import PACKING_ERRORS, open_bytes

PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_MICRO, _NANO, _MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
PCAP_MAGICS: Final = tuple(
    magic.to_bytes(4, order) for magic in (_MICRO, _NANO, _MODIFIED) for order in ("big", "little")
)
MOST_PACKET_BYTES: Final = 262_144
"""A packet that says it is longer is damage, as libpcap has it."""

_MOST_BLOCK_BYTES: Final = 16 << 20
_READ_BYTES: Final = 1 << 20
_SECTION, _INTERFACE, _OBSOLETE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_TSRESOL, _TSOFFSET = 9, 14


Packet = tuple[int, int | None, int, bytes]
"""Link type, time in µs (None where the file has none), length on the wire, and the bytes that
were kept of it: a plain tuple, as there are millions."""


def is_capture(path: Path) -> bool:
    """Whether a file, perhaps packed, begins like a pcap or pcapng.

    Raises
    ------
    SourceError
        If it cannot be opened.
    """
    return bool(kind_of(path))


def kind_of(path: Path) -> str:
    """``pcap`` or ``pcapng``, by the first bytes of a file, perhaps packed; else ``""``."""
    with open_bytes(path) as stream:
        try:
            magic = getattr(stream, "read1", stream.read)(4)
        except PACKING_ERRORS:
            return ""
    return "pcapng" if magic == PCAPNG_MAGIC else "pcap" if magic in PCAP_MAGICS else ""


class Damage(Exception):
    """The file is not what it says it is, from here on; the text says why."""


class CutShort(Damage):
    """The file ends in the middle of a packet."""


@dataclass(frozen=True)
class Interface:
    """What a pcapng file says of one of its interfaces."""

    link: int
    snap_bytes: int
    ticks_per_s: int = 1_000_000
    offset_s: int = 0


class Walker:
    """Goes through a capture and keeps what it said of itself.

    Attributes
    ----------
    kind
        ``pcap`` or ``pcapng``.
    interfaces
        Each that was declared so far; of a pcap there is one.
    is_plain
        Whether libpcap reads the file as it stands, as far as its structure goes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kind = "pcap"
        self.interfaces: list[Interface] = []
        self.is_plain = True
        self._section: list[Interface] = []
        self._order = "<"

    def packets(self) -> Iterator[Packet]:
        """The packets in the order of the file.

        Raises
        ------
        Damage
            Once nothing more can be read; the packets before it were given.
        SourceError
            If the file cannot be opened, or is no capture.
        """
        with open_bytes(self.path) as stream:
            bytes_of = _Bytes(stream)
            magic = bytes_of.take(4, "its header")
            if magic == PCAPNG_MAGIC:
                self.kind = "pcapng"
                yield from self._pcapng(bytes_of)
            elif magic in PCAP_MAGICS:
                yield from self._pcap(bytes_of, magic)
            else:
                raise SourceError(f"{self.path} is no packet capture; give a pcap or pcapng file.")

    def _pcap(self, bytes_of: "_Bytes", magic: bytes) -> Iterator[Packet]:
        order = "<" if magic[0] != 0xA1 else ">"
        number = struct.unpack(order + "I", magic)[0]
        rest = bytes_of.take(20, "its header")
        *version, _, _, snap_bytes, link = struct.unpack(order + "HHiIII", rest)
        link &= 0x03FF_FFFF  # above it stands what a frame's check sequence is like
        self.interfaces.append(Interface(link, snap_bytes))
        header = struct.Struct(order + ("IIIIIHBB" if number == _MODIFIED else "IIII"))
        self.is_plain = number != _MODIFIED and version == [2, 4]
        per_us = 1000 if number == _NANO else 1
        size, unpack = header.size, header.unpack_from
        wanted, what = size, "a packet's header"
        while bytes_of.has(wanted, what):
            block, at = bytes_of.block, bytes_of.at
            last = len(block) - size
            while at <= last:
                second, fraction, kept, length = unpack(block, at)[:4]
                if kept > MOST_PACKET_BYTES:
                    raise Damage(f"a packet says it is {kept:,} bytes long")
                begin = at + size
                end = begin + kept
                if end > len(block):
                    break
                yield link, second * 1_000_000 + fraction // per_us, length, block[begin:end]
                at = end
            bytes_of.at = at
            wanted, what = (end - at, "a packet") if at <= last else (size, "a packet's header")

    def _pcapng(self, bytes_of: "_Bytes") -> Iterator[Packet]:
        kind = _SECTION
        while True:
            body = self._block(bytes_of, kind)
            if kind == _SECTION:
                self.is_plain &= not self._section
                self._section = []
            elif kind == _INTERFACE:
                self._declare(body)
            elif kind in (_ENHANCED, _OBSOLETE, _SIMPLE):
                self.is_plain &= kind == _ENHANCED
                yield self._packet(kind, body)
            if not bytes_of.has(4, "a block's header"):
                return
            # A section's magic reads the same in both orders, and may change the order.
            kind = struct.unpack(self._order + "I", bytes_of.take(4, "a block's header"))[0]

    def _block(self, bytes_of: "_Bytes", kind: int) -> bytes:
        """The body of a block whose type was read; a section's sets the byte order."""
        head = bytes_of.take(8 if kind == _SECTION else 4, "a block's header")
        if kind == _SECTION:
            orders = [o for o in "<>" if struct.unpack(o + "I", head[4:])[0] == _BYTE_ORDER]
            if not orders:
                raise Damage("a section names no byte order")
            self._order = orders[0]
        total = struct.unpack(self._order + "I", head[:4])[0]
        if total < 12 or total % 4 or total > _MOST_BLOCK_BYTES:
            raise Damage(f"a block says it is {total:,} bytes long")
        rest = bytes_of.take(total - 4 - len(head), "a block")
        if rest[-4:] != head[:4]:
            raise Damage("a block's two lengths differ")
        return rest[:-4]

    def _declare(self, body: bytes) -> None:
        if len(body) < 8:
            raise Damage("an interface's block is too short")
        link, _, snap_bytes = struct.unpack_from(self._order + "HHI", body)
        options = _options(body[8:], self._order)
        resolution = options.get(_TSRESOL, b"\x06")[:1] or b"\x06"
        power = resolution[0] & 0x7F
        ticks = (2 if resolution[0] & 0x80 else 10) ** power
        offset = options.get(_TSOFFSET, bytes(8))
        offset_s = struct.unpack(self._order + "q", offset)[0] if len(offset) == 8 else 0
        found = Interface(link, snap_bytes, ticks, offset_s)
        self.is_plain &= found == (self._section or [Interface(link, snap_bytes)])[0]
        self._section.append(found)
        self.interfaces.append(found)

    def _packet(self, kind: int, body: bytes) -> Packet:
        layout = {_ENHANCED: "IIIII", _OBSOLETE: "HHIIII", _SIMPLE: "I"}[kind]
        shape = struct.Struct(self._order + layout)
        if len(body) < shape.size:
            raise Damage("a packet's block is too short")
        values = shape.unpack_from(body)
        which = 0 if kind == _SIMPLE else values[0]
        if which >= len(self._section):
            raise Damage(f"a packet is of interface {which}, which no block declares")
        of = self._section[which]
        if kind == _SIMPLE:
            length = values[0]
            kept = min(length, of.snap_bytes or length, len(body) - shape.size)
            time_us = None
        else:
            high, low, kept, length = values[-4:]
            time_us = _microseconds(high << 32 | low, of)
        if kept > len(body) - shape.size or kept > MOST_PACKET_BYTES:
            raise Damage(f"a packet says it is {kept:,} bytes long")
        return of.link, time_us, length, body[shape.size : shape.size + kept]


def _microseconds(ticks: int, of: Interface) -> int:
    time_us = ticks if of.ticks_per_s == 1_000_000 else ticks * 1_000_000 // of.ticks_per_s
    return time_us + of.offset_s * 1_000_000


def _options(text: bytes, order: str) -> dict[int, bytes]:
    """Options of a block by their number; what is cut short is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(text):
        number, length = struct.unpack_from(order + "HH", text, at)
        if number == 0:
            break
        found.setdefault(number, text[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return found


class _Bytes:
    """A stream from which whole pieces are taken, read a block at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        # One piece at a time: what comes before a packed file's damage is not lost.
        self._read = getattr(stream, "read1", stream.read)
        self.block, self.at = b"", 0

    def has(self, size: int, what: str) -> bool:
        """Whether ``size`` more bytes stand in ``block``; False at the end of the stream."""
        if self.at + size > len(self.block):
            self._more(size)
            if self.block and len(self.block) < size:
                raise CutShort(f"it ends in {what}")
        return bool(self.block)

    def take(self, size: int, what: str) -> bytes:
        """The next ``size`` bytes."""
        if size and not self.has(size, what):
            raise CutShort(f"it ends in {what}")
        self.at += size
        return self.block[self.at - size : self.at]

    def _more(self, size: int) -> None:
        parts = [self.block[self.at :]]
        wanted = size - len(parts[0])
        while wanted > 0:
            try:
                part = self._read(max(_READ_BYTES, wanted))
            except EOFError:  # a packed capture that is cut short gives what is there
                part = b""
            except PACKING_ERRORS as error:
                raise Damage(f"its packed data cannot be read ({error})") from error
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        self.block, self.at = b"".join(parts), 0
