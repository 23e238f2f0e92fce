"""Overview page: what this is, what to do next, and the latest result."""

import pandas as pd
import streamlit as st

from dashboard import charts, jobs, state, wording, workspace
from dashboard.components import verdicts
from dashboard.state import Key

st.title("EdgeGuard")
st.markdown(wording.TAGLINE)

# load state
latest = jobs.newest_result()
at_hand = workspace.bundles()
busy = jobs.running("learn")

# draw
if busy is not None:
    st.info(f"{wording.plain(busy.title)}: running now.", icon=":material/hourglass_top:")
if latest is not None:
    job, now = latest
    given = workspace.find(job.file_id)
    summary = verdicts.summary_of(job)
    with st.container(border=True):
        st.markdown(f"**Latest result** · {wording.plain(job.title)}")
        said, drawn = st.columns([2, 3], vertical_alignment="center")
        with said:
            st.markdown(wording.verdict(summary))
            if given is not None and st.button("Open it", key=Key.OPEN_LATEST):
                state.choose_file(given)
                st.switch_page("views/data.py")
        with drawn:
            threshold = verdicts.threshold_of(job, now)
            st.altair_chart(
                charts.score_histogram(
                    summary.histogram,
                    None if threshold is None else threshold.get("value"),
                    dark=state.is_dark(),
                    height=150,
                    small=True,
                ),
                alt="Flows by score with the threshold, of the latest result",
            )

st.subheader("What to do next")
learn, score, command = st.columns(3)
with learn.container(border=True, height="stretch"):
    st.markdown("**:material/model_training: Learn your network's normal**")
    st.markdown(wording.CARD_LEARN)
    st.page_link("views/data.py", label="Upload a file", icon=":material/upload_file:")
with score.container(border=True, height="stretch"):
    st.markdown("**:material/query_stats: Score with a bundle at hand**")
    st.markdown(wording.card_score(len(at_hand)))
    st.page_link("views/data.py", label="Choose a file to score", icon=":material/query_stats:")
with command.container(border=True, height="stretch"):
    st.markdown("**:material/terminal: By command**")
    st.markdown(wording.CARD_COMMAND)
    st.code(wording.COMMANDS, language="bash", wrap_lines=True)

st.subheader("Bundles at hand")
if at_hand:
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [bundle.name for bundle in at_hand],
                "Reads": [bundle.schema for bundle in at_hand],
                "From": [bundle.origin for bundle in at_hand],
                "Made": [bundle.created[:16].replace("T", " ") for bundle in at_hand],
            }
        ),
        hide_index=True,
        alt="Bundles that can be scored with",
    )
else:
    st.caption("None yet. Learning a file makes the first one.")
