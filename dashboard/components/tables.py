"""Small things that several parts draw: tables of whole rows, and remarks of the command."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from dashboard import wording

_ROW_PIXELS = 35
_BORDER_PIXELS = 3
_HALF_A_ROW = 17  # of the next row, to show that there is more


def height(rows: int, *, most: int) -> int:
    """Pixels of a table with a header and this many rows, at most ``most`` of them visible.

    >>> height(2, most=5), height(50, most=5)
    (108, 230)
    """
    if rows <= most:
        return (rows + 1) * _ROW_PIXELS + _BORDER_PIXELS
    return (most + 1) * _ROW_PIXELS + _BORDER_PIXELS + _HALF_A_ROW


def remarks(warnings: Iterable[str]) -> None:
    """All that the command warns of in one box, each sentence once."""
    lines = [wording.plain(str(warning)) for warning in dict.fromkeys(warnings)]
    if lines:
        text = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)
        st.warning(text, icon=":material/info:")


def judged_columns(reasons: str) -> dict[str, Any]:
    """How the columns of flows that are judged look; ``reasons`` heads what weighs in a score."""
    return {
        "score": st.column_config.NumberColumn("Score", format="%.4g", width="small"),
        "verdict": st.column_config.TextColumn("Verdict", width=125),
        "top_features": st.column_config.TextColumn(reasons, width="large"),
        "class": st.column_config.TextColumn("Class"),
        "row": st.column_config.NumberColumn("Line", format="%d", width="small"),
    }
