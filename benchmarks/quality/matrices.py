"""Numbers that a detector can read: min-max as papers do it, and our own expanded matrix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.evaluation.matrices import Matrix, expanded, one_hot
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from quality.sets import Parts

MIN_MAX, OURS = "min-max", "our matrix"
SCALINGS = (MIN_MAX, OURS)


@dataclass(frozen=True)
class Matrices:
    """The three parts of a set as float32, each of shape ``(n, d)``."""

    fit: Matrix
    calibration: Matrix
    test: Matrix


@dataclass(frozen=True)
class Inputs:
    """A set as the model reads it, and the preprocessor that was fitted on its ``fit``."""

    preprocessor: Preprocessor
    fit: ModelInput
    calibration: ModelInput
    test: ModelInput


def inputs_of(parts: Parts, config: TrainingConfig) -> Inputs:
    """Everything learned from ``parts.fit`` alone."""
    preprocessor = Preprocessor.fit(parts.fit, config)
    return Inputs(
        preprocessor,
        *(preprocessor.transform(flows) for flows in (parts.fit, parts.calibration, parts.test)),
    )


def matrices_of(inputs: Inputs, scaling: str, config: TrainingConfig) -> Matrices:
    """One of ``SCALINGS`` of all three parts."""
    parts = (inputs.fit, inputs.calibration, inputs.test)
    if scaling == OURS:
        return Matrices(*(expanded(part, inputs.preprocessor, config) for part in parts))
    low = inputs.fit.numeric.min(axis=0).astype(np.float64)
    width = inputs.fit.numeric.max(axis=0).astype(np.float64) - low
    width[width == 0] = 1.0
    return Matrices(*(_min_max(part, inputs.preprocessor, low, width) for part in parts))


def _min_max(
    rows: ModelInput,
    preprocessor: Preprocessor,
    low: NDArray[np.float64],
    width: NDArray[np.float64],
) -> Matrix:
    scaled = ((rows.numeric - low) / width).astype(np.float32)
    return np.concatenate([scaled, one_hot(rows, preprocessor)], axis=1)
