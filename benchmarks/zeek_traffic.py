"""Lines of a conn.log as a busy network writes them: synthetic office flows that end now.

Every so often a flow that nobody is used to, from a host of its own: each is one alert and no
crowd, so that none is folded into an incident's later lines.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.synthesis.request import SynthesisRequest, synthesise

FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration",
    "orig_bytes", "resp_bytes", "conn_state", "orig_pkts", "orig_ip_bytes", "resp_pkts",
    "resp_ip_bytes",
)  # fmt: skip
HEAD = "#separator \\x09\n#set_separator\t,\n#path\tconn\n#fields\t" + "\t".join(FIELDS) + "\n"

_STATES = {
    "done": "SF", "noreply": "S0", "rejected": "REJ", "reset": "RSTR", "half": "SH",
    "open": "S1", "mid": "OTH",
}  # fmt: skip
_PROTOCOLS = {6.0: "tcp", 17.0: "udp", 1.0: "icmp"}
_LONGEST_MS = 50.0
_SHORTEST_HEADERS = 28  # bytes of IP and UDP


@dataclass
class ZeekTraffic:
    """An endless conn.log.

    Parameters
    ----------
    odd_every
        One odd flow among so many.
    spoofed
        Whether every flow comes from a source of its own, as in a flood with forged addresses.
    """

    odd_every: int = 100
    spoofed: bool = False
    seed: int = 1
    written: int = 0
    _templates: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        flows = synthesise(SynthesisRequest(flows=20_000, seed=self.seed))
        self._templates = list(_templates(flows))
        self._turn = itertools.cycle(self._templates)

    def lines(self, n: int, now_s: float) -> list[tuple[str, str, bool]]:
        """The next ``n`` flows that end now: uid, line, and whether the flow is odd."""
        return [self._line(now_s) for _ in range(n)]

    def _line(self, now_s: float) -> tuple[str, str, bool]:
        self.written += 1
        n, uid = self.written, f"C{self.written:012d}"
        if self.spoofed:
            source = f"{1 + n % 9}.{(n >> 16) & 255}.{(n >> 8) & 255}.{n & 255}"
            rest = f"{source}\t{1024 + n % 60000}\t10.20.0.5\t80\ttcp\t-\t0\t0\tS0\t1\t40\t0\t0"
            return uid, f"{now_s:.6f}\t{uid}\t{rest}\n", False
        if self.odd_every and n % self.odd_every == 0:
            host = f"10.{77 + (n >> 24) % 8}.{(n >> 16) & 255}.{(n // self.odd_every) & 255}"
            rest = (
                f"{host}\t{40000 + n % 20000}\t203.0.113.{n % 250}\t4444\ttcp\t3.0\t90000000\t0"
                "\tRSTR\t61000\t92440000\t1\t40"
            )
            return uid, f"{now_s - 3.0:.6f}\t{uid}\t{rest}\n", True
        duration_s, rest = next(self._turn)
        return uid, f"{now_s - duration_s:.6f}\t{uid}\t{rest}\n", False


def _templates(flows: Flows) -> Iterator[tuple[float, str]]:
    """Duration in seconds and the line behind the uid, of each benign flow."""
    names = (
        "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "bidirectional_duration_ms",
        "src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes", "state",
    )  # fmt: skip
    for row in zip(*(flows.columns[name].tolist() for name in names), strict=True):
        flow = dict(zip(names, row, strict=True))
        # An office in fast motion: flows that last minutes would overtake thousands of others.
        flow["bidirectional_duration_ms"] = min(flow["bidirectional_duration_ms"], _LONGEST_MS)
        yield flow["bidirectional_duration_ms"] / 1000.0, _rest(flow)


def _rest(flow: dict[str, Any]) -> str:
    payload = [
        max(0, int(flow[f"{way}_bytes"]) - _SHORTEST_HEADERS * int(flow[f"{way}_packets"]))
        for way in ("src2dst", "dst2src")
    ]
    cells = (
        flow["src_ip"], _port(flow["src_port"]), flow["dst_ip"], _port(flow["dst_port"]),
        _PROTOCOLS.get(flow["protocol"], "unknown_transport"),
        f"{flow['bidirectional_duration_ms'] / 1000.0:.6f}", *payload, _STATES[flow["state"]],
        int(flow["src2dst_packets"]), int(flow["src2dst_bytes"]), int(flow["dst2src_packets"]),
        int(flow["dst2src_bytes"]),
    )  # fmt: skip
    return "\t".join(str(cell) for cell in cells)


def _port(port: float) -> int:
    return 0 if math.isnan(port) else int(port)  # ICMP has none
