"""The queue counts what a slow loop over flows counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection.grouping import NOWHERE, group_incidents
from edgeguard_core.detection.queue import Queue, Standing, build_queue, verdict_codes
from edgeguard_core.detection.review import Verdict
from edgeguard_core.thresholds import Threshold

WINDOW_MS = 600_000.0


@st.composite
def traffic(draw: st.DrawFn) -> dict[str, np.ndarray]:
    n = draw(st.integers(1, 40))

    def column(cells: st.SearchStrategy[float], kind: type) -> np.ndarray:
        return np.array(draw(st.lists(cells, min_size=n, max_size=n)), kind)

    return {
        "scores": column(st.integers(0, 9).map(float), np.float32),
        "time_ms": column(st.integers(0, 5).map(lambda w: w * 300_000.0), np.float64),
        "host": column(st.integers(-1, 2), np.int64),
        "cause": column(st.integers(0, 2), np.int64),
        "verdicts": column(st.integers(0, 3), np.int8),
        "hidden": column(st.booleans(), np.bool_),
    }


def built(flows: dict[str, np.ndarray], lone: bool, value: float = 5.0) -> Queue:
    zeros = np.zeros(len(flows["scores"]), np.int64)
    incidents = group_incidents(
        flows["scores"], zeros, flows["time_ms"], flows["host"], flows["cause"]
    )
    return build_queue(
        flows["scores"],
        Threshold(value, "fixed", value, ""),
        flows["cause"],
        flows["verdicts"],
        incidents=incidents,
        hidden=flows["hidden"],
        time_ms=flows["time_ms"],
        lone=lone,
    )


@given(flows=traffic(), lone=st.booleans())
@settings(deadline=None, max_examples=120)
def test_the_queue_is_what_a_loop_counts(flows: dict[str, np.ndarray], lone: bool) -> None:
    queue = built(flows, lone)
    raised: dict[tuple[int, float, int], list[float]] = {}
    keys = []
    for n in range(len(flows["scores"])):
        key = (int(flows["host"][n]), flows["time_ms"][n] // WINDOW_MS, int(flows["cause"][n]))
        keys.append(key)
        if key[0] >= 0:
            raised.setdefault(key, []).append(float(flows["scores"][n]))
    expected: dict[tuple[int, int], list[int]] = {}
    alone = 0
    for n, key in enumerate(keys):
        if flows["scores"][n] < 5 or flows["hidden"][n]:
            continue
        is_raised = key in raised and sum(score >= 5 for score in raised[key]) >= 3
        alone += not is_raised
        if is_raised or lone:
            expected.setdefault((key[0], key[2]), []).append(n)
    assert queue.lone_alerts == alone
    found = {
        (int(queue.host[g]), int(queue.cause[g])): queue.flows_of(g).tolist()
        for g in range(len(queue))
    }
    assert found == expected
    for g in range(len(queue)):
        mine = np.array(found[int(queue.host[g]), int(queue.cause[g])])
        assert queue.alerts[g] == len(mine)
        assert queue.decided[g] == (flows["verdicts"][mine] != 0).sum()
        assert queue.windows[g] == len({keys[n] for n in mine if keys[n][0] >= 0})
        assert flows["scores"][queue.worst[g]] == flows["scores"][mine].max()
        assert queue.first_ms[g] == flows["time_ms"][mine].min()
        assert queue.last_ms[g] == flows["time_ms"][mine].max()
    order = flows["scores"][queue.worst]
    assert (order[:-1] >= order[1:]).all()
    assert ((queue.of_flow == NOWHERE) | (flows["scores"] >= 5)).all()


def test_without_times_or_hosts_the_groups_are_the_causes() -> None:
    queue = build_queue(
        np.float32([1, 5, 9, 7]),
        Threshold(4.0, "fixed", 4.0, ""),
        np.array([0, 0, 1, 0]),
        np.int8([0, 1, 0, 0]),
    )
    assert queue.cause.tolist() == [1, 0]
    assert queue.host.tolist() == [NOWHERE, NOWHERE]
    assert queue.windows.tolist() == [0, 0]
    assert np.isnan(queue.first_ms).all()
    assert queue.standing.tolist() == [Standing.OPEN, Standing.PARTLY]


@pytest.mark.parametrize(
    ("codes", "standing"),
    [
        ([0, 0], Standing.OPEN), ([1, 0], Standing.PARTLY), ([1, 1], Standing.TRUE),
        ([2, 2], Standing.FALSE), ([3, 3], Standing.KNOWN), ([1, 3], Standing.MIXED),
    ],
)  # fmt: skip
def test_how_far_a_group_is_decided(codes: list[int], standing: Standing) -> None:
    queue = build_queue(
        np.float32([5, 5]), Threshold(4.0, "fixed", 4.0, ""), np.zeros(2, int), np.int8(codes)
    )
    assert queue.standing.tolist() == [standing]


def test_a_long_queue_is_cut_and_says_so() -> None:
    n = 30
    queue = build_queue(
        np.arange(1, n + 1, dtype=np.float32),
        Threshold(1.0, "fixed", 1.0, ""),
        np.arange(n),
        np.zeros(n, np.int8),
        most=10,
    )
    assert (len(queue), queue.left_out) == (10, 20)
    assert queue.cause.tolist() == list(range(n - 1, n - 11, -1))
    assert (queue.of_flow >= 0).sum() == 10


def test_no_alert_is_an_empty_queue() -> None:
    queue = build_queue(
        np.float32([1]), Threshold(4.0, "fixed", 4.0, ""), np.zeros(1, int), np.zeros(1, np.int8)
    )
    assert (len(queue), queue.lone_alerts, queue.left_out) == (0, 0, 0)


@given(
    rows=st.lists(st.integers(2, 30), unique=True, max_size=20),
    verdicts=st.dictionaries(
        st.integers(2, 30), st.sampled_from([Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN])
    ),
)
def test_codes_are_those_of_the_lines(rows: list[int], verdicts: dict[int, Verdict]) -> None:
    codes = verdict_codes(np.array(rows, np.int64), verdicts)
    words = {Verdict.TRUE: 1, Verdict.FALSE: 2, Verdict.KNOWN: 3}
    assert codes.tolist() == [words[verdicts[row]] if row in verdicts else 0 for row in rows]
