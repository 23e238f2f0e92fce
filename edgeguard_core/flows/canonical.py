"""The canonical flow: from what any meter counts to the features of schema ``flow``.

Port buckets, transport words, networks and derived quantities are defined here once, for
every source and every schema that uses them.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SchemaError

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58

PROTOCOL_NUMBERS = {
    "icmp": ICMP, "igmp": 2, "ipip": 4, "tcp": TCP, "egp": 8, "igp": 9, "udp": UDP, "rdp": 27,
    "dccp": 33, "ipv6": 41, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmp6": ICMP6,
    "ipv6-icmp": ICMP6, "icmpv6": ICMP6, "ospf": 89, "pim": 103, "vrrp": 112, "sctp": 132,
    "udplite": 136,
}  # fmt: skip
"""IANA's protocol numbers by the words that meters write."""

PORT_BUCKETS: Mapping[str, tuple[int, ...]] = {
    "ftp": (20, 21), "ssh": (22,), "telnet": (23, 2323),
    "mail": (25, 110, 143, 465, 587, 993, 995), "dns": (53,), "mdns": (5353,), "dhcp": (67, 68),
    "http": (80, 8000, 8080), "https": (443, 8443), "ntp": (123,), "ssdp": (1900,),
    "rdp": (3389,), "smb": (139, 445), "netbios": (137, 138), "auth": (88, 389), "rpc": (135,),
    "snmp": (161,), "sip": (5060,), "mqtt": (1883, 8883), "irc": (6667,), "rtsp": (554,),
    "database": (1433, 3306, 5432, 6379),
}  # fmt: skip
"""Destination ports that share a service; the others fall by their range."""

_FIRST_USER_PORT = 1024
_FIRST_EPHEMERAL_PORT = 32768
_N_PORTS = 65536
NO_PORT = "none"
"""The bucket of protocols that have no ports: their "port" is a type or a code."""

_NETWORKS = ("src_network", "dst_network")
DEFAULT_LOCAL_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
    "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip
"""Private (RFC 1918, RFC 4193), link-local and loopback ranges."""


def _bucket_table() -> NDArray[np.object_]:
    ports = np.arange(_N_PORTS)
    table = np.where(
        ports < _FIRST_USER_PORT,
        "system",
        np.where(ports < _FIRST_EPHEMERAL_PORT, "user", "ephemeral"),
    ).astype(object)
    for bucket, members in PORT_BUCKETS.items():
        table[list(members)] = bucket
    return table


_BUCKET_OF_PORT = _bucket_table()  # (65536,) str


def port_buckets(ports: NDArray[np.float64]) -> NDArray[np.object_]:
    """The service bucket of each destination port, shape ``(n,)``; ``""`` where unknown.

    >>> port_buckets(np.array([22, 8080, 500, 5000, 50000, np.nan])).tolist()
    ['ssh', 'http', 'system', 'user', 'ephemeral', '']
    """
    known = (ports >= 0) & (ports < _N_PORTS)
    buckets = _BUCKET_OF_PORT[np.where(known, ports, 0).astype(np.int64)]
    buckets[~known] = ""
    return buckets


def transport_words(protocols: NDArray[np.float64]) -> NDArray[np.object_]:
    """tcp, udp, icmp or other for each IANA protocol number; ``""`` where unknown.

    >>> transport_words(np.array([6, 17, 1, 58, 47, np.nan])).tolist()
    ['tcp', 'udp', 'icmp', 'icmp', 'other', '']
    """
    words = np.full(len(protocols), "other", object)
    words[protocols == TCP] = "tcp"
    words[protocols == UDP] = "udp"
    words[(protocols == ICMP) | (protocols == ICMP6)] = "icmp"
    words[np.isnan(protocols)] = ""
    return words


class NetworkTable:
    """Tells an address of one's own network from the others; each distinct one is parsed once.

    Parameters
    ----------
    local_networks
        CIDR ranges that are internal.

    Raises
    ------
    SchemaError
        If a range is not in CIDR notation.

    Examples
    --------
    >>> table = NetworkTable()
    >>> addresses = np.array(["192.168.1.7", "8.8.8.8", "ff02::fb", "0.0.0.0", None], object)
    >>> table.words(addresses).tolist()
    ['internal', 'external', 'multicast', 'none', 'none']
    """

    _MOST_REMEMBERED = 200_000  # a flood of spoofed sources must not fill the memory

    def __init__(self, local_networks: Iterable[str] = DEFAULT_LOCAL_NETWORKS) -> None:
        self._local = []
        for text in local_networks:
            try:
                self._local.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                raise SchemaError(
                    f"{text!r} is no network; write it like 192.168.0.0/16."
                ) from error
        self._known: dict[str | None, str] = {}

    def words(self, addresses: NDArray[np.object_]) -> NDArray[np.object_]:
        """internal, external, multicast or none for each address, shape ``(n,)``."""
        known = self._known
        if len(known) > self._MOST_REMEMBERED:
            known.clear()
        listed = addresses.tolist()
        for address in set(listed):  # not less the known ones: that would walk through all of them
            if address not in known:
                known[address] = self._word(address)
        return np.array([known[address] for address in listed], object)

    def _word(self, text: str | None) -> str:
        try:
            address = ipaddress.ip_address(text or "")
        except ValueError:
            return "none"
        if address.is_multicast or text == "255.255.255.255":
            return "multicast"
        if address.is_unspecified:
            return "none"
        mine = any(address.version == net.version and address in net for net in self._local)
        return "internal" if mine else "external"


