"""Train page: a file and settings in, a model with its proofs out."""

import streamlit as st

from dashboard import jobs, state, wording
from dashboard.components import (
    boundary,
    chooser,
    running,
    train_earlier,
    train_form,
    train_outcome,
    train_source,
)
from dashboard.wording import train as words


def draw_form(busy: jobs.Job | None) -> None:
    """The choice of a file, and the form once it is known what it holds."""
    given = train_source.choose()
    if given is None:
        return
    inspection = jobs.newest(("inspect",), given.id) or chooser.inspect(given)
    read = jobs.status(inspection)
    if not read.state.is_over:
        running.show(inspection)
    elif read.state is jobs.State.DONE:
        train_form.show(given, read.results[0], busy)
    else:
        boundary.say(wording.job_failed(read.error, inspection.log, given))
        st.page_link("views/data.py", label=words.MAP_FIRST, icon=":material/upload_file:")


st.title("Train")

# load state
busy = jobs.running(*jobs.LEARNING)
if busy is not None:
    state.show_training(busy)
shown = state.shown_training()
now = None if shown is None else jobs.status(shown)

# draw
if shown is not None and now is not None:
    st.subheader(wording.plain(shown.title))
    if now.state.is_over:
        train_outcome.show(shown, now)
    else:
        running.show(shown)
if now is not None and now.state is not jobs.State.DONE and busy is not None:
    with st.expander(words.PREPARE, icon=":material/tune:"):
        draw_form(busy)
elif now is None or now.state is not jobs.State.DONE:
    st.markdown(words.WHAT)
    draw_form(busy)
train_earlier.show(shown)
