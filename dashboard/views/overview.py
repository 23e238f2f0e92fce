"""Overview page: the latest result or the demo, what to do next, and the bundles at hand."""

import streamlit as st

from dashboard import jobs, state, wording, workspace
from dashboard.components import bundle_list, demo, latest_result, next_steps, presenter
from dashboard.keys import Key

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    st.title("EdgeGuard")
    presenter.switch()
st.markdown(wording.TAGLINE)

# load state
latest = jobs.newest_result()
own_bundles = [bundle for bundle in workspace.bundles() if not bundle.is_demo]
busy = jobs.running(*jobs.LEARNING)
presenting = state.is_presenting()

# draw
if busy is not None:
    st.info(f"{wording.plain(busy.title)}: running now.", icon=":material/hourglass_top:")
if presenting:
    demo.show()
    st.stop()
if latest is not None:
    latest_result.show(*latest)
elif busy is None:
    demo.show()

st.subheader("What to do next")
next_steps.show(len(own_bundles))
st.subheader("Bundles at hand")
bundle_list.show()
if latest is not None or busy is not None:
    st.subheader("Demo")
    if st.toggle("Show the demo", key=Key.SHOW_DEMO):
        demo.show()
