"""Recognition: by content alone, in any spelling, and one clear sentence for what is none."""

import contextlib
import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from flow_texts import (
    KDD_ROW,
    ZEEK_FIELDS,
    cic_csv,
    cic_header,
    cic_row,
    written,
    zeek_csv,
    zeek_tsv,
)
from support import data

from edgeguard_core.errors import EdgeGuardError, SchemaError, SourceError
from edgeguard_core.flows import Schema
from edgeguard_core.sources import ReadOptions, ReadReport, open_source, read_batches, read_flows

# The "cleaned and preprocessed" CIC-IDS2017: 52 columns and `Attack Type`.
CLEANED = """Destination Port,Flow Duration,Total Fwd Packets,Total Length of Fwd Packets,
Fwd Packet Length Max,Fwd Packet Length Min,Fwd Packet Length Mean,Fwd Packet Length Std,
Bwd Packet Length Max,Bwd Packet Length Min,Bwd Packet Length Mean,Bwd Packet Length Std,
Flow Bytes/s,Flow Packets/s,Flow IAT Mean,Flow IAT Std,Flow IAT Max,Flow IAT Min,Fwd IAT Total,
Fwd IAT Mean,Fwd IAT Std,Fwd IAT Max,Fwd IAT Min,Bwd IAT Total,Bwd IAT Mean,Bwd IAT Std,
Bwd IAT Max,Bwd IAT Min,Fwd Header Length,Bwd Header Length,Fwd Packets/s,Bwd Packets/s,
Min Packet Length,Max Packet Length,Packet Length Mean,Packet Length Std,Packet Length Variance,
FIN Flag Count,PSH Flag Count,ACK Flag Count,Average Packet Size,Subflow Fwd Bytes,
Init_Win_bytes_forward,Init_Win_bytes_backward,act_data_pkt_fwd,min_seg_size_forward,
Active Mean,Active Max,Active Min,Idle Mean,Idle Max,Idle Min,Attack Type""".replace("\n", "")

CIC_2018 = """Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,
TotLen Bwd Pkts,Fwd Pkt Len Max,Fwd Pkt Len Min,Fwd Pkt Len Mean,Fwd Pkt Len Std,Bwd Pkt Len Max,
Bwd Pkt Len Min,Bwd Pkt Len Mean,Bwd Pkt Len Std,Flow Byts/s,Flow Pkts/s,Flow IAT Mean,
Flow IAT Std,Flow IAT Max,Flow IAT Min,Fwd IAT Tot,Fwd IAT Mean,Fwd IAT Std,Fwd IAT Max,
Fwd IAT Min,Bwd IAT Tot,Bwd IAT Mean,Bwd IAT Std,Bwd IAT Max,Bwd IAT Min,Fwd PSH Flags,
Bwd PSH Flags,Fwd URG Flags,Bwd URG Flags,Fwd Header Len,Bwd Header Len,Fwd Pkts/s,Bwd Pkts/s,
Pkt Len Min,Pkt Len Max,Pkt Len Mean,Pkt Len Std,Pkt Len Var,FIN Flag Cnt,SYN Flag Cnt,
RST Flag Cnt,PSH Flag Cnt,ACK Flag Cnt,URG Flag Cnt,CWE Flag Count,ECE Flag Cnt,Down/Up Ratio,
Pkt Size Avg,Fwd Seg Size Avg,Bwd Seg Size Avg,Fwd Byts/b Avg,Fwd Pkts/b Avg,Fwd Blk Rate Avg,
Bwd Byts/b Avg,Bwd Pkts/b Avg,Bwd Blk Rate Avg,Subflow Fwd Pkts,Subflow Fwd Byts,
Subflow Bwd Pkts,Subflow Bwd Byts,Init Fwd Win Byts,Init Bwd Win Byts,Fwd Act Data Pkts,
Fwd Seg Size Min,Active Mean,Active Std,Active Max,Active Min,Idle Mean,Idle Std,Idle Max,
Idle Min,Label""".replace("\n", "")

KDD_NAMES = [column.name for column in Schema.named("nsl-kdd").columns if column.is_feature]


