"""Threshold page: the Studio on the evaluation that is looked at."""

import streamlit as st

from dashboard.components import context_bar, studio

st.title("Threshold")
judged = context_bar.show()
if judged is not None:
    studio.show(*judged)
