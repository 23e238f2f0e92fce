"""What is stated as the cause of an attack is there in the flows that are made."""

import numpy as np
import pytest

from edgeguard_core.features.context import with_context
from edgeguard_core.flows import Schema
from edgeguard_core.sources.synthesis import ATTACKS, SynthesisRequest, inject, synthesise
from edgeguard_core.sources.synthesis.causes import TRUE_CAUSES


@pytest.fixture(scope="module")
def mixed():
    return with_context(
        inject(synthesise(SynthesisRequest(hours=8, seed=3)), (), "high", seed=3).flows
    )


def test_every_attack_has_causes_that_are_features_and_few():
    features = Schema.named("flow").features
    assert set(TRUE_CAUSES) == set(ATTACKS)
    for causes in TRUE_CAUSES.values():
        assert set(causes) <= set(features)
        assert len(set(causes)) == len(causes) <= len(features) / 3


@pytest.mark.parametrize("kind", ATTACKS)
def test_each_attack_differs_from_benign_flows_in_one_of_its_causes(kind, mixed):
    """In the median flow: beyond nine of ten benign ones, or a word that nine of ten lack."""
    own = mixed.labels.class_name == kind
    benign = mixed.is_benign

    def is_far(name):
        values = mixed.columns[name]
        if values.dtype == object:
            word = max(set(values[own].tolist()), key=values[own].tolist().count)
            return (values[benign] == word).mean() < 0.1
        middle = np.nanmedian(values[own])
        below, above = (values[benign] <= middle).mean(), (values[benign] >= middle).mean()
        return min(below, above) < 0.1

    assert [name for name in TRUE_CAUSES[kind] if is_far(name)]
