"""Whether the promise still holds while nobody labels anything, and whether traffic has changed.

Benign traffic like that of the calibration has p-values that spread evenly from 0 to 1. Attacks
add small ones. So the body, the p-values above .05, tells of shift, and the tail of attacks or of
a broken promise. Flows of one host within an hour go together: intervals come from a bootstrap
that draws whole host-hours.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.drift.score_counts import TAIL, uneven

_BINS: Final = 19  # of the body, .05 wide
_ALERTS, _FLOWS = _BINS, _BINS + 1  # columns behind those of the body
_HOUR_MS: Final = 3_600_000.0
_BUCKETS: Final = 64  # of hosts an hour: many hosts share one, and memory is bounded
HOURS: Final = 24
FEWEST_BLOCKS: Final = 12
FEWEST_FLOWS: Final = 500
_DRAWS: Final = 400
_SURE: Final = 0.995  # of an interval's upper end, for a watch looks often
_LEAST_SHIFT: Final = 0.05  # of the body's distribution: less is nothing to act on
_CALIBRATION_SURE: Final = 1.95  # of sup |F_n − F|·√n, exceeded once in a thousand draws


@dataclass(frozen=True)
class AuditReport:
    """What a look found.

    Attributes
    ----------
    flows, blocks
        How much it rests on: flows, and host-hours.
    alert_rate, low, high
        Alerts a flow, hidden ones too, and its interval of 99 %.
    promised
        The rate that the threshold promised; None where it promised none.
    allowed
        What chance in the calibration explains beyond the promise.
    shift
        How far the body of the p-values lies from even, 0 to 1.
    shift_by_chance
        How far it may lie without any shift.
    """

    flows: int
    blocks: int
    alert_rate: float
    low: float
    high: float
    promised: float | None
    allowed: float | None
    shift: float
    shift_by_chance: float

    @property
    def is_broken(self) -> bool:
        """Whether more flows alert than the promise and chance explain."""
        return self.allowed is not None and self.low > self.allowed

    @property
    def has_drifted(self) -> bool:
        """Whether the traffic is no longer like that of the calibration."""
        return self.shift > max(self.shift_by_chance, _LEAST_SHIFT)


@dataclass
class PromiseAudit:
    """Counts of the last day by host-hour, in bounded memory.

    Parameters
    ----------
    seed
        Of the bootstrap: the same flows give the same intervals.
    """

    seed: int = 0
    _blocks: dict[tuple[int, int], NDArray[np.int64]] = field(default_factory=dict)
    _newest_hour: int = -(1 << 62)

    def add(
        self,
        p_values: NDArray[np.float64],
        is_alert: NDArray[np.bool_],
        hosts: NDArray[np.object_],
        time_ms: NDArray[np.float64],
    ) -> None:
        """Count n flows, shape ``(n,)`` each; those without a time belong to the newest hour."""
        if not len(p_values):
            return
        known = np.isfinite(time_ms)
        hour = np.floor(np.where(known, time_ms, 0.0) / _HOUR_MS).astype(np.int64)
        newest = int(hour[known].max()) if known.any() else self._newest_hour
        if newest > self._newest_hour:
            self._newest_hour = newest
            oldest = newest - HOURS
            self._blocks = {key: v for key, v in self._blocks.items() if key[0] > oldest}
        hour[~known] = max(self._newest_hour, 0)
        buckets = np.array([_bucket(host) for host in hosts.tolist()], np.int64)
        place = hour * _BUCKETS + buckets
        distinct, position = np.unique(place, return_inverse=True)
        counts = np.zeros((len(distinct), _FLOWS + 1), np.int64)
        body = np.minimum((p_values - TAIL) * (_BINS / (1 - TAIL)), _BINS - 1)
        inside = p_values > TAIL
        np.add.at(counts, (position[inside], body[inside].astype(np.int64)), 1)
        np.add.at(counts, (position[is_alert], _ALERTS), 1)
        np.add.at(counts, (position, _FLOWS), 1)
        for at, code in enumerate(distinct.tolist()):
            key = (code // _BUCKETS, code % _BUCKETS)
            if key[0] > self._newest_hour - HOURS:
                found = self._blocks.get(key)
                self._blocks[key] = counts[at] if found is None else found + counts[at]

    def forget(self) -> None:
        """Begin anew: the threshold or the calibration is another one."""
        self._blocks = {}

    def look(self, promised: float | None, n_calibration: int) -> AuditReport | None:
        """What the last day says; None while that is too little.

        Parameters
        ----------
        n_calibration
            Benign flows of the calibration, whose own chance is allowed for.
        """
        if len(self._blocks) < FEWEST_BLOCKS:
            return None
        counts = np.array(list(self._blocks.values()), np.float64)  # (blocks, bins + 2)
        total = counts.sum(axis=0)
        flows = int(total[_FLOWS])
        if flows < FEWEST_FLOWS:
            return None
        draws = np.random.default_rng(self.seed).multinomial(
            len(counts), np.full(len(counts), 1.0 / len(counts)), size=_DRAWS
        )
        drawn = draws @ counts  # (draws, bins + 2)
        rates = drawn[:, _ALERTS] / np.maximum(drawn[:, _FLOWS], 1.0)
        low, high = np.quantile(rates, (1 - _SURE, _SURE))
        rate = float(total[_ALERTS] / flows)
        allowed = None
        if promised is not None:
            spread = np.sqrt(promised * (1 - promised) / max(n_calibration, 1))
            allowed = promised + 3.0 * float(spread)
        shift, by_chance = _shift(total, drawn)
        return AuditReport(
            flows=flows,
            blocks=len(counts),
            alert_rate=rate,
            low=float(low),
            high=float(high),
            promised=promised,
            allowed=allowed,
            shift=shift,
            shift_by_chance=by_chance + _CALIBRATION_SURE / float(np.sqrt(max(n_calibration, 1))),
        )


def _shift(total: NDArray[np.float64], drawn: NDArray[np.float64]) -> tuple[float, float]:
    """Distance of the body from even, and how far chance moves it."""
    if not total[:_BINS].sum():
        return 0.0, 1.0
    seen = np.cumsum(total[:_BINS]) / total[:_BINS].sum()
    sums = np.maximum(drawn[:, :_BINS].sum(axis=1, keepdims=True), 1.0)
    moved = np.abs(np.cumsum(drawn[:, :_BINS], axis=1) / sums - seen).max(axis=1)
    return uneven(total[:_BINS]), float(np.quantile(moved, _SURE))


def _bucket(host: str | None) -> int:
    return 0 if host is None else zlib.crc32(host.encode()) % _BUCKETS


def own_share(own: frozenset[str], ends: Sequence[Sequence[str | None]]) -> tuple[int, int]:
    """How many flows have one of these addresses as an end, and of how many.

    >>> own_share(frozenset(["10.0.0.2"]), [["10.0.0.2", "10.0.0.3"], ["10.0.0.9", "10.0.0.4"]])
    (1, 2)
    """
    sources, destinations = ends
    mine = sum(a in own or b in own for a, b in zip(sources, destinations, strict=True))
    return mine, len(sources)
