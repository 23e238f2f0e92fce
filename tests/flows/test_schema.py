"""Schemas: read from YAML, written back, matched against any spelling of a header."""

import pytest

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows import Column, Role, Schema, shipped_schemas
from edgeguard_core.flows.schema import shipped_text, squeeze

MINIMAL = """
name: mine
columns:
  - {name: bytes, role: numeric, unit: B, minimum: 0, aliases: [octets]}
  - {name: kind, role: categorical, type: string, values: [a, b]}
"""


@pytest.mark.parametrize("name", shipped_schemas())
def test_a_shipped_schema_survives_being_written(name: str) -> None:
    schema = Schema.named(name)
    again = Schema.from_yaml(schema.to_yaml())
    assert again == schema
    assert again.fingerprint() == schema.fingerprint()
    assert schema.features == schema.numeric + schema.categorical
    assert schema.coverage(schema.match(column.name for column in schema.columns)) == 1.0


def test_the_native_schemas_have_the_features_of_their_papers() -> None:
    assert len(Schema.named("nsl-kdd").features) == 41
    assert len(Schema.named("unsw-nb15").features) == 42
    # 76 measures, and the buckets of port and protocol
    assert len(Schema.named("cicflowmeter").features) == 78
    assert Schema.named("flow").time == "bidirectional_first_seen_ms"


def test_a_small_schema_has_defaults() -> None:
    schema = Schema.from_yaml(MINIMAL)
    assert (schema.version, schema.title) == (1, "mine")
    assert schema.column("bytes").transform == "log"
    assert schema.match(["KIND", " Octets ", "bytes"]) == {"kind": 0, "bytes": 1}
    assert schema.coverage({"kind"}) == 0.5


def test_a_derived_feature_counts_as_given_with_its_source() -> None:
    schema = Schema.named("cicflowmeter")
    without = schema.coverage(schema.numeric)
    assert schema.coverage([*schema.numeric, "dst_port"]) > without


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns: [", "line 1 is not YAML"),
        ("- a", "no list 'columns'"),
        ("name: x", "no list 'columns'"),
        ("columns: []", "'name'"),
        (MINIMAL + "colour: red", "unknown key 'colour'"),
        (MINIMAL.replace("unit", "units"), "unknown key 'units'"),
        (MINIMAL.replace("numeric", "number"), "role 'number'"),
        (MINIMAL.replace("type: string", "type: text"), "type 'text'"),
        (MINIMAL.replace("octets", "kind"), "gives 'kind' to both"),
        (MINIMAL.replace("name: kind", "name: bytes"), "column 'bytes' twice"),
        (MINIMAL.replace("values: [a, b]", "derived_from: port"), "derived from 'port'"),
        (MINIMAL.replace("values: [a, b]", "transform: cube"), "transform 'cube'"),
        (MINIMAL.replace("name: bytes, ", ""), "without name or role"),
        (MINIMAL + "label: {rough: [x]}", "unknown key 'rough'"),
    ],
)
def test_a_broken_schema_is_told_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(SchemaError) as raised:
        Schema.from_yaml(text, origin="mine.yaml")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_unknown_names_are_told() -> None:
    with pytest.raises(SchemaError, match="there are flow, cicflowmeter"):
        Schema.named("netflow")
    with pytest.raises(SchemaError, match="no column 'x'"):
        Schema.named("flow").column("x")


def test_no_two_columns_share_a_spelling() -> None:
    for name in (*shipped_schemas(), "zeek"):
        schema = Schema.from_yaml(shipped_text(name))
        spellings = [
            squeeze(spelling)
            for column in schema.columns
            for spelling in {squeeze(word) for word in (column.name, *column.aliases)}
        ]
        assert len(spellings) == len(set(spellings))


def test_a_column_is_a_feature_by_its_role() -> None:
    assert Column("x", Role.NUMERIC).is_feature
    assert not Column("x", Role.TIME, "time").is_feature
