"""Threshold Studio: the tuner, and below it what the threshold decides, saves and had before."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import evaluations, rehearsal, state, tuning, wording
from dashboard.components import boundary, synthetic, tables, tuner
from dashboard.keys import StudioKey
from dashboard.wording import studio as words
from dashboard.wording import synthetic as synthetic_words
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.pipeline.judge import store_threshold
from edgeguard_core.thresholds import Threshold

_NEAR_COLUMNS = ("score", "class", "label", "top_features", "severity", "row")


def show(
    evaluated: evaluations.Evaluated, force: evaluations.InForce, threshold: Threshold
) -> None:
    """Draw the Studio for an evaluation, its threshold in force and the one looked through.

    Raises
    ------
    EdgeGuardError
        If the scored file is gone.
    """
    if not len(evaluated):
        st.info(words.NO_FLOWS, icon=":material/info:")
        st.page_link("views/data.py", label="Upload a file", icon=":material/upload_file:")
        return
    refined = _refined(evaluated, threshold.value)
    found = rehearsal.of(evaluated, force)
    values = (force.threshold.value, *refined)
    content = tuner.Content.of(
        *tuning.exact_sketches(evaluated, values, beside=found.laid is not None),
        in_force=force.threshold.value,
        can_refine=True,
        laid=found.laid,
    )
    synthetic.show_above(evaluated, found)
    start = _start(content, threshold)
    tuner.show(content, start, key=StudioKey.TUNER, on_decided=_take_over)
    synthetic.show_below(evaluated, found)
    _below(evaluated, force, threshold, found.laid)


def _refined(evaluated: evaluations.Evaluated, value: float) -> tuple[float, ...]:
    """Values between the edges that were looked at lately; the one asked for is among them.

    They are kept, though the line moved on: another sketch would be sent for each of them.
    """
    every = st.session_state.setdefault(StudioKey.REFINED, {})
    mine: tuple[float, ...] = every.get(evaluated.reference.id, ())
    if value not in mine and not np.isin(np.float32(value), evaluated.sketch.edges):
        mine = (*mine, value)[-tuning.MOST_REFINED :]
        every[evaluated.reference.id] = mine
    return mine


def _last() -> tuner.Decided | None:
    """What was decided last for the evaluation that is looked at."""
    reference = state.evaluation()
    every: dict[str, tuner.Decided] = st.session_state.get(StudioKey.DECIDED, {})
    return None if reference is None else every.get(reference.id)


def _start(content: tuner.Content, threshold: Threshold) -> tuner.Start:
    """Where the browser is told to put the line: nowhere new unless something else moved it.

    What is sent must stay the same while a person drags; so it changes only with the sketch,
    after a change of page, and when the threshold was set elsewhere.
    """
    kept: tuple[str, float, tuner.Start] | None = st.session_state.get(StudioKey.START)
    last = _last()
    seen = None if kept is None else kept[1]
    same = kept is not None and kept[0] == content.rev and seen == threshold.value
    if same and kept is not None and tuner.is_mounted(StudioKey.TUNER):
        return kept[2]
    mine = last if last is not None and last.threshold == threshold.value else None
    start = tuner.Start(
        threshold.value,
        pinned=None if last is None else last.pinned,
        assumed=None if last is None else last.assumed,
        unit=None if last is None else last.unit,
        how=None if mine is None else mine.how,
        turn=1 if kept is None else kept[2].turn + 1,
    )
    st.session_state[StudioKey.START] = (content.rev, threshold.value, start)
    return start


def _take_over() -> None:
    """Look through the threshold that was let go of, on all pages."""
    found, kept = tuner.read(StudioKey.TUNER), st.session_state.get(StudioKey.START)
    reference = state.evaluation()
    if found is None or kept is None or reference is None or found.rev != kept[0]:
        return
    if found.refine is not None:
        found = replace(found, threshold=float(np.float32(found.refine)))
    st.session_state.setdefault(StudioKey.DECIDED, {})[reference.id] = found
    st.session_state[StudioKey.START] = (kept[0], found.threshold, kept[2])
    state.try_threshold(found.threshold)


@st.fragment
def _below(
    evaluated: evaluations.Evaluated,
    force: evaluations.InForce,
    threshold: Threshold,
    laid: LaidAttacks | None,
) -> None:
    with boundary.boundary():
        _changed(evaluated, force, threshold)
        _near(evaluated, threshold)
        left, right = st.columns(2, gap="large")
        with left:
            _save(evaluated, force, threshold, laid)
        with right:
            _link()
        _versions(force)


def _changed(
    evaluated: evaluations.Evaluated, force: evaluations.InForce, threshold: Threshold
) -> None:
    last = _last()
    pinned = None if last is None else last.pinned
    before = force.threshold if pinned is None else replace(threshold, value=pinned)
    name = "the threshold in force" if pinned is None else "the pinned threshold"
    st.subheader("What changed")
    if before.value == threshold.value:
        st.markdown(words.nothing_changed(name))
        return
    found = tuning.change(evaluated, before, threshold)
    st.markdown(words.change(found, name, before.value, labelled=evaluated.has_labels))
    if found.missed:
        st.warning(words.newly_missed(found.missed), icon=":material/visibility_off:")
    if found.found:
        st.success(words.newly_found(found.found), icon=":material/visibility:")


def _near(evaluated: evaluations.Evaluated, threshold: Threshold) -> None:
    st.subheader("Flows at the line")
    found = tuning.near(evaluated.scores, threshold)
    frame = evaluated.frame(np.concatenate([found.above, found.below]))
    st.caption(words.NEAR)
    above, below = st.tabs(
        [f"{len(found.above)} just above: alerts", f"{len(found.below)} just below: quiet"]
    )
    with above:
        _table(frame.iloc[: len(found.above)], words.NONE_ABOVE, "Flows just above the threshold")
    with below:
        _table(frame.iloc[len(found.above) :], words.NONE_BELOW, "Flows just below the threshold")


def _table(frame: pd.DataFrame, empty: str, alt: str) -> None:
    if frame.empty:
        st.caption(empty)
        return
    first = [name for name in _NEAR_COLUMNS if name in frame]
    hidden = {"is_alert", "p_extrapolated", "incident_host", "incident_cause", "p_value"}
    rest = [name for name in frame.columns if name not in first and name not in hidden]
    st.dataframe(
        frame,
        column_order=[*first, *rest],
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "score": st.column_config.NumberColumn("Score", format="%.5g", width="small"),
            "class": st.column_config.TextColumn("Class", width=130),
            "label": st.column_config.TextColumn("Label", width=90),
            "top_features": st.column_config.TextColumn("Odd because of", width="large"),
            "severity": st.column_config.NumberColumn("Severity", format="%d", width="small"),
            "row": st.column_config.NumberColumn("Line", format="%d", width="small"),
        },
        alt=alt,
    )


def _save(
    evaluated: evaluations.Evaluated,
    force: evaluations.InForce,
    threshold: Threshold,
    laid: LaidAttacks | None,
) -> None:
    st.subheader("Save as policy")
    saved = st.session_state.pop(StudioKey.SAVED, None)
    if saved:
        st.success(saved, icon=":material/check:")
    same = threshold.value == force.threshold.value
    st.caption(words.already_in_force(force.origin) if same else words.SAVE)
    with st.form(StudioKey.SAVE, border=False):
        st.text_input("Reason", key=StudioKey.REASON, placeholder=words.REASON, max_chars=200)
        st.text_input("Author", key=StudioKey.AUTHOR, placeholder=words.AUTHOR, max_chars=80)
        recall = None if laid is None else synthetic_words.recall(laid, threshold.value)
        if recall is not None:
            st.checkbox(
                synthetic_words.NAME_IT, value=True, key=StudioKey.NAME_SYNTHETIC, help=recall
            )
        if st.form_submit_button(
            f"Save {wording.number(threshold.value)} as policy",
            type="primary",
            icon=":material/save:",
            disabled=same,
            help=words.NOTHING_TO_SAVE if same else None,
        ):
            _store(evaluated, threshold, recall)


def _store(evaluated: evaluations.Evaluated, threshold: Threshold, recall: str | None) -> None:
    who = str(st.session_state.get(StudioKey.AUTHOR, "")).strip()
    why = str(st.session_state.get(StudioKey.REASON, "")).strip()
    if not (who and why):
        boundary.say(words.INCOMPLETE)
        return
    if recall is not None and st.session_state.get(StudioKey.NAME_SYNTHETIC):
        why = f"{why} {recall}"
    reference = evaluated.reference
    detector = Detector(Bundle.load(reference.bundle), state=reference.state)
    origin = store_threshold(
        detector,
        tuning.policy(threshold.value, _how(threshold), words.on_what(evaluated)),
        None,
        who=who,
        why=why,
        now=lambda: datetime.now(UTC),
    )
    state.try_threshold(None)  # it is the one in force now
    st.session_state[StudioKey.SAVED] = words.saved(threshold.value, origin)
    st.rerun()


def _how(threshold: Threshold) -> dict[str, Any]:
    """How the threshold was found, if it is where the tuner was let go."""
    last = _last()
    return last.how if last is not None and last.threshold == threshold.value else {}


def _link() -> None:
    st.subheader("Link to this view")
    st.caption(words.LINK)
    address = str(st.context.url or "").split("?")[0]
    st.code(f"{address}{state.link()}", language=None, wrap_lines=True)


def _versions(force: evaluations.InForce) -> None:
    st.subheader("Policies so far")
    if not force.versions:
        st.caption(words.NO_VERSIONS)
        return
    frame = pd.DataFrame(
        {
            "version": [version.number for version in force.versions],
            "in_force": [version.origin == force.origin for version in force.versions],
            "value": [version.threshold.value for version in force.versions],
            "method": [words.method(version.threshold) for version in force.versions],
            "why": [version.why for version in force.versions],
            "who": [version.who for version in force.versions],
            "when": [version.when for version in force.versions],
            "on": [version.on_what for version in force.versions],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "version": st.column_config.NumberColumn("Version", format="%d", width="small"),
            "in_force": st.column_config.CheckboxColumn("In force", width="small"),
            "value": st.column_config.NumberColumn("Threshold", format="%.5g", width="small"),
            "method": "Chosen by",
            "why": st.column_config.TextColumn("Reason", width="medium"),
            "who": "Author",
            "when": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm"),
            "on": "Chosen on",
        },
        alt="Thresholds saved for this bundle, the newest first",
    )
