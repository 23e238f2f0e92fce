"""Step 2, for a table of an unknown kind: which column means what."""

from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import mapping, state, wording, workspace
from dashboard.components import boundary, chooser, tables
from dashboard.state import Key
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import write_whole
from edgeguard_core.flows.schema import Schema


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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Target",
            mapping.SCHEMAS,
            format_func=lambda name: f"{Schema.named(name).title} ({name})",
            key=Key.MAP_SCHEMA,
            help="The canonical flow suits any exporter of flows; the others are data sets with "
            "richer features.",
        )
    schema = Schema.named(name)
    edited = st.data_editor(
        _table(head, schema),
        key=f"{Key.MAP_TABLE}_{given.id}_{name}",
        hide_index=True,
        height=tables.height(len(head.columns), most=12),
        disabled=("column", "example", "sure"),
        column_config={
            "column": st.column_config.TextColumn("Column of the file"),
            "example": st.column_config.TextColumn("For instance"),
            "target": st.column_config.SelectboxColumn(
                "Means", options=list(mapping.targets(schema)), width="medium"
            ),
            "sure": st.column_config.ProgressColumn(
                "Guess", format="percent", min_value=0, max_value=1, width="small"
            ),
        },
        alt="Columns of the file and what they mean",
    )
    st.caption("A column that means nothing here stays empty and is left out.")
    with st.container(horizontal=True):
        if st.button("Use this mapping", key=Key.USE_MAPPING, type="primary"):
            _use(given, schema, edited)
        if given.schema is not None and st.button("Drop the mapping", key=Key.DROP_MAPPING):
            given.schema.unlink()
            chooser.inspect(given)
            st.rerun()


def _table(head: mapping.Head, schema: Schema) -> pd.DataFrame:
    guesses = mapping.guess(head.columns, schema)
    return pd.DataFrame(
        {
            "column": list(head.columns),
            "example": [head.example(n) for n in range(len(head.columns))],
            "target": [guess.target for guess in guesses],
            "sure": [guess.confidence for guess in guesses],
        }
    )


def _use(given: workspace.GivenFile, schema: Schema, edited: pd.DataFrame) -> None:
    chosen = {
        str(name): str(target) if isinstance(target, str) and target else None
        for name, target in zip(edited["column"], edited["target"], strict=True)
    }
    try:
        mapped = mapping.mapped_schema(schema, chosen)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    write_whole(given.folder / "schema.yaml", mapped.to_yaml())
    chooser.inspect(given)
    state.choose_file(given)
    st.rerun()
