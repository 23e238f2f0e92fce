"""Meters: what Zeek, Argus, nfdump, Suricata and NFStream count, as canonical flows.

Each is a YAML of its columns and words beside the schemas, and here one small function from
these columns to the base of the canonical flow.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.cells import protocols
from edgeguard_core.flows.schema import Schema, shipped_text
from edgeguard_core.flows.states import ACK, FIN, RST, SYN, flags_of, one_way_states, tcp_states
from edgeguard_core.flows.table import Flows

_MS_PER_S = 1000.0
_ETHERNET_HEADER_BYTES = 14  # a packet, in what counts the link layer

Base = dict[str, NDArray[Any]]


class Log:
    """The validated columns of a meter's log, absent ones filled in.

    ``lost`` says of a quantity where the log wrote no finite number, shape ``(n,)``.
    """

    def __init__(self, flows: Flows, lost: Mapping[str, NDArray[np.bool_]] | None = None) -> None:
        self.columns: Mapping[str, NDArray[Any]] = flows.columns
        self.n_rows = len(flows)
        self._lost = lost or {}

    def count(self, name: str) -> NDArray[np.float64]:
        """A quantity; unset is 0, infinite or in an absent column missing."""
        if name not in self.columns:
            return self.number(name)
        values = np.where(np.isnan(self.columns[name]), 0.0, self.columns[name])
        return np.where(self._lost[name], np.nan, values) if name in self._lost else values

    def number(self, name: str) -> NDArray[np.float64]:
        """Numbers as they stand, NaN where there is none."""
        return self.columns.get(name, np.full(self.n_rows, np.nan))

    def words(self, name: str) -> NDArray[np.object_]:
        """Words, ``""`` where there is none."""
        return self.columns.get(name, np.full(self.n_rows, "", object))

    def identities(self, name: str) -> NDArray[np.object_]:
        """Addresses or keys, None where there is none."""
        return self.columns.get(name, np.full(self.n_rows, None, object))

    def flags(self, name: str, read: Callable[[str], int]) -> NDArray[np.int64]:
        """Flag bytes out of words, 0 where there is none."""
        words = self.words(name)
        known = {word: read(word) for word in set(words)}
        return np.fromiter((known[word] for word in words), np.int64, self.n_rows)

    def those_there(self, names: Iterable[str]) -> Base:
        """The columns of these names that the log has, as they stand."""
        return {name: self.columns[name] for name in names if name in self.columns}


@dataclass(frozen=True)
class Meter:
    """A program that counts flows.

    Attributes
    ----------
    name
        As in the bundle's manifest and in ``flows/schemas``.
    base
        From its columns to the base columns of the canonical flow.
    needed
        Columns without which a header is none of this meter.
    sources
        For each column of the canonical flow the columns it is made of; where the log lacks one
        of them it is left out. Those that are not listed are always made.
    unset
        Columns that a JSON log leaves out of a record, and perhaps of all of them.
    bytes_layer
        What the bytes of its flows count, for the manifest; None where the file does not say.
    not_flows
        Words of a column whose rows are the meter's own notes, and no flows.
    remark
        What is odd about the columns that are there, as a sentence; None where nothing is.
    """

    name: str
    base: Callable[[Log], Base]
    needed: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]
    unset: tuple[str, ...] = ()
    bytes_layer: str | None = "ip"
    not_flows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    remark: Callable[[frozenset[str]], str | None] = lambda present: None

    @property
    def schema(self) -> Schema:
        """The columns of its log, and what they mean."""
        return _schema(self.name)

    def left_out(self, present: Iterable[str]) -> set[str]:
        """Columns of the canonical flow that cannot be made of these columns of its log."""
        given = set(present)
        return {name for name, needed in self.sources.items() if not given.issuperset(needed)}

    def lacking(self, present: Iterable[str]) -> list[str]:
        """Columns that something is made of and that are not among these."""
        absent = {name for needed in self.sources.values() for name in needed} - set(present)
        return [column.name for column in self.schema.columns if column.name in absent]

    def knows(self, header: Iterable[str]) -> bool:
        """Whether a header is of this meter."""
        return all(name in self.schema.match(header) for name in self.needed)


@cache
def _schema(name: str) -> Schema:
    return Schema.from_yaml(shipped_text(name), origin=f"schemas/{name}.yaml")


def meter_of(header: Iterable[str]) -> Meter | None:
    """The meter whose columns a header names, or None.

    >>> meter_of(["ts", "sa", "da", "sp", "dp", "pr", "ipkt", "ibyt"]).name
    'nfdump'
    """
    titles = list(header)
    return next((meter for meter in METERS.values() if meter.knows(titles)), None)


def bytes_layer(meter: str) -> str | None:
    """The layer whose bytes the flows of a meter count; None where that is not known."""
    return METERS[meter].bytes_layer if meter in METERS else None


def _without_link_layer(
    total_bytes: NDArray[np.float64], packets: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.maximum(total_bytes - _ETHERNET_HEADER_BYTES * packets, 0.0)


def _transport(words: NDArray[np.object_]) -> Base:
    """The protocol's number; ``other`` where the word is of none, such as arp."""
    number = protocols(words)[0]
    nameless = np.isnan(number) & ~np.isin(words, ["", "-"])
    return {"protocol": number, "transport": np.where(nameless, "other", "")}


