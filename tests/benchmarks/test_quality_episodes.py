"""Episodes, attack-free time and delays, each against what anybody would count by hand."""

import numpy as np
import pytest
from quality.episodes import (
    delays_s,
    episodes,
    free_hours,
    garwood,
    levels,
    pooled,
    watched,
)
from scipy import stats
from support import data

from edgeguard_core.detection.incidents import WINDOW_MS
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources import read_flows

NAME = "zeek/iot23_20-1.csv.gz"


@pytest.fixture(scope="module")
def capture() -> Flows:
    """IoT-23 20-1: a day, 3,193 benign flows and 16 of the Torii botnet in two bursts."""
    flows, _ = read_flows([data(NAME)])
    return flows.select(flows.is_benign | flows.is_attack)


def scores_of(flows: Flows, attacks: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.lognormal(0, 0.3, len(flows)) + attacks * flows.is_attack).astype(np.float32)


def test_an_episode_is_a_class_without_a_gap_of_half_an_hour(capture):
    of_flow, begins = episodes(capture.time_ms, capture.is_attack, capture.labels.class_name)
    times = np.sort(capture.time_ms[capture.is_attack])
    assert len(begins) == 1 + int((np.diff(times) > 1_800_000).sum()) == 2
    assert ((of_flow >= 0) == capture.is_attack).all()
    for number, begin in enumerate(begins):
        assert capture.time_ms[of_flow == number].min() == begin


def test_attack_free_time_is_counted_window_by_window(capture):
    times, attack = capture.time_ms, capture.is_attack
    attacked = np.unique(np.floor(times[attack] / WINDOW_MS))
    first, last = times.min(), times.max()
    grid = np.arange(first, last, 1_000.0)  # each second asked on its own
    free = ~np.isin(np.floor(grid / WINDOW_MS), attacked)
    assert free_hours(first, last, attacked) == pytest.approx(free.sum() / 3_600, abs=0.002)


def test_levels_keep_the_order_of_scores_also_beyond_the_calibration():
    rng = np.random.default_rng(1)
    calibration = rng.normal(size=500).astype(np.float32)  # below nought, as some peers score
    scores = np.concatenate([calibration[:50], [5, 50, 500, 5e6]]).astype(np.float32)
    found, severity = levels(scores, calibration)
    order = np.argsort(scores)
    assert (np.diff(found[order]) >= 0).all()
    assert (np.diff(found[order][-3:]) > 0).all()
    assert severity[-1] == 100


def test_episodes_are_found_and_missed_at_one_false_incident_a_day(capture):
    calibration = np.random.default_rng(9).lognormal(0, 0.3, 800).astype(np.float32)
    loud, quiet = (watched(capture, scores_of(capture, x), calibration) for x in (50.0, 0.0))
    found, missed = pooled([loud]), pooled([quiet])
    assert (found["found"], found["episodes"]) == (2, 2)
    assert missed["found"] == 0
    assert np.isnan(missed["median_seconds"])
    for told in (found, missed):
        assert told["false_incidents"] <= told["attack_free_hours"] / 24
        assert told["false_a_day_low"] <= told["false_a_day"] <= told["false_a_day_high"]
    two = pooled([loud, loud])
    assert two["attack_free_hours"] == pytest.approx(2 * found["attack_free_hours"])
    assert two["episodes"] == 4


def test_one_false_incident_more_than_allowed_raises_the_line():
    times = np.arange(0, 48) * 3.6e6  # two days: two false incidents are allowed
    flows, _ = read_flows([data(NAME)])
    benign = flows.select(np.flatnonzero(flows.is_benign)[: 3 * len(times)])
    columns = dict(benign.columns)
    columns[benign.schema.time] = np.repeat(times, 3) + np.tile([0.0, 1.0, 2.0], len(times))
    columns["src_ip"] = np.full(len(benign), "10.0.0.1", object)
    columns["src_network"] = np.full(len(benign), "internal", object)
    made = type(benign)(**{**vars(benign), "columns": columns})
    scores = np.ones(len(benign), np.float32)
    scores[:12] = np.repeat([9.0, 8.0, 7.0, 6.0], 3)  # four odd hours
    told = pooled([watched(made, scores, np.linspace(0, 2, 99, dtype=np.float32))])
    assert told["attack_free_hours"] == pytest.approx(47, abs=0.1)
    assert told["false_incidents"] == 1  # 47 hours hold one whole day


def test_the_delay_ends_with_the_third_flow_that_has_ended(capture):
    calibration = np.random.default_rng(9).lognormal(0, 0.3, 800).astype(np.float32)
    seen = watched(capture, scores_of(capture, 50.0), calibration)
    line = np.float32(3.0)
    of_flow, begins = seen.episode, seen.begins_ms
    for number, delay in enumerate(delays_s(seen, line)):
        mine = (of_flow == number) & (seen.level >= line)
        groups = seen.incidents.of_flow
        ended = [np.sort(seen.known_ms[mine & (groups == g)]) for g in np.unique(groups[mine])]
        soonest = min(each[2] for each in ended if len(each) >= 3)
        assert delay == pytest.approx((soonest - begins[number]) / 1_000)


@pytest.mark.parametrize("count", [0, 1, 7, 300])
def test_garwoods_interval_holds_the_tails_it_says(count):
    low, high = garwood(count)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0.0
