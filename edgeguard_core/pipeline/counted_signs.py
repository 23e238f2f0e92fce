"""Signs of attack in data sets that count a host's flows in columns of their own.

KDD Cup 99 and NSL-KDD count over two seconds and over the last hundred flows to a host (Lee and
Stolfo, TISSEC 2000), UNSW-NB15 over the last hundred flows (Moustafa and Slay, MilCIS 2015).
A few normal flows reach such counts, so a sign is told from a share of all flows on.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.sign import Sign

LEAST_SHARE = 0.001
"""Of all flows that show a counted sign; below it a sign is chance: .0007 of NSL-KDD's normals."""

_LEAST_FLOWS = 10
_LOGINS = ("pop_3", "imap4", "telnet", "ssh", "login", "ftp")
_EVERYDAY_PROTOCOLS = (
    "tcp", "udp", "icmp", "igmp", "arp", "ospf", "gre", "esp", "ah", "sctp", "pim", "vrrp",
    "ipv6", "ipv6-icmp", "eigrp", "l2tp", "rtp",
)  # fmt: skip
_MANY_PROTOCOLS = 5
_SAME_SOURCE_PORT = 5

Columns = Mapping[str, NDArray[Any]]


def kdd_signs(flows: Flows) -> list[Sign]:
    """What the counts of KDD Cup 99 and NSL-KDD tell.

    Of NSL-KDD's 67,343 normal training flows no sign is left; of its test attacks 64 % show one.
    """
    c = flows.columns
    wanted = {"count", "serror_rate", "rerror_rate", "same_srv_rate", "dst_bytes", "flag"}
    wanted |= {"dst_host_count", "dst_host_srv_count", "dst_host_same_srv_rate", "service"}
    wanted |= {"dst_host_serror_rate", "dst_host_rerror_rate", "dst_host_srv_serror_rate"}
    wanted |= {"dst_host_srv_rerror_rate", "srv_diff_host_rate", "srv_count"}
    if not wanted <= c.keys():
        return []
    hosts, service = c["dst_host_count"] >= 200, c["dst_host_srv_count"]
    login = np.isin(c["service"].astype(str), _LOGINS)
    unanswered = c["flag"].astype(str) == "S0"
    silent = c["dst_bytes"] == 0
    rules = {
        "flood: 50 or more flows to one host within two seconds, without an answer": (
            (c["count"] >= 50) & silent
        ),
        "SYN flood or scan: most connections to the host get no answer": (
            ((c["serror_rate"] >= 0.8) & (c["count"] >= 20))
            | ((c["dst_host_serror_rate"] >= 0.8) & hosts & unanswered)
        ),
        "SYN flood: a service that answers nobody": (
            (c["dst_host_srv_serror_rate"] >= 0.9) & (service >= 10)
        ),
        "port scan: most connections to the host are rejected": (
            ((c["rerror_rate"] >= 0.8) & (c["count"] >= 50))
            | ((c["dst_host_rerror_rate"] >= 0.8) & hosts & (c["dst_host_same_srv_rate"] < 0.1))
        ),
        "host scan: the same service of many hosts, without an answer": (
            (c["srv_diff_host_rate"] >= 0.5) & silent & (c["srv_count"] >= 10)
        ),
        "guessed passwords: one login service, again and again": (
            login
            & (
                ((service >= 100) & (c["dst_host_same_srv_rate"] > 0.5))
                | ((c["dst_host_srv_rerror_rate"] >= 0.8) & (service >= 10))
            )
        ),
    }
    return _told(rules, len(flows))


def unsw_signs(flows: Flows) -> list[Sign]:
    """What the counts of UNSW-NB15 tell.

    None of its 37,000 normal flows shows a sign; of its attacks 41 % do, Generic above all.
    """
    c = flows.columns
    rules: dict[str, NDArray[np.bool_]] = {}
    if "ct_dst_sport_ltm" in c:
        text = f"flood: {_SAME_SOURCE_PORT} or more of a hundred flows to one host"
        rules[f"{text} from the same source port"] = c["ct_dst_sport_ltm"] >= _SAME_SOURCE_PORT
    if "proto" in c:
        protocols = c["proto"].astype(str)
        rare = ~np.isin(protocols, (*_EVERYDAY_PROTOCOLS, ""))
        kinds = len(np.unique(protocols[rare]))
        if kinds >= _MANY_PROTOCOLS:
            rules[f"protocol scan: {kinds} IP protocols that networks do not speak"] = rare
    return _told(rules, len(flows))


def _told(rules: Mapping[str, NDArray[np.bool_]], n_flows: int) -> list[Sign]:
    least = max(_LEAST_FLOWS, LEAST_SHARE * n_flows)
    found = [Sign(np.flatnonzero(rows), reason) for reason, rows in rules.items()]
    return [sign for sign in found if sign.count >= least]
