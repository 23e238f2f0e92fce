"""Which part of the Review page is open; the address keeps it."""

import streamlit as st

from dashboard.keys import ReviewKey
from dashboard.wording import review as words

_NAME = "review"  # in the address


def choose() -> str:
    """Draw the parts; the one that is open."""
    if ReviewKey.PART not in st.session_state:
        asked = str(st.query_params.get(_NAME, "")).capitalize()
        st.session_state[ReviewKey.PART] = asked if asked in words.PARTS else words.TRIAGE
    part = st.segmented_control(
        "Part",
        words.PARTS,
        key=ReviewKey.PART,
        required=True,
        label_visibility="collapsed",
    )
    part = part or words.TRIAGE
    st.query_params[_NAME] = part.lower()
    return part
