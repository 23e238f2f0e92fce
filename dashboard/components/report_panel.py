"""Report: choose sections, make one page and its JSON twin, take them along."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import evaluations, jobs, reporting, wording, workspace
from dashboard.components import boundary
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation.pseudonyms import new_key
from edgeguard_core.evaluation.report import SECTIONS
from edgeguard_core.pipeline.report import Report, make_report
from edgeguard_core.thresholds import Threshold


@dataclass(frozen=True)
class _Made:
    """A report as this visit made it, and from what, so that a stale one is told."""

    of: tuple[Any, ...]
    report: Report
    key: str | None


def show(
    evaluated: evaluations.Evaluated, in_force: evaluations.InForce, threshold: Threshold
) -> None:
    """Draw what a report can hold, the button that makes it, and what was made."""
    st.caption(words.REPORT_WHAT)
    sections = st.pills(
        "Sections",
        SECTIONS,
        selection_mode="multi",
        default=SECTIONS,
        format_func=lambda name: words.SECTION_LABELS[name],
        key=ReviewKey.SECTIONS,
    )
    key = _pseudonyms()
    wanted = (evaluated.reference.id, threshold.value, tuple(sections or ()), key)
    if st.button(
        words.MAKE_REPORT, key=ReviewKey.MAKE_REPORT, type="primary",
        icon=":material/description:", disabled=key == "",
    ):  # fmt: skip
        _make(evaluated, in_force, threshold, wanted)
    made = st.session_state.get(ReviewKey.REPORT)
    if made is None:
        st.info(words.NO_REPORT, icon=":material/description:")
        return
    _downloads(made, wanted, evaluated)


def _pseudonyms() -> str | None:
    """The key for pseudonyms; None where addresses stay, empty while it is not good yet."""
    if not st.toggle(words.PSEUDONYMS, key=ReviewKey.PSEUDONYMS, help=words.PSEUDONYMS_HELP):
        return None
    st.session_state.setdefault(ReviewKey.PSEUDONYM_KEY, new_key())
    key = st.text_input(
        words.PSEUDONYM_KEY,
        key=ReviewKey.PSEUDONYM_KEY,
        help=words.PSEUDONYM_KEY_HELP,
        max_chars=200,
        width=420,
    ).strip()
    if len(key) < 8:
        st.caption(words.PSEUDONYM_KEY_SHORT)
        return ""
    st.caption(words.PSEUDONYM_KEY_KEEP)
    return key


def _make(
    evaluated: evaluations.Evaluated,
    in_force: evaluations.InForce,
    threshold: Threshold,
    wanted: tuple[Any, ...],
) -> None:
    *_, sections, key = wanted
    try:
        with st.spinner("Asking the model why the worst are odd …"):
            findings = reporting.findings(evaluated, in_force, threshold, sentences=_sentences)
            report = make_report(findings, sections, key)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    st.session_state[ReviewKey.REPORT] = _Made(wanted, report, key)


def _sentences(reference: evaluations.Reference, rows: list[int]) -> dict[int, str]:
    """Why some flows are odd, by their line; none where the model cannot be asked."""
    if not rows:
        return {}
    asked = [part for row in rows for part in ("--row", str(row))]
    try:
        told = jobs.ask(
            "explain", str(reference.bundle), str(reference.source), *reference.schema_option,
            "--state", str(workspace.state_folder(reference.bundle)), "--top", "3", *asked,
        )  # fmt: skip
    except EdgeGuardError as error:
        st.warning(f"{words.NO_SENTENCES} {wording.plain(str(error))}", icon=":material/info:")
        return {}
    return {int(flow["row"]): str(flow["sentence"]) for flow in told["flows"]}


def _downloads(made: _Made, wanted: tuple[Any, ...], evaluated: evaluations.Evaluated) -> None:
    with st.container(border=True):
        if made.of[:2] != wanted[:2]:
            st.warning(words.STALE_REPORT, icon=":material/history:")
        elif made.of != wanted:
            st.info(words.OTHER_REPORT, icon=":material/history:")
        summary = made.report.document.get("summary") or {}
        st.markdown(f"**{wording.plain(str(made.report.document['title']))}**")
        if summary.get("sentence"):
            st.markdown(wording.plain(str(summary["sentence"])))
        size = wording.size(len(made.report.html.encode()))
        hidden = words.PSEUDONYMS_IN if made.key else words.ADDRESSES_IN
        st.caption(f"{size}, needs nothing but a browser. {hidden}")
        stem = workspace.safe_name(f"report-{evaluated.reference.bundle.stem}")
        with st.container(horizontal=True):
            st.download_button(
                "Report (HTML)", made.report.html, file_name=f"{stem}.html", mime="text/html",
                key=ReviewKey.DOWNLOAD_HTML, icon=":material/download:", on_click="ignore",
            )  # fmt: skip
            st.download_button(
                "The same as JSON", made.report.json, file_name=f"{stem}.json",
                mime="application/json", key=ReviewKey.DOWNLOAD_JSON, icon=":material/download:",
                on_click="ignore",
            )  # fmt: skip
