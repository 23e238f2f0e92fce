"""Alerts over time: caught and unlabelled ones above the line, false alarms below it."""

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.palette import palette
from dashboard.judged import Timeline

_UP = ("attack", "unlabelled")
_WORDS = {
    "attack": "▲ caught attacks",
    "unlabelled": "▲ unlabelled",
    "benign": "▼ false alarms",
}
_TICKS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


def alerts_over_time(times: Timeline, *, dark: bool = False, height: int = 220) -> alt.LayerChart:
    """Bars of alerts a bin; the side of the line repeats what colour says.

    Parameters
    ----------
    times
        Of ``judged.timeline``; the axis covers all flows, alerts or not.
    """
    colours = palette(dark)
    bars = _stacked(times.bins)
    kinds = [kind for kind in ("attack", "unlabelled", "benign") if kind in set(bars["kind"])]
    low, high = min(bars["low"].min(), 0), max(bars["high"].max(), 0)
    ticks = [tick for tick in _TICKS if tick <= max(high, -low)]
    end = max(times.last_ms, times.first_ms + times.width_s * 1000)
    x = alt.X(
        "begin:T",
        title=None,
        scale=alt.Scale(type="utc", domain=[_utc(times.first_ms), _utc(end)], nice=False),
        axis=alt.Axis(grid=False, labelFlush=True, tickCount=8, **_labels(times)),
    )
    y = alt.Y(
        "low:Q",
        title=f"alerts {_per(times.width_s)} (log scale)",
        scale=alt.Scale(type="symlog", constant=1, domain=[low * 1.3, high * 1.3], nice=False),
        axis=alt.Axis(
            values=[*(-t for t in ticks if t <= -low), 0, *(t for t in ticks if t <= high)],
            labelExpr="format(abs(datum.value), '~s')",
        ),
    )
    drawn = (
        alt.Chart(bars.assign(meant=bars["kind"].map(_WORDS)))
        .mark_rect(opacity=0.9, stroke=None)
        .encode(
            x=x,
            x2="end:T",
            y=y,
            y2="high:Q",
            color=alt.Color(
                "meant:N",
                title=None,
                scale=alt.Scale(
                    domain=[_WORDS[kind] for kind in kinds],
                    range=[getattr(colours, kind) for kind in kinds],
                ),
                legend=alt.Legend(orient="top", direction="horizontal", symbolType="square"),
            ),
            tooltip=[
                alt.Tooltip("meant:N", title="Alerts"),
                alt.Tooltip("alerts:Q", title="How many", format=","),
                alt.Tooltip("begin:T", title="From", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("end:T", title="to", format="%Y-%m-%d %H:%M:%S"),
            ],
        )
    )
    line = (
        alt.Chart(pd.DataFrame({"at": [0]}))
        .mark_rule(color=colours.faint, strokeWidth=1)
        .encode(y="at:Q")
    )
    return alt.layer(drawn, line).properties(height=height)


def _stacked(bins: pd.DataFrame) -> pd.DataFrame:
    """The bins with where each bar begins and ends: low, high; false alarms below zero."""
    bars = bins.copy()
    for name in ("begin", "end"):
        bars[name] = pd.to_datetime(bars[name], unit="ms", utc=True)
    bars["low"], bars["high"] = 0.0, bars["alerts"].astype(float)
    down = (bars["kind"] == "benign").to_numpy()
    bars.loc[down, "low"] = -bars.loc[down, "alerts"].astype(float)
    bars.loc[down, "high"] = 0.0
    # What stands on the same bin's attacks begins where those end.
    attacks = bars[bars["kind"] == _UP[0]].set_index("begin")["high"]
    upper = (bars["kind"] == _UP[1]).to_numpy()
    below = bars.loc[upper, "begin"].map(attacks).fillna(0.0).to_numpy(np.float64)
    bars.loc[upper, "low"] += below
    bars.loc[upper, "high"] += below
    return bars


def _labels(times: Timeline) -> dict[str, str]:
    """No thousandths of seconds on the axis of a moment; else what Vega finds fit."""
    return {"format": "%H:%M:%S"} if times.width_s == 1 else {}


def _per(width_s: int) -> str:
    return "a bar" if width_s > 1 else "a second"


def _utc(at_ms: float) -> str:
    return pd.Timestamp(at_ms, unit="ms", tz="UTC").isoformat()
