"""Captures made by hand: packets, link headers and files, byte by byte, for several tests."""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET = 1
START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Sent:
    """A packet on the wire, and when."""

    at_us: int
    data: bytes
    length: int | None = None  # on the wire, where not all was kept


def tcp(sport: int, dport: int, flags: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 5 << 4, flags, 8192, 0, 0) + payload


def udp(sport: int, dport: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ip(src: str, dst: str, protocol: int, content: bytes) -> bytes:
    """An IPv4 or IPv6 packet; the sums are left 0, as nobody looks at them."""
    ends = [ipaddress.ip_address(end).packed for end in (src, dst)]
    if len(ends[0]) == 16:
        return struct.pack(">IHBB", 6 << 28, len(content), protocol, 64) + b"".join(ends) + content
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), 7, 0, 64, protocol, 0)
    return head + b"".join(ends) + content


def kind_of(packet: bytes) -> int:
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def ethernet(packet: bytes, *tags: tuple[int, int]) -> bytes:
    """An Ethernet frame; ``tags`` are VLAN tags: (Ethertype of the tag, VLAN number)."""
    head = bytes.fromhex("020000000001020000000002")
    for ethertype, vlan in tags:
        head += struct.pack(">HH", ethertype, vlan)
    return head + struct.pack(">H", kind_of(packet)) + packet


LINKS = {
    "ethernet": (1, ethernet),
    "vlan": (1, lambda packet: ethernet(packet, (0x8100, 7))),
    "QinQ": (1, lambda packet: ethernet(packet, (0x8100, 7), (0x8100, 8))),
    "raw": (101, lambda packet: packet),
    "raw 12": (12, lambda packet: packet),
    "null": (0, lambda packet: struct.pack("<I", 2 if packet[0] >> 4 == 4 else 30) + packet),
    "loop": (108, lambda packet: struct.pack(">I", 2 if packet[0] >> 4 == 4 else 24) + packet),
    "cooked": (
        113,
        lambda packet: struct.pack(">HHH8sH", 0, 1, 6, bytes(8), kind_of(packet)) + packet,
    ),
    "cooked 2": (
        276,
        lambda packet: struct.pack(">HHIHBB8s", kind_of(packet), 0, 2, 1, 0, 6, bytes(8)) + packet,
    ),
    "PPP": (9, lambda packet: b"\xff\x03\x00" + b"!W"[packet[0] >> 5 & 1 :][:1] + packet),
    "HDLC": (104, lambda packet: b"\x0f\x00" + struct.pack(">H", kind_of(packet)) + packet),
}  # fmt: skip
"""By name: the number of a link type, and what makes a frame of an IP packet."""


def pcap(
    packets: Sequence[Sent], link: int = ETHERNET, order: str = "<", nano: bool = False
) -> bytes:
    """A pcap file; ``order`` is ``<`` or ``>``."""
    magic, per_us = (0xA1B23C4D, 1000) if nano else (0xA1B2C3D4, 1)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link)]
    for sent in packets:
        second, fraction = divmod(sent.at_us, 1_000_000)
        length = sent.length or len(sent.data)
        parts.append(struct.pack(order + "4I", second, fraction * per_us, len(sent.data), length))
        parts.append(sent.data)
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    total = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + total + body + total


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = ETHERNET, snap: int = 0, order: str = "<", options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(sent: Sent, of: int = 0, order: str = "<", ticks_per_us: int = 1) -> bytes:
    ticks = sent.at_us * ticks_per_us
    length = sent.length or len(sent.data)
    head = struct.pack(order + "5I", of, ticks >> 32, ticks & 2**32 - 1, len(sent.data), length)
    return block(6, head + sent.data, order)


def pcapng(packets: Sequence[Sent], link: int = ETHERNET, order: str = "<") -> bytes:
    """A pcapng file of one section and one interface."""
    parts = [section(order), interface(link, order=order)]
    return b"".join(parts + [enhanced(sent, order=order) for sent in packets])


A, SERVER, RESOLVER = "192.168.1.10", "203.0.113.5", "198.51.100.53"
B, C = "192.168.1.66", "192.168.1.77"
V6, V6_OTHER = "fd00::10", "2001:db8::5"


def golden() -> list[tuple[int, bytes]]:
    """Six conversations as (milliseconds from the start, IP packet); the tests work them out."""
    web, back = (40_000, 443), (443, 40_000)
    packets = [
        (0, ip(A, SERVER, 6, tcp(*web, SYN))),
        (100, ip(SERVER, A, 6, tcp(*back, SYN | ACK))),
        (200, ip(A, SERVER, 6, tcp(*web, ACK))),
        (300, ip(A, SERVER, 6, tcp(*web, PSH | ACK, b"q" * 100))),
        (500, ip(SERVER, A, 6, tcp(*back, PSH | ACK, b"r" * 1000))),
        (600, ip(A, SERVER, 6, tcp(*web, FIN | ACK))),
        (700, ip(SERVER, A, 6, tcp(*back, FIN | ACK))),
        (800, ip(A, SERVER, 6, tcp(*web, ACK))),
        (1000, ip(A, RESOLVER, 17, udp(50_000, 53, b"q" * 32))),
        (1020, ip(RESOLVER, A, 17, udp(53, 50_000, b"r" * 92))),
        (2000, ip(B, A, 6, tcp(1234, 22, SYN))),
        (3000, ip(B, A, 6, tcp(1235, 23, SYN))),
        (3001, ip(A, B, 6, tcp(23, 1235, RST | ACK))),
        (4000, ip(V6, V6_OTHER, 17, udp(50_001, 123, b"t" * 48))),
        (4050, ip(V6_OTHER, V6, 17, udp(123, 50_001, b"t" * 48))),
        (5000, ip(C, A, 1, b"\x08\0\0\0\0\1\0\1" + b"p" * 56)),
        (5004, ip(A, C, 1, b"\0\0\0\0\0\1\0\1" + b"p" * 56)),
    ]
    return packets


def golden_sent(link: str = "ethernet") -> list[Sent]:
    frame = LINKS[link][1]
    return [Sent(START_US + at_ms * 1000, frame(packet)) for at_ms, packet in golden()]
