"""The transform of numeric features, the same here and in the graph, and its way back."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOG = "log"

LARGEST_RAW = 1e30
"""Raw values are held within ± this: float32 ends at 3.4e38, and a sum must stay finite."""


def transformed(raw: NDArray[np.floating[Any]], transform: str) -> NDArray[np.float64]:
    """Raw values after the feature's transform, before standardising.

    >>> transformed(np.array([-1.0, 0.0, np.e - 1]), "log").round(3).tolist()
    [-0.693, 0.0, 1.0]
    """
    values = raw.astype(np.float64)
    return np.sign(values) * np.log1p(np.abs(values)) if transform == LOG else values


def inverse(u: NDArray[np.float64], transform: str) -> NDArray[np.float64]:
    """The raw values behind ``transformed`` ones, never beyond ± ``LARGEST_RAW``.

    >>> inverse(np.array([-1.0, 0.0, 1.0]), "log").round(3).tolist()
    [-1.718, 0.0, 1.718]
    """
    if transform != LOG:
        return np.clip(u, -LARGEST_RAW, LARGEST_RAW)
    # A network may draw far outside what a raw value can be, where expm1 would overflow.
    bounded = np.minimum(np.abs(u), math.log1p(LARGEST_RAW))
    return np.asarray(np.sign(u) * np.expm1(bounded), np.float64)


def filled(values: NDArray[Any]) -> NDArray[np.float32]:
    """Raw values as the graph takes them: missing and infinite ones as 0, float32.

    >>> filled(np.array([np.nan, np.inf, 2.5, 1e300])).tolist()[:3]
    [0.0, 0.0, 2.5]
    """
    numbers = np.asarray(values, np.float64)
    known = np.where(np.isfinite(numbers), numbers, 0.0)
    return np.clip(known, -LARGEST_RAW, LARGEST_RAW).astype(np.float32)
