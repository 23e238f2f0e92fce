"""Validation: what is accepted and what is rejected, against pandera, the well-known one."""

import gzip
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import data

from edgeguard_core.flows import LabelSpec, Role, Schema
from edgeguard_core.flows.cells import MISSING_WORDS
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.validation import RawTable, validate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandera.pandas as pa

SMALL = Schema.from_yaml(
    """
name: small
columns:
  - {name: bytes, role: numeric, minimum: 0, maximum: 100}
  - {name: lag, role: numeric, maximum: 5}
  - {name: kind, role: categorical, type: string, values: [a, b]}
  - {name: word, role: categorical, type: string, words: {SF: done}}
  - {name: port, role: identity, type: port}
  - {name: when, role: time, type: time, unit: s}
  - {name: note, role: ignored}
  - {name: bucket, role: categorical, type: string, derived_from: port, rule: port_bucket}
"""
)


def raw(first_line: int = 2, **columns: list[object]) -> RawTable:
    arrays = {}
    for name, cells in columns.items():
        arrays[name] = np.empty(len(cells), object)
        arrays[name][:] = cells
    n = len(next(iter(arrays.values())))
    return RawTable(arrays, np.arange(first_line, first_line + n))


def test_only_feature_cells_reject_and_each_row_once() -> None:
    found = validate(
        raw(
            bytes=["5", "-1", "101", "x", "", "inf"],
            lag=["1", "9", "1", "9", "1", "1"],
            kind=["a", "c", "b", "a", "", "c"],
            port=["53.0", "1", "2", "3", "host", "4"],
            when=["1", "2", "3", "4", "yesterday", "6"],
        ),
        SMALL,
    )
    assert [(r.line, r.column, r.value, r.rule) for r in found.rejections] == [
        (3, "bytes", "-1", "out of range 0 to 100"),
        (4, "bytes", "101", "out of range 0 to 100"),
        (5, "bytes", "x", "not a number"),
        (7, "kind", "c", "not an allowed value"),
    ]
    assert found.flows.line.tolist() == [2, 6]
    assert found.unread == {"port": 1, "when": 1}
    assert found.missing == {"bytes": 1, "kind": 1, "bucket": 1}
    np.testing.assert_array_equal(found.flows.columns["when"], [1000, np.nan])
    assert found.flows.columns["bucket"].tolist() == ["dns", ""]


def test_one_sided_limits_say_which_side() -> None:
    found = validate(raw(lag=["6"]), SMALL)
    assert found.rejections[0].rule == "out of range: above 5"
    found = validate(raw(dst_bytes=["-0.5"]), Schema.named("nsl-kdd"))
    assert found.rejections[0].rule == "out of range: below 0"


def test_words_are_translated_and_unknown_ones_missing() -> None:
    found = validate(raw(word=["SF", "S9", None]), SMALL)
    assert found.flows.columns["word"].tolist() == ["done", "", ""]


def test_what_the_schema_does_not_want_is_left_alone() -> None:
    found = validate(raw(bytes=["1"], note=["x"], other=["y"]), SMALL)
    assert list(found.flows.columns) == ["bytes"]


def test_labels_cover_rejected_rows_too() -> None:
    table = raw(bytes=["1", "x"])
    labelled = RawTable(table.columns, table.line, np.array(["benign", "Bot"], object))
    found = validate(labelled, SMALL, LabelReader(LabelSpec()))
    assert found.all_labels is not None
    assert found.all_labels.class_name.tolist() == ["benign", "Bot"]
    assert found.flows.labels is not None
    assert found.flows.labels.class_name.tolist() == ["benign"]


def test_a_value_shown_is_short_and_as_in_the_file() -> None:
    found = validate(raw(bytes=["z" * 500]), SMALL)
    assert found.rejections[0].value == "z" * 80
    read_already = RawTable({"bytes": np.array([-5.0, -0.5])}, np.array([1, 2]))
    assert [r.value for r in validate(read_already, SMALL).rejections] == ["-5", "-0.5"]


cell = st.one_of(
    st.none(), st.floats(), st.integers(-10, 200).map(str),
    st.sampled_from(["x", "", "inf", "nan", "-", "1e3", " 7 "]),
)  # fmt: skip


