"""Where a sketch of scores counts: the thresholds that somebody may want to stand on."""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

USUAL_PROMISES = (
    0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 1e-5,
)  # fmt: skip

HISTOGRAM_BINS = 256
# A histogram spans at most nine decades: one stray tiny score must not squeeze all others
# into a few bins. What lies below counts as underflow, with the zeros.
HISTOGRAM_SPAN = 1e-9
SMALLEST_BIN_EDGE = 1e-12

LARGEST_FLOAT32 = np.float32(np.finfo(np.float32).max)


def next_above(value: float) -> np.float32:
    """Smallest float32 above a value, so that the value itself no longer alerts.

    >>> bool(next_above(1.0) > np.float32(1.0)), float(next_above(1.0)) - 1.0 < 2e-7
    (True, True)
    """
    return np.float32(np.nextafter(np.float32(value), np.float32(np.inf)))


def conformal_rank(n_rows: int, rate: float) -> int:
    """Rank k = ⌈(n + 1)(1 − rate)⌉ of the calibration score that a promise rests on.

    Computed in exact fractions of the rate as written: in binary floating point
    ``(n + 1) * (1 - rate)`` may land a hair above a whole number and cost one rank.
    A rank above ``n_rows`` means that so few rows allow no such promise.

    >>> conformal_rank(99, 0.01), conformal_rank(98, 0.01), conformal_rank(19, 0.05)
    (99, 99, 19)
    """
    return ceil((n_rows + 1) * (1 - Fraction(repr(float(rate)))))


def histogram_edges(low: float, high: float, bins: int = HISTOGRAM_BINS) -> NDArray[np.float32]:
    """Ascending bin borders from 0, shape ``(bins + 1,)``: one underflow bin, then log-spaced.

    Bin ``i`` holds ``edges[i] <= score < edges[i + 1]``; the last border lies just above
    ``high``, so no score up to ``high`` is lost.

    >>> histogram_edges(1.0, 99.99, bins=3)[:2]
    array([0., 1.], dtype=float32)
    """
    low = max(low, high * HISTOGRAM_SPAN, SMALLEST_BIN_EDGE)
    top = max(high, 2 * low)
    edges = np.concatenate([[0.0], np.geomspace(low, top, bins)]).astype(np.float32)
    edges[-1] = next_above(top)
    return edges


def fixed_edges(low: float = 1e-6, high: float = 1e6, count: int = 2048) -> NDArray[np.float32]:
    """Log-spaced thresholds that do not depend on any data, 0 first, shape ``(count,)``.

    Sketches on the same fixed edges merge by addition: uploads in chunks, a live feed,
    many machines. Between two edges of the default grid lie 1.4 %.

    >>> fixed_edges(1.0, 100.0, count=4)
    array([  0.,   1.,  10., 100.], dtype=float32)
    """
    grid = np.concatenate([[0.0], np.geomspace(low, high, count - 1)])
    return np.unique(grid.astype(np.float32))


def choose_edges(
    ordered: NDArray[np.float32], benign: NDArray[np.float32], max_edges: int
) -> tuple[NDArray[np.float32], bool]:
    """Thresholds worth counting at, and whether they are all there are.

    Parameters
    ----------
    ordered
        All scores, ascending, shape ``(n,)``.
    benign
        The benign scores, ascending; false-alarm rates are spread over these.
    max_edges
        At most so many edges, at least 64.

    Returns
    -------
    Ascending distinct float32 edges, and True when every score is one of them. The last
    edge always lies above the largest score, so that "no alert" can be chosen.

    Examples
    --------
    >>> scores = np.array([1, 1, 2], np.float32)
    >>> edges, complete = choose_edges(scores, scores, 2048)
    >>> edges[:2].tolist(), bool(edges[-1] == next_above(2.0)), complete
    ([1.0, 2.0], True, True)
    """
    if ordered.size == 0:
        return np.array([next_above(0.0)], np.float32), True
    above = next_above(ordered[-1])
    distinct = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    if distinct.size + 1 <= max_edges:
        return np.concatenate([distinct, np.array([above], np.float32)]), True
    extremes = np.array([ordered[0], above], np.float32)
    must = np.union1d(_conformal_values(benign), extremes)
    room = max_edges - must.size
    tail = _benign_tail(benign if benign.size else ordered, (2 * room) // 3)
    low = max(float(distinct[distinct > 0][0]), float(ordered[-1]) * HISTOGRAM_SPAN)
    grid = np.geomspace(low, float(ordered[-1]), max_edges - np.union1d(must, tail).size)
    return np.unique(np.concatenate([must, tail, grid.astype(np.float32)])), False


def _conformal_values(benign: NDArray[np.float32]) -> NDArray[np.float32]:
    ranks = [conformal_rank(benign.size, rate) for rate in USUAL_PROMISES]
    ranks.append(benign.size)  # the smallest promise these rows allow
    held = sorted({rank for rank in ranks if 1 <= rank <= benign.size})
    return np.unique(np.array([next_above(benign[rank - 1]) for rank in held], np.float32))


def _benign_tail(benign: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Observed scores at false-alarm rates log-spaced from one half to one flow."""
    rates = np.geomspace(0.5, 1.0 / benign.size, count)
    alerts = np.clip(np.rint(rates * benign.size).astype(np.int64), 1, benign.size)
    return np.unique(benign[benign.size - alerts])
