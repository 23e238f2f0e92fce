"""Incidents and alerts as they come; a row that was selected stays while the feed goes on."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import live_review, live_tail, wording
from dashboard.components import boundary, live_watching, tables
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import Seen
from dashboard.live_view import MOST_ROWS, Filters, merged
from dashboard.wording import live as words
from dashboard.wording.review import verdict as verdict_word
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.store_reading import StoredAlert, StoredIncident

_MOST_INCIDENTS = 8


def show(opened: Opened) -> None:
    """Draw both tables; meant to be run as a fragment."""
    with boundary.boundary():
        seen = live_watching.look(opened)
        if seen.is_empty:
            return
        filters = live_watching.filters()
        _incidents(seen, filters)
        _alerts(opened, seen, filters)


def _incidents(seen: Seen, filters: Filters) -> None:
    found = [
        one
        for one in seen.incidents
        if (filters.sensors is None or one.sensor in filters.sensors)
        and one.severity >= filters.least_severity
    ][:_MOST_INCIDENTS]
    st.markdown(f"**{words.INCIDENTS}**", help=words.INCIDENTS_HELP)
    if not found:
        st.caption(words.NO_INCIDENTS)
        return
    st.session_state[LiveKey.INCIDENT_ROWS] = [one.id for one in found]
    _select(LiveKey.INCIDENTS, [one.id for one in found], st.session_state.get(LiveKey.INCIDENT))
    st.dataframe(
        pd.DataFrame([_incident_row(one, seen) for one in found]),
        key=LiveKey.INCIDENTS,
        hide_index=True,
        height=tables.height(len(found), most=4),
        lazy=False,
        on_select=_incident_selected,
        selection_mode="single-row",
        column_config={"Severity": st.column_config.TextColumn(width=95)},
        alt="Incidents with severity, host, cause and how many alerts",
    )


def _incident_row(one: StoredIncident, seen: Seen) -> dict[str, Any]:
    told = live_tail.part(one.body, "edgeguard", "incident")
    row = {
        "Severity": wording.severity(one.severity),
        "Host": one.host,
        "Cause": one.cause,
        "Alerts": one.alerts,
        "Flows": one.flows,
        "Last (UTC)": words.when(one.last_ms, seen.at_ms),
        "State": words.open_word(told.get("open")),
    }
    return row | ({"Sensor": one.sensor} if len(seen.sensors) > 1 else {})


def _alerts(opened: Opened, seen: Seen, filters: Filters) -> None:
    found = _found(opened, seen, filters)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.ALERTS}**", help=words.ALERTS_HELP, width="content")
        narrowed = words.filtered(filters.host if filters.span_ms else None, filters.span_ms,
                                  filters.incident is not None)  # fmt: skip
        if narrowed:
            st.markdown(narrowed, width="content")
            st.button(
                words.CLEAR, key=LiveKey.CLEAR, type="tertiary", icon=":material/filter_alt_off:",
                on_click=clear,
            )  # fmt: skip
    if not found:
        st.session_state[LiveKey.ROWS] = []
        empty = words.NO_ALERTS if filters.is_none else words.NO_MATCH
        st.info(empty, icon=":material/check_circle:")
        return
    ids = [alert.id for alert in found]
    st.session_state[LiveKey.ROWS] = ids
    _select(LiveKey.TABLE, ids, st.session_state.get(LiveKey.SELECTED))
    st.dataframe(
        _frame(found, seen),
        key=LiveKey.TABLE,
        hide_index=True,
        height=tables.height(len(found), most=11),
        lazy=False,
        on_select=_alert_selected,
        selection_mode="single-row",
        column_config={
            "Severity": st.column_config.TextColumn(width=95),
            "Time (UTC)": st.column_config.TextColumn(width=95),
            "Score": st.column_config.NumberColumn(format="%.3g", width=65),
            "From → to": st.column_config.TextColumn(width=255),
            "Odd because of": st.column_config.TextColumn(width="medium"),
        },
        alt="The newest alerts with severity, time, addresses, score and reasons",
    )


def _found(opened: Opened, seen: Seen, filters: Filters) -> list[StoredAlert]:
    """The newest alerts that pass.

    Without filters they are remembered by the tail. With some the store is asked once, and what
    came since is taken from the tail: a filter costs a query, a tick none.
    """
    if filters.is_none:
        return list(seen.alerts[:MOST_ROWS])
    kept = st.session_state.get(LiveKey.BASE)
    if kept is None or kept[0] != (opened.source.name, filters) or _has_gap(kept[1], seen):
        base = _ask(opened, filters)
        kept = ((opened.source.name, filters), seen.alerts[0].place if seen.alerts else None, base)
        st.session_state[LiveKey.BASE] = kept
    return merged(kept[2], seen.alerts, filters)


def _has_gap(place: live_watching.Place | None, seen: Seen) -> bool:
    """Whether the tail has forgotten alerts that came since the store was asked."""
    return (
        place is not None
        and len(seen.alerts) == live_tail.MOST_ALERTS
        and seen.alerts[-1].place > place
    )


def _ask(opened: Opened, filters: Filters) -> list[StoredAlert]:
    store = live_tail.tail_of(opened.source.url).store
    if filters.incident is not None:
        found = store.alerts_of(filters.incident, most=MOST_ROWS)[::-1]
    else:
        since_ms = filters.span_ms[0] if filters.span_ms else None
        found = store.alerts(
            sensors=filters.sensors,
            hosts=None if filters.host is None else [filters.host],
            least_severity=filters.least_severity,
            since_ms=since_ms,
            most=MOST_ROWS,
        )
    return [alert for alert in found if filters.passes(alert)]


def _frame(found: Sequence[StoredAlert], seen: Seen) -> pd.DataFrame:
    judged = {sensor: _verdicts(sensor) for sensor in {alert.sensor for alert in found}}
    several = len(seen.sensors) > 1
    rows = []
    for alert in found:
        row = {
            "Severity": wording.severity(alert.severity),
            "Time (UTC)": words.when(alert.time_ms, seen.at_ms),
            "From → to": words.ends(vars(alert)),
            "Score": round(alert.score, 3),
            "Odd because of": live_watching.reasons_of(alert),
        }
        if several:
            row["Sensor"] = alert.sensor
        row["Verdict"] = judged[alert.sensor].get(live_review.row_of(alert.id), "")
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame if frame["Verdict"].any() else frame.drop(columns="Verdict")


def _verdicts(sensor: str) -> dict[int, str]:
    """The verdicts on a sensor's alerts; none where the log cannot be read, which Review says."""
    try:
        found = live_review.verdicts(sensor)
    except EdgeGuardError:
        return {}
    return {row: verdict_word(word.value) for row, word in found.items()}


