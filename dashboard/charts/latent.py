"""The latent space in three dimensions: imported only where it is drawn."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from dashboard.charts.palette import palette

_SYMBOLS = {"benign": "circle", "attack": "diamond", "unlabelled": "square"}
_TICKS = tuple(m * 10.0**e for e in range(-6, 7) for m in (1, 3))
_HEIGHT = 640


def latent_space(
    flows: pd.DataFrame,
    points: NDArray[np.float64],
    axes: tuple[str, str, str],
    threshold: float,
    *,
    dark: bool = False,
    view: str = "",
) -> go.Figure:
    """Flows where the model's bottleneck puts them, coloured by score, shaped by label.

    Parameters
    ----------
    flows
        ``row, class, kind, score, top`` of each, as ``distributions.sampled`` gives them.
    points
        Shape ``(n, 3)``.
    axes
        What the axes say.
    threshold
        Flows that alert are drawn larger.
    view
        While it stays the same, the camera stays where it was turned to.
    """
    colours = palette(dark)
    score = np.maximum(flows["score"].to_numpy(np.float64), 1e-6)
    shade = np.log10(score)
    low, high = (float(np.min(shade)), float(np.max(shade))) if len(shade) else (0.0, 1.0)
    ticks = [t for t in _TICKS if low <= np.log10(t) <= high]
    traces = []
    for kind, symbol in _SYMBOLS.items():
        mine = np.flatnonzero((flows["kind"] == kind).to_numpy())
        if not len(mine):
            continue
        of = flows.iloc[mine]
        traces.append(
            go.Scatter3d(
                x=points[mine, 0].astype(np.float32),
                y=points[mine, 1].astype(np.float32),
                z=points[mine, 2].astype(np.float32),
                mode="markers",
                name=kind,
                legendgroup=kind,
                showlegend=False,
                customdata=np.stack(
                    [
                        of["row"],
                        of["class"].map(_safe),
                        of["score"].map("{:.3g}".format),
                        of["top"].map(_safe),
                    ],
                    axis=1,
                ),
                hovertemplate=(
                    "line %{customdata[0]} · %{customdata[1]}<br>score %{customdata[2]}<br>"
                    "most of it: %{customdata[3]}<extra></extra>"
                ),
                marker={
                    "symbol": symbol,
                    "size": np.where(of["score"] >= threshold, 5.0, 3.0),
                    "color": shade[mine],
                    "coloraxis": "coloraxis",
                    "opacity": 0.85,
                    "line": {"width": 0},
                },
            )
        )
        traces.append(_legend_of(kind, len(mine), symbol, colours.line))
    axis = {
        "backgroundcolor": "rgba(0,0,0,0)",
        "gridcolor": colours.faint,
        "zerolinecolor": colours.faint,
        "color": colours.line,
        "showspikes": False,
        "nticks": 5,
    }
    figure = go.Figure(traces)
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        font={"color": colours.line},
        uirevision=view,
        legend={"orientation": "h", "x": 0, "y": 1.0, "itemsizing": "constant"},
        coloraxis={
            "colorscale": _scale(dark),
            "cmin": low,
            "cmax": max(high, low + 1e-3),
            "colorbar": {
                "title": {"text": "score"},
                "tickvals": np.log10(ticks).tolist() if ticks else None,
                "ticktext": [f"{t:g}" for t in ticks],
                "thickness": 14,
                "len": 0.75,
            },
        },
        scene={
            f"{name}axis": axis | {"title": {"text": text}}
            for name, text in zip("xyz", axes, strict=True)
        }
        | {
            "aspectmode": "cube",
            "uirevision": view,
            # Far enough that no title of an axis is cut off.
            "camera": {
                "eye": {"x": 1.55, "y": 1.4, "z": 0.75},
                "center": {"x": 0, "y": 0, "z": -0.12},
            },
        },
    )
    return figure


def _legend_of(kind: str, n: int, symbol: str, colour: str) -> go.Scatter3d:
    """A point nowhere: what is coloured by score has no one colour for the legend."""
    return go.Scatter3d(
        x=[None],
        y=[None],
        z=[None],
        mode="markers",
        name=f"{kind} ({n:,})",
        legendgroup=kind,
        marker={"symbol": symbol, "size": 6, "color": colour},
    )


def _scale(dark: bool) -> list[tuple[float, str]]:
    """Cividis (Nuñez and others, 2018) without the end that its ground would swallow."""
    places = np.linspace(0.3, 1.0, 8) if dark else np.linspace(0.0, 0.82, 8)
    shades = sample_colorscale("Cividis", places.tolist())
    return list(zip(np.linspace(0, 1, 8).tolist(), shades, strict=True))


def _safe(text: object) -> str:
    """A text of a file, of which Plotly must take nothing for markup.

    >>> _safe("<a href=x>bot</a>")
    '&lt;a href=x&gt;bot&lt;/a&gt;'
    """
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
