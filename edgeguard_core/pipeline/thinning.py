"""Rows to fit on: of flows that are all but the same, two are enough."""

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor

MOST_ALIKE = 2
CELL = 0.5
"""Width of a cell in standard deviations; rows of one cell in every column are alike."""

_ROWS_AT_ONCE = 65_536  # bounds the expanded matrix


def thinned(
    inputs: ModelInput, preprocessor: Preprocessor, config: TrainingConfig
) -> NDArray[np.int64]:
    """Positions of the rows to fit on, in their order: at most two of each cell, drawn by the seed.

    Whatever comes in crowds is else what a model learns best: the same request a thousand times
    a day, and a flood that nobody noticed. The threshold is calibrated on flows as they come, so
    the promise does not change. Measured in ``docs/benchmarks/contamination.md``.

    Parameters
    ----------
    inputs
        Shape ``(n,)``, of the flows that ``preprocessor`` was fitted on.
    """
    rng = np.random.default_rng(config.seed)
    # Equal cells give equal sums; unequal ones meet with odds of about one in 2^64.
    factors = rng.integers(-(2**63), 2**63 - 1, preprocessor.n_expanded, dtype=np.int64)
    sums = np.empty(len(inputs), np.int64)
    for start in range(0, len(inputs), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        cells = np.rint(expanded(inputs.select(part), preprocessor, config) / CELL)
        sums[part] = (cells.astype(np.int64) * factors).sum(axis=1)
    drawn = rng.permutation(len(inputs))
    order = drawn[np.argsort(sums[drawn], kind="stable")]
    new = np.diff(sums[order], prepend=sums[order[:1]] - 1) != 0  # the first of its cell
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    return np.sort(order[np.arange(len(order)) - first < MOST_ALIKE])
