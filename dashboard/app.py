"""The dashboard's entry: ``streamlit run dashboard/app.py``.

The server imports this file once, to find ``app``; Streamlit then runs it again
as a script at every visit, and only that run draws.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import safety, shell
from dashboard.components import boundary

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(
        __file__,
        lifespan=safety.ready_or_refused,
        on_script_error=boundary.show_error,
    )
else:
    shell.draw()
