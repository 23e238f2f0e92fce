"""Overview page: the latest result or the demo, what to do next, and the bundles at hand."""

import streamlit as st

from dashboard import jobs, wording, workspace
from dashboard.components import bundle_list, demo, latest_result
from dashboard.keys import Key

st.title("EdgeGuard")
st.markdown(wording.TAGLINE)

# load state
latest = jobs.newest_result()
own_bundles = [bundle for bundle in workspace.bundles() if not bundle.is_demo]
busy = jobs.running("learn")

# draw
if busy is not None:
    st.info(f"{wording.plain(busy.title)}: running now.", icon=":material/hourglass_top:")
if latest is not None:
    latest_result.show(*latest)
elif busy is None:
    demo.show()

st.subheader("What to do next")
learn, score, command = st.columns(3)
with learn.container(border=True, height="stretch"):
    st.markdown("**:material/model_training: Learn your network's normal**")
    st.markdown(wording.CARD_LEARN)
    st.page_link("views/data.py", label="Upload a file", icon=":material/upload_file:")
with score.container(border=True, height="stretch"):
    st.markdown("**:material/query_stats: Score with a bundle at hand**")
    st.markdown(wording.card_score(len(own_bundles)))
    st.page_link("views/data.py", label="Choose a file to score", icon=":material/query_stats:")
with command.container(border=True, height="stretch"):
    st.markdown("**:material/terminal: By command**")
    st.markdown(wording.CARD_COMMAND)
    st.code(wording.COMMANDS, language="bash", wrap_lines=True)

st.subheader("Bundles at hand")
bundle_list.show()
if latest is not None or busy is not None:
    st.subheader("Demo")
    if st.toggle("Show the demo", key=Key.SHOW_DEMO):
        demo.show()
