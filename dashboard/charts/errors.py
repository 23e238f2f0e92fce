"""Distributions of scores and of features' errors: ridges, over time, and who fails where."""

import json
from datetime import UTC, datetime

import altair as alt
import pandas as pd

from dashboard import wording
from dashboard.charts.palette import Palette, palette

_RIDGE_PIXELS = 40
_MIRRORED_PIXELS = 64
_AROUND_PIXELS = 110  # legend and axis, which stand within a chart's height
_KINDS = ("benign", "attack", "unlabelled")
_DASHES = {"median": [1, 0], "p95": [6, 3], "p99": [2, 2], "max": [1, 3]}
# From none to much: one hue, so that lightness alone says it.
_SHADES = {False: ["#EEF2F6", "#6BA6CE", "#0B4F80"], True: ["#1C252F", "#2D7CAB", "#B5E2FA"]}
_TWO_DAYS_MS = 2 * 86_400_000.0
_LABEL_PIXELS = 190
_SHOWN_SHARE = 0.045  # cells of the map that say their number


def _kinds(frame: pd.DataFrame, colours: Palette) -> tuple[list[str], list[str]]:
    kinds = [kind for kind in _KINDS if kind in set(frame["kind"])]
    return kinds, [getattr(colours, kind) for kind in kinds]


def _colour(frame: pd.DataFrame, colours: Palette) -> alt.Color:
    kinds, shades = _kinds(frame, colours)
    return alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=kinds, range=shades),
        legend=alt.Legend(orient="top", direction="horizontal"),
    )


def ridges(
    frame: pd.DataFrame,
    threshold: float | None,
    axis: str,
    *,
    dark: bool = False,
    mirrored: bool = False,
) -> alt.LayerChart:
    """A row a group: how many of its flows lie where, as high as the logarithm of their number.

    Parameters
    ----------
    frame
        As ``distributions.ridges`` gives it.
    threshold
        Where a line stands through all rows; None draws none.
    axis
        What is drawn, as the axis says it.
    mirrored
        Benign and unlabelled flows stand above each row's line, attacks hang below it.
    """
    colours = palette(dark)
    pixels = _MIRRORED_PIXELS if mirrored else _RIDGE_PIXELS
    shown = frame.copy()
    up = 0.44 if mirrored else 0.86
    below = mirrored & (shown["kind"] == "attack")
    shown["base"] = shown["place"] + (0.0 if mirrored else 0.43)
    shown["edge"] = shown["base"] + shown["height"] * up * below.map({True: 1.0, False: -1.0})
    n_groups = int(shown["place"].max()) + 1
    ends = [*shown["low"], *shown["high"], *([threshold] if threshold else [])]
    x = alt.X(
        "low:Q",
        title=axis,
        scale=alt.Scale(type="log", domain=[min(ends), max(ends)], nice=False),
        axis=alt.Axis(grid=False, tickCount=6, format="~g", labelFlush=True),
    )
    bars = (
        alt.Chart(shown)
        .mark_rect(opacity=0.8, stroke=None)
        .encode(
            x=x,
            x2="high:Q",
            y=_rows(shown, n_groups),
            y2="edge:Q",
            color=_colour(shown, colours),
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("kind:N", title="Label"),
                alt.Tooltip("flows:Q", title="Flows", format=","),
                alt.Tooltip("low:Q", title="From", format=".3g"),
                alt.Tooltip("high:Q", title="to", format=".3g"),
            ],
        )
    )
    lines = alt.Chart(shown.drop_duplicates("place")).mark_rule(color=colours.faint, opacity=0.5)
    layers = [lines.encode(y=_rows(shown, n_groups)), bars]
    if threshold:
        layers += _line(threshold, ends, colours)
    return alt.layer(*layers).properties(height=n_groups * pixels + _AROUND_PIXELS)


def _rows(shown: pd.DataFrame, n_groups: int) -> alt.Y:
    """Groups from top to bottom, each with its name and the number of its flows."""
    first = shown.drop_duplicates("place").set_index("place")
    names = [
        f"{first.loc[n, 'group']} ({wording.count(first.loc[n, 'n'])})" if n in first.index else ""
        for n in range(n_groups)
    ]
    offset = float(shown["base"].iloc[0] - shown["place"].iloc[0])
    return alt.Y(
        "base:Q",
        title=None,
        scale=alt.Scale(domain=[n_groups - 0.5, -0.5], nice=False, zero=False),
        axis=alt.Axis(
            values=[n + offset for n in range(n_groups)],
            # Names come from files: as JSON they are texts to Vega, and nothing else.
            labelExpr=f"{json.dumps(names)}[round(datum.value - {offset})]",
            labelLimit=_LABEL_PIXELS,
            labelOffset=0 if offset == 0 else -12,
            grid=False,
            ticks=False,
            domain=False,
        ),
    )


