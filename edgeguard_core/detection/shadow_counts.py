"""What champion and shadow said of the same flows, counted in bounded memory."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import BundleError

_DROPPED_BITS: Final = 18  # of a float32: scores are told apart to 3 %
_KEPT_BITS: Final = 31 - _DROPPED_BITS
_MASK: Final = (1 << _KEPT_BITS) - 1
_MOST_WAITING: Final = 65_536


class ShadowCounts:
    """Alerts of both and of one alone, and how often each pair of scores came.

    Attributes
    ----------
    both, champion_only, shadow_only
        Flows that both alert on, and one alone.

    Examples
    --------
    >>> counts = ShadowCounts()
    >>> scores = np.array([1.0, 2.0, 4.0, 8.0], np.float32)
    >>> counts.add(scores, scores > 3, 10 * scores, scores > 7)
    >>> counts.n, counts.both, counts.champion_only, counts.agreement, counts.spearman()
    (4, 1, 1, 0.5, 1.0)
    """

    def __init__(self) -> None:
        self.n = self.both = self.champion_only = self.shadow_only = 0
        self._keys = np.zeros(0, np.int64)
        self._times = np.zeros(0, np.int64)
        self._waiting: list[NDArray[np.int64]] = []
        self._n_waiting = 0

    def add(
        self,
        ours: NDArray[np.float32],
        our_alerts: NDArray[np.bool_],
        theirs: NDArray[np.float32],
        their_alerts: NDArray[np.bool_],
    ) -> None:
        """Count flows that champion (ours) and shadow scored, shape ``(n,)`` each."""
        self.n += len(ours)
        self.both += int(np.count_nonzero(our_alerts & their_alerts))
        self.champion_only += int(np.count_nonzero(our_alerts & ~their_alerts))
        self.shadow_only += int(np.count_nonzero(their_alerts & ~our_alerts))
        self._waiting.append(_upper_bits(ours) << _KEPT_BITS | _upper_bits(theirs))
        self._n_waiting += len(ours)
        if self._n_waiting > _MOST_WAITING:
            self._gather()

    def _gather(self) -> None:
        keys = np.concatenate([self._keys, *self._waiting])
        times = np.ones(len(keys), np.int64)
        times[: len(self._times)] = self._times
        self._keys, place = np.unique(keys, return_inverse=True)
        self._times = np.bincount(place, weights=times, minlength=len(self._keys)).astype(np.int64)
        self._waiting, self._n_waiting = [], 0

    @property
    def champion_alerts(self) -> int:
        """Alerts of the champion."""
        return self.both + self.champion_only

    @property
    def shadow_alerts(self) -> int:
        """Alerts of the shadow."""
        return self.both + self.shadow_only

    @property
    def agreement(self) -> float:
        """Flows both alert on as a part of those either alerts on; nan without any alert."""
        either = self.both + self.champion_only + self.shadow_only
        return self.both / either if either else float("nan")

    def spearman(self) -> float:
        """Rank correlation of the scores, of which those within 3 % of each other tie.

        As ``model.parity.spearman`` of scores rounded so: 1 or 0 where one has no order at all.
        """
        self._gather()
        ranks = [_middle_ranks(self._keys >> _KEPT_BITS, self._times),
                 _middle_ranks(self._keys & _MASK, self._times)]  # fmt: skip
        lengths = [float((self._times * one**2).sum()) for one in ranks]
        if not all(lengths):
            return float(not any(lengths))
        return float((self._times * ranks[0] * ranks[1]).sum() / np.sqrt(lengths[0] * lengths[1]))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``."""
        self._gather()
        alerts = [self.n, self.both, self.champion_only, self.shadow_only]
        return {
            "alerts": np.array(alerts, np.uint64),
            "pairs": self._keys.astype(np.uint32),
            "times": self._times.astype(np.uint32),
        }

    @classmethod
    def joined(cls, parts: Sequence[Mapping[str, NDArray[Any]]]) -> "ShadowCounts":
        """What several ``to_arrays`` gave, as one.

        Raises
        ------
        BundleError
            If one is something else.
        """
        found = cls()
        try:
            for part in parts:
                n, both, ours, theirs = (int(value) for value in part["alerts"].tolist())
                found.n, found.both = found.n + n, found.both + both
                found.champion_only += ours
                found.shadow_only += theirs
                keys = np.concatenate([found._keys, part["pairs"].astype(np.int64)])
                times = np.concatenate([found._times, part["times"].astype(np.int64)])
                found._keys, place = np.unique(keys, return_inverse=True)
                summed = np.bincount(place, weights=times, minlength=len(found._keys))
                found._times = summed.astype(np.int64)
        except (KeyError, ValueError, TypeError) as error:
            raise BundleError(
                f"The counts of a shadow are damaged ({error}): give fewer --hours."
            ) from error
        return found


def _upper_bits(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """What of each score is kept; never negative ones keep their order, shape ``(n,)``."""
    bits = np.abs(np.ascontiguousarray(scores, np.float32)).view(np.uint32)
    return (bits >> _DROPPED_BITS).astype(np.int64)


def _middle_ranks(values: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Middle ranks of values that come several times, less their mean; shape of ``values``."""
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weights=times, minlength=len(distinct))
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks: NDArray[np.float64] = middle[place] - (times.sum() + 1) / 2
    return ranks
