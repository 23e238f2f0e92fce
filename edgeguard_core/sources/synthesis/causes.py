"""What makes each synthesised attack what it is, so that explanations of it can be judged.

Stated from what ``attacks.py`` makes, not from what any model finds: what an attack sets in its
flows, and what its nature does to the history of its hosts. What merely moves along, such as a
scanner's number of flows, is not among them.
"""

from collections.abc import Mapping
from typing import Final

TRUE_CAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    # SYNs that nobody follows up, from many forged addresses, to one victim.
    "syn_flood": (
        "state", "dst_flows_60s", "dst_flows_600s", "dst_new_sources_60s", "dst_new_sources_600s",
    ),
    # One host asks neighbour after neighbour for one port; few are there.
    "horizontal_scan": (
        "state", "service", "src_new_destinations_60s", "src_new_destinations_600s",
    ),
    # One host asks another for port after port; most are closed.
    "vertical_scan": (
        "state", "service", "src_new_ports_60s", "src_new_ports_600s", "dst_flows_60s",
        "dst_flows_600s",
    ),
    # Connection after connection of one host to the SSH of another.
    "brute_force": (
        "service", "conversation_flows_60s", "conversation_flows_600s", "conversation_gap_s",
        "dst_flows_60s", "dst_flows_600s",
    ),
    # The same small question at the same distance, to a port that nobody else asks.
    "beaconing": (
        "service", "conversation_flows_60s", "conversation_flows_600s", "conversation_gap_s",
        "conversation_gap_spread",
    ),
    # Far more goes out than comes in, at high strength to a strange port.
    "exfiltration": (
        "src2dst_packets", "src2dst_bytes", "src2dst_mean_packet_bytes", "src2dst_bytes_share",
        "src2dst_packets_share", "conversation_size_change", "service",
    ),
    # Large replies come from many reflectors; small requests for large replies go to one's own.
    "amplification": (
        "service", "src2dst_bytes", "src2dst_mean_packet_bytes", "dst2src_bytes",
        "dst2src_mean_packet_bytes", "dst_flows_60s", "dst_flows_600s", "dst_new_sources_60s",
        "dst_new_sources_600s",
    ),
}  # fmt: skip
"""Features of schema ``flow`` that are a true cause, by kind of ``ATTACKS``."""
