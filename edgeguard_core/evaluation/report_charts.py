"""The report's charts as SVG written by hand: no library, no script, readable on paper."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgeguard_core.evaluation.report_markup import Html, element, joined, number, percent

_WIDTH: Final = 720
_HEIGHT: Final = 240
_LEFT: Final = 58
_BOTTOM: Final = 42
_TOP: Final = 26
_RIGHT: Final = 24  # room for half of the last tick, "100 %"
_FLOOR: Final = 0.7  # where bars stand on a logarithmic axis of counts; 1 is then a visible bar
KINDS: Final = ("benign", "attack", "unlabelled")


def histogram(
    edges: Sequence[float], counts: Mapping[str, Sequence[int]], threshold: float
) -> Html:
    """Flows by score for each label on two logarithmic axes, with the threshold as a line.

    Parameters
    ----------
    edges
        Borders of the bins, ascending and above 0, B + 1 of them.
    counts
        Flows in each of the B bins, by ``benign``, ``attack`` or ``unlabelled``.

    Examples
    --------
    A bar, and its mark in the legend:

    >>> histogram([1, 10, 100], {"benign": [5, 0]}, 20).count('<rect class="benign"')
    2
    """
    most = max((max(row, default=0) for row in counts.values()), default=0) or 1
    # What lies at or near 0 stands in a first bin that no logarithmic axis can show whole.
    low = min(border for border in (*edges, threshold) if border > 0)
    high = max(edges[-1], threshold)
    x = _log_axis(low, high, _LEFT, _WIDTH - _RIGHT)
    y = _log_axis(_FLOOR, most * 1.4, _HEIGHT - _BOTTOM, _TOP)
    bars = []
    for kind in KINDS:
        for place, flows in enumerate(counts.get(kind, ())):
            if flows:
                left, right, top = x(edges[place]), x(edges[place + 1]), y(flows)
                bars.append(
                    element(
                        "rect", class_=kind, x=_at(left), y=_at(top),
                        width=_at(max(right - left - 0.5, 0.5)),
                        height=_at(_HEIGHT - _BOTTOM - top),
                    )
                )  # fmt: skip
    there = [kind for kind in KINDS if any(counts.get(kind, ()))]
    return _chart(
        f"Flows by score for each label, with the threshold at {number(threshold)} as a line",
        [
            _decades_below(low, high, x),
            _decades_beside(most, y),
            bars,
            _line_at(x(threshold) if threshold > 0 else _LEFT, f"threshold {number(threshold)}"),
            _legend(there),
            _title("score (logarithmic)"),
        ],
    )


def curve(
    points: Sequence[Sequence[float | None]],
    at: tuple[float | None, float | None],
    *,
    titles: tuple[str, str],
    log_x: bool = False,
) -> Html:
    """A curve over shares, with the point of the threshold on it.

    Parameters
    ----------
    points
        x and y of each point, both 0 to 1; None is left out.
    at
        The point of the threshold.
    titles
        Of the axes, x and y.

    Examples
    --------
    >>> "<circle" in curve([(0.1, 0.9), (0.5, 1.0)], (0.1, 0.9), titles=("recall", "precision"))
    True
    """
    drawn = [
        (p[0], p[1])
        for p in points
        if p[0] is not None and p[1] is not None and (p[0] > 0 or not log_x)
    ]
    low = min([p[0] for p in drawn] + [0.1]) if log_x else 0.0
    width = _WIDTH // 2
    x = _log_axis(low, 1.0, _LEFT, width - _RIGHT) if log_x else _axis(_LEFT, width - _RIGHT)
    y = _axis(_HEIGHT - _BOTTOM, _TOP)
    path = " ".join(
        f"{'L' if n else 'M'}{_at(x(p[0]))} {_at(y(p[1]))}" for n, p in enumerate(drawn)
    )
    mark = None
    if at[0] is not None and at[1] is not None:
        mark = element("circle", class_="at", cx=_at(x(max(at[0], low))), cy=_at(y(at[1])), r=5)
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    below = (
        _decades_below(low, 1.0, x)
        if log_x
        else [_tick_below(x(tick), percent(tick, 0)) for tick in ticks]
    )
    return _chart(
        f"{titles[1]} against {titles[0]}",
        [
            below,
            [_tick_beside(y(tick), percent(tick, 0), width) for tick in ticks],
            element("path", class_="curve", d=path) if drawn else None,
            mark,
            _title(f"{titles[0]} (x), {titles[1]} (y)", width),
        ],
        width,
    )


def interval_bar(share: float | None, low: float | None, high: float | None) -> Html:
    """A recall as a bar with its interval as a line over it, 0 to 1; empty where undefined.

    >>> interval_bar(None, None, None)
    ''
    """
    if share is None or low is None or high is None:
        return Html("")
    width = 120
    return element(
        "svg",
        element("rect", class_="ground", x=0, y=3, width=width, height=8),
        element("rect", class_="attack", x=0, y=3, width=_at(width * share), height=8),
        element("line", class_="whisker", x1=_at(width * low), x2=_at(width * high), y1=7, y2=7),
        viewBox=f"0 0 {width} 14", width=width, height=14, role="img",
        aria_label=f"{percent(share)}, between {percent(low)} and {percent(high)}",
    )  # fmt: skip


def _chart(label: str, parts: Sequence[Any], width: int = _WIDTH) -> Html:
    return element(
        "svg", joined(*parts), viewBox=f"0 0 {width} {_HEIGHT}", role="img", aria_label=label,
        class_="chart" if width == _WIDTH else "chart half",
    )  # fmt: skip


def _log_axis(low: float, high: float, start: float, end: float) -> Any:
    first, last = math.log10(low), math.log10(max(high, low * 1.0001))

    def place(value: float) -> float:
        share = (math.log10(max(value, low)) - first) / (last - first)
        return start + (end - start) * min(max(share, 0.0), 1.0)

    return place


def _axis(start: float, end: float) -> Any:
    return lambda value: start + (end - start) * min(max(value, 0.0), 1.0)


def _decades_below(low: float, high: float, x: Any) -> list[Html]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, (last - first) // 8 + 1)
    return [_tick_below(x(10.0**n), f"{10.0**n:g}") for n in range(first, last + 1, step)]


def _decades_beside(most: int, y: Any) -> list[Html]:
    last = math.floor(math.log10(most))
    step = max(1, last // 5 + 1)
    return [_tick_beside(y(10**n), f"{10**n:,}") for n in range(0, last + 1, step)]


def _tick_below(x: float, text: str) -> Html:
    return joined(
        element("line", class_="grid", x1=_at(x), x2=_at(x), y1=_TOP, y2=_HEIGHT - _BOTTOM),
        element("text", text, x=_at(x), y=_HEIGHT - _BOTTOM + 15, text_anchor="middle"),
    )


def _tick_beside(y: float, text: str, width: int = _WIDTH) -> Html:
    return joined(
        element("line", class_="grid", x1=_LEFT, x2=width - _RIGHT, y1=_at(y), y2=_at(y)),
        element("text", text, x=_LEFT - 6, y=_at(y + 4), text_anchor="end"),
    )


def _line_at(x: float, text: str) -> Html:
    right = x > _WIDTH / 2
    return joined(
        element("line", class_="threshold", x1=_at(x), x2=_at(x), y1=_TOP, y2=_HEIGHT - _BOTTOM),
        element(
            "text", text, class_="strong", x=_at(x + (-5 if right else 5)), y=_TOP + 10,
            text_anchor="end" if right else "start",
        ),
    )  # fmt: skip


def _legend(kinds: Sequence[str]) -> list[Html]:
    return [
        joined(
            element("rect", class_=kind, x=_LEFT + 100 * n, y=6, width=12, height=12),
            element("text", kind, x=_LEFT + 100 * n + 17, y=16),
        )
        for n, kind in enumerate(kinds)
    ]


def _title(text: str, width: int = _WIDTH) -> Html:
    middle = _at((_LEFT + width - _RIGHT) / 2)
    return element("text", text, x=middle, y=_HEIGHT - 8, text_anchor="middle")


def _at(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
