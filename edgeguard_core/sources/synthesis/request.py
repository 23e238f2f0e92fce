"""What somebody asks to be synthesised, and the flows that answer it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import DEFAULT_LOCAL_NETWORKS, NetworkTable
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.synthesis.arrivals import MS_PER_DAY, MS_PER_HOUR
from edgeguard_core.sources.synthesis.attacks import (
    STRENGTHS,
    Cast,
    attack_rows,
    require_kinds,
)
from edgeguard_core.sources.synthesis.benign import Site, day
from edgeguard_core.sources.synthesis.profiles import PROFILES
from edgeguard_core.sources.synthesis.rows import Rows

MOST_FLOWS = 20_000_000
MONDAY_MS = 1_709_510_400_000.0
"""2024-03-04 00:00 UTC, a Monday: when synthesised time begins unless a start is given."""

_MORNING_HOURS = 8
_DEFAULT_HOURS = 24.0
_LEAST_LARGEST_BYTES = 1000
_BYTES_PER_FLOW = 700  # measured at the peak, all columns and the copies while sorting
_MEMORY_SHARE = 0.8  # of what is free
_MOST_MS = 4_102_444_800_000.0  # the year 2100
_SERVER_ROLES = ("app server", "file server", "directory", "database", "hub", "camera")


@dataclass(frozen=True)
class SynthesisRequest:
    """What to synthesise; give ``hours`` or ``flows``, or neither for a day.

    Attributes
    ----------
    profile
        ``office`` or ``home``.
    hours
        How much time, above 0.
    flows
        How many benign flows; time goes on until there are so many.
    seed
        The same request with the same seed gives the same flows.
    start_ms
        When time begins, ms UTC. By default Monday 2024-03-04: midnight for ``hours``, eight
        in the morning for ``flows``, so that few of them still show people at work.
    attacks
        Kinds of attack laid into it, on top of the benign flows.
    strength
        ``low``, ``medium`` or ``high``, of all attacks.
    largest_flow_bytes
        Benign flows with more are left out: for captures, where each byte takes room.

    Raises
    ------
    SourceError
        If a value cannot be met; the message names it.
    """

    profile: str = "office"
    hours: float | None = None
    flows: int | None = None
    seed: int = 0
    start_ms: float | None = None
    attacks: tuple[str, ...] = ()
    strength: str = "medium"
    largest_flow_bytes: float = np.inf

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise SourceError(
                f"No profile is called {self.profile!r}; use {' or '.join(PROFILES)}."
            )
        if self.hours is not None and self.flows is not None:
            raise SourceError(
                f"Both {self.hours:g} hours and {self.flows} flows are asked for; give one of them."
            )
        if self.hours is not None and not 0 < self.hours < np.inf:
            raise SourceError(f"{self.hours:g} hours cannot be synthesised; give more than 0.")
        if self.flows is not None and self.flows < 1:
            raise SourceError(f"{self.flows} flows cannot be synthesised; give at least 1.")
        if self.seed < 0:
            raise SourceError(f"The seed is {self.seed}; give one that is not negative.")
        if self.start_ms is not None and not 0 <= self.start_ms < _MOST_MS:
            raise SourceError(
                f"Start {self.start_ms:g} ms lies outside 1970 to 2100; give another."
            )
        if self.strength not in STRENGTHS:
            raise SourceError(
                f"Strength {self.strength!r} is not known; use {', '.join(STRENGTHS)}."
            )
        if not self.largest_flow_bytes >= _LEAST_LARGEST_BYTES:
            raise SourceError(
                f"Flows of at most {self.largest_flow_bytes:g} bytes leave nearly nothing; "
                f"allow {_LEAST_LARGEST_BYTES} or more."
            )
        require_kinds(self.attacks)

    @property
    def begin_ms(self) -> float:
        """When time begins, ms UTC."""
        if self.start_ms is not None:
            return self.start_ms
        return MONDAY_MS + (self.flows is not None) * _MORNING_HOURS * MS_PER_HOUR

    @property
    def expected_flows(self) -> int:
        """About how many flows it takes, before any is made."""
        if self.flows is not None:
            return self.flows
        days = (self.hours or _DEFAULT_HOURS) * MS_PER_HOUR / MS_PER_DAY
        return round(days * PROFILES[self.profile].flows_per_day)


def synthesise(
    request: SynthesisRequest,
    *,
    local_networks: tuple[str, ...] = DEFAULT_LOCAL_NETWORKS,
    free_bytes: int | None = None,
) -> Flows:
    """Labelled canonical flows of an office or a smart home, in time order.

    Nothing of it is a copy of anybody's traffic, and no model of it replaces one's own
    normal: it is for demonstrations and tests.

    Parameters
    ----------
    request
        What, how much, and from which seed.
    local_networks
        CIDR ranges that are internal.
    free_bytes
        Memory that may be taken; by default what the system says is free.

    Raises
    ------
    SourceError
        If the flows would not fit into memory; nothing was allocated then.

    Examples
    --------
    >>> flows = synthesise(SynthesisRequest("home", flows=500, seed=1))
    >>> len(flows), bool(flows.is_benign.all()), flows.schema.name
    (500, True, 'flow')
    """
    _require_memory(request, free_bytes)
    site = Site.of(PROFILES[request.profile], request.seed)
    rows = _benign(request, site)
    if request.attacks:
        cast = _cast(site, rows, request)
        kinds = tuple(dict.fromkeys(request.attacks))
        laid = [attack_rows(kind, request.strength, cast, request.seed) for kind in kinds]
        rows = Rows.concat([rows, *laid]).in_time_order()
    return rows.with_ports().to_flows(NetworkTable(local_networks))


def _require_memory(request: SynthesisRequest, free_bytes: int | None) -> None:
    free = _free_bytes() if free_bytes is None else free_bytes
    most = min(MOST_FLOWS, int(free * _MEMORY_SHARE) // _BYTES_PER_FLOW)
    if request.expected_flows > most:
        asked = f"{request.hours:g} hours, about " if request.hours is not None else ""
        raise SourceError(
            f"{asked}{request.expected_flows:,} flows do not fit into memory; "
            f"ask for at most {most:,} at a time."
        )


def _free_bytes() -> int:
    """Memory that is free now; plenty where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return MOST_FLOWS * _BYTES_PER_FLOW * 2


