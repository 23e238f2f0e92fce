"""Calibrating a stream again and again, against the slow and obvious way."""

import numpy as np
import pytest
from quality.figures import blind_threshold
from quality.rolling import OLD, ONCE, RULES, StreamScores, _lines, figures

from edgeguard_core.thresholds import recency_weights, weighted_conformal


def stream(drift: float = 0.0, n: int = 6_000, attacks: float = 0.1) -> StreamScores:
    rng = np.random.default_rng(3)
    hours = np.sort(rng.uniform(0, 24, n))
    is_attack = rng.random(n) < attacks
    scores = rng.lognormal(0, 0.5, n) * (1 + drift * hours) + 9 * is_attack
    judged = scores.astype(np.float32)
    old = rng.lognormal(0, 0.5, 2_000).astype(np.float32)
    return StreamScores(old, judged, is_attack, hours, judged[~is_attack])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.word)
def test_each_flow_meets_the_threshold_of_the_hour_before_it(rule):
    given = stream(0.05)
    benign_hours = given.hours[~given.is_attack]
    start = 8.0
    lines, promised = _lines(given, rule, start)
    for at in (0, 2_100, 3_333, 5_999):
        now = max(start, start + np.floor(given.hours[at] - start)) if rule.again else start
        before = benign_hours < now
        if rule.window_hours is not None:
            before &= benign_hours >= now - rule.window_hours
        if rule.half_life_hours is None:
            expected = blind_threshold(given.clean[before], 0.01)[0]
        else:
            weights = recency_weights(now - benign_hours[before], rule.half_life_hours)
            weights /= weights.max()
            expected = weighted_conformal(given.clean[before], weights, 0.01, "x").value
        assert lines[at] == np.float32(expected)
    assert promised == 0.01


def test_without_drift_every_rule_keeps_the_promise_and_none_hides_attacks():
    told = figures(stream())["rules"]
    for found in told.values():
        assert found["realised"] == pytest.approx(0.01, abs=0.008)
        assert not found["breached"]
        assert found["recall"] > 0.9


def test_a_drifting_network_breaks_the_old_promise_and_recent_flows_mend_it():
    found = figures(stream(0.1))
    told = found["rules"]
    assert told[OLD]["breached"]
    assert told[OLD]["realised"] > told[ONCE]["realised"] > told["last 3 h"]["realised"]
    assert told["half-life 3 h"]["realised"] < told["all so far"]["realised"]
    assert sum(found["hourly"]["flows"]) == found["benign"]
    hourly = np.array(found["hourly"][ONCE], float) @ found["hourly"]["flows"]
    assert hourly / found["benign"] == pytest.approx(told[ONCE]["realised"])


def test_a_window_of_few_flows_reaches_back_until_the_promise_can_be_made():
    given = stream(n=400)
    lines, promised = _lines(given, next(r for r in RULES if r.word == "last 3 h"), 8.0)
    assert promised == 0.01
    assert np.isfinite(lines).all()


def test_a_stream_without_attacks_has_no_recall():
    told = figures(stream(attacks=0.0))["rules"]
    assert np.isnan(told[OLD]["recall"])
