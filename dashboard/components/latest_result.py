"""The latest result in a card: what it says, its histogram, and the way to it."""

import streamlit as st

from dashboard import jobs, state, wording, workspace
from dashboard.components import verdicts
from dashboard.keys import Key


def show(job: jobs.Job, now: jobs.Status) -> None:
    """Draw the card of a finished job."""
    given = workspace.find(job.file_id)
    seen = verdicts.view(job, now)
    with st.container(border=True):
        st.markdown(f"**Latest result** · {wording.plain(job.title)}")
        said, drawn = st.columns([2, 3], vertical_alignment="center")
        with said:
            st.markdown(wording.verdict(seen.counted))
            if given is not None and st.button("Open it", key=Key.OPEN_LATEST):
                state.choose_file(given)
                state.open_evaluation(seen.found.reference)
                st.switch_page("views/data.py")
        with drawn:
            verdicts.draw_histogram(seen, height=150, small=True)
