"""Step 4: what the scores say, the worst flows, and why one of them is odd."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, evaluations, jobs, judged, results, state, wording, workspace
from dashboard.components import (
    boundary,
    exports,
    flow_page,
    over_time,
    pictures,
    tables,
    top_hosts,
    unknown_network,
)
from dashboard.keys import Key
from dashboard.wording import data as words
from edgeguard_core.errors import BundleError, SourceError
from edgeguard_core.thresholds import Threshold

SHOWN_AT_FIRST = 500  # of the worst flows: they are most of what a page sends
_FIRST_COLUMNS = ("severity", "is_alert", "score", "p_value", "class", "top_features")
# Of a threshold, where the command told its value alone.
_NOTHING_KNOWN = {
    "method": "fixed",
    "target": None,
    "calibrated_on": "",
    "promised_false_positive_rate": None,
}


@dataclass(frozen=True)
class View:
    """A finished job's scores, at the threshold that this visit looks through."""

    found: evaluations.Evaluated
    force: evaluations.InForce | None  # None where the bundle is gone
    threshold: Threshold
    scored: dict[str, Any] | None  # the threshold that the command used
    counted: results.Counts

    @property
    def is_tried(self) -> bool:
        """Whether the threshold is only looked through, and not in force."""
        return self.force is not None and self.threshold is not self.force.threshold

    @property
    def origin(self) -> str:
        return "bundle" if self.force is None else self.force.origin

    def to_json(self) -> dict[str, Any]:
        """The threshold, as the command tells one."""
        set_at = "" if self.force is None or self.is_tried else self.force.set_at
        return self.threshold.to_json() | {"origin": self.origin, "set_at": set_at}


def view(job: jobs.Job, now: jobs.Status) -> View:
    """A finished job's scores, counted as every page counts them.

    Raises
    ------
    SourceError
        If the scored file is gone or is none.
    """
    reference = evaluations.of_job(job)
    if reference is None:
        raise SourceError(f"The scored flows in {job.facts['scores']} cannot be read; score again.")
    found, scored = evaluations.load(reference), threshold_of(job, now)
    try:
        force = evaluations.in_force(reference)
        threshold = state.threshold_of(reference, force.threshold)
    except BundleError:
        if scored is None:
            raise
        force = None
        threshold = Threshold.from_json(_NOTHING_KNOWN | scored)
    return View(found, force, threshold, scored, found.counts(threshold))


@st.cache_data(max_entries=8, show_spinner=False)
def _histogram(
    reference: evaluations.Reference, stamp: float, _found: evaluations.Evaluated
) -> pd.DataFrame:
    return results.histogram(_found.scores.astype(float), judged.kinds(_found))


@st.cache_resource(max_entries=4, show_spinner=False)
def _worst_flows(
    reference: evaluations.Reference, stamp: float, _found: evaluations.Evaluated
) -> pd.DataFrame:
    return _found.frame(judged.highest(_found.scores))


def histogram(seen: View) -> pd.DataFrame:
    """Flows by score, the same whatever the threshold."""
    reference = seen.found.reference
    return _histogram(reference, evaluations.stamp(reference), seen.found)


def draw_histogram(seen: View, *, height: int = 300, small: bool = False) -> None:
    """Draw flows by score, with the threshold as a line."""
    dark, value, reference = state.is_dark(), seen.threshold.value, seen.found.reference
    pictures.show(
        lambda: charts.score_histogram(
            histogram(seen), value, dark=dark, height=height, small=small
        ),
        "scores", reference, evaluations.stamp(reference), value, dark, height,
        alt="Flows by score for each label, with the threshold as a line",
    )  # fmt: skip


def threshold_of(job: jobs.Job, now: jobs.Status) -> dict[str, Any] | None:
    """The threshold that was used, as the command told or as the bundle holds it."""
    for result in reversed(now.results):
        used = result.get("threshold")
        if isinstance(used, dict):
            return used
    return workspace.read_json(Path(job.facts["bundle"]) / "threshold.json")


