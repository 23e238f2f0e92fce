"""Which features fail, and for whom: counts of their errors that stay small and add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.log_bins import LogBins
from edgeguard_core.evaluation.sketching import BENIGN_CLASS, UNLABELLED_CLASS

BINS = LogBins(8)  # of errors; their borders lie 33 % apart
_ROWS_AT_ONCE = 65_536


def in_order(classes: Sequence[str]) -> tuple[str, ...]:
    """Benign first, attacks by name, unlabelled last: as ``class_index`` has them.

    >>> in_order(["unlabelled", "scan", "benign", "bot"])
    ('benign', 'bot', 'scan', 'unlabelled')
    """
    last = {BENIGN_CLASS: 0, UNLABELLED_CLASS: 2}
    return tuple(sorted(set(classes), key=lambda name: (last.get(name, 1), name)))


@dataclass(frozen=True, eq=False)
class FeatureErrorSketch:
    """The errors of F features over flows of C classes, in B bins: merges by addition.

    Attributes
    ----------
    features, classes
        Names. Only classes with flows are there, in the order of ``in_order``.
    counts
        Flows by the bin of a feature's error (``log_bins``), uint32, ``(F, C, B)``.
    sums, share_sums
        Of the errors, and of their shares of the flow's score, float64, ``(F, C)``.
    flows
        How many of each class, int64, ``(C,)``.
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.uint32]
    sums: NDArray[np.float64]
    share_sums: NDArray[np.float64]
    flows: NDArray[np.int64]

    @classmethod
    def empty(cls, features: Sequence[str]) -> "FeatureErrorSketch":
        """The sketch of no flow."""
        n = len(features)
        return cls(
            tuple(features),
            (),
            np.zeros((n, 0, len(BINS)), np.uint32),
            np.zeros((n, 0)),
            np.zeros((n, 0)),
            np.zeros(0, np.int64),
        )

    @classmethod
    def build(
        cls,
        feature_errors: NDArray[np.float32],
        class_of: NDArray[np.int64],
        classes: Sequence[str],
        features: Sequence[str],
    ) -> "FeatureErrorSketch":
        """The sketch of n flows.

        Parameters
        ----------
        feature_errors
            As a detector gives them, shape ``(n, F)``.
        class_of, classes
            Position of each flow's class, ``(n,)``, in some names.

        Examples
        --------
        >>> errors = np.float32([[3, 1], [0, 8]])
        >>> found = FeatureErrorSketch.build(errors, np.array([0, 1]), ("benign", "bot"), "xy")
        >>> found.mean_share
        array([[0.75, 0.  ],
               [0.25, 1.  ]])
        """
        found = cls.empty(features)
        for start in range(0, len(feature_errors), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            found = found.merge(_counted(feature_errors[rows], class_of[rows], classes, features))
        return found

    def merge(self, other: "FeatureErrorSketch") -> "FeatureErrorSketch":
        """The sketch of the flows of both.

        Raises
        ------
        ValueError
            If they are of other features.
        """
        if self.features != other.features:
            raise ValueError("only sketches of the same features can be merged")
        classes = in_order((*self.classes, *other.classes))
        wide = [sketch._spread(classes) for sketch in (self, other)]
        return FeatureErrorSketch(self.features, classes, *(a + b for a, b in zip(*wide)))  # noqa: B905

    @property
    def mean_share(self) -> NDArray[np.float64]:
        """What part of a score each feature makes up on average, ``(F, C)``, 0 to 1."""
        return self.share_sums / self.flows

    @property
    def mean_error(self) -> NDArray[np.float64]:
        """Mean error of each feature and class, ``(F, C)``."""
        return self.sums / self.flows

    def quantile(self, q: float) -> NDArray[np.float64]:
        """The ``q`` quantile of each feature's error by class, ``(F, C)``; exact to a bin."""
        return BINS.quantiles(self.counts, q)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sketch as arrays of numbers and text."""
        return {
            "features": np.array(self.features, np.str_),
            "classes": np.array(self.classes, np.str_),
            "counts": self.counts,
            "sums": self.sums,
            "share_sums": self.share_sums,
            "flows": self.flows,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "FeatureErrorSketch":
        """The sketch that ``to_arrays`` gave.

        Raises
        ------
        ValueError
            If an array is missing, or of another shape than the names demand.
        """
        try:
            features, classes = (tuple(arrays[name].tolist()) for name in ("features", "classes"))
            found = cls(
                features,
                classes,
                arrays["counts"].astype(np.uint32),
                arrays["sums"].astype(np.float64),
                arrays["share_sums"].astype(np.float64),
                arrays["flows"].astype(np.int64),
            )
        except KeyError as error:
            raise ValueError(f"it lacks the array {error.args[0]!r}") from error
        shape = (len(features), len(classes))
        right = found.counts.shape == (*shape, len(BINS)) and found.flows.shape == shape[1:]
        if not right or found.sums.shape != shape or found.share_sums.shape != shape:
            raise ValueError(f"its counts have the shape {found.counts.shape}")
        return found

    def _spread(self, classes: tuple[str, ...]) -> list[NDArray[Any]]:
        """The four arrays over more classes, zeros for those that are not here."""
        at = [classes.index(name) for name in self.classes]
        wide: list[NDArray[Any]] = []
        for array in (self.counts, self.sums, self.share_sums):
            spread = np.zeros((array.shape[0], len(classes), *array.shape[2:]), array.dtype)
            spread[:, at] = array
            wide.append(spread)
        flows = np.zeros(len(classes), np.int64)
        flows[at] = self.flows
        return [*wide, flows]


def _counted(
    errors: NDArray[np.float32],
    class_of: NDArray[np.int64],
    classes: Sequence[str],
    features: Sequence[str],
) -> FeatureErrorSketch:
    """The sketch of some flows at once; a class without any is left out."""
    flows = np.bincount(class_of, minlength=len(classes))
    found = np.flatnonzero(flows).tolist()
    there = sorted(found, key=lambda c: in_order(classes).index(classes[c]))
    new = np.zeros(len(classes), np.int64)
    new[there] = np.arange(len(there))
    code, n_bins = new[class_of], len(BINS)
    counts = np.zeros((len(features), len(there), n_bins), np.uint32)
    for f in range(len(features)):
        cell = code * n_bins + BINS.of(errors[:, f])
        counts[f] = np.bincount(cell, minlength=len(there) * n_bins).reshape(-1, n_bins)
    total = errors.sum(axis=1, dtype=np.float64)
    share = errors / np.where(total > 0, total, 1.0)[:, None]
    members = [code == c for c in range(len(there))]
    return FeatureErrorSketch(
        tuple(features),
        tuple(classes[c] for c in there),
        counts,
        _column_sums(errors, members),
        _column_sums(share, members),
        flows[there],
    )


def _column_sums(
    values: NDArray[np.floating], members: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """The sum of each column over the rows of each class, ``(F, C)``."""
    sums = [values[mine].sum(axis=0, dtype=np.float64) for mine in members]
    return np.stack(sums, axis=1) if sums else np.zeros((values.shape[1], 0))
