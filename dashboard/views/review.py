"""Review page: go through incidents, hold models against each other, report."""

import streamlit as st

from dashboard.components import compare, context_bar, page_part, report_panel, triage
from dashboard.keys import ReviewKey
from dashboard.wording import review as words

st.title("Review")
judged = context_bar.show()
if judged is None:
    st.stop()
evaluated, in_force, threshold = judged
part = page_part.choose("review", words.PARTS, ReviewKey.PART)
if part == words.TRIAGE:
    triage.show(evaluated, threshold)
elif part == words.COMPARE:
    compare.show(evaluated, threshold)
else:
    report_panel.show(evaluated, in_force, threshold)
