"""The tuner: a histogram whose threshold is dragged in the browser, with all figures moving along.

The browser gets the sketch once and needs the server for nothing while the line moves; Python
hears where it was let go. The data must stay the same bytes from run to run: where the line
stands is never sent back, or it would fight the hand that drags it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.wording import studio as words
from dashboard.wording import synthetic
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.evaluation.sketching import UNLABELLED_CLASS
from edgeguard_core.thresholds import ThresholdSketch

_HERE = Path(__file__).parent
# One module in the browser; split so that each file can be read in one go.
_SCRIPTS = (
    "scales",
    "figures",
    "goals",
    "chart",
    "panels",
    "synthetic",
    "curves",
    "controls",
    "gesture",
    "studio",
)


def script() -> str:
    """The component's JavaScript, all files after each other."""
    return "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


_COMPONENT = st.components.v2.component(
    "edgeguard_tuner",
    html=(_HERE / "studio.html").read_text(encoding="utf-8"),
    css=(_HERE / "studio.css").read_text(encoding="utf-8"),
    js=script(),
)


@dataclass(frozen=True)
class Start:
    """Where the line stands when the tuner is first shown, and what was assumed before.

    Attributes
    ----------
    how
        ``method`` and ``target`` of the choice that led there; None for the one in force.
    turn
        Another number each time the line is to be put somewhere, be it where it once was.
    """

    threshold: float
    pinned: float | None = None
    assumed: Mapping[str, Any] | None = None
    unit: str | None = None
    how: Mapping[str, Any] | None = None
    turn: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values for the browser."""
        return {
            "threshold": self.threshold,
            "pinned": self.pinned,
            "assumed": None if self.assumed is None else dict(self.assumed),
            "unit": self.unit,
            "how": None if self.how is None else dict(self.how),
            "turn": self.turn,
        }


@dataclass(frozen=True)
class Decided:
    """What a person decided in the browser.

    Attributes
    ----------
    index
        The lowest edge at or above the threshold.
    how
        ``method``, and ``target`` where there is one.
    refine
        A value between two edges that was asked for, whose figures nobody counted yet.
    """

    threshold: float
    index: int
    rev: str
    how: dict[str, Any]
    pinned: float | None = None
    refine: float | None = None
    assumed: dict[str, Any] = field(default_factory=dict)
    unit: str | None = None


def show(content: "Content", start: Start, *, key: str, on_decided: Callable[[], None]) -> None:
    """Draw the tuner; ``read(key)`` tells what came of it."""
    _COMPONENT(
        key=key,
        data=content.data(start),
        # Not called "value": Streamlit takes a state of that one name apart, and tells nobody.
        default={"decided": None},
        on_decided_change=on_decided,
    )


def is_mounted(key: str) -> bool:
    """Whether the browser still shows the tuner of that key, with where it stands."""
    return key in st.session_state


def read(key: str) -> "Decided | None":
    """What was decided last in the tuner of that key; None before anything was."""
    state = st.session_state.get(key)
    return decided(state.get("decided")) if isinstance(state, Mapping) else None


@dataclass(frozen=True, eq=False)
class Content:
    """What the browser gets: two tables and what they mean; the same bytes for the same sketch.

    ``rev`` is another one whenever anything in it differs.
    """

    counts: pd.DataFrame
    bars: pd.DataFrame
    meta: dict[str, Any]
    rev: str
    laid: pd.DataFrame | None = None  # synthetic attacks at or above each edge, a column a cell

    @classmethod
    def of(
        cls,
        sketch: ThresholdSketch,
        incidents: ThresholdSketch | None,
        *,
        in_force: float,
        can_refine: bool,
        laid: LaidAttacks | None = None,
    ) -> "Content":
        """Of a sketch over flows and one over incidents on the very same edges.

        Parameters
        ----------
        in_force
            The threshold that Reset goes back to.
        can_refine
            Whether a value between edges can be counted, and ``Decided.refine`` may be set.
        laid
            Synthetic attacks, whose recall is shown beside; they count in no other figure.
        """
        counts, bars = _counts(sketch, incidents), _bars(sketch)
        meta = _meta(sketch, incidents) | {"in_force": in_force, "can_refine": can_refine}
        meta["laid"] = None if laid is None else _told_of(laid)
        beside = None if laid is None else _laid_counts(laid, sketch)
        frames = (counts, bars) if beside is None else (counts, bars, beside)
        return cls(counts, bars, meta, _digest(frames, meta), beside)

    def data(self, start: Start) -> dict[str, Any]:
        """As the component takes it."""
        meta = {**self.meta, "rev": self.rev, "init": start.to_json()}
        laid = {} if self.laid is None else {"laid": self.laid}
        return {"sketch": self.counts, "hist": self.bars, **laid, "meta": meta}


def decided(value: Any) -> Decided | None:
    """What the browser sent, or None where it is nothing that it could have sent.

    >>> decided({"threshold": 0.5, "index": 3, "rev": "a", "how": {"method": "fixed"}}).index
    3
    >>> decided({"threshold": "much"}) is None
    True
    """
    if not isinstance(value, Mapping):
        return None
    threshold, index, how = value.get("threshold"), value.get("index"), value.get("how")
    if not _is_number(threshold) or not isinstance(index, int) or threshold < 0:
        return None
    pinned, refine, assumed = value.get("pinned"), value.get("refine"), value.get("assumed")
    unit = value.get("unit")
    return Decided(
        threshold=float(threshold),
        index=index,
        rev=str(value.get("rev")),
        how=dict(how) if isinstance(how, Mapping) else {"method": "fixed"},
        pinned=float(pinned) if _is_number(pinned) else None,
        refine=float(refine) if _is_number(refine) else None,
        assumed=dict(assumed) if isinstance(assumed, Mapping) else {},
        unit=unit if isinstance(unit, str) else None,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)


def _counts(sketch: ThresholdSketch, incidents: ThresholdSketch | None) -> pd.DataFrame:
    columns: dict[str, Any] = {"edge": sketch.edges}
    columns |= {f"c{i}": row for i, row in enumerate(sketch.counts_ge)}
    if incidents is not None:
        if not np.array_equal(incidents.edges, sketch.edges):
            raise ValueError("the sketch of incidents has other edges than that of flows")
        columns["incidents"] = incidents.alert_counts.astype(np.uint32)
    return pd.DataFrame(columns)


def _bars(sketch: ThresholdSketch) -> pd.DataFrame:
    def total(indices: tuple[int, ...]) -> Any:
        return sketch.hist[list(indices)].sum(axis=0).astype(np.uint32)

    def one(index: int | None) -> tuple[int, ...]:
        return () if index is None else (index,)

    return pd.DataFrame(
        {
            "low": sketch.hist_edges[:-1],
            "high": sketch.hist_edges[1:],
            "benign": total(one(sketch.benign_index)),
            "attack": total(sketch.attack_indices),
            "unlabelled": total(one(sketch.unlabelled_index)),
        }
    )


def is_labelled(sketch: ThresholdSketch) -> bool:
    """Whether the flows of a sketch had labels; else all of them were taken as benign."""
    return sketch.classes != (UNLABELLED_CLASS,)


def _meta(sketch: ThresholdSketch, incidents: ThresholdSketch | None) -> dict[str, Any]:
    return {
        "classes": list(sketch.classes),
        "benign": sketch.benign_index,
        "unlabelled": sketch.unlabelled_index,
        "n": [int(n) for n in sketch.n],
        "hours": sketch.duration_hours or None,
        "incident_hours": (incidents.duration_hours or None) if incidents is not None else None,
        "has_incidents": incidents is not None,
        "complete": sketch.complete,
        "labelled": is_labelled(sketch),
        "notes": words.notes(sketch, labelled=is_labelled(sketch), incidents=incidents),
        "words": {"no_curves": words.no_curves(sketch, labelled=is_labelled(sketch))},
    }


def _laid_counts(laid: LaidAttacks, sketch: ThresholdSketch) -> pd.DataFrame:
    counts = laid.counts_ge(sketch.edges)
    fits = int(laid.n.max(initial=0)) <= np.iinfo(np.uint16).max  # half the bytes on the way
    columns = {f"a{i}": row.astype(np.uint16) if fits else row for i, row in enumerate(counts)}
    return pd.DataFrame(columns)


def _told_of(laid: LaidAttacks) -> dict[str, Any]:
    return {
        "kinds": [synthetic.kind(name) for name in laid.kinds],
        "strengths": list(laid.strengths),
        "n": laid.n.tolist(),
    }


def _digest(frames: tuple[pd.DataFrame, ...], meta: dict[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for frame in frames:
        for name in frame:
            found.update(np.ascontiguousarray(frame[name].to_numpy()).tobytes())
    return found.hexdigest()[:16]
