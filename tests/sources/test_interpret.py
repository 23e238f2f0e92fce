"""Interpretation: Zeek to canonical flows worked out by hand, and where labels stand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flow_texts import (
    ZEEK_FIELDS,
    ZEEK_ROWS,
    cic_csv,
    cic_header,
    cic_row,
    written,
    zeek_csv,
    zeek_tsv,
)

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import SchemaError
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.flows import LabelSpec, Role, Schema
from edgeguard_core.sources import ReadOptions, read_flows
from edgeguard_core.sources.interpret import COARSE, FINE, label_positions
from edgeguard_core.sources.meters import METERS

NAN = float("nan")

# What the three rows of ZEEK_ROWS become, by hand.
BY_HAND: dict[str, list[object]] = {
    "src_ip": ["192.168.1.2", "10.0.0.1", "8.8.4.4"],
    "src_port": [40000, 40001, 8],
    "dst_ip": ["8.8.8.8", "10.0.0.2", "10.0.0.2"],
    "dst_port": [53, 2323, 0],
    "protocol": [17, 6, 1],
    "uid": ["C1", "C2", "C3"],
    "bidirectional_first_seen_ms": [1500, 2500, 3500],
    "bidirectional_duration_ms": [500, 0, 2000],  # unset is 0
    "src2dst_packets": [2, 1, 4],
    "dst2src_packets": [1, 0, 0],
    "src2dst_bytes": [96, 60, 400],  # at the IP layer, not the payload's 40, - and 64
    "dst2src_bytes": [104, 0, 0],
    "src2dst_mean_packet_bytes": [48, 60, 100],
    "dst2src_mean_packet_bytes": [104, 0, 0],
    "src2dst_bytes_share": [0.48, 1, 1],
    "src2dst_packets_share": [2 / 3, 1, 1],
    "bidirectional_packets_per_s": [6, 0, 2],  # 0 where the duration is
    "bidirectional_bytes_per_s": [400, 0, 200],
    "transport": ["udp", "tcp", "icmp"],
    "service": ["dns", "telnet", "none"],
    "state": ["done", "noreply", "mid"],
    "src_network": ["internal", "internal", "external"],
    "dst_network": ["external", "internal", "internal"],
}


def zeek_json() -> str:
    lines = []
    for row in ZEEK_ROWS:
        cells = zip(ZEEK_FIELDS, row.split(), strict=True)
        texts = {"uid", "id.orig_h", "id.resp_h", "proto", "service", "conn_state"}
        record = {k: v if k in texts else json.loads(v) for k, v in cells if v != "-"}
        lines.append(json.dumps(record))
    return "\n".join(lines)


@pytest.mark.parametrize("text", [zeek_tsv(), zeek_csv(), zeek_csv().replace("-", ""), zeek_json()])
def test_zeek_becomes_what_the_hand_works_out(tmp_path: Path, text: str) -> None:
    flows, report = read_flows([written(tmp_path, "conn", text)])
    assert report.meter == "zeek"
    for name, values in BY_HAND.items():
        column = flows.columns[name]
        if column.dtype == object:
            assert column.tolist() == values, name
        else:
            np.testing.assert_allclose(column, values, rtol=1e-12, err_msg=name)
    assert set(flows.columns) == set(BY_HAND)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SF", "done"), ("S0", "noreply"), ("REJ", "rejected"), ("RSTOS0", "rejected"),
        ("RSTRH", "rejected"), ("RSTO", "reset"), ("RSTR", "reset"), ("SH", "half"),
        ("SHR", "half"), ("S1", "open"), ("S2", "open"), ("S3", "open"), ("OTH", "mid"), ("-", ""),
    ],
)  # fmt: skip
def test_every_connection_state(tmp_path: Path, word: str, state: str) -> None:
    row = ZEEK_ROWS[0].replace("SF", word)
    flows, _ = read_flows([written(tmp_path, "a.log", zeek_tsv((row,)))])
    assert flows.columns["state"].tolist() == [state]


# What cannot be made of a log without these columns; the rest can.
WITHOUT = {
    "conn_state": {"state"},
    "duration": {
        "bidirectional_duration_ms", "bidirectional_packets_per_s", "bidirectional_bytes_per_s",
    },
    "resp_ip_bytes": {
        "dst2src_bytes", "dst2src_mean_packet_bytes", "src2dst_bytes_share",
        "bidirectional_bytes_per_s",
    },
    "orig_pkts": {
        "src2dst_packets", "src2dst_mean_packet_bytes", "src2dst_packets_share",
        "bidirectional_packets_per_s",
    },
    "id.resp_p": {"dst_port", "service"},
    "ts": {"bidirectional_first_seen_ms"},
    "uid": {"uid"},
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize("kind", ["tsv", "csv", "json", "parquet"])
def test_what_the_log_lacks_is_left_out_and_not_constant(
    tmp_path: Path, name: str, kind: str
) -> None:
    records = [json.loads(line) for line in zeek_json().split("\n")]
    for record in records:
        record.pop(name, None)
    fields = tuple(field for field in ZEEK_FIELDS if field != name)
    rows = tuple(" ".join(str(record.get(field, "-")) for field in fields) for record in records)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), tmp_path / "conn")
    else:
        text = {
            "tsv": zeek_tsv(rows, fields),
            "csv": "".join(",".join(line) + "\n" for line in (fields, *(r.split() for r in rows))),
            "json": "\n".join(map(json.dumps, records)),
        }[kind]
        written(tmp_path, "conn", text)
    flows, report = read_flows([tmp_path / "conn"])
    # Zeek's JSON leaves an unset duration out of every record of a scan.
    unknown = set() if (kind, name) == ("json", "duration") else WITHOUT[name]
    assert set(BY_HAND) - set(flows.columns) == unknown
    if unknown - {"uid"}:
        assert f"The log lacks {name}." in report.warnings
    if kind == "json" and name == "duration":
        assert flows.columns["bidirectional_duration_ms"].tolist() == [0, 0, 0]


def test_a_meters_derived_columns_need_all_they_are_made_of() -> None:
    for meter in METERS.values():
        canonical = {column.name for column in Schema.named("flow").columns}
        assert set(meter.sources) <= canonical
        named = {name for needed in meter.sources.values() for name in needed}
        assert named | set(meter.unset) <= {column.name for column in meter.schema.columns}
        assert meter.left_out(column.name for column in meter.schema.columns) == set()
        # What is needed for a header to be this meter's is always there.
        assert meter.left_out([]) == {name for name, needed in meter.sources.items() if needed}


def test_bad_cells_of_a_log_reject_their_row(tmp_path: Path) -> None:
    rows = (*ZEEK_ROWS, ZEEK_ROWS[0].replace(" 0.5 ", " -0.5 "), ZEEK_ROWS[0].replace("96", "x"))
    flows, report = read_flows([written(tmp_path, "a.log", zeek_tsv(rows))])
    assert len(flows) == 3
    assert [(r.line, r.column, r.value, r.rule) for r in report.rejections] == [
        (8, "duration", "-0.5", "out of range: below 0"),
        (9, "orig_ip_bytes", "x", "not a number"),
    ]


def test_ones_own_networks_decide_what_is_internal(tmp_path: Path) -> None:
    options = ReadOptions(local_networks=("8.8.0.0/16",))
    flows, _ = read_flows([written(tmp_path, "a.log", zeek_tsv())], options)
    assert flows.columns["src_network"].tolist() == ["external", "external", "internal"]


def test_iot23s_three_blanks_part_the_last_fields(tmp_path: Path) -> None:
    fields = "\t".join([*ZEEK_FIELDS, "tunnel_parents   label   detailed-label"])
    lines = [
        "\t".join([*row.split(), tail])
        for row, tail in zip(
            ZEEK_ROWS, ("-   Benign   -", "(empty)   Malicious   C&C", "-   -   -"), strict=True
        )
    ]
    text = "#separator \\x09\n#fields\t" + fields + "\n" + "\n".join(lines)
    flows, report = read_flows([written(tmp_path, "a.log", text)])
    assert report.rejected == {}
    assert flows.labels is not None
    assert flows.labels.class_name.tolist() == ["benign", "C&C", "unlabelled"]


@pytest.mark.parametrize(
    ("header", "places"),
    [
        (["x", "Label"], {COARSE: 1}),
        (["class"], {COARSE: 0}),
        (["attack_cat", "label"], {COARSE: 1, FINE: 0}),
        (["Attack Type"], {COARSE: 0}),
        (["attack", "class"], {COARSE: 1, FINE: 0}),
        (["x"], {}),
    ],
)
def test_where_the_labels_stand(header: list[str], places: dict[str, int]) -> None:
    assert label_positions(header, LabelSpec()) == places


LABEL_NAMES = ("Label", "label", "class", "Attack Type", "attack_cat", "attack")
TABLES = {
    "zeek": zeek_csv((ZEEK_ROWS[0],)),
    "argus": "StartTime,Dur,Proto,SrcAddr,Sport,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes\n"
    "1970/01/01 00:00:01,1,tcp,10.0.0.1,5,8.8.8.8,443,FSPA_FSPA,5,350,200\n",
    "nfdump": "ts,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n"
    "2018-01-12 15:37:30,1.5,10.0.0.1,10.0.0.2,5,902,TCP,......S.,1,60\n",
    "suricata": "src_ip,src_port,dest_ip,dest_port,proto,flow.start,flow.end,flow.state,"
    "flow.alerted,flow.pkts_toserver,flow.pkts_toclient,flow.bytes_toserver,flow.bytes_toclient\n"
    "10.0.0.1,5,8.8.8.8,53,UDP,2021-06-06T16:00:00,2021-06-06T16:00:01,new,0,1,0,60,0\n",
    "nfstream": "src_ip,src_port,dst_ip,dst_port,protocol,bidirectional_first_seen_ms,"
    "bidirectional_duration_ms,bidirectional_packets,src2dst_packets,dst2src_packets,"
    "src2dst_bytes,dst2src_bytes\n10.0.0.1,5,8.8.8.8,53,17,1700000000000,0,1,1,0,60,0\n",
    "cicflowmeter": cic_csv([cic_row()[:-1]], cic_header()),
}


def _native(name: str) -> str:
    columns = [c for c in Schema.named(name).columns if c.is_feature and not c.context]
    cells = [c.values[0] if c.values else "1" if c.role is Role.NUMERIC else "x" for c in columns]
    return ",".join(c.name for c in columns) + "\n" + ",".join(cells) + "\n"


@pytest.mark.parametrize("title", LABEL_NAMES)
@pytest.mark.parametrize("kind", [*TABLES, "unsw-nb15", "nsl-kdd", "flow"])
def test_every_schema_and_meter_sees_a_label_column_of_each_name(
    tmp_path: Path, kind: str, title: str
) -> None:
    head, row = (TABLES.get(kind) or _native(kind)).strip().split("\n")
    words = ("normal", "Botnet", "", "normal")
    text = f"{head},{title}\n" + "".join(f"{row},{word}\n" for word in words)
    flows, report = read_flows([written(tmp_path, "flows", text)])
    assert report.meter == kind
    assert flows.labels is not None
    assert flows.labels.label.tolist() == [0, 1, -1, 0]
    assert flows.labels.class_name.tolist()[1] == "Botnet"


@pytest.mark.parametrize("title", LABEL_NAMES)
def test_zeeks_tsv_and_json_see_them_too(tmp_path: Path, title: str) -> None:
    rows = tuple(f"{row} {word}" for row, word in zip(ZEEK_ROWS, LABELS, strict=True))
    fields = (*ZEEK_FIELDS, title.replace(" ", "_"))
    records = [json.loads(line) for line in zeek_json().split("\n")]
    for record, word in zip(records, LABELS, strict=True):
        record |= {title: word} if word != "-" else {}
    for text in (zeek_tsv(rows, fields), "\n".join(map(json.dumps, records))):
        flows, _ = read_flows([written(tmp_path, "conn", text)])
        assert flows.labels is not None
        assert flows.labels.class_name.tolist() == ["benign", "C&C", "unlabelled"]


LABELS = ("Benign", "C&C", "-")


def test_labels_that_stand_far_below_in_json_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON leaves out what is unset: the first labelled flow may be beyond what is sniffed."""
    records = [json.loads(line) for line in zeek_json().split("\n")] * 4
    records[7] = records[7] | {"label": "Malicious"}
    records[8] = records[8] | {"label": "Benign"}
    records[10] = records[10] | {"label": "Malicious", "detailed-label": "C&C"}
    path = written(tmp_path, "conn", "\n".join(map(json.dumps, records)))
    monkeypatch.setattr("edgeguard_core.sources.streams.HEAD_BYTES", 900)
    told = []
    for size in (1 << 20, 300):
        monkeypatch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", size)
        flows, report = read_flows([path])
        assert flows.labels is not None
        told.append((flows.labels.class_name.tolist(), report.to_json()))
    assert told[0] == told[1]
    names = told[0][0]
    assert (names[7], names[8], names[10]) == ("Malicious", "benign", "C&C")
    assert names.count("unlabelled") == 9


