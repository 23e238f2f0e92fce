"""An autoencoder that learned synthesised benign flows tells attacks from other benign ones."""

import numpy as np
import pytest

from edgeguard_core.config import TrainingConfig
from edgeguard_core.sources.synthesis import SynthesisRequest, inject, synthesise


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["office", "home"])
def test_every_kind_of_attack_stands_out(profile: str) -> None:
    from sklearn.metrics import roc_auc_score

    from edgeguard_core.features.preprocessing import Preprocessor
    from edgeguard_core.inference import Scorer
    from edgeguard_core.model.conversion import convert
    from edgeguard_core.model.training import train_weights

    flows = synthesise(SynthesisRequest(profile, hours=48, seed=1))
    day = flows.columns["bidirectional_first_seen_ms"] // 86_400_000
    learned, held_out = flows.select(day == day[0]), flows.select(day > day[0])
    config = TrainingConfig(steps=400, seed=0)
    preprocessor = Preprocessor.fit(learned, config)
    weights = train_weights(preprocessor.transform(learned), preprocessor, config, None)
    scorer = Scorer(convert(weights, preprocessor, config, "float32"))
    laid = inject(held_out, (), "high", 5)
    scores = scorer.score(preprocessor.transform(laid.flows)).score
    assert laid.flows.labels is not None
    areas = {}
    for kind in laid.counts:
        rows = ~laid.is_injected | (laid.flows.labels.class_name == kind)
        areas[kind] = roc_auc_score(laid.is_injected[rows], scores[rows])
    assert min(areas.values()) > 0.9, areas
    # and a low beacon hides, as it should
    low = inject(held_out, ("beaconing",), "low", 5)
    hidden = scorer.score(preprocessor.transform(low.flows)).score
    assert roc_auc_score(low.is_injected, hidden) < np.mean(list(areas.values()))
