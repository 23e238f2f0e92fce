"""What exporters call the columns of the canonical flow."""

from collections.abc import Mapping

from edgeguard_core.flows.schema import Schema, squeeze

LABEL = "label"
"""The target that says benign or attack; it is no column of a schema."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "src_ip": ("srcip", "sourceip", "saddr", "srcaddr", "sourceaddress", "ipsrc", "ipv4srcaddr",
               "clientip", "idorigh", "sa"),
    "dst_ip": ("dstip", "destinationip", "destip", "daddr", "dstaddr", "destinationaddress",
               "ipdst", "ipv4dstaddr", "serverip", "idresph", "da"),
    "src_port": ("srcport", "sport", "sourceport", "l4srcport", "sp", "idorigp"),
    "dst_port": ("dstport", "dport", "destinationport", "destport", "l4dstport", "dp", "idrespp"),
    "protocol": ("protocol", "proto", "ipprotocol", "pr"),
    "bidirectional_first_seen_ms": ("starttime", "stime", "timestamp", "time", "ts", "firstseen",
                                    "flowstart", "datetime"),
    "bidirectional_duration_ms": ("durationms", "durms"),  # others may be of another unit
    "src2dst_bytes": ("srcbytes", "sbytes", "inbytes", "bytessent", "bytesout", "origipbytes",
                      "origbytes", "fwdbytes", "ibyt"),
    "dst2src_bytes": ("dstbytes", "dbytes", "outbytes", "bytesreceived", "bytesrecv", "bytesin",
                      "respipbytes", "respbytes", "bwdbytes", "obyt"),
    "src2dst_packets": ("srcpkts", "srcpackets", "spkts", "inpkts", "packetssent", "origpkts",
                        "fwdpackets", "ipkt"),
    "dst2src_packets": ("dstpkts", "dstpackets", "dpkts", "outpkts", "packetsreceived",
                        "resppkts", "bwdpackets", "opkt"),
    "community_id": ("communityid",),
    LABEL: ("label", "class", "attack", "attacktype", "attackcat", "category"),
}  # fmt: skip

CANONICAL_WORDS: Mapping[str, str] = {
    word: target for target, words in _WORDS.items() for word in words
}
"""Squeezed spelling to canonical column, or ``LABEL``."""


def canonical_name(title: str) -> str | None:
    """The canonical column, or ``LABEL``, that a title most likely means; None where unknown.

    >>> canonical_name("Src IP"), canonical_name("sbytes"), canonical_name("colour")
    ('src_ip', 'src2dst_bytes', None)
    """
    word = squeeze(title)
    known = {squeeze(column.name): column.name for column in Schema.named("flow").columns}
    return known.get(word) or CANONICAL_WORDS.get(word)
