"""Signs of attack in flows that nobody labelled: scans, floods, guessed passwords.

A model learns whatever it is shown, and these come in crowds, so a few of them among the training
flows teach it that they are normal. Each sign is a rule about many flows together, as scan
detectors count them (Bro's ``scan.bro`` and ``ssh.bro``, Paxson 1999): never about what one flow
looks like. What comes one flow at a time, exploits and web attacks above all, shows no such sign.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import ICMP, ICMP6, TCP, UDP
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.counted_signs import kdd_signs, unsw_signs
from edgeguard_core.pipeline.sign import Sign

if TYPE_CHECKING:
    import pandas as pd

MANY_PORTS = 15
"""Ports of one host that do not answer; fewer are a stale address or a service that is down."""

MANY_HOSTS = 20
PROBING_HOSTS = 5
FLOOD_A_MINUTE = 200
GUESSES = 30
"""Connections to a login service within ten minutes, as Bro's ``ssh.bro`` counts them."""

_MOSTLY_FAILED = 0.7  # a browser meets dead servers, too, but not more of them than live ones
_ALIKE_SHARE, _ALIKE_WITHIN = 0.8, 0.2
_FIRST_EPHEMERAL = 32_768  # ports above are the far ends of replies that a meter saw alone
_MS_A_MINUTE, _MINUTES_OF_GUESSING = 60_000.0, 10.0
_FAILED_STATES = ("noreply", "rejected", "half")
_HEADER_BYTES = 40  # IP and TCP, where bytes are those of the IP layer

LOGIN_PORTS: Mapping[int, str] = {
    21: "ftp", 22: "ssh", 23: "telnet", 110: "pop3", 143: "imap", 445: "smb", 1433: "mssql",
    2323: "telnet", 3306: "mysql", 3389: "rdp", 5432: "postgres", 5900: "vnc",
}  # fmt: skip

# Payload bytes of a server that refused a login, from and below: a banner, a key exchange, no
# session. Bro took 4,000 for ssh; an ftp server says 220, 331 and 530 in a line each.
_REFUSALS: Mapping[int, tuple[float, float]] = {21: (60.0, 300.0), 22: (800.0, 4_000.0)}
_REFUSED_LOGINS = 8
_REFUSED_SHARE = 0.5  # of the sessions; people mistype, but not every second time


@dataclass(frozen=True)
class _Columns:
    """What the rules about hosts need of a schema, by its column names."""

    time: str
    sent_packets: str
    answered_packets: str
    sent_bytes: str
    answered_bytes: str
    ip_layer: bool


_HOST_COLUMNS: Mapping[str, _Columns] = {
    "flow": _Columns(
        "bidirectional_first_seen_ms", "src2dst_packets", "dst2src_packets", "src2dst_bytes",
        "dst2src_bytes", True,
    ),
    "cicflowmeter": _Columns(
        "timestamp_ms", "fwd_packets", "bwd_packets", "fwd_bytes", "bwd_bytes", False
    ),
}  # fmt: skip


def attack_signs(flows: Flows, timeline: NDArray[np.int64] | None = None) -> list[Sign]:
    """The signs of attack in some flows, those that most flows show first.

    Rules about hosts need their addresses, floods need times; NSL-KDD and UNSW-NB15 bring counts
    of their own. Of other schemas nothing is known, and nothing is found.

    Parameters
    ----------
    flows
        Shape ``(n,)``, in any order.
    timeline
        Which file each flow is from, shape ``(n,)``: hosts of one are not those of another.

    Examples
    --------
    >>> from edgeguard_core.flows.schema import Schema
    >>> attack_signs(Flows.empty(Schema.named("flow")))
    []
    """
    if not len(flows):
        return []
    counted = {"nsl-kdd": kdd_signs, "unsw-nb15": unsw_signs}.get(flows.schema.name)
    if counted is not None:
        found = counted(flows)
    else:
        files = np.zeros(len(flows), np.int64) if timeline is None else timeline
        found = list(_host_signs(flows, files))
    return sorted(found, key=lambda sign: -sign.count)