def _base_of_zeek(log: Log) -> Base:
    return {
        "src_ip": log.identities("id.orig_h"),
        "src_port": log.number("id.orig_p"),
        "dst_ip": log.identities("id.resp_h"),
        "dst_port": log.number("id.resp_p"),
        **_transport(log.words("proto")),
        "bidirectional_first_seen_ms": log.number("ts"),
        "bidirectional_duration_ms": log.count("duration") * _MS_PER_S,
        "src2dst_packets": log.count("orig_pkts"),
        "dst2src_packets": log.count("resp_pkts"),
        "src2dst_bytes": log.count("orig_ip_bytes"),
        "dst2src_bytes": log.count("resp_ip_bytes"),
        "state": log.words("conn_state"),
        **log.those_there(("uid", "community_id")),
    }


def _base_of_argus(log: Log) -> Base:
    total_packets, total_bytes = log.count("TotPkts"), log.count("TotBytes")
    src_bytes = np.minimum(log.count("SrcBytes"), total_bytes)
    src_packets = np.minimum(_argus_source_packets(log), total_packets)
    dst_packets = total_packets - src_packets
    return {
        "src_ip": log.identities("SrcAddr"),
        "src_port": log.number("Sport"),
        "dst_ip": log.identities("DstAddr"),
        "dst_port": log.number("Dport"),
        **_transport(log.words("Proto")),
        "bidirectional_first_seen_ms": log.number("StartTime"),
        "bidirectional_duration_ms": log.count("Dur") * _MS_PER_S,
        "src2dst_packets": src_packets,
        "dst2src_packets": dst_packets,
        "src2dst_bytes": _without_link_layer(src_bytes, src_packets),
        "dst2src_bytes": _without_link_layer(total_bytes - src_bytes, dst_packets),
        "state": _argus_states(log),
    }


def _argus_source_packets(log: Log) -> NDArray[np.float64]:
    """Packets of the source; where the log (CTU-13) lacks them, by its share of the bytes."""
    if "SrcPkts" in log.columns:
        return log.count("SrcPkts")
    total, total_bytes = log.count("TotPkts"), log.count("TotBytes")
    share = np.divide(
        log.count("SrcBytes"), total_bytes, out=np.ones(len(total)), where=total_bytes > 0
    )
    # An end that sent bytes sent a packet.
    return np.clip(np.round(total * share), (share > 0) * 1.0, total - (share < 1))


def _argus_remark(present: frozenset[str]) -> str | None:
    if "SrcPkts" in present:
        return None
    return "The log lacks SrcPkts; packets each way are guessed from the bytes each way."


