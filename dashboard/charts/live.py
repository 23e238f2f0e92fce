"""The Live page's charts, as options for Apache ECharts: they change once a second."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.palette import Palette, palette
from edgeguard_core.outputs.store_reading import LaneCell

# Severity from low to critical: colour and mark, each alone enough.
_MARKS = (
    (0, "low", "path://M-1 -0.8 L1 -0.8 L0 1 Z"),
    (50, "medium", "diamond"),
    (75, "high", "triangle"),
    (100, "critical", "path://M0 -1 L0.95 -0.31 L0.59 0.81 L-0.59 0.81 L-0.95 -0.31 Z"),
)
_COLOURS = {
    False: ("#56B4E9", "#009E73", "#E69F00", "#D55E00"),
    True: ("#56B4E9", "#3FC49B", "#F0E442", "#F58A3C"),
}
LANE_PIXELS = 22
_LANES_AROUND = 62
_STILL = {"animation": False, "useUTC": True}
_SECOND_MS = 1000.0


def level(severity: float) -> int:
    """Which of the four levels a severity is, from 0.

    >>> [level(value) for value in (0, 50, 99, 100)]
    [0, 1, 2, 3]
    """
    return max(n for n, (least, *_) in enumerate(_MARKS) if severity >= least)


def strip(
    points: Sequence[Sequence[float]],
    threshold: float,
    begin_ms: float,
    end_ms: float,
    *,
    dark: bool = False,
    title: str = "",
) -> dict[str, Any]:
    """The highest score of each second as a line, the threshold, and a diamond where it alerted.

    Parameters
    ----------
    points
        As ``live_view.strip_points`` gives them: ms, score, alerts.
    title
        The sensor's name where there are several.
    """
    colours = palette(dark)
    scores = [score for _, score, _ in points] + ([] if math.isnan(threshold) else [threshold])
    low, high = _decades(scores)
    marks: list[dict[str, Any]] = []
    if not math.isnan(threshold):
        marks = [{"yAxis": threshold, "label": {"formatter": f"θ {threshold:.3g}"}}]
    return {
        **_STILL,
        "title": _title(title, colours),
        "grid": {"left": 44, "right": 12, "top": 26 if title else 14, "bottom": 22},
        "tooltip": {"trigger": "axis"},
        "xAxis": _time(begin_ms, end_ms, colours),
        "yAxis": {
            "type": "log",
            "min": low,
            "max": high,
            "splitLine": {"lineStyle": {"opacity": 0.35}},
            "axisLabel": {"color": colours.faint},
        },
        "series": [
            {
                "name": "Highest score",
                "type": "line",
                "data": [
                    [int(at), None if math.isnan(score) else score] for at, score, _ in points
                ],
                "connectNulls": False,
                "showSymbol": False,
                "lineStyle": {"width": 1.4, "color": colours.benign},
                "itemStyle": {"color": colours.benign},
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "animation": False,
                    "lineStyle": {"color": colours.line, "type": "solid", "width": 1.5},
                    "label": {"position": "insideStartTop", "color": colours.line},
                    "data": marks,
                },
            },
            {
                "name": "Alerts that second",
                "type": "scatter",
                "symbol": "diamond",
                "symbolSize": 11,
                "data": [[int(at), score, alerts] for at, score, alerts in points if alerts],
                "itemStyle": {"color": colours.attack},
                "tooltip": {"show": True},
                "encode": {"x": 0, "y": 1, "tooltip": [2]},
            },
        ],
    }


def alerts_by_minute(
    minutes: Sequence[Sequence[float]], promised: float, *, dark: bool = False
) -> dict[str, Any]:
    """Alerts of each minute as bars, and what is promised as a line.

    Parameters
    ----------
    minutes
        As ``live_view.alerts_by_minute`` gives them.
    promised
        False alarms a minute, at most; NaN draws no line.
    """
    colours = palette(dark)
    most = max([alerts for _, alerts in minutes] + [0.0 if math.isnan(promised) else promised, 1.0])
    line = {
        "symbol": "none",
        "silent": True,
        "animation": False,
        "lineStyle": {"color": colours.line, "type": "dashed", "width": 1.5},
        "label": {"position": "insideStartTop", "color": colours.line},
        "data": [
            {"yAxis": promised, "label": {"formatter": f"promised ≤ {promised:.3g}"}}
        ] if not math.isnan(promised) else [],
    }  # fmt: skip
    half = 30 * _SECOND_MS
    return {
        **_STILL,
        "grid": {"left": 44, "right": 12, "top": 14, "bottom": 22},
        "tooltip": {"trigger": "axis"},
        "xAxis": _time(minutes[0][0] - half, minutes[-1][0] + half, colours, "{HH}:{mm}"),
        "yAxis": {
            "type": "value",
            "max": _round_above(most),
            "minInterval": 1,
            "splitLine": {"lineStyle": {"opacity": 0.35}},
            "axisLabel": {"color": colours.faint},
        },
        "series": [
            {
                "name": "Alerts",
                "type": "bar",
                "barWidth": "70%",
                "data": [[at, alerts] for at, alerts in minutes],
                "itemStyle": {"color": colours.attack},
                "markLine": line,
            }
        ],
    }


def lanes(
    hosts: Sequence[str],
    cells: Sequence[LaneCell],
    begin_ms: float,
    end_ms: float,
    *,
    dark: bool = False,
) -> dict[str, Any]:
    """A lane a host: a mark where it had alerts, its shape and colour say how severe.

    The names of the series are the words of the levels; a mark's place in its series is that
    of ``lane_marks``.

    Parameters
    ----------
    hosts
        From top to bottom.
    """
    colours = palette(dark)
    by_level = lane_marks(hosts, cells)
    return {
        **_STILL,
        "grid": {"left": 8, "right": 12, "top": 30, "bottom": 4, "containLabel": True},
        "legend": {
            "top": 0, "left": 0, "itemWidth": 12, "itemHeight": 12,
            "textStyle": {"color": colours.line}, "selectedMode": False,
        },
        "tooltip": {"trigger": "item", "formatter": "{@[1]}: {@[2]} alerts, severity {@[3]}"},
        "xAxis": _time(begin_ms, end_ms, colours, "{HH}:{mm}"),
        "yAxis": {
            "type": "category",
            "data": list(hosts),
            "inverse": True,
            "axisTick": {"show": False},
            "axisLine": {"show": False},
            "splitLine": {"show": True, "lineStyle": {"opacity": 0.35}},
            "axisLabel": {"color": colours.line, "width": 150, "overflow": "truncate"},
        },
        "series": [
            {
                "name": word,
                "type": "scatter",
                "symbol": symbol,
                "symbolSize": 13,
                "selectedMode": "single",
                "select": {"itemStyle": {"borderColor": colours.line, "borderWidth": 2}},
                "itemStyle": {"color": _COLOURS[dark][n]},
                "data": [
                    [cell.time_ms, cell.host, cell.alerts, cell.highest_severity]
                    for cell in by_level[word]
                ],
            }
            for n, (_, word, symbol) in enumerate(_MARKS)
        ],
    }  # fmt: skip


def lane_marks(hosts: Sequence[str], cells: Sequence[LaneCell]) -> Mapping[str, list[LaneCell]]:
    """The cells of some hosts by the word of their level, in the order they are drawn."""
    shown = set(hosts)
    found: dict[str, list[LaneCell]] = {word: [] for _, word, _ in _MARKS}
    for cell in cells:
        if cell.host in shown:
            found[_MARKS[level(cell.highest_severity)][1]].append(cell)
    return found


def lanes_height(n_hosts: int) -> int:
    """Pixels of a chart of so many lanes."""
    return _LANES_AROUND + max(n_hosts, 2) * LANE_PIXELS


def _time(
    begin_ms: float, end_ms: float, colours: Palette, labels: str = "{HH}:{mm}:{ss}"
) -> dict[str, Any]:
    return {
        "type": "time",
        "min": begin_ms,
        "max": end_ms,
        "axisLabel": {"formatter": labels, "hideOverlap": True, "color": colours.faint},
        "splitLine": {"show": False},
        "axisPointer": {"label": {"show": False}},
    }


def _title(text: str, colours: Palette) -> dict[str, Any]:
    style = {"fontSize": 12, "fontWeight": "normal", "color": colours.line}
    return {"text": text, "top": 0, "left": 4, "textStyle": style}


def _round_above(value: float) -> float:
    """The end of an axis on which a value stands.

    >>> _round_above(305.0), _round_above(5.0), _round_above(1.0)
    (400.0, 6.0, 2.0)
    """
    step = 10.0 ** math.floor(math.log10(value))
    return (math.floor(value / step) + 1) * step


def _decades(scores: Sequence[float]) -> tuple[float, float]:
    """Powers of ten around all scores, so that the axis seldom moves.

    >>> _decades([0.2, 40.0]), _decades([])
    ((0.1, 100.0), (0.1, 10.0))
    """
    known = [score for score in scores if score > 0]
    low, high = min([*known, 0.1]), max([*known, 10.0])
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