def _host_signs(flows: Flows, timeline: NDArray[np.int64]) -> Iterator[Sign]:
    names = _HOST_COLUMNS.get(flows.schema.name)
    wanted = () if names is None else (names.answered_packets, names.answered_bytes, "dst_port")
    if names is None or not set(wanted) <= flows.columns.keys():
        return
    table = _table(flows, names, timeline)
    if {"src_ip", "dst_ip"} <= flows.columns.keys():
        rules: tuple[Callable[[pd.DataFrame], Iterator[Sign]], ...] = (
            _port_scans, _host_scans, _probed_hosts, _floods, _guesses,
        )  # fmt: skip
        for rule in rules:
            yield from rule(table)
    else:
        yield from _refused_logins(table)


def _table(flows: Flows, names: _Columns, timeline: NDArray[np.int64]) -> "pd.DataFrame":
    """One row a flow: its file, ends and minute, whether it failed, and what was answered."""
    import pandas as pd

    columns, n = flows.columns, len(flows)
    unknown = np.full(n, np.nan)
    protocol = columns.get("protocol", unknown)
    packets, answered = (np.nan_to_num(columns[x]) for x in (names.answered_packets,) * 2)
    failed = answered == 0
    if "state" in columns:
        failed |= np.isin(columns["state"].astype(str), _FAILED_STATES)
    headers = _HEADER_BYTES * packets if names.ip_layer else 0.0
    sent = np.nan_to_num(columns.get(names.sent_bytes, unknown))
    return pd.DataFrame(
        {
            "file": timeline,
            "src": columns.get("src_ip", np.full(n, None, object)),
            "dst": columns.get("dst_ip", np.full(n, None, object)),
            "port": np.nan_to_num(columns["dst_port"], nan=-1.0).astype(np.int64),
            "minute": np.floor(columns.get(names.time, unknown) / _MS_A_MINUTE),
            "failed": failed,
            # UDP asks without an answer every day (time, names, logs); so does multicast.
            "asks": failed & ~(protocol == UDP),
            "tcp": (protocol == TCP) | np.isnan(protocol),
            "icmp": (protocol == ICMP) | (protocol == ICMP6),
            "sent": sent,
            "answer": np.maximum(np.nan_to_num(columns[names.answered_bytes]) - headers, 0.0),
        }
    )


def _port_scans(table: "pd.DataFrame") -> Iterator[Sign]:
    keys = ["file", "src", "dst"]
    for (_, src, dst), ports, rows in _many(table, keys, "port", MANY_PORTS):
        yield Sign(rows, f"scan by {src}: {ports:,} ports of {dst} that do not answer")


def _host_scans(table: "pd.DataFrame") -> Iterator[Sign]:
    keys = ["file", "src", "port"]
    asking = table["asks"] & (table["tcp"] | table["icmp"])
    for (_, src, port), hosts, rows in _many(table, keys, "dst", MANY_HOSTS, asking):
        yield Sign(rows, f"scan by {src}: {hosts:,} hosts that do not answer on port {port}")


def _probed_hosts(table: "pd.DataFrame") -> Iterator[Sign]:
    for (_, dst), ports, rows in _many(table, ["file", "dst"], "port", MANY_PORTS):
        sources = table["src"].iloc[rows].nunique()
        if sources >= PROBING_HOSTS:
            yield Sign(
                rows, f"scans of {dst}: {sources:,} hosts try {ports:,} ports that do not answer"
            )


