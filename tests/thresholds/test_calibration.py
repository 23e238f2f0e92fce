"""p-values and severities against their definition."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import BundleError, NotEnoughDataError
from edgeguard_core.thresholds import Calibration

score = st.one_of(st.sampled_from([0.0, 0.5, 0.5, 1.0, 2.0]), st.floats(0, 1e6, width=32))
some = st.lists(score, min_size=1, max_size=150).map(lambda s: np.array(s, np.float32))


@given(some, some)
def test_p_values_are_counted_by_hand_up_to_the_largest_score(benign, scores):
    p, extrapolated = Calibration.fit(benign).p_values(scores)
    for one, found, beyond in zip(scores, p, extrapolated, strict=True):
        assert beyond == (one > benign.max())
        if not beyond:
            assert found == (1 + sum(one <= b for b in benign)) / (benign.size + 1)


@given(some, some)
def test_p_values_fall_as_scores_rise_and_stay_below_the_smallest_beyond(benign, scores):
    ordered = np.sort(np.concatenate([scores, benign]))
    p, extrapolated = Calibration.fit(benign).p_values(ordered)
    assert np.all(np.diff(p) <= 0)
    assert np.all((p > 0) & (p <= 1))
    assert np.all(p[extrapolated] <= 1 / (benign.size + 1))


def test_beyond_the_largest_score_p_follows_the_tail():
    # Exponential scores: each further unit divides p by e.
    benign = np.random.default_rng(0).exponential(1.0, 20_000)
    calibration = Calibration.fit(benign)
    top = calibration.largest
    p, extrapolated = calibration.p_values([top, top + 0.01, top + 1, top + 2])
    assert extrapolated.tolist() == [False, True, True, True]
    assert p[1] == pytest.approx(1 / 20_001, rel=0.05)
    assert p[2] / p[1] == pytest.approx(np.exp(-1), rel=0.3)


def test_many_scores_give_conservative_p_values():
    benign = np.random.default_rng(1).lognormal(-3, 1, 400_000).astype(np.float32)
    calibration = Calibration.fit(benign)
    assert not calibration.sketch.complete
    ordered = np.sort(benign)
    scores = ordered[::97]
    exact = (1 + benign.size - np.searchsorted(ordered, scores)) / (benign.size + 1)
    p, _ = calibration.p_values(scores)
    assert np.all(p >= exact)
    np.testing.assert_allclose(p, exact, rtol=0.02)


def test_sixty_thousand_scores_give_exact_p_values():
    benign = np.random.default_rng(2).lognormal(-3, 1, 60_000).astype(np.float32)
    ordered, between = np.sort(benign), np.random.default_rng(3).lognormal(-3, 1, 5_000)
    scores = np.minimum(np.concatenate([ordered[::7], between.astype(np.float32)]), ordered[-1])
    exact = (1 + benign.size - np.searchsorted(ordered, scores)) / (benign.size + 1)
    np.testing.assert_array_equal(Calibration.fit(benign).p_values(scores)[0], exact)


def test_severity_is_the_formula_of_p():
    calibration = Calibration.fit([1.0])
    p = np.geomspace(1e-8, 1, 500)
    expected = [round(min(100.0, -25 * float(np.log10(one)))) for one in p]
    assert calibration.severity(p).tolist() == expected


def test_a_score_that_is_not_a_number_is_severe():
    calibration = Calibration.fit([1.0, 2.0])
    p, _ = calibration.p_values([np.nan])
    assert np.isnan(p[0])
    assert calibration.severity(p).tolist() == [100]


def test_p_values_of_benign_flows_are_uniform():
    rng = np.random.default_rng(2)
    calibration = Calibration.fit(rng.lognormal(0, 1, 5_000))
    p, _ = calibration.p_values(rng.lognormal(0, 1, 5_000))
    for share in (0.5, 0.1, 0.01):
        assert np.mean(p <= share) == pytest.approx(share, abs=4 * np.sqrt(2 * share / 5_000))


@given(some)
@settings(max_examples=30)
def test_arrays_survive_a_file_without_pickle(benign):
    calibration = Calibration.fit(benign, duration_hours=2.0)
    file = io.BytesIO()
    np.savez(file, **calibration.to_arrays(), later=np.zeros(3))
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        again = Calibration.from_arrays(stored)
    scores = np.linspace(0, 3, 50)
    np.testing.assert_array_equal(again.p_values(scores)[0], calibration.p_values(scores)[0])
    assert again.tail == calibration.tail
    assert again.sketch.duration_hours == 2.0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tail", np.zeros(4)),
        ("tail", np.zeros(3)),
        ("largest", np.float32([np.nan])),
        ("largest", np.zeros(0, np.float32)),
        ("sketch_n", np.uint64([0])),
        ("sketch_edges", np.float32([3, 2, 1])),
    ],
)
def test_damaged_arrays_are_refused(name, wrong):
    arrays = Calibration.fit([1.0, 2.0]).to_arrays() | {name: wrong}
    with pytest.raises(BundleError, match="damaged"):
        Calibration.from_arrays(arrays)


def test_a_missing_array_is_named():
    with pytest.raises(BundleError, match="benign_index"):
        Calibration.from_arrays({})


@pytest.mark.parametrize("benign", [[], [np.nan]])
def test_no_benign_score_is_refused(benign):
    with pytest.raises(NotEnoughDataError, match="benign"):
        Calibration.fit(benign)


def test_empty_scores_have_empty_answers():
    calibration = Calibration.fit([1.0])
    p, extrapolated = calibration.p_values([])
    assert p.shape == extrapolated.shape == calibration.severity(p).shape == (0,)
