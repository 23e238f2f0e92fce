"""Four ways on from the Overview, each with where it leads."""

import streamlit as st

from dashboard import wording


def show(own_bundles: int) -> None:
    """Draw the cards."""
    learn, tune, score, command = st.columns(4)
    with learn.container(border=True, height="stretch"):
        st.markdown("**:material/model_training: Learn your network's normal**")
        st.markdown(wording.CARD_LEARN)
        st.page_link("views/data.py", label="Upload a file", icon=":material/upload_file:")
    with tune.container(border=True, height="stretch"):
        st.markdown("**:material/tune: Drag the threshold**")
        st.markdown(wording.CARD_TUNE)
        st.page_link("views/threshold.py", label="Open the Studio", icon=":material/tune:")
    with score.container(border=True, height="stretch"):
        st.markdown("**:material/query_stats: Score with a bundle at hand**")
        st.markdown(wording.card_score(own_bundles))
        st.page_link("views/data.py", label="Choose a file to score", icon=":material/query_stats:")
    with command.container(border=True, height="stretch"):
        st.markdown("**:material/terminal: By command**")
        st.markdown(wording.CARD_COMMAND)
        st.code(wording.COMMANDS, language="bash", wrap_lines=True)