def _line(threshold: float, ends: list[float], colours: Palette) -> list[alt.Chart]:
    line = alt.Chart(pd.DataFrame({"score": [threshold]})).encode(
        x="score:Q", tooltip=[alt.Tooltip("score:Q", title="Threshold", format=".4g")]
    )
    right = (threshold / min(ends)) ** 2 > max(ends) / min(ends)
    return [
        line.mark_rule(color=colours.line, strokeWidth=2),
        line.mark_text(
            text=f"threshold {wording.number(threshold)}",
            align="right" if right else "left",
            dx=-6 if right else 6,
            dy=-8,
            color=colours.line,
            fontWeight="bold",
            fontSize=12,
        ).encode(y=alt.value(0)),
    ]


def over_time(
    frame: pd.DataFrame, kind: str, threshold: float, domain: list[float], *, dark: bool = False
) -> alt.LayerChart:
    """How the flows of one label score in each bin of time, and the threshold.

    Parameters
    ----------
    frame
        As ``distributions.over_time`` gives it.
    domain
        First and last time, ms UTC: the same for all charts that stand below each other.
    """
    colours = palette(dark)
    quantiles = list(_DASHES)
    mine = frame[frame["kind"] == kind]
    # A line breaks where a step has no such flow.
    mine = mine.assign(run=(mine["begin"] != mine["end"].shift()).cumsum())
    long = mine.melt(["begin", "when", "run", "flows"], quantiles, "quantile", "score")
    lowest = max(float(frame["median"].min()), 1e-6)
    long["score"] = long["score"].clip(lower=lowest)
    ends = [lowest, max(float(frame["max"].max()), threshold) * 1.1]
    base = alt.Chart(long).encode(
        x=_time_axis("begin", domain),
        y=alt.Y(
            "score:Q",
            title="score (log scale)",
            scale=alt.Scale(type="log", domain=ends, nice=False),
            axis=alt.Axis(
                values=[10.0**n for n in range(-6, 7)], grid=True, gridOpacity=0.4, format="~g"
            ),
        ),
        detail="run:N",
        strokeDash=alt.StrokeDash(
            "quantile:N",
            title=None,
            scale=alt.Scale(domain=quantiles, range=list(_DASHES.values())),
            legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("when:N", title="From"),
            alt.Tooltip("flows:Q", title="Flows", format=","),
            alt.Tooltip("quantile:N", title="Quantile"),
            alt.Tooltip("score:Q", format=".3g"),
        ],
    )
    shade = getattr(colours, kind)
    line = base.mark_line(color=shade, strokeWidth=1.6, interpolate="monotone")
    dots = base.mark_point(color=shade, size=12, filled=True, opacity=0.8, strokeDash=[1, 0])
    rule = alt.Chart(pd.DataFrame({"score": [threshold]})).mark_rule(
        color=colours.line, strokeWidth=2
    )
    return alt.layer(line, dots, rule.encode(y="score:Q")).properties(height=270)


def alerts_over_time(frame: pd.DataFrame, domain: list[float], *, dark: bool = False) -> alt.Chart:
    """How many flows alert in each bin of time, those of all labels on each other."""
    top = frame.groupby("begin")["alerts"].cumsum()
    stacked = frame.assign(top=top, bottom=top - frame["alerts"])
    return (
        alt.Chart(stacked[stacked["alerts"] > 0])
        .mark_rect(opacity=0.85)
        .encode(
            x=_time_axis("begin", domain),
            x2="end:T",
            y=alt.Y(
                "bottom:Q",
                title="alerts",
                scale=alt.Scale(domain=[0, max(int(top.max()), 1)]),
                axis=alt.Axis(tickCount=4, tickMinStep=1, gridOpacity=0.4),
            ),
            y2="top:Q",
            color=_colour(frame, palette(dark)),
            tooltip=[
                alt.Tooltip("when:N", title="From"),
                alt.Tooltip("kind:N", title="Label"),
                alt.Tooltip("alerts:Q", title="Alerts", format=","),
                alt.Tooltip("flows:Q", title="of flows", format=","),
            ],
        )
        .properties(height=220)
    )


def _time_axis(name: str, domain: list[float]) -> alt.X:
    days = domain[1] - domain[0] > _TWO_DAYS_MS
    return alt.X(
        f"{name}:T",
        title=None,
        scale=alt.Scale(type="utc", domain=[_utc(ms) for ms in domain], nice=False),
        axis=alt.Axis(
            grid=False, labelFlush=True, tickCount=8, format="%d %b %H:%M" if days else "%H:%M"
        ),
    )


