"""Calibration on the spot: bounded, the same for any cut, and true on a real capture."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROJECT
from support import data as data_path

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.detection.incidents import WINDOW_MS, hosts
from edgeguard_core.detection.local_scores import LocalScores
from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.features.context import with_context
from edgeguard_core.sources import read_flows

HOUR_MS = 3.6e6


def some(n: int, seed: int = 0):
    """Scores, hosts and times of n flows."""
    rng = np.random.default_rng(seed)
    names = np.array([*(f"10.0.0.{i}" for i in range(20)), None], object)
    return (
        rng.lognormal(0, 1, n).astype(np.float32),
        names[rng.integers(0, 21, n)],
        np.where(rng.random(n) < 0.05, np.nan, 1.7e12 + np.sort(rng.random(n)) * 8 * HOUR_MS),
    )


def collected(columns, *cuts, most=None):
    local = LocalScores(most=most)
    ends = [0, *sorted(cuts), len(columns[0])]
    for a, b in pairwise(ends):
        local.add(*(column[a:b] for column in columns))
    return local


@given(st.lists(st.integers(0, 1_000), max_size=8), st.sampled_from([60, 400, None]))
def test_any_cut_gives_the_same_calibration(cuts, most):
    columns = some(1_000)
    whole = collected(columns, most=most).calibrate(0.05, "x", 0.02)
    parted = collected(columns, *cuts, most=most).calibrate(0.05, "x", 0.02)
    assert parted.to_json() == whole.to_json()
    assert parted.threshold == whole.threshold


def test_of_too_many_flows_a_uniform_draw_is_kept():
    local = LocalScores(most=2_000)
    for first in range(0, 40_000, 500):
        scores = np.arange(first, first + 500, dtype=np.float32)
        local.add(scores, np.full(500, f"h{first}", object), np.full(500, 1.7e12 + first))
    arrays = local.to_arrays()
    assert (local.seen, len(arrays["score"])) == (40_000, 2_000)
    thirds = np.histogram(arrays["score"], [0, 13_333, 26_666, 40_000])[0]
    assert np.all(np.abs(thirds - 667) < 5 * np.sqrt(667))  # five deviations
    assert len(bytes(arrays["names"]).decode().split("\n")) <= 80
    found = local.calibrate(0.01, "x", 0.0)
    assert found.flows == 40_000
    assert found.threshold.value == pytest.approx(39_600, rel=0.01)


@given(st.integers(0, 300), st.sampled_from([100, None]))
def test_a_checkpoint_of_it_goes_on_as_if_nothing_had_been(cut, most):
    columns = some(600)
    before = LocalScores(most=most)
    before.add(*(column[:cut] for column in columns))
    after = LocalScores.from_arrays(before.to_arrays(), most)
    after.add(*(column[cut:] for column in columns))
    whole = collected(columns, most=most)
    assert after.calibrate(0.05, "x").to_json() == whole.calibrate(0.05, "x").to_json()


def test_arrays_of_something_else_are_refused():
    arrays = collected(some(100)).to_arrays()
    for wrong in ({"host": arrays["host"] + 99}, {"span": np.zeros(3)}, {"window": np.zeros(7)}):
        with pytest.raises(ValueError, match=r"."):
            LocalScores.from_arrays({**arrays, **wrong})
    with pytest.raises(KeyError):
        LocalScores.from_arrays({})


def test_what_was_left_out_is_named_by_host_and_window():
    scores, names, times = some(1_000)
    local = collected((scores, names, times))
    at_ms = 1.7e12 // WINDOW_MS * WINDOW_MS
    local.add(
        np.full(15, 50.0, np.float32), np.full(15, "10.0.0.66", object), np.full(15, at_ms + 5)
    )
    found = local.calibrate(0.01, "x", 0.02)
    assert (found.left_out, found.suspicions[0].host) == (13, "10.0.0.66")
    assert (found.suspicions[0].window_ms, found.suspicions[0].flows) == (at_ms, 13)
    assert found.warnings == ()
    assert 0.01 < found.at_most <= 0.0307
    assert found.calibration.n == 1_002
    told = found.to_json()
    assert told["suspicions"][0]["window"].endswith("+00:00")
    assert told["smallest_promise"] == 1 / 1_003
    less = local.calibrate(0.01, "x", 0.005)
    assert less.left_out == 5
    assert "come in bursts of odd ones" in less.warnings[0]
    assert local.calibrate(0.01, "x", 0.0).warnings == ()  # somebody said that none is an attack


def test_too_few_flows_say_how_many_are_needed():
    with pytest.raises(NotEnoughDataError, match=r"49 flows are too few.* 999 to promise .*0\.001"):
        collected(some(49)).calibrate(0.001, "x")
    found = collected(some(80)).calibrate(0.01, "x")
    assert found.threshold.promised_false_positive_rate == 1 / 81 == found.at_most
    assert "calibrate on 99 or more" in found.warnings[0]


def test_flows_without_times_calibrate_and_cover_no_hours():
    scores, names, _ = some(200)
    found = collected((scores, names, np.full(200, np.nan))).calibrate(0.01, "x", 0.1)
    assert (found.hours, found.left_out, found.to_json()["from"]) == (None, 0, None)


def test_on_a_real_capture_attacks_in_the_hours_break_no_promise(elsewhere):
    """IoT-23 20-1: its first eight hours calibrate, with 1 % of its own attacks among them."""
    flows, _ = read_flows([data_path("zeek/iot23_20-1.csv.gz")])
    flows = flows.select(np.argsort(flows.time_ms, kind="stable"))
    early = flows.time_ms <= flows.time_ms[0] + 8 * HOUR_MS
    calibrating = with_context(flows.select(early))
    assert np.count_nonzero(calibrating.is_attack) == 10
    local = LocalScores(most=None)
    local.add(elsewhere.score(calibrating).scores, hosts(calibrating), calibrating.time_ms)
    robust, plain = (local.calibrate(0.01, "20-1", share) for share in (0.01, 0.0))
    later = with_context(flows).select(flows.is_benign & ~early)
    scores = elsewhere.score(later).scores
    rate = {name: found.threshold.alerts(scores).mean()
            for name, found in (("robust", robust), ("plain", plain))}  # fmt: skip
    assert elsewhere.threshold.alerts(scores).mean() > 0.8
    assert 0 < rate["plain"] <= rate["robust"] <= robust.at_most < 0.02
    assert 0 < robust.left_out <= 0.01 * len(calibrating)
    assert robust.suspicions[0].host == "192.168.100.103"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The shipped demo bundle, which learned a synthetic office."""
    return Detector(Bundle.load(PROJECT / "models" / "demo"), tmp_path_factory.mktemp("state"))


