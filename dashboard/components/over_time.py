"""When alerts came: a timeline, or why there is none."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import evaluations, judged, state
from dashboard.charts.timeline import alerts_over_time
from dashboard.components import pictures
from dashboard.wording import data as words
from edgeguard_core.thresholds import Threshold


def show(found: evaluations.Evaluated, threshold: Threshold, alert: NDArray[np.bool_]) -> None:
    """Draw the timeline of the flows that alert."""
    st.subheader("Alerts over time")
    times = judged.timeline(found, alert)
    if times is None:
        st.caption(words.NO_TIMES)
        return
    if times.bins.empty:
        st.caption(words.NO_ALERTS_IN_TIME)
        return
    dark, reference = state.is_dark(), found.reference
    pictures.show(
        lambda: alerts_over_time(times, dark=dark),
        "alerts over time", reference, evaluations.stamp(reference), threshold.value, dark,
        alt=words.TIMELINE_ALT,
    )  # fmt: skip
    st.caption(words.timeline_caption(times))
