"""Distinct values of a stream in bounded memory: exact while few, estimated beyond.

Both sketches keep the values whose hash is smallest, a fair sample of the distinct ones
(Bar-Yossef et al., RANDOM 2002).
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import ATTACK, BENIGN, Labels

_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31))
_HASHES = 2.0**64


def hashed(values: NDArray[np.generic]) -> NDArray[np.uint64]:
    """A 64-bit hash of each value, shape ``(n,)``: equal values have equal ones.

    Parameters
    ----------
    values
        float64 (all NaN are equal, and 0 is -0), or words and None.
    """
    if values.dtype == object:
        known = {word: _word_hash(word) for word in set(values.tolist())}
        return np.fromiter((known[word] for word in values.tolist()), np.uint64, len(values))
    numbers = values.astype(np.float64) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return mixed(numbers.view(np.uint64))


def _word_hash(word: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(word).encode(), digest_size=8).digest(), "little")


def mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes stirred so that each bit depends on each (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        stirred = hashes + _MIX[0]
        stirred = (stirred ^ (stirred >> _SHIFTS[0])) * _MIX[1]
        stirred = (stirred ^ (stirred >> _SHIFTS[1])) * _MIX[2]
        return np.asarray(stirred ^ (stirred >> _SHIFTS[2]))


class DistinctCount:
    """How many different hashes a stream holds.

    Examples
    --------
    >>> counter = DistinctCount()
    >>> counter.add(hashed(np.array([1.0, 2.0, 1.0, np.nan, np.nan])))
    >>> counter.estimate()
    3
    """

    def __init__(self, most_kept: int = 131_072) -> None:
        self.most_kept = most_kept
        self._kept = np.zeros(0, np.uint64)
        self._full = False

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Count some hashes in."""
        self._kept = np.union1d(self._kept, hashes)
        if len(self._kept) > self.most_kept:
            self._full = True
            self._kept = self._kept[: self.most_kept]

    def estimate(self) -> int:
        """The number of different ones: exact up to ``most_kept``, then within a percent."""
        if not self._full:
            return len(self._kept)
        return round((len(self._kept) - 1) * _HASHES / float(self._kept[-1]))


class LabelPurity:
    """Whether a value alone tells benign from attack.

    Examples
    --------
    >>> purity = LabelPurity()
    >>> labels = Labels(np.array([0, 0, 1, 1], np.int8), np.full(4, "", object))
    >>> purity.add(hashed(np.array(["a", "a", "b", "b"], object)), labels)
    >>> purity.share_told()
    1.0
    """

    _LEAST_ROWS = 2  # a value seen once tells its own row and nothing else

    def __init__(self, most_kept: int = 8_192) -> None:
        self.most_kept = most_kept
        self._kept = np.zeros(0, np.uint64)
        self._counts = np.zeros((0, 2), np.int64)  # benign and attack rows of each kept value
        self._limit = np.uint64(2**64 - 1)

    def add(self, hashes: NDArray[np.uint64], labels: Labels) -> None:
        """Count the labelled rows of some values in."""
        known = ((labels.label == BENIGN) | (labels.label == ATTACK)) & (hashes <= self._limit)
        is_attack = (labels.label[known] == ATTACK).astype(np.int64)
        everything = np.concatenate([self._kept, hashes[known]])
        values, position = np.unique(everything, return_inverse=True)
        counts = np.zeros((len(values), 2), np.int64)
        counts[position[: len(self._kept)]] = self._counts
        np.add.at(counts, (position[len(self._kept) :], is_attack), 1)
        if len(values) > self.most_kept:
            values, counts = values[: self.most_kept], counts[: self.most_kept]
            self._limit = values[-1]
        self._kept, self._counts = values, counts

    def share_told(self) -> float:
        """Share of the rows whose value is seen again and always with one label.

        Of benign and attack rows that which is told less, since a common label is easily told;
        NaN where either label has no row.
        """
        of_label = self._counts.sum(axis=0)
        if (of_label == 0).any():
            return float("nan")
        again = self._counts.sum(axis=1) >= self._LEAST_ROWS
        pure = again & (self._counts == 0).any(axis=1)
        return float((self._counts[pure].sum(axis=0) / of_label).min())
