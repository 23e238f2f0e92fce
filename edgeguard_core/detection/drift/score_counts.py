"""Scores counted as drift is read from them, in bounded memory and any cut into batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.drift.blocks import BlockCounts
from edgeguard_core.detection.drift.reference import bins_of, cuts_of
from edgeguard_core.thresholds import Calibration, Threshold, ThresholdSketch

TAIL: Final = 0.05
"""p-values up to here are the tail, where attacks stand; above is the body, which drift moves."""
QUANTILES: Final = (0.5, 0.9, 0.99)
_BODY_BINS: Final = 950  # of p-values above the tail, a thousandth wide
_DROPPED_BITS: Final = 15  # of a float32: scores are told apart to .4 %
_VALUES: Final = 1 << (31 - _DROPPED_BITS)


@dataclass(frozen=True, eq=False)
class ScoreReference:
    """What scores should be like: those of a calibration, and the alerts of a threshold.

    Attributes
    ----------
    cuts, counts
        Some sixty bins of scores as ``FeatureSketch`` has them, and the calibration's flows.
    quantiles
        The calibration's scores at ``QUANTILES``, shape ``(3,)``.
    n
        Flows of the calibration.
    threshold
        Its value.
    expected
        Share of alerts that was promised, else that of the calibration.
    edges
        Scores are rounded down to one of these before they are counted, as the calibration's
        are; None where it kept them all.
    """

    cuts: NDArray[np.float32]
    counts: NDArray[np.int64]
    quantiles: NDArray[np.float64]
    n: int
    threshold: float
    expected: float
    edges: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, calibration: Calibration, threshold: Threshold) -> "ScoreReference":
        """Of what is in force."""
        sketch = calibration.sketch
        points, weights = sketch.benign_points()
        values = points.astype(np.float32)
        cuts = cuts_of(values, weights)
        counts = np.bincount(bins_of(cuts, values), weights=weights, minlength=len(cuts) + 2)
        expected = threshold.promised_false_positive_rate
        if expected is None:
            expected = int(sketch.counts_at(threshold.value)[0]) / sketch.n_benign
        return cls(
            cuts=cuts,
            counts=counts.astype(np.int64),
            quantiles=np.array([_quantile(sketch, share) for share in QUANTILES]),
            n=sketch.n_benign,
            threshold=threshold.value,
            expected=expected,
            edges=None if sketch.complete else sketch.edges,
        )

    def bins(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """The bin of each score, shape ``(n,)``."""
        if self.edges is not None:
            below = np.append(np.float32(0), self.edges)
            rounded = below[np.searchsorted(self.edges, scores, side="right")]
            scores = np.where(np.isnan(scores), scores, rounded)
        return bins_of(self.cuts, scores)

    def is_same(self, other: "ScoreReference") -> bool:
        """Whether counts against the other one can be added to those against this one."""
        mine, theirs = self.to_arrays(), other.to_arrays()
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``."""
        return {
            "cuts": self.cuts,
            "counts": self.counts,
            "quantiles": self.quantiles,
            "figures": np.array([self.n, self.threshold, self.expected], np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ScoreReference":
        """What ``to_arrays`` gave; scores can no longer be put into its bins.

        Raises
        ------
        KeyError, ValueError
            If they are something else.
        """
        n, threshold, expected = arrays["figures"].tolist()
        return cls(
            arrays["cuts"], arrays["counts"], arrays["quantiles"], int(n), threshold, expected
        )


@dataclass
class ScoreCounts:
    """Scores of a stream of flows against a reference.

    Attributes
    ----------
    first
        Flows of the stream that came before.
    blocks
        Score bins, alerts and tail, in runs.
    body
        p-values above the tail, shape ``(950,)``.
    values
        Scores by the upper bits of their float32, shape ``(65536,)``.
    """

    reference: ScoreReference
    first: int = 0
    blocks: BlockCounts = field(init=False)
    body: NDArray[np.int64] = field(init=False)
    values: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = BlockCounts(self._widths, self.first)
        self.body = np.zeros(_BODY_BINS, np.int64)
        self.values = np.zeros(_VALUES, np.int64)

    @property
    def _widths(self) -> tuple[int, int, int]:
        return len(self.reference.counts), 2, 2

    def add(
        self,
        scores: NDArray[np.float32],
        p_values: NDArray[np.float64],
        is_alert: NDArray[np.bool_],
    ) -> None:
        """Count the flows that come next, shape ``(n,)`` each."""
        is_tail = p_values <= TAIL
        flags = np.stack([is_alert, is_tail], axis=1).astype(np.int64)
        self.blocks.add(np.column_stack([self.reference.bins(scores), flags]))
        body = (p_values[p_values > TAIL] - TAIL) * (_BODY_BINS / (1 - TAIL))
        places = np.minimum(body.astype(np.int64), _BODY_BINS - 1)
        self.body += np.bincount(places, minlength=_BODY_BINS)
        known = np.ascontiguousarray(scores[~np.isnan(scores)], np.float32)
        bits = np.abs(known).view(np.uint32) >> _DROPPED_BITS
        self.values += np.bincount(bits.astype(np.int64), minlength=_VALUES)

    def quantile(self, share: float) -> float:
        """The score that this share of the flows does not pass, to .4 %; nan without any."""
        below = np.cumsum(self.values)
        if not below[-1]:
            return float("nan")
        at = int(np.searchsorted(below, max(share * below[-1], 1)))
        middle = (at << _DROPPED_BITS) + (1 << (_DROPPED_BITS - 1))
        return float(np.array([middle], np.uint32).view(np.float32)[0])

    def body_shift(self) -> float:
        """Distance of the body from an even spread, 0 to 1; 1 without any flow in it."""
        return uneven(self.body) if self.body.any() else 1.0

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, of the reference too."""
        seen = np.flatnonzero(self.values)
        return {
            **{f"blocks_{name}": array for name, array in self.blocks.to_arrays().items()},
            **{f"reference_{name}": a for name, a in self.reference.to_arrays().items()},
            "body": self.body.astype(np.uint32),
            "values": np.stack([seen, self.values[seen]]).astype(np.uint32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "ScoreCounts":
        """What ``to_arrays`` gave.

        Raises
        ------
        KeyError, ValueError, IndexError
            If they are something else.
        """
        found = cls(ScoreReference.from_arrays(within(arrays, "reference_")))
        found.blocks = BlockCounts.from_arrays(within(arrays, "blocks_"), found._widths)
        found.body = found.body + arrays["body"]
        found.values[arrays["values"][0]] = arrays["values"][1]
        return found

    @classmethod
    def joined(cls, parts: "list[ScoreCounts]") -> "ScoreCounts":
        """The counts of parts of a stream, all against the same reference, in their order."""
        found = cls(parts[0].reference)
        found.blocks = BlockCounts.joined([part.blocks for part in parts])
        for part in parts:
            found.body = found.body + part.body
            found.values = found.values + part.values
        return found


def uneven(counts: NDArray[Any]) -> float:
    """How far counts in bins of equal width lie from even, 0 to 1 (Kolmogorov–Smirnov).

    >>> uneven(np.array([2, 2, 2, 2])), uneven(np.array([4, 0, 0, 0]))
    (0.0, 0.75)
    """
    even = np.arange(1, len(counts) + 1) / len(counts)
    return float(np.abs(np.cumsum(counts) / counts.sum() - even).max())


def within(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin so, by the rest of their names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _quantile(sketch: ThresholdSketch, share: float) -> float:
    points, weights = sketch.benign_points()
    at = np.searchsorted(np.cumsum(weights), share * weights.sum())
    return float(points[min(int(at), len(points) - 1)])
