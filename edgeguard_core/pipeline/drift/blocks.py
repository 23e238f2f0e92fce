"""Counts of flows by run of neighbours, and what their likeness costs in evidence.

Flows come in bursts: a thousand of one scan say less than a thousand drawn one by one. Counted
in runs of consecutive flows, the shares of a feature's bins vary from run to run more than
independent flows would let them. That ratio is the design effect, and flows divided by it the
effective sample size (Kish 1965; for chi-square tests Rao and Scott, JASA 1981).
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_BLOCKS: Final = 64
_FEWEST_BLOCKS: Final = 8  # a variance of fewer runs says nothing


class BlockCounts:
    """Bins of several features, counted in at most 64 runs of flows as they come.

    When all are full, neighbours join and a run is twice as long: memory is bounded, and any
    cut of the flows into batches gives the same counts.

    Parameters
    ----------
    widths
        Bins of each of the F features.

    Examples
    --------
    >>> blocks = BlockCounts([2])
    >>> blocks.add(np.array([[0], [1], [1]]))
    >>> blocks.n, blocks.totals(0).tolist()
    (3, [1, 2])
    """

    def __init__(self, widths: Sequence[int]) -> None:
        ends = np.cumsum(widths).tolist()
        self._slices = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        self._counts = np.zeros((MOST_BLOCKS, ends[-1] if ends else 0), np.int64)
        self._length = 1  # flows a run
        self.n = 0

    def add(self, bins: NDArray[np.integer[Any]]) -> None:
        """Count the flows that come next; ``bins`` has shape ``(n, F)``."""
        n = len(bins)
        while self.n + n > MOST_BLOCKS * self._length:
            joined = _in_pairs(self._counts)
            self._counts[: len(joined)], self._counts[len(joined) :] = joined, 0
            self._length *= 2
        run = (self.n + np.arange(n)) // self._length
        for position, place in enumerate(self._slices):
            width = place.stop - place.start
            counted = np.bincount(run * width + bins[:, position], minlength=MOST_BLOCKS * width)
            self._counts[:, place] += counted.reshape(MOST_BLOCKS, width)
        self.n += n

    def totals(self, feature: int) -> NDArray[np.int64]:
        """Flows in each bin of a feature, shape ``(bins,)``."""
        counted: NDArray[np.int64] = self._counts[:, self._slices[feature]].sum(axis=0)
        return counted

    def design_effects(self, feature: int, *, ordered: bool) -> dict[int, float]:
        """Flows a run → design effect at that length, for runs of which there are at least 8.

        Longer runs hold longer memory, so the figures usually grow; empty with under 8 flows.
        A variance of few runs is itself uncertain, and raised by what that costs Student's t:
        (runs − 1) / (runs − 3).
        """
        found: dict[int, float] = {}
        counts, length = self._counts[:, self._slices[feature]], self._length
        while (filled := -(-self.n // length)) >= _FEWEST_BLOCKS:
            effect = design_effect(counts[:filled], ordered=ordered)
            found[length] = effect * (filled - 1) / (filled - 3)
            counts, length = _in_pairs(counts), 2 * length
        return found


def _in_pairs(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    joined: NDArray[np.int64] = counts.reshape(len(counts) // 2, 2, -1).sum(axis=1)
    return joined


def design_effect(counts: NDArray[np.int64], *, ordered: bool) -> float:
    """How many times more the shares vary from run to run than independent flows let them.

    The mean over bins of the observed variance over the multinomial one, which is the
    homogeneity chi-square of the runs by its degrees of freedom. Of ordered bins the same of
    cumulative shares, where that is larger: slow swings hide in single bins. Never below 1.

    Parameters
    ----------
    counts
        Flows of each run in each bin, shape ``(runs, bins)``; no run is empty.

    Examples
    --------
    >>> design_effect(np.array([[5, 5], [5, 5]]), ordered=False)
    1.0
    >>> design_effect(np.array([[10, 0], [0, 10]]), ordered=False)
    20.0
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    runs, bins = counts.shape
    if runs < 2 or bins < 2:
        return 1.0
    sizes = counts.sum(axis=1, keepdims=True)
    shares = counts.sum(axis=0) / sizes.sum()
    excess = counts - sizes * shares
    effect = float((excess**2 / (sizes * shares)).sum() / ((bins - 1) * (runs - 1)))
    if ordered:
        below = np.cumsum(shares)[:-1]
        swings = np.cumsum(excess, axis=1)[:, :-1] ** 2 / sizes
        effect = max(effect, float(swings.sum() / ((below * (1 - below)).sum() * (runs - 1))))
    return max(1.0, effect)