def _argus_states(log: Log) -> NDArray[np.object_]:
    """Pairs of flags such as ``FSPA_SRA`` are TCP's; other words have a table."""
    src = log.flags("State", lambda word: flags_of(word.partition("_")[0]))
    dst = log.flags("State", lambda word: flags_of(word.partition("_")[2]))
    is_pair = np.array(["_" in word for word in log.words("State")], np.bool_)
    return np.where(is_pair, tcp_states(src, dst), log.words("state_word"))


def _base_of_nfdump(log: Log) -> Base:
    replies = log.number("opkt") > 0  # a record is one way, unless nfdump joined the two
    tcp = protocols(log.words("pr"))[0] == 6
    flags = log.flags("flg", _nfdump_flags)
    return {
        "src_ip": log.identities("sa"),
        "src_port": np.floor(log.number("sp")),
        "dst_ip": log.identities("da"),
        "dst_port": np.floor(log.number("dp")),  # of ICMP it is type.code
        **_transport(log.words("pr")),
        "bidirectional_first_seen_ms": log.number("ts"),
        "bidirectional_duration_ms": log.count("td") * _MS_PER_S,
        "src2dst_packets": log.count("ipkt"),
        "dst2src_packets": np.where(replies, log.number("opkt"), np.nan),
        "src2dst_bytes": log.count("ibyt"),
        "dst2src_bytes": np.where(replies, log.number("obyt"), np.nan),
        "state": np.where(tcp, one_way_states(flags), ""),
    }


def _nfdump_flags(word: str) -> int:
    return int(word, 16) & 0xFF if word[:2] == "0x" else flags_of(word)


def _base_of_suricata(log: Log) -> Base:
    packets = log.count("flow.pkts_toserver"), log.count("flow.pkts_toclient")
    return {
        "src_ip": log.identities("src_ip"),
        "src_port": log.number("src_port"),
        "dst_ip": log.identities("dest_ip"),
        "dst_port": log.number("dest_port"),
        **_transport(log.words("proto")),
        "bidirectional_first_seen_ms": log.number("flow.start"),
        "bidirectional_duration_ms": np.nan_to_num(
            np.maximum(log.number("flow.end") - log.number("flow.start"), 0.0)
        ),
        "src2dst_packets": packets[0],
        "dst2src_packets": packets[1],
        "src2dst_bytes": _without_link_layer(log.count("flow.bytes_toserver"), packets[0]),
        "dst2src_bytes": _without_link_layer(log.count("flow.bytes_toclient"), packets[1]),
        "state": _suricata_states(log),
        "alerted": log.number("flow.alerted"),
        **log.those_there(("flow_id", "community_id")),
    }


def _suricata_states(log: Log) -> NDArray[np.object_]:
    """Of TCP the flags decide where they were kept; other states have a table."""
    src = log.flags("tcp.tcp_flags_ts", _hexadecimal)
    dst = log.flags("tcp.tcp_flags_tc", _hexadecimal)
    tcp = protocols(log.words("proto"))[0] == 6
    lasting = tcp & (log.words("flow.state") == "established")
    words = np.where(lasting, "open", log.words("state_word"))
    return np.where(tcp & ((src | dst) > 0), tcp_states(src, dst), words)


def _hexadecimal(word: str) -> int:
    try:
        return int(word or "0", 16) & 0xFF
    except ValueError:
        return 0


_FLAG_NAMES = {"fin": FIN, "syn": SYN, "rst": RST, "ack": ACK}
_NFSTREAM_ENDS = ("src_ip", "dst_ip")
_NFSTREAM_PLAIN = ("src_port", "dst_port", "protocol", "bidirectional_first_seen_ms")
_NFSTREAM_COUNTS = (
    "bidirectional_duration_ms", "src2dst_packets", "dst2src_packets", "src2dst_bytes",
    "dst2src_bytes",
)  # fmt: skip
_NFSTREAM_COLUMNS = (*_NFSTREAM_ENDS, *_NFSTREAM_PLAIN, *_NFSTREAM_COUNTS)


def _base_of_nfstream(log: Log) -> Base:
    base: Base = {name: log.identities(name) for name in _NFSTREAM_ENDS}
    base |= {name: log.number(name) for name in _NFSTREAM_PLAIN}
    base |= {name: log.count(name) for name in _NFSTREAM_COUNTS}
    return base | {"state": _nfstream_states(log)}