@given(st.lists(st.tuples(cell, cell, st.sampled_from(["a", "b", "c", "", None]))))
def test_rows_are_accepted_or_rejected_and_a_cut_changes_nothing(rows: list[tuple]) -> None:
    def check(part: list[tuple], first_line: int) -> tuple:
        columns = [list(column) for column in zip(*part, strict=True)] if part else [[], [], []]
        found = validate(raw(first_line, bytes=columns[0], lag=columns[1], kind=columns[2]), SMALL)
        assert len(found.flows) + len(found.rejections) == len(part)
        return found.flows.line.tolist(), found.rejections

    middle = len(rows) // 2
    whole = check(rows, 1)
    parts = check(rows[:middle], 1), check(rows[middle:], middle + 1)
    assert whole == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])


# --- against pandera ---------------------------------------------------------------------------


def pandera_schema(schema: Schema, present: set[str]) -> "pa.DataFrameSchema":
    columns = {}
    for column in schema.columns:
        if column.name not in present or not column.is_feature or column.derived_from:
            continue
        if column.role is Role.NUMERIC:
            checks = [pa.Check(_is_number, element_wise=True)]
            if column.minimum is not None or column.maximum is not None:
                low = -np.inf if column.minimum is None else column.minimum
                high = np.inf if column.maximum is None else column.maximum
                inside = pa.Check(
                    lambda cell, low=low, high=high: (
                        not _is_finite(cell) or low <= float(cell) <= high
                    ),
                    element_wise=True,
                )
                checks.append(inside)
        elif column.values is not None:
            checks = [pa.Check.isin([*column.values, ""])]
        else:
            checks = []
        columns[column.name] = pa.Column(object, checks=checks, nullable=True)
    return pa.DataFrameSchema(columns)


def _is_number(cell: str) -> bool:
    return _is_finite(cell) or cell.strip().lower() in MISSING_WORDS


def _is_finite(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("name", "schema_name"),
    [
        ("cic-ids2017/monday_first_999.csv", "cicflowmeter"),
        ("unsw-nb15/UNSW_NB15_82332.csv.gz", "unsw-nb15"),
        ("nsl-kdd/KDDTest+.txt.gz", "nsl-kdd"),
    ],
)
def test_the_rows_accepted_are_those_that_pandera_accepts(name: str, schema_name: str) -> None:
    schema = Schema.named(schema_name)
    frame = _first_rows(name, schema, 900)
    rng = np.random.default_rng(7)
    bad = ["-7", "oops", "1_0", "1e9", "Infinity", "", "-", "2.5", "nan", " 3 "]
    numeric = [column for column in frame.columns if column in schema.numeric]
    for _ in range(150):
        row, column = rng.integers(len(frame)), rng.integers(len(numeric))
        frame.loc[row, numeric[column]] = bad[rng.integers(len(bad))]
    frame = frame.mask(frame == "1_0", "oops")  # Python alone reads an underscore as a digit's

    columns = {column: frame[column].to_numpy(object) for column in frame.columns}
    found = validate(RawTable(columns, np.arange(len(frame))), schema)

    refused: set[int] = set()
    try:
        pandera_schema(schema, set(frame.columns)).validate(frame.astype(object), lazy=True)
    except pa.errors.SchemaErrors as error:
        refused = {int(row) for row in error.failure_cases["index"].dropna()}
    assert {rejection.line for rejection in found.rejections} == refused
    assert found.flows.line.tolist() == [row for row in range(len(frame)) if row not in refused]
    assert 20 < len(refused) < 150


def _first_rows(name: str, schema: Schema, n: int) -> pd.DataFrame:
    path = data(name)
    raw_bytes = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = raw_bytes.decode("utf-8-sig").splitlines()
    headless = schema.name == "nsl-kdd"
    header = list(schema.features) if headless else lines[0].split(",")
    if headless:  # the file has the categorical columns second to fourth
        header = [c.name for c in schema.columns if c.is_feature]
    rows = [line.split(",") for line in lines[0 if headless else 1 :][:n]]
    where = schema.match(header)
    return pd.DataFrame(
        {name: [row[at] for row in rows] for name, at in where.items()}, dtype=object
    )
