"""Live page: what a watch finds while it runs, or a replay to which one lays attacks."""

import streamlit as st

from dashboard.components import live_page, live_source, presenter
from dashboard.wording import live as words

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    st.title("Live", help=words.WHAT)
    presenter.switch()
opened = live_source.choose()
if opened is not None:
    live_page.show(opened)
