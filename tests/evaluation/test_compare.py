"""Models at equal alerts: the budget is met exactly, and every figure is the plain count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.evaluation.compare import (
    LEADS,
    ModelScores,
    compare,
    curves,
    leads,
    thinned,
    threshold_for,
)
from edgeguard_core.evaluation.curves import Curve
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED
from edgeguard_core.thresholds import ThresholdSketch


def model(name: str, scores: list[float], first: int = 2) -> ModelScores:
    rows = np.arange(first, first + len(scores))
    return ModelScores(name, rows, np.array(scores, np.float32))


@given(
    scores=st.lists(st.floats(0, 5, width=16), min_size=1, max_size=40),
    budget=st.integers(1, 50),
)
def test_no_lower_threshold_keeps_the_budget(scores: list[float], budget: int) -> None:
    values = np.array(scores, np.float32)
    line = threshold_for(values, budget)
    assert (values >= np.float32(line)).sum() <= budget
    lower = np.unique(values[values < np.float32(line)])
    if len(lower):
        assert (values >= lower[-1]).sum() > budget


@given(
    flows=st.lists(
        st.tuples(
            st.floats(0, 5, width=16), st.floats(0, 5, width=16),
            st.sampled_from([BENIGN, ATTACK, UNLABELLED]),
        ),
        min_size=1, max_size=40,
    ),
    budget=st.integers(1, 20),
)  # fmt: skip
def test_the_figures_are_plain_counts(flows: list[tuple[float, float, int]], budget: int) -> None:
    label = np.array([kind for *_, kind in flows], np.int8)
    models = [model("a", [a for a, *_ in flows]), model("b", [b for _, b, _ in flows])]
    found = compare(models, budget, label, hours=2.0)
    sets = []
    for given_scores, told in zip(models, found.models, strict=True):
        alerted = {n for n, s in enumerate(given_scores.scores) if s >= np.float32(told.threshold)}
        sets.append(alerted)
        caught = sum(label[n] == ATTACK for n in alerted)
        false = sum(label[n] == BENIGN for n in alerted)
        attacks = (label == ATTACK).sum()
        assert told.alerts == len(alerted) <= budget
        assert told.alerts_per_hour == len(alerted) / 2
        assert told.recall == pytest.approx(caught / attacks if attacks else np.nan, nan_ok=True)
        both = attacks and (label == BENIGN).any() and caught + false
        assert told.precision == pytest.approx(
            caught / (caught + false) if both else np.nan, nan_ok=True
        )
    either = sets[0] | sets[1]
    assert found.models[1].overlap == pytest.approx(
        len(sets[0] & sets[1]) / len(either) if either else np.nan, nan_ok=True
    )


def test_only_flows_that_all_scored_are_compared_whatever_their_order() -> None:
    one = model("a", [1, 2, 3, 4])  # lines 2 to 5
    other = ModelScores("b", np.array([5, 3, 9]), np.float32([1, 7, 8]))
    found = compare([one, other], 1, np.int8([BENIGN, ATTACK, BENIGN, BENIGN]))
    assert (found.flows, found.left_out) == (2, 2)
    assert [m.recall for m in found.models] == [0.0, 1.0]
    assert found.models[1].overlap == 0.0
    with pytest.raises(NotEnoughDataError, match="No flow was scored by all"):
        compare([one, model("b", [1], first=90)], 1)


def test_without_labels_and_times_alerts_and_overlap_remain() -> None:
    found = compare([model("a", [1, 2, 3]), model("b", [3, 2, 1])], 2)
    for told in found.models:
        assert told.alerts == 2
        for figure in (told.recall, told.roc_auc, told.alerts_per_hour, told.incidents_per_day):
            assert np.isnan(figure)
        assert told.incidents is None
    assert found.models[1].overlap == pytest.approx(1 / 3)


def test_incidents_are_those_at_the_models_own_threshold() -> None:
    one = ModelScores("a", np.array([2, 3]), np.float32([1, 9]), np.float32([0.5, 9, 9.5]))
    found = compare([one, model("b", [1, 2])], 1, hours=12.0)
    assert (found.models[0].incidents, found.models[0].incidents_per_day) == (2, 4.0)


def test_one_model_alone_is_refused() -> None:
    with pytest.raises(EdgeGuardError, match="two or more"):
        compare([model("a", [1, 2])], 1)


def test_a_lead_is_that_of_the_figures_and_its_interval_holds_it() -> None:
    draw = np.random.default_rng(5)
    label = np.repeat(np.int8([BENIGN, ATTACK, UNLABELLED]), [300, 80, 20])
    good = draw.normal(0, 1, 400) + 2 * (label == ATTACK)
    bad = draw.normal(0, 1, 400)
    models = [model("bad", bad.tolist()), model("good", good.tolist())]
    found = compare(models, 40, label)
    (ahead,) = leads(models, found, label)
    assert set(ahead) == set(LEADS)
    one, other = found.models
    assert ahead["recall"].difference == pytest.approx(other.recall - one.recall)
    assert ahead["roc_auc"].difference == pytest.approx(other.roc_auc - one.roc_auc)
    assert ahead["average_precision"].difference == pytest.approx(
        other.average_precision - one.average_precision
    )
    for lead in ahead.values():
        assert 0 < lead.low < lead.difference < lead.high
    assert leads(models, found, label) == (ahead,)  # drawn by seed


def test_a_model_is_level_with_itself_and_leads_need_both_classes() -> None:
    label = np.int8([BENIGN, ATTACK] * 20)
    twice = [model("a", list(range(40))), model("a again", list(range(40)))]
    (ahead,) = leads(twice, compare(twice, 10, label), label)
    assert {(one.low, one.high) for one in ahead.values()} == {(0.0, 0.0)}
    only = np.full(40, BENIGN, np.int8)
    assert leads(twice, compare(twice, 10, only), only) == ({},)


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(EdgeGuardError, match="at least 1"):
        compare([model("a", [1]), model("b", [1])], 0)


def test_curves_are_short_and_keep_their_ends() -> None:
    draw = np.random.default_rng(3)
    scores = np.concatenate([draw.lognormal(0, 1, 20_000), draw.lognormal(1.5, 1, 4_000)])
    index = np.repeat([0, 1], [20_000, 4_000])
    sketch = ThresholdSketch.build(scores, index, ("benign", "scan"))
    for curve in curves(sketch):
        assert 300 < len(curve.x) <= 400
        assert np.isfinite(curve.x).all()
    still = thinned(Curve(np.zeros(900), np.zeros(900), np.zeros(900, np.float32)))
    assert len(still.x) == 2
    nothing = thinned(Curve(np.full(3, np.nan), np.zeros(3), np.zeros(3, np.float32)))
    assert len(nothing.x) == 0
