"""Curves: every point is what the figures say at its threshold."""

import numpy as np
import pytest

from edgeguard_core.evaluation import curves
from edgeguard_core.evaluation.operating import Assumptions, operating_point
from edgeguard_core.thresholds import ThresholdSketch


@pytest.fixture
def sketch() -> ThresholdSketch:
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.lognormal(0, 1, 400), rng.lognormal(1.5, 1, 100)])
    return ThresholdSketch.build(scores, np.repeat([0, 1], [400, 100]), ("benign", "scan"))


def test_points_are_those_of_their_thresholds(sketch: ThresholdSketch) -> None:
    assumed = Assumptions(prevalence=0.01)
    pr, roc, cost = (
        curves.precision_recall(sketch, assumed),
        curves.roc(sketch),
        curves.cost(sketch, assumed),
    )
    for k in range(0, sketch.edges.size - 1, 37):
        point = operating_point(sketch, float(pr.thresholds[k]), assumed=assumed)
        assert (pr.x[k], pr.y[k]) == (point.recall, point.precision)
        assert (roc.x[k], roc.y[k]) == (point.false_positive_rate or pytest.approx(np.nan,
                                        nan_ok=True), point.recall)  # fmt: skip
        assert cost.y[k] == pytest.approx(point.cost)


def test_the_det_curve_falls_and_leaves_out_what_has_no_probit(sketch: ThresholdSketch) -> None:
    curve = curves.det(sketch)
    there = np.isfinite(curve.x) & np.isfinite(curve.y)
    assert 0 < there.sum() < curve.x.size
    assert (np.diff(curve.x[there]) <= 0).all()
    assert (np.diff(curve.y[there]) >= 0).all()


def test_probits_are_quantiles_of_the_normal_law() -> None:
    found = curves.probit(np.array([0.0, 0.025, 0.5, 0.975, 1.0, np.nan]))
    assert found[1:4] == pytest.approx([-1.959964, 0.0, 1.959964], abs=1e-6)
    assert np.isnan(found[[0, 4, 5]]).all()