def report_of(path: Path, **options: object) -> ReadReport:
    report = ReadReport()
    for _ in read_batches([path], ReadOptions(**options), report):  # type: ignore[arg-type]
        pass
    return report


# --- every spelling ----------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", [0, 1, 2, 3])
@pytest.mark.parametrize("dress", ["{}", " {}", '"{}"', "{} "])
def test_cicflowmeter_in_every_spelling(tmp_path: Path, spelling: int, dress: str) -> None:
    header = [dress.format(title) for title in [*cic_header(spelling), "Label"]]
    path = written(tmp_path, "a.txt", cic_csv([cic_row(443)], header))
    flows, report = read_flows([path])
    assert report.format == "cicflowmeter"
    assert len(flows.columns) == 1 + 76 + 1  # the port, the measures, the port's bucket
    assert flows.columns["service"].tolist() == ["https"]


def test_cicflowmeter_of_2018_with_the_header_repeated_in_the_middle(tmp_path: Path) -> None:
    row = "80,6,02/03/2018 08:47:38" + ",1" * 76 + ",Benign"
    other = row.replace("08:47:38", "20:47:38").replace("Benign", "Bot")
    path = written(tmp_path, "a.csv", "\n".join([CIC_2018, row, CIC_2018, other]))
    flows, report = read_flows([path])
    assert report.to_json()["labels"] == {"benign": 1, "Bot": 1}
    assert report.rejected == {}
    assert flows.line.tolist() == [2, 4]
    assert flows.time_ms is not None
    assert flows.time_ms.tolist() == [1519980458000.0, 1520023658000.0]  # the second of March
    assert flows.columns["transport"].tolist() == ["tcp", "tcp"]


def test_a_joined_files_second_byte_order_mark_is_part_of_its_header(tmp_path: Path) -> None:
    one = cic_csv([cic_row()])
    flows, _ = read_flows([written(tmp_path, "a.csv", one + "\ufeff" + one)])
    assert flows.line.tolist() == [2, 4]


def test_the_cleaned_subset_of_cicids2017(tmp_path: Path) -> None:
    assert CLEANED.count(",") == 52
    rows = [",".join(["80", *["1"] * 51, word]) for word in ("Normal Traffic", "Port Scanning")]
    report = report_of(written(tmp_path, "a.csv", "\n".join([CLEANED, *rows])))
    found = report.to_json()
    assert found["format"] == "cicflowmeter"
    assert found["labels"] == {"benign": 1, "Port Scanning": 1}
    assert "lacks 25 of the 78 feature columns" in found["warnings"][0]


@pytest.mark.parametrize(
    "header",
    [
        [*KDD_NAMES, "label"],
        [*(name.title() for name in KDD_NAMES), "class"],
        [f'"{name.replace("_", " ")}"' for name in KDD_NAMES] + ["attack"],
        ["duration", *KDD_NAMES[1:], "outcome"],
    ],
)
def test_kdd_with_a_header(tmp_path: Path, header: list[str]) -> None:
    path = written(tmp_path, "a", f"{','.join(header)},level\n{KDD_ROW},normal.,21\n")
    assert report_of(path).to_json()["labels"] == {"benign": 1}


@pytest.mark.parametrize(
    ("tail", "labels"),
    [("", {"unlabelled": 2}), (",smurf.", {"smurf": 2}), (",normal,20", {"benign": 2})],
)
@pytest.mark.parametrize("schema", [None, Schema.named("nsl-kdd")])
def test_kdd_without_a_header(
    tmp_path: Path, tail: str, labels: dict[str, int], schema: Schema | None
) -> None:
    report = report_of(written(tmp_path, "a", f"{KDD_ROW}{tail}\n" * 2), schema=schema)
    assert (report.format, report.to_json()["labels"]) == ("nsl-kdd", labels)
    assert report.label_problem is None


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    for name, text, kind in (
        ("a.json", zeek_tsv(), "zeek-tsv"),
        ("conn.log", zeek_csv(), "zeek-csv"),
        ("a.parquet", cic_csv([cic_row()]), "cicflowmeter"),
        ("b.zst", gzip.compress(zeek_csv().encode()), "zeek-csv"),
        ("c.gz", zstandard.ZstdCompressor().compress(zeek_csv().encode()), "zeek-csv"),
    ):
        assert open_source(written(tmp_path, name, text)).format == kind