def test_recent_flows_weigh_more_where_a_half_life_is_given():
    scores, names, times = some(4_000)
    times = np.where(np.isnan(times), 1.7e12, times)
    later = times > 1.7e12 + 6 * HOUR_MS
    louder = np.where(later, 4 * scores, scores).astype(np.float32)
    local = collected((louder, names, times))
    flat, weighted = (local.calibrate(0.05, "x", 0.0, half_life_hours=h) for h in (None, 1.0))
    assert weighted.threshold.value > flat.threshold.value
    assert weighted.threshold.alerts(louder[later]).mean() < 0.07
    assert flat.threshold.alerts(louder[later]).mean() > 0.1
    assert weighted.threshold.calibrated_on == "x, weighing half as much every 1 hours of age"
    assert (weighted.threshold.method, weighted.threshold.target) == ("conformal", 0.05)
    told = weighted.to_json()
    assert told["half_life_hours"] == 1.0
    assert told["weight"] < 0.25 * flat.weight == 0.25 * 4_000
    assert told["smallest_promise"] == 1 / (weighted.weight + 1)
    long = local.calibrate(0.05, "x", 0.0, half_life_hours=1e6)
    assert long.threshold.value == pytest.approx(flat.threshold.value, rel=0.01)


def test_what_is_left_out_does_not_calibrate_with_weights_either():
    local = collected(some(1_000))
    local.add(
        np.full(15, 50.0, np.float32), np.full(15, "10.0.0.66", object), np.full(15, 1.7e12 + 5)
    )
    found = local.calibrate(0.01, "x", 0.02, half_life_hours=24.0)
    assert found.left_out == 13
    assert 13 < 1_015 - found.weight < 500
    assert 0.01 < found.at_most < 0.05


def test_a_half_life_needs_times():
    scores, names, _ = some(200)
    local = collected((scores, names, np.full(200, np.nan)))
    with pytest.raises(EdgeGuardError, match="needs flows with times"):
        local.calibrate(0.05, "x", half_life_hours=6.0)
