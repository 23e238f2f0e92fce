"""Which packets a flow consists of: moments, directions, flags and lengths that add up to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import ICMP, ICMP6, TCP, UDP

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_IP4_BYTES, _IP6_BYTES = 20, 40
_TCP_BYTES, _UDP_BYTES = 20, 8
_MOST_PACKET_BYTES = 1500
# Options of a packet and of a SYN: with time stamps, without, as scanners send, bare.
_TCP_OPTIONS = ((12, 20), (0, 12), (0, 4), (0, 0))
_GAP_SPREAD = 1.6


@dataclass(frozen=True)
class FlowCounts:
    """One flow as a meter counted it; times in µs, bytes of the IP layer."""

    start_us: int
    duration_us: int
    protocol: int
    src_packets: int
    dst_packets: int
    src_bytes: int
    dst_bytes: int
    state: str
    version: int = 4  # of IP


@dataclass(frozen=True)
class Plan:
    """The packets of one flow in time order, each array of shape ``(n_packets,)``.

    ``payload`` is what follows the transport header, ``options`` the bytes of TCP options.
    ``seq`` and ``ack`` count from 0 in each direction.
    """

    time_us: NDArray[np.int64]
    forward: NDArray[np.bool_]
    flags: NDArray[np.int64]
    options: NDArray[np.int64]
    payload: NDArray[np.int64]
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_us)


def plan(flow: FlowCounts, rng: np.random.Generator) -> Plan:
    """The packets of a flow: as many, as long and as far apart as it says.

    Raises
    ------
    SourceError
        If its bytes do not even pay for the headers of its packets.
    """
    forward, flags = _tcp_order(flow) if flow.protocol == TCP else _even_order(flow)
    n = len(forward)
    options, payload = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for side, total in ((True, flow.src_bytes), (False, flow.dst_bytes)):
        rows = np.flatnonzero(forward == side)
        options[rows], payload[rows] = _lengths(flow, flags[rows], total)
    seq, ack = _sequence(forward, flags, payload)
    flags = flags | np.where((payload > 0) & (flow.protocol == TCP), PSH, 0)
    return Plan(_times(flow, n, flags, rng), forward, flags, options, payload, seq, ack)


def _tcp_order(flow: FlowCounts) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Directions and flags in time order, by the state of the connection."""
    src, dst = flow.src_packets, flow.dst_packets
    if flow.state == "noreply" and not dst:
        return np.ones(src, np.bool_), np.full(src, SYN)
    if flow.state == "rejected":
        return _merge([SYN] * src, [RST | ACK] * dst)
    if flow.state == "half":
        return _merge([SYN] * src, [SYN | ACK] * dst)
    ours, theirs = [ACK] * src, [ACK] * dst
    if flow.state != "mid" and ours:
        ours[0] = SYN
        if theirs:
            theirs[0] = SYN | ACK
    begins = min(1, dst) + min(2, src) if flow.state != "mid" else 0
    ends = 0
    if flow.state == "reset" and src > 1:
        ours[-1], ends = RST | ACK, 1
    elif flow.state == "done" and src > 2 and dst > 1:
        closing = -2 if src > 3 else -1
        ours[closing], theirs[-1] = FIN | ACK, FIN | ACK
        ends = 1 - closing
    return _merge(ours, theirs, begins=begins, ends=ends)


