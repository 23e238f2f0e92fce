"""Argus, Suricata and NFStream as canonical flows, by rows worked out by hand; and broken files."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flow_texts import written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import data

from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.flows import ATTACK, BENIGN, UNLABELLED, Flows, Schema
from edgeguard_core.sources import ReadOptions, ReadReport, open_source, read_batches, read_flows
from edgeguard_core.sources.meters import METERS, bytes_layer

ARGUS_HEADER = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,"
    "SrcBytes,SrcPkts,Label"
)
ARGUS_ROWS = (
    # 3 packets and 200 bytes there, 2 and 150 back
    "2018/05/10 10:00:00.500000,1.5,tcp,10.0.0.1,50000,   ->,8.8.8.8,443,FSPA_FSPA,0,0,5,350,200,3,"
    "flow=Malware-TCP",
    "1970/01/01 01:00:00.000000,0.0,arp,10.0.0.1,,  who,10.0.0.2,,INT,,,1,10,10,1,flow=Normal-X",
    "2018/05/10 10:00:02.000000,0.0,icmp,10.0.0.1,0x0303,   ->,8.8.8.8,0x0ecc,URP,0,,1,60,60,1,"
    "flow=Background-ICMP",
    "2018/05/10 10:00:03.000000,0.1,man,0,0,,0,0,STA,,,0,0,0,0,",
)


def argus(rows: tuple[str, ...] = ARGUS_ROWS, delimiter: str = ",") -> str:
    return "\n".join((ARGUS_HEADER, *rows)).replace(",", delimiter)  # no line feed at the end


def read(path: Path) -> tuple[Flows, ReadReport]:
    """Whatever was rejected."""
    report = ReadReport()
    parts = [batch.flows for batch in read_batches([path], ReadOptions(), report)]
    return Flows.concat(parts), report


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_argus_rows_worked_out_by_hand(tmp_path: Path, delimiter: str) -> None:
    flows, report = read(written(tmp_path, "flows", argus(delimiter=delimiter)))
    assert len(flows) == 3
    columns = flows.columns
    assert columns["src2dst_packets"].tolist() == [3, 1, 1]
    assert columns["dst2src_packets"].tolist() == [2, 0, 0]
    assert columns["src2dst_bytes"].tolist() == [200 - 42, 0, 60 - 14]  # never below 0
    assert columns["dst2src_bytes"].tolist() == [150 - 28, 0, 0]
    assert columns["bidirectional_duration_ms"].tolist() == [1500, 0, 0]
    assert columns["bidirectional_first_seen_ms"].tolist()[:2] == [1525946400500, 3600000]
    assert columns["state"].tolist() == ["done", "noreply", "mid"]
    assert columns["transport"].tolist() == ["tcp", "other", "icmp"]
    assert columns["service"].tolist() == ["https", "none", "none"]
    assert columns["src_port"].tolist()[::2] == [50000, 0x303]
    assert flows.labels is not None
    assert flows.labels.label.tolist() == [ATTACK, BENIGN, UNLABELLED]
    assert flows.labels.class_name.tolist() == ["Malware-TCP", "benign", "Background-ICMP"]
    assert report.rejected == {"not a flow": 1}
    assert [(item.line, item.column, item.value) for item in report.rejections] == [
        (5, "Proto", "man")
    ]
    assert report.labels.total() == report.rows == 4
    assert report.unread == {}


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("flow=From-Botnet-V42-UDP-DNS", ATTACK),
        ("flow=To-Botnet-V42", ATTACK),
        ("malware", ATTACK),
        ("flow=Normal-V42-HTTP", BENIGN),
        ("flow=From-Normal-V42-Grill", BENIGN),
        ("flow=TCP-Established-To-Microsoft-7", UNLABELLED),
        ("flow=To-Background-UDP", UNLABELLED),
        ("flow=", UNLABELLED),
        ("", UNLABELLED),
    ],
)
def test_words_of_argus_labels(tmp_path: Path, word: str, label: int) -> None:
    row = ARGUS_ROWS[0].replace("flow=Malware-TCP", word)
    flows, report = read(written(tmp_path, "flows", argus((row,))))
    assert flows.labels is not None
    assert flows.labels.label.tolist() == [label]
    assert report.label_problem is None


def test_a_log_without_source_packets_guesses_them_and_says_so(tmp_path: Path) -> None:
    lines = [line.split(",") for line in argus(ARGUS_ROWS[:3]).split("\n")]
    text = "\n".join(",".join(line[:14] + line[15:]) for line in lines)  # as in CTU-13
    flows, report = read(written(tmp_path, "flows", text))
    assert flows.columns["src2dst_packets"].tolist() == [3, 1, 1]
    assert flows.columns["dst2src_packets"].tolist() == [2, 0, 0]
    assert any("SrcPkts" in warning for warning in report.warnings)


def eve(**flow: Any) -> dict[str, Any]:
    event = {
        "timestamp": "2021-06-06T16:00:00.000000+0200", "event_type": "flow", "flow_id": 77,
        "src_ip": "10.0.0.1", "src_port": 50000, "dest_ip": "8.8.8.8", "dest_port": 53,
        "proto": "UDP", "community_id": "1:abc",
        "flow": {
            "pkts_toserver": 2, "pkts_toclient": 1, "bytes_toserver": 200, "bytes_toclient": 5,
            "start": "2021-06-06T16:00:00.000000+0200", "end": "2021-06-06T16:00:01.250000+0200",
            "state": "established", "alerted": False,
        },
    }  # fmt: skip
    event["flow"] |= flow  # type: ignore[operator]
    return event


def test_eve_rows_worked_out_by_hand(tmp_path: Path) -> None:
    refused = eve(alerted=True, state="closed") | {
        "proto": "TCP", "tcp": {"tcp_flags_ts": "02", "tcp_flags_tc": "14"},
    }  # fmt: skip
    lasting = eve() | {"proto": "TCP"}
    lines = [eve(), {"event_type": "alert"}, refused, lasting, {"event_type": "dns"}, {}]
    path = written(tmp_path, "eve.json", "".join(json.dumps(line) + "\n" for line in lines))
    flows, report = read(path)
    columns = flows.columns
    assert flows.line.tolist() == [1, 3, 4]
    assert columns["src2dst_bytes"].tolist() == [172] * 3
    assert columns["dst2src_bytes"].tolist() == [0] * 3
    assert columns["bidirectional_duration_ms"].tolist() == [1250] * 3
    assert columns["bidirectional_first_seen_ms"].tolist() == [1622988000000] * 3
    assert columns["state"].tolist() == ["done", "rejected", "open"]
    assert columns["alerted"].tolist() == [0, 1, 0]
    assert columns["flow_id"].tolist() == ["77"] * 3
    assert columns["community_id"].tolist() == ["1:abc"] * 3
    assert flows.labels is None
    assert report.to_json()["skipped"] == {"alert": 1, "dns": 1, "(none)": 1}


def test_what_no_event_of_an_eve_log_has_is_left_out(tmp_path: Path) -> None:
    events = [eve(), eve()]
    for event in events:
        del event["flow"]["state"], event["src_port"]
    path = written(tmp_path, "eve.json", "".join(json.dumps(event) + "\n" for event in events))
    flows, report = read(path)
    assert "state" not in flows.columns
    assert np.isnan(flows.columns["src_port"]).all()  # ICMP has none
    assert "The log lacks flow.state." in report.warnings


def test_labels_laid_into_an_eve_log_are_read(tmp_path: Path) -> None:
    events = [eve() | {"label": word} for word in ("normal", "Mirai")]
    path = written(tmp_path, "eve.json", "".join(json.dumps(event) + "\n" for event in events))
    flows, _ = read(path)
    assert flows.labels is not None
    assert flows.labels.class_name.tolist() == ["benign", "Mirai"]


def test_an_eve_log_without_flows_is_recognised_and_cannot_be_used(tmp_path: Path) -> None:
    path = written(tmp_path, "eve.json", '{"event_type": "alert"}\n{"event_type": "dns"}\n')
    report = ReadReport()
    for _ in read_batches([path], ReadOptions(), report):
        pass
    assert (report.format, report.rows) == ("suricata-eve", 0)
    assert any("no event of type flow" in warning for warning in report.all_warnings())
    with pytest.raises(SourceError, match="2 events and no flow"):
        read_flows([path])


def nfstream(statistics: bool) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {
        "id": [0, 1], "expiration_id": [0, 0], "src_ip": ["192.168.0.2", "10.0.0.3"],
        "src_mac": ["aa:bb:cc:dd:ee:ff"] * 2, "src_port": [50000, 6000],
        "dst_ip": ["8.8.8.8", "10.0.0.4"], "dst_port": [443, 53], "protocol": [6, 17],
        "bidirectional_first_seen_ms": [1700000000000, 1700000001000],
        "bidirectional_last_seen_ms": [1700000002000, 1700000001000],
        "bidirectional_duration_ms": [2000, 0], "bidirectional_packets": [7, 1],
        "bidirectional_bytes": [700, 60], "src2dst_packets": [4, 1], "src2dst_bytes": [400, 60],
        "dst2src_packets": [3, 0], "dst2src_bytes": [300, 0], "application_name": ["TLS", "DNS"],
    }  # fmt: skip
    if statistics:
        for side in ("src2dst", "dst2src"):
            for flag in ("syn", "ack", "fin"):
                table[f"{side}_{flag}_packets"] = [1, 0]
            table[f"{side}_rst_packets"] = [0, 0]
    return table


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_nfstream_rows_worked_out_by_hand(tmp_path: Path, kind: str, statistics: bool) -> None:
    import pyarrow.csv as pa_csv

    path = tmp_path / "flows"
    table = pa.table(nfstream(statistics))
    pa_csv.write_csv(table, path) if kind == "csv" else pq.write_table(table, path)
    source = open_source(path)
    assert (source.format, source.meter, source.schema.name) == (
        f"nfstream-{kind}",
        "nfstream",
        "flow",
    )
    flows, _ = read_flows([path])
    assert flows.columns["src2dst_bytes"].tolist() == [400, 60]
    assert flows.columns["bidirectional_bytes_per_s"].tolist() == [350, 0]
    assert flows.columns["service"].tolist() == ["https", "dns"]
    assert flows.columns["state"].tolist() == ["done" if statistics else "", "noreply"]
    assert flows.columns["bidirectional_first_seen_ms"].tolist() == [1700000000000, 1700000001000]


def test_the_layer_of_the_bytes_is_known_for_every_meter_but_nfstream() -> None:
    assert {name: bytes_layer(name) is None for name in METERS} == {
        "zeek": False, "argus": False, "nfdump": False, "suricata": False, "nfstream": True,
    }  # fmt: skip
    assert bytes_layer("cicflowmeter") is None


def test_every_state_of_a_meter_is_a_word_of_the_schema() -> None:
    allowed = set(Schema.named("flow").column("state").values or ())
    for meter in METERS.values():
        for column in meter.schema.columns:
            assert set((column.words or {}).values()) <= allowed


def test_files_of_two_meters_are_read_with_a_warning(tmp_path: Path) -> None:
    log = written(tmp_path, "argus", argus(ARGUS_ROWS[:3]))
    events = written(tmp_path, "eve", json.dumps(eve()) + "\n")
    flows, report = read_flows([log, events, log])
    assert (len(flows), report.meter) == (7, "mixed")
    assert sum("learn each meter apart" in warning for warning in report.warnings) == 1


JUNK = ("no record at all", "a,b,c", '{"half": ', "\x01\x02")


@pytest.mark.parametrize("junk", JUNK)
def test_junk_lines_are_rejected_with_their_number(tmp_path: Path, junk: str) -> None:
    for name, text in (
        ("argus", "\n".join((ARGUS_HEADER, ARGUS_ROWS[0], junk, ARGUS_ROWS[2]))),
        ("eve", "\n".join((json.dumps(eve()), junk, json.dumps(eve())))),
    ):
        flows, report = read(written(tmp_path, name, text + "\n"))
        assert len(flows) == 2
        assert [item.line for item in report.rejections] == [3 if name == "argus" else 2]


BROKEN = {
    "argus header alone": (ARGUS_HEADER + "\n", "no flow below"),
    "argus with semicolons": (argus(delimiter=";"), "semicolons"),
    "argus with bars": (argus(delimiter="|"), "bars"),
    "argus lacking bytes": (argus().replace("TotBytes", "x"), "no known kind"),
    "argus of notes alone": ("\n".join((ARGUS_HEADER, ARGUS_ROWS[3])), "not a flow"),
    "argus of letters": (
        "\n".join((ARGUS_HEADER, ARGUS_ROWS[0].replace(",1.5,", ",soon,"))),
        "not a number",
    ),
    "eve of junk": ('{"event_type": "flow"}\n' + "junk\n" * 3, "not a JSON object"),
    "eve in one array": ("[" + json.dumps(eve()) + "]\n", "not one JSON object a line"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_log_gets_one_sentence(tmp_path: Path, kind: str) -> None:
    text, words = BROKEN[kind]
    with pytest.raises(EdgeGuardError) as raised:
        read_flows([written(tmp_path, "file", text)])
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["argus/test5_tabs_labelled.binetflow.gz", "suricata/eve.json.gz"])
def test_a_log_cut_short_in_its_gzip_is_refused(tmp_path: Path, name: str) -> None:
    packed = data(name).read_bytes()
    path = written(tmp_path, "file.gz", packed[: len(packed) // 2])
    with pytest.raises(SourceError, match="ends in the middle"):
        read_flows([path])


def test_a_log_packed_in_gzip_is_the_same(tmp_path: Path) -> None:
    plain, _ = read(written(tmp_path, "plain", argus()))
    packed, _ = read(written(tmp_path, "packed", gzip.compress(argus().encode())))
    np.testing.assert_array_equal(plain.columns["src2dst_bytes"], packed.columns["src2dst_bytes"])


LETTERS = st.characters(exclude_categories=["Cc", "Cs"])  # with others a file is binary
CELLS = st.one_of(
    st.text(LETTERS, max_size=12),
    st.sampled_from(
        ["1", "-1", "0x1f", "1e400", "nan", "inf", "", "-", "FSPA_", "man", "tcp", "::1"]
    ),
)
JSON_CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELLS, min_size=16, max_size=16), min_size=1, max_size=8))
def test_any_cells_of_an_argus_log_are_accepted_or_rejected(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    text = ARGUS_HEADER + "\n" + "".join(",".join(row) + "\n" for row in rows)
    require_accounts(written(tmp_path, "flows", text))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from([*eve(), *eve()["flow"], "tcp"]), JSON_CELLS), max_size=6
    )
)
def test_any_cells_of_an_eve_log_are_accepted_or_rejected(
    tmp_path: Path, changes: list[tuple[str, Any]]
) -> None:
    events = [eve()]
    for key, value in changes:
        event = eve()
        (event["flow"] if key in event["flow"] else event)[key] = value
        events.append(event | {"event_type": "flow"})
    text = "".join(json.dumps(event) + "\n" for event in events)
    require_accounts(written(tmp_path, "eve.json", text))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(st.text(LETTERS, max_size=60), max_size=6))
def test_any_lines_of_a_listing_are_accepted_or_rejected(tmp_path: Path, lines: list[str]) -> None:
    head = (
        "Date first seen  Duration Proto  Src IP Addr:Port  Dst IP Addr:Port  Packets Bytes Flows\n"
        "2018-01-12 15:37:30.942  1.5 TCP  10.0.0.1:5 ->  10.0.0.2:902  2  1.2 M  1\n"
    )
    text = head + "".join(line + "\n" for line in lines)
    require_accounts(written(tmp_path, "listing", text))


def require_accounts(path: Path) -> None:
    """Every row is accepted, with numbers in range and known words, or rejected by its line."""
    flows, report = read(path)
    assert report.accepted == len(flows)
    assert report.rows == len(flows) + len(report.rejections)
    for name in flows.schema.measured:
        column = flows.schema.column(name)
        values = flows.columns.get(name)
        if values is None:  # the log lacks what it is made of
            continue
        if column.values is not None:
            assert set(values) <= {*column.values, ""}
        else:
            assert not (values < 0).any()
            assert not np.isinf(values).any()
