"""The way from a flow to its packets: a display filter for Wireshark, a line for a Zeek log."""

import base64
import hashlib
import ipaddress
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

_TRANSPORT: Final = {6: "tcp", 17: "udp"}
_ICMP: Final = {1: "icmp", 58: "icmpv6"}
_SCTP: Final = 132
_TIMES: Final = ("bidirectional_first_seen_ms", "timestamp_ms")
_DURATIONS_MS: Final = {"bidirectional_duration_ms": 1.0, "flow_duration_us": 1e-3}
_MARGIN_S: Final = 1.0  # meters round, and clocks differ a little


def wireshark_filter(flow: Mapping[str, Any]) -> str | None:
    """A display filter that shows a flow's packets, both ways; None where no address is known.

    Wireshark's ``ip.addr == A && ip.addr == B`` is true of packets either way between the two.
    With a time the filter is held to the flow's own, a second wider at both ends; without a
    duration it only says when the flow began.

    Parameters
    ----------
    flow
        Values by the names of the ``flow`` and ``cicflowmeter`` schemas: ``src_ip, dst_ip,
        src_port, dst_port, protocol``, a time in ms and a duration. Any may be missing.

    Examples
    --------
    >>> flow = {"src_ip": "10.0.0.5", "dst_ip": "192.0.2.9", "src_port": 40000.0,
    ...         "dst_port": 443, "protocol": 6}
    >>> wireshark_filter(flow)
    'ip.addr == 10.0.0.5 && ip.addr == 192.0.2.9 && tcp.port == 40000 && tcp.port == 443'
    >>> wireshark_filter({"src_ip": "2001:db8::1", "dst_ip": "2001:db8::2", "protocol": 58})
    'ipv6.addr == 2001:db8::1 && ipv6.addr == 2001:db8::2 && icmpv6'
    >>> timed = {"src_ip": "10.0.0.5", "bidirectional_first_seen_ms": 5e3,
    ...          "bidirectional_duration_ms": 250.0}
    >>> wireshark_filter(timed)
    'ip.addr == 10.0.0.5 && frame.time_epoch >= 4.000 && frame.time_epoch <= 6.250'
    >>> wireshark_filter({"src_port": 80}) is None
    True
    """
    addresses = [a for a in (_address(flow.get(name)) for name in ("src_ip", "dst_ip")) if a]
    if not addresses:
        return None
    parts = [f"{'ip' if a.version == 4 else 'ipv6'}.addr == {a}" for a in addresses]
    return " && ".join([*parts, *_protocol_parts(flow), *_time_parts(flow)])


def community_id(flow: Mapping[str, Any], seed: int = 0) -> str | None:
    """The Community ID, version 1, of a TCP, UDP or SCTP flow; None of any other.

    Both ways of a conversation have the same. ICMP is left out: it needs the message type, which
    flow meters write in several ways.

    >>> flow = {"src_ip": "1.2.3.4", "dst_ip": "5.6.7.8", "src_port": 1122, "dst_port": 3344}
    >>> community_id(flow | {"protocol": 6})
    '1:wCb3OG7yAFWelaUydu0D+125CLM='
    """
    source, target = _address(flow.get("src_ip")), _address(flow.get("dst_ip"))
    ports = [_whole(flow.get(name), 65_535) for name in ("src_port", "dst_port")]
    protocol = _whole(flow.get("protocol"), 255)
    if source is None or target is None or None in ports or source.version != target.version:
        return None
    if protocol not in (*_TRANSPORT, _SCTP):
        return None
    ends = sorted([(source.packed, ports[0]), (target.packed, ports[1])])
    (low, low_port), (high, high_port) = ends
    what = struct.pack("!H", seed) + low + high
    what += struct.pack("!BBHH", protocol, 0, low_port, high_port)
    return f"1:{base64.b64encode(hashlib.sha1(what, usedforsecurity=False).digest()).decode()}"


def zeek_search(uid: str) -> str:
    """A command that finds a connection in Zeek's logs, beside its header.

    >>> zeek_search("CHhAvVGS1DHFjwGM9")
    "zcat -f conn.log* | zeek-cut -C | grep -e '^#' -e 'CHhAvVGS1DHFjwGM9'"
    """
    kept = "".join(letter for letter in uid if letter.isalnum())  # a file's text, in a shell
    return f"zcat -f conn.log* | zeek-cut -C | grep -e '^#' -e '{kept}'"


def _protocol_parts(flow: Mapping[str, Any]) -> list[str]:
    protocol = _whole(flow.get("protocol"), 255)
    if protocol in _ICMP:
        return [_ICMP[protocol]]
    name = _TRANSPORT.get(protocol or 0) or ("sctp" if protocol == _SCTP else None)
    if name is None:
        return []
    ports = [_whole(flow.get(end), 65_535) for end in ("src_port", "dst_port")]
    return [f"{name}.port == {port}" for port in ports if port is not None] or [name]


def _time_parts(flow: Mapping[str, Any]) -> list[str]:
    start_ms = next(
        (t for t in (_number(flow.get(name)) for name in _TIMES) if t is not None), None
    )
    if start_ms is None:
        return []
    begin = start_ms / 1e3 - _MARGIN_S
    parts = [f"frame.time_epoch >= {begin:.3f}"]
    for name, in_ms in _DURATIONS_MS.items():
        duration = _number(flow.get(name))
        if duration is not None and duration >= 0:
            end = (start_ms + duration * in_ms) / 1e3 + _MARGIN_S
            return [*parts, f"frame.time_epoch <= {end:.3f}"]
    return parts


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(str(value))
    except ValueError:
        return None
    # Of an address with a zone ("fe80::1%eth0") no filter is made.
    return None if getattr(found, "scope_id", None) else found


def _whole(value: Any, most: int) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= most else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
