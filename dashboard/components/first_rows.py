"""What the first rows of a large file look like, while the rest of it is still read."""

from pathlib import Path

import streamlit as st

from dashboard import first_look, workspace
from dashboard.wording import data as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.schema import Schema

WORTH_IT_BYTES = 4_000_000  # a smaller file is read before anybody has looked


@st.cache_data(max_entries=20, show_spinner=False)
def look(path: Path, stamp: float, schema_yaml: str | None) -> first_look.FirstLook:
    """The first rows of a file, read once; by the text of a schema or as recognised."""
    schema = None if schema_yaml is None else Schema.from_yaml(schema_yaml)
    return first_look.look(path, schema)


def show(given: workspace.GivenFile) -> None:
    """Draw what the first rows were taken for; nothing of a small file."""
    if given.size < WORTH_IT_BYTES:
        return
    schema = None if given.schema is None else given.schema.read_text(encoding="utf-8")
    try:
        seen = look(given.path, given.path.stat().st_mtime, schema)
    except EdgeGuardError:
        return  # reading it all says why, in the same sentence
    st.markdown(words.first_rows(seen))
    if seen.rejected:
        st.caption(words.rejected_so_far(seen.rejected))
    st.caption(words.labels_found(seen.labels))
