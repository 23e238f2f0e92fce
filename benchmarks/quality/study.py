"""What else our model says: causes for incidents, every number format, another day's stream.

Each is one training more with the first seed, kept like any other run.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.incidents import causes
from edgeguard_core.errors import BundleError
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.flows import Schema
from edgeguard_core.inference import Scorer
from quality import ours
from quality.figures import STRICT, Scores, blind_threshold
from quality.matrices import Inputs
from quality.rolling import StreamScores
from quality.shifts import Stream

SEED = ours.SEEDS[0]
MOST_ATTACKS = 20_000
"""Judged attacks that the parity gate looks at."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Study:
    """Of one set: a code for the cause of each judged row, ``(n_test,)``, and parity by format."""

    cause: NDArray[np.int64]
    parity: dict[str, dict[str, Any]] = field(default_factory=dict)


def of_set(
    inputs: Inputs, is_attack: NDArray[np.bool_], config: TrainingConfig | None = None
) -> Study:
    """One model in every number format, beside its float32; the truth of the judged rows."""
    from edgeguard_core.model import VARIANTS, check_parity, convert, train_weights

    config = config or TrainingConfig(seed=SEED)
    preprocessor = inputs.preprocessor
    weights = train_weights(ours.fitted(inputs.fit, preprocessor, config), preprocessor, config)
    rows = ModelInput.concat([inputs.calibration, inputs.test])
    n = len(inputs.calibration)
    plain = convert(weights, preprocessor, config)
    raw = Scorer(plain).score(rows)
    words = causes(
        raw.feature_errors[n:], preprocessor.features, Schema.named(preprocessor.schema_name)
    )
    attacks = inputs.test.select(np.flatnonzero(is_attack)[:MOST_ATTACKS])
    found: dict[str, dict[str, Any]] = {}
    for variant in VARIANTS[1:]:
        model = convert(weights, preprocessor, config, variant)
        gate = check_parity(plain, model, inputs.calibration, attacks)
        figures = nearness(np.asarray(raw.score, np.float32), _scores(model, rows), n)
        found[variant] = {**figures, "file_bytes": len(model), **gate.to_json()}
    return Study(np.unique(words.astype(str), return_inverse=True)[1].astype(np.int64), found)


def nearness(plain: Scores, other: Scores | None, n_calibration: int) -> dict[str, float]:
    """How near a variant's scores come to float32's on the judged rows.

    Parameters
    ----------
    plain, other
        Of calibration and judged rows, ``(n_calibration + n,)``; None where it cannot score.

    Returns
    -------
    ``rank_correlation`` (Spearman), ``largest_shift`` of a score as a share of it (of the
    threshold, below that), ``alerts_alike`` (both alert, of those where either does, each above
    its own threshold of a promised 1 %) and ``verdicts_changed`` of all.
    """
    if other is None:
        return dict.fromkeys(
            ("rank_correlation", "largest_shift", "alerts_alike", "verdicts_changed"), np.nan
        )
    lines = [blind_threshold(scores[:n_calibration], STRICT)[0] for scores in (plain, other)]
    mine, theirs = plain[n_calibration:], other[n_calibration:]
    alerts = [scores >= line for scores, line in zip((mine, theirs), lines, strict=True)]
    either = int((alerts[0] | alerts[1]).sum())
    shift = np.abs(theirs - mine) / np.maximum(np.maximum(mine, lines[0]), np.float32(1e-12))
    ranks = 0.0 if np.ptp(theirs) == 0 else float(spearmanr(mine, theirs).statistic)
    return {
        "rank_correlation": ranks,
        "largest_shift": float(shift.max()),
        "alerts_alike": int((alerts[0] & alerts[1]).sum()) / either if either else 1.0,
        "verdicts_changed": float((alerts[0] != alerts[1]).mean()),
    }


def of_stream(stream: Stream, config: TrainingConfig | None = None) -> StreamScores:
    """One model on another day or network, in the order of time."""
    from edgeguard_core.model import convert, train_weights

    config = config or TrainingConfig(seed=SEED)
    preprocessor = Preprocessor.fit(stream.fit, config)
    fitted = ours.fitted(preprocessor.transform(stream.fit), preprocessor, config)
    weights = train_weights(fitted, preprocessor, config)
    scorer = Scorer(convert(weights, preprocessor, config))
    old, judged, clean = (
        np.asarray(scorer.score(preprocessor.transform(flows)).score, np.float32)
        for flows in (stream.old, stream.later, stream.clean)
    )
    return StreamScores(old, judged, stream.later.is_attack, stream.hours, clean)


def _scores(model: bytes, rows: ModelInput) -> Scores | None:
    try:
        return np.asarray(Scorer(model).score(rows).score, np.float32)
    except BundleError:
        return None
