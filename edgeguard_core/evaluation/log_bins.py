"""Bins for amounts that span decades and may be 0: the same everywhere, so that counts add up."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOWEST = 1e-6
HIGHEST = 1e6
_PREFIXES = 1 << 16  # of a float32: sign, exponent, seven bits; 0.8 % apart


class LogBins:
    """So many bins a decade from 1e-6 to 1e6, one for what is below, and one for what is above.

    Parameters
    ----------
    a_decade
        At most 100: two borders must not lie closer than 1 %.

    Attributes
    ----------
    edges
        Ascending float32 borders, shape ``(12 × a_decade + 1,)``. Bin ``i`` holds
        ``edges[i - 1] <= value < edges[i]``; the first one also holds the zeros.

    Examples
    --------
    >>> bins = LogBins(1)
    >>> len(bins), bins.edges[[0, 6, 12]]
    (14, array([1.e-06, 1.e+00, 1.e+06], dtype=float32))
    """

    def __init__(self, a_decade: int) -> None:
        decades = round(np.log10(HIGHEST / LOWEST))
        grid = np.geomspace(LOWEST, HIGHEST, decades * a_decade + 1)
        self.edges: NDArray[np.float32] = grid.astype(np.float32)

    def __len__(self) -> int:
        return len(self.edges) + 1

    def of(self, values: ArrayLike) -> NDArray[np.int64]:
        """The bin of each value, in the shape of the values, which must not be NaN.

        >>> LogBins(1).of([0.0, 1.0, 1e9]).tolist()
        [0, 7, 13]
        """
        numbers = np.asarray(values, np.float32, order="C")
        low = self._bin_of_prefix[numbers.view(np.uint32) >> np.uint32(16)]
        # Between two prefixes lies one border at most. This is five times faster than a search.
        bins = low + (numbers >= self._next_edge[low])
        return np.asarray(np.minimum(bins, len(self.edges)), np.int64)

    @cached_property
    def _bin_of_prefix(self) -> NDArray[np.int64]:
        """The bin of the smallest float32 that begins with each 16 bits, ``(65536,)``."""
        smallest = (np.arange(_PREFIXES, dtype=np.uint32) << np.uint32(16)).view(np.float32)
        table = np.searchsorted(self.edges, smallest, side="right")
        table[_PREFIXES // 2 :] = 0  # negative ones
        return table

    @cached_property
    def _next_edge(self) -> NDArray[np.float32]:
        return np.append(self.edges, np.float32(np.inf))

    def quantiles(self, counts: NDArray[np.integer], q: float) -> NDArray[np.float64]:
        """The ``q`` quantile of each row of counts, to the width of a bin.

        Parameters
        ----------
        counts
            Shape ``(…, len(self))``.
        q
            0 to 1.

        Returns
        -------
        Shape ``(…)``: 0 in the first bin, 1e6 in the last, NaN where nothing was counted.

        Examples
        --------
        >>> bins = LogBins(1)
        >>> counts = np.bincount(bins.of([0, 0, 0, 20]), minlength=len(bins))
        >>> float(bins.quantiles(counts, 0.5)), float(bins.quantiles(counts, 1.0))
        (0.0, 100.0)
        """
        up_to = np.cumsum(counts, axis=-1, dtype=np.float64)
        total = up_to[..., -1:]
        wanted = np.maximum(q * total, np.minimum(total, 0.5))  # at least some of the first flow
        at = np.minimum((up_to < wanted).sum(axis=-1, keepdims=True), len(self.edges))
        here = np.take_along_axis(counts, at, axis=-1).astype(np.float64)
        below = np.take_along_axis(up_to, at, axis=-1) - here
        part = np.clip((wanted - below) / np.where(here > 0, here, 1.0), 0.0, 1.0)
        borders = self.edges.astype(np.float64)
        low = borders[np.maximum(at - 1, 0)]
        high = borders[np.minimum(at, len(borders) - 1)]
        value = np.where(at == 0, 0.0, low * (high / low) ** part)
        return np.asarray(np.where(total > 0, value, np.nan)[..., 0])
