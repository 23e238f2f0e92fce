"""Flows as a capture: a classic pcap file whose packets add up to each flow."""

import heapq
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeguard_core.errors import SourceError
from edgeguard_core.files import whole_file
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.synthesis.draws import generator
from edgeguard_core.sources.synthesis.frames import Endpoints, Filler
from edgeguard_core.sources.synthesis.packet_plan import FlowCounts, Plan, plan

MOST_PACKETS = 5_000_000
WHOLE_PACKETS = 65_535
"""Bytes kept of each packet when all are."""

_MAGIC, _ETHERNET = 0xA1B2C3D4, 1
_US_PER_MS, _US_PER_S = 1000, 1_000_000
_NEEDED = (
    "src_ip", "dst_ip", "protocol", "bidirectional_first_seen_ms", "bidirectional_duration_ms",
    "src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes", "state",
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """What a capture holds: packets, and their bytes at the IP layer."""

    packets: int
    ip_bytes: int


@dataclass
class _Running:
    """A flow whose packets are being written."""

    ends: Endpoints
    packets: Plan
    first_number: int


def write_pcap(
    path: Path,
    flows: Flows,
    seed: int = 0,
    *,
    keep_bytes: int = WHOLE_PACKETS,
    most_packets: int = MOST_PACKETS,
) -> Written:
    """The packets and IP bytes of a capture whose flows are these.

    Little-endian pcap with microseconds, Ethernet, IPv4 and IPv6. Each flow has its packets,
    bytes, duration and the flags of its state; all flows run side by side in time order.
    Payload is filler without meaning.

    Parameters
    ----------
    path
        Written whole or not at all.
    flows
        Canonical flows with addresses, times, packets and bytes.
    seed
        Draws the gaps between packets and the filler.
    keep_bytes
        Of each packet so many bytes are kept, the lengths stated in full, as ``tcpdump -s``
        does it: 96 keep all headers.
    most_packets
        More are refused, before anything is written.

    Raises
    ------
    SourceError
        If there are too many packets, or some flow cannot be one of packets.
    OutputError
        If the file cannot be written.
    """
    _require_packets(flows, most_packets)
    filler = Filler(seed)
    n_packets = n_bytes = 0
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        stream.write(struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, WHOLE_PACKETS, _ETHERNET))
        for at_us, flow, k in _in_time_order(flows, seed):
            packets = flow.packets
            frame, length = flow.ends.frame(
                forward=bool(packets.forward[k]),
                number=flow.first_number + k,
                flags=int(packets.flags[k]),
                options=int(packets.options[k]),
                payload=int(packets.payload[k]),
                seq=int(packets.seq[k]) + flow.first_number,
                ack=_acknowledged(packets, k, flow.first_number),
                filler=filler,
                keep=keep_bytes,
            )
            stamp = divmod(at_us, _US_PER_S)
            stream.write(struct.pack("<IIII", *stamp, len(frame), length) + frame)
            n_packets += 1
            n_bytes += length - 14
    return Written(n_packets, n_bytes)


def _acknowledged(packets: Plan, k: int, first_number: int) -> int:
    """The acknowledgement number; 0 in a packet that acknowledges nothing."""
    return int(packets.ack[k]) + first_number if int(packets.flags[k]) & 16 else 0


def _require_packets(flows: Flows, most: int) -> None:
    if lacking := [name for name in _NEEDED if name not in flows.columns]:
        raise SourceError(
            f"Flows without {', '.join(lacking)} make no capture; give canonical flows."
        )
    counted = [flows.columns[name] for name in _NEEDED[3:9]]
    if any(np.isnan(values).any() for values in counted):
        raise SourceError(
            "Some flows lack their time, packets or bytes, so they make no capture; "
            "write CSV or Parquet."
        )
    n = int(sum(flows.columns[f"{side}_packets"].sum() for side in ("src2dst", "dst2src")))
    if n > most:
        raise SourceError(
            f"The flows have {n:,} packets, and a capture takes at most {most:,}; ask for fewer "
            "hours or smaller flows, or write CSV or Parquet."
        )


def _in_time_order(flows: Flows, seed: int) -> Iterator[tuple[int, _Running, int]]:
    """Each packet of all flows: its moment in µs, its flow, and its place there.

    Only flows that are under way are held.
    """
    start = flows.columns["bidirectional_first_seen_ms"]
    waiting: list[tuple[int, int, int, _Running]] = []
    for row in np.argsort(start, kind="stable").tolist():
        flow = _running(flows, row, seed)
        if not len(flow.packets):
            continue
        begin = int(flow.packets.time_us[0])
        while waiting and waiting[0][0] < begin:
            yield _next(waiting)
        heapq.heappush(waiting, (begin, row, 0, flow))
    while waiting:
        yield _next(waiting)


def _next(waiting: list[tuple[int, int, int, _Running]]) -> tuple[int, _Running, int]:
    at_us, row, k, flow = waiting[0]
    if k + 1 < len(flow.packets):
        heapq.heapreplace(waiting, (int(flow.packets.time_us[k + 1]), row, k + 1, flow))
    else:
        heapq.heappop(waiting)
    return at_us, flow, k


def _running(flows: Flows, row: int, seed: int) -> _Running:
    columns = flows.columns
    protocol = int(columns["protocol"][row])
    ports = [columns[name][row] if name in columns else np.nan for name in ("src_port", "dst_port")]
    sport, dport = (0 if np.isnan(port) else int(port) for port in ports)
    ends = Endpoints(columns["src_ip"][row], columns["dst_ip"][row], (sport, dport), protocol)
    counts = FlowCounts(
        start_us=round(columns["bidirectional_first_seen_ms"][row] * _US_PER_MS),
        duration_us=round(columns["bidirectional_duration_ms"][row] * _US_PER_MS),
        protocol=protocol,
        src_packets=int(columns["src2dst_packets"][row]),
        dst_packets=int(columns["dst2src_packets"][row]),
        src_bytes=int(columns["src2dst_bytes"][row]),
        dst_bytes=int(columns["dst2src_bytes"][row]),
        state=str(columns["state"][row]),
        version=ends.version,
    )
    rng = generator(seed, "packets", row)
    return _Running(ends, plan(counts, rng), int(rng.integers(1, 2**31)))