def test_a_column_that_the_schema_wants_for_something_else_is_no_label(tmp_path: Path) -> None:
    text = (
        "name: mine\nlabel: {coarse: [verdict]}\ncolumns:\n"
        "  - {name: class, role: categorical, type: string}\n  - {name: n, role: numeric}\n"
    )
    options = ReadOptions(schema=Schema.from_yaml(text))
    flows, _ = read_flows([written(tmp_path, "a.csv", "class,n\nx,1\ny,2\n")], options)
    assert flows.labels is None
    assert flows.columns["class"].tolist() == ["x", "y"]


@pytest.mark.parametrize("kind", ["tsv", "json", "cic"])
def test_a_schema_of_ones_own_names_words_that_are_all_attacks(tmp_path: Path, kind: str) -> None:
    """As the sentence about labels without a benign word advises."""
    rows = tuple(f"{row} Mirai" for row in ZEEK_ROWS)
    records = [json.loads(line) | {"label": "Mirai"} for line in zeek_json().split("\n")]
    text = {
        "tsv": zeek_tsv(rows, (*ZEEK_FIELDS, "label")),
        "json": "\n".join(map(json.dumps, records)),
        "cic": cic_csv([cic_row(label="Mirai")] * 3),
    }[kind]
    path = written(tmp_path, "flows", text)
    flows, report = read_flows([path])
    assert "list them under label: attack:" in (report.label_problem or "")
    schema = flows.schema
    own = replace(schema, label=replace(schema.label, attack=(*schema.label.attack, "Mirai")))
    options = ReadOptions(schema=Schema.from_yaml(own.to_yaml()))
    again, report = read_flows([path], options)
    assert report.label_problem is None
    assert again.is_attack.all()
    assert (set(again.columns), report.meter) == (set(flows.columns), report.meter)


