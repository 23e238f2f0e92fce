"""Context: what a flow's hosts did before it.

One pass in time order gives every flow its source's, its destination's and its conversation's
recent history: exponentially decayed counts over a minute and ten minutes, gaps, regularity,
change of size. Each flow costs the same few dictionary look-ups, however much came before, and
the memory is bounded: a flood of new hosts evicts the ones not seen for longest, and counts it.

The sums are kept in forward decay (Cormode et al., ICDE 2009): a flow at time t adds
``exp(t / τ)``, and reading divides by ``exp(now / τ)``. So nothing has to be aged, and any cut
of a stream into batches gives the same bits.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import Flows

SHORT_S: Final = 60.0
LONG_S: Final = 600.0
LONGEST_GAP_S: Final = 3_600.0
"""A gap that is longer, or has no beginning, counts as this."""

COLUMNS: Final = (  # as schema ``flow`` lists them; raise CONTEXT_VERSION when one changes
    "src_flows_60s",
    "src_flows_600s",
    "src_new_destinations_60s",
    "src_new_destinations_600s",
    "src_new_ports_60s",
    "src_new_ports_600s",
    "conversation_flows_60s",
    "conversation_flows_600s",
    "conversation_gap_s",
    "conversation_gap_spread",
    "conversation_size_change",
    "dst_flows_60s",
    "dst_flows_600s",
    "dst_new_sources_60s",
    "dst_new_sources_600s",
    "src_gap_s",
)
"""The context columns in their order; a conversation is source, destination, port, protocol."""

_SHORT_SUMS = [0, 2, 4, 6, 11, 13]
_LONG_SUMS = [1, 3, 5, 7, 12, 14]
_GAPS = [8, 15]
_SPREAD = 9
_UNKNOWN_GAP = -1.0

# exp(30,000 / 60) is far from overflow; after that the sums are carried to a new origin.
_EPOCH_S: Final = 30_000.0
_SMALLEST_GAP_S: Final = 1e-3  # meters report milliseconds; the log needs a floor
_GAPS_NEEDED: Final = 4  # a spread of fewer says nothing
_SIZE_MEMORY: Final = 0.1  # weight of the newest size in a conversation's running mean

_ROWS_AT_ONCE: Final = 65_536  # bounds the float64 in-betweens of a large file

_NEEDED = (
    "bidirectional_first_seen_ms", "src_ip", "dst_ip", "dst_port", "protocol",
    "src2dst_bytes", "dst2src_bytes",
)  # fmt: skip

V = TypeVar("V")


class _Recent(Generic[V]):
    """A dictionary that forgets what was not used for longest, at constant cost.

    Two generations: what is used moves to the young one; when that is full, the old one is
    dropped and the young one grows old.
    """

    __slots__ = ("_half", "_old", "evicted", "young")

    def __init__(self, most: int) -> None:
        self.young: dict[Any, V] = {}
        self._old: dict[Any, V] = {}
        self._half = max(1, most // 2)
        self.evicted = 0

    def promoted(self, key: Any) -> V | None:
        """The value of a key that is not in ``young``, moved there; None if it is unknown."""
        value = self._old.pop(key, None)
        if value is not None:
            self.add(key, value)
        return value

    def add(self, key: Any, value: V) -> None:
        """Remember a new key."""
        if len(self.young) >= self._half:
            self.evicted += len(self._old)
            self._old = self.young
            self.young = {}
        self.young[key] = value

    def __len__(self) -> int:
        return len(self.young) + len(self._old)


class HostContext:
    """The history of hosts, as far as it is remembered.

    Parameters
    ----------
    most_hosts
        Sources remembered at a time, and destinations; conversations, and the destinations and
        ports known of sources, are four times as many each. A host costs some 300 bytes.

    Examples
    --------
    >>> context = HostContext(most_hosts=1_000)
    >>> len(context), context.evicted
    (0, 0)
    """

    def __init__(self, most_hosts: int = 100_000) -> None:
        self._sources: _Recent[list[float]] = _Recent(most_hosts)
        self._destinations: _Recent[list[float]] = _Recent(most_hosts)
        self._conversations: _Recent[list[float]] = _Recent(4 * most_hosts)
        self._known_destinations: _Recent[bool] = _Recent(4 * most_hosts)
        self._known_ports: _Recent[bool] = _Recent(4 * most_hosts)
        self._latest_s = -math.inf

    @property
    def evicted(self) -> int:
        """How many entries were forgotten to stay within the bounds."""
        return sum(memory.evicted for memory in self._memories())

    @property
    def has_known_times(self) -> bool:
        """Whether any flow so far said when it was."""
        return self._latest_s > 0.0

    def __len__(self) -> int:
        return sum(len(memory) for memory in self._memories())

    def _memories(self) -> Iterable[_Recent[Any]]:
        return (
            self._sources,
            self._destinations,
            self._conversations,
            self._known_destinations,
            self._known_ports,
        )

    def columns(self, flows: Flows) -> dict[str, NDArray[np.float64]]:
        """The context of some flows, shape ``(n,)`` each; they become history.

        Flows come in the order of time. One that comes late is taken to happen now: the past
        is not written again. An unknown time is taken as now, too.
        """
        times = flows.columns["bidirectional_first_seen_ms"] / 1000.0
        now = np.fmax.accumulate(np.concatenate([[self._latest_s], times]))[1:]
        if not len(now):
            return {name: np.zeros(0) for name in COLUMNS}
        now = np.where(np.isfinite(now), now, 0.0)  # only before the first known time
        self._latest_s = float(now[-1])
        epoch = np.floor(now / _EPOCH_S)
        since = now - epoch * _EPOCH_S
        short, long = np.exp(since / SHORT_S), np.exp(since / LONG_S)
        found = self._walk(flows, now, epoch, short, long)
        found[:, _SHORT_SUMS] /= short[:, None]
        found[:, _LONG_SUMS] /= long[:, None]
        gaps = found[:, _GAPS]
        found[:, _GAPS] = np.where(gaps == _UNKNOWN_GAP, LONGEST_GAP_S, gaps).clip(
            0.0, LONGEST_GAP_S
        )
        found[:, _SPREAD] = np.sqrt(found[:, _SPREAD])
        return {name: found[:, position].copy() for position, name in enumerate(COLUMNS)}

    def _walk(
        self,
        flows: Flows,
        now: NDArray[np.float64],
        epoch: NDArray[np.float64],
        short: NDArray[np.float64],
        long: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """One flow after the other; sums still in forward decay, shape ``(n, 16)``.

        Written flat and with local names on purpose: this loop is the price of a flow.
        """
        columns = flows.columns
        sent, answered = columns["src2dst_bytes"], columns["dst2src_bytes"]
        size = np.log1p(
            np.where(np.isnan(sent), 0.0, sent) + np.where(np.isnan(answered), 0.0, answered)
        )
        rows = array("d")
        put, log = rows.extend, math.log
        sources, destinations = self._sources, self._destinations
        conversations = self._conversations
        for t, e, u, v, s, d, port, protocol, z in zip(
            now.tolist(), epoch.tolist(), short.tolist(), long.tolist(),
            columns["src_ip"].tolist(), columns["dst_ip"].tolist(),
            _known(columns["dst_port"]).tolist(),
            _known(columns["protocol"]).tolist(),
            size.tolist(), strict=True,
        ):  # fmt: skip
            # source: time, epoch, flows, new destinations, new ports (each short, long)
            a = sources.young.get(s) or sources.promoted(s)
            if a is None:
                a = [t, e, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
                sources.add(s, a)
                gap = _UNKNOWN_GAP
            else:
                gap = t - a[0]
                a[0] = t
                if a[1] != e:
                    _carry(a, 1, e)
            # destination: epoch, flows, new sources (each short, long)
            b = destinations.young.get(d) or destinations.promoted(d)
            if b is None:
                b = [e, 0.0, 0.0, 0.0, 0.0]
                destinations.add(d, b)
            elif b[0] != e:
                _carry(b, 0, e)
            # conversation: time, epoch, flows (short, long), gaps, mean and spread, mean size
            key = (s, d, port, protocol)
            c = conversations.young.get(key) or conversations.promoted(key)
            if c is None:
                conversations.add(key, [t, e, u, v, 0.0, 0.0, 0.0, z])
                put((a[2], a[3], a[4], a[5], a[6], a[7], 0.0, 0.0, _UNKNOWN_GAP, 0.0, 0.0,
                     b[1], b[2], b[3], b[4], gap))  # fmt: skip
                if self._is_new(self._known_destinations, (s, d)):
                    a[4] += u
                    a[5] += v
                    b[3] += u
                    b[4] += v
                if self._is_new(self._known_ports, (s, port)):
                    a[6] += u
                    a[7] += v
            else:
                pause = t - c[0]
                c[0] = t
                if c[1] != e:
                    _carry(c, 1, e, 4)
                count = c[4] + 1.0
                log_gap = log(pause + _SMALLEST_GAP_S)
                off = log_gap - c[5]
                mean = c[5] + off / count
                squares = c[6] + off * (log_gap - mean)  # Welford 1962
                c[4], c[5], c[6] = count, mean, squares
                change = z - c[7]
                c[7] += _SIZE_MEMORY * change
                put((a[2], a[3], a[4], a[5], a[6], a[7], c[2], c[3], pause,
                     squares / count if count >= _GAPS_NEEDED else 0.0, change,
                     b[1], b[2], b[3], b[4], gap))  # fmt: skip
                c[2] += u
                c[3] += v
            a[2] += u
            a[3] += v
            b[1] += u
            b[2] += v
        return np.frombuffer(rows, np.float64).reshape(-1, len(COLUMNS)).copy()

    @staticmethod
    def _is_new(known: _Recent[bool], key: Any) -> bool:
        if key in known.young or known.promoted(key):
            return False
        known.add(key, True)
        return True


def _known(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(numbers), -1.0, numbers)


def _carry(sums: list[float], epoch_at: int, epoch: float, end: int | None = None) -> None:
    """Express forward-decayed sums, short and long in turn, from the origin of another epoch."""
    passed = (sums[epoch_at] - epoch) * _EPOCH_S
    factors = (math.exp(passed / SHORT_S), math.exp(passed / LONG_S))
    sums[epoch_at] = epoch
    for position in range(epoch_at + 1, end or len(sums)):
        sums[position] *= factors[(position - epoch_at - 1) % 2]


def has_context(flows: Flows) -> bool:
    """Whether every context column is there already."""
    return all(name in flows.columns for name in COLUMNS)


def context_of(flows: Flows, timeline: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
    """The context of flows in any order, shape ``(n, 16)``, in the order they were given.

    Parameters
    ----------
    flows
        With time, addresses, port, protocol and bytes; see ``can_have_context``.
    timeline
        Which timeline each flow is of, shape ``(n,)``: hosts of one file have no history in
        another. By default all are of one.
    """
    times = flows.columns[_NEEDED[0]]
    lines = np.zeros(len(flows), np.int64) if timeline is None else timeline
    order = np.lexsort((times, lines))
    found = np.empty((len(flows), len(COLUMNS)), np.float32)
    for line in np.unique(lines):
        mine, context = order[lines[order] == line], HostContext()
        for first in range(0, len(mine), _ROWS_AT_ONCE):
            part = mine[first : first + _ROWS_AT_ONCE]
            columns = context.columns(flows.select(part))
            found[part] = np.stack([columns[name] for name in COLUMNS], axis=1)
    return found


def can_have_context(flows: Flows) -> bool:
    """Whether there is time and all else that context is made of."""
    return flows.time_ms is not None and has_needed(flows)


def has_needed(flows: Flows) -> bool:
    """Whether the columns that context is made of are there, whatever stands in them."""
    return all(name in flows.columns for name in _NEEDED)


def attach(flows: Flows, context: NDArray[np.float32]) -> Flows:
    """The flows with their context, shape ``(n, 16)``, as columns."""
    added = {name: context[:, at].astype(np.float64) for at, name in enumerate(COLUMNS)}
    return replace(flows, columns={**flows.columns, **added})


def with_context(flows: Flows, timeline: NDArray[np.int64] | None = None) -> Flows:
    """The same flows with the context columns, computed in the order of time.

    Flows that have context keep it. Without any time, or without the columns that context is
    made of, they come back as they are: their order in a file says nothing about what came
    before.
    """
    if has_context(flows) or not can_have_context(flows):
        return flows
    return attach(flows, context_of(flows, timeline))


def without_context(flows: Flows) -> Flows:
    """The same flows without their context columns."""
    kept = {name: values for name, values in flows.columns.items() if name not in COLUMNS}
    return replace(flows, columns=kept)


def needed_alone(flows: Flows) -> Flows:
    """The flows with nothing but the columns that context is made of."""
    kept = {name: flows.columns[name] for name in _NEEDED if name in flows.columns}
    return Flows(flows.schema, kept, None, flows.line)
