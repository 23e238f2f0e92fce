"""The tail of the benign scores, fitted, for what lies beyond the largest one seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import NotEnoughDataError

Floats = NDArray[np.float64]

# Below -1/2 the likelihood has no regular maximum (Smith 1985).
SMALLEST_XI = -0.5
# With fewer excesses a shape cannot be told from noise: an exponential tail is taken.
FEWEST_FOR_SHAPE = 20
TAIL_SHARE = 0.02  # Siffer 2017 starts at the 98th percentile
FEWEST_EXCESSES = 50


@dataclass(frozen=True)
class Tail:
    """Generalised Pareto tail of scores above ``u`` (peaks over threshold, Siffer 2017).

    Attributes
    ----------
    u
        Score from which the tail is fitted.
    xi, sigma
        Shape (above 0: heavy, 0: exponential, below 0: it ends) and scale, in score units.
        An infinite scale means that nothing was there to fit, and the tail never falls.
    share_above
        Share of benign flows above ``u``.

    Examples
    --------
    >>> tail = Tail(u=1.0, xi=0.0, sigma=1.0, share_above=0.02)
    >>> tail.survival(np.array([1.0, 1.0 + np.log(2)]))
    array([0.02, 0.01])
    >>> round(tail.quantile(0.01), 3)
    1.693
    """

    u: float
    xi: float
    sigma: float
    share_above: float

    def survival(self, scores: Floats) -> Floats:
        """Share of benign flows expected at or above each score, ``(n,)``, for scores >= u."""
        x = np.maximum(np.asarray(scores, np.float64) - self.u, 0.0) / self.sigma
        if self.xi == 0.0:
            return np.asarray(self.share_above * np.exp(-x))
        with np.errstate(divide="ignore"):  # beyond the end of a tail that ends
            log_inner = np.log1p(np.maximum(self.xi * x, -1.0))
        return np.asarray(self.share_above * np.exp(-log_inner / self.xi))

    def quantile(self, rate: float) -> float:
        """Score that a share ``rate`` of benign flows reaches; rate up to ``share_above``."""
        ratio = rate / self.share_above
        if self.xi == 0.0:
            return self.u - self.sigma * float(np.log(ratio))
        return self.u + self.sigma / self.xi * float(ratio**-self.xi - 1.0)


def fit_tail(scores: Floats, weights: NDArray[np.int64] | None = None) -> Tail:
    """Tail fitted to the highest two percent of benign scores, at least fifty of them.

    Parameters
    ----------
    scores
        Benign scores, any order, shape ``(n,)``.
    weights
        How many flows each score stands for, ``(n,)``; None: one each.

    Raises
    ------
    NotEnoughDataError
        If there is no score at all.

    Examples
    --------
    >>> tail = fit_tail(np.random.default_rng(0).exponential(2.0, 20_000))
    >>> round(tail.share_above, 3), abs(tail.xi) < 0.15, 1.5 < tail.sigma < 2.5
    (0.02, True, True)
    """
    points = np.asarray(scores, np.float64)
    if points.size == 0:
        raise NotEnoughDataError("No benign flow to fit a tail to: give some benign flows.")
    order = np.argsort(points, kind="stable")
    points = points[order]
    mass = (np.ones(points.size, np.int64) if weights is None else weights)[order]
    distinct, start = np.unique(points, return_index=True)
    mass = np.add.reduceat(mass, start)
    total = int(mass.sum())
    above = total - np.cumsum(mass)  # flows strictly above each distinct score
    wanted = min(max(int(np.ceil(TAIL_SHARE * total)), FEWEST_EXCESSES), max(total // 2, 1))
    at = int(np.argmax(above <= wanted))
    if above[at] == 0:  # ties reach the very top: step below them
        at -= 1
    if at < 0:
        return Tail(float(distinct[-1]), 0.0, float("inf"), 1.0)
    xi, sigma = fit_excesses(distinct[at + 1 :] - distinct[at], mass[at + 1 :])
    return Tail(float(distinct[at]), xi, sigma, float(above[at] / total))


def fit_excesses(excesses: Floats, weights: NDArray[np.int64] | None = None) -> tuple[float, float]:
    """Shape xi and scale sigma of the generalised Pareto law most likely behind excesses.

    With theta = xi / sigma both follow from theta alone (Grimshaw 1993), so the likelihood
    is searched along one line: a grid, then golden sections around its best point. The
    shape is held at or above -1/2, where the likelihood is bounded.

    Parameters
    ----------
    excesses
        Positive distances above the start of the tail, shape ``(m,)``, not empty.

    Examples
    --------
    >>> xi, sigma = fit_excesses(np.random.default_rng(1).pareto(4.0, 5_000))
    >>> abs(xi - 0.25) < 0.05, abs(sigma - 0.25) < 0.02
    (True, True)
    """
    mass = np.ones(excesses.size, np.int64) if weights is None else weights
    mean = float(np.average(excesses, weights=mass))
    if mass.sum() < FEWEST_FOR_SHAPE:
        return 0.0, mean
    x = excesses / mean  # without units, so that one grid fits all
    share = mass / mass.sum()
    steps = np.geomspace(1e-6, 1.0 - 1e-9, 60)
    grid = np.concatenate([-steps[::-1] / x.max(), [0.0], np.geomspace(1e-4, 1e6, 120)])
    likelihood = np.array([_profile(theta, x, share) for theta in grid])
    best = int(np.argmax(likelihood))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    theta = _golden_section(low, high, x, share)
    if _profile(theta, x, share) < likelihood[best]:
        theta = float(grid[best])
    xi = _shape(theta, x, share)
    if xi == 0.0:
        return 0.0, mean
    return xi, xi / theta * mean


def _shape(theta: float, x: Floats, share: Floats) -> float:
    return float(share @ np.log1p(theta * x))


def _profile(theta: float, x: Floats, share: Floats) -> float:
    """Mean log-likelihood of unit-mean excesses, the scale chosen best for this theta."""
    xi = _shape(theta, x, share)
    if xi < SMALLEST_XI:
        return -np.inf
    if abs(theta) < 1e-12:
        return -1.0  # exponential with mean 1
    return float(-np.log(xi / theta) - xi - 1.0)


def _golden_section(low: float, high: float, x: Floats, share: Floats) -> float:
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = _profile(left, x, share), _profile(right, x, share)
    for _ in range(60):
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = _profile(left, x, share)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = _profile(right, x, share)
    return float((low + high) / 2.0)
