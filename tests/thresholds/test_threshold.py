"""The one comparison of scores with a line, and its JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.thresholds import Threshold

finite = st.floats(0, 2.0**100)


@given(st.lists(finite, max_size=30), finite, finite)
def test_raising_a_threshold_only_removes_alerts(scores, one, other):
    low, high = sorted((one, other))
    fewer = Threshold(high, "fixed", high, "test").alerts(scores)
    more = Threshold(low, "fixed", low, "test").alerts(scores)
    assert np.all(more[fewer])


@given(finite, finite)
def test_scores_compare_as_float32(score, line):
    alerts = Threshold(line, "fixed", line, "test").alerts([score])
    assert alerts[0] == (np.float32(score) >= np.float32(line))


def test_a_score_on_the_line_alerts():
    # 0.1 is no float32: the line must be rounded as the scores are.
    assert Threshold(0.1, "fixed", 0.1, "test").alerts(np.float32([0.1]))[0]
    assert Threshold(0.1, "fixed", 0.1, "test").alerts([0.1])[0]


@given(finite)
def test_json_keeps_the_exact_value(value):
    threshold = Threshold(value, "conformal", 0.01, "benign part of Monday", 0.01)
    text = json.dumps(threshold.to_json(), allow_nan=False)
    again = Threshold.from_json(json.loads(text))
    assert again == threshold
    assert np.float32(again.value) == np.float32(value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_a_line_that_is_no_number_is_refused(value):
    with pytest.raises(EdgeGuardError, match="finite"):
        Threshold(value, "fixed", None, "test")


@pytest.mark.parametrize(
    "change",
    [
        {"value": None},
        {"value": "high"},
        {"value": True},
        {"value": float("nan")},
        {"value": 1e300},
        {"value": 10**400},
        {"method": None},
        {"calibrated_on": 5},
        {"target": []},
        {"promised_false_positive_rate": 1.5},
    ],
)
def test_json_that_is_no_threshold_is_refused(change):
    good = Threshold(0.5, "fixed", 0.5, "test").to_json()
    with pytest.raises(BundleError):
        Threshold.from_json(good | change)


@pytest.mark.parametrize("data", [None, [], "0.5", {}])
def test_json_of_another_kind_is_refused(data):
    with pytest.raises(BundleError):
        Threshold.from_json(data)


def test_unknown_keys_of_later_versions_are_ignored():
    good = Threshold(0.5, "fixed", 0.5, "test")
    assert Threshold.from_json({**good.to_json(), "later": 1}) == good
