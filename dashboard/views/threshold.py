"""Threshold page: the Studio, and the error distributions beside it."""

import streamlit as st

from dashboard.components import context_bar, errors, studio

st.title("Threshold")
judged = context_bar.show()
if judged is not None:
    if errors.chosen():
        errors.show(*judged)
    else:
        studio.show(*judged)
