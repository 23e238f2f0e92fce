"""Real flows: draws of the same distribution do not drift, other ones do."""

from dataclasses import replace

import numpy as np
import pytest

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.drift.reference import DriftReference
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.pipeline.drift.covariate import ALPHA, FeatureDrift, feature_drifts
from edgeguard_core.sources import read_flows

DRAWS = 50


def benign(path):
    flows, _ = read_flows([path])
    return flows.select(flows.is_benign)


def drifts(before, here, effects=True):
    fitted = Preprocessor.fit(before, TrainingConfig())
    reference = DriftReference.of(fitted, before)
    seen = reference.new_blocks()
    seen.add(reference.bins(fitted, here))
    if not effects:  # as if every flow were drawn alone
        reference = DriftReference(tuple(replace(f, effects={}) for f in reference.features))
        seen.design_effects = lambda *_, **__: {}
    return feature_drifts(reference, seen)


def moved(*of):
    return [each.name for each in drifts(*of) if each.has_drifted]


def bursts(flows, length, random):
    """Two samples of one distribution as traffic comes: whole runs of neighbours."""
    runs = np.array_split(np.arange(len(flows)), len(flows) // length)
    return tuple(
        flows.select(np.concatenate([runs[at] for at in random.integers(0, len(runs), 12)]))
        for _ in range(2)
    )


@pytest.mark.parametrize(
    "name", ["zeek/iot23_42-1.csv.gz", "cic-ids2017/thursday_morning_original_header.csv.gz"]
)
def test_fifty_random_halves_drift_in_at_most_a_twentieth(data, name):
    flows = benign(data(name))
    found = 0
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(flows))[:3_000]
        first, second = np.sort(order[:1_500]), np.sort(order[1_500:])
        found += bool(moved(flows.select(first), flows.select(second)))
    assert found <= DRAWS // 20


def test_fifty_draws_of_bursts_drift_in_at_most_a_twentieth(data):
    """What the effective sample sizes are for: without them a tenth and more drift."""
    flows = benign(data("zeek/iot23_42-1.csv.gz"))
    guarded = naive = 0
    for seed in range(DRAWS):
        before, here = bursts(flows, 30, np.random.default_rng(seed))
        guarded += any(each.has_drifted for each in drifts(before, here))
        naive += any(each.has_drifted for each in drifts(before, here, effects=False))
    assert guarded <= DRAWS // 20
    assert naive > DRAWS // 10


def test_thirds_of_a_steady_device_do_not_drift(data):
    flows = benign(data("zeek/iot23_20-1.csv.gz"))
    thirds = np.array_split(np.argsort(flows.time_ms, kind="stable"), 3)
    for before, here in ((0, 1), (1, 2), (0, 2)):
        assert moved(flows.select(thirds[before]), flows.select(thirds[here])) == []


def test_another_device_drifts(data):
    found = moved(benign(data("zeek/iot23_42-1.csv.gz")), benign(data("zeek/iot23_20-1.csv.gz")))
    assert "service" in found
    assert len(found) > 8


def test_another_day_of_the_same_network_moves_hardly_a_feature(data):
    """Two of 70 are a fifth off, which is no more than Tuesday's own hours swing."""
    tuesday = benign(data("cic-ids2017/tuesday_sampled.csv.gz"))
    thursday = benign(data("cic-ids2017/thursday_morning_original_header.csv.gz"))
    found = drifts(tuesday, thursday)
    assert len(found) == 70
    assert sum(each.has_drifted for each in found) <= 2
    assert {each.name for each in found if each.is_large} >= {"packet_min_bytes"}


def test_a_small_effect_is_no_drift_however_sure(data):
    flows = benign(data("nsl-kdd/KDDTrain+.txt.gz"))
    half = np.arange(len(flows)) % 2 == 0
    here = flows.select(~half)
    nudged = np.where(np.arange(len(here)) % 20 == 0, 0.0, here.columns["src_bytes"])
    here = replace(here, columns={**here.columns, "src_bytes": nudged})
    found = {each.name: each for each in drifts(flows.select(half), here)}["src_bytes"]
    assert found.p < ALPHA
    assert not found.has_drifted


def test_a_large_effect_is_no_drift_on_too_few_flows():
    few = FeatureDrift("x", True, 0.9, 0.0, 0.5, 0.5, 0.2, 0.01, 4.0, 0.0, 0.0)
    assert few.is_large
    assert not few.has_drifted
    assert replace(few, p=0.001).has_drifted


def test_missing_values_are_a_move(data):
    flows = benign(data("cic-ids2017/thursday_morning_original_header.csv.gz"))
    half = np.arange(len(flows)) % 2 == 0
    here = flows.select(~half)
    name = "flow_duration_us"
    gone = np.where(np.arange(len(here)) % 3 == 0, np.nan, here.columns[name])
    here = replace(here, columns={**here.columns, name: gone})
    (found,) = [each for each in drifts(flows.select(half), here) if each.has_drifted]
    assert found.name == name
    assert found.missing == pytest.approx(1 / 3, abs=0.01)
    assert found.ks >= found.missing - found.missing_before - 1e-9
