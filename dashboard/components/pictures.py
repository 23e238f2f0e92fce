"""Altair charts that cost a rerun nothing: the specification of each is kept.

Altair checks every part of a chart against Vega-Lite's schema, which takes ten times as long as
all else on a page; ours are drawn by functions that tests run with the checks on.
"""

from collections.abc import Callable, Hashable
from typing import Any

import altair
import streamlit as st
from altair.utils import schemapi


@st.cache_data(max_entries=64, show_spinner=False)
def _spec(known_by: tuple[Hashable, ...], _make: Callable[[], altair.TopLevelMixin]) -> Any:
    with schemapi.debug_mode(False):
        return _make().to_dict(validate=False)


def show(
    make: Callable[[], altair.TopLevelMixin], *known_by: Hashable, alt: str, key: str | None = None
) -> None:
    """Draw a chart.

    Parameters
    ----------
    make
        Makes it; called when no chart of this name is kept.
    known_by
        All that the chart depends on, its kind first.
    alt
        What it shows, for those who do not see it.
    """
    st.vega_lite_chart(_spec(known_by, make), alt=alt, key=key)
