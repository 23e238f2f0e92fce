"""Drift from run to run: how far flows had moved against the champion of the day."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import pipelines, state
from dashboard.charts.drift import over_runs
from dashboard.components import tables
from dashboard.wording import pipeline as words
from edgeguard_core.pipeline.drift.covariate import DISTANCE_LIMIT
from edgeguard_core.pipeline.runs import RunReport

_MOST = 20  # runs; more would not be told apart in the width of a page


def show(runs: Sequence[RunReport], share_limit: float) -> None:
    """Draw both measures for the latest runs that hold them, with what each report concluded.

    Raises
    ------
    SourceError
        If what a run left is damaged.
    """
    found = pipelines.moved(runs)[-_MOST:]
    if not found:
        st.info(words.NO_DRIFT, icon=":material/show_chart:")
        return
    st.markdown(words.DRIFT_WHAT)
    names = [one.run_id for one in found]
    shifts = [(one.run_id, one.score_shift) for one in found if one.score_shift is not None]
    left, right = st.columns(2)
    with left:
        st.altair_chart(
            over_runs(
                names, [one.drifted_share for one in found],
                title=words.SHARE_TITLE, limit=share_limit, dark=state.is_dark(),
            ),
            alt="Share of the features that drifted, by run",
        )  # fmt: skip
    if shifts:
        with right:
            st.altair_chart(
                over_runs(
                    [name for name, _ in shifts], [shift for _, shift in shifts],
                    title=words.SHIFT_TITLE, limit=DISTANCE_LIMIT, dark=state.is_dark(),
                ),
                alt="Distance of the scores from those of calibration, by run",
            )  # fmt: skip
    frame = pd.DataFrame(
        {
            "run": names[::-1],
            "champion": [one.champion for one in found[::-1]],
            "verdict": [one.verdict for one in found[::-1]],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "run": st.column_config.TextColumn("Run", width="medium"),
            "champion": st.column_config.NumberColumn("Champion", format="%d", width="small"),
            "verdict": st.column_config.TextColumn("Verdict", width="large"),
        },
        alt="What the drift report of each run concluded, the latest first",
    )
