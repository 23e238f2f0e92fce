"""Distances of two counted distributions, and how likely chance alone is to make them.

All on counts in the same bins, so that the reference's flows are needed no more.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PSI_GROUPS: Final = 10
_SMOOTHING: Final = 0.5  # flows added to each group, so that an empty one is no infinity
_FEWEST_EXPECTED: Final = 5.0  # flows; Cochran's rule


def population_stability(
    reference: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]
) -> float:
    """The population stability index, Σ (q − p)·ln(q / p), of shares smoothed by half a flow.

    Below .1 nothing moved, above .25 much did, says custom (Siddiqi 2006). By chance alone it
    is near (bins − 1)·(1/n + 1/m) (Yurdakul 2018): never read it without a p-value.

    Parameters
    ----------
    reference, counts
        Flows by bin, shape ``(bins,)`` each.

    Examples
    --------
    >>> round(population_stability(np.array([500, 500]), np.array([900, 100])), 2)
    0.88
    >>> population_stability(np.array([5, 5]), np.array([5, 5]))
    0.0
    """
    p, q = reference + _SMOOTHING, counts + _SMOOTHING
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def equal_groups(reference: NDArray[np.integer[Any]], groups: int) -> NDArray[np.int64]:
    """The group of each ordered bin, shape ``(bins,)``: about equal shares of the reference.

    >>> equal_groups(np.array([25, 25, 25, 25]), 2).tolist()
    [0, 0, 1, 1]
    """
    total = max(int(reference.sum()), 1)
    middles = (np.cumsum(reference) - reference / 2) / total
    return np.minimum((middles * groups).astype(np.int64), groups - 1)


def largest_gap(reference: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> float:
    """The Kolmogorov–Smirnov distance on ordered bins, 0 to 1.

    Both distributions are known exactly at the borders of the bins and nowhere else, so it is
    at most the distance of the flows themselves: no p-value from it is too small.

    >>> largest_gap(np.array([5, 5]), np.array([10, 0]))
    0.5
    """
    below = np.cumsum(reference) / reference.sum() - np.cumsum(counts) / counts.sum()
    return float(np.abs(below).max())


def total_variation(reference: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> float:
    """Share of flows that would have to change their bin, 0 to 1.

    >>> total_variation(np.array([5, 5]), np.array([10, 0]))
    0.5
    """
    return float(np.abs(reference / reference.sum() - counts / counts.sum()).sum() / 2)


def kolmogorov_p(gap: float, n: float, m: float) -> float:
    """Chance of at least such a gap between n and m flows of one continuous distribution.

    The asymptotic law with Stephens' correction for small samples (JRSS B 1970). With ties and
    bins, as here, the true chance is smaller (Noether 1963). ``n`` and ``m`` are effective
    sample sizes.

    >>> kolmogorov_p(0.0, 100, 100), round(kolmogorov_p(0.2, 100, 100), 2)
    (1.0, 0.03)
    """
    from scipy.special import kolmogorov

    root = np.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * gap))


def chi_square_p(
    reference: NDArray[np.integer[Any]],
    counts: NDArray[np.integer[Any]],
    n: float,
    m: float,
) -> float:
    """Chance of shares so unlike between n and m effective flows of one distribution.

    Pearson's two-sample chi-square. With effective sizes it is Rao and Scott's first correction
    for flows that are alike. Bins that expect under 5 effective flows count as one.

    >>> round(chi_square_p(np.array([50, 50]), np.array([40, 60]), 100, 100), 3)
    0.155
    """
    from scipy.special import chdtrc

    p, q = reference / reference.sum(), counts / counts.sum()
    pooled = (n * p + m * q) / (n + m)
    rare = pooled * min(n, m) < _FEWEST_EXPECTED
    if rare.any():
        p, q, pooled = (np.append(shares[~rare], shares[rare].sum()) for shares in (p, q, pooled))
    there = pooled > 0
    bins = int(there.sum())
    if bins < 2:
        return 1.0
    weight = n * m / (n + m)
    statistic = weight * float(((p - q)[there] ** 2 / pooled[there]).sum())
    return float(chdtrc(bins - 1, statistic))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values corrected for their number, shape ``(tests,)``, by Holm (Scand. J. Stat. 1979).

    At most alpha of all files without drift have any corrected p below alpha, however the
    features depend on one another; a false-discovery rate would not bound that.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    left = len(p_values) - np.arange(len(p_values))
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * left), 1.0)
    return corrected
