"""Labelled attacks at three strengths, as the flows that a meter would make of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import TCP, UDP
from edgeguard_core.sources.synthesis.arrivals import MS_PER_DAY, MS_PER_HOUR
from edgeguard_core.sources.synthesis.draws import Size, counts, generator
from edgeguard_core.sources.synthesis.exchanges import (
    INTERNET,
    LAN,
    RST_BYTES,
    UDP_HEADERS,
    Path,
    Tcp,
)
from edgeguard_core.sources.synthesis.rows import EPHEMERAL, Rows

STRENGTHS = ("low", "medium", "high")
"""low is slow, small and near the normal; high is what a tool does at full speed."""

# Networks for documentation (RFC 5737): no synthesised attacker is somebody's address.
_ATTACKERS, _CONTROLLERS = "203.0.113", "192.0.2"
_SYN_BYTES = 44  # with the segment size alone, as scanners send it
_HORIZONTAL_PORTS = (445, 22, 23)
_WELL_KNOWN = (80, 443, 22, 21, 25, 110, 143, 3306, 3389, 5432, 5900, 6379, 8080, 8443)
_REFLECTED_PORTS = (53, 123, 1900)
_FIRST_USER_PORT, _N_PORTS = 1024, 65_536
_ODD_HOURS = (0.5, 4.5)  # of the day in UTC, when nobody is at work


@dataclass(frozen=True)
class Cast:
    """Whom attacks meet: the hosts of a network, and the time they fall into.

    Attributes
    ----------
    hosts
        Internal IPv4 addresses.
    servers
        Those of them that others connect to, the busiest first.
    start_ms, end_ms
        The time of the network's own flows.
    """

    hosts: tuple[str, ...]
    servers: tuple[str, ...]
    start_ms: float
    end_ms: float

    @property
    def victim(self) -> str:
        """The host that most others connect to."""
        return (self.servers or self.hosts)[0]

    def insider(self, rng: np.random.Generator) -> str:
        """A host of the network that somebody took over; not the victim where there is another."""
        others = [host for host in self.hosts if host != self.victim]
        return str(rng.choice(others)) if others else self.victim


Attack = Callable[[Cast, int, np.random.Generator], Rows]
"""Flows from offset 0 ms on, by cast, strength 0 to 2 and generator; the kind is set later."""


def attack_rows(kind: str, strength: str, cast: Cast, seed: int) -> Rows:
    """The flows of one attack, within the time of the cast and in time order.

    An attack that takes longer than there is time is run faster.

    Raises
    ------
    SourceError
        If there is no such kind or strength.
    """
    level = _level(strength)
    require_kinds((kind,))
    rng = generator(seed, "attack", kind, level)
    rows = ATTACKS[kind](cast, level, rng)
    span = cast.end_ms - cast.start_ms
    last = float(rows.start_ms.max())
    pace = min(1.0, 0.9 * span / last) if last > 0 else 1.0
    offset = rows.start_ms * pace
    begin = _beginning(kind, cast, span - last * pace, rng)
    changed = {"start_ms": begin + offset, "kind": np.full(len(rows), kind, object)}
    return Rows(**(vars(rows) | changed)).in_time_order()


def require_kinds(kinds: tuple[str, ...]) -> None:
    """Nothing where every kind is known.

    Raises
    ------
    SourceError
        Naming the one that is not, and those there are.
    """
    for kind in kinds:
        if kind not in ATTACKS:
            raise SourceError(f"No attack is called {kind!r}; there are {', '.join(ATTACKS)}.")


def _level(strength: str) -> int:
    if strength not in STRENGTHS:
        raise SourceError(f"Strength {strength!r} is not known; use {', '.join(STRENGTHS)}.")
    return STRENGTHS.index(strength)


def _beginning(kind: str, cast: Cast, room: float, rng: np.random.Generator) -> float:
    """When an attack begins: any time that leaves room, for theft a night where there is one."""
    anywhere = cast.start_ms + rng.uniform(0, 1) * max(room, 0.0)
    if kind != "exfiltration":
        return anywhere
    first_day = cast.start_ms // MS_PER_DAY * MS_PER_DAY
    nights = np.arange(first_day, cast.end_ms, MS_PER_DAY)
    at = nights + rng.uniform(*_ODD_HOURS, len(nights)) * MS_PER_HOUR
    fitting = at[(at >= cast.start_ms) & (at <= cast.start_ms + room)]
    return float(rng.choice(fitting)) if len(fitting) else anywhere


def _syn_flood(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """SYNs from forged addresses; some the victim answers, and again, and nobody replies."""
    n = (60, 400, 2000)[level]
    answered = rng.random(n) < (0.5, 0.25, 0.05)[level]
    replies = answered * rng.integers(1, 6, n)
    forged = _forged(rng, (8, 120, n)[level])
    return _rows(
        n,
        start_ms=_poisson(rng, n, (1000, 50, 2)[level]),
        duration_ms=np.where(answered, (2.0**replies - 2) * 1000 + rng.uniform(0.1, 0.9, n), 0),
        src=forged[rng.integers(0, len(forged), n)],
        src_port=rng.integers(_FIRST_USER_PORT, _N_PORTS, n),
        dst=cast.victim,
        dst_port=(443, 443, 80)[level],
        src_packets=1,
        dst_packets=replies,
        src_bytes=(60, 52, 40)[level],
        dst_bytes=replies * _SYN_BYTES,
        state=np.where(answered, "half", "noreply").astype(object),
    )


def _horizontal_scan(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """One host of the network asks its neighbours for one port; few exist, fewer answer."""
    n = (40, 250, 1000)[level]
    insider = cast.insider(rng)
    first, second, third, _ = (int(part) for part in insider.split("."))
    numbers = rng.permutation(254 * (1 + n // 200))[:n]
    nets = (third + numbers // 254) % 256
    targets = [
        f"{first}.{second}.{net}.{host}"
        for net, host in zip(nets.tolist(), (numbers % 254 + 1).tolist(), strict=True)
    ]
    dst = np.array(targets, object)
    there = np.isin(dst.astype(str), cast.hosts)
    state = np.where(there, _words(rng, n, rejected=0.8, reset=0.2), "noreply").astype(object)
    gap = (40_000, 250, 4)[level]
    return _probes(rng, state, insider, dst, _HORIZONTAL_PORTS[level], _poisson(rng, n, gap), LAN)


def _vertical_scan(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """One host asks another for many ports: closed ones refuse, filtered ones are silent."""
    n = (50, 300, 1500)[level]
    rest = rng.permutation(np.setdiff1d(np.arange(1, 4096), _WELL_KNOWN))
    ports = rng.permutation(np.concatenate([_WELL_KNOWN, rest[: n - len(_WELL_KNOWN)]]))
    state = _words(rng, n, rejected=0.76, noreply=0.2, reset=0.04)
    at = _poisson(rng, n, (15_000, 300, 3)[level])
    source = cast.insider(rng) if level == 0 else _outsider(rng)
    return _probes(rng, state, source, cast.victim, ports, at, LAN if level == 0 else INTERNET)


def _probes(
    rng: np.random.Generator,
    state: NDArray[np.object_],
    src: str,
    dst: Any,
    dst_port: Any,
    at_ms: NDArray[np.float64],
    path: Path,
) -> Rows:
    """Half-open probes: SYN; and nothing, RST, or SYN-ACK which the scanner resets."""
    n = len(state)
    silent, open_ = state == "noreply", state == "reset"
    again = silent & (rng.random(n) < 0.3)
    rtt = np.maximum(path.rtt_ms.draw(rng, n), 0.01)
    return _rows(
        n,
        start_ms=at_ms,
        duration_ms=np.where(silent, again * rng.uniform(995, 1012, n), rtt * (1 + open_)),
        src=src,
        src_port=EPHEMERAL,
        dst=dst,
        dst_port=dst_port,
        src_packets=1 + again + open_,
        dst_packets=~silent,
        src_bytes=_SYN_BYTES * (1 + again) + RST_BYTES * open_,
        dst_bytes=np.where(silent, 0, np.where(open_, _SYN_BYTES, RST_BYTES)),
        state=state,
    )


def _brute_force(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """Password after password over SSH; each connection ends after a few wrong ones."""
    n = (25, 150, 600)[level]
    attempt = Tcp(
        up=Size(1900, 0.1),
        down=Size(2700, 0.07),
        hold_ms=Size((3500, 2300, 1900)[level], 0.3),
        segment=240,
        outcomes={"done": 0.85, "reset": 0.12, "open": 0.03},
    )
    source = cast.insider(rng) if level == 0 else _outsider(rng)
    at = _poisson(rng, n, (60_000, 3000, 200)[level])
    return _talk(rng, attempt, at, source, cast.victim, 22, LAN if level == 0 else INTERNET)


def _beaconing(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """A host that asks its controller for orders, again and again, and mostly gets none."""
    n = (40, 120, 400)[level]
    every_ms, jitter = ((600_000, 0.4), (90_000, 0.15), (10_000, 0.02))[level]
    question = Tcp(
        up=(Size(620, 0.4), Size(340, 0.1), Size(188, 0.01))[level],
        down=(Size(1300, 0.6), Size(210, 0.15), Size(96, 0.01))[level],
        hold_ms=Size(60, 0.8),
        outcomes={"done": 0.97, "noreply": 0.02, "reset": 0.01},
    )
    at = np.cumsum(every_ms * (1 + jitter * rng.uniform(-1, 1, n)))
    port = (443, 4444, 4444)[level]
    controller = f"{_CONTROLLERS}.{rng.integers(1, 255)}"
    return _talk(rng, question, at - at[0], cast.insider(rng), controller, port, INTERNET)


def _exfiltration(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """A host that sends far more out than it gets, at night."""
    n = (4, 12, 30)[level]
    theft = Tcp(
        up=Size((4e6, 6e7, 8e8)[level], 0.6, most=4e9),
        down=Size(4000, 0.4),
        hold_ms=Size(500, 1.0),
        outcomes={"done": 0.9, "reset": 0.1},
    )
    at = _poisson(rng, n, (1_200_000, 300_000, 120_000)[level])
    port = (443, 443, 9001)[level]
    thief = f"{_CONTROLLERS}.{rng.integers(1, 255)}"
    return _talk(rng, theft, at, cast.insider(rng), thief, port, INTERNET)


def _amplification(cast: Cast, level: int, rng: np.random.Generator) -> Rows:
    """Small forged requests, large replies: some hit the victim, some come from its network."""
    n = (60, 400, 2000)[level]
    n_hits = n // 2
    port = np.array(_REFLECTED_PORTS)[rng.integers(0, len(_REFLECTED_PORTS), n)]
    packets = counts(Size((2, 6, 40)[level], 0.4, most=200).draw(rng, n))
    payload = np.floor(packets * np.minimum(Size((480, 900, 1300)[level], 0.15).draw(rng, n), 1472))
    hit = np.arange(n) < n_hits  # replies of reflectors elsewhere; the rest asks one's own
    reflectors, targets = _forged(rng, (20, 80, 300)[level]), _forged(rng, 3)
    requests = rng.integers(1, (3, 4, 6)[level], n)
    src = np.where(hit, reflectors[rng.integers(0, len(reflectors), n)], targets[level])
    reply_bytes = packets * UDP_HEADERS + payload
    return _rows(
        n,
        start_ms=rng.permutation(_poisson(rng, n, (5000, 100, 3)[level])),
        duration_ms=(packets - 1) * Size(0.8, 0.6).draw(rng, n) + np.where(hit, 0, 0.6),
        src=src,
        src_port=np.where(hit, port, rng.integers(_FIRST_USER_PORT, _N_PORTS, n)),
        dst=cast.victim,
        dst_port=np.where(hit, rng.integers(_FIRST_USER_PORT, _N_PORTS, n), port),
        protocol=UDP,
        src_packets=np.where(hit, packets, requests),
        dst_packets=np.where(hit, 0, packets),
        src_bytes=np.where(hit, reply_bytes, requests * (UDP_HEADERS + 34)),
        dst_bytes=np.where(hit, 0, reply_bytes),
        state=np.where(hit, "noreply", "done").astype(object),
    )


ATTACKS: Mapping[str, Attack] = {
    "syn_flood": _syn_flood,
    "horizontal_scan": _horizontal_scan,
    "vertical_scan": _vertical_scan,
    "brute_force": _brute_force,
    "beaconing": _beaconing,
    "exfiltration": _exfiltration,
    "amplification": _amplification,
}
"""What can be laid into traffic, by the name that becomes its class."""


def _rows(n: int, **columns: Any) -> Rows:
    return Rows.of(n, **({"kind": "", "protocol": TCP} | columns))


def _talk(
    rng: np.random.Generator,
    exchange: Tcp,
    at_ms: NDArray[np.float64],
    src: str,
    dst: str,
    dst_port: int,
    path: Path,
) -> Rows:
    """Connections of one host to one service of another."""
    shape = exchange.draw(rng, len(at_ms), path)
    places = {"src": src, "src_port": EPHEMERAL, "dst": dst, "dst_port": dst_port}
    return _rows(len(at_ms), start_ms=at_ms, **places, **vars(shape))


def _poisson(rng: np.random.Generator, n: int, gap_ms: float) -> NDArray[np.float64]:
    """Offsets of ``n`` events that come at random, the first one at 0."""
    at = np.cumsum(rng.exponential(gap_ms, n))
    return np.asarray(at - at[0])


def _words(rng: np.random.Generator, n: int, **shares: float) -> NDArray[np.object_]:
    return rng.choice(np.array(list(shares), object), n, p=list(shares.values()))


def _outsider(rng: np.random.Generator) -> str:
    return f"{_ATTACKERS}.{rng.integers(1, 255)}"


def _forged(rng: np.random.Generator, n: int) -> NDArray[np.object_]:
    """Public-looking addresses that nobody wrote from."""
    first = rng.choice(np.setdiff1d(np.arange(11, 191), [100, 127, 169, 172]), n)
    rest = rng.integers(1, 255, (n, 3))
    return np.array(
        [f"{a}.{b}.{c}.{d}" for a, (b, c, d) in zip(first.tolist(), rest.tolist(), strict=True)],
        object,
    )
