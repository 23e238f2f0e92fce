"""Counting scores at thresholds: sorted once a class, then looked up."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.thresholds.edges import LARGEST_FLOAT32


def ordered_parts(
    scores: ArrayLike, class_index: ArrayLike | None, n_classes: int
) -> tuple[list[NDArray[np.float32]], int]:
    """Ascending float32 scores of each class, and how many were NaN."""
    values = np.asarray(scores, dtype=np.float32)
    if values.ndim != 1:
        raise ValueError(f"scores must be one-dimensional, not {values.shape}")
    index = np.zeros(0, np.int64) if class_index is None else np.asarray(class_index)
    if class_index is not None and index.shape != values.shape:
        raise ValueError(f"{index.size} class indices for {values.size} scores")
    if index.size and (index.min() < 0 or index.max() >= n_classes):
        raise ValueError(f"class indices must lie in 0..{n_classes - 1}")
    parts = [values] if class_index is None else [values[index == c] for c in range(n_classes)]
    parts += [values[:0]] * (n_classes - len(parts))
    ordered = [np.sort(part) for part in parts]  # NaN sorts to the end
    kept = [part[: np.searchsorted(part, np.float32(np.nan))] for part in ordered]
    for part in kept:
        if part.size and (part[0] < 0 or part[-1] >= LARGEST_FLOAT32):
            wrong = part[0] if part[0] < 0 else part[-1]
            raise EdgeGuardError(
                f"A score of {wrong} is not possible, scores are finite and not negative: "
                "check the file or model that the scores come from."
            )
    return kept, values.size - sum(part.size for part in kept)


def counts_at_or_above(
    parts: list[NDArray[np.float32]], edges: NDArray[np.float32]
) -> NDArray[np.uint32]:
    """Flows of each class at or above each edge, shape ``(C, K)``."""
    below = [np.searchsorted(part, edges, side="left") for part in parts]
    rows = [part.size - left for part, left in zip(parts, below, strict=True)]
    return np.stack(rows).astype(np.uint32)


def holds_all(parts: list[NDArray[np.float32]], edges: NDArray[np.float32]) -> bool:
    """Whether every score is an edge and the last edge lies above them all."""
    for part in parts:
        if part.size and part[-1] >= edges[-1]:
            return False
        at = np.searchsorted(edges, part)
        if not np.array_equal(edges[at], part):
            return False
    return True
