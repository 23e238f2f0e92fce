"""A flow's own page: how odd it is, why, and where to find its packets."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, evaluations, explaining, state, wording
from dashboard.charts.errors import bullets
from dashboard.components import boundary, tables
from dashboard.keys import ErrorsKey
from dashboard.wording import errors as words
from edgeguard_core.errors import EdgeGuardError

_MOST_BARS = 8
_MOST_ROWS = 12


def show(reference: evaluations.Reference, row: int) -> None:
    """Draw the page of the flow at a line of the source; what is missing is told in its place."""
    try:
        flow = explaining.facts_of(evaluations.load(reference), row)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    threshold = _threshold(reference)
    st.markdown(f"#### {words.why(row, flow.score, threshold)}")
    told: dict[str, Any] = {}
    try:
        with st.spinner(words.ASKING):
            told = explaining.explain(reference, row)
    except EdgeGuardError as error:
        st.caption(wording.plain(str(error)))
    show_told(flow, told, threshold)


def show_told(flow: explaining.FlowFacts, told: dict[str, Any], threshold: float | None) -> None:
    """Draw what the model told of a flow, wherever the flow comes from.

    Parameters
    ----------
    told
        ``features``, ``sentence`` and figures as ``explain --json`` names them; perhaps nothing.
    """
    _figures(flow, told, threshold)
    if told.get("sentence"):
        st.text(told["sentence"])
    _what_if(told.get("what_if"))
    _reasons(flow, told)
    _elsewhere(flow, told.get("features") or [])


def _figures(flow: explaining.FlowFacts, told: dict[str, Any], threshold: float | None) -> None:
    severity = flow.columns.get("severity", told.get("severity"))
    p_value = told.get("p_value", flow.columns.get("p_value"))
    beyond = bool(told.get("extrapolated", flow.columns.get("p_extrapolated", False)))
    with st.container(horizontal=True):
        if severity is not None:
            st.metric(
                "Severity", wording.severity(int(severity)), f"{int(severity)} of 100",
                delta_color="off", delta_arrow="off", border=True,
                help="From the p-value alone: moving the threshold does not change it.",
            )  # fmt: skip
        st.metric(
            "Score", wording.number(flow.score), words.ratio(flow.score, threshold),
            delta_color="off", delta_arrow="off", border=True,
        )  # fmt: skip
        st.metric(
            "p-value", wording.number(p_value),
            "past calibration" if beyond else "within calibration",
            delta_color="off", delta_arrow="off", border=True,
            help="The share of held-out benign flows that score at least as high: this one "
            f"scores higher than {words.higher_than(p_value, beyond)}.",
        )  # fmt: skip
        if not wording.is_undefined(flow.lower):
            st.metric(
                "Scores higher than", wording.percent(flow.lower, 2), "of this file's flows",
                delta_color="off", delta_arrow="off", border=True,
            )  # fmt: skip
        if flow.kind != "unlabelled":
            st.metric(
                "Class", flow.class_name, f"labelled {flow.kind}",
                delta_color="off", delta_arrow="off", border=True,
            )  # fmt: skip


def _what_if(what_if: dict[str, Any] | None) -> None:
    changes = explaining.changes(what_if)
    if what_if is None or not len(changes):
        return
    st.markdown(f"**{words.WHAT_IF}**")
    st.caption(words.what_if(what_if["score"], what_if["threshold"], what_if["is_under"]))
    st.dataframe(
        changes,
        hide_index=True,
        height=tables.height(len(changes), most=_MOST_ROWS),
        column_config={
            "cause": "Cause",
            "name": "Feature",
            "actual": "In this flow",
            "instead": "In a benign flow like it",
            "score": st.column_config.NumberColumn("Score with the cause changed", format="%.3g"),
        },
        alt="What would have to change for this flow to raise no alert",
    )


def _threshold(reference: evaluations.Reference) -> float | None:
    """The threshold this visit looks through at that evaluation; None where it cannot be read."""
    try:
        force = evaluations.in_force(reference).threshold
    except EdgeGuardError:
        return None
    current = state.evaluation()
    here = current is not None and current.id == reference.id
    return (state.threshold(force) if here else force).value


def _reasons(flow: explaining.FlowFacts, told: dict[str, Any]) -> None:
    features = explaining.reasons(told.get("features") or [])
    if not len(features):
        alone = explaining.shares_alone(str(flow.columns.get("top_features", "")))
        if len(alone):
            st.altair_chart(
                charts.feature_shares(alone, dark=state.is_dark()),
                alt="Share of the score by feature",
            )
        return
    bars, place = st.columns([2, 3])
    shown = features.head(_MOST_BARS)
    with bars:
        st.markdown("**Share of the score**")
        st.altair_chart(
            charts.feature_shares(
                shown[["name", "share", "actual", "usual"]], dark=state.is_dark(), most=_MOST_BARS
            ),
            alt="Share of the score by feature",
        )
    with place:
        st.markdown("**Beside what is usual**")
        st.altair_chart(
            bullets(shown, dark=state.is_dark()),
            alt="Each feature of the flow beside the usual range and what the model expected",
        )
        similar = explaining.is_of_similar(told["features"])
        st.caption(words.BULLETS_SIMILAR if similar else words.BULLETS)
    _table(features, words.USUAL_SIMILAR if similar else words.USUAL_OF_ALL)


def _table(features: pd.DataFrame, usual: str) -> None:
    few = len(features) <= _MOST_ROWS or not st.toggle(
        f"All {len(features)} features", key=ErrorsKey.ALL_REASONS
    )
    shown = features.head(_MOST_ROWS) if few else features
    st.dataframe(
        shown[["name", "actual", "reconstructed", "usual", "share"]],
        hide_index=True,
        height=tables.height(len(shown), most=_MOST_ROWS),
        column_config={
            "name": "Feature",
            "actual": "In this flow",
            "reconstructed": "The model expected",
            "usual": usual,
            "share": st.column_config.ProgressColumn(
                "Share of the score", format="percent", min_value=0, max_value=1
            ),
        },
        alt="Features of this flow beside what is usual",
    )


def _elsewhere(flow: explaining.FlowFacts, told: list[dict[str, Any]]) -> None:
    found = explaining.keys(flow) | explaining.searches(flow, told)
    st.markdown("**Find it elsewhere**")
    if not found:
        st.caption(words.NO_KEYS)
        return
    for title, text in found.items():
        st.caption(title)
        st.code(text, language=None, wrap_lines=True)
