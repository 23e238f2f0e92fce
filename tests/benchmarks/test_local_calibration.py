"""The page about calibrating on the spot: losses in bold, nothing counted that is not there."""

import numpy as np
import pytest
from local_calibration import _end_of_third, _with_attacks
from local_calibration_page import ALL_OTHERS, Outcome, Row, page


def row(learned: str, judged: str, third: str, realised: float, recall: float = 0.9) -> Row:
    return Row(
        learned, judged, third, 500, 8.0,
        foreign=Outcome(0.25, recall), best=Outcome(0.01, recall),
        plain={0.0: Outcome(realised, recall)}, robust={0.0: Outcome(realised, recall, 2)},
    )  # fmt: skip


def test_a_page_prints_losses_as_plainly_as_wins():
    rows = [
        row(ALL_OTHERS, "a", third, realised, recall)
        for third in ("flows", "hours")
        for realised, recall in ((0.005, 0.8), (0.093, float("nan")))
    ]
    text = page([*rows, row("b", "a", "flows", 0.01), row("b", "a", "hours", 0.01)], seed=3)
    assert "seed 3" in text
    assert "| here, clean | 4.90 % | 1 of 2 | 0.80 |" in text
    assert "| elsewhere | 25.00 % | 2 of 2 | 0.80 |" in text
    assert "| **9.3 %** / – |" in text
    assert "of its hours | 0 % | 4.90 % **missed** | 0.80 met | 0.80 |" in text
    assert "| 0.5 % / 0.80 |" in text
    assert "| here, 1 % attacks | nan % | 0 of 0 | – |" not in text


def test_the_first_third_is_of_benign_flows_or_of_all_hours():
    times = np.array([0.0, 1, 2, 3, 4, 90])
    benign = np.array([True, False, True, True, False, False])
    assert _end_of_third(times, benign, "flows") == 0.0
    assert _end_of_third(times, benign, "hours") == 30.0


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.1, 1), (0.3, 3)])
def test_attacks_among_the_calibrating_flows_are_the_first_ones(share, expected):
    benign = np.array([True] * 8 + [False] * 5)
    kept = _with_attacks(benign, ~benign, np.arange(13.0)[::-1], share)
    assert kept[:8].all()
    assert kept[8:].tolist() == [False] * (5 - expected) + [True] * expected
    none = np.zeros(13, bool)
    assert _with_attacks(benign, none, np.arange(13.0), 0.1) is None
