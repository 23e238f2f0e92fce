"""Guessing what the columns of an unknown table mean, and the schema that makes of it."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import mapping
from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.sources import ReadOptions, read_flows

FLOW = Schema.named("flow")
DURATION = "bidirectional_duration_ms"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_head_of_a_table_is_read_whatever_its_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text("\ufeffa b,c,d\n1,2,3\n,5,6\n".replace(",", delimiter), encoding="utf-8")
    head = mapping.read_head(path)
    assert head is not None
    assert head.delimiter == delimiter
    assert head.columns == ("a b", "c", "d")
    assert [head.examples(n) for n in range(3)] == ["1", "2 · 5", "3 · 6"]


def test_a_compressed_table_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"a,b,c\n1,2,3\n"))
    head = mapping.read_head(path)
    assert head is not None
    assert head.columns == ("a", "b", "c")


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b,c\n", b"\x00\x01\x02", b"a,b\n1,2\n", b"one\ntwo\nthree\n", b"a,b,c\n1,2\n",
     b"\x1f\x8bbroken", b"\xff\xfe" * 50],
)  # fmt: skip
def test_what_is_no_table_has_no_head(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert mapping.read_head(path) is None


def test_no_meaning_is_guessed_twice() -> None:
    guesses = mapping.guess(["src_ip", "SrcAddr", "source ip", "Label", "class"], FLOW)
    targets = [guess.target for guess in guesses if guess.target]
    assert len(targets) == len(set(targets))
    assert guesses[0].target == "src_ip"
    assert guesses[0].confidence == 1.0


def test_a_mapped_schema_finds_the_columns_under_their_names_in_the_file() -> None:
    chosen = {"Quelle": "src_ip", "Bytes hin": "src2dst_bytes", "Urteil": mapping.LABEL, "x": None}
    schema = mapping.mapped_schema(FLOW, chosen)
    assert schema.match(["Quelle", "Bytes hin", "x"]) == {"src_ip": 0, "src2dst_bytes": 1}
    assert schema.label.coarse[0] == "Urteil"
    assert Schema.from_yaml(schema.to_yaml()) == schema
    assert schema.features == FLOW.features
    assert schema.name.startswith("flow-")
    assert mapping.mapped_schema(FLOW, dict(reversed(chosen.items()))).name == schema.name


def test_buckets_follow_from_what_is_mapped() -> None:
    chosen = {"dp": "dst_port", "pr": "protocol", "b": "src2dst_bytes"}
    schema = mapping.mapped_schema(FLOW, chosen)
    assert schema.column("service").derived_from == "dst_port"
    assert schema.column("transport").derived_from == "protocol"
    assert schema.column("state").derived_from is None
    assert mapping.mapped_schema(FLOW, {"b": "src2dst_bytes"}).column("service").rule is None


def test_a_name_that_meant_something_else_is_moved() -> None:
    header = ["src_bytes", "dst_bytes"]
    native = Schema.named("nsl-kdd")
    assert native.match(header) == {"src_bytes": 0, "dst_bytes": 1}
    swapped = {"SourceBytes": "dst_bytes"}
    assert mapping.mapped_schema(native, swapped).match(["SourceBytes"]) == {"dst_bytes": 0}


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(SchemaError, match="Both 'a' and 'b' are mapped to 'src_ip'"):
        mapping.mapped_schema(FLOW, {"a": "src_ip", "b": "src_ip"})


def test_a_mapping_without_a_feature_is_refused() -> None:
    with pytest.raises(SchemaError, match="nothing to learn from"):
        mapping.mapped_schema(FLOW, {"a": "src_ip", "b": mapping.LABEL})


@pytest.mark.parametrize("name", mapping.SCHEMAS)
def test_every_schema_guesses_its_own_columns(name: str) -> None:
    schema = Schema.named(name)
    own = [target for target in mapping.targets(schema) if target != mapping.LABEL]
    assert [guess.target for guess in mapping.guess(own, schema)] == own


def test_a_parquet_table_has_a_head_too(tmp_path: Path) -> None:
    path = tmp_path / "table.bin"
    pq.write_table(pa.table({"Quelle": ["10.0.0.1", None], "n": [1, 2], "x": [0.5, None]}), path)
    head = mapping.read_head(path)
    assert head is not None
    assert head.columns == ("Quelle", "n", "x")
    assert [head.examples(n).split(" · ")[0] for n in range(3)] == ["10.0.0.1", "1", "0.5"]


def test_what_no_source_brings_is_no_target() -> None:
    assert not set(mapping.targets(FLOW)) & set(FLOW.context)


def test_numbers_are_multiplied_where_a_person_says_so(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("dauer s,hin,her\n" + "1.5,60,40\n2,80,20\n" * 30)
    chosen = {"dauer s": DURATION, "hin": "src2dst_bytes", "her": "dst2src_bytes"}
    factor = mapping.factor_of("dauer s", DURATION)
    schema = mapping.mapped_schema(FLOW, chosen, {"dauer s": factor, "hin": 1.0})
    assert Schema.from_yaml(schema.to_yaml()) == schema
    flows, _ = read_flows([path], ReadOptions(schema=schema))
    assert flows.columns[DURATION][:2].tolist() == [1500.0, 2000.0]
    assert flows.columns["src2dst_bytes"][:2].tolist() == [60.0, 80.0]
    # What follows from the columns is there as well.
    assert flows.columns["src2dst_bytes_share"][:2].tolist() == [0.6, 0.8]


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf")])
def test_a_factor_that_loses_the_numbers_is_refused(factor: float) -> None:
    with pytest.raises(SchemaError, match="give a number above 0"):
        mapping.mapped_schema(FLOW, {"hin": "src2dst_bytes"}, {"hin": factor})


def test_a_draft_takes_the_roles_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("when,then,up,verdict\n" + "2024-01-01,2024-01-02,7,normal\n" * 30)
    draft = mapping.drafted_schema(path)
    roles = {column.name: str(column.role) for column in draft.columns}
    assert roles == {"when": "time", "then": "ignored", "up": "numeric", "verdict": "label"}
    mended = mapping.mended_schema(draft, roles | {"verdict": "categorical"})
    assert mended.features == ("up", "verdict")
    assert mended.label.coarse == ()
    assert mended.name.startswith("own-")
    with pytest.raises(SchemaError, match="'when' and 'then' are the time"):
        mapping.mended_schema(draft, roles | {"then": "time"})
    with pytest.raises(SchemaError, match="nothing to learn from"):
        mapping.mended_schema(draft, roles | {"up": "ignored"})
