"""Incidents as arrays are those that the table finds flow by flow."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection.grouping import NOWHERE, group_incidents
from edgeguard_core.detection.incidents import WINDOW_MS

FLOWS = st.lists(
    st.tuples(
        st.floats(0, 3_000_000, width=32) | st.just(float("nan")),
        st.integers(-1, 2),
        st.integers(0, 2),
        st.floats(0, 200, width=32),
        st.sampled_from([0, 40, 100]),
        st.integers(-1, 1),
    ),
    max_size=80,
)


def arrays_of(rows):
    time, host, cause, score, severity, label = (
        (list(c) for c in zip(*rows, strict=True)) if (rows) else ([],) * 6
    )
    return (
        np.array(score, np.float32),
        np.array(severity, np.int64),
        np.array(time, np.float64),
        np.array(host, np.int64),
        np.array(cause, np.int64),
        np.array(label, np.int8),
    )


def slowly(rows):
    """Each incident from its definition: key, score, flows, the best label, the worst flow."""
    groups = {}
    for position, (time, host, cause, *_) in enumerate(rows):
        if host >= 0 and time == time:
            groups.setdefault((host, time // WINDOW_MS, cause), []).append(position)
    found = {}
    for key, members in groups.items():
        ranked = sorted(members, key=lambda p: (-np.float32(rows[p][3]), p))
        certain = max(rows[p][4] for p in members) >= 100
        lone = np.float32(rows[ranked[0]][3]) if certain else 0.0
        score = np.float32(rows[ranked[2]][3]) if len(ranked) > 2 else lone
        found[key] = (score, len(members), max(rows[p][5] for p in members), ranked[0])
    return found


@given(FLOWS)
@settings(deadline=None, max_examples=120)
def test_arrays_agree_with_the_definition(rows):
    incidents = group_incidents(*arrays_of(rows))
    wanted = slowly(rows)
    found = {
        (int(incidents.host[k]), incidents.window_ms[k] / WINDOW_MS, int(incidents.cause[k])): (
            incidents.score[k], incidents.flows[k], incidents.label[k], incidents.worst[k],
        )
        for k in range(len(incidents))
    }  # fmt: skip
    assert found == wanted
    for position, (time, host, *_) in enumerate(rows):
        nowhere = host < 0 or time != time
        assert (incidents.of_flow[position] == NOWHERE) == nowhere


@given(FLOWS)
@settings(deadline=None, max_examples=60)
def test_the_sketch_counts_incidents_at_each_edge(rows):
    incidents = group_incidents(*arrays_of(rows))
    edges = np.array([0.0, 1.0, 50.0, 199.0], np.float32)
    sketch = incidents.sketch(edges, 5.0)
    assert sketch.duration_hours == 5.0
    for k, edge in enumerate(sketch.edges):
        assert sketch.counts_ge[:, k].sum() == (incidents.score >= edge).sum()
    for place, name in enumerate(sketch.classes):
        value = {"benign": 0, "attack": 1, "unlabelled": -1}[name]
        assert sketch.n[place] == (incidents.label == value).sum()
