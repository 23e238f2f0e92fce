"""How far flows had moved, run after run."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from dashboard.charts.palette import palette


def over_runs(
    runs: Sequence[str], values: Sequence[float], *, title: str, limit: float, dark: bool = False
) -> alt.LayerChart:
    """A share of each run as a dot on a stem, in the order of the runs, with its limit dashed.

    Parameters
    ----------
    values
        Between 0 and 1.
    limit
        Above it something counts as drifted.
    """
    colours = palette(dark)
    frame = pd.DataFrame({"run": list(runs), "value": list(values)})
    frame["said"] = ["over the limit" if value > limit else "within" for value in frame["value"]]
    top = max(1.15 * limit, 1.1 * float(frame["value"].max()), 0.01)
    base = alt.Chart(frame).encode(
        x=alt.X(
            "run:N",
            sort=list(runs),
            title=None,
            axis=alt.Axis(labelAngle=0, labelLimit=140, labelOverlap=True),
        ),
        y=alt.Y(
            "value:Q",
            title=title,
            scale=alt.Scale(domain=[0, top], nice=False),
            axis=alt.Axis(format="%", grid=True, tickCount=4),
        ),
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("value:Q", title=title.capitalize(), format=".1%"),
            alt.Tooltip("said:N", title="Is"),
        ],
    )
    kinds = ["within", "over the limit"]
    colour = alt.Color(
        "said:N",
        scale=alt.Scale(domain=kinds, range=[colours.benign, colours.attack]),
        legend=None,
    )
    shape = alt.Shape(
        "said:N", scale=alt.Scale(domain=kinds, range=["circle", "triangle-up"]), legend=None
    )
    stems = base.mark_rule(color=colours.faint, strokeWidth=1)
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(color=colour, shape=shape)
    line = (
        alt.Chart(pd.DataFrame({"limit": [limit]}))
        .mark_rule(color=colours.line, strokeDash=[4, 4])
        .encode(y="limit:Q")
    )
    return alt.layer(stems, line, dots, height=190)
