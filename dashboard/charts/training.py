"""The training loss as it falls."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from dashboard.charts.palette import palette

_MOST_AHEAD = 4  # times what is done; a long training would squeeze its beginning otherwise


def loss_curve(
    points: Sequence[tuple[int, float]], steps: int | None, *, dark: bool = False
) -> alt.LayerChart:
    """The loss by step, with a dot where it is now; it is a likelihood and may be below zero.

    Parameters
    ----------
    points
        Step and loss; few enough to be sent every second.
    steps
        How many steps there will be, where that is known: the axis ends there, once a quarter
        of them is done.
    """
    colours = palette(dark)
    frame = pd.DataFrame(list(points), columns=["step", "loss"]).astype(
        {"step": "int32", "loss": "float32"}
    )
    now_at = int(frame["step"].max())
    end = min(steps, _MOST_AHEAD * now_at) if steps else now_at
    base = alt.Chart(frame).encode(
        x=alt.X(
            "step:Q",
            title="step",
            scale=alt.Scale(domain=[0, end], nice=False),
            axis=alt.Axis(grid=False, tickCount=5, format=",.0f"),
        ),
        y=alt.Y(
            "loss:Q",
            title="loss",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(grid=True, tickCount=4),
        ),
        tooltip=[
            alt.Tooltip("step:Q", title="Step", format=","),
            alt.Tooltip("loss:Q", title="Loss", format=".3f"),
        ],
    )
    line = base.mark_line(color=colours.benign, strokeWidth=2)
    now = base.transform_window(
        rank="rank()", sort=[alt.SortField("step", order="descending")]
    ).transform_filter("datum.rank === 1")
    dot = now.mark_point(color=colours.attack, filled=True, size=60, opacity=1)
    return alt.layer(line, dot).properties(height=190)
