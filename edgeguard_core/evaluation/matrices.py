"""Flows as one matrix of numbers: what a detector reads that knows no graph of ours."""

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.features.transform import LOG

Matrix = NDArray[np.float32]


def expanded(rows: ModelInput, preprocessor: Preprocessor, config: TrainingConfig) -> Matrix:
    """The columns x of the graph, in numpy: signed log, standardised, clipped; one-hot.

    Shape ``(n, preprocessor.n_expanded)``.
    """
    raw = rows.numeric.astype(np.float64)
    features = preprocessor.numeric
    is_log = np.array([feature.transform == LOG for feature in features], bool)
    u = np.where(is_log, np.sign(raw) * np.log1p(np.abs(raw)), raw)
    mean = np.array([feature.mean for feature in features])
    scale = np.array([feature.scale for feature in features])
    z = np.clip((u - mean) / scale, -config.z_limit, config.z_limit)
    hot = one_hot(rows, preprocessor) * np.float32(config.one_hot_weight)
    return np.concatenate([z.astype(np.float32), hot], axis=1)


def one_hot(rows: ModelInput, preprocessor: Preprocessor) -> Matrix:
    """A column of 0 and 1 for each known value, before it one for rare or unseen."""
    parts = [
        rows.categorical[:, [position]] == np.arange(feature.bins)
        for position, feature in enumerate(preprocessor.categorical)
    ]
    return np.concatenate([np.zeros((len(rows), 0)), *parts], axis=1).astype(np.float32)
