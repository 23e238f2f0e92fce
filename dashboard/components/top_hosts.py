"""Whose alerts they are: the hosts with most of them at either end of the flows."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import evaluations, judged, results
from dashboard.components import tables
from dashboard.wording import data as words
from edgeguard_core.thresholds import Threshold

_TITLES = {"src_ip": "From", "dst_ip": "To"}


@st.cache_resource(max_entries=4, show_spinner=False)
def _hosts(
    reference: evaluations.Reference, stamp: float, _found: evaluations.Evaluated
) -> tuple[dict[str, judged.Hosts], NDArray[np.int64]]:
    there = {column: judged.hosts(_found, column) for column in judged.ENDS}
    severity = np.zeros(len(_found), np.int64)
    if "severity" in _found.columns:
        column = results.open_scores(reference.scores).read(columns=["severity"])["severity"]
        severity = column.to_numpy().astype(np.int64)
    return {name: hosts for name, hosts in there.items() if hosts is not None}, severity


def show(found: evaluations.Evaluated, threshold: Threshold) -> None:
    """Draw the hosts with most alerts, those that flows come from and those they go to."""
    st.subheader("Hosts with most alerts")
    reference = found.reference
    ends, severity = _hosts(reference, evaluations.stamp(reference), found)
    if not ends:
        st.caption(words.NO_HOSTS)
        return
    for place, (column, there) in zip(st.columns(len(ends)), ends.items(), strict=True):
        with place:
            _table(column, judged.top_hosts(found, there, severity, threshold))


def _table(column: str, top: pd.DataFrame) -> None:
    if top.empty:
        st.markdown(f"**{_TITLES[column]}**")
        st.caption(words.NO_HOST_ALERTS)
        return
    st.dataframe(
        top,
        hide_index=True,
        height=tables.height(len(top), most=judged.TOP_HOSTS),
        column_order=["host", "alerts", "flows", "incidents", "severity"],
        column_config={
            "host": st.column_config.TextColumn(_TITLES[column], width="medium"),
            "alerts": st.column_config.NumberColumn("Alerts", format="localized", width="small"),
            "flows": st.column_config.NumberColumn(
                "of its flows", format="localized", width="small"
            ),
            "incidents": st.column_config.NumberColumn(
                "Incidents",
                format="localized",
                width="small",
                help="Raised incidents that its alerts belong to.",
            ),
            "severity": st.column_config.ProgressColumn(
                "Worst severity",
                format="%d",
                min_value=0,
                max_value=100,
                width="small",
                help="Severity of its worst alert, 0 to 100.",
            ),
        },
        alt=f"Hosts with most alerts that flows {'come from' if column == 'src_ip' else 'go to'}",
    )