def _nfstream_states(log: Log) -> NDArray[np.object_]:
    """From counts of flags where statistics were on; else only whether there was a reply."""
    answered = log.count("dst2src_packets") > 0
    tcp = log.number("protocol") == 6
    words = np.where(answered, np.where(tcp, "", "done"), "noreply").astype(object)
    sides = [_nfstream_flags(log, side) for side in ("src2dst", "dst2src")]
    told = tcp & ((sides[0] | sides[1]) > 0)
    return np.where(told, tcp_states(*sides), words)


def _nfstream_flags(log: Log, side: str) -> NDArray[np.int64]:
    flags = np.zeros(log.n_rows, np.int64)
    for name, flag in _FLAG_NAMES.items():
        flags |= np.where(log.count(f"{side}_{name}_packets") > 0, flag, 0)
    return flags


_NFSTREAM_REMARK = (
    "NFStream counts link-layer bytes unless accounting_mode=1 was set, which the file does "
    "not say; flows of another accounting are not comparable."
)


METERS: Mapping[str, Meter] = {
    meter.name: meter
    for meter in (
        Meter(
            "zeek",
            _base_of_zeek,
            ("id.orig_h", "id.resp_h", "proto"),
            sources={
                "src_port": ("id.orig_p",),
                "dst_port": ("id.resp_p",),
                "bidirectional_first_seen_ms": ("ts",),
                "bidirectional_duration_ms": ("duration",),
                "src2dst_packets": ("orig_pkts",),
                "dst2src_packets": ("resp_pkts",),
                "src2dst_bytes": ("orig_ip_bytes",),
                "dst2src_bytes": ("resp_ip_bytes",),
                "state": ("conn_state",),
            },
            unset=("duration",),
        ),
        Meter(
            "argus",
            _base_of_argus,
            ("SrcAddr", "DstAddr", "Proto", "TotPkts", "TotBytes", "SrcBytes"),
            sources={
                "src_port": ("Sport",),
                "dst_port": ("Dport",),
                "bidirectional_first_seen_ms": ("StartTime",),
                "bidirectional_duration_ms": ("Dur",),
                "state": ("State",),
            },
            bytes_layer="ip, from the link layer less 14 a packet",
            not_flows={"Proto": frozenset(("man",))},
            remark=_argus_remark,
        ),
        Meter(
            "nfdump",
            _base_of_nfdump,
            ("ts", "sa", "da", "pr", "ipkt", "ibyt"),
            # The reverse side is missing, not absent: a record is one way.
            sources={
                "src_port": ("sp",),
                "dst_port": ("dp",),
                "bidirectional_duration_ms": ("td",),
                "state": ("flg",),
            },
        ),
        Meter(
            "suricata",
            _base_of_suricata,
            ("src_ip", "dest_ip", "proto", "flow.pkts_toserver", "flow.bytes_toserver"),
            sources={
                "src_port": ("src_port",),
                "dst_port": ("dest_port",),
                "bidirectional_first_seen_ms": ("flow.start",),
                "bidirectional_duration_ms": ("flow.start", "flow.end"),
                "dst2src_packets": ("flow.pkts_toclient",),
                "dst2src_bytes": ("flow.bytes_toclient", "flow.pkts_toclient"),
                "state": ("flow.state",),
                "alerted": ("flow.alerted",),
            },
            unset=("src_port", "dest_port", "tcp.tcp_flags_ts", "tcp.tcp_flags_tc"),
            bytes_layer="ip, from the link layer less 14 a packet",
        ),
        Meter(
            "nfstream",
            _base_of_nfstream,
            ("bidirectional_packets", "src2dst_packets", "dst2src_packets", "src2dst_bytes"),
            sources={
                **{name: (name,) for name in _NFSTREAM_COLUMNS},
                "state": ("protocol", "dst2src_packets"),
            },
            bytes_layer=None,
            remark=lambda present: _NFSTREAM_REMARK,
        ),
    )
}
"""Every meter that is read, by name."""
