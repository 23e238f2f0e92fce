"""Interpretation: Zeek to canonical flows worked out by hand, and where labels stand."""

import json
from pathlib import Path

import numpy as np
import pytest
from flow_texts import ZEEK_FIELDS, ZEEK_ROWS, cic_csv, cic_row, written, zeek_csv, zeek_tsv

from edgeguard_core.flows import LabelSpec
from edgeguard_core.sources import ReadOptions, read_flows
from edgeguard_core.sources.interpret import COARSE, FINE, label_positions

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


def test_columns_that_the_log_lacks_are_missing_and_not_zero(tmp_path: Path) -> None:
    fields = tuple(name for name in ZEEK_FIELDS if name not in ("resp_ip_bytes", "conn_state"))
    row = "1.5 C1 192.168.1.2 40000 8.8.8.8 53 udp dns 0.5 40 60 2 96 1"
    flows, report = read_flows([written(tmp_path, "a.log", zeek_tsv((row,), fields))])
    assert np.isnan(flows.columns["dst2src_bytes"]).all()
    assert np.isnan(flows.columns["dst2src_mean_packet_bytes"]).all()
    assert flows.columns["src2dst_bytes_share"].tolist() == [1.0]
    assert report.missing["dst2src_bytes"] == 1
    assert "The log lacks resp_ip_bytes." in report.warnings


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
