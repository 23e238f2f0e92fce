"""Verdicts become data: one button writes them to a file that the next training can use."""

import streamlit as st

from dashboard import feedback, reviewing
from dashboard.components import boundary
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.errors import EdgeGuardError


def show(now: reviewing.Triage) -> None:
    """Draw the button, and, once it was pressed, where the file lies and how it is used."""
    if not (now.verdicts != 0).any():
        return
    said = feedback.handed_on(now)
    with st.expander(words.HAND_ON_TITLE, icon=":material/model_training:"):
        st.markdown(words.HAND_ON_WHAT)
        if not feedback.can_hand_on(now):
            st.info(words.HAND_ON_GONE, icon=":material/info:")
            return
        if st.button(words.HAND_ON, key=ReviewKey.HAND_ON, icon=":material/output:"):
            _hand_on(now)
        if said is None:
            return
        path = feedback.path_of(now)
        st.caption(words.handed_on(path, said.by_verdict, feedback.is_current(now, said)))
        st.code(words.feedback_config([str(path)]), language="yaml")
        st.page_link("views/pipeline.py", label=words.TO_PIPELINE, icon=":material/account_tree:")


def _hand_on(now: reviewing.Triage) -> None:
    try:
        feedback.hand_on(now)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    st.rerun()
