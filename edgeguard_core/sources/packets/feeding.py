"""A capture that the meter cannot read as it stands, handed to it packet by packet.

What is written is a pcap of Ethernet frames with microseconds: pcapng of any make, packed files,
other link types, and what is whole of damaged files all become that.
"""

import struct
from typing import IO, Final

from edgeguard_core.sources.packets.capture_file import MOST_PACKET_BYTES, Damage, Walker
from edgeguard_core.sources.packets.link_types import ETHERNET, is_readable, to_ethernet

_HEADER: Final = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MOST_PACKET_BYTES, ETHERNET)
_RECORD: Final = struct.Struct("=IIII")
_BLOCK_BYTES: Final = 1 << 16
_IPV6: Final = b"\x86\xdd"
_TYPE_AT, _DEEPEST_TYPE_AT = 12, 20  # two VLAN tags deep
_MOST_SECONDS: Final = 2**32 - 1


def feed(walker: Walker, stream: IO[bytes]) -> None:
    """Write the readable packets of a capture, up to where it is damaged."""
    block = bytearray(_HEADER)
    last_us = 0
    try:
        for link, time_us, length, data in walker.packets():
            frame = to_ethernet(link, data) if is_readable(link) else None
            if frame is None:
                continue
            last_us = last_us if time_us is None else time_us
            second, fraction = divmod(last_us, 1_000_000)
            if length > len(data) and _IPV6 in frame[_TYPE_AT : _DEEPEST_TYPE_AT + 2]:
                # The engine leaves out IPv6 of which bytes are missing; what they were is never
                # looked at.
                frame += bytes(min(length - len(data), MOST_PACKET_BYTES - len(frame)))
            block += _RECORD.pack(
                min(max(second, 0), _MOST_SECONDS), fraction, len(frame), max(length, len(frame))
            )
            block += frame
            if len(block) >= _BLOCK_BYTES:
                stream.write(block)
                block.clear()
    except Damage:
        pass  # told by the survey
    stream.write(block)