@pytest.mark.parametrize("cell", ["1e400", "Infinity", "NaN"])
@pytest.mark.parametrize("kind", ["tsv", "csv", "json", "parquet"])
def test_what_is_infinite_is_missing_and_what_is_unset_is_0(
    tmp_path: Path, kind: str, cell: str
) -> None:
    rows = (ZEEK_ROWS[0].replace(" 0.5 ", f" {cell} "), *ZEEK_ROWS[1:], ZEEK_ROWS[0] + "x")
    records = [{"duration": float(cell)} | json.loads(line) for line in zeek_json().split("\n")]
    records[0]["duration"], records[1]["duration"] = float(cell), None
    text = {
        "tsv": zeek_tsv(rows),
        "csv": zeek_csv(rows[:3]).replace("-", ""),
        "json": "\n".join(map(json.dumps, records)),
        "parquet": "",
    }[kind]
    path = written(tmp_path, "conn", text)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    flows, report = read_flows([path])
    if (kind, cell) == ("parquet", "NaN"):  # how a table program writes what is unset
        assert report.missing == {}
        return
    np.testing.assert_array_equal(flows.columns["bidirectional_duration_ms"], [NAN, 0, 2000])
    np.testing.assert_array_equal(flows.columns["bidirectional_packets_per_s"], [NAN, 0, 2])
    assert report.missing == {
        "bidirectional_duration_ms": 1,
        "bidirectional_packets_per_s": 1,
        "bidirectional_bytes_per_s": 1,
    }


