"""When flows begin: people by the hour of the day, devices by their clocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.sources.synthesis.draws import ONE, Size

MS_PER_HOUR = 3_600_000.0
MS_PER_DAY = 24 * MS_PER_HOUR
_SATURDAY = 5
_MOST_PAGES, _MOST_FLOWS_OF_A_PAGE = 80, 40
_THINKING_MS = Size(12_000, 1.3, tail=0.05, alpha=1.3, most=3e6)
_WITHIN_A_PAGE_MS = Size(60, 1.6, tail=0.03, most=6e4)


@dataclass(frozen=True)
class Rhythm:
    """How lively each hour of the day is, from 0 to 1, and how a weekend compares."""

    hours: tuple[float, ...]
    weekend: float = 1.0

    def on(self, day_ms: float) -> NDArray[np.float64]:
        """The liveliness of the 24 hours of the UTC day that begins at ``day_ms``."""
        weekday = datetime.fromtimestamp(day_ms / 1000, UTC).weekday()
        return np.array(self.hours) * (self.weekend if weekday >= _SATURDAY else 1.0)


def _hours(text: str) -> tuple[float, ...]:
    """One digit an hour, from midnight; 9 is liveliest."""
    return tuple(int(digit) / 9 for digit in text)


RHYTHMS: Mapping[str, Rhythm] = {
    "always": Rhythm((1.0,) * 24),
    "office": Rhythm(_hours("000000137999688998530000"), weekend=0.06),
    "meetings": Rhythm(_hours("000000005998146976200000"), weekend=0.0),
    "powered on": Rhythm(_hours("333333599999999998654333"), weekend=0.35),
    "night": Rhythm(_hours("269941000000000000000000")),
    "home": Rhythm(_hours("210000257432344334689986"), weekend=1.3),
    "evening": Rhythm(_hours("200000011111222223589997"), weekend=1.4),
    "awake": Rhythm(_hours("422222589999999999999986")),
}
"""Rhythms by name, in UTC hours."""


class Arrival(Protocol):
    """Says when a host begins flows of one kind."""

    def starts(self, rng: np.random.Generator, n_hosts: int, day_ms: float) -> "Starts":
        """The starts on one UTC day of so many hosts."""


@dataclass(frozen=True)
class Starts:
    """Moments in ms UTC, and which host each is of; both of shape ``(n,)``.

    ``visit`` numbers what was opened together: the flows of one page share a number.
    """

    at_ms: NDArray[np.float64]
    host: NDArray[np.int64]
    visit: NDArray[np.int64]


@dataclass(frozen=True)
class Sessions:
    """A person (or a job) that comes ``per_day`` times and opens ``pages`` of ``flows`` each.

    Sessions come at random by the rhythm, the pages of one a think time apart, and the
    flows of a page within moments: so arrivals come in bursts at every scale.
    """

    per_day: float
    rhythm: str
    pages: Size = ONE
    think_ms: Size = _THINKING_MS
    flows: Size = ONE
    spread_ms: Size = _WITHIN_A_PAGE_MS

    def starts(self, rng: np.random.Generator, n_hosts: int, day_ms: float) -> Starts:
        """The starts on one UTC day of so many hosts."""
        weights = RHYTHMS[self.rhythm].on(day_ms)
        usual = sum(RHYTHMS[self.rhythm].hours)
        # No two hosts are equally busy.
        busy = rng.gamma(4.0, 0.25, n_hosts) * self.per_day * weights.sum() / usual
        host = np.repeat(np.arange(n_hosts), rng.poisson(busy))
        at = day_ms + _moments(rng, weights, len(host))
        pages = _whole(self.pages, rng, len(host), _MOST_PAGES)
        host, at = np.repeat(host, pages), np.repeat(at, pages)
        at = at + _since_first(self.think_ms.draw(rng, len(at)), pages)
        flows = _whole(self.flows, rng, len(at), _MOST_FLOWS_OF_A_PAGE)
        visit = np.repeat(np.arange(len(at)), flows)
        host, at = np.repeat(host, flows), np.repeat(at, flows)
        at = at + _since_first(self.spread_ms.draw(rng, len(at)), flows)
        return Starts(at, host, visit)


@dataclass(frozen=True)
class Heartbeat:
    """A device that calls every ``every_s`` seconds, give or take a share ``jitter`` of it.

    Each host has its own phase and is a little fast or slow; a rhythm silences some beats.
    """

    every_s: float
    jitter: float = 0.05
    rhythm: str = "always"

    def starts(self, rng: np.random.Generator, n_hosts: int, day_ms: float) -> Starts:
        """The starts on one UTC day of so many hosts."""
        every = self.every_s * 1000
        beats = np.arange(int(np.ceil(MS_PER_DAY / every)))
        phase = rng.uniform(0, every, (n_hosts, 1))
        pace = rng.uniform(0.97, 1.03, (n_hosts, 1))
        late = rng.exponential(self.jitter * every, (n_hosts, len(beats)))
        at = (phase + beats * every * pace + late).ravel()
        host = np.repeat(np.arange(n_hosts), len(beats))
        alive = RHYTHMS[self.rhythm].on(day_ms)
        hour = np.minimum(at / MS_PER_HOUR, 23).astype(np.int64)
        kept = (at < MS_PER_DAY) & (rng.random(len(at)) < np.sqrt(alive[hour]))
        return Starts(day_ms + at[kept], host[kept], np.arange(int(kept.sum())))


def _moments(rng: np.random.Generator, weights: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """``n`` moments of a day in ms since midnight, more of them in livelier hours."""
    if not weights.any():
        return np.zeros(n)
    # Half-way values between the hours: nobody comes to work by steps.
    fine = np.interp(np.arange(0, 24, 0.25), np.arange(25), np.append(weights, weights[0]))
    cumulative = np.append(0, np.cumsum(fine)) / fine.sum()
    return np.interp(rng.random(n), cumulative, np.arange(97) * MS_PER_DAY / 96)


def _whole(size: Size, rng: np.random.Generator, n: int, most: int) -> NDArray[np.int64]:
    return np.clip(np.rint(size.draw(rng, n)), 1, most).astype(np.int64)


def _since_first(gaps: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Running sums of gaps within groups of given sizes; the first of a group is at 0.

    >>> _since_first(np.array([5.0, 1, 2, 9, 4]), np.array([3, 2])).tolist()
    [0.0, 1.0, 3.0, 0.0, 4.0]
    """
    total = np.cumsum(gaps)
    first = np.cumsum(groups) - groups
    since: NDArray[np.float64] = total - np.repeat(total[first], groups)
    return since
