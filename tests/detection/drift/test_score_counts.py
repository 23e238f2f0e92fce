import numpy as np
import pytest

from edgeguard_core.detection.drift.score_counts import ScoreCounts, ScoreReference
from edgeguard_core.thresholds import Calibration, conformal

RANDOM = np.random.default_rng(0)
BEFORE = RANDOM.lognormal(0, 1, 2_000).astype(np.float32)
HERE = np.append(RANDOM.lognormal(0.3, 1, 3_000), [np.nan, 0.0]).astype(np.float32)


def counted(scores, max_edges=16_384, first=0):
    calibration = Calibration.fit(BEFORE, max_edges=max_edges)
    threshold = conformal(calibration.sketch, 0.01, "x")
    counts = ScoreCounts(ScoreReference.of(calibration, threshold), first)
    counts.add(scores, calibration.p_values(scores)[0], threshold.alerts(scores))
    return counts


@pytest.mark.parametrize("max_edges", [16_384, 256])
def test_parts_join_to_the_whole(max_edges):
    whole = counted(HERE, max_edges)
    parts = [counted(HERE[:700], max_edges), counted(HERE[700:], max_edges, first=700)]
    again = [ScoreCounts.from_arrays(part.to_arrays()) for part in parts]
    joined = ScoreCounts.joined(again)
    mine, theirs = whole.to_arrays(), joined.to_arrays()
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert np.array_equal(mine[name], theirs[name]), name
    assert again[0].reference.is_same(whole.reference)
    assert not counted(HERE, 300).reference.is_same(counted(HERE, 256).reference)


def test_quantiles_and_the_body_are_those_of_the_scores():
    counts, known = counted(HERE), HERE[~np.isnan(HERE)]
    for share in (0.5, 0.9, 0.99):
        assert counts.quantile(share) == pytest.approx(np.quantile(known, share), rel=0.01)
    p_values, _ = Calibration.fit(BEFORE).p_values(known)
    body = np.sort((p_values[p_values > 0.05] - 0.05) / 0.95)
    steps = np.arange(len(body) + 1) / len(body)
    exact = max(np.abs(body - steps[1:]).max(), np.abs(body - steps[:-1]).max())
    assert counts.body_shift() == pytest.approx(exact, abs=0.002)
    assert np.isnan(counted(HERE[:0]).quantile(0.5))
    assert counted(HERE[:0]).body_shift() == 1.0
