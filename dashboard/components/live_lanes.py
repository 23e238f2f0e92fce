"""Alerts by minute beside the budget, and the swim lanes of hosts over time."""

import math
from collections.abc import Sequence

import streamlit as st

from dashboard import live_tail, state
from dashboard.charts import live as charts
from dashboard.components import boundary, live_watching
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import Seen
from dashboard.live_view import LANES_A_PAGE, alerts_by_minute, figures, lane_hosts, page_of
from dashboard.wording import live as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.store_reading import LaneCell

_MINUTES = 30
_BIN_MS = 60_000.0
_SLOT_MS = 4_000.0  # lanes are asked for once in so long, by all visitors together


def show(opened: Opened) -> None:
    """Draw both; meant to be run as a fragment."""
    with boundary.boundary():
        seen = live_watching.look(opened)
        if seen.is_empty:
            return
        sensors = live_watching.sensors_of(seen)
        found = figures(sensors, seen.at_ms)
        st.markdown(f"**{words.MINUTES}**", help=words.MINUTES_HELP)
        st.echarts_chart(
            charts.alerts_by_minute(
                alerts_by_minute(sensors, seen.at_ms, _MINUTES),
                found.promised_per_minute,
                dark=state.is_dark(),
            ),
            height=150,
            key=LiveKey.MINUTES,
            alt="Alerts each minute beside what is promised",
        )
        st.markdown(f"**{words.LANES}**", help=words.LANES_HELP)
        _lanes(opened, seen)


def _lanes(opened: Opened, seen: Seen) -> None:
    end_ms = (math.floor(seen.at_ms / _BIN_MS) + 1) * _BIN_MS
    begin_ms = end_ms - _MINUTES * _BIN_MS
    names = tuple(sensor.name for sensor in live_watching.sensors_of(seen))
    try:
        slot = math.floor(seen.at_ms / _SLOT_MS)
        cells = _cells(opened.source.url, names, begin_ms, slot)
    except EdgeGuardError:
        st.caption(words.NO_LANES)  # that the store is away is said above
        return
    hosts = lane_hosts(cells)
    if not hosts:
        st.caption(words.NO_LANES)
        return
    page = 1
    if len(hosts) > LANES_A_PAGE:
        page = st.pagination(math.ceil(len(hosts) / LANES_A_PAGE), key=LiveKey.LANES_PAGE)
    shown = page_of(hosts, page)
    marks = charts.lane_marks(shown, cells)
    st.session_state[LiveKey.LANE_MARKS] = marks
    key = f"{LiveKey.LANES}_{st.session_state.get(LiveKey.LANES_ROUND, 0)}"
    st.echarts_chart(
        charts.lanes(shown, cells, begin_ms, end_ms, dark=state.is_dark()),
        height=charts.lanes_height(len(shown)),
        key=key,
        on_select=lambda: _selected(key),
        alt="Hosts with alerts over the last half hour, by severity",
    )


@st.cache_data(max_entries=32, show_spinner=False, ttl=60)
def _cells(url: str, names: Sequence[str], begin_ms: float, slot: int) -> list[LaneCell]:
    # The sensors by name, whichever are looked at: that is what the store has an index for.
    return live_tail.tail_of(url).store.lanes(begin_ms, _BIN_MS, sensors=names or None)


def _selected(key: str) -> None:
    """Narrow the table to the host and the minute of the mark that was clicked."""
    groups = st.session_state[key]["selection"]["selected"]
    marks = st.session_state.get(LiveKey.LANE_MARKS, {})
    st.session_state.pop(LiveKey.CELL, None)
    for group in groups:
        cells = marks.get(group["series_name"], [])
        for at in group["data_indices"]:
            if at < len(cells):
                cell = cells[at]
                span = (cell.host, cell.time_ms, cell.time_ms + _BIN_MS)
                st.session_state[LiveKey.CELL] = span
                st.session_state.pop(LiveKey.INCIDENT, None)
    st.rerun()  # the table stands beside, in a part of its own
