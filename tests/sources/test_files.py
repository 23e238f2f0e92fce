"""Containers: Zeek logs joined, JSON with bad lines, Parquet there and back, memory."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flow_texts import ZEEK_FIELDS, ZEEK_ROWS, cic_csv, cic_header, cic_row, written, zeek_tsv
from support import data

from edgeguard_core.errors import SourceError
from edgeguard_core.flows import Flows, Schema
from edgeguard_core.pipeline.tables import write_flows
from edgeguard_core.sources import ReadOptions, ReadReport, open_source, read_batches, read_flows
from edgeguard_core.sources import files as files_module
from edgeguard_core.sources.streams import line_blocks

RECORD = {
    "ts": 1.5, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 4, "id.resp_h": "8.8.8.8",
    "id.resp_p": 53, "proto": "udp", "conn_state": "SF", "duration": 0.5, "orig_pkts": 1,
    "resp_pkts": 1, "orig_ip_bytes": 60, "resp_ip_bytes": 60,
}  # fmt: skip


# --- Zeek TSV ----------------------------------------------------------------------------------


def test_logs_of_the_same_fields_may_be_joined(tmp_path: Path) -> None:
    flows, report = read_flows([written(tmp_path, "a.log", zeek_tsv() + zeek_tsv())])
    assert (len(flows), report.rejected) == (6, {})
    assert flows.line.tolist() == [5, 6, 7, 13, 14, 15]


def test_a_log_whose_fields_change_is_refused_at_that_line(tmp_path: Path) -> None:
    other = zeek_tsv(("1 a b",), ("ts", "uid", "host"))
    path = written(tmp_path, "a.log", zeek_tsv() + other)
    with pytest.raises(SourceError, match=r"a\.log line 12 begins a log with other fields"):
        read_flows([path])


def test_later_fields_do_not_hide_the_first_ones(tmp_path: Path) -> None:
    """Both logs fit into the head; the rows above must not be read by the names below."""
    path = written(tmp_path, "a.log", zeek_tsv() + zeek_tsv((), ZEEK_FIELDS[::-1]))
    assert open_source(path).format == "zeek-tsv"
    with pytest.raises(SourceError, match="line 12"):
        read_flows([path])


def test_a_log_with_windows_line_ends(tmp_path: Path) -> None:
    flows, _ = read_flows([written(tmp_path, "a.log", zeek_tsv().replace("\n", "\r\n"))])
    assert flows.columns["dst2src_bytes"].tolist() == [104, 0, 0]


# --- JSON lines --------------------------------------------------------------------------------


def test_bad_lines_in_the_middle_of_json_are_rejected_rows(tmp_path: Path) -> None:
    lines = [json.dumps(RECORD)] * 3
    lines[1:1] = ["{oops", "[1, 2]", "", '"text"', "[" * 5000]
    flows, report = read_flows([written(tmp_path, "a", "\n".join([*lines, *lines[-3:]]))])
    assert flows.line.tolist() == [1, 7, 8, 10, 11]
    assert report.rejected == {"not a JSON object": 5}
    assert [(r.line, r.value) for r in report.rejections][:2] == [(2, "{oops"), (3, "[1, 2]")]
    assert report.rows == 10


@pytest.mark.parametrize(
    "value", [[1], {"a": 1}, True, "", None, "x", 10**400, float("inf"), float("nan")]
)
def test_odd_json_values_are_no_accident(tmp_path: Path, value: object) -> None:
    odd = [RECORD | {key: value} for key in RECORD]
    text = "\n".join(json.dumps(record) for record in [RECORD] * 20 + odd)
    _, report = read_flows([written(tmp_path, "a", text)])
    assert report.rows == 20 + len(odd)


def test_times_as_iso_stamps(tmp_path: Path) -> None:
    record = RECORD | {"ts": "2021-07-14T17:43:38.384979Z"}
    flows, _ = read_flows([written(tmp_path, "a", json.dumps(record))])
    assert flows.columns["bidirectional_first_seen_ms"].tolist() == [1626284618384.979]


# --- Parquet -----------------------------------------------------------------------------------

ROUND_TRIPS = (
    "cic-ids2017/thursday_morning_original_header.csv.gz",
    "cic-ids2017/friday_ddos_with_ips.csv",
    "cic-ids2017/monday_first_999.csv",
    "nsl-kdd/KDDTest+.txt.gz",
    "zeek/stratosphere_001_labeled-conn.log.gz",
    "zeek/stratosphere_008_conn.log.labeled.gz",
    "zeek/iot23_20-1.csv.gz",
    "zeek/zat_conn.log",
    "unsw-nb15/UNSW_NB15_82332.csv.gz",
)


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_parquet_keeps_everything(tmp_path: Path, name: str) -> None:
    flows, report = read_flows([data(name)])
    path = tmp_path / "flows.parquet"
    write_flows(path, flows, report.meter)
    again, told = read_flows([path], ReadOptions(batch_rows=700))
    assert told.format == f"{flows.schema.name}-parquet"
    assert (told.meter, told.schema) == (report.meter, report.schema)
    assert told.labels == report.labels
    assert told.missing == report.missing
    assert told.unread == {}
    assert told.label_problem is None
    assert [warning for warning in told.warnings if "Unknown label" in warning] == []
    assert_same(flows, again)
    assert again.line.tolist() == list(range(1, len(flows) + 1))


def assert_same(flows: Flows, again: Flows) -> None:
    assert set(again.columns) == set(flows.columns)
    for name, values in flows.columns.items():
        np.testing.assert_array_equal(again.columns[name], values, err_msg=name)
    assert (again.labels is None) == (flows.labels is None)
    if flows.labels is not None and again.labels is not None:
        assert again.labels.label.tolist() == flows.labels.label.tolist()
        assert again.labels.class_name.tolist() == flows.labels.class_name.tolist()


def test_parquet_of_any_column_types(tmp_path: Path) -> None:
    columns = {title: pa.array([1, 2, None], pa.int32()) for title in cic_header()}
    columns["Destination Port"] = pa.array([80.0, 443.0, 53.0])
    columns["Timestamp"] = pa.array([0, 3_600_000_000, None], pa.timestamp("us"))
    columns["Src IP"] = pa.array(["10.0.0.1", None, "x"]).dictionary_encode()
    columns["Label"] = pa.array([False, True, None])
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    flows, report = read_flows([tmp_path / "a.parquet"], ReadOptions(tz="Europe/Prague"))
    assert report.format == "cicflowmeter-parquet"
    assert report.meter == "cicflowmeter"
    assert report.unread == {"src_ip": 1}
    assert flows.labels is not None
    assert flows.labels.label.tolist() == [0, 1, -1]
    # one hour east of Greenwich: midnight there is 23 h the day before
    np.testing.assert_array_equal(flows.columns["timestamp_ms"], [-3_600_000, 0, np.nan])


def test_parquet_stamps_with_a_zone_keep_it(tmp_path: Path) -> None:
    columns = {title: pa.array([1.0]) for title in cic_header()}
    columns["Timestamp"] = pa.array([0], pa.timestamp("ms", "America/New_York"))
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    flows, _ = read_flows([tmp_path / "a.parquet"], ReadOptions(tz="Europe/Prague"))
    assert flows.columns["timestamp_ms"].tolist() == [0.0]


def test_zeek_columns_as_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([RECORD]), tmp_path / "a.parquet")
    flows, report = read_flows([tmp_path / "a.parquet"])
    assert (report.format, report.meter) == ("zeek-parquet", "zeek")
    assert flows.columns["service"].tolist() == ["dns"]


def test_empty_rows_of_parquet_and_json_are_no_records(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [RECORD, {}, dict.fromkeys(RECORD), RECORD]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    table = pa.table({title: pa.array([None, 1.0]) for title in cic_header()})
    blank = table.append_column("Label", pa.array(["  ", "BENIGN"]))
    pq.write_table(blank, tmp_path / "b.parquet")
    for path, n_flows, n_empty in (
        (tmp_path / "a.parquet", 2, 2),
        (tmp_path / "b.parquet", 1, 1),
        (written(tmp_path, "c.json", "\n".join(map(json.dumps, records))), 2, 2),
    ):
        flows, report = read_flows([path], ReadOptions(batch_rows=3))
        assert (len(flows), report.rows, report.empty) == (n_flows, n_flows, n_empty)
        assert flows.line.tolist() == ([1, 4] if n_flows == 2 else [2])
        sentence = f"{n_empty} rows without any value are left out, being no records."
        assert sentence in report.all_warnings()


TYPED = """
name: mine
columns:
  - {name: key, role: identity, type: string}
  - {name: flag, role: categorical, type: string}
  - {name: code, role: categorical, type: string}
  - {name: share, role: categorical, type: string}
  - {name: kind, role: categorical, type: string}
  - {name: port, role: identity, type: port}
  - {name: size, role: numeric}
