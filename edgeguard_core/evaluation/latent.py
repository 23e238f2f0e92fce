"""The model's bottleneck in as many dimensions as a person can look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Projection:
    """Some flows in few dimensions.

    Attributes
    ----------
    points
        Shape ``(n, D)``.
    explained
        What part of all variance each dimension shows, ``(D,)``; they fall.
    of
        How many dimensions there were.
    """

    points: NDArray[np.float64]
    explained: NDArray[np.float64]
    of: int


def principal_components(latent: NDArray[np.float32], dimensions: int = 3) -> Projection:
    """The first principal components of a latent space.

    Each component points to where its largest weight is positive, so that the same flows give the
    same picture. Dimensions that the space has not are 0 throughout.

    Parameters
    ----------
    latent
        Shape ``(n, K)``.

    Examples
    --------
    >>> found = principal_components(np.float32([[0, 0], [3, 0], [6, 0]]))
    >>> found.points[:, 0].tolist(), found.explained.tolist(), found.of
    ([-3.0, 0.0, 3.0], [1.0, 0.0, 0.0], 2)
    """
    n, k = latent.shape
    points, explained = np.zeros((n, dimensions)), np.zeros(dimensions)
    if n == 0:
        return Projection(points, explained, k)
    centred = latent.astype(np.float64) - latent.mean(axis=0, dtype=np.float64)
    _, strength, axes = np.linalg.svd(centred, full_matrices=False)
    d = min(dimensions, len(strength))
    axes = axes[:d]
    largest = axes[np.arange(d), np.abs(axes).argmax(axis=1)]
    points[:, :d] = centred @ (axes * np.where(largest < 0, -1.0, 1.0)[:, None]).T
    variance = strength**2
    if variance.sum() > 0:
        explained[:d] = variance[:d] / variance.sum()
    return Projection(points, explained, k)
