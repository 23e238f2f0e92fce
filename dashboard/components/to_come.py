"""A page that is still to come: what it will do, and what does it today."""

import streamlit as st

from dashboard import wording


def show(name: str, title: str) -> None:
    """Draw the page's two sentences and the way to what works."""
    st.title(title)
    will, meanwhile = wording.TO_COME[name]
    st.info(will, icon=":material/construction:")
    st.markdown(meanwhile)
    st.page_link("views/data.py", label="Start with a file", icon=":material/upload_file:")
