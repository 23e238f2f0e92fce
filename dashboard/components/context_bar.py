"""What all pages look at: which evaluation, by which bundle, at which threshold."""

import streamlit as st

from dashboard import evaluations, state, wording
from dashboard.keys import ContextKey
from edgeguard_core.thresholds import Threshold


def show() -> tuple[evaluations.Evaluated, evaluations.InForce, Threshold] | None:
    """Draw the bar; what was chosen, or None where nothing was scored yet.

    Returns
    -------
    The evaluation, the threshold in force there, and the one this visit looks through.

    Raises
    ------
    EdgeGuardError
        If the scored file or the bundle is gone or damaged.
    """
    reference = state.evaluation()
    if reference is None:
        st.info(wording.NOTHING_SCORED, icon=":material/info:")
        st.page_link("views/data.py", label="Upload a file", icon=":material/upload_file:")
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        _picker(reference)
        evaluated, force = evaluations.load(reference), evaluations.in_force(reference)
        threshold = state.threshold(force.threshold)
        st.markdown(wording.context_chip(evaluated, force, threshold))
        if threshold is not force.threshold and st.button(
            "Back to the one in force", key=ContextKey.RESET, icon=":material/undo:"
        ):
            state.try_threshold(None)
            st.rerun()
    for warning in force.warnings:
        st.warning(wording.plain(warning), icon=":material/info:")
    return evaluated, force, threshold


def _picker(reference: evaluations.Reference) -> None:
    found = evaluations.listed()
    names = {one.id: _title(one) for one in found}
    if len(names) < 2:
        st.markdown(f"**{wording.plain(_title(reference))}**")
        return
    if reference.id not in names:  # the sample traffic, scored once more on the Data page
        names = {reference.id: _title(reference), **names}
    st.session_state.setdefault(ContextKey.PICK, reference.id)
    chosen = st.selectbox(
        "Evaluation",
        list(names),
        format_func=lambda name: names.get(name, name),
        key=ContextKey.PICK,
        label_visibility="collapsed",
        width=360,
    )
    if chosen != reference.id:
        picked = evaluations.find(chosen)
        if picked is not None:
            state.open_evaluation(picked)
            st.rerun()


def _title(reference: evaluations.Reference) -> str:
    if reference.is_demo:
        return reference.title
    when = reference.created[:16].replace("T", " ")
    return f"{reference.title} · {reference.bundle.stem} · {when}"
