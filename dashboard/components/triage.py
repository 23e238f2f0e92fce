"""Triage: the queue of incidents, how far it is, and what was decided."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import evaluations, reviewing, wording
from dashboard.components import (
    boundary,
    deciding,
    exclusions,
    handing_on,
    retune_panel,
    tables,
    triage_group,
)
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.detection.queue import Standing
from edgeguard_core.detection.review import tally
from edgeguard_core.thresholds import Threshold

_UNDECIDED = (Standing.OPEN.value, Standing.PARTLY.value)


@st.fragment
def show(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    """Draw the queue of an evaluation at a threshold, and all that is done with it."""
    with boundary.boundary():
        _show(evaluated, threshold)


def _show(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        deciding.ask_actor()
        hide_decided = st.toggle("Hide decided", key=ReviewKey.HIDE_DECIDED)
        hide_excluded = st.toggle("Hide excluded", value=True, key=ReviewKey.HIDE_EXCLUDED)
        lone = evaluated.incidents is not None and st.toggle(
            "Alerts without an incident", key=ReviewKey.LONE, help=words.LONE_HELP
        )
    now = reviewing.triage(evaluated, threshold, without_excluded=hide_excluded, lone=lone)
    with st.container():  # holds its place: what stands below must not be drawn anew
        deciding.note()
    queue = reviewing.table(now)
    decided = ~queue["standing"].isin(_UNDECIDED)
    _progress(now, int(decided.sum()))
    if now.by_cause_alone:
        st.info(words.BY_CAUSE_ALONE, icon=":material/info:")
    shown = queue[~decided] if hide_decided else queue
    held_back = words.not_shown(
        int(decided.sum()) if hide_decided else 0,
        int((now.hidden & now.alerts).sum()) if hide_excluded else 0,
        0 if lone else now.queue.lone_alerts,
        now.queue.left_out,
    )
    if len(shown):
        _queue(now, shown, held_back)
    else:
        if held_back:
            st.caption(held_back)
        _empty(now)
    st.divider()
    retune_panel.show(now)
    handing_on.show(now)
    exclusions.show_list(now)
    _history(now)


def _progress(now: reviewing.Triage, decided: int) -> None:
    queue = now.queue
    alerts, done = int(queue.alerts.sum()), int(queue.decided.sum())
    if not len(queue):
        return
    st.progress(
        done / alerts if alerts else 0.0,
        text=words.progress(decided, len(queue), done, alerts),
    )


def _empty(now: reviewing.Triage) -> None:
    if len(now.queue) or (now.hidden & now.alerts).any():
        st.info(words.ALL_HIDDEN, icon=":material/filter_alt:")
    elif now.queue.lone_alerts:
        st.info(words.NO_INCIDENTS, icon=":material/info:")
    else:
        st.info(words.NO_ALERTS, icon=":material/check_circle:")


def _queue(now: reviewing.Triage, shown: pd.DataFrame, held_back: str) -> None:
    key = f"{ReviewKey.QUEUE}_{now.evaluated.reference.id}"
    st.caption(f"{words.QUEUE_HELP} {held_back}".strip())
    selected = _table(now, shown, key)
    if selected is None:
        st.info(words.SELECT_A_GROUP, icon=":material/touch_app:")
        _steps(key, None, len(shown))
        return
    group = int(shown.index[selected])
    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            _title(shown.loc[group])
            _steps(key, selected, len(shown))
        triage_group.show(now, group)


def _table(now: reviewing.Triage, shown: pd.DataFrame, key: str) -> int | None:
    drawn = shown.assign(
        severity=[wording.severity(value) for value in shown["severity"]],
        standing=[words.standing(word) for word in shown["standing"]],
        ratio=[words.ratio(value) for value in shown["ratio"]],
    ).drop(columns=["decided", *_missing(now)])
    event = st.dataframe(
        drawn,
        key=key,
        hide_index=True,
        height=tables.height(len(drawn), most=8),
        lazy=False,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(),
        alt="Groups of alerts with severity, standing, host, cause and counts",
    )
    rows = event.selection.rows
    return rows[0] if rows and rows[0] < len(shown) else None


def _missing(now: reviewing.Triage) -> list[str]:
    """Columns that this evaluation cannot fill."""
    missing = ["host", "windows"] if now.by_cause_alone else []
    if now.evaluated.time_ms is None:
        missing += ["first", "last"]
    return missing


def _columns() -> dict[str, Any]:
    whole = {"format": "localized", "width": "small"}
    time = {"format": "YYYY-MM-DD HH:mm", "width": 150}
    return {
        "severity": st.column_config.TextColumn("Severity", width=100, pinned=True),
        "standing": st.column_config.TextColumn("Decided", width=135),
        "host": st.column_config.TextColumn("Host"),
        "cause": st.column_config.TextColumn("Cause", width="small"),
        "windows": st.column_config.NumberColumn(
            "Windows", help="Raised incidents, of ten minutes each", **whole
        ),
        "alerts": st.column_config.NumberColumn("Alerts", **whole),
        "first": st.column_config.DatetimeColumn("First seen (UTC)", **time),
        "last": st.column_config.DatetimeColumn("Last seen (UTC)", **time),
        "ratio": st.column_config.TextColumn(
            "Over θ", width="small", help="The highest score in multiples of the threshold"
        ),
        "highest": st.column_config.NumberColumn("Highest score", format="%.4g", width="small"),
    }


def _title(row: pd.Series) -> None:
    name = words.group_name(row["host"], row["cause"])
    st.markdown(
        f"**{wording.plain(name)}** · {wording.severity(row['severity'])} · "
        f"{words.standing(row['standing'])} · {wording.plural(int(row['alerts']), 'alert')} · "
        f"{words.ratio(row['ratio'])} the threshold"
    )


def _steps(key: str, selected: int | None, groups: int) -> None:
    """Buttons, and their keys, that go through the queue."""

    def go(row: int) -> None:
        st.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}

    at = -1 if selected is None else selected
    with st.container(horizontal=True, width="content"):
        st.button(
            "Previous", key=ReviewKey.PREVIOUS, icon=":material/arrow_upward:", shortcut="K",
            disabled=at <= 0, on_click=go, args=(max(at - 1, 0),),
        )  # fmt: skip
        st.button(
            "Next", key=ReviewKey.NEXT, icon=":material/arrow_downward:", shortcut="J",
            disabled=at >= groups - 1, on_click=go, args=(min(at + 1, groups - 1),),
        )  # fmt: skip


def _history(now: reviewing.Triage) -> None:
    with st.expander(words.HISTORY, icon=":material/history:"):
        deeds = reviewing.store().history(now.material.source)
        if not deeds:
            st.caption(words.NO_HISTORY)
            return
        counted = tally(reviewing.store().verdicts(now.material.source))
        st.caption(
            " · ".join(f"{words.verdict(word)}: {wording.count(n)}" for word, n in counted.items())
        )
        frame = pd.DataFrame([words.history_line(deed) for deed in deeds])
        st.dataframe(
            frame,
            hide_index=True,
            height=tables.height(len(frame), most=8),
            column_config={
                "When": st.column_config.DatetimeColumn(
                    "When (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
                ),
                "Flows": st.column_config.NumberColumn("Flows", format="localized"),
            },
            alt="Every verdict and exclusion, the newest first",
        )
