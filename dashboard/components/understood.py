"""Step 2: what the file was taken for, and which rows were rejected and why."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import jobs, wording, workspace
from dashboard.components import mapping_editor, tables
from dashboard.keys import Key
from dashboard.wording import data as words
from edgeguard_core.sources.packets.capture_file import is_capture

_SHOWN_REJECTIONS = 200
_BADLY_READ_SHARE = 0.5  # from here on training and scoring refuse the file


def show(given: workspace.GivenFile, inspection: jobs.Job, read: jobs.Status) -> None:
    """Draw what a finished inspection found, and the way to correct it."""
    found = read.results[0]
    remarks = [words.called(sentence, given) for sentence in found.get("warnings") or []]
    _found({**found, "warnings": remarks}, Path(inspection.facts["rejected"]))
    if not is_capture(given.path) and st.toggle("Map the columns by hand", key=Key.MAP_BY_HAND):
        mapping_editor.show(given)


def _found(found: dict[str, Any], rejected: Path) -> None:
    refused = int(sum((found.get("rejected") or {}).values()))
    with st.container(horizontal=True):
        st.metric("Format", found.get("format") or wording.UNDEFINED, border=True)
        st.metric("Schema", found.get("schema") or wording.UNDEFINED, border=True)
        st.metric("Rows", wording.count(found.get("rows")), border=True)
        st.metric("Accepted", wording.count(found.get("accepted")), border=True)
        st.metric("Rejected", wording.count(refused), border=True)
    if refused > _BADLY_READ_SHARE * (found.get("rows") or 0):
        st.warning(
            "More than half of the rows were rejected, so learning and scoring will refuse this "
            "file. See the reasons below, and mend the file or map its columns.",
            icon=":material/warning:",
        )
    tables.remarks(found.get("warnings") or [])
    if found.get("skipped"):
        st.caption(wording.skipped(found["skipped"]))
    _lint(found.get("lint") or [])
    labels, missing = st.columns(2)
    with labels:
        _labels(found.get("labels") or {})
    with missing:
        _missing(found.get("missing") or {}, found.get("accepted") or 0)
    if refused:
        _rejections(found["rejected"], refused, rejected)


def _lint(findings: list[dict[str, Any]]) -> None:
    """What is odd in the file, each with what to do about it; nothing where nothing is."""
    if not findings:
        return
    with st.expander(wording.lint_title(len(findings)), icon=":material/troubleshoot:"):
        for rule, ones in wording.by_rule(findings):
            st.markdown(
                f"**{wording.plain(rule).capitalize()}**\n"
                + "\n".join(f"- {wording.plain(one['sentence'])}" for one in ones)
            )
            for remedy in dict.fromkeys(one["remedy"] for one in ones):
                st.caption(f":material/build: {wording.plain(remedy)}")


def _labels(labels: dict[str, int]) -> None:
    st.markdown("**Labels**")
    if not labels:
        st.caption(
            "None. All rows are taken as benign when this file is learned, so leave known attacks "
            "out of it."
        )
        return
    frame = pd.DataFrame({"Class": list(labels), "Flows": list(labels.values())})
    st.dataframe(
        frame.sort_values("Flows", ascending=False),
        hide_index=True,
        height=tables.height(len(frame), most=5),
        column_config={"Flows": st.column_config.NumberColumn(format="localized")},
        alt="Flows of each class of labels",
    )


def _missing(missing: dict[str, int], accepted: int) -> None:
    st.markdown("**Missing values**")
    filled = {name: n for name, n in missing.items() if n}
    if not filled:
        st.caption("None: every feature of every accepted row holds a number or a word.")
        return
    frame = pd.DataFrame({"Column": list(filled), "Cells": list(filled.values())})
    frame["Share"] = frame["Cells"] / accepted if accepted else float("nan")
    st.dataframe(
        frame.sort_values("Cells", ascending=False),
        hide_index=True,
        height=tables.height(len(frame), most=5),
        column_config={
            "Cells": st.column_config.NumberColumn(format="localized"),
            "Share": st.column_config.NumberColumn(format="percent"),
        },
        alt="Missing values of each column",
    )


def _rejections(rules: dict[str, int], refused: int, path: Path) -> None:
    st.markdown("**Rejected rows**")
    st.caption(
        " · ".join(f"{rule}: {wording.count(n)}" for rule, n in rules.items())
        + ". They are left out; everything else is used."
    )
    if not path.exists():
        return
    rows = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=_SHOWN_REJECTIONS)
    st.dataframe(
        rows,
        hide_index=True,
        height=tables.height(len(rows), most=6),
        lazy=False,
        alt="Rejected rows with line, column, value and rule",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Rejected rows (CSV)",
            path.read_bytes,
            file_name="rejected.csv",
            mime="text/csv",
            key=Key.DOWNLOAD_REJECTED,
            icon=":material/download:",
            on_click="ignore",
        )
        if refused > len(rows):
            st.caption(f"The first {wording.count(len(rows))} are shown.")
