"""What one flow consists of: packets, IP-layer bytes, duration and state that fit together.

The states are those of the canonical flow. Every shape keeps the headers paid for (at least
40 bytes a TCP packet over IPv4) and no packet above 1,500 bytes, so a capture can be written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import ICMP, ICMP6, TCP, UDP
from edgeguard_core.sources.synthesis.draws import ONE, Size, counts

MOST_PACKET_BYTES = 1500
UDP_HEADERS, UDP6_HEADERS = 28, 48  # IP and UDP (or ICMP, whose header is as long)
RST_BYTES = 40
MS_PER_S = 1000.0
# IP and TCP headers, and what a SYN has more: Windows without, Linux and phones with stamps.
_TCP_STYLES = np.array([(40, 12), (52, 8)], float)
_INITIAL_WINDOW_PACKETS = 10  # RFC 6928
_IDLE_MS = Size(400, 2.0, tail=0.02, most=4e6)
_BETWEEN_PACKETS_MS = Size(900, 1.0, tail=0.02, most=6e4)
_TIMER_MS = 1000.0  # first retransmission of a SYN (RFC 6298), doubled each time
_BITS_PER_MBIT_MS = 1000.0


@dataclass(frozen=True)
class Path:
    """How far away the other end is: round trip in ms, and throughput in Mbit/s."""

    rtt_ms: Size
    mbit: Size


LAN = Path(Size(0.6, 0.6, tail=0.02), Size(300, 0.6, most=940))
INTERNET = Path(Size(24, 0.7, tail=0.02, most=1500), Size(18, 0.9, most=400))


@dataclass(frozen=True)
class Shape:
    """What a meter counts of some flows, each of shape ``(n,)``."""

    protocol: int
    duration_ms: NDArray[np.float64]
    src_packets: NDArray[np.float64]
    dst_packets: NDArray[np.float64]
    src_bytes: NDArray[np.float64]
    dst_bytes: NDArray[np.float64]
    state: NDArray[np.object_]


class Exchange(Protocol):
    """A kind of conversation that can be drawn any number of times."""

    def draw(self, rng: np.random.Generator, n: int, path: Path) -> Shape:
        """``n`` flows of it, over a path."""


USUAL_OUTCOMES: Mapping[str, float] = {
    "done": 0.9, "reset": 0.05, "open": 0.025, "noreply": 0.013, "rejected": 0.007,
    "half": 0.003, "mid": 0.002,
}  # fmt: skip


@dataclass(frozen=True)
class Tcp:
    """Connections that carry ``up`` and ``down`` bytes of payload, and idle for ``hold_ms``.

    A protocol of small messages fills its packets with ``segment`` bytes at most.
    ``outcomes`` gives the share of each state; those that failed carry no payload.
    """

    up: Size
    down: Size
    hold_ms: Size = _IDLE_MS
    outcomes: Mapping[str, float] = field(default_factory=lambda: USUAL_OUTCOMES)
    segment: int = MOST_PACKET_BYTES

    def draw(self, rng: np.random.Generator, n: int, path: Path) -> Shape:
        """``n`` connections over a path."""
        state = _pick(rng, self.outcomes, n)
        style = _TCP_STYLES[rng.integers(0, len(_TCP_STYLES), n)]
        rtt = path.rtt_ms.draw(rng, n)
        up, down = np.ceil(self.up.draw(rng, n)), np.ceil(self.down.draw(rng, n))
        talk = _conversation(rng, up, down, style, state, self.segment)
        rounds = 2 + np.log2(1 + (talk.up_packets + talk.down_packets) / _INITIAL_WINDOW_PACKETS)
        wire_ms = 8 * (up + down) / (path.mbit.draw(rng, n) * _BITS_PER_MBIT_MS)
        # Somebody waits at some time during a connection: a person, a timer, or a disk.
        duration = rtt * rounds + wire_ms + self.hold_ms.draw(rng, n)
        shape = Shape(
            TCP, duration, talk.src_packets, talk.dst_packets, talk.src_bytes, talk.dst_bytes, state
        )
        _fail(rng, shape, rtt, style.sum(axis=1))
        return shape


@dataclass(frozen=True)
class _Talk:
    up_packets: NDArray[np.float64]
    down_packets: NDArray[np.float64]
    src_packets: NDArray[np.float64]
    dst_packets: NDArray[np.float64]
    src_bytes: NDArray[np.float64]
    dst_bytes: NDArray[np.float64]


def _conversation(
    rng: np.random.Generator,
    up: NDArray[np.float64],
    down: NDArray[np.float64],
    style: NDArray[np.float64],
    state: NDArray[np.object_],
    segment: int,
) -> _Talk:
    """Packets and bytes of connections that came about: handshake, data, ACKs, goodbye."""
    header, syn_extra = style[:, 0], style[:, 1]
    room = np.minimum(MOST_PACKET_BYTES - header, segment)
    up_packets, down_packets = np.ceil(up / room), np.ceil(down / room)
    per_ack = rng.uniform(1.5, 2.5, len(up))
    seen_syn = state != "mid"
    fin_back = state == "done"
    goodbye = 2 * fin_back + (state == "reset")  # FIN and the last ACK, or RST
    src = up_packets + np.ceil(down_packets / per_ack) + 2 * seen_syn + goodbye
    dst = down_packets + np.ceil(up_packets / per_ack) + seen_syn + fin_back
    return _Talk(
        up_packets,
        down_packets,
        src_packets=src,
        dst_packets=dst,
        src_bytes=up + header * src + syn_extra * seen_syn,
        dst_bytes=down + header * dst + syn_extra * seen_syn,
    )


def _fail(
    rng: np.random.Generator,
    shape: Shape,
    rtt: NDArray[np.float64],
    syn_bytes: NDArray[np.float64],
) -> None:
    """Overwrite the flows whose state says that nothing came about."""
    n = len(rtt)
    retries = np.minimum(rng.geometric(0.45, n) - 1, 6)
    waited = (2.0**retries - 1) * _TIMER_MS + rng.uniform(0, 4, n) * (retries > 0)
    again = rng.integers(1, 4, n)  # Windows asks up to three times
    # Two packets are never at the same moment.
    quick = np.maximum(rtt, 0.01)
    one, none = np.ones(n), np.zeros(n)
    failures = {
        "noreply": (waited, retries + 1, none, none),
        "rejected": (quick + 500.0 * (again - 1), again, again, one * RST_BYTES),
        "half": (quick + waited, one, retries + 1, syn_bytes),
    }
    for word, (duration, sent, answered, answer_bytes) in failures.items():
        rows = shape.state == word
        columns = (
            (shape.duration_ms, duration),
            (shape.src_packets, sent),
            (shape.src_bytes, sent * syn_bytes),
            (shape.dst_packets, answered),
            (shape.dst_bytes, answered * answer_bytes),
        )
        for target, values in columns:
            target[rows] = values[rows]


@dataclass(frozen=True)
class Udp:
    """Requests of ``request`` payload bytes and replies of ``reply``; sometimes none comes.

    Each direction sends ``packets``; where none answers the request goes out again after
    ``retry_ms``. ``reply`` None is an announcement that nobody answers.
    """

    request: Size
    reply: Size | None = None
    packets: Size = ONE
    gap_ms: Size = _BETWEEN_PACKETS_MS
    unanswered: float = 0.02
    retry_ms: float = 5000.0
    headers: int = UDP_HEADERS

    def draw(self, rng: np.random.Generator, n: int, path: Path) -> Shape:
        """``n`` exchanges over a path."""
        src_packets = counts(self.packets.draw(rng, n))
        lost = rng.random(n) < (1.0 if self.reply is None else self.unanswered)
        if self.reply is not None:
            src_packets += lost * rng.integers(0, 3, n)
        dst_packets = np.where(lost, 0, src_packets)
        gap = np.where(lost & (self.reply is not None), self.retry_ms, self.gap_ms.draw(rng, n))
        rtt = np.maximum(path.rtt_ms.draw(rng, n), 0.01)
        duration = (src_packets - 1) * gap * rng.uniform(0.98, 1.04, n) + np.where(lost, 0, rtt)
        reply = self.reply or self.request
        return Shape(
            UDP,
            duration,
            src_packets,
            dst_packets,
            self._bytes(rng, src_packets, self.request),
            self._bytes(rng, dst_packets, reply),
            np.where(lost, "noreply", "done").astype(object),
        )

    def _bytes(
        self, rng: np.random.Generator, packets: NDArray[np.float64], payload: Size
    ) -> NDArray[np.float64]:
        most = MOST_PACKET_BYTES - self.headers
        each = np.minimum(payload.draw(rng, len(packets)), most)
        return packets * self.headers + np.floor(packets * each)


@dataclass(frozen=True)
class Stream:
    """Calls and streams over UDP: ``lasts_ms`` at some packets a second each way."""

    lasts_ms: Size
    up_per_s: Size
    down_per_s: Size
    payload: Size

    def draw(self, rng: np.random.Generator, n: int, path: Path) -> Shape:
        """``n`` streams; the path's round trip passes at least."""
        duration = self.lasts_ms.draw(rng, n) + path.rtt_ms.draw(rng, n)
        seconds = duration / MS_PER_S
        sides = []
        for per_s in (self.up_per_s, self.down_per_s):
            packets = counts(seconds * per_s.draw(rng, n))
            each = np.minimum(self.payload.draw(rng, n), MOST_PACKET_BYTES - UDP_HEADERS)
            sides.append((packets, packets * UDP_HEADERS + np.floor(packets * each)))
        (src_packets, src_bytes), (dst_packets, dst_bytes) = sides
        state = np.full(n, "done", object)
        return Shape(UDP, duration, src_packets, dst_packets, src_bytes, dst_bytes, state)


@dataclass(frozen=True)
class Ping:
    """ICMP echoes a second apart, or (version 6, not answered) the talk of neighbours."""

    packets: Size = ONE
    payload: int = 56
    version: int = 4

    def draw(self, rng: np.random.Generator, n: int, path: Path) -> Shape:
        """``n`` exchanges over a path."""
        sent = counts(self.packets.draw(rng, n))
        answered = sent * (self.version == 4) * (rng.random(n) > 0.01)
        size = self.payload + (UDP_HEADERS if self.version == 4 else UDP6_HEADERS)
        rtt = np.maximum(path.rtt_ms.draw(rng, n), 0.01)
        duration = (sent - 1) * MS_PER_S * rng.uniform(1, 1.02, n) + rtt * (answered > 0)
        return Shape(
            ICMP if self.version == 4 else ICMP6,
            duration,
            sent,
            answered,
            sent * size,
            answered * size,
            np.full(n, "mid", object),
        )


def _pick(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.object_]:
    words = np.array(list(shares), object)
    edges = np.cumsum(list(shares.values()))
    drawn: NDArray[np.object_] = words[
        np.searchsorted(edges, rng.random(n) * edges[-1], side="right")
    ]
    return drawn
