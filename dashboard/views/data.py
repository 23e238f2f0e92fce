"""Data page: a file in, what was understood, a model of its normal, and the verdicts."""

from pathlib import Path

import streamlit as st

from dashboard import jobs, state, wording
from dashboard.components import (
    chooser,
    mapping_editor,
    running,
    stepper,
    understood,
    verdicts,
    what_next,
)
from dashboard.state import Key

st.title("Data")
steps = st.container()

# Step 1
given = state.current_file()
chooser.show(given)
if given is None:
    with steps:
        stepper.show(1)
    st.stop()

# Step 2
inspection = jobs.newest(("inspect",), given.id) or chooser.inspect(given)
read = jobs.status(inspection)
st.header("What was understood", divider=False)
if not read.state.is_over:
    with steps:
        stepper.show(2)
    running.show(inspection)
    st.stop()
if read.state is not jobs.State.DONE:
    with steps:
        stepper.show(2)
    st.error(wording.job_failed(read.error, inspection.log), icon=":material/error:")
    if read.error:
        mapping_editor.show(given)
    st.stop()
found = read.results[0]
understood.show(found, Path(inspection.facts["rejected"]))
if st.toggle("Map the columns by hand", key=Key.MAP_BY_HAND):
    mapping_editor.show(given)

# Step 3
st.header("Learn or score")
work = jobs.newest(("learn", "score"), given.id)
now = None if work is None else jobs.status(work)
with steps:
    stepper.show(4 if now is not None and now.state is jobs.State.DONE else 3)
if work is not None and now is not None and not now.state.is_over:
    st.markdown(work.title)
    running.show(work)
    st.stop()
if work is not None and now is not None and now.state is jobs.State.FAILED:
    st.error(wording.job_failed(now.error, work.log), icon=":material/error:")
if now is not None and now.state is jobs.State.CANCELLED:
    st.info("Cancelled; nothing was left behind.", icon=":material/stop_circle:")
what_next.show(given, found.get("schema"))

# Step 4
if work is not None and now is not None and now.state is jobs.State.DONE:
    st.header("Results")
    verdicts.show(given, work, now)
