"""Decoders: the plain one and pyarrow's give the same cells, however nasty the text."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from flow_texts import cic_csv, cic_header, cic_row, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import data

from edgeguard_core.flows import Flows
from edgeguard_core.sources import ReadOptions, ReadReport, files, read_batches
from edgeguard_core.sources.decode import (
    Decoded,
    Layout,
    best_decoder,
    decode_plain,
    decode_with_pyarrow,
)
from edgeguard_core.sources.streams import LineBlock

DELIMITED = (
    "nsl-kdd/KDDTest+.txt.gz", "unsw-nb15/UNSW_NB15_82332.csv.gz",
    "cic-ids2017/tuesday_sampled.csv.gz", "cic-ids2017/monday_first_999.csv",
    "cic-ids2017/tuesday_first_999.csv", "cic-ids2017/friday_ddos_with_ips.csv",
    "cic-ids2017/thursday_morning_original_header.csv.gz", "nsl-kdd/KDDTrain+.txt.gz",
    "zeek/iot23_34-1_conn.log.labeled.gz", "zeek/iot23_20-1.csv.gz", "zeek/iot23_42-1.csv.gz",
    "zeek/iot23_honeypot_4-1.csv", "zeek/iot23_honeypot_5-1.csv", "zeek/iot23_honeypot_7-1.csv",
    "zeek/stratosphere_001_labeled-conn.log.gz", "zeek/stratosphere_008_conn.log.labeled.gz",
    "zeek/zat_conn.log", "zeek/zat_conn_date_issue.log",
)  # fmt: skip
CELLS = (
    "", "1", "1.5", " 2", "nan", "Infinity", "-", "1e5", "+1", "1_0", "x",
    '"a"', '"a,b"', '"', '""', '"a""b"', 'x"y', '"ab"c', '"a" ', ' "a"', "\r", '"a\r"', "\u2028",
)  # fmt: skip
cell = st.one_of(st.sampled_from(CELLS), st.text(alphabet='ab",\r\t 1é\x0b\x0c\x1c', max_size=5))
line = st.lists(cell, min_size=1, max_size=4).map(",".join).filter(lambda text: text.strip(" \t\r"))


@settings(max_examples=300, deadline=None)
@given(st.lists(line, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_both_decoders_split_any_text_alike(lines: list[str], end: str, quoted: bool) -> None:
    block = LineBlock(
        "".join(text + end for text in lines).encode(), np.arange(len(lines)) * 2 + 1, 0
    )
    layout = Layout(3, {"a": 0, "b": 1, "c": 2}, quoted=quoted)
    assert_same(decode_plain(block, layout), decode_with_pyarrow(block, layout))


def assert_same(plain: Decoded, fast: Decoded) -> None:
    assert plain.line.tolist() == fast.line.tolist()
    assert plain.malformed == fast.malformed
    for name, cells in plain.columns.items():
        assert cells.tolist() == fast.columns[name].tolist()


def test_lines_with_too_few_and_too_many_fields_are_named() -> None:
    block = LineBlock(b"1,2\n1\n1,2,3\n4,5\n", np.array([2, 3, 5, 6]), 0)
    for decode in (decode_plain, decode_with_pyarrow):
        found = decode(block, Layout(2, {"a": 0, "b": 1}))
        assert found.line.tolist() == [2, 6]
        assert [(bad.line, bad.value) for bad in found.malformed] == [
            (3, "1 fields, 2 expected"),
            (5, "3 fields, 2 expected"),
        ]


def test_a_stray_quote_spoils_its_own_line_only() -> None:
    block = LineBlock(b'1,2\n"3,4\n5,6\n7"",8\n', np.arange(1, 5), 0)
    for decode in (decode_plain, decode_with_pyarrow):
        found = decode(block, Layout(2, {"a": 0}))
        assert found.line.tolist() == [1, 3, 4]


def test_the_fast_decoder_gives_numbers_where_all_cells_are() -> None:
    block = LineBlock(b"1,x\nnan,2\n,3\n", np.arange(1, 4), 0)
    found = decode_with_pyarrow(block, Layout(2, {"a": 0, "b": 1}, numeric=frozenset("ab")))
    np.testing.assert_array_equal(found.columns["a"], [1, np.nan, np.nan])
    assert found.columns["b"].tolist() == ["x", "2", "3"]
    assert best_decoder() is decode_with_pyarrow


def read(path: Path, decoder: object) -> tuple[Flows, ReadReport]:
    report = ReadReport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "best_decoder", lambda: decoder)
        parts = [batch.flows for batch in read_batches([path], ReadOptions(), report)]
    return Flows.concat(parts), report


def assert_same_reading(path: Path) -> None:
    plain, told_plain = read(path, decode_plain)
    fast, told_fast = read(path, decode_with_pyarrow)
    assert plain.line.tolist() == fast.line.tolist()
    assert list(plain.columns) == list(fast.columns)
    for name, values in plain.columns.items():
        assert values.dtype == fast.columns[name].dtype, name
        np.testing.assert_array_equal(values, fast.columns[name], err_msg=name)
    assert (plain.labels is None) == (fast.labels is None)
    if plain.labels is not None and fast.labels is not None:
        assert plain.labels.label.tolist() == fast.labels.label.tolist()
        assert plain.labels.class_name.tolist() == fast.labels.class_name.tolist()
    assert told_plain.to_json() == told_fast.to_json()
    assert [(r.line, r.column, r.rule) for r in told_plain.rejections] == [
        (r.line, r.column, r.rule) for r in told_fast.rejections
    ]


@pytest.mark.parametrize("name", DELIMITED)
def test_both_decoders_read_a_shared_file_alike(tmp_path: Path, name: str) -> None:
    path = data(name)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert_same_reading(written(tmp_path, path.name.removesuffix(".gz"), raw))


bad_cell = st.sampled_from(
    ["1", "-1", "x", "", "Infinity", " 5", '"7"', '"7', "1e400", "5e-1", "nan", "0x1", "caf\udce9"]
)
rows = st.lists(
    st.tuples(bad_cell, bad_cell, st.sampled_from(["BENIGN", "Bot", "-", '"Web, Attack"', ""])),
    max_size=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_both_decoders_make_the_same_flows(
    tmp_path: Path, rows: list[tuple[str, str, str]], end: str, mark: bool, last_end: bool
) -> None:
    made = [cic_row(label=label, fwd_packets=one, fwd_bytes=other) for one, other, label in rows]
    text = cic_csv(made or [cic_row()]).replace("\n", end)
    raw = text.encode(errors="surrogateescape")
    raw = raw if last_end else raw.rstrip(b"\r\n")
    assert_same_reading(written(tmp_path, "a.csv", b"\xef\xbb\xbf" * mark + raw))


def test_the_header_in_quotes_is_the_same_header(tmp_path: Path) -> None:
    header = [f'"{title}"' for title in [*cic_header(), "Label"]]
    path = written(tmp_path, "quoted.csv", cic_csv([cic_row()], header))
    assert_same_reading(path)
