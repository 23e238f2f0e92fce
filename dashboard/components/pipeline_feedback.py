"""Feedback files at hand, and what a run of a config would do with them, before it starts."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import feedback
from dashboard.components import tables
from dashboard.keys import PipelineKey
from dashboard.wording import pipeline as words
from dashboard.wording import review
from edgeguard_core.pipeline.runs import PipelineConfig


def show(config: PipelineConfig) -> None:
    """Draw the files with their counts; nothing where there are none."""
    found = feedback.at_hand(config)
    if not found:
        return
    used = [one for one in found if one.is_used]
    with st.expander(words.feedback_title(len(used), len(found)), icon=":material/rate_review:"):
        st.markdown(words.feedback_effect([one.said for one in used if one.said], config.feedback))
        _table(found)
        tables.remarks(one.problem for one in found if one.problem)
        unused = [one for one in found if one.said is not None and not one.is_used]
        if unused:
            st.caption(words.FEEDBACK_HOW)
            names = [feedback.to_name_it(one.path, config) for one in (*used, *unused)]
            st.code(review.feedback_config(names), language="yaml")


def _table(found: Sequence[feedback.AtHand]) -> None:
    rows = [words.feedback_row(one.path, one.said, one.is_used) for one in found if one.said]
    if not rows:  # what cannot be read is told below
        return
    st.dataframe(
        pd.DataFrame(rows),
        key=PipelineKey.FEEDBACK,
        hide_index=True,
        height=tables.height(len(rows), most=5),
        column_config={
            "In this config": st.column_config.CheckboxColumn("In this config", width="small"),
        },
        alt="Feedback files with the file that was judged, counts of verdicts, and who judged",
    )