def test_a_model_is_told_which_column_a_log_lacks(tmp_path: Path) -> None:
    whole, _ = read_flows([written(tmp_path, "a.log", zeek_tsv())])
    fields = tuple(name for name in ZEEK_FIELDS if name != "conn_state")
    rows = tuple(re.sub(" (SF|S0|OTH) ", " ", row) for row in ZEEK_ROWS)
    stateless, _ = read_flows([written(tmp_path, "b.log", zeek_tsv(rows, fields))])
    config = TrainingConfig(rare_below=1)
    assert "state" in Preprocessor.fit(stateless, config).absent
    with pytest.raises(SchemaError, match="lack column 'state'"):
        Preprocessor.fit(whole, config).transform(stateless)
    learned = Preprocessor.fit(stateless, config)
    np.testing.assert_array_equal(
        learned.transform(whole).numeric, learned.transform(stateless).numeric
    )


def test_odd_identities_become_unknown_with_a_counted_warning(tmp_path: Path) -> None:
    """Published samples have label-encoded addresses and ports like 53.0."""
    header = ["Src IP", "Src Port", "Timestamp", *_header()]
    rows = [
        ["10.0.0.1", "53.0", "7/7/2017 3:56", *cic_row()],
        ["17", "http", "yesterday", *cic_row()],
        ["", "", "", *cic_row()],
    ]
    flows, report = read_flows([written(tmp_path, "a.csv", cic_csv(rows, header))])
    assert len(flows) == 3
    assert flows.columns["src_ip"].tolist() == ["10.0.0.1", None, None]
    np.testing.assert_array_equal(flows.columns["src_port"], [53, NAN, NAN])
    np.testing.assert_array_equal(flows.columns["timestamp_ms"], [1499399760000, NAN, NAN])
    assert report.unread == {"src_ip": 1, "src_port": 1, "timestamp_ms": 1}
    assert "1 cells of src_ip do not parse and count as unknown." in report.all_warnings()


def _header() -> list[str]:
    return cic_csv([]).strip().split(",")
