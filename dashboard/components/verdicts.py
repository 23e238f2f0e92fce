"""Step 4: what the scores say, the worst flows, and why one of them is odd."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, evaluations, jobs, results, state, wording, workspace
from dashboard.components import boundary, flow_page, tables
from dashboard.keys import Key

_FIRST_COLUMNS = ("severity", "is_alert", "score", "p_value", "class", "top_features")


@st.cache_data(max_entries=8, show_spinner=False)
def _summarise(path: Path, stamp: float) -> results.Summary:
    return results.summarise(path)


def summary_of(job: jobs.Job) -> results.Summary:
    """The summary of a scoring job's file, computed once."""
    path = Path(job.facts["scores"])
    return _summarise(path, path.stat().st_mtime if path.exists() else 0.0)


def threshold_of(job: jobs.Job, now: jobs.Status) -> dict[str, Any] | None:
    """The threshold that was used, as the command told or as the bundle holds it."""
    for result in reversed(now.results):
        used = result.get("threshold")
        if isinstance(used, dict):
            return used
    return workspace.read_json(Path(job.facts["bundle"]) / "threshold.json")


def show(given: workspace.GivenFile, job: jobs.Job, now: jobs.Status, known: Sequence[str]) -> None:
    """Draw the results of a finished job; warnings that are known already are not repeated."""
    summary = summary_of(job)
    threshold = threshold_of(job, now)
    st.markdown(wording.verdict(summary))
    told = [str(w) for result in now.results for w in result.get("warnings") or []]
    tables.remarks(warning for warning in told if warning not in known)
    broken = results.broken_promise(summary, threshold)
    if broken is not None:
        st.warning(wording.broken_promise(broken), icon=":material/gpp_maybe:")
    if summary.looks_unknown:
        st.warning(wording.unknown_network(summary), icon=":material/travel_explore:")
    _figures(summary)
    value = None if threshold is None else threshold.get("value")
    st.altair_chart(
        charts.score_histogram(summary.histogram, value, dark=state.is_dark()),
        alt="Flows by score for each label, with the threshold as a line",
    )
    st.caption(_provenance(job, summary, threshold))
    if len(summary.classes) > 1:
        _classes(summary.classes)
    _worst(given, job, summary)
    _downloads(job, threshold)


def _figures(summary: results.Summary) -> None:
    with st.container(horizontal=True):
        st.metric("Flows", wording.count(summary.flows), border=True)
        st.metric("Alerts", wording.count(summary.alerts), border=True)
        if summary.has_labels:
            st.metric("False-alarm rate", wording.percent(summary.false_alarm_rate, 2), border=True)
            st.metric("Recall", wording.percent(summary.recall), border=True)
            st.metric("Precision", wording.percent(summary.precision), border=True)


def _provenance(job: jobs.Job, summary: results.Summary, threshold: dict[str, Any] | None) -> str:
    said = [f"Bundle {Path(job.facts['bundle']).name}.", wording.threshold_sentence(threshold)]
    if job.kind == "learn" and summary.benign:
        said.append(wording.OPTIMISTIC)
    return " ".join(part for part in said if part)


def _classes(classes: pd.DataFrame) -> None:
    with st.expander("Alerts by class", expanded=True):
        st.dataframe(
            classes,
            hide_index=True,
            height=tables.height(len(classes), most=8),
            column_config={
                "class": "Class",
                "label": "Label",
                "flows": st.column_config.NumberColumn("Flows", format="localized"),
                "alerts": st.column_config.NumberColumn("Alerts", format="localized"),
                "share": st.column_config.ProgressColumn(
                    "Share that alerts", format="percent", min_value=0, max_value=1
                ),
            },
            alt="Flows and alerts of each class",
        )


@st.fragment
def _worst(given: workspace.GivenFile, job: jobs.Job, summary: results.Summary) -> None:
    with boundary.boundary():
        st.subheader("The worst flows")
        if summary.worst.empty:
            st.caption("No flow was scored.")
            return
        shown = len(summary.worst)
        first = (
            "All flows" if shown == summary.flows else f"The {wording.count(shown)} highest scores"
        )
        st.caption(f"{first}, the worst first. Select one to see why.")
        selected = _table(summary.worst, job.id)
        if selected is not None:
            _why(job, summary.worst.iloc[selected])


def _table(worst: pd.DataFrame, job_id: str) -> int | None:
    names = [name for name in _FIRST_COLUMNS if name in worst]
    rest = [name for name in worst.columns if name not in names and name != "label"]
    event = st.dataframe(
        worst,
        key=f"{Key.WORST}_{job_id}",
        column_order=[*names, *rest],
        hide_index=True,
        height=tables.height(len(worst), most=10),
        lazy=False,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "severity": st.column_config.ProgressColumn(
                "Severity", format="%d", min_value=0, max_value=100, width="small", pinned=True
            ),
            "is_alert": st.column_config.CheckboxColumn("Alert", width="small"),
            "score": st.column_config.NumberColumn("Score", format="%.4g", width="small"),
            "p_value": st.column_config.NumberColumn("p-value", format="%.2g", width="small"),
            "class": st.column_config.TextColumn("Class"),
            "top_features": st.column_config.TextColumn("Odd because of", width="large"),
            "row": st.column_config.NumberColumn("Line", format="%d", width="small"),
        },
        alt="The worst flows with severity, score, reasons and identity",
    )
    rows = event.selection.rows
    return rows[0] if rows and rows[0] < len(worst) else None


def _why(job: jobs.Job, row: pd.Series) -> None:
    reference = evaluations.of_job(job)
    if reference is not None:
        with st.container(border=True):
            flow_page.show(reference, int(row["row"]))


def _downloads(job: jobs.Job, threshold: dict[str, Any] | None) -> None:
    scores = Path(job.facts["scores"])
    with st.container(horizontal=True):
        st.download_button(
            "All scored flows (Parquet)",
            scores.read_bytes,
            file_name="scored.parquet",
            key=Key.DOWNLOAD_PARQUET,
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "All scored flows (CSV)",
            lambda: results.write_safe_csv(scores, scores.with_suffix(".csv")).read_bytes(),
            file_name="scored.csv",
            mime="text/csv",
            key=Key.DOWNLOAD_CSV,
            icon=":material/download:",
            on_click="ignore",
            help="Cells that a spreadsheet would take for a formula start with an apostrophe.",
        )
        if threshold is not None:
            st.download_button(
                "Threshold (JSON)",
                json.dumps(threshold, indent=2),
                file_name="threshold.json",
                mime="application/json",
                key=Key.DOWNLOAD_THRESHOLD,
                icon=":material/download:",
                on_click="ignore",
            )
