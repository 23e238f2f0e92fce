"""Data page: a file in, what was understood, a model of its normal, and the verdicts."""

import streamlit as st

from dashboard import evaluations, jobs, state, wording
from dashboard.components import (
    boundary,
    chooser,
    first_rows,
    mapping_editor,
    running,
    stepper,
    understood,
    verdicts,
    what_next,
)
from dashboard.wording import data as words

st.title("Data")
steps = st.container()

# Step 1: choose
given = state.current_file()
if given is None and state.file_is_gone():
    st.warning(words.FILE_GONE, icon=":material/folder_off:")
chooser.show(given)
if given is None:
    with steps:
        stepper.show(1)
    st.stop()

# Step 2: understood
inspection = jobs.newest(("inspect",), given.id) or chooser.inspect(given)
read = jobs.status(inspection)
if read.state is not jobs.State.DONE:
    with steps:
        stepper.show(2)
    st.header(wording.UNDERSTOOD)
    if not read.state.is_over:
        running.show(inspection)
        first_rows.show(given)
        st.stop()
    boundary.say(wording.job_failed(read.error, inspection.log, given))
    if read.error:
        mapping_editor.show(given)
    st.stop()

# Step 3: learn or score
work = jobs.newest(jobs.SCORING, given.id)
now = None if work is None else jobs.status(work)
if work is None or now is None or now.state is not jobs.State.DONE:
    with steps:
        stepper.show(3)
    st.header(wording.UNDERSTOOD)
    understood.show(given, inspection, read)
    st.header(wording.LEARN_OR_SCORE)
    if work is not None and now is not None:
        running.show_or_say(given, work, now)
    what_next.show(given, read.results[0].get("schema"))
    st.stop()

# Step 4: results
with steps:
    stepper.show(4)
scored = evaluations.of_job(work)
if scored is not None:
    state.open_evaluation(scored)
with st.expander(wording.read_in_short(read.results[0])):
    understood.show(given, inspection, read)
with st.expander(wording.AGAIN):
    what_next.show(given, read.results[0].get("schema"))
st.header(wording.RESULTS)
verdicts.show(given, work, now, known=read.results[0].get("warnings") or [])
