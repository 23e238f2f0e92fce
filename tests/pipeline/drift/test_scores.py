import numpy as np
import pytest

from edgeguard_core.detection.drift.score_counts import ScoreCounts, ScoreReference
from edgeguard_core.pipeline.drift import scores as scores_module
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.thresholds import Calibration, conformal, fixed

DRAWS = 50


@pytest.fixture(scope="module")
def scores(nsl, normals, tmp_path_factory):
    """Real scores of flows that the model was not fitted on, in no order."""
    source = tmp_path_factory.mktemp("s") / "x.txt"
    source.write_text("\n".join(normals[3_000:9_000]) + "\n")
    return score_all(nsl, [source]).scores


def score_drift(scores, calibration, threshold):
    """Of all scores at once."""
    counts = ScoreCounts(ScoreReference.of(calibration, threshold))
    counts.add(scores, calibration.p_values(scores)[0], threshold.alerts(scores))
    return scores_module.score_drift(counts)


def calibrated(scores):
    calibration = Calibration.fit(scores)
    return calibration, conformal(calibration.sketch, 0.01, "x")


def test_fifty_draws_drift_in_at_most_a_twentieth(scores):
    found = 0
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(scores))
        here, before = scores[order[:1_500]], scores[order[1_500:3_500]]
        drift = score_drift(here, *calibrated(before))
        found += drift.has_drifted
        assert drift.body_shift < 0.1
    assert found <= DRAWS // 20


def test_scores_that_moved_broadly_drift(scores):
    drift = score_drift(scores[3_000:] * 3, *calibrated(scores[:3_000]))
    assert drift.has_moved
    assert drift.has_drifted
    assert drift.body_shift > 0.2
    before, here = drift.quantiles[0.5]
    assert here == pytest.approx(3 * before, rel=0.1)


def test_a_tail_that_grew_everywhere_is_drift_and_leaves_the_body(scores):
    here = scores[3_000:].copy()
    here[::20] = scores.max() * 10
    drift = score_drift(here, *calibrated(scores[:3_000]))
    assert not drift.has_moved
    assert drift.has_drifted
    assert drift.body_shift < 0.1
    assert drift.alerts.here == pytest.approx(0.06, abs=0.01)
    assert drift.alerts.expected == 0.01


def test_a_burst_is_a_sign_and_no_drift(scores):
    here = scores[3_000:].copy()
    here[:150] = scores.max() * 10
    drift = score_drift(here, *calibrated(scores[:3_000]))
    assert drift.has_grown_tail
    assert not drift.has_drifted


def test_without_a_promise_alerts_are_held_against_the_calibration(scores):
    value = float(np.quantile(scores[:3_000], 0.9))
    drift = score_drift(scores[3_000:], calibrated(scores[:3_000])[0], fixed(value))
    assert drift.alerts.expected == pytest.approx(0.1, abs=0.005)
    assert not drift.has_drifted


def test_a_sketch_that_is_rounded_tells_the_same(scores):
    calibration, threshold = calibrated(scores[:3_000])
    coarse = Calibration.fit(scores[:3_000], max_edges=256)
    assert calibration.sketch.complete
    assert not coarse.sketch.complete
    exact = score_drift(scores[3_000:], calibration, threshold)
    rounded = score_drift(scores[3_000:], coarse, threshold)
    assert rounded.distance == pytest.approx(exact.distance, abs=0.02)
