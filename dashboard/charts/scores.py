"""Flows by score with the threshold, and what made a flow odd."""

import altair as alt
import pandas as pd

from dashboard import wording
from dashboard.charts.palette import Palette, palette

_LOWEST_COUNT = 0.7  # where bars stand on a logarithmic axis of counts; 1 is then a visible bar


def score_histogram(
    histogram: pd.DataFrame,
    threshold: float | None,
    *,
    dark: bool = False,
    height: int = 300,
    small: bool = False,
) -> alt.LayerChart:
    """How many flows have which score, with the threshold as a line.

    Parameters
    ----------
    histogram
        ``low, high, kind, flows`` of ``results.histogram``.
    threshold
        Where the line stands; None draws none. It is always inside the axis.
    small
        Without titles and legend, for a card.
    """
    colours = palette(dark)
    kinds = [kind for kind in ("benign", "attack", "unlabelled") if kind in set(histogram["kind"])]
    ends = [*histogram["low"], *histogram["high"], *([threshold] if threshold else [])]
    domain = [min(ends, default=0.1), max(ends, default=1.0)]
    x = alt.X(
        "low:Q",
        title=None if small else wording.SCORE_AXIS,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(grid=False, tickCount=6, format="~g", labelFlush=True),
    )
    most = max(histogram["flows"], default=1)
    room = 1.3 if small else 3.0  # above the bars, where the words of the line stand
    y = alt.Y(
        "flows:Q",
        title=None if small else wording.FLOWS_AXIS,
        scale=alt.Scale(type="log", domain=[_LOWEST_COUNT, most * room], nice=False),
        axis=alt.Axis(values=[10**n for n in range(8) if 10**n <= most * 1.3], format="~s"),
    )
    bars = (
        alt.Chart(histogram.assign(floor=_LOWEST_COUNT))
        .mark_rect(opacity=0.7, stroke=None)
        .encode(
            x=x,
            x2="high:Q",
            y=y,
            y2="floor:Q",
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=[getattr(colours, kind) for kind in kinds]),
                legend=None if small else alt.Legend(orient="top", direction="horizontal"),
            ),
            tooltip=[
                alt.Tooltip("kind:N", title="Label"),
                alt.Tooltip("flows:Q", title="Flows", format=","),
                alt.Tooltip("low:Q", title="Score from", format=".4g"),
                alt.Tooltip("high:Q", title="to", format=".4g"),
            ],
        )
    )
    layers = [bars]
    if threshold:
        layers += _threshold_line(threshold, domain, colours, small)
    return alt.layer(*layers).properties(height=height)


def _threshold_line(
    threshold: float, domain: list[float], colours: Palette, small: bool
) -> list[alt.Chart]:
    line = alt.Chart(pd.DataFrame({"score": [threshold]})).encode(
        x="score:Q", tooltip=[alt.Tooltip("score:Q", title="Threshold", format=".4g")]
    )
    rule = line.mark_rule(color=colours.line, strokeWidth=2)
    if small:
        return [rule]
    # The words stand on the side where there is room.
    right = (threshold / domain[0]) ** 2 > domain[1] / domain[0]
    words = line.mark_text(
        text=f"threshold {wording.number(threshold)}",
        align="right" if right else "left",
        dx=-7 if right else 7,
        dy=8,
        color=colours.line,
        fontWeight="bold",
        fontSize=12,
    ).encode(y=alt.value(0))
    return [rule, words]


def feature_shares(features: pd.DataFrame, *, dark: bool = False, most: int = 8) -> alt.LayerChart:
    """Which features made a flow odd: bars of their share of the score.

    Parameters
    ----------
    features
        ``name`` and ``share`` (0 to 1); further columns show in the tooltip.
    """
    colours = palette(dark)
    shown = features.sort_values("share", ascending=False).head(most)
    tips = [alt.Tooltip("name:N", title="Feature"), alt.Tooltip("share:Q", format=".0%")]
    tips += [
        alt.Tooltip(f"{name}:N", title=title)
        for name, title in (("actual", "Here"), ("usual", "Usual"))
        if name in shown
    ]
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "name:N",
            sort="-x",
            title=None,
            axis=alt.Axis(labelLimit=240, ticks=False, domain=False),
        ),
        x=alt.X(
            "share:Q",
            title=None,
            axis=None,
            scale=alt.Scale(domain=[0, max(shown["share"].max() * 1.18, 0.01)]),
        ),
        tooltip=tips,
    )
    bars = base.mark_bar(color=colours.attack, opacity=0.85, height=16)
    words = base.mark_text(align="left", dx=5, color=colours.line).encode(
        text=alt.Text("share:Q", format=".0%")
    )
    return alt.layer(bars, words).properties(height=alt.Step(26))
