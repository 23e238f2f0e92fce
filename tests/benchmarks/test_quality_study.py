"""Causes, number formats and streams of the benchmark, on real captures and a small model."""

from pathlib import Path

import numpy as np
import pytest
from quality import matrices, sets, shifts, study
from quality.report import markdown
from quality.results import Store, Task
from quality.scored import Scored
from quality.summary import SetResults, summary
from support import data, data_folder

from edgeguard_core.config import TrainingConfig

QUICK = TrainingConfig(steps=80)
NAME = "iot-20-1"


@pytest.fixture(scope="module")
def parts() -> sets.Parts:
    data("zeek/iot23_20-1.csv.gz")
    return next(found for found in sets.listed() if found.name == NAME).open(data_folder())


@pytest.fixture(scope="module")
def inputs(parts) -> matrices.Inputs:
    return matrices.inputs_of(parts, QUICK)


@pytest.fixture(scope="module")
def found(inputs, parts) -> study.Study:
    return study.of_set(inputs, parts.is_attack, QUICK)


def test_every_number_format_is_judged_and_full_int8_refused(found, parts):
    assert list(found.parity) == ["float16", "dynamic_int8", "full_int8"]
    assert found.parity["float16"]["passed"]
    assert found.parity["float16"]["rank_correlation"] > 0.999
    refused = found.parity["full_int8"]
    assert not refused["passed"]
    assert any(refused["failures"])
    assert refused["rank_correlation"] < found.parity["dynamic_int8"]["rank_correlation"]
    assert found.cause.shape == (len(parts.test),)
    assert len(np.unique(found.cause)) > 1


def test_nearness_is_what_anybody_would_count():
    rng = np.random.default_rng(0)
    plain = rng.lognormal(size=1_200).astype(np.float32)
    same = study.nearness(plain, plain, 200)
    assert same == {
        "rank_correlation": pytest.approx(1.0), "largest_shift": 0.0, "alerts_alike": 1.0,
        "verdicts_changed": 0.0,
    }  # fmt: skip
    other = plain.copy()
    other[1_000] += 2 * max(plain[1_000], np.sort(plain[:200])[199])
    assert study.nearness(plain, other, 200)["largest_shift"] >= 2.0
    flat = study.nearness(plain, np.full_like(plain, 3.0), 200)
    assert (flat["rank_correlation"], flat["alerts_alike"]) == (0.0, 0.0)
    assert np.isnan(study.nearness(plain, None, 200)["rank_correlation"])


def test_what_was_kept_makes_the_sections_of_the_page(found, parts, tmp_path: Path):
    rng, n = np.random.default_rng(0), len(parts.test)
    test = (rng.lognormal(size=n) + 50 * parts.is_attack).astype(np.float32)
    mine = Scored(rng.lognormal(size=300).astype(np.float32), test, 1, 1.0, 1.0)
    runs = {
        Task(NAME, "EdgeGuard", matrices.OURS, 0): mine,
        Task(NAME, "kNN", matrices.MIN_MAX, 0): mine,
    }
    store = Store(tmp_path)
    assert store.study(NAME) is None
    store.save_study(NAME, found)
    kept = store.study(NAME)
    assert kept is not None
    assert kept.parity == found.parity
    np.testing.assert_array_equal(kept.cause, found.cause)
    data_set = next(each for each in sets.listed() if each.name == NAME)
    rows = dict.fromkeys(("fitted", "calibration", "benign", "attacks"), 1)
    whole = SetResults(data_set, rows, parts.is_attack, runs, parts.test, kept)
    plain = summary([whole])
    told = plain["incidents"]["within a capture"]["models"]
    assert set(told) == {"EdgeGuard, with causes", "EdgeGuard", "kNN, min-max"}
    assert all((each["found"], each["episodes"]) == (2, 2) for each in told.values())
    page = markdown(plain)
    assert "## Incidents at one false one a sensor and day" in page
    assert "| iot-20-1 | full_int8 |" in page
    assert "**refused**" in page


def test_a_stream_is_learned_elsewhere_and_comes_in_time(tmp_path: Path):
    data("zeek/iot23_20-1.csv.gz")
    by_name = {shift.name: shift for shift in shifts.listed()}
    stream = by_name["honeypot-4-1"].open(data_folder())
    assert len(stream.later) == len(stream.clean) == 452
    assert not stream.fit.is_attack.any()
    assert not stream.old.is_attack.any()
    assert (np.diff(stream.hours) >= 0).all()
    assert stream.hours[0] == 0.0
    assert len(stream.old) == pytest.approx(0.25 * len(stream.fit), rel=0.01)
    days = by_name["tuesday → monday, friday"].open(data_folder())
    assert (days.later.is_benign.sum(), days.later.is_attack.sum()) == (999, 1_000)
    assert not days.later.is_attack[:999].any()  # one file after the other
    assert set(days.fit.columns) == set(days.later.columns)
    scores = study.of_stream(stream, QUICK)
    store = Store(tmp_path)
    store.save_stream("x → y", scores)
    kept = store.stream("x → y")
    assert kept is not None
    for name in ("old", "judged", "is_attack", "hours", "clean"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(scores, name))
    page = markdown(summary([], [(by_name["honeypot-4-1"], scores)]))
    assert "## Another day, another network" in page
    assert "| honeypot-4-1 |" in page
