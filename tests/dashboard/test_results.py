"""Scored files: what is read of them, undefined shares, and promises that do not hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import results, wording
from edgeguard_core.errors import SourceError


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


def counted(path: Path) -> results.Counts:
    """The counts of a written file, by the verdicts that stand in it."""
    table = pq.read_table(path)
    kind = np.array(table["label"].to_pylist())
    alert = np.array(table["is_alert"].to_pylist())
    return results.counts(alert, *(kind == name for name in results.KINDS))


def test_undefined_shares_are_shown_as_a_dash(tmp_path: Path) -> None:
    summary = counted(written(tmp_path, [(1.0, False, "benign")]))
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
    summary = counted(written(tmp_path, rows))
    audit = results.broken_promise(summary, {"method": method, "target": 0.01, "value": 1.0})
    assert (audit is not None) == broken
    if audit is not None:
        assert "6.00 % came" in wording.broken_promise(audit)
    assert results.broken_promise(summary, None) is None
    told = results.promise_audit(summary, {"method": method, "target": 0.01, "value": 1.0})
    assert (told is not None) == (method == "conformal")
    if told is not None and not broken:
        assert "0.50 % came (95 % interval" in wording.kept_promise(told)


def test_times_are_times_and_empty_columns_are_left_out(tmp_path: Path) -> None:
    rows = [(1.0, True, "attack"), (2.0, False, "attack")]
    path = written(
        tmp_path,
        rows,
        bidirectional_first_seen_ms=[1_545_466_963_106.14, None],
        community_id=pa.array([None, None], pa.string()),
        src_ip=["10.0.0.1", None],
    )
    worst = results.rows(path, np.array([1, 0]))
    assert "community_id" not in worst
    assert worst["src_ip"].notna().tolist() == [False, True]
    assert worst["row"].tolist() == [3, 2]
    assert str(worst["bidirectional_first_seen_ms"][1]) == "2018-12-22 08:22:43.106000"


def test_another_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"score": [1.0]}), path)
    with pytest.raises(SourceError, match="no column 'is_alert'"):
        results.open_scores(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="score again"):
        results.open_scores(path)


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
