"""Step 2, for a table of an unknown kind: which column means what."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import first_look, mapping, state, wording, workspace
from dashboard.components import boundary, chooser, tables
from dashboard.keys import Key
from dashboard.wording import data as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import write_whole
from edgeguard_core.flows.schema import Role, Schema

CHECKED_ROWS = 1_000
OWN = "own"  # no schema that ships: the columns as they are


@st.cache_data(max_entries=20, show_spinner=False)
def _head(path: Path, stamp: float) -> mapping.Head | None:
    return mapping.read_head(path)


def show(given: workspace.GivenFile) -> None:
    """Draw the editor; a mapping that is used starts the inspection again."""
    head = _head(given.path, given.path.stat().st_mtime)
    if head is None:
        st.info(wording.NOT_A_TABLE, icon=":material/info:")
        return
    st.markdown("**Which column means what?** Say so here, and the file is read that way.")
    name = st.selectbox(
        "Read it as",
        (*mapping.SCHEMAS, OWN),
        format_func=_title,
        key=Key.MAP_SCHEMA,
        help="The canonical flow suits any exporter of flows; the next three are data sets with "
        "richer features. The last keeps every column under its own name.",
    )
    for title in mapping.twice(head):
        st.warning(words.title_twice(title), icon=":material/warning:")
    key = f"{Key.MAP_TABLE}_{given.id}_{name}"
    try:
        made = _roles(given, head, key) if name == OWN else _targets(head, Schema.named(name), key)
    except EdgeGuardError as error:  # what no draft can be made of
        boundary.say(str(error))
        return
    with st.container(horizontal=True):
        if st.button("Use this mapping", key=Key.USE_MAPPING, type="primary"):
            _use(given, made)
        checked = st.button("Check it on the first rows", key=Key.CHECK_MAPPING)
        if given.schema is not None and st.button("Drop the mapping", key=Key.DROP_MAPPING):
            given.schema.unlink()
            chooser.inspect(given)
            st.rerun()
    if checked:
        _check(given, made)


def _title(name: str) -> str:
    if name == OWN:
        return "The file's own columns (a draft to mend)"
    return f"{Schema.named(name).title} ({name})"


def _targets(head: mapping.Head, schema: Schema, key: str) -> Callable[[], Schema]:
    """The table that maps columns onto a schema; what it returns makes the schema."""
    edited = st.data_editor(
        _table(head, schema),
        key=key,
        hide_index=True,
        height=tables.height(len(head.columns), most=12),
        disabled=("column", "example", "unit", "sure"),
        column_config={
            "column": st.column_config.TextColumn("Column of the file"),
            "example": st.column_config.TextColumn("For instance"),
            "unit": st.column_config.TextColumn(
                "Unit", width="small", help="The unit in which what was guessed is kept"
            ),
            "target": st.column_config.SelectboxColumn(
                "Means", options=list(mapping.targets(schema)), width="medium"
            ),
            "factor": st.column_config.NumberColumn(
                "Times",
                help=words.MAP_FACTOR_HELP,
                width="small",
            ),
            "sure": st.column_config.ProgressColumn(
                "Guess", format="percent", min_value=0, max_value=1, width="small"
            ),
        },
        alt="Columns of the file and what they mean",
    )
    st.caption(words.MAP_CAPTION)
    chosen = {
        str(name): str(target) if isinstance(target, str) and target else None
        for name, target in zip(edited["column"], edited["target"], strict=True)
    }
    factors = {
        str(name): float(factor)
        for name, factor in zip(edited["column"], edited["factor"], strict=True)
        if pd.notna(factor)
    }
    return lambda: mapping.mapped_schema(schema, chosen, factors)


def _roles(given: workspace.GivenFile, head: mapping.Head, key: str) -> Callable[[], Schema]:
    """The table that gives each column a role, begun with a draft; it makes the schema."""
    draft = mapping.drafted_schema(given.path)
    example = {name: head.examples(n) for n, name in enumerate(head.columns)}
    edited = st.data_editor(
        pd.DataFrame(
            {
                "column": [column.name for column in draft.columns],
                "example": [example.get(column.name, "") for column in draft.columns],
                "role": [str(column.role) for column in draft.columns],
                "why": [column.description for column in draft.columns],
            }
        ),
        key=key,
        hide_index=True,
        height=tables.height(len(draft.columns), most=12),
        disabled=("column", "example", "why"),
        column_config={
            "column": st.column_config.TextColumn("Column of the file"),
            "example": st.column_config.TextColumn("For instance"),
            "role": st.column_config.SelectboxColumn(
                "Role", options=[str(role) for role in Role], required=True
            ),
            "why": st.column_config.TextColumn("Guessed because", width="large"),
        },
        alt="Columns of the file and their roles",
    )
    st.caption(
        "Numeric and categorical columns are learned. Identities say which flow it is; a label "
        "that stayed a feature would give the answer away."
    )
    roles = dict(zip(edited["column"].astype(str), edited["role"].astype(str), strict=True))
    return lambda: mapping.mended_schema(draft, roles)


def _table(head: mapping.Head, schema: Schema) -> pd.DataFrame:
    guesses = mapping.guess(head.columns, schema)
    return pd.DataFrame(
        {
            "column": list(head.columns),
            "example": [head.examples(n) for n in range(len(head.columns))],
            "target": [guess.target for guess in guesses],
            "unit": [mapping.unit_of(schema, guess.target) for guess in guesses],
            "factor": [mapping.factor_of(guess.column, guess.target) for guess in guesses],
            "sure": [guess.confidence for guess in guesses],
        }
    )


def _check(given: workspace.GivenFile, made: Callable[[], Schema]) -> None:
    """Read the first rows by the mapping, and say what came of it."""
    try:
        seen = first_look.look(given.path, made(), CHECKED_ROWS)
    except EdgeGuardError as error:
        boundary.say(words.called(str(error), given))
        return
    said = words.mapping_checked(seen.rows, seen.accepted, seen.rejected, seen.features)
    good = seen.accepted > seen.rows / 2
    (st.success if good else st.error)(said, icon=":material/fact_check:")
    st.caption(words.labels_found(seen.labels))


def _use(given: workspace.GivenFile, made: Callable[[], Schema]) -> None:
    try:
        schema = made()
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    write_whole(given.folder / "schema.yaml", schema.to_yaml())
    chooser.inspect(given)
    state.choose_file(given)
    st.rerun()
