"""Results against the slow and obvious way of counting; exports that are safe to open."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import results, wording
from edgeguard_core.errors import SourceError

row = st.tuples(
    st.floats(0, 1e6, width=32), st.booleans(), st.sampled_from(["benign", "attack", "unlabelled"])
)


def written(folder: Path, rows: list[tuple[float, bool, str]], **more: list[object]) -> Path:
    path = folder / "scores.parquet"
    columns: dict[str, object] = {
        "row": np.arange(len(rows)) + 2,
        "score": pa.array([score for score, _, _ in rows], pa.float32()),
        "is_alert": pa.array([alert for _, alert, _ in rows], pa.bool_()),
        "label": pa.array([kind for _, _, kind in rows], pa.string()),
        "class": pa.array([kind for _, _, kind in rows], pa.string()),
    }
    pq.write_table(pa.table(columns | more), path, row_group_size=7)
    return path


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(row, min_size=1, max_size=40), worst=st.integers(1, 50))
def test_counts_and_order_are_those_of_a_plain_loop(
    tmp_path: Path, rows: list[tuple[float, bool, str]], worst: int
) -> None:
    summary = results.summarise(written(tmp_path, rows), worst)
    assert summary.flows == len(rows)
    assert summary.alerts == sum(alert for _, alert, _ in rows)
    assert summary.caught == sum(alert and kind == "attack" for _, alert, kind in rows)
    assert summary.false_alarms == sum(alert and kind == "benign" for _, alert, kind in rows)
    assert summary.unlabelled == sum(kind == "unlabelled" for _, _, kind in rows)
    assert summary.histogram["flows"].sum() == len(rows)
    highest = sorted((score for score, _, _ in rows), reverse=True)[:worst]
    assert summary.worst["score"].tolist() == pytest.approx(highest)


def test_undefined_shares_are_shown_as_a_dash(tmp_path: Path) -> None:
    summary = results.summarise(written(tmp_path, [(1.0, False, "benign")]))
    assert wording.percent(summary.recall) == "–"
    assert wording.percent(summary.precision) == "–"
    assert wording.percent(summary.false_alarm_rate) == "0.0 %"


@pytest.mark.parametrize(
    ("false_alarms", "method", "broken"),
    [(1, "conformal", False), (12, "conformal", True), (12, "fixed", False)],
)
def test_a_promise_that_does_not_hold_is_told(
    tmp_path: Path, false_alarms: int, method: str, broken: bool
) -> None:
    rows = [(1.0, n < false_alarms, "benign") for n in range(200)]
    summary = results.summarise(written(tmp_path, rows))
    audit = results.broken_promise(summary, {"method": method, "target": 0.01, "value": 1.0})
    assert (audit is not None) == broken
    if audit is not None:
        assert "6.00 % came" in wording.broken_promise(audit)
    assert results.broken_promise(summary, None) is None


def test_classes_count_labelled_flows_only(tmp_path: Path) -> None:
    rows = [(1.0, True, "attack"), (2.0, False, "attack"), (0.1, True, "unlabelled")]
    classes = results.summarise(written(tmp_path, rows)).classes
    assert classes.to_dict("records") == [
        {"class": "attack", "label": "attack", "flows": 2, "alerts": 1, "share": 0.5}
    ]


def test_a_file_without_labels_has_unlabelled_flows_only(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"score": [0.5, 3.0], "is_alert": [False, True]}), path)
    summary = results.summarise(path)
    assert (summary.unlabelled, summary.unlabelled_alerts) == (2, 1)
    assert summary.looks_unknown
    assert not summary.has_labels


def test_an_empty_file_is_summarised(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    empty = {"score": pa.array([], pa.float32()), "is_alert": pa.array([], pa.bool_())}
    pq.write_table(pa.table(empty), path)
    summary = results.summarise(path)
    assert summary.flows == 0
    assert summary.worst.empty
    assert wording.verdict(summary) == "No flow was scored."


def test_times_are_times_and_empty_columns_are_left_out(tmp_path: Path) -> None:
    rows = [(1.0, True, "attack"), (2.0, False, "attack")]
    path = written(
        tmp_path,
        rows,
        bidirectional_first_seen_ms=[1_545_466_963_106.14, None],
        community_id=pa.array([None, None], pa.string()),
        src_ip=["10.0.0.1", None],
    )
    worst = results.summarise(path).worst
    assert "community_id" not in worst
    assert worst["src_ip"].notna().tolist() == [False, True]
    assert str(worst["bidirectional_first_seen_ms"][1]) == "2018-12-22 08:22:43.106000"


def test_another_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"score": [1.0]}), path)
    with pytest.raises(SourceError, match="no column 'is_alert'"):
        results.summarise(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="score again"):
        results.summarise(path)


def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path) -> None:
    nasty = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", "plain", "10.0.0.1"]
    rows = [(1.0, True, "attack")] * len(nasty)
    source = written(tmp_path, rows, uid=nasty)
    target = results.write_safe_csv(source, tmp_path / "out.csv")
    with target.open(newline="") as file:
        told = list(csv.DictReader(file))
    assert len(told) == len(nasty)
    assert all(not line["uid"].startswith(("=", "+", "-", "@", "\t", "\r")) for line in told)
    assert [line["uid"] for line in told][-2:] == ["plain", "10.0.0.1"]
    assert told[0]["score"] == "1.0"


def test_equal_scores_still_make_a_bar() -> None:
    found = results.histogram(np.full(9, 0.25), np.full(9, "benign", dtype=object))
    assert found["flows"].tolist() == [9]
    assert (found["low"] < found["high"]).all()


def test_a_score_that_is_no_number_is_left_out_of_the_histogram() -> None:
    found = results.histogram(
        np.array([np.nan, np.inf, 1.0]), np.full(3, "unlabelled", dtype=object)
    )
    assert found["flows"].sum() == 1
    assert isinstance(found, pd.DataFrame)
