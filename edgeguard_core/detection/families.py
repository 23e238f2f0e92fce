"""Families: features that measure one thing, and so are named, and replaced, as one cause.

Bytes, packets, bytes a packet and whether there was an answer follow from each other; a
conversation's flows are some of its source's, those of the last minute some of the last ten's.
Setting one of them alone to a usual value makes a flow that cannot be, which a model finds odder
than the one it saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Named = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Family:
    """What a person would call one cause.

    Attributes
    ----------
    name
        In plain words; a feature's own name where it stands alone.
    members
        Features of the model.
    """

    name: str
    members: tuple[str, ...]


FOLLOWING: Final = (
    "src2dst_mean_packet_bytes", "dst2src_mean_packet_bytes", "src2dst_bytes_share",
    "src2dst_packets_share", "bidirectional_packets_per_s", "bidirectional_bytes_per_s",
)  # fmt: skip
"""Numbers of schema ``flow`` that follow from its counts and its duration."""

_FLOW: Final[Named] = {
    "what was exchanged": (
        "src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes",
        "src2dst_mean_packet_bytes", "dst2src_mean_packet_bytes", "src2dst_bytes_share",
        "src2dst_packets_share", "conversation_size_change", "state",
    ),
    "duration and rates": (
        "bidirectional_duration_ms", "bidirectional_packets_per_s", "bidirectional_bytes_per_s",
    ),
    "kind of conversation": ("transport", "service", "src_network", "dst_network"),
    "what the source did before": (
        "src_flows_60s", "src_flows_600s", "src_gap_s", "src_new_destinations_60s",
        "src_new_destinations_600s", "src_new_ports_60s", "src_new_ports_600s",
        "conversation_flows_60s", "conversation_flows_600s", "conversation_gap_s",
        "conversation_gap_spread",
    ),
    "what reached the destination before": (
        "dst_flows_60s", "dst_flows_600s", "dst_new_sources_60s", "dst_new_sources_600s",
    ),
}  # fmt: skip

_NSL_KDD: Final[Named] = {
    "connections in two seconds": (
        "count", "srv_count", "same_srv_rate", "diff_srv_rate", "srv_diff_host_rate",
    ),
    "last hundred connections": (
        "dst_host_count", "dst_host_srv_count", "dst_host_same_srv_rate", "dst_host_diff_srv_rate",
        "dst_host_same_src_port_rate", "dst_host_srv_diff_host_rate",
    ),
    "share of unanswered connections": (
        "serror_rate", "srv_serror_rate", "dst_host_serror_rate", "dst_host_srv_serror_rate",
    ),
    "share of rejected connections": (
        "rerror_rate", "srv_rerror_rate", "dst_host_rerror_rate", "dst_host_srv_rerror_rate",
    ),
}  # fmt: skip

_UNSW: Final[Named] = {
    "volume sent": ("sbytes", "spkts", "smean", "sload", "sloss"),
    "volume received": ("dbytes", "dpkts", "dmean", "dload", "dloss"),
    "duration and rates": ("dur_s", "rate", "sinpkt_ms", "dinpkt_ms", "sjit_ms", "djit_ms"),
    "time to live": ("sttl", "dttl", "ct_state_ttl"),
    "set-up time": ("tcprtt_s", "synack_s", "ackdat_s"),
    "TCP window": ("swin", "dwin"),
    "TCP sequence numbers": ("stcpb", "dtcpb"),
    "recent flows of the source": ("ct_src_ltm", "ct_srv_src", "ct_src_dport_ltm"),
    "recent flows to the destination": ("ct_dst_ltm", "ct_srv_dst", "ct_dst_sport_ltm"),
    "FTP": ("is_ftp_login", "ct_ftp_cmd"),
    "HTTP": ("trans_depth", "response_body_len", "ct_flw_http_mthd"),
}

_CIC: Final[Named] = {
    "volume sent": (
        "fwd_bytes", "fwd_packets", "fwd_packet_max_bytes", "fwd_packet_min_bytes",
        "fwd_packet_mean_bytes", "fwd_packet_std_bytes", "fwd_header_bytes",
        "fwd_segment_mean_bytes", "subflow_fwd_packets", "subflow_fwd_bytes", "fwd_data_packets",
        "fwd_min_segment_bytes",
    ),
    "volume received": (
        "bwd_bytes", "bwd_packets", "bwd_packet_max_bytes", "bwd_packet_min_bytes",
        "bwd_packet_mean_bytes", "bwd_packet_std_bytes", "bwd_header_bytes",
        "bwd_segment_mean_bytes", "subflow_bwd_packets", "subflow_bwd_bytes",
    ),
    "packet sizes of both directions": (
        "packet_min_bytes", "packet_max_bytes", "packet_mean_bytes", "packet_std_bytes",
        "packet_variance_bytes2", "average_packet_bytes", "down_up_ratio",
    ),
    "duration and rates": (
        "flow_duration_us", "bytes_per_s", "packets_per_s", "fwd_packets_per_s",
        "bwd_packets_per_s",
    ),
    "gaps between packets": (
        "iat_mean_us", "iat_std_us", "iat_max_us", "iat_min_us", "fwd_iat_total_us",
        "fwd_iat_mean_us", "fwd_iat_std_us", "fwd_iat_max_us", "fwd_iat_min_us",
        "bwd_iat_total_us", "bwd_iat_mean_us", "bwd_iat_std_us", "bwd_iat_max_us",
        "bwd_iat_min_us",
    ),
    "active and idle times": (
        "active_mean_us", "active_std_us", "active_max_us", "active_min_us", "idle_mean_us",
        "idle_std_us", "idle_max_us", "idle_min_us",
    ),
    "TCP flags": (
        "fin_flags", "syn_flags", "rst_flags", "psh_flags", "ack_flags", "urg_flags", "cwr_flags",
        "ece_flags", "fwd_psh_flags", "bwd_psh_flags", "fwd_urg_flags", "bwd_urg_flags",
    ),
    "TCP window": ("fwd_init_window_bytes", "bwd_init_window_bytes"),
    "bulk transfers": (
        "fwd_bulk_mean_bytes", "fwd_bulk_mean_packets", "fwd_bulk_bytes_per_s",
        "bwd_bulk_mean_bytes", "bwd_bulk_mean_packets", "bwd_bulk_bytes_per_s",
    ),
}  # fmt: skip

_OF_SCHEMA: Final[Mapping[str, Named]] = {
    "flow": _FLOW, "nsl-kdd": _NSL_KDD, "unsw-nb15": _UNSW, "cicflowmeter": _CIC,
}  # fmt: skip


def families(schema: str, features: Sequence[str]) -> tuple[Family, ...]:
    """The features, each in one family, in the order in which they come.

    Features of a schema that is not known here stand alone.

    >>> [family.name for family in families("flow", ["state", "src_flows_60s", "src_gap_s"])]
    ['state', 'what the source did before']
    """
    home = {m: name for name, members in _OF_SCHEMA.get(schema, {}).items() for m in members}
    grouped: dict[str, list[str]] = {}
    for feature in features:
        grouped.setdefault(home.get(feature, feature), []).append(feature)
    return tuple(
        Family(name if len(members) > 1 else members[0], tuple(members))
        for name, members in grouped.items()
    )
