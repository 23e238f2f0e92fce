"""Incidents: host, window and cause before any threshold; monotone in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection import ScoredFlows
from edgeguard_core.detection.incidents import (
    WINDOW_MS,
    IncidentTable,
    cause_of,
    causes,
    hosts,
    incident_sketch,
    raised,
)
from edgeguard_core.errors import NotEnoughDataError
from edgeguard_core.flows import Flows, Schema
from edgeguard_core.thresholds import incidents_per_day
from edgeguard_core.thresholds.choose import fixed

FLOW = Schema.named("flow")
FEATURES = ("src2dst_bytes", "bidirectional_duration_ms", "service")


def table_of(rows):
    """Flows and scores from rows of (seconds, host, cause position, score)."""
    n = len(rows)
    seconds, host, cause, score = ([row[i] for row in rows] for i in range(4))
    errors = np.zeros((n, len(FEATURES)), np.float32)
    errors[np.arange(n), cause] = 1.0
    line = np.arange(1, n + 1)
    flows = Flows(
        FLOW,
        {
            "bidirectional_first_seen_ms": np.array(seconds, float) * 1000,
            "src_ip": np.array(host, object),
        },
        None,
        line,
    )
    scores = np.array(score, np.float32)
    severity = np.where(scores >= 100, 100, 50).astype(np.int64)
    p = np.full(n, 0.5)
    return flows, ScoredFlows(scores, p, np.zeros(n, bool), severity, errors, FEATURES, None, line)


def incidents_of(rows, **settings_):
    table = IncidentTable(**settings_)
    if rows:
        table.add(*table_of(rows))
    return list(table.incidents())


ROWS = st.lists(
    st.tuples(
        st.floats(0, 3_000, width=32),
        st.sampled_from(["a", "b"]),
        st.integers(0, 2),
        st.floats(0, 200, width=32),
    ),
    max_size=60,
)


def slow_incidents(rows, rank=3):
    """Each incident's score from its definition."""
    groups = {}
    for seconds, host, cause, score in rows:
        window = seconds * 1000 // WINDOW_MS
        groups.setdefault((host, window, cause), []).append(np.float32(score))
    scores = []
    for members in groups.values():
        ranked = sorted(members, reverse=True)
        if len(ranked) >= rank:
            scores.append(ranked[rank - 1])
        else:
            scores.append(ranked[0] if ranked[0] >= 100 else 0.0)
    return sorted(scores)


@given(ROWS)
@settings(deadline=None, max_examples=80)
def test_each_scores_its_kth_highest_flow(rows):
    assert sorted(incident.score for incident in incidents_of(rows)) == slow_incidents(rows)


@given(ROWS, st.floats(0, 200), st.floats(0, 200))
@settings(deadline=None, max_examples=80)
def test_raising_the_threshold_only_removes_incidents(rows, one, other):
    low, high = fixed(min(one, other)), fixed(max(one, other))

    def keys(threshold):
        return {(i.host, i.window_ms, i.cause) for i in raised(incidents_of(rows), threshold)}

    assert keys(high) <= keys(low)