def _utc(ms: float) -> alt.DateTime:
    """A time as Vega-Lite wants it in a domain: of layers it takes no plain numbers."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return alt.DateTime(
        year=at.year, month=at.month, date=at.day, hours=at.hour, minutes=at.minute,
        seconds=at.second, milliseconds=at.microsecond // 1000, utc=True,
    )  # fmt: skip


def share_map(frame: pd.DataFrame, chosen: str | None, *, dark: bool = False) -> alt.LayerChart:
    """Which features make up the score of which class; a feature can be selected by a click.

    Parameters
    ----------
    frame
        As ``distributions.feature_table`` gives it, of the features to be shown.
    chosen
        The feature that is looked at; its name is underlined by a mark.
    """
    colours = palette(dark)
    features, classes = list(dict.fromkeys(frame["feature"])), list(dict.fromkeys(frame["class"]))
    most = max(float(frame["share"].max()), 0.01)
    shown = frame.assign(text=frame["share"].map(wording.percent))
    pick = alt.selection_point(name="feature", fields=["feature"], on="click", empty=False)
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "feature:N",
            sort=features,
            title=None,
            axis=alt.Axis(labelLimit=240, ticks=False, domain=False),
        ),
        x=alt.X(
            "class:N",
            sort=classes,
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-35, labelLimit=150, ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("feature:N", title="Feature"),
            alt.Tooltip("class:N", title="Class"),
            alt.Tooltip("flows:Q", title="Flows", format=","),
            alt.Tooltip("text:N", title="Mean share of the score"),
            alt.Tooltip("median:Q", title="Error: median", format=".3g"),
            alt.Tooltip("p95:Q", title="p95", format=".3g"),
        ],
    )
    cells = (
        base.mark_rect(cursor="pointer")
        .encode(
            color=alt.Color(
                "share:Q",
                title="share",
                scale=alt.Scale(type="sqrt", range=_SHADES[dark], domain=[0, most]),
                legend=alt.Legend(orient="right", format=".0%", gradientLength=160),
            )
        )
        .add_params(pick)
    )
    # Much is dark on light ground and light on dark ground; its number is the other way round.
    much = f"datum.share > 0.3 * {most}"
    on_much, on_little = ("#12181F", "#E6ECF2") if dark else ("#FFFFFF", "#17212B")
    numbers = (
        base.transform_filter(alt.datum.share >= _SHOWN_SHARE)
        .mark_text(fontSize=11)
        .encode(
            text=alt.Text("share:Q", format=".0%"),
            color=alt.condition(much, alt.value(on_much), alt.value(on_little)),
        )
    )
    layers = [cells, numbers]
    if chosen is not None:
        frame_of = base.transform_filter(alt.datum.feature == chosen)
        layers.append(frame_of.mark_rect(filled=False, stroke=colours.line, strokeWidth=2))
    return alt.layer(*layers).properties(height=alt.Step(22))


def bullets(frame: pd.DataFrame, *, dark: bool = False) -> alt.LayerChart:
    """A flow's features beside what is usual: what it had, what the model expected.

    Parameters
    ----------
    frame
        As ``explaining.reasons`` gives it. What are words is written, for it has no place.
    """
    colours = palette(dark)
    order = frame["name"].tolist()
    tips = [
        alt.Tooltip("name:N", title="Feature"),
        alt.Tooltip("actual:N", title="In this flow"),
        alt.Tooltip("reconstructed:N", title="The model expected"),
        alt.Tooltip("usual:N", title="Usual (benign)"),
        alt.Tooltip("share:Q", title="Share of the score", format=".0%"),
    ]
    y = alt.Y(
        "name:N",
        sort=order,
        title=None,
        axis=alt.Axis(labelLimit=240, ticks=False, domain=False),
    )
    place = alt.Scale(domain=[-0.03, 1.03], nice=False)
    said_words = frame["actual"] + ", usually " + frame["usual"]
    base = alt.Chart(frame.assign(in_words=said_words)).encode(y=y, tooltip=tips)
    band = base.mark_bar(color=colours.benign, opacity=0.35, height=14).encode(
        x=alt.X("low:Q", title=None, axis=None, scale=place), x2="high:Q"
    )
    expected = base.mark_tick(color=colours.benign, thickness=3, height=20).encode(
        x=alt.X("expected_at:Q", axis=None, scale=place)
    )
    actual = base.mark_point(
        shape="diamond", filled=True, size=110, color=colours.attack, opacity=1
    ).encode(x=alt.X("at:Q", axis=None, scale=place))
    said = base.transform_filter("!isValid(datum.at)").mark_text(
        align="left", color=colours.line, fontSize=12, limit=420
    )
    said = said.encode(text="in_words:N", x=alt.value(4))
    return alt.layer(band, expected, actual, said).properties(height=alt.Step(28))
