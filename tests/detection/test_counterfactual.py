from itertools import permutations

import numpy as np
import pytest

from edgeguard_core.detection.counterfactual import Counterfactuals
from edgeguard_core.features.preprocessing import ModelInput


@pytest.fixture
def near(guide, shown):
    return Counterfactuals(guide, shown.prototypes)


@pytest.fixture
def alerts(guide, shown, benign):
    """Benign flows with one to three cells set to what no such flow has; alerts alone."""
    rng = np.random.default_rng(3)
    flows = shown.preprocessor.transform(benign.select(np.arange(60)))
    numeric, categorical = flows.numeric.copy(), flows.categorical.copy()
    for row in range(60):
        for place in rng.permutation(4)[: 1 + row % 3]:
            numeric[row, place] = rng.choice([0.0, 1.0, 3e5])
        categorical[row, 1] = 0 if row % 5 == 0 else categorical[row, 1]
    odd = ModelInput(numeric, categorical)
    return odd.select(guide.threshold.alerts(guide.score_inputs(odd)))


def changed_to(near, shown, flow, found):
    """The flow with the features named as the prototype has them."""
    numeric, categorical = flow.numeric.copy(), flow.categorical.copy()
    model = near.inputs.select([found.prototype])
    names = list(shown.preprocessor.features)
    for name in (member for family in found.changes for member in family.members):
        place = names.index(name)
        if place < numeric.shape[1]:
            numeric[0, place] = model.numeric[0, place]
        else:
            place -= numeric.shape[1]
            categorical[0, place] = model.categorical[0, place]
    return ModelInput(numeric, categorical)


def test_the_changes_named_give_the_score_told(near, guide, shown, alerts):
    assert len(alerts) > 20
    order = near.order(alerts)
    for row in range(len(alerts)):
        flow = alerts.select(slice(row, row + 1))
        found = near.find(flow, order[row])
        score = guide.score_inputs(changed_to(near, shown, flow, found))
        assert score[0] == pytest.approx(found.score, rel=1e-5)
        assert found.is_under == (not guide.threshold.alerts(score)[0])
        assert 1 <= len(found.changes) <= 3


def test_no_other_choice_of_fewer_changes_would_do(near, guide, shown, alerts):
    """Held against every prototype with every way to change one feature less."""
    order = near.order(alerts)
    for row in range(0, len(alerts), 4):
        flow = alerts.select(slice(row, row + 1))
        found = near.find(flow, order[row])
        if not found.is_under or len(found.changes) != 2:
            continue
        for name, prototype in (
            (name, k) for name in shown.preprocessor.features for k in range(len(near.inputs))
        ):
            place = shown.preprocessor.features.index(name)
            model = near.inputs.select([prototype])
            one = ModelInput(flow.numeric.copy(), flow.categorical.copy())
            if place < 4:
                one.numeric[0, place] = model.numeric[0, place]
            else:
                one.categorical[0, place - 4] = model.categorical[0, place - 4]
            assert guide.threshold.alerts(guide.score_inputs(one))[0]


def test_prototypes_that_would_alert_are_no_examples(near, guide):
    assert not guide.threshold.alerts(guide.score_inputs(near.inputs)).any()


def test_what_is_odd_does_not_choose_what_the_flow_is_compared_with(guide, shown):
    """A prototype with up to three features turned odd is still nearest to itself."""
    near = Counterfactuals(guide, shown.prototypes)
    for places in permutations(range(4), 3):
        own = near.inputs.select([7])
        numeric = own.numeric.copy()
        numeric[0, list(places)] = 9e8
        nearest = near.order(ModelInput(numeric, own.categorical))[0, 0]
        same = near.inputs.select([nearest])
        rest = [k for k in range(4) if k not in places]
        assert same.numeric[0, rest] == pytest.approx(own.numeric[0, rest])
        assert same.categorical.tolist() == own.categorical.tolist()


def test_more_tried_never_find_less(guide, shown, alerts):
    def under(**more):
        near = Counterfactuals(guide, shown.prototypes, **more)
        order = near.order(alerts)
        found = [near.find(alerts.select(slice(k, k + 1)), order[k]) for k in range(len(alerts))]
        return sum(one.is_under for one in found)

    assert under(nearest=1) <= under()
    assert under(most=1) <= under()
