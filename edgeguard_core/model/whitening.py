"""Residuals that belong together count once: what whitens them, learned from benign flows.

Features go together (bytes with packets, one flag with another), and so do their residuals: one
odd cause is counted once a feature, and a combination that never happens counts no more than one
that always does. ZCA-cor of Kessy, Lewin and Strimmer (2018), "Optimal whitening and
decorrelation", undoes that and keeps each whitened residual with its feature, so that it can still
be named.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SCALE, DOWN, UP = "whitening_scale", "whitening_down", "whitening_up"
"""Names of the arrays: z = y + (y @ down) @ up, where y = residuals · scale."""

VARIANCE_FLOOR: Final = 0.03
"""Added to each feature's second moment: one that never moved must not outweigh all others."""

SHRINKAGE: Final = 0.1
"""Of the correlations, towards none; with n rows and E columns E/n more, see Ledoit and Wolf
(2004): few rows say little of how features go together."""


def whitening_shapes(n_expanded: int, directions: int) -> dict[str, tuple[int, ...]]:
    """Shape of each array for E expanded columns.

    >>> whitening_shapes(40, 8)
    {'whitening_scale': (40,), 'whitening_down': (40, 8), 'whitening_up': (8, 40)}
    """
    kept = min(directions, n_expanded)
    return {SCALE: (n_expanded,), DOWN: (n_expanded, kept), UP: (kept, n_expanded)}


def whitening(residuals: NDArray[Any], directions: int) -> dict[str, NDArray[np.float32]]:
    """What whitens residuals like these, by as many directions as may differ from the rest.

    The inverse square root of the shrunk correlation stretches each of its directions by a
    factor of its own. Those whose factor differs most from the median keep it, all others share
    one: a matrix of E x E would be a quarter of the file.

    Parameters
    ----------
    residuals
        Of benign flows that were not fitted, in units of the expected spread,
        ``(x − m)·exp(−s)``, shape ``(n, E)``.
    directions
        Directions with a factor of their own, at most E.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one = rng.normal(size=(2_000, 1))
    >>> pair = np.concatenate([one, one + 0.3 * rng.normal(size=one.shape)], axis=1)
    >>> z = whitened(pair, whitening(pair, directions=2))
    >>> float(np.corrcoef(pair.T)[0, 1].round(2)), float(np.corrcoef(z.T)[0, 1].round(2))
    (0.96, 0.53)
    """
    rows = np.asarray(residuals, np.float64)
    n, n_expanded = rows.shape
    spread = np.sqrt((rows**2).mean(axis=0) + VARIANCE_FLOOR)
    scaled = rows / spread
    shrunk = scaled.T @ scaled / n + (SHRINKAGE + n_expanded / n) * np.eye(n_expanded)
    variances, vectors = np.linalg.eigh(shrunk)
    factors = variances**-0.5
    distance = np.abs(np.log(factors) - np.median(np.log(factors)))
    order = np.argsort(-distance, kind="stable")
    own, rest = order[:directions], order[directions:]
    common = float(np.sqrt((factors[rest] ** 2).mean())) if rest.size else 1.0
    down = vectors[:, own]
    return {
        SCALE: np.asarray(common / spread, np.float32),
        DOWN: np.asarray(down, np.float32),
        UP: np.asarray((down * (factors[own] / common - 1)).T, np.float32),
    }


def whitened(residuals: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The same residuals of variance near 1 and without correlation, shape ``(n, E)``.

    >>> arrays = {SCALE: np.array([0.5]), DOWN: np.array([[1.0]]), UP: np.array([[1.0]])}
    >>> whitened(np.array([[3.0]]), arrays).tolist()
    [[3.0]]
    """
    scaled = residuals * arrays[SCALE].astype(np.float64)
    return np.asarray(scaled + scaled @ arrays[DOWN] @ arrays[UP])
