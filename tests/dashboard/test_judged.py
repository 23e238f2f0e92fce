"""Judging anew, against the slow and obvious way of counting: classes, times, hosts, the worst."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import evaluations, judged, workspace
from dashboard.charts.timeline import alerts_over_time
from edgeguard_core.thresholds.choose import fixed

HOUR_MS = 3_600_000
KINDS = ("benign", "attack", "unlabelled")
flow = st.tuples(
    st.floats(0, 8, width=32),
    st.sampled_from(KINDS),
    st.floats(0, 400 * HOUR_MS) | st.none(),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "fe80::1", None]),
)
Row = tuple[float, str, float | None, str | None]


def evaluated(rows: list[Row], name: str = "s.parquet") -> evaluations.Evaluated:
    path = workspace.room("judged") / name
    columns = {
        "row": pa.array(range(2, len(rows) + 2)),
        "bidirectional_first_seen_ms": pa.array([row[2] for row in rows], pa.float64()),
        "src_ip": pa.array([row[3] for row in rows], pa.string()),
        "score": pa.array([row[0] for row in rows], pa.float32()),
        "severity": pa.array([int(row[0] * 10) for row in rows], pa.int64()),
        "is_alert": pa.array([False] * len(rows)),
        "label": pa.array([row[1] for row in rows]),
        "class": pa.array([row[1].upper() if row[1] == "attack" else row[1] for row in rows]),
    }
    pq.write_table(pa.table(columns), path)
    reference = evaluations.Reference("0a0a0a0a", "x", path.parent / "b", path, path)
    return evaluations.read(reference)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(flow, min_size=1, max_size=40), at=st.floats(0, 8))
def test_classes_times_and_hosts_are_those_of_a_plain_loop(rows: list[Row], at: float) -> None:
    found, threshold = evaluated(rows), fixed(at)
    alert = threshold.alerts(found.scores)
    alerting = [row for row in rows if np.float32(row[0]) >= np.float32(threshold.value)]

    assert judged.kinds(found).tolist() == [row[1] for row in rows]
    told = judged.by_class(found, alert).set_index("label")["alerts"].to_dict()
    here = {row[1] for row in rows}
    assert told == {
        kind: sum(row[1] == kind for row in alerting) for kind in KINDS[:2] if kind in here
    }

    times = judged.timeline(found, alert)
    timed = [row for row in alerting if row[2] is not None]
    if all(row[2] is None for row in rows):
        assert times is None
    else:
        assert times is not None
        width_ms = times.width_s * 1000
        wanted = Counter((row[2] // width_ms * width_ms, row[1]) for row in timed)
        bins = times.bins
        assert Counter(
            dict(zip(zip(bins["begin"], bins["kind"], strict=True), bins["alerts"], strict=True))
        ) == wanted  # fmt: skip
        assert (times.last_ms // width_ms - times.first_ms // width_ms) < judged.MOST_BINS
        if len(bins):
            assert alerts_over_time(times).to_dict()

    there = judged.hosts(found, "src_ip")
    if all(row[3] is None for row in rows):
        assert there is None
    else:
        assert there is not None
        top = judged.top_hosts(found, there, (found.scores * 10).astype(np.int64), threshold)
        wanted = Counter(row[3] for row in alerting if row[3] is not None)
        assert dict(zip(top["host"], top["alerts"], strict=True)) == wanted
        flows = Counter(row[3] for row in rows)
        for line in top.to_dict("records"):
            assert line["flows"] == flows[line["host"]]
            worst = max(row[0] for row in alerting if row[3] == line["host"])
            assert line["severity"] == int(np.float32(worst) * 10)


@given(
    scores=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=1, max_size=30),
    count=st.integers(1, 31),
)
def test_the_worst_flows_are_the_first_of_a_stable_sort(scores: list[float], count: int) -> None:
    array = np.array(scores, np.float32)
    wanted = sorted(range(len(scores)), key=lambda n: (-scores[n], n))[:count]
    assert judged.highest(array, count).tolist() == wanted


@given(first=st.floats(0, 1e13), span=st.floats(0, 1e13), most=st.integers(2, 300))
def test_no_time_takes_more_bins_than_are_allowed(first: float, span: float, most: int) -> None:
    width_ms = 1000 * judged.bin_width_s(first, first + span, most)
    assert (first + span) // width_ms - first // width_ms < most


def test_a_column_that_is_absent_names_no_host() -> None:
    assert judged.hosts(evaluated([(1.0, "benign", 0.0, "a")]), "dst_ip") is None


def test_false_alarms_hang_below_the_line_and_unlabelled_stand_on_attacks() -> None:
    rows: list[Row] = [(5.0, kind, 1000.0, None) for kind in ("attack", "attack", *KINDS)]
    found = evaluated(rows)
    times = judged.timeline(found, fixed(1.0).alerts(found.scores))
    assert times is not None
    chart = alerts_over_time(times).to_dict()
    bars = next(iter(
        values for values in chart["datasets"].values() if values and "low" in values[0]
    ))  # fmt: skip
    ends = {bar["kind"]: (bar["low"], bar["high"]) for bar in bars}
    assert ends == {"benign": (-1.0, 0.0), "attack": (0.0, 3.0), "unlabelled": (3.0, 4.0)}


@pytest.mark.parametrize("column", judged.ENDS)
def test_incidents_of_a_host_are_those_its_alerts_belong_to(column: str) -> None:
    found = evaluations.read(evaluations.find("demo"))
    threshold = evaluations.in_force(found.reference).threshold
    there = judged.hosts(found, column)
    assert there is not None
    top = judged.top_hosts(found, there, np.zeros(len(found), np.int64), threshold, most=5)
    raised = threshold.alerts(found.incidents.score)
    for line in top.to_dict("records"):
        its = [
            found.incidents.of_flow[n]
            for n in np.flatnonzero(threshold.alerts(found.scores))
            if there.names[there.of_flow[n]] == line["host"]
        ]
        assert line["incidents"] == len({n for n in its if n >= 0 and raised[n]})
    assert top["incidents"].max() > 0
    assert top["alerts"].is_monotonic_decreasing