def test_ones_own_schema_reads_ones_own_table(tmp_path: Path) -> None:
    schema = Schema.from_yaml(
        "{name: mine, columns: [{name: a, role: numeric}, {name: b, role: numeric}]}"
    )
    path = written(tmp_path, "a.csv", "x,A,b,label\n1,2,3,normal\n")
    flows, report = read_flows([path], ReadOptions(schema=schema))
    assert (report.format, flows.columns["a"].tolist()) == ("mine", [2.0])
    with pytest.raises(SchemaError, match="has no column of schema 'mine'"):
        open_source(written(tmp_path, "b.csv", "x,y\n1,2\n"), ReadOptions(schema=schema))


def test_asking_for_canonical_flows_reads_zeek_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", zeek_csv())
    report = report_of(path, schema=Schema.named("flow"))
    assert (report.format, report.rows) == ("zeek-csv", 3)


# --- broken and foreign ------------------------------------------------------------------------


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({name: [1.0] for name in cic_header()}), stream)
    return stream.getvalue()


DNS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "trans_id")
MANY = ",".join(f"column{n}" for n in range(100_000))

BROKEN = {
    "empty": (b"", "is empty"),
    "blank lines": (b"\n \n\r\n", "is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "is empty"),
    "zeros": (bytes(1000), "is empty"),
    "junk": (bytes(range(256)) * 50, "is binary"),
    "random bytes": (__import__("random").Random(1).randbytes(5000), "is binary"),
    "zip or xlsx": (zipped(), "archive or a spreadsheet"),
    "utf-16": (cic_csv([cic_row()]).encode("utf-16"), "UTF-16"),
    "utf-16 unmarked": (cic_csv([cic_row()]).encode("utf-16-le"), "is binary"),
    "semicolons": (cic_csv([cic_row()]).replace(",", ";"), "semicolons between its fields"),
    "tabs": (cic_csv([cic_row()]).replace(",", "\t"), "tabs between its fields"),
    "bars": (cic_csv([cic_row()]).replace(",", "|"), "bars between its fields"),
    "kdd with semicolons": (KDD_ROW.replace(",", ";") + ";normal", "semicolons between"),
    "old Mac lines": (cic_csv([cic_row()]).replace("\n", "\r"), "carriage returns"),
    "prose": ("It was a dark night.\nIt rained.\n", "no header of a table"),
    "a heading": ("# What these files are\n\nFlows of March.\n", "no header of a table"),
    "one word": ("hello", "no header of a table"),
    "html": ("<html><body>Not found</body></html>\n", "no header of a table"),
    "unknown columns": ("a,b,c\n1,2,3\n", "3 columns of no known kind (a, b, c)"),
    "many unknown columns": (MANY[:200_000] + "\n1\n", "columns of no known kind"),
    "100,000 columns": (MANY + "\n1\n", "line 1 is longer than 256 KiB"),
    "one giant line": ("a," * 500_000, "line 1 is longer than 256 KiB"),
    "a giant field": ("a" * 200_000 + ",b\n", "columns of no known kind"),
    "zeek dns.log": (zeek_tsv((), DNS).replace("\tconn", "\tdns"), "is Zeek's dns.log"),
    "zeek dns fields": (zeek_tsv((), DNS), "no whole Zeek conn.log"),
    "zeek http fields": (zeek_tsv((), ("ts", "uid", "host")), "lacks id.orig_h, id.resp_h, proto"),
    "zeek with blanks for tabs": (
        "#separator \\x09\n#fields ts id.orig_h id.resp_h proto\n1.0 10.0.0.1 10.0.0.2 tcp\n",
        "Zeek wrote it, tabs between its fields",
    ),
    "zeek without fields": ("#separator \\x09\n#path\tconn\n1\t2\n", "no #fields line"),
    "zeek dns as json": ('{"ts":1,"id.orig_h":"a","id.resp_h":"b","proto":"udp"}', "no whole Zeek"),
    "another json": ('{"a": 1}\n{"a": 2}\n', "no Zeek conn.log"),
    "a json array": ('[{"ts": 1},\n{"ts": 2}]\n', "not one JSON object a line"),
    "json over lines": ('{\n"ts": 1\n}\n', "not one JSON object a line"),
    "deep json": ("[" * 100_000, "not one JSON object a line"),
    "eve": ('{"event_type": "alert", "src_ip": "a"}\n', "1 event and no flow"),
    "nfdump csv": ("ts,te,td,sa,da,sp,dp,pr,flg\n1,2,3,4,5,6,7,8,9\n", "no known kind"),
    "nfdump text": ("Date first seen  Duration Proto\n2020-01-01 1 TCP\n", "nfdump listing"),
    "parquet cut short": (parquet()[:-20], "damaged or packed Parquet"),
    "packed parquet": (gzip.compress(parquet()), "damaged or packed Parquet"),
    "parquet's name alone": (b"PAR1", "damaged or packed Parquet"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_none_gets_one_sentence(tmp_path: Path, kind: str) -> None:
    content, words = BROKEN[kind]
    path = written(tmp_path, "file", content)
    with pytest.raises(EdgeGuardError) as raised:
        read_flows([path])
    message = str(raised.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message
    assert "\r" not in message
    assert len(message) < 500 + len(str(path))
    assert message.endswith((".", "them"))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("text", [zeek_tsv(), cic_csv([cic_row()] * 400)])
def test_a_packed_file_cut_short_is_refused(tmp_path: Path, pack: object, text: str) -> None:
    packed = pack(text.encode())  # type: ignore[operator]
    path = written(tmp_path, "file", packed[: len(packed) - 12])
    with pytest.raises(SourceError, match="in the middle of its compressed data"):
        read_flows([path])


@pytest.mark.parametrize("header", [cic_csv([]), zeek_tsv(()), zeek_csv(()), cic_csv([])[:-1]])
def test_a_header_alone_is_recognised_and_gives_no_flow(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, "a.csv", header)
    assert report_of(path).to_json()["rows"] == 0
    with pytest.raises(SourceError, match="no flow below it"):
        read_flows([path])


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=r"Cannot read .*none\.csv"):
        open_source(tmp_path / "none.csv")


def test_the_head_of_a_real_file_may_be_any_length(tmp_path: Path) -> None:
    """However short a beginning is given, it is read or refused, never an accident."""
    raw = data("zeek/zat_conn.log").read_bytes()
    for size in (*range(1, 700, 13), 5000):
        path = written(tmp_path, "head", raw[:size])
        with contextlib.suppress(EdgeGuardError):
            report_of(path)


def test_the_nearest_kind_is_named(tmp_path: Path) -> None:
    header = cic_header()[:30]
    path = written(tmp_path, "a.csv", cic_csv([], header))
    with pytest.raises(SchemaError, match=r"nearest is cicflowmeter with 38%.*--schema FILE"):
        open_source(path)


def test_a_zeek_table_without_a_state_is_still_one(tmp_path: Path) -> None:
    fields = tuple(name for name in ZEEK_FIELDS if name != "conn_state")
    row = "1.5 C1 192.168.1.2 40000 8.8.8.8 53 udp dns 0.5 40 60 2 96 1 104"
    flows, _ = read_flows([written(tmp_path, "a.log", zeek_tsv((row,), fields))])
    assert "state" not in flows.columns


@pytest.mark.parametrize(
    "text", [zeek_tsv(), zeek_csv(), json.dumps({"service": 1, "duration": 2})]
)
def test_a_schema_that_hardly_matches_is_refused(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "conn", text)
    with pytest.raises(SchemaError, match=r"only 2 of the 41 feature columns of schema 'nsl-kdd'"):
        open_source(path, ReadOptions(schema=Schema.named("nsl-kdd")))