def _benign(request: SynthesisRequest, site: Site) -> Rows:
    """The benign rows asked for, in time order."""
    begin, parts, n = request.begin_ms, [], 0
    end = np.inf
    if request.flows is None:
        end = begin + (request.hours or _DEFAULT_HOURS) * MS_PER_HOUR
    # The evening before, since its last sessions go on past midnight.
    for day_ms in _days(begin):
        if day_ms >= end or (request.flows is not None and n >= request.flows):
            break
        rows = day(site, day_ms)
        small = rows.src_bytes + rows.dst_bytes <= request.largest_flow_bytes
        rows = rows.select((rows.start_ms >= begin) & (rows.start_ms < end) & small)
        n += int((rows.start_ms < day_ms + MS_PER_DAY).sum())
        parts.append(rows)
    rows = Rows.concat(parts).in_time_order()
    return rows.select(np.arange(min(len(rows), request.flows or len(rows))))


def _days(begin_ms: float) -> Iterator[float]:
    day_ms = begin_ms // MS_PER_DAY * MS_PER_DAY - MS_PER_DAY
    while True:
        yield day_ms
        day_ms += MS_PER_DAY


def _cast(site: Site, rows: Rows, request: SynthesisRequest) -> Cast:
    begin = request.begin_ms
    end = begin + (request.hours or _DEFAULT_HOURS) * MS_PER_HOUR
    if request.flows is not None:
        end = float(rows.start_ms[-1])
    return cast_of(site, begin, end)


def cast_of(site: Site, begin_ms: float, end_ms: float) -> Cast:
    """Whom attacks meet on a synthesised network from one time to another, ms UTC."""
    hosts = site.hosts
    return Cast(
        hosts=tuple(host for group in hosts.values() for host in group),
        servers=tuple(host for role in _SERVER_ROLES for host in hosts.get(role, ())),
        start_ms=begin_ms,
        end_ms=end_ms,
    )