def _many(
    table: "pd.DataFrame",
    keys: list[str],
    counted: str,
    least: int,
    tries: "pd.Series[bool] | None" = None,
) -> Iterator[tuple[tuple[Any, ...], int, NDArray[np.int64]]]:
    """Groups most of whose flows fail, and that tried at least so many ports or hosts.

    Yields the group's keys, how many were tried, and the flows that failed, as positions.
    """
    if tries is None:
        tries = table["failed"] & (table["port"] < _FIRST_EPHEMERAL) & (table["port"] > 0)
        tries &= ~table["icmp"]
    tried = table[tries].groupby(keys, sort=False)[counted].nunique()
    found: dict[Any, Any] = tried[tried >= least].to_dict()
    failed = table["failed"].to_numpy()
    for key, mine in _members(table, keys, found):
        missed = mine[failed[mine]]
        if len(missed) >= _MOSTLY_FAILED * len(mine):
            yield key, int(found[key]), missed


def _members(
    table: "pd.DataFrame", keys: list[str], wanted: Mapping[Any, Any]
) -> Iterator[tuple[tuple[Any, ...], NDArray[np.int64]]]:
    """The flows of some groups, as positions."""
    if wanted:
        indices: Mapping[Any, Any] = table.groupby(keys, sort=False).indices
        for key in wanted:
            yield key, np.asarray(indices[key], np.int64)


def _floods(table: "pd.DataFrame") -> Iterator[Sign]:
    """Unanswered flows to one service, by the hundred a minute, whoever sends them."""
    asking = table[table["asks"] & table["minute"].notna()]
    rates = asking.groupby(["file", "dst", "port", "minute"], sort=False).size()
    peaks = rates[rates >= FLOOD_A_MINUTE].groupby(level=[0, 1, 2], sort=False).max()
    found: dict[Any, Any] = peaks.to_dict()
    asks = table["asks"].to_numpy()
    for key, mine in _members(table, ["file", "dst", "port"], found):
        text = f"flood of {key[1]} port {key[2]}: up to {found[key]:,} unanswered flows a minute"
        yield Sign(mine[asks[mine]], text)


def _guesses(table: "pd.DataFrame") -> Iterator[Sign]:
    """One source, one login service, again and again, and each time with the same answer."""
    logins = table[table["tcp"] & table["port"].isin(list(LOGIN_PORTS))]
    window = np.floor(logins["minute"].fillna(0.0) / _MINUTES_OF_GUESSING)
    keys = ["file", "src", "dst", "port"]
    answers = logins.assign(window=window).groupby([*keys, "window"], sort=False)["answer"]
    near = (logins["answer"] - answers.transform("median")).abs() <= np.maximum(
        _ALIKE_WITHIN * answers.transform("median"), 1.0
    )
    alike = near.groupby([logins[key] for key in keys] + [window], sort=False).mean()
    found = alike[(answers.size() >= GUESSES) & (alike >= _ALIKE_SHARE)]
    for key, mine in _members(table, keys, dict.fromkeys(key[:4] for key in found.index)):
        _, src, dst, port = key
        text = f"guessed passwords: {len(mine):,} connections of {src} to {dst} port {port}"
        yield Sign(mine, f"{text} ({LOGIN_PORTS[port]}), nearly all alike")


def _refused_logins(table: "pd.DataFrame") -> Iterator[Sign]:
    """Without addresses: a login service whose server refuses half as often as it lets in.

    All of its flows but the sessions are meant: a meter cuts what is left of a refused login
    into flows of a packet or two.
    """
    for port, (least, most) in _REFUSALS.items():
        mine = table["tcp"] & (table["port"] == port)
        refused = mine & (table["answer"] >= least) & (table["answer"] < most) & (table["sent"] > 0)
        sessions = mine & (table["answer"] >= most)
        if refused.sum() >= max(_REFUSED_LOGINS, _REFUSED_SHARE * sessions.sum()):
            text = f"guessed passwords: {int(refused.sum()):,} logins to port {port}"
            text += f" ({LOGIN_PORTS[port]}) were refused and {int(sessions.sum()):,} let in"
            yield Sign(np.flatnonzero(mine & ~sessions), text)
