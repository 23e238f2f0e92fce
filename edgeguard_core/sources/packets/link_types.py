"""Link types: which the meter reads, which become Ethernet on the way, and the others' names."""

import struct
from collections.abc import Callable
from typing import Final

ETHERNET: Final = 1
READ_AS_THEY_ARE: Final = frozenset((ETHERNET, 101, 113, 228, 229))
"""Ethernet (with VLAN and QinQ), raw IP, Linux cooked v1, raw IPv4 and IPv6."""

_NAMES: Final = {
    0: "NULL", 1: "ETHERNET", 3: "AX25", 6: "IEEE802_5", 7: "ARCNET_BSD", 8: "SLIP", 9: "PPP",
    10: "FDDI", 12: "RAW", 14: "RAW", 50: "PPP_HDLC", 51: "PPP_ETHER", 100: "ATM_RFC1483",
    101: "RAW", 104: "C_HDLC", 105: "IEEE802_11", 106: "ATM_CLIP",
    107: "FRELAY", 108: "LOOP", 113: "LINUX_SLL",
    114: "LTALK", 117: "PFLOG", 119: "IEEE802_11_PRISM", 122: "IP_OVER_FC", 123: "SUNATM",
    127: "IEEE802_11_RADIOTAP", 129: "ARCNET_LINUX", 130: "JUNIPER_MLPPP", 131: "JUNIPER_MLFR",
    132: "JUNIPER_ES", 133: "JUNIPER_GGSN", 134: "JUNIPER_MFR", 135: "JUNIPER_ATM2",
    136: "JUNIPER_SERVICES", 137: "JUNIPER_ATM1", 138: "APPLE_IP_OVER_IEEE1394",
    139: "MTP2_WITH_PHDR", 140: "MTP2", 141: "MTP3", 142: "SCCP", 143: "DOCSIS",
    144: "LINUX_IRDA", 149: "USER2", 158: "USER11", 160: "USER13", 163: "IEEE802_11_AVS",
    164: "JUNIPER_MONITOR", 165: "BACNET_MS_TP", 166: "PPP_PPPD", 169: "GPRS_LLC",
    177: "LINUX_LAPD", 178: "JUNIPER_ETHER", 179: "JUNIPER_PPP",
    180: "JUNIPER_FRELAY", 181: "JUNIPER_CHDLC", 182: "MFR",
    187: "BLUETOOTH_HCI_H4", 189: "USB_LINUX", 192: "PPI",
    195: "IEEE802_15_4_WITHFCS", 201: "BLUETOOTH_HCI_H4_WITH_PHDR", 204: "PPP_WITH_DIR",
    205: "C_HDLC_WITH_DIR", 206: "FRELAY_WITH_DIR", 215: "IEEE802_15_4_NONASK_PHY",
    220: "USB_LINUX_MMAPPED", 226: "IPNET", 227: "CAN_SOCKETCAN", 228: "IPV4", 229: "IPV6",
    230: "IEEE802_15_4_NOFCS", 231: "DBUS", 239: "NFLOG", 242: "IPOIB", 247: "INFINIBAND",
    249: "USBPCAP", 251: "BLUETOOTH_LE_LL", 253: "NETLINK", 258: "PKTAP", 264: "ISO_14443",
    271: "VSOCK_NL", 272: "NORDIC_BLE", 276: "LINUX_SLL2", 281: "DSA_TAG_BRCM",
    282: "DSA_TAG_BRCM_PREPEND", 283: "IEEE802_15_4_TAP", 284: "DSA_TAG_DSA", 285: "DSA_TAG_EDSA",
}  # fmt: skip

_NO_ADDRESSES: Final = bytes(12)
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_PPP_IPV4, _PPP_IPV6 = 0x21, 0x57
_SLL2: Final = struct.Struct(">HHIHBB8s")

Frame = bytes | None
"""A packet as an Ethernet frame; None where it carries no IP or is cut short."""


def name_of(link: int) -> str:
    """A link type's name and number, for people.

    >>> name_of(276), name_of(4242)
    ('LINUX_SLL2 (276)', 'unknown (4242)')
    """
    return f"{_NAMES.get(link, 'unknown')} ({link})"


def is_readable(link: int) -> bool:
    """Whether flows can be made of packets of this link type."""
    return link in _TO_ETHERNET


def to_ethernet(link: int, packet: bytes) -> Frame:
    """A packet of a readable link type as an Ethernet frame, with what follows its link header.

    >>> to_ethernet(101, bytes([0x45]) + bytes(19))[12:15].hex()
    '080045'
    """
    return _TO_ETHERNET[link](packet)


def _as_it_is(packet: bytes) -> Frame:
    return packet


def _from_ip(packet: bytes) -> Frame:
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return _NO_ADDRESSES + _IPV4 + packet
    return _NO_ADDRESSES + _IPV6 + packet if version == 6 else None


def _from_loopback(packet: bytes) -> Frame:
    return _from_ip(packet[4:])  # an address family, in the byte order of some machine


def _from_sll(packet: bytes) -> Frame:
    return bytes(6) + packet[6:12] + packet[14:] if len(packet) >= 16 else None


def _from_sll2(packet: bytes) -> Frame:
    if len(packet) < _SLL2.size:
        return None
    protocol: int
    protocol, _, _, _, _, length, address = _SLL2.unpack_from(packet)
    source: bytes = address[:6] if length == 6 else bytes(6)
    return bytes(6) + source + protocol.to_bytes(2, "big") + packet[_SLL2.size :]


def _from_ppp(packet: bytes) -> Frame:
    if packet[:1] in (b"\x0f", b"\x8f"):
        return _from_cisco_hdlc(packet)
    rest = packet[2:] if packet[:2] == b"\xff\x03" else packet
    if len(rest) < 2:
        return None
    width = 1 if rest[0] & 1 else 2  # a protocol below 256 may stand in one byte
    protocol = int.from_bytes(rest[:width], "big")
    return _from_ip(rest[width:]) if protocol in (_PPP_IPV4, _PPP_IPV6) else None


def _from_cisco_hdlc(packet: bytes) -> Frame:
    if packet[:2] == b"\xff\x03":
        return _from_ppp(packet)
    return _NO_ADDRESSES + packet[2:] if len(packet) >= 4 else None


_TO_ETHERNET: Final[dict[int, Callable[[bytes], Frame]]] = {
    ETHERNET: _as_it_is,
    **dict.fromkeys((12, 14, 101, 228, 229), _from_ip),
    **dict.fromkeys((0, 108), _from_loopback),
    113: _from_sll,
    276: _from_sll2,
    **dict.fromkeys((9, 50), _from_ppp),
    104: _from_cisco_hdlc,
}
