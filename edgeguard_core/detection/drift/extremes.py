"""The ends of columns: what tells a column that stopped moving, or hit a ceiling."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ENDS: Final = ("low", "high")
_TIMES: Final = ("zeros", "known", "at_high")


class ColumnExtremes:
    """Of F numeric columns: smallest and largest value, zeros, and how often the largest came.

    In bounded memory, whatever the cut into batches.
    """

    def __init__(self, columns: int) -> None:
        self.n = 0
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self.zeros = np.zeros(columns, np.int64)
        self.known = np.zeros(columns, np.int64)
        self.at_high = np.zeros(columns, np.int64)

    def add(self, at: int, values: NDArray[Any]) -> None:
        """Look at some cells of one column, shape ``(n,)``."""
        numbers = values[np.isfinite(values)]
        if not len(numbers):
            return
        highest = float(numbers.max())
        times = int(np.count_nonzero(numbers == highest))
        if highest > self.high[at]:
            self.high[at], self.at_high[at] = highest, times
        elif highest == self.high[at]:
            self.at_high[at] += times
        self.low[at] = min(self.low[at], float(numbers.min()))
        self.zeros[at] += int(np.count_nonzero(numbers == 0))
        self.known[at] += len(numbers)

    def join(self, later: "ColumnExtremes") -> None:
        """Take in what was seen of the same columns elsewhere."""
        is_higher, is_same = later.high > self.high, later.high == self.high
        self.at_high = np.where(
            is_higher, later.at_high, self.at_high + np.where(is_same, later.at_high, 0)
        )
        self.low, self.high = np.minimum(self.low, later.low), np.maximum(self.high, later.high)
        self.zeros = self.zeros + later.zeros
        self.known = self.known + later.known
        self.n += later.n

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, shape ``(2, F)`` and ``(3, F)``."""
        return {
            "ends": np.stack([getattr(self, name) for name in _ENDS]),
            "times": np.stack([getattr(self, name) for name in _TIMES]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n: int) -> "ColumnExtremes":
        """What ``to_arrays`` gave, of ``n`` flows.

        Raises
        ------
        KeyError, ValueError
            If they are something else.
        """
        found = cls(arrays["ends"].shape[1])
        found.n = n
        found.low, found.high = arrays["ends"]
        found.zeros, found.known, found.at_high = arrays["times"]
        return found
