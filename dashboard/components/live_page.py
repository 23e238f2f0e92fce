"""The Live page put together: parts that are drawn anew by themselves, and parts that are not."""

from collections.abc import Callable

import streamlit as st

from dashboard.components import (
    live_alerts,
    live_attacks,
    live_boxes,
    live_detail,
    live_head,
    live_lanes,
    live_watching,
)
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey

# Seconds between two looks; all of them share one query a second.
_HEAD_S, _TABLE_S, _SLOW_S = 1.0, 2.0, 5.0


def show(opened: Opened) -> None:
    """Draw a store that is looked at."""
    ticks = live_watching.paused() is None and not opened.is_over

    def keep(draw: Callable[[Opened], None], every_s: float, key: str) -> None:
        # Without an interval no timer runs and no frame is sent.
        st.fragment(draw, key=key, run_every=every_s if ticks else None)(opened)

    live_watching.controls(opened, live_watching.look(opened))
    live_attacks.show(opened)
    keep(live_head.show, _HEAD_S, "live-head")
    if st.session_state.get(LiveKey.SELECTED):
        table, drawer = st.columns([4, 5])
        with drawer:
            live_detail.show(opened)
        with table:
            keep(live_alerts.show, _TABLE_S, "live-alerts")
            keep(live_lanes.show, _SLOW_S, "live-lanes")
    else:
        table, lanes = st.columns([3, 2])
        with table:
            keep(live_alerts.show, _TABLE_S, "live-alerts")
        with lanes:
            keep(live_lanes.show, _SLOW_S, "live-lanes")
    keep(live_boxes.show, _SLOW_S, "live-boxes")