def _select(key: str, ids: Sequence[str], selected: str | None) -> None:
    """Let the mark of a selected row follow it while rows come above it."""
    rows = [ids.index(selected)] if selected in ids else []
    known = st.session_state.get(key)
    # Set only where it must move: what is set here undoes a click that is still on its way.
    if known is None or list(known["selection"]["rows"]) != rows:
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}


def _picked(key: str, rows_key: str) -> str | None:
    """The id of the row that was just selected, by the rows that the person saw."""
    rows = st.session_state[key]["selection"]["rows"]
    ids = st.session_state.get(rows_key, [])
    return ids[rows[0]] if rows and rows[0] < len(ids) else None


def _alert_selected() -> None:
    st.session_state[LiveKey.SELECTED] = _picked(LiveKey.TABLE, LiveKey.ROWS)
    st.rerun()  # the drawer stands outside of what is drawn again and again


def _incident_selected() -> None:
    st.session_state[LiveKey.INCIDENT] = _picked(LiveKey.INCIDENTS, LiveKey.INCIDENT_ROWS)
    st.session_state.pop(LiveKey.CELL, None)


def clear() -> None:
    """Show all alerts again that the filters above let pass."""
    for key in (LiveKey.INCIDENT, LiveKey.CELL):
        st.session_state.pop(key, None)
    st.session_state[LiveKey.LANES_ROUND] = st.session_state.get(LiveKey.LANES_ROUND, 0) + 1
