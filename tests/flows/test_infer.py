"""Drafts: the role of each column, the reason it gives, and that the draft reads its own file."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import SchemaError
from edgeguard_core.flows import Role, Schema
from edgeguard_core.flows.infer import Sample, draft_yaml, infer_schema
from edgeguard_core.flows.spellings import CANONICAL_WORDS, LABEL

TABLE = {
    "Source Address": ["10.0.0.1", "10.0.0.2", "10.0.0.3"] * 4,
    "Sport": ["5000", "5001", "5002"] * 4,
    "proto": ["udp", "udp", "tcp"] * 4,
    "ipProtocol": ["17", "17", "6"] * 4,
    "started": ["2024-01-01 00:00:01", "2024-01-01 00:00:02", "2024-01-01 00:00:03"] * 4,
    "seen_at_time": ["1704067201", "1704067202", "1704067203"] * 4,
    "dur_us": ["1000", "2e3", "NaN"] * 4,
    "Bytes Sent": ["60", "61", "62"] * 4,
    "Flow Bytes/s": ["60", "Infinity", "62"] * 4,
    "colour": ["red", "blue", "red"] * 4,
    "FlowHash": [f"a{n}" for n in range(12)],
    "remark": [f"words {n}" for n in range(12)],
    "nothing": [""] * 12,
    "Verdict": ["normal", "scan", "normal"] * 4,
}
ROLES = {
    "Source Address": (Role.IDENTITY, "address", None),
    "Sport": (Role.IDENTITY, "port", None),
    "proto": (Role.CATEGORICAL, "string", None),
    "ipProtocol": (Role.IDENTITY, "integer", None),
    "started": (Role.TIME, "time", None),
    "seen_at_time": (Role.IGNORED, "time", None),  # a schema has one time
    "dur_us": (Role.NUMERIC, "float", "us"),
    "Bytes Sent": (Role.NUMERIC, "float", "B"),
    "Flow Bytes/s": (Role.NUMERIC, "float", "B/s"),
    "colour": (Role.CATEGORICAL, "string", None),
    "FlowHash": (Role.IDENTITY, "string", None),
    "remark": (Role.IDENTITY, "string", None),
    "nothing": (Role.IGNORED, "string", None),
    "Verdict": (Role.LABEL, "string", None),
}


def drafted(table: dict[str, list[str]]) -> Schema:
    return infer_schema(
        Sample({title: np.array(cells, object) for title, cells in table.items()}), "mine"
    )


@pytest.mark.parametrize("title", ROLES)
def test_the_role_type_and_unit_of_a_column(title: str) -> None:
    column = drafted(TABLE).column(title)
    assert (column.role, column.type, column.unit) == ROLES[title]
    assert column.description


def test_the_label_and_likeness_to_flow_are_told() -> None:
    schema = drafted(TABLE)
    assert schema.label.coarse == ("Verdict",)
    assert schema.column("Bytes Sent").description.endswith("like flow's src2dst_bytes")
    assert schema.column("dur_us").description.endswith(
        "bidirectional_duration_ms with factor 0.001"
    )
    assert "normal, scan" in schema.column("Verdict").description


def test_a_draft_is_a_schema_once_written() -> None:
    schema = drafted(TABLE)
    assert Schema.from_yaml(draft_yaml(schema)) == schema


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"Src IP": ["1"], "src_ip": ["2"]}, "spelt alike"),
        ({"a": ["1"], " ": ["2"]}, "no title"),
        ({"ip": ["10.0.0.1"], "label": ["benign"]}, "could be a feature"),
    ],
)
def test_a_table_without_a_draft_says_why(table: dict[str, list[str]], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        drafted(table)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.lists(st.text(max_size=8), min_size=3, max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_any_cells_give_a_draft_or_a_sentence(table: dict[str, list[str]]) -> None:
    with contextlib.suppress(SchemaError):  # no feature among them
        schema = drafted(table)
        assert {column.name for column in schema.columns} == set(table)
        assert Schema.from_yaml(draft_yaml(schema)) == schema


def test_every_spelling_leads_to_a_canonical_column() -> None:
    known = {column.name for column in Schema.named("flow").columns} | {LABEL}
    assert set(CANONICAL_WORDS.values()) <= known


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{name: a, columns: [{name: x, role: numeric, aliases: [b, b]}]}", "lists 'b' twice"),
        (
            "{name: a, columns: [{name: x, role: numeric, aliases: [b]}, "
            "{name: y, role: numeric, aliases: [B]}]}",
            "to both",
        ),
        (
            "{name: a, columns: [{name: x, role: numeric}, {name: x, role: numeric}]}",
            "column 'x' twice",
        ),
        ("name: a\ncolumns: []\ncolumns: []\n", "line 3 has the key 'columns' twice"),
        (
            "{name: a, label: {coarse: [x]}, columns: [{name: x, role: numeric}]}",
            "for the label and for the feature",
        ),
    ],
)
def test_a_mapping_that_names_a_column_twice_is_refused(text: str, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        Schema.from_yaml(text)
