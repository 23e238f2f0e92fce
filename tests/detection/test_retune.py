"""A suggested threshold loses no alert that was judged true, and rises no more than it must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.detection.retune import effect, judged_below, quiet_sample, retune
from edgeguard_core.thresholds import Threshold

flows = st.lists(st.tuples(st.floats(0, 9, width=32), st.integers(0, 3)), min_size=1, max_size=40)


def line(value: float) -> Threshold:
    return Threshold(value, "fixed", value, "")


@given(flows=flows)
def test_every_true_verdict_stays_and_no_lower_threshold_removes_as_many(
    flows: list[tuple[float, int]],
) -> None:
    scores = np.array([score for score, _ in flows], np.float32)
    verdicts = np.array([code for _, code in flows], np.int8)
    found = retune(scores, verdicts, line(2.0))
    unwanted = [s for s, code in flows if code in (2, 3) and np.float32(s) >= 2]
    true = [s for s, code in flows if code == 1 and np.float32(s) >= 2]
    best = sum(s < min(true) for s in unwanted) if true else 0
    if found.candidate is None:
        assert best == 0 or not true
        assert found.removed == 0
        assert found.reason
        return
    assert found.candidate.true == found.now.true == len(true)
    assert found.removed == best > 0
    assert found.candidate.threshold > 2
    assert found.candidate.alerts < found.now.alerts
    lower = float(np.nextafter(np.float32(found.candidate.threshold), np.float32(0)))
    kept = effect(scores, verdicts, lower)
    assert kept.false + kept.known > found.candidate.false + found.candidate.known


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ([0, 0, 0, 0, 0], "few"),
        ([2, 2, 0, 0, 0], "few"),
        ([2, 2, 2, 3, 3], "none true"),
        ([1, 0, 0, 0, 0], "none false"),
        ([1, 2, 2, 2, 2], "inseparable"),
    ],
)
def test_why_there_is_nothing_to_suggest(codes: list[int], reason: str) -> None:
    found = retune(np.float32([3, 4, 5, 6, 7]), np.int8(codes), line(1.0))
    assert (found.candidate, found.reason) == (None, reason)


def test_incidents_and_lost_attacks_are_counted() -> None:
    found = retune(
        np.float32([3, 4, 5, 6]),
        np.int8([2, 0, 1, 1]),
        line(1.0),
        incident_scores=np.float32([2, 5]),
        is_attack=np.array([True, False, True, True]),
    )
    assert found.candidate is not None
    assert (found.now.incidents, found.candidate.incidents, found.attacks_lost) == (2, 1, 1)
    assert found.now.precision == pytest.approx(2 / 3)
    assert found.candidate.precision == 1.0
    assert np.isnan(effect(np.float32([1]), np.int8([0]), 0.5).precision)


def test_the_quiet_sample_is_below_the_line_seeded_and_small() -> None:
    scores = np.arange(1000, dtype=np.float32)
    sample = quiet_sample(scores, line(900.0), seed=4)
    assert len(sample) == 20
    assert sample.max() < 900
    assert sample.tolist() == quiet_sample(scores, line(900.0), seed=4).tolist()
    assert sample.tolist() != quiet_sample(scores, line(900.0), seed=5).tolist()
    verdicts = np.zeros(1000, np.int8)
    verdicts[sample[:3]] = [1, 2, 3]
    assert judged_below(sample, verdicts) == (3, 1)
