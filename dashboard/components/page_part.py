"""Which part of a page is open; the address keeps it."""

from collections.abc import Sequence

import streamlit as st


def choose(name: str, parts: Sequence[str], key: str) -> str:
    """Draw the parts of a page; the one that is open, at first the first one.

    Parameters
    ----------
    name
        Of the page, in the address.
    """
    if key not in st.session_state:
        asked = str(st.query_params.get(name, "")).capitalize()
        st.session_state[key] = asked if asked in parts else parts[0]
    part = st.segmented_control("Part", parts, key=key, required=True, label_visibility="collapsed")
    part = part or parts[0]
    st.query_params[name] = part.lower()
    return part
