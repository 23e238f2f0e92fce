"""Our own recipe, as ``train`` runs it: the scores are those of the exported file."""

import time
from dataclasses import dataclass, replace

import numpy as np

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.inference import Scorer
from edgeguard_core.pipeline.thinning import thinned
from quality.matrices import Inputs
from quality.scored import Scored

NAME = "EdgeGuard"
SEEDS = (0, 1, 2)
SERVED = ("float32", "dynamic_int8")
"""The variants that are judged; full int8 is refused by the parity gate."""


@dataclass(frozen=True)
class OurRun:
    """One seed: the scores of each variant."""

    variants: dict[str, Scored]


def run(inputs: Inputs, seed: int, config: TrainingConfig | None = None) -> OurRun:
    """Train with one seed, convert, and score with the runtime that ships."""
    from edgeguard_core.model import convert, train_weights

    config = replace(config or TrainingConfig(), seed=seed)
    started = time.perf_counter()
    weights = train_weights(
        fitted(inputs.fit, inputs.preprocessor, config), inputs.preprocessor, config
    )
    seconds = time.perf_counter() - started
    variants = {}
    for variant in SERVED:
        model = convert(weights, inputs.preprocessor, config, variant)
        variants[variant] = _scored(model, inputs, seconds)
    return OurRun(variants)


def fitted(rows: ModelInput, preprocessor: Preprocessor, config: TrainingConfig) -> ModelInput:
    """Those of the benign rows that ``train`` fits on: of rows that are all but the same, two."""
    return rows.select(thinned(rows, preprocessor, config))


def _scored(model: bytes, inputs: Inputs, fit_seconds: float) -> Scored:
    scorer = Scorer(model)
    judged = ModelInput.concat([inputs.calibration, inputs.test])
    scorer.score(judged.select(slice(0, 1)))
    started = time.perf_counter()
    scores = np.asarray(scorer.score(judged).score, np.float32)
    seconds = time.perf_counter() - started
    n = len(inputs.calibration)
    return Scored(
        calibration=scores[:n],
        test=scores[n:],
        fitted_rows=len(inputs.fit),
        fit_seconds=fit_seconds,
        rows_per_second=len(judged) / seconds,
        file_bytes=len(model),
    )