def show(given: workspace.GivenFile, job: jobs.Job, now: jobs.Status, known: Sequence[str]) -> None:
    """Draw the results of a finished job; warnings that are known already are not repeated."""
    seen = view(job, now)
    reference = seen.found.reference
    _heading(seen)
    told = [str(w) for result in now.results for w in result.get("warnings") or []]
    gone = [words.BUNDLE_GONE] if seen.force is None else list(seen.force.warnings)
    tables.remarks(warning for warning in (*gone, *told) if warning not in known)
    audit = results.promise_audit(seen.counted, seen.to_json())
    if audit is not None and audit.breached:
        st.warning(wording.broken_promise(audit), icon=":material/gpp_maybe:")
    if seen.counted.looks_unknown:
        unknown_network.show(given, reference, seen.counted, can_calibrate=seen.force is not None)
    _figures(seen.counted, seen.found.incidents_raised(seen.threshold))
    draw_histogram(seen)
    st.caption(_provenance(job, seen))
    if audit is not None and not audit.breached:
        st.caption(wording.kept_promise(audit))
    alert = seen.threshold.alerts(seen.found.scores)
    over_time.show(seen.found, seen.threshold, alert)
    classes = judged.by_class(seen.found, alert)
    if len(classes) > 1:
        _classes(classes)
    top_hosts.show(seen.found, seen.threshold)
    worst = _worst_flows(reference, evaluations.stamp(reference), seen.found)
    verdicts = seen.threshold.alerts(worst["score"].to_numpy(dtype="float32"))
    _worst(job, worst.assign(is_alert=verdicts), len(seen.found))
    exports.show(reference, seen.threshold, seen.scored, seen.to_json())


def _heading(seen: View) -> None:
    """The verdict in a sentence, whether it is judged anew, and the ways on."""
    st.markdown(wording.verdict(seen.counted))
    anew = words.judged_anew(seen.scored, seen.threshold.value, seen.origin, seen.is_tried)
    if anew:
        by_whom = "" if seen.force is None or seen.is_tried else words.version(seen.force)
        st.info(" ".join(part for part in (anew, by_whom) if part), icon=":material/update:")
    with st.container(horizontal=True):
        if st.button(words.OPEN_STUDIO, key=Key.OPEN_STUDIO, icon=":material/tune:"):
            state.open_evaluation(seen.found.reference)
            st.switch_page("views/threshold.py")
        if st.button(words.REVIEW, key=Key.OPEN_REVIEW, icon=":material/fact_check:"):
            state.open_evaluation(seen.found.reference)
            st.switch_page("views/review.py")


def _figures(summary: results.Counts, incidents: int | None) -> None:
    with st.container(horizontal=True):
        st.metric("Flows", wording.count(summary.flows), border=True)
        st.metric("Alerts", wording.count(summary.alerts), border=True)
        if incidents is not None:
            st.metric(
                "Incidents",
                wording.count(incidents),
                border=True,
                help="Alerts of one host, ten minutes and one cause: what a person is called for.",
            )
        if summary.has_labels:
            st.metric("False-alarm rate", wording.percent(summary.false_alarm_rate, 2), border=True)
            st.metric("Recall", wording.percent(summary.recall), border=True)
            st.metric("Precision", wording.percent(summary.precision), border=True)


def _provenance(job: jobs.Job, seen: View) -> str:
    said = [f"Bundle {Path(job.facts['bundle']).name}.", wording.threshold_sentence(seen.to_json())]
    if job.kind in jobs.LEARNING and seen.counted.benign:
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
def _worst(job: jobs.Job, worst: pd.DataFrame, flows: int) -> None:
    with boundary.boundary():
        st.subheader("The worst flows")
        if worst.empty:
            st.caption("No flow was scored.")
            return
        shown = worst
        if len(worst) > SHOWN_AT_FIRST and not st.toggle(
            f"All of the {wording.count(len(worst))} highest scores", key=Key.ALL_WORST
        ):
            shown = worst.head(SHOWN_AT_FIRST)
        n = len(shown)
        first = "All flows" if n == flows else f"The {wording.count(n)} highest scores"
        st.caption(f"{first}, the worst first. Select one to see why.")
        selected = _table(shown, job.id)
        if selected is not None:
            _why(job, shown.iloc[selected])


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