def _merge(
    ours: list[int], theirs: list[int], begins: int = 0, ends: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Both directions as evenly mixed as they come, ours first; handshake and end in place."""
    position = np.concatenate(
        [
            np.arange(len(ours)) / max(len(ours), 1),
            (np.arange(len(theirs)) + 0.5) / max(len(theirs), 1),
        ]
    )
    flags = np.array([*ours, *theirs], np.int64)
    forward = np.arange(len(flags)) < len(ours)
    if begins:
        # SYN, SYN-ACK, ACK stand first.
        position[: min(2, len(ours))] = [-3.0, -1.0][: min(2, len(ours))]
        position[len(ours) : len(ours) + min(1, len(theirs))] = -2.0
    if ends == 1:
        position[len(ours) - 1] = 2.0
    elif ends:
        position[len(ours) - ends + 1 : len(ours)] = [2.0, 4.0][: ends - 1]
        position[-1] = 3.0
    order = np.argsort(position, kind="stable")
    return forward[order], flags[order]


def _even_order(flow: FlowCounts) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    return _merge([0] * flow.src_packets, [0] * flow.dst_packets)


def _lengths(
    flow: FlowCounts, flags: NDArray[np.int64], total: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Options and payload of the packets of one direction, which add up to its bytes."""
    n = len(flags)
    header = _IP4_BYTES if flow.version == 4 else _IP6_BYTES
    header += {TCP: _TCP_BYTES, UDP: _UDP_BYTES, ICMP: _UDP_BYTES, ICMP6: _UDP_BYTES}.get(
        flow.protocol, 0
    )
    if total < n * header:
        raise SourceError(
            f"A flow has {total} bytes in {n} packets, less than the headers of protocol "
            f"{flow.protocol}; give bytes of the IP layer."
        )
    free = total - n * header
    if flow.protocol != TCP or not n:
        return np.zeros(n, np.int64), _spread(free, np.arange(n), n)
    is_syn = (flags & SYN) > 0
    carriers = np.flatnonzero((flags & (SYN | FIN | RST)) == 0)
    if len(carriers) > 2 and is_syn.any():
        carriers = carriers[1:]  # the handshake's ACK carries nothing
    for plain, of_syn in _TCP_OPTIONS:
        options = np.where(is_syn, of_syn, plain)
        left = free - int(options.sum())
        room = _MOST_PACKET_BYTES - header - plain
        if left == 0 or 0 < left <= room * len(carriers):
            return options, _spread(left, carriers, n, room)
    # More than fits: every packet carries a part, as with segments put together by the card.
    return np.zeros(n, np.int64), _spread(free, carriers if len(carriers) else np.arange(n), n)


def _spread(
    free: int, carriers: NDArray[np.int64], n: int, room: int | None = None
) -> NDArray[np.int64]:
    """Payload bytes shared out: over half of the carriers, or as many as it takes."""
    payload = np.zeros(n, np.int64)
    if not free or not len(carriers):
        return payload
    wanted = len(carriers) if room is None else max(-(-free // room), -(-len(carriers) // 2))
    n_chosen = min(max(wanted, 1), free, len(carriers))
    chosen = carriers[np.arange(n_chosen) * len(carriers) // n_chosen]
    payload[chosen] = free // len(chosen)
    payload[chosen[: free % len(chosen)]] += 1
    return payload


def _sequence(
    forward: NDArray[np.bool_], flags: NDArray[np.int64], payload: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sequence and acknowledgement numbers; a SYN and a FIN count one each."""
    is_syn = (flags & SYN) > 0
    first_syn = np.zeros(len(flags), np.bool_)
    for side in (True, False):
        rows = np.flatnonzero((forward == side) & is_syn)
        first_syn[rows[:1]] = True  # the others are sent again, with the same number
    used = payload + first_syn + ((flags & FIN) > 0)
    ours, theirs = np.cumsum(used * forward), np.cumsum(used * ~forward)
    seq = np.where(forward, ours, theirs) - used
    seq[is_syn & ~first_syn] = 0
    return seq, np.where(forward, theirs, ours)


def _times(
    flow: FlowCounts, n: int, flags: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Moments of the packets in µs: the first at the start, the last when the flow ends."""
    if n < 2:
        return np.full(n, flow.start_us, np.int64)
    gaps = rng.lognormal(0, _GAP_SPREAD, n - 1)
    if ((flags & SYN) > 0).all() and n < 20:
        gaps = np.exp2(np.arange(n - 1.0))  # a SYN is sent again after twice the time
    share = np.append(0, np.cumsum(gaps)) / gaps.sum()
    at: NDArray[np.int64] = flow.start_us + np.rint(flow.duration_us * share).astype(np.int64)
    at[-1] = flow.start_us + flow.duration_us
    return at
