"""The first rows of a file: the same verdicts as the whole file gets, soon."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import first_look, mapping, sample_file
from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.pipeline.demo import shipped


def test_a_piece_of_a_large_file_is_told_from_a_whole_one(tmp_path: Path) -> None:
    whole = first_look.look(shipped().traffic, most_rows=50_000)
    some = first_look.look(shipped().traffic, most_rows=100)
    assert some.rows == some.accepted == 100
    assert not some.whole
    assert some.schema == whole.schema == "flow"
    assert some.features == whole.features > 10
    text = sample_file.text(20)
    (tmp_path / "small.csv.gz").write_bytes(gzip.compress(text.encode()))
    small = first_look.look(tmp_path / "small.csv.gz")
    assert (small.rows, small.whole) == (20, True)


def test_rows_are_rejected_as_they_will_be(tmp_path: Path) -> None:
    header, *lines = sample_file.text(30).splitlines()
    cells = lines[3].split(",")
    cells[header.split(",").index("src2dst_bytes")] = "many"
    path = tmp_path / "a.csv"
    path.write_text("\n".join([header, *lines[:3], ",".join(cells), *lines[4:]]) + "\n")
    found = first_look.look(path)
    assert (found.rows, found.accepted) == (30, 29)
    assert sum(found.rejected.values()) == 1


def test_an_unknown_table_is_refused_and_read_by_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "odd name.csv"
    path.write_text("wer,port hin,menge,urteil\n" + "10.0.0.1,443,900,benign\n" * 60)
    with pytest.raises(SchemaError, match=r"odd name\.csv"):
        first_look.look(path)
    chosen = {"wer": "src_ip", "port hin": "dst_port", "menge": "src2dst_bytes", "urteil": "label"}
    found = first_look.look(path, mapping.mapped_schema(Schema.named("flow"), chosen), 40)
    assert (found.rows, found.accepted) == (40, 40)
    assert found.labels == {"benign": 40}


def test_parquet_is_read_where_it_lies(tmp_path: Path) -> None:
    rows = [line.split(",") for line in sample_file.text(30).splitlines()]
    columns = {name: [row[n] or None for row in rows[1:]] for n, name in enumerate(rows[0])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert first_look.look(tmp_path / "a.parquet", most_rows=10).rows == 10


def test_the_sample_is_a_file_that_is_understood(tmp_path: Path) -> None:
    (tmp_path / "flows-sample.csv").write_text(sample_file.text())
    found = first_look.look(tmp_path / "flows-sample.csv")
    assert found.rows == found.accepted == sample_file.ROWS
    assert "benign" in found.labels