@given(ROWS, st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_batches_and_their_order_do_not_matter(rows, cut):
    flows, scored = table_of(rows) if rows else (None, None)
    parts = IncidentTable()
    if rows:
        for positions in (
            np.arange(min(cut, len(rows)), len(rows)),
            np.arange(min(cut, len(rows))),
        ):
            if len(positions):
                part = ScoredFlows(
                    scored.scores[positions],
                    scored.p_values[positions],
                    scored.extrapolated[positions],
                    scored.severity[positions],
                    scored.feature_errors[positions],
                    FEATURES,
                    None,
                    scored.line[positions],
                )
                parts.add(flows.select(positions), part)
    as_set = {(i.host, i.window_ms, i.cause, i.score, i.flows) for i in parts.incidents()}
    assert as_set == {(i.host, i.window_ms, i.cause, i.score, i.flows) for i in incidents_of(rows)}


def test_a_scan_of_many_flows_is_one_incident():
    scan = [(i / 10, "scanner", 2, 50.0) for i in range(5_000)]
    found = raised(incidents_of(scan), fixed(10.0))
    assert [(i.host, i.cause, i.flows) for i in found] == [("scanner", "service", 5_000)]


def test_windows_are_aligned_to_the_clock():
    rows = [(599.0, "a", 0, 9.0), (601.0, "a", 0, 9.0)]
    assert sorted(i.window_ms for i in incidents_of(rows)) == [0.0, WINDOW_MS]


def test_one_odd_flow_alone_is_none_unless_it_is_certain():
    odd, certain = [(1.0, "a", 0, 99.0)], [(1.0, "a", 0, 150.0)]
    assert raised(incidents_of(odd), fixed(1.0)) == []
    assert [i.score for i in raised(incidents_of(certain), fixed(1.0))] == [150.0]


def test_an_open_window_with_too_few_flows_waits():
    table = IncidentTable()
    table.add(*table_of([(1.0, "a", 0, 150.0)]))
    assert [i.score for i in table.incidents(open_since_ms=300_000.0)] == [0.0]
    assert [i.score for i in table.incidents(open_since_ms=WINDOW_MS)] == [150.0]


def test_closing_takes_the_ended_windows_out():
    table = IncidentTable()
    table.add(*table_of([(1.0, "a", 0, 150.0), (700.0, "a", 0, 150.0)]))
    assert [i.window_ms for i in table.close_before(WINDOW_MS)] == [0.0]
    assert [i.window_ms for i in table.incidents()] == [WINDOW_MS]


def test_flows_without_time_belong_to_none():
    flows, scored = table_of([(float("nan"), "a", 0, 150.0)])
    table = IncidentTable()
    table.add(flows, scored)
    assert list(table.incidents()) == []


def test_what_comes_in_is_the_incident_of_the_host_inside():
    flows = Flows(
        FLOW,
        {
            "src_ip": np.array(["8.8.8.8", "10.0.0.1", "10.0.0.1"], object),
            "dst_ip": np.array(["10.0.0.2", "8.8.8.8", "10.0.0.2"], object),
            "src_network": np.array(["external", "internal", "internal"], object),
            "dst_network": np.array(["internal", "external", "internal"], object),
        },
        None,
        np.arange(3),
    )
    assert hosts(flows).tolist() == ["10.0.0.2", "10.0.0.1", "10.0.0.1"]


def test_the_cause_is_the_group_with_the_largest_share():
    errors = np.array([[3.0, 2.0, 2.0], [1.0, 4.0, 2.0]], np.float32)
    names = ("state", "src2dst_bytes", "dst2src_bytes")
    assert causes(errors, names, FLOW).tolist() == ["volume", "volume"]


@pytest.mark.parametrize("schema", ["flow", "cicflowmeter", "unsw-nb15", "nsl-kdd"])
def test_every_feature_speaks_for_a_cause(schema):
    known = Schema.named(schema)
    assert all(cause_of(known.column(name)) for name in known.features)


def test_incidents_per_day_is_a_budget():
    rows = [
        (float(day * 86_400 + i), f"h{day}", 0, 10.0 + day) for day in range(10) for i in range(3)
    ]
    sketch = incident_sketch(incidents_of(rows), duration_hours=240.0)
    threshold = incidents_per_day(sketch, 0.5, "ten days")
    assert (threshold.method, threshold.target) == ("incidents_per_day", 0.5)
    assert len(raised(incidents_of(rows), threshold)) == 5


@given(ROWS.filter(bool), st.floats(0, 100))
@settings(deadline=None, max_examples=60)
def test_the_budget_is_kept_and_the_next_lower_score_would_break_it(rows, budget):
    found = incidents_of(rows)
    threshold = incidents_per_day(incident_sketch(found, duration_hours=24.0), budget, "a day")
    assert len(raised(found, threshold)) <= budget
    lower = [incident.score for incident in found if incident.score < threshold.value]
    assert not lower or len(raised(found, fixed(max(lower)))) > budget


@pytest.mark.parametrize(("rows", "hours"), [([(1.0, "a", 0, 150.0)], None), ([], 24.0)])
def test_a_budget_needs_incidents_and_hours(rows, hours):
    with pytest.raises(NotEnoughDataError):
        incidents_per_day(incident_sketch(incidents_of(rows), hours), 1, "nothing")
