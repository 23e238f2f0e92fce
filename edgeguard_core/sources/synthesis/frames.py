"""One packet as the bytes of an Ethernet frame, with right lengths and checksums."""

import ipaddress
import struct
import zlib
from functools import lru_cache

import numpy as np

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import ICMP, ICMP6, TCP, UDP

_IP4, _IP6 = b"\x08\x00", b"\x86\xdd"
_HOPS = 64
_DONT_FRAGMENT = 0x4000
_WINDOW = 64_240
_LONGEST = 65_535
_ECHO, _ECHO_REPLY, _ECHO6, _ECHO6_REPLY, _ROUTER_SOLICITATION = 8, 0, 128, 129, 133
_ALL_ROUTERS = bytes.fromhex("ff020000000000000000000000000002")
_OPTIONS = {
    0: b"",
    4: b"\x02\x04\x05\xb4",  # segments up to 1460
    12: b"\x01\x01\x08\x0a" + bytes(8),  # time stamps
    20: b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x07",
}
_SYN_OPTIONS_12 = b"\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02"
_SYN = 2


class Filler:
    """Payload that means nothing: the first ``n`` bytes of one text drawn from a seed.

    It begins with zeros, which no dissector takes for a record of its protocol.
    """

    def __init__(self, seed: int) -> None:
        drawn = np.random.default_rng(seed).integers(97, 123, _LONGEST + 1, np.uint8)
        drawn[:12] = 0
        self.text = drawn.tobytes()
        words = np.frombuffer(self.text, ">u2").astype(np.int64)
        self._sums = np.append(0, np.cumsum(words)).tolist()

    def sum16(self, n: int) -> int:
        """Sum of the 16-bit words of the first ``n`` bytes, an odd last one padded."""
        return int(self._sums[n // 2]) + (self.text[n - 1] << 8 if n % 2 else 0)


class Endpoints:
    """Two addresses with their ports, ready to frame packets either way.

    Raises
    ------
    SourceError
        If an address is missing, no IP address, or not of the other's version.
    """

    def __init__(
        self, src: str | None, dst: str | None, ports: tuple[int, int], protocol: int
    ) -> None:
        self.version, near = _packed(src)
        other, far = _packed(dst)
        if self.version != other:
            raise SourceError(f"{src} and {dst} cannot talk; give both in one version of IP.")
        self._addresses = (near, far)
        self._ports = ports
        self._protocol = protocol
        links = (_mac(near), _mac(far))
        kind = _IP4 if self.version == 4 else _IP6
        self._links = (links[1] + links[0] + kind, links[0] + links[1] + kind)
        self._address_sum = _sum16(near) + _sum16(far) + protocol

    def frame(
        self,
        *,
        forward: bool,
        number: int,
        flags: int,
        options: int,
        payload: int,
        seq: int,
        ack: int,
        filler: Filler,
        keep: int,
    ) -> tuple[bytes, int]:
        """The first ``keep`` bytes of a packet's frame, and the length of all of it."""
        near, far = self._addresses if forward else self._addresses[::-1]
        ports = self._ports if forward else self._ports[::-1]
        header = self._transport(far, ports, forward, flags, options, payload, seq, ack, number)
        length = len(header) + payload
        at = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}.get(self._protocol)
        if at is not None:
            total = _sum16(header) + filler.sum16(payload)
            if self._protocol != ICMP:  # the only one without addresses in its sum
                total += self._address_sum + length
            check = _folded(total)
            if self._protocol == UDP and not check:
                check = 0xFFFF  # 0 would mean "none"
            header = header[:at] + check.to_bytes(2, "big") + header[at + 2 :]
        link = self._links[0 if forward else 1]
        head = link + self._network(near, far, length, number) + header
        if len(head) - len(link) + payload > _LONGEST:
            raise SourceError(
                f"A packet of {len(head) - len(link) + payload} bytes fits into no IP packet; "
                "give flows with more packets for their bytes."
            )
        kept = max(0, min(payload, keep - len(head)))
        return (head + filler.text[:kept])[:keep], len(head) + payload

    def _network(self, near: bytes, far: bytes, length: int, number: int) -> bytes:
        if self.version == 6:
            return struct.pack("!IHBB", 6 << 28, length, self._protocol, _HOPS) + near + far
        head = struct.pack(
            "!BBHHHBBH",
            0x45, 0, 20 + length, number & 0xFFFF, _DONT_FRAGMENT, _HOPS, self._protocol, 0,
        )  # fmt: skip
        check = _folded(_sum16(head) + _sum16(near) + _sum16(far))
        return head[:10] + check.to_bytes(2, "big") + near + far

    def _transport(
        self,
        far: bytes,
        ports: tuple[int, int],
        forward: bool,
        flags: int,
        options: int,
        payload: int,
        seq: int,
        ack: int,
        number: int,
    ) -> bytes:
        if self._protocol == TCP:
            text = _SYN_OPTIONS_12 if options == 12 and flags & _SYN else _OPTIONS[options]
            return (
                struct.pack(
                    "!HHIIBBHHH",
                    *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                    (20 + options) // 4 << 4, flags, _WINDOW, 0, 0,
                )
                + text
            )  # fmt: skip
        if self._protocol == UDP:
            return struct.pack("!HHHH", *ports, 8 + payload, 0)
        if self._protocol == ICMP:
            return struct.pack(
                "!BBHHH", _ECHO if forward else _ECHO_REPLY, 0, 0, 1, number & 0xFFFF
            )
        if self._protocol == ICMP6:
            if far == _ALL_ROUTERS:
                return struct.pack("!BBHI", _ROUTER_SOLICITATION, 0, 0, 0)
            kind = _ECHO6 if forward else _ECHO6_REPLY
            return struct.pack("!BBHHH", kind, 0, 0, 1, number & 0xFFFF)
        return b""


@lru_cache(65_536)
def _packed(text: str | None) -> tuple[int, bytes]:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError as error:
        raise SourceError(
            f"Address {text!r} is no IP address, so no packet can bear it; "
            "give flows with addresses."
        ) from error
    return address.version, address.packed


@lru_cache(65_536)
def _mac(packed: bytes) -> bytes:
    """A locally administered MAC address made from an IP address, or that of its group."""
    if packed == b"\xff" * 4 or (len(packed) == 4 and packed[0] < 224 and packed[3] == 255):
        return b"\xff" * 6
    if len(packed) == 4 and 224 <= packed[0] < 240:
        return b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]
    if packed[0] == 0xFF and len(packed) == 16:
        return b"\x33\x33" + packed[-4:]
    return b"\x02\x00" + struct.pack("!I", zlib.crc32(packed))


def _sum16(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def _folded(total: int) -> int:
    """The Internet checksum of a sum of words (RFC 1071).

    >>> hex(_folded(0x2ddf0))
    '0x220d'
    """
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
