"""Exports: judged at the page's threshold, and safe to open in a spreadsheet."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import exports
from edgeguard_core.errors import SourceError
from edgeguard_core.thresholds.choose import fixed

NASTY = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", " =1", "\u00a0-2+3",
         "\uff1d1", "\u200b@x"]  # fmt: skip
HARMLESS = ["plain", "10.0.0.1", "-", 'a "quoted", word; with\nmore', None]


def written(folder: Path) -> Path:
    cells = [*NASTY, *HARMLESS]
    path = folder / "scores.parquet"
    columns = {
        "score": pa.array(np.linspace(0, 5, len(cells)), pa.float32()),
        "is_alert": pa.array([False] * len(cells)),
        "class": pa.array(cells, pa.string()),
        "delta": pa.array([-4.5] * len(cells)),
        "=title": pa.array(range(len(cells))),
    }
    pq.write_table(pa.table(columns), path, row_group_size=4)
    return path


def told(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_no_cell_and_no_title_of_the_csv_is_a_formula(tmp_path: Path) -> None:
    lines = told(exports.write_safe_csv(written(tmp_path), tmp_path / "o.csv", fixed(1.0)))
    assert [line["class"] for line in lines[: len(NASTY)]] == [f"'{cell}" for cell in NASTY]
    assert [line["class"] for line in lines[len(NASTY) :]] == [*HARMLESS[:-1], ""]
    assert "'=title" in lines[0]
    assert {line["delta"] for line in lines} == {"-4.5"}  # a number is no formula


@pytest.mark.parametrize("write", [exports.write_parquet, exports.write_safe_csv])
def test_verdicts_are_those_of_the_threshold_given(tmp_path: Path, write) -> None:
    source, threshold = written(tmp_path), fixed(2.5)
    target = write(source, tmp_path / "out", threshold)
    wanted = threshold.alerts(pq.read_table(source)["score"].to_numpy()).tolist()
    if write is exports.write_parquet:
        found = pq.read_table(target)
        assert found.schema.equals(pq.read_schema(source), check_metadata=False)
        assert found["is_alert"].to_pylist() == wanted
    else:
        assert [line["is_alert"] == "true" for line in told(target)] == wanted
    assert 0 < sum(wanted) < len(wanted)
    assert not list(tmp_path.glob(".*"))  # nothing half-written is left


def test_a_scored_file_that_is_gone_exports_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="score again"):
        exports.write_safe_csv(tmp_path / "gone", tmp_path / "out.csv", fixed(1.0))
    assert not (tmp_path / "out.csv").exists()
