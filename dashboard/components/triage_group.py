"""One group of the queue: its worst flows with the reasons, and the buttons that decide it."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import reviewing, wording
from dashboard.components import deciding, exclusions, flow_page, tables
from dashboard.keys import ReviewKey
from dashboard.wording import review as words

_FIRST = ("score", "verdict", "top_features")
_LAST = ("class", "row")
_OURS = (
    "p_value", "severity", "is_alert", "p_extrapolated", "incident_host", "incident_cause", "label",
)  # fmt: skip
_VERDICTS = ("", "true", "false", "known benign")


def show(now: reviewing.Triage, group: int) -> None:
    """Draw a group's flows and what can be done with them."""
    alerts = now.queue.flows_of(group)
    worst = _worst(now, alerts)
    flows = now.evaluated.frame(worst)
    flows["verdict"] = [
        words.verdict(_VERDICTS[code]) if code else "" for code in now.verdicts[worst]
    ]
    if len(worst) < len(alerts):
        st.caption(f"The {wording.count(len(worst))} worst of {wording.count(len(alerts))} alerts.")
    selected = worst[np.array(_table(now, group, flows), np.int64)]
    name = words.group_name(
        now.evaluated.hosts[now.queue.host[group]] if now.queue.host[group] >= 0 else "",
        reviewing.cause_name(now.material, int(now.queue.cause[group])),
    )
    deciding.show(
        now,
        selected if len(selected) else alerts,
        about=name,
        says=words.blast_radius(len(alerts), int(now.queue.windows[group]), len(selected)),
    )
    with st.container():  # holds its place, so that the form below stays open
        if len(selected) == 1:
            flow_page.show(now.evaluated.reference, int(now.evaluated.row[selected[0]]))
    exclusions.show_form(now, alerts, name)


def _worst(now: reviewing.Triage, alerts: NDArray[np.int64]) -> NDArray[np.int64]:
    scores = now.evaluated.scores[alerts]
    return alerts[np.lexsort((alerts, -scores))][: reviewing.MOST_FLOWS]


def _table(now: reviewing.Triage, group: int, flows: pd.DataFrame) -> list[int]:
    identity = [name for name in flows.columns if name not in (*_FIRST, *_LAST, *_OURS)]
    pivots = [name for name in reviewing.PIVOT_KEYS if name in identity]
    order = [*_FIRST, *pivots, *(name for name in identity if name not in pivots), *_LAST]
    event = st.dataframe(
        flows,
        key=f"{ReviewKey.FLOWS}_{now.evaluated.reference.id}_{group}_{now.threshold.value}",
        column_order=[name for name in order if name in flows],
        hide_index=True,
        height=tables.height(len(flows), most=6),
        lazy=False,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=tables.judged_columns("Odd because of"),
        alt="The group's worst flows with score, verdict, reasons and identity",
    )
    return [row for row in event.selection.rows if row < len(flows)]
