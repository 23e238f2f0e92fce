"""Data page: a file in, what was understood, a model of its normal, and the verdicts."""

import streamlit as st

from dashboard import evaluations, jobs, state, wording, workspace
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
from edgeguard_core.sources.packets.capture_file import is_capture


def draw() -> None:
    """Draw the steps up to where the visitor is.

    By returning, not by ``st.stop``: a run that is stopped keeps the values of widgets that are
    gone, and one of them is an upload.
    """
    st.title("Data")
    steps = st.container()

    def reached(step: int) -> None:
        with steps:
            stepper.show(step)

    # Step 1: choose
    given = state.current_file()
    if given is None and state.file_is_gone():
        st.warning(words.FILE_GONE, icon=":material/folder_off:")
    chooser.show(given)
    if given is None:
        return reached(1)

    # Step 2: understood
    inspection = jobs.newest(("inspect",), given.id) or chooser.inspect(given)
    read = jobs.status(inspection)
    if read.state is not jobs.State.DONE:
        reached(2)
        return _not_understood(given, inspection, read)

    # Step 3: learn or score
    found = read.results[0]
    work = jobs.newest(jobs.SCORING, given.id)
    now = None if work is None else jobs.status(work)
    if work is None or now is None or now.state is not jobs.State.DONE:
        reached(3)
        st.header(wording.UNDERSTOOD)
        understood.show(given, inspection, read)
        st.header(wording.LEARN_OR_SCORE)
        if work is not None and now is not None:
            running.show_or_say(given, work, now)
        return what_next.show(given, found.get("schema"))

    # Step 4: results
    reached(4)
    scored = evaluations.of_job(work)
    if scored is not None:
        state.open_evaluation(scored)
    with st.expander(wording.read_in_short(found)):
        understood.show(given, inspection, read)
    with st.expander(wording.AGAIN):
        what_next.show(given, found.get("schema"))
    st.header(wording.RESULTS)
    return verdicts.show(given, work, now, known=found.get("warnings") or [])


def _not_understood(given: workspace.GivenFile, inspection: jobs.Job, read: jobs.Status) -> None:
    st.header(wording.UNDERSTOOD)
    if not read.state.is_over:
        running.show(inspection)
        first_rows.show(given)
        return
    boundary.say(wording.job_failed(read.error, inspection.log, given))
    if read.error and not is_capture(given.path):
        mapping_editor.show(given)


draw()