"""


def test_parquet_reads_as_the_csv_of_the_same_table(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "key": [2**53 + 1, 2, 3],
            "flag": [True, False, True],
            "code": np.array([6, 1, 6], np.int32),
            "share": [0.5, 6.0, np.nan],
            "kind": pd.Categorical([6, 1, 6]),
            "port": [80, 443, 53],
            "size": [2**60 + 1, 0, 1],
            "label": [False, True, True],
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    options = ReadOptions(schema=Schema.from_yaml(TYPED))
    plain, _ = read_flows([tmp_path / "a.csv"], options)
    typed, _ = read_flows([tmp_path / "a.parquet"], options)
    assert_same(plain, typed)
    assert typed.columns["flag"].tolist() == ["True", "False", "True"]
    assert typed.columns["code"].tolist() == typed.columns["kind"].tolist() == ["6", "1", "6"]
    assert typed.columns["share"].tolist() == ["0.5", "6.0", ""]
    assert typed.columns["key"].tolist()[0] == "9007199254740993"
    assert typed.labels is not None
    assert typed.labels.class_name.tolist() == ["benign", "attack", "attack"]


def test_parquet_columns_that_are_no_cells_are_told(tmp_path: Path) -> None:
    columns = {title: pa.array([[1.0]]) for title in cic_header()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet cannot be read"):
        read_flows([tmp_path / "a.parquet"])


def test_parquet_damaged_in_the_middle(tmp_path: Path) -> None:
    columns = {title: pa.array(np.random.default_rng(1).random(5000)) for title in cic_header()}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    raw = bytearray(path.read_bytes())
    raw[4000:60000] = bytes(56000)
    path.write_bytes(raw)
    with pytest.raises(SourceError, match="cannot be read"):
        read_flows([path])


# --- rejections, repeated columns, memory ------------------------------------------------------


def test_rejections_name_the_columns_of_the_persons_own_file(tmp_path: Path) -> None:
    rows = [cic_row(), cic_row(fwd_packets="-1"), ["1", "2"], cic_row(bytes_per_s="?!")]
    _, report = read_flows([written(tmp_path, "a.csv", cic_csv([*rows, cic_row(), cic_row()]))])
    assert [(r.line, r.column, r.value, r.rule) for r in report.rejections] == [
        (3, "Total Fwd Packets", "-1", "out of range: below 0"),
        (4, "", "2 fields, 78 expected", "wrong number of fields"),
        (5, "Flow Bytes/s", "?!", "not a number"),
    ]
    assert report.rows == report.accepted + report.rejected.total() == 6


def test_of_two_columns_of_one_name_the_first_counts(tmp_path: Path) -> None:
    header = [*cic_header(), "Fwd Header Length", "Label"]
    row = cic_row(fwd_header_bytes="20")
    path = written(tmp_path, "a.csv", cic_csv([[*row[:-1], "99", row[-1]]], header))
    flows, report = read_flows([path])
    assert flows.columns["fwd_header_bytes"].tolist() == [20]
    assert "Column 'Fwd Header Length' stands twice; the first one counts." in report.warnings


def test_where_blocks_are_cut_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["BENIGN", "Bot", "-", "Infinity"]
    rows = [cic_row(n, words[n % 3], fwd_bytes=str(n - 5)) for n in range(300)]
    rows[7] = rows[70] = ["short"]
    for name, text in (
        ("a.csv", cic_csv(rows)),
        ("b.log", zeek_tsv(ZEEK_ROWS * 90)),
        ("c.json", "\n".join([json.dumps(RECORD)] * 90)),
    ):
        path = written(tmp_path, name, text)
        whole, told = read_flows([path])
        with monkeypatch.context() as patch:
            patch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", 1777)
            assert len(list(line_blocks(path))) > 5
            cut, told_cut = read_flows([path])
        assert_same(whole, cut)
        assert cut.line.tolist() == whole.line.tolist()
        assert told_cut == told


def test_a_column_that_stops_being_binary_in_a_later_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [cic_row(label=str(n % 2)) for n in range(50)] + [cic_row(label="Bot")]
    path = written(tmp_path, "a.csv", cic_csv(rows))
    flows, report = read_flows([path])
    assert "holds '0', '1', 'Bot'; say which one is benign with --benign 0" in (
        report.label_problem or ""
    )
    with monkeypatch.context() as patch:
        patch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", 2000)
        cut, told = read_flows([path])
    assert_same(flows, cut)
    assert told == report
    chosen, told = read_flows([path], ReadOptions(benign_words=("0",)))
    assert (int(chosen.is_benign.sum()), told.label_problem) == (25, None)


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "junk"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", 64 << 10)
    monkeypatch.setattr("edgeguard_core.sources.streams.MOST_LINES", 2000)
    monkeypatch.setattr("edgeguard_core.sources.base.MOST_REJECTIONS_KEPT", 100)

    def peak(times: int) -> int:
        text = {
            "csv": lambda: cic_csv([cic_row(n % 1000) for n in range(600 * times)]),
            "tsv": lambda: zeek_tsv(ZEEK_ROWS * 1000 * times),
            "junk": lambda: cic_csv([cic_row()]) + "x\n" * 6000 * times,
            "json": lambda: f"{json.dumps(RECORD)}\n" * 400 * times,
        }[kind]()
        path = written(tmp_path, f"{times}", text)
        del text
        tracemalloc.start()
        for batch in read_batches([path], ReadOptions(), ReadReport()):
            del batch
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # imports and schemas
    # Twenty times the lines; allocators of other Python releases round up a little more.
    assert peak(20) < 3 * peak(1)


def test_the_parquet_key_is_what_the_pipeline_writes() -> None:
    assert files_module.PARQUET_KEY == b"edgeguard"
