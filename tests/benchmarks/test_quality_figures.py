"""Figures of a run against slow, obvious ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quality.figures import best_f1, blind_threshold, figures

scored = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


def f1(truth: np.ndarray, alerts: np.ndarray) -> float:
    found = (truth & alerts).sum()
    return float(2 * found / (alerts.sum() + truth.sum()))


@settings(deadline=None, max_examples=50)
@given(scored)
def test_best_f1_is_that_of_the_best_threshold(cells: list[tuple[bool, int]]) -> None:
    truth = np.array([cell[0] for cell in cells] + [True])
    scores = np.array([cell[1] for cell in cells] + [3], np.float32)
    wanted = max(f1(truth, scores >= value) for value in np.unique(scores))
    assert best_f1(truth, scores) == pytest.approx(wanted)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.sampled_from([0.05, 0.01, 0.001]))
def test_a_blind_threshold_alerts_few_calibration_rows(values: list[int], rate: float) -> None:
    calibration = np.array(values, np.float32)
    threshold, promise = blind_threshold(calibration, rate)
    assert (calibration >= threshold).mean() <= rate
    assert promise == pytest.approx(max(rate, 1 / (len(values) + 1)))


def test_figures_at_a_blind_threshold_are_counted() -> None:
    rng = np.random.default_rng(0)
    calibration = rng.normal(size=999).astype(np.float32)
    truth = np.repeat([False, True], 500)
    scores = (rng.normal(size=1000) + 2 * truth).astype(np.float32)
    found = figures(truth, scores, calibration).blind[0.01]
    alerts = scores > np.sort(calibration)[989]
    assert found.f1 == pytest.approx(f1(truth, alerts))
    assert found.recall == pytest.approx(alerts[truth].mean())
    assert found.realised_fpr == pytest.approx(alerts[~truth].mean())
