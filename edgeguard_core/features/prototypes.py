"""Prototypes: a few hundred benign flows that stand for all the fitted ones.

What is usual for a flow is what flows like it have, not what all flows have: a backup's bytes
are usual for a backup. The prototypes travel with the bundle, features alone, no address and no
time, rounded to three digits; each stands for several flows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.features.preprocessing import ModelInput, Preprocessor

MOST: Final = 256
"""Prototypes of a bundle: 64, 128, 256, 512 bring 87, 91, 92, 92 % of the demo's alerts under
the threshold, and 256 take 3 to 18 kB."""

FEWEST_FLOWS: Final = 5
"""What so many flows are like has a prototype; fewer may be one person's."""

_MOST_FITTED: Final = 20_000  # more move no centre that matters
_ROUNDS: Final = 8
_DIGITS: Final = 3
_ROWS_AT_ONCE: Final = 4_096

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Prototypes:
    """Benign flows as the model reads them, raw units.

    Attributes
    ----------
    inputs
        Shape ``(k, F)`` and ``(k, C)``.
    """

    inputs: ModelInput

    def __len__(self) -> int:
        return len(self.inputs)

    @classmethod
    def choose(cls, fitted: ModelInput, columns: Callable[[ModelInput], Matrix], seed: int) -> Self:
        """Those of the fitted benign flows that lie nearest to the centres of k-means.

        Centres begin spread out (k-means++, Arthur and Vassilvitskii 2007), drawn by the seed. A
        centre with few flows gives none, unless all have few.

        Parameters
        ----------
        fitted
            Benign flows, ``(n, F)`` and ``(n, C)``, n at least 1.
        columns
            Flows as the columns that the graph works on, ``(n, d)``: distances are of these.
        """
        rng = np.random.default_rng(seed)
        if len(fitted) > _MOST_FITTED:
            chosen = rng.choice(len(fitted), _MOST_FITTED, replace=False)
            fitted = fitted.select(np.sort(chosen))
        nearest, distance = _clusters(columns(fitted), MOST, rng)
        sizes = np.bincount(nearest)
        large = np.flatnonzero(sizes >= min(FEWEST_FLOWS, sizes.max()))
        order = np.lexsort((distance, nearest))
        first = order[np.searchsorted(nearest[order], large)]  # of each cluster its medoid
        inputs = fitted.select(np.sort(first))
        return cls(ModelInput(rounded(inputs.numeric), inputs.categorical))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The prototypes as plain arrays, for ``prototypes.npz``."""
        return {"numeric": self.inputs.numeric, "categorical": self.inputs.categorical}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], preprocessor: Preprocessor) -> Self:
        """What ``to_arrays`` gave, for the model that reads such flows.

        Raises
        ------
        ValueError
            If an array is missing, or holds what this model cannot read.
        """
        numeric, categorical = arrays["numeric"], arrays["categorical"]
        wanted = (len(preprocessor.numeric), len(preprocessor.categorical))
        if numeric.ndim != 2 or categorical.ndim != 2 or len(numeric) != len(categorical):
            raise ValueError("its arrays are no two tables of equal length")
        if (numeric.shape[1], categorical.shape[1]) != wanted:
            raise ValueError(f"its flows have other features than the {sum(wanted)} of the model")
        if numeric.dtype != np.float32 or categorical.dtype != np.int32:
            raise ValueError(f"its arrays hold {numeric.dtype} and {categorical.dtype}")
        bins = np.array([known.bins for known in preprocessor.categorical], np.int32)
        if not np.isfinite(numeric).all() or ((categorical < 0) | (categorical >= bins)).any():
            raise ValueError("one of its flows holds a value that no flow has")
        return cls(ModelInput(numeric, categorical))


def rounded(numeric: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers to three significant digits, shape as given.

    >>> rounded(np.float32([0, 5231, -0.12345])).tolist() == np.float32([0, 5230, -0.123]).tolist()
    True
    """
    values = numeric.astype(np.float64)
    size = np.floor(np.log10(np.abs(np.where(values == 0, 1.0, values))))
    step = 10.0 ** (size - (_DIGITS - 1))
    return (np.round(values / step) * step).astype(np.float32)


def _clusters(
    rows: Matrix, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Of each row ``(n, d)`` its centre's number and the squared distance to it, ``(n,)``."""
    centres = _spread(rows, most, rng)
    for _ in range(_ROUNDS):
        nearest, _ = _nearest(rows, centres)
        filled = np.unique(nearest)
        member = nearest[np.argsort(nearest, kind="stable")]
        ordered = rows[np.argsort(nearest, kind="stable")].astype(np.float64)
        sums = np.add.reduceat(ordered, np.searchsorted(member, filled), axis=0)
        counts = np.bincount(nearest)[filled]
        centres = (sums / counts[:, None]).astype(np.float32)
    return _nearest(rows, centres)


def _spread(rows: Matrix, most: int, rng: np.random.Generator) -> Matrix:
    """Different rows to begin with, far apart; fewer where there are not so many."""
    chosen = [int(rng.integers(len(rows)))]
    gap = ((rows - rows[chosen[0]]) ** 2).sum(axis=1, dtype=np.float64)
    while len(chosen) < most and gap.sum() > 0:
        chosen.append(int(rng.choice(len(rows), p=gap / gap.sum())))
        gap = np.minimum(gap, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1, dtype=np.float64))
    return rows[chosen]


def _nearest(rows: Matrix, centres: Matrix) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    nearest, distance = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    length = (centres**2).sum(axis=1)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        between = length - 2 * rows[part] @ centres.T
        nearest[part] = between.argmin(axis=1)
        distance[part] = ((rows[part] - centres[nearest[part]]) ** 2).sum(axis=1)
    return nearest, distance
