import csv

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.flows.validation import Rejection
from edgeguard_core.pipeline.tables import (
    TableWriter,
    defused,
    defused_array,
    write_flows,
    write_rejections,
)
from edgeguard_core.sources import open_source, read_flows

COLUMNS = {
    "row": np.array([2, 3]),
    "port": np.array([80.0, np.nan]),
    "who": np.array(["=cmd()", None], object),
}


@pytest.mark.parametrize("as_csv", [False, True])
def test_batches_are_joined_and_absent_columns_are_null(tmp_path, as_csv):
    path = tmp_path / "t"
    with TableWriter(path, as_csv=as_csv) as table:
        table.write(COLUMNS, whole={"port"})
        table.write({"row": np.array([9]), "who": np.array(["-"], object), "more": np.array([1])})
    found = (pa_csv.read_csv if as_csv else pq.read_table)(path)
    assert found.column_names == ["row", "port", "who"]
    assert found["row"].to_pylist() == [2, 3, 9]
    assert found["port"].to_pylist() == [80, None, None]
    # A spreadsheet must not run what a packet said; Parquet is opened by none.
    formula = "'=cmd()" if as_csv else "=cmd()"
    assert found["who"].to_pylist()[0] == formula


def test_a_column_that_begins_with_nulls_takes_words_later(tmp_path):
    with TableWriter(tmp_path / "t", as_csv=False) as table:
        table.write({"who": np.array([None], object)})
        table.write({"who": np.array(["x"], object)})
    assert pq.read_table(tmp_path / "t")["who"].to_pylist() == [None, "x"]


def test_flows_come_back_from_parquet_as_they_were(data, tmp_path):
    flows, report = read_flows([data("zeek/iot23_34-1_conn.log.labeled.gz")])
    write_flows(tmp_path / "f.parquet", flows, report.meter)
    again, second = read_flows([tmp_path / "f.parquet"])
    assert open_source(tmp_path / "f.parquet").meter == report.meter == "zeek"
    assert second.labels == report.labels
    assert set(again.columns) == set(flows.columns)
    for name, values in flows.columns.items():
        np.testing.assert_array_equal(again.columns[name], values, err_msg=name)
    np.testing.assert_array_equal(again.labels.label, flows.labels.label)


def test_rejections_are_written_with_their_place(tmp_path):
    write_rejections(tmp_path / "r.csv", [Rejection(7, "dur", "=1,2", "not a number")])
    with (tmp_path / "r.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["line", "column", "value", "rule"],
            ["7", "dur", "'=1,2", "not a number"],
        ]


HOSTILE = ["=1+1", " =1", "\t=1", "\tx", "\rx", "\nx", "\u00a0+1", "\ufeff=1", "\uff1d1", "\uff20x",
           " \u3000\uff0d5", "- ", "-\n5", "@SUM(A1)", "\u2003\u200b=1"]  # fmt: skip
HARMLESS = ["-", "+", "=", "a=1", "10.0.0.1", "'=1", "", " ", "tcp", "1-2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_spreadsheet_may_run_gets_a_quote(text):
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_stays_as_it_is(text):
    assert defused(text) == text


@given(st.lists(st.none() | st.text(st.sampled_from("=+-@\t\r\n '\u00a0\u2003\uff1dab1"))))
def test_a_whole_column_is_defused_as_each_of_its_texts(texts):
    for kind in (pa.string(), pa.large_string()):
        found = defused_array(pa.array(texts, kind)).to_pylist()
        assert found == [None if text is None else defused(text) for text in texts]


def test_a_title_that_is_a_formula_is_no_formula_among_the_rejections(tmp_path):
    write_rejections(tmp_path / "r.csv", [Rejection(2, "=cmd()", "@x", "not a number")])
    assert "2,'=cmd(),'@x,not a number" in (tmp_path / "r.csv").read_text()
