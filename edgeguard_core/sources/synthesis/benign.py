"""A day of a network's benign traffic, from its profile."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import ICMP, ICMP6
from edgeguard_core.sources.synthesis.arrivals import Starts
from edgeguard_core.sources.synthesis.draws import Size, generator
from edgeguard_core.sources.synthesis.exchanges import (
    INTERNET,
    LAN,
    Exchange,
    Path,
    Shape,
    Udp,
)
from edgeguard_core.sources.synthesis.profiles import WEB, Activity, Profile
from edgeguard_core.sources.synthesis.rows import BENIGN_KIND, EPHEMERAL, Rows

_N_SITES = 400
_SITE_POPULARITY = 1.1  # Zipf's exponent of web sites (Breslau et al. 1999: .64 to .83 by proxy)
_FIRST_HOST = 5
_SUBNET = "subnet"  # everybody, by its directed broadcast
_DNS_PORT = 53
_LOOKUP: Exchange = Udp(
    Size(34, 0.2), Size(110, 0.6, tail=0.03, most=1400), Size(1.2, 0.35), Size(20, 1.0)
)
# Some answers the resolver knows, the others it has to ask for.
_RESOLVER = Path(Size(3, 1.7, tail=0.02, most=3000), LAN.mbit)
_LOOKUP_LEAD_MS = Size(4, 0.9, most=300)


@dataclass(frozen=True)
class Site:
    """A network with its addresses: who has which, and whom they talk to outside.

    Outside addresses lie in 198.18.0.0/15, set aside for tests (RFC 2544), so that no
    synthesised file names a real service.
    """

    profile: Profile
    hosts: dict[str, tuple[str, ...]]  # by role
    seed: int
    outside: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile, seed: int) -> "Site":
        """The network of a profile; the seed draws the outside addresses."""
        hosts: dict[str, tuple[str, ...]] = {}
        number = _FIRST_HOST
        for role, count in profile.roles.items():
            if role == "gateway":
                hosts[role] = (f"{profile.network}.1",)
                continue
            hosts[role] = tuple(f"{profile.network}.{number + i}" for i in range(count))
            number += count
        rng = generator(seed, "outside")
        names = {a.to for a in profile.activities} - hosts.keys() - {WEB, _SUBNET}
        outside = {name: _outside(rng, 3) for name in sorted(names) if not _is_address(name)}
        outside[WEB] = _outside(rng, _N_SITES)
        return cls(profile, hosts, seed, outside)

    def targets(self, activity: Activity) -> tuple[str, ...]:
        """The addresses that an activity may go to, the most popular first."""
        if activity.to == _SUBNET:
            return (f"{self.profile.network}.255",)
        return self.hosts.get(activity.to) or self.outside.get(activity.to) or (activity.to,)


def day(site: Site, day_ms: float) -> Rows:
    """All benign flows that begin by themselves on the UTC day beginning at ``day_ms``.

    In time order, without ephemeral ports. A day depends on the site and its date alone, so
    a longer request begins with the flows of a shorter one. A session that begins before
    midnight may go on for a while after it.
    """
    parts = []
    for number, activity in enumerate(site.profile.activities):
        rng = generator(site.seed, "day", int(day_ms // 1000), number)
        parts += _flows_of(site, activity, day_ms, rng)
    return Rows.concat(parts).in_time_order()


def _flows_of(
    site: Site, activity: Activity, day_ms: float, rng: np.random.Generator
) -> list[Rows]:
    hosts = site.hosts[activity.who]
    starts = activity.arrival.starts(rng, len(hosts), day_ms)
    n = len(starts.at_ms)
    inside = activity.to not in site.outside
    shape = activity.exchange.draw(rng, n, LAN if inside else INTERNET)
    targets = np.array(site.targets(activity), object)
    # The flows of one page go to a few places, one after the other by popularity.
    by_visit = _popular(rng, len(targets), int(starts.visit.max(initial=-1)) + 1)
    elsewhere = rng.random(n) < (0.5 if activity.to == WEB else 0.0)
    choice = np.where(elsewhere, _popular(rng, len(targets), n), by_visit[starts.visit])
    src = np.array(hosts, object)[starts.host]
    dst = targets[choice]
    flows = _rows(shape, starts.at_ms, _own_address(src, activity.to), dst, activity)
    return [flows, _lookups(site, activity, starts, src, day_ms, rng)]


def _rows(
    shape: Shape,
    at_ms: NDArray[np.float64],
    src: NDArray[np.object_],
    dst: NDArray[np.object_],
    activity: Activity,
) -> Rows:
    portless = shape.protocol in (ICMP, ICMP6)
    return Rows.of(
        len(at_ms),
        start_ms=at_ms,
        src=src,
        src_port=np.nan if portless else activity.source_port or EPHEMERAL,
        dst=dst,
        dst_port=np.nan if portless else activity.port,
        kind=BENIGN_KIND,
        **vars(shape),
    )


def _lookups(
    site: Site,
    activity: Activity,
    starts: Starts,
    src: NDArray[np.object_],
    day_ms: float,
    rng: np.random.Generator,
) -> Rows:
    """A DNS lookup just before the first flow of a share of the visits."""
    first = np.unique(starts.visit, return_index=True)[1]
    asking = first[rng.random(len(first)) < activity.lookup]
    shape = _LOOKUP.draw(rng, len(asking), _RESOLVER)
    begin = starts.at_ms[asking] - shape.duration_ms - _LOOKUP_LEAD_MS.draw(rng, len(asking))
    begin = np.maximum(begin, day_ms)
    (resolver,) = site.hosts[site.profile.resolver]
    mine = src[asking] != resolver
    rows = Rows.of(
        len(asking),
        start_ms=begin,
        src=src[asking],
        src_port=EPHEMERAL,
        dst=resolver,
        dst_port=_DNS_PORT,
        kind=BENIGN_KIND,
        **vars(shape),
    )
    return rows.select(mine)


def _own_address(src: NDArray[np.object_], to: str) -> NDArray[np.object_]:
    """The hosts' link-local IPv6 addresses where they speak to such a group."""
    if ":" not in to:
        return src
    return np.array([f"fe80::{int(address.rsplit('.', 1)[1]):x}" for address in src], object)


def _popular(rng: np.random.Generator, n_targets: int, n: int) -> NDArray[np.int64]:
    """Positions of targets, drawn by Zipf's law."""
    weights = 1 / np.arange(1, n_targets + 1) ** _SITE_POPULARITY
    edges = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(edges, rng.random(n)), n_targets - 1)


def _outside(rng: np.random.Generator, n: int) -> tuple[str, ...]:
    numbers = rng.choice(2**17, n, replace=False)
    return tuple(f"198.{18 + (x >> 16)}.{(x >> 8) & 255}.{x & 255}" for x in numbers.tolist())


def _is_address(name: str) -> bool:
    return name[:1].isdigit() or ":" in name
