"""Presenter mode: the same page for an audience, large and without side matters."""

import streamlit as st

from dashboard import state, wording
from dashboard.keys import ContextKey

# Streamlit sizes almost everything in rem, so the root's size scales the whole page.
_LARGE = "<style>html { font-size: 125%; }</style>"


def enlarge() -> None:
    """Make everything on the page larger while somebody presents."""
    if state.is_presenting():
        st.html(_LARGE)


def switch() -> None:
    """Draw the button that starts or ends it."""
    if state.is_presenting():
        if st.button(
            "Stop presenting", key=ContextKey.STOP_PRESENTING, icon=":material/close_fullscreen:"
        ):
            state.present(False)
            st.rerun()
    elif st.button(
        "Present",
        key=ContextKey.STOP_PRESENTING,
        icon=":material/present_to_all:",
        help=wording.PRESENT_HELP,
    ):
        state.present(True)
        st.rerun()
