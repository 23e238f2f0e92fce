"""A person's own table under a person's own schema: as it is, or mapped onto ``flow``."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flow_texts import written

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.flows import Schema
from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.infer import draft_yaml, infer_schema
from edgeguard_core.sources import ReadOptions, read_flows, sample_table

ALIASES = {
    "src_ip": "client", "dst_ip": "server", "src_port": "cport", "dst_port": "sport",
    "protocol": "proto", "bidirectional_first_seen_ms": "when",
    "bidirectional_duration_ms": "secs", "src2dst_bytes": "up", "dst2src_bytes": "down",
    "src2dst_packets": "pk up", "dst2src_packets": "pk down",
}  # fmt: skip
TABLE = """\
client,server,cport,sport,proto,when,secs,up,down,pk up,pk down,verdict
10.0.0.1,8.8.8.8,50000,443,tcp,2024-01-01T00:00:00,1.5,100,300,2,4,normal
10.0.0.1,8.8.8.8,50001,53,udp,2024-01-01T00:00:01,0,60,80,1,1,scan
8.8.4.4,10.0.0.9,8,0,icmp,2024-01-01T00:00:02,2,60,0,1,0,normal
"""


def mapped() -> Schema:
    """``flow`` under the table's own titles; its seconds become milliseconds."""
    flow = Schema.named("flow")
    columns = tuple(
        replace(column, aliases=(ALIASES[column.name],)) if column.name in ALIASES else column
        for column in flow.columns
    )
    columns = tuple(
        replace(column, factor=1000.0) if column.name == "bidirectional_duration_ms" else column
        for column in columns
    )
    schema = replace(
        flow, name="mine", columns=columns, label=replace(flow.label, coarse=("verdict",))
    )
    return Schema.from_yaml(schema.to_yaml())  # as a person's file would bring it


def test_a_mapping_onto_flow_derives_what_follows_from_its_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "own.csv", TABLE)
    flows, report = read_flows([path], ReadOptions(schema=mapped()))
    assert flows.columns["bidirectional_duration_ms"].tolist() == [1500, 0, 2000]
    base = {name: flows.columns[name] for name in ALIASES}
    base["state"] = np.full(3, "", object)
    expected = canonical_columns(base, NetworkTable())
    for name, values in expected.items():
        if name != "state":
            np.testing.assert_array_equal(flows.columns[name], values, err_msg=name)
    assert flows.columns["service"].tolist() == ["https", "dns", "none"]
    assert report.labels == {"benign": 2, "scan": 1}
    assert any("lacks 1 of the" in warning for warning in report.warnings)  # the state


def test_what_a_mapped_table_has_itself_is_not_derived(tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    text = "\n".join([lines[0] + ",service", *(line + ",irc" for line in lines[1:])])
    flows, _ = read_flows([written(tmp_path, "own.csv", text)], ReadOptions(schema=mapped()))
    assert flows.columns["service"].tolist() == ["irc"] * 3


def test_a_feature_whose_columns_are_absent_is_absent(tmp_path: Path) -> None:
    text = "up,pk up,verdict\n100,2,normal\n"
    flows, _ = read_flows([written(tmp_path, "own.csv", text)], ReadOptions(schema=mapped()))
    assert sorted(flows.columns) == [
        "src2dst_bytes",
        "src2dst_mean_packet_bytes",
        "src2dst_packets",
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_read_by_the_draft_that_was_made_of_it(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, f"own.{kind}", TABLE)
    if kind == "parquet":
        import pyarrow.csv as pa_csv

        table: pa.Table = pa_csv.read_csv(path)
        pq.write_table(table, path)
    schema = Schema.from_yaml(draft_yaml(infer_schema(sample_table(path), "own")))
    flows, report = read_flows([path], ReadOptions(schema=schema))
    assert flows.columns["up"].tolist() == [100, 60, 60]
    assert flows.time_ms is not None
    assert flows.time_ms.tolist() == [1704067200000, 1704067201000, 1704067202000]
    assert report.labels == {"benign": 2, "scan": 1}


def test_an_unknown_table_is_never_read_by_a_guess(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="--schema"):
        read_flows([written(tmp_path, "own.csv", TABLE)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a;b;c\n1;2;3\n", "semicolons"),
        ("a,b\n", "no row below"),
        ("a,a\n1,2\n", "twice"),
        ('{"a": 1}\n', "a log, not a table"),
        ("#fields\ta\n", "a log, not a table"),
        ("", "is empty"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "packet capture"),
        (b"PAR1 and no more", "damaged Parquet"),
    ],
)
def test_what_is_no_table_gives_no_sample(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        sample_table(written(tmp_path, "file", content))