def canonical_columns(base: Mapping[str, NDArray[Any]], networks: NetworkTable) -> dict[str, Any]:
    """All columns of schema ``flow`` from what a meter counts.

    Parameters
    ----------
    base
        ``src_ip, src_port, dst_ip, dst_port, protocol, bidirectional_first_seen_ms,
        bidirectional_duration_ms, src2dst_packets, dst2src_packets, src2dst_bytes,
        dst2src_bytes, state`` and any pivot keys, each of shape ``(n,)``. NaN bytes are a
        direction that the meter does not see and stay missing.
    networks
        Which addresses are internal.

    Returns
    -------
    The base columns and the derived ones, each of shape ``(n,)``.
    """
    return dict(base) | derived_columns(base, networks)


def derivable(names: Iterable[str]) -> set[str]:
    """Features of schema ``flow`` that follow from columns of these names.

    >>> sorted(derivable(["src2dst_bytes", "src2dst_packets", "src_ip"]))
    ['src2dst_mean_packet_bytes', 'src_network']
    """
    given = set(names)
    ends = {name for name in _NETWORKS if name.replace("network", "ip") in given}
    return ends | {name for name, (needed, _) in _DERIVED.items() if given.issuperset(needed)}


def derived_columns(
    columns: Mapping[str, NDArray[Any]], networks: NetworkTable
) -> dict[str, NDArray[Any]]:
    """The features of schema ``flow`` that follow from those columns, each of shape ``(n,)``.

    One whose columns are not all there is left out.

    >>> columns = {"src2dst_bytes": np.array([90.0]), "src2dst_packets": np.array([2.0])}
    >>> derived_columns(columns, NetworkTable())
    {'src2dst_mean_packet_bytes': array([45.])}
    """
    derived: dict[str, NDArray[Any]] = {}
    for name, (needed, rule) in _DERIVED.items():
        given = [derived.get(key, columns.get(key)) for key in needed]
        if all(values is not None for values in given):
            derived[name] = rule(*given)
    # A protocol without a number, such as arp, has a word all the same.
    if "transport" in derived and "transport" in columns:
        nameless = derived["transport"] == ""
        derived["transport"][nameless] = columns["transport"][nameless]
    if "service" in derived:
        for transport in (derived.get("transport"), columns.get("transport")):
            if transport is not None:
                derived["service"][(transport == "icmp") | (transport == "other")] = NO_PORT
    for name in _NETWORKS:
        addresses = columns.get(name.replace("network", "ip"))
        if addresses is not None:
            derived[name] = networks.words(addresses)
    return derived


def _total(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of both directions; a direction the meter does not see adds nothing."""
    return np.where(np.isnan(one), 0.0, one) + np.where(np.isnan(other), 0.0, other)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``part / whole``; 0 where the whole is 0, missing where either is or it is infinite."""
    start = np.where(np.isnan(part) | np.isnan(whole), np.nan, 0.0)
    with np.errstate(over="ignore"):
        ratio: NDArray[np.float64] = np.divide(part, whole, out=start, where=whole > 0)
    ratio[np.isinf(ratio)] = np.nan
    return ratio


def _rate(
    one: NDArray[np.float64], other: NDArray[np.float64], duration_ms: NDArray[np.float64]
) -> NDArray[np.float64]:
    return _ratio(_total(one, other), duration_ms / 1000)


def _share(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return _ratio(one, _total(one, other))


_DERIVED: Mapping[str, tuple[tuple[str, ...], Callable[..., NDArray[Any]]]] = {
    "src2dst_mean_packet_bytes": (("src2dst_bytes", "src2dst_packets"), _ratio),
    "dst2src_mean_packet_bytes": (("dst2src_bytes", "dst2src_packets"), _ratio),
    "src2dst_bytes_share": (("src2dst_bytes", "dst2src_bytes"), _share),
    "src2dst_packets_share": (("src2dst_packets", "dst2src_packets"), _share),
    "bidirectional_packets_per_s": (
        ("src2dst_packets", "dst2src_packets", "bidirectional_duration_ms"),
        _rate,
    ),
    "bidirectional_bytes_per_s": (
        ("src2dst_bytes", "dst2src_bytes", "bidirectional_duration_ms"),
        _rate,
    ),
    "transport": (("protocol",), transport_words),
    "service": (("dst_port",), port_buckets),
}
