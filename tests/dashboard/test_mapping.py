"""Guessing what the columns of an unknown table mean, and the schema that makes of it."""

import gzip
from pathlib import Path

import pytest

from dashboard import mapping
from edgeguard_core.errors import SchemaError
from edgeguard_core.flows.schema import Schema

FLOW = Schema.named("flow")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_head_of_a_table_is_read_whatever_its_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text("\ufeffa b,c,d\n1,2,3\n,5,6\n".replace(",", delimiter), encoding="utf-8")
    head = mapping.read_head(path)
    assert head is not None
    assert head.delimiter == delimiter
    assert head.columns == ("a b", "c", "d")
    assert [head.example(n) for n in range(3)] == ["1", "2", "3"]


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
