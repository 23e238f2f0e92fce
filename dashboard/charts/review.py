"""Models over each other: precision against recall, and recall against the false-alarm rate."""

import altair as alt
import pandas as pd

from dashboard.charts.palette import palette

# Okabe and Ito once more, for what is neither benign nor attack; dashes and shapes repeat it.
_LIGHT = ("#0072B2", "#D55E00", "#007A59", "#A8467F")
_DARK = ("#56B4E9", "#E69F00", "#3FC49B", "#E3A6C8")
_DASHES = ([1, 0], [8, 4], [2, 3], [10, 3, 2, 3])
_SHAPES = ("circle", "square", "triangle-up", "diamond")


def precision_recall(
    curves: pd.DataFrame, points: pd.DataFrame, *, dark: bool = False
) -> alt.LayerChart:
    """Precision against recall of some models, with the points they would work at.

    Parameters
    ----------
    curves
        ``model, x, y, threshold``, a row a point, in the order of the curve.
    points
        The same columns, a row a model.
    """
    share = alt.Scale(domain=[0, 1])
    return _overlaid(
        curves,
        points,
        x=alt.X("x:Q", title="Recall", scale=share, axis=alt.Axis(format="%", tickCount=5)),
        y=alt.Y("y:Q", title="Precision", scale=share, axis=alt.Axis(format="%", tickCount=5)),
        tips=("Recall", "Precision"),
        dark=dark,
    )


def roc(curves: pd.DataFrame, points: pd.DataFrame, *, dark: bool = False) -> alt.LayerChart:
    """Recall against the false-alarm rate, on a logarithmic axis; the same columns."""
    lowest = min(curves["x"].min(), 0.1) if len(curves) else 1e-4
    # A rate of 0 has no place on this axis: such a point stands at its edge.
    points = points.assign(x=points["x"].clip(lower=lowest))
    return _overlaid(
        curves,
        points,
        x=alt.X(
            "x:Q",
            title="False-alarm rate",
            scale=alt.Scale(type="log", domain=[lowest, 1], nice=False),
            axis=alt.Axis(format="~g", tickCount=5, grid=False),
        ),
        y=alt.Y(
            "y:Q",
            title="Recall",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        tips=("False-alarm rate", "Recall"),
        dark=dark,
    )


def _overlaid(
    curves: pd.DataFrame,
    points: pd.DataFrame,
    *,
    x: alt.X,
    y: alt.Y,
    tips: tuple[str, str],
    dark: bool,
) -> alt.LayerChart:
    names = list(points["model"])
    legend = alt.Legend(
        orient="top", direction="horizontal", labelLimit=220, columns=2,
        symbolSize=110, symbolDash=[1, 0], symbolStrokeWidth=0,
    )  # fmt: skip
    colours = list((_DARK if dark else _LIGHT)[: len(names)])
    scale = alt.Scale(domain=names, range=colours)
    colour = alt.Color("model:N", title=None, scale=scale, legend=legend)
    tooltip = [
        alt.Tooltip("model:N", title="Model"),
        alt.Tooltip("x:Q", title=tips[0], format=".3~%"),
        alt.Tooltip("y:Q", title=tips[1], format=".1%"),
        alt.Tooltip("threshold:Q", title="Threshold", format=".4g"),
    ]
    lines = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2, interpolate="linear")
        .encode(
            x=x,
            y=y,
            color=colour,
            strokeDash=alt.StrokeDash(
                "model:N",
                title=None,
                legend=None,
                scale=alt.Scale(domain=names, range=list(_DASHES[: len(names)])),
            ),
            order=alt.Order("threshold:Q"),
            tooltip=tooltip,
        )
    )
    marks = (
        alt.Chart(points)
        .mark_point(size=130, filled=True, opacity=1, stroke=palette(dark).line, strokeWidth=1)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape(
                "model:N",
                legend=None,
                scale=alt.Scale(domain=names, range=list(_SHAPES[: len(names)])),
            ),
            tooltip=tooltip,
        )
    )
    return alt.layer(lines, marks).properties(height=300)
