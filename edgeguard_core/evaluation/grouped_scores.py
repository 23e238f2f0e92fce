"""Scores by the words of a column, such as transport or service: counts that add up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.log_bins import LogBins
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED

BINS = LogBins(16)  # of scores; their borders lie 15 % apart
KINDS: Final = (BENIGN, ATTACK, UNLABELLED)
OTHER: Final = "(other)"
NONE: Final = "(none)"
MOST_WORDS: Final = 256
_LONGEST_WORD: Final = 80


@dataclass(frozen=True, eq=False)
class GroupedScores:
    """How flows score, by the word that one column has for them; G words.

    Attributes
    ----------
    column
        Its name.
    words
        In the order in which they were first seen; past 256 all others are one.
    counts
        Flows by kind (as in ``KINDS``), word and bin of the score, uint32, ``(3, G, B)``.
    """

    column: str
    words: tuple[str, ...]
    counts: NDArray[np.uint32]

    @classmethod
    def empty(cls, column: str) -> "GroupedScores":
        """Of no flow."""
        return cls(column, (), np.zeros((len(KINDS), 0, len(BINS)), np.uint32))

    def add(
        self, values: NDArray[np.object_], scores: NDArray[np.float32], label: NDArray[np.int8]
    ) -> "GroupedScores":
        """With n more flows, each argument of shape ``(n,)``.

        >>> scores, label = np.float32([1, 2, 3]), np.int8([0, 0, 1])
        >>> found = GroupedScores.empty("service").add(
        ...     np.array(["dns", "", "dns"], object), scores, label)
        >>> found.words, found.counts.sum(axis=2).tolist()
        (('dns', '(none)'), [[1, 1], [1, 0], [0, 0]])
        """
        distinct, code = _distinct(values)
        words = list(self.words)
        for word in distinct:
            if word not in words and len(words) < MOST_WORDS:
                words.append(word)
        if len(words) == MOST_WORDS and not set(distinct) <= set(words):
            words.append(OTHER)
        place = {word: n for n, word in enumerate(words)}
        at = np.array([place.get(word, len(words) - 1) for word in distinct], np.int64)[code]
        kind = np.where(label == UNLABELLED, KINDS.index(UNLABELLED), label).astype(np.int64)
        n_bins = len(BINS)
        cell = (kind * len(words) + at) * n_bins + BINS.of(scores)
        counts = np.bincount(cell, minlength=len(KINDS) * len(words) * n_bins)
        counts = counts.reshape(len(KINDS), len(words), n_bins)
        counts[:, : len(self.words)] += self.counts
        return GroupedScores(self.column, tuple(words), counts.astype(np.uint32))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The counts as arrays of numbers and text."""
        return {"words": np.array(self.words, np.str_), "counts": self.counts}

    @classmethod
    def from_arrays(cls, column: str, arrays: Mapping[str, NDArray[Any]]) -> "GroupedScores":
        """What ``to_arrays`` gave; ValueError if it is of another shape."""
        words, counts = tuple(arrays["words"].tolist()), arrays["counts"].astype(np.uint32)
        if counts.shape != (len(KINDS), len(words), len(BINS)):
            raise ValueError(f"the counts of {column} have the shape {counts.shape}")
        return cls(column, words, counts)


def _distinct(values: NDArray[np.object_]) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct words in the order of their first flow, and the place of each flow's word."""
    place: dict[Any, int] = {}
    code = np.array([place.setdefault(value, len(place)) for value in values.tolist()], np.int64)
    words: dict[str, int] = {}
    short = [words.setdefault(str(v)[:_LONGEST_WORD] or NONE, len(words)) for v in place]
    return list(words), np.array(short, np.int64)[code]
