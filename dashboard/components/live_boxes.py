"""How each box is, and what the sensors told about themselves."""

from typing import Any

import pyarrow as pa
import streamlit as st

from dashboard import live_drift, wording
from dashboard.components import boundary, live_watching, tables
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import Seen, Sensor, part
from dashboard.live_view import (
    budget_use,
    calibration_said,
    number,
    promise,
    silent_s,
    standing,
)
from dashboard.wording import live as words
from edgeguard_core.errors import EdgeGuardError

_MOST_ROWS = 12


def show(opened: Opened) -> None:
    """Draw both tables; meant to be run as a fragment."""
    with boundary.boundary():
        seen = live_watching.look(opened)
        if seen.is_empty:
            return
        _drift(opened)
        _boxes(seen)
        _events(seen)


def _drift(opened: Opened) -> None:
    """A line on whether the traffic is still what the bundle learned; none where nobody counts."""
    try:
        found = live_drift.verdict(opened.source.url)
    except EdgeGuardError:
        return  # the store is away, which the head says
    if found is not None:
        st.markdown(words.drift(found))


def _boxes(seen: Seen) -> None:
    st.markdown(f"**{words.BOXES}**")
    if not seen.sensors:
        st.caption(words.WAITING)
        return
    rows = [_box(one, seen.at_ms) for one in seen.sensors]
    st.dataframe(
        pa.Table.from_pylist(rows),
        key=LiveKey.BOXES,
        hide_index=True,
        height=tables.height(len(rows), most=_MOST_ROWS),
        lazy=False,
        column_config={
            "State": st.column_config.TextColumn(pinned=True, width=130),
            "Box": st.column_config.TextColumn(pinned=True),
            "Budget used": st.column_config.TextColumn(help=words.BUDGET_HELP),
            "Promise": st.column_config.TextColumn(help=words.PROMISE_HELP),
        },
        alt="Boxes with state, flows, lag, drops, alerts, calibration, disk, memory and version",
    )


def _box(sensor: Sensor, now_ms: float) -> dict[str, Any]:
    told = sensor.told
    threshold, bundle = part(told, "threshold"), part(told, "bundle")
    silent = silent_s(sensor, now_ms)
    observer = part(sensor.last.body, "observer")
    return {
        "State": words.standing(standing(sensor, now_ms), silent),
        "Box": sensor.name,
        "Flows/s": wording.number(number(told.get("flows_per_s"))),
        "Lag": words.lag(number(told.get("lag_s"))),
        "Dropped": wording.count(sensor.last.dropped),
        "Alerts": wording.count(sensor.last.alerts),
        "Budget used": wording.percent(budget_use(sensor), 0),
        "Promise": words.promise(*promise(told)),
        "Calibration": words.calibration(*calibration_said(told)),
        "Threshold": f"{wording.number(number(threshold.get('value')))}, "
        f"{threshold.get('origin', wording.UNDEFINED)}",
        "Bundle": words.bundle(str(bundle.get("name", "")), bundle.get("signed")),
        "Disk free": words.room(number(told.get("disk_free_bytes"))),
        "Memory": words.room(number(told.get("resident_bytes"))),
        "Version": str(observer.get("version", wording.UNDEFINED)),
        "Source": str(told.get("source", wording.UNDEFINED)),
        "Last seen": f"{words.ago(silent)} ago",
    }


def _events(seen: Seen) -> None:
    st.markdown(f"**{words.EVENTS}**")
    names = live_watching.filters().sensors
    found = [one for one in seen.events if names is None or one.sensor in names]
    if not found:
        st.caption(words.NO_EVENTS)
        return
    several = len(seen.sensors) > 1
    st.dataframe(
        pa.Table.from_pylist(
            [
                {"Time (UTC)": words.when(one.time_ms, seen.at_ms)}
                | {"Kind": words.event_kind(one.kind)}
                | ({"Sensor": one.sensor} if several else {})
                | {"What": one.message}
                for one in found
            ]
        ),
        hide_index=True,
        height=tables.height(len(found), most=6),
        lazy=False,
        column_config={
            "Time (UTC)": st.column_config.TextColumn(width=100),
            "Kind": st.column_config.TextColumn(width=90),
            "What": st.column_config.TextColumn(width="large"),
        },
        alt="What the sensors told about themselves, the newest first",
    )
