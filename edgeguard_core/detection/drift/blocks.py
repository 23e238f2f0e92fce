"""Counts of flows by run of neighbours, and what their likeness costs in evidence.

Flows come in bursts: a thousand of one scan say less than a thousand drawn one by one. Counted
in runs of consecutive flows, the shares of a feature's bins vary from run to run more than
independent flows would let them. That ratio is the design effect, and flows divided by it the
effective sample size (Kish 1965; for chi-square tests Rao and Scott, JASA 1981).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_BLOCKS: Final = 64
_FEWEST_BLOCKS: Final = 8  # a variance of fewer runs says nothing


class BlockCounts:
    """Bins of several features, counted in at most 64 runs of flows as they come.

    When all are full, neighbours join and a run is twice as long: memory is bounded, and any
    cut of the flows into batches gives the same counts. Runs end at whole multiples of their
    length, counted from the very first flow of a stream: so the counts of its parts join to
    those of the whole (``joined``).

    Parameters
    ----------
    widths
        Bins of each of the F features.
    first
        Flows of the stream that came before these.

    Examples
    --------
    >>> blocks = BlockCounts([2])
    >>> blocks.add(np.array([[0], [1], [1]]))
    >>> blocks.n, blocks.totals(0).tolist()
    (3, [1, 2])
    """

    def __init__(self, widths: Sequence[int], first: int = 0) -> None:
        self._widths = tuple(widths)
        ends = np.cumsum(widths).tolist()
        self._slices = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
        self._counts = np.zeros((MOST_BLOCKS, ends[-1] if ends else 0), np.int64)
        self._length = 1  # flows a run
        self._runs = 0  # that hold a flow
        self.first = first
        self.n = 0

    def add(self, bins: NDArray[np.integer[Any]]) -> None:
        """Count the flows that come next; ``bins`` has shape ``(n, F)``."""
        n = len(bins)
        if not n:
            return
        while self._runs_of(self.n + n) > MOST_BLOCKS:
            twice = _in_pairs(self._counts, self.first // self._length)
            self._counts[: len(twice)], self._counts[len(twice) :] = twice, 0
            self._length *= 2
        run = (self.first % self._length + self.n + np.arange(n)) // self._length
        for position, place in enumerate(self._slices):
            width = place.stop - place.start
            counted = np.bincount(run * width + bins[:, position], minlength=MOST_BLOCKS * width)
            self._counts[:, place] += counted.reshape(MOST_BLOCKS, width)
        self.n += n
        self._runs = self._runs_of(self.n)

    def _runs_of(self, n: int) -> int:
        """Runs that the first ``n`` of these flows touch."""
        return -(-(self.first % self._length + n) // self._length)

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
        counts = self._counts[: self._runs, self._slices[feature]]
        length, at = self._length, self.first // self._length
        while (runs := len(counts)) >= _FEWEST_BLOCKS:
            effect = design_effect(counts, ordered=ordered)
            found[length] = effect * (runs - 1) / (runs - 3)
            counts, length, at = _in_pairs(counts, at), 2 * length, at // 2
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``; the counts bin by bin, which packs better."""
        return {
            "place": np.array([self.first, self.n, self._length], np.uint64),
            "runs": self._counts[: self._runs].T.astype(np.uint32),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], widths: Sequence[int]
    ) -> "BlockCounts":
        """What ``to_arrays`` gave; nothing can be added to it, but it can be joined.

        Raises
        ------
        ValueError, KeyError
            If they are not counts in bins of these widths.
        """
        first, n, length = (int(value) for value in arrays["place"].tolist())
        runs = arrays["runs"].T.astype(np.int64)
        if runs.shape[1] != sum(widths) or len(runs) > MOST_BLOCKS or not length:
            raise ValueError(f"counts of {runs.shape[1]} bins, not of {sum(widths)}")
        found = cls(widths, first)
        found._length, found.n, found._runs = length, n, len(runs)
        found._counts[: len(runs)] = runs
        return found

    @classmethod
    def joined(cls, parts: "Sequence[BlockCounts]") -> "BlockCounts":
        """The counts of parts of a stream as one, in the order in which the parts came.

        Where each part begins with the flow after the last one of the part before, it is as if
        all had been counted at once. After a gap a new run begins.

        Parameters
        ----------
        parts
            At least one, all in the same bins.
        """
        length = max(part._length for part in parts)
        rows = np.zeros((0, sum(parts[0]._widths)), np.int64)
        origin, following = parts[0].first // length, parts[0].first
        shift = 0  # of the place of a run, by what gaps made of it
        for part in parts:
            runs = part._in_runs_of(length)
            begin = part.first // length
            if part.first != following:
                shift = origin + len(rows) - begin
            at = begin + shift - origin
            rows = np.pad(rows, ((0, max(at + len(runs) - len(rows), 0)), (0, 0)))
            rows[at : at + len(runs)] += runs
            following = part.first + part.n
        while len(rows) > MOST_BLOCKS:
            rows, length, origin = _in_pairs(rows, origin), 2 * length, origin // 2
        found = cls(parts[0]._widths, parts[0].first)
        found._length, found._runs = length, len(rows)
        found._counts[: len(rows)] = rows
        found.n = sum(part.n for part in parts)
        return found

    def _in_runs_of(self, length: int) -> NDArray[np.int64]:
        """The counts in longer runs, shape ``(runs, bins)``."""
        counts, at, own = self._counts[: self._runs], self.first // self._length, self._length
        while own < length:
            counts, own, at = _in_pairs(counts, at), 2 * own, at // 2
        return counts


def _in_pairs(counts: NDArray[np.int64], at: int) -> NDArray[np.int64]:
    """Runs joined two by two, of which the first stands at ``at`` in its stream."""
    before = at % 2
    after = (len(counts) + before) % 2
    whole = np.pad(counts, ((before, after), (0, 0)))
    joined: NDArray[np.int64] = whole.reshape(len(whole) // 2, 2, -1).sum(axis=1)
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
