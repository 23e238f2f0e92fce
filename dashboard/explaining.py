"""One flow in detail: what the model says of it, and the keys to find it elsewhere."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import evaluations, jobs, results, wording, workspace
from edgeguard_core.detection.quantity import quantities, quantity
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.flows.pivots import community_id, wireshark_filter, zeek_search

_ALL = "1000"  # features: all of them
_KEYS = {"uid": "Zeek uid", "flow_id": "Flow id", "community_id": "Community ID"}
_DURATIONS = ("bidirectional_duration_ms", "flow_duration_us")
_THINNEST = 0.015  # of a bar, so that a band of one value is seen


@dataclass(frozen=True)
class FlowFacts:
    """What is known about one flow without asking the model."""

    row: int
    score: float
    kind: str  # 'benign' | 'attack' | 'unlabelled'
    class_name: str
    lower: float  # what share of the evaluation's flows scores lower; NaN of a flow of none
    time_ms: float | None
    columns: Mapping[str, Any]  # its row of the scored file


def facts_of(evaluated: evaluations.Evaluated, row: int) -> FlowFacts:
    """The flow of a line of the source.

    Raises
    ------
    SourceError
        If no scored flow stands there.
    """
    found = np.flatnonzero(evaluated.row == row)
    if not len(found):
        raise SourceError(
            f"Line {row} of {evaluated.reference.title} holds no scored flow; the column Line of "
            "a table of flows says which lines do."
        )
    at = found[:1]
    kinds = {value: word for word, value in (("benign", 0), ("attack", 1), ("unlabelled", -1))}
    score, time_ms = float(evaluated.scores[at[0]]), None
    if evaluated.time_ms is not None and not math.isnan(evaluated.time_ms[at[0]]):
        time_ms = float(evaluated.time_ms[at[0]])
    return FlowFacts(
        row=row,
        score=score,
        kind=kinds[int(evaluated.label[at[0]])],
        class_name=evaluated.classes[int(evaluated.class_of[at[0]])],
        lower=float((evaluated.scores < score).mean()),
        time_ms=time_ms,
        columns=evaluated.frame(at).iloc[0].to_dict(),
    )


def explain(reference: evaluations.Reference, row: int) -> dict[str, Any]:
    """What ``explain --row`` answers for a flow, all features of it; kept once it was asked.

    Raises
    ------
    EdgeGuardError
        If the scored file or the bundle is gone, or the line holds no flow.
    """
    try:
        modified = reference.source.stat().st_mtime_ns
    except OSError as error:
        raise EdgeGuardError(
            f"{reference.source.name} is no longer where it was scored, so the model cannot be "
            "asked about its flows; upload it again."
        ) from error
    # A calibration made here since then changes the p-value.
    kept = reference.state.path
    stamp = (modified, kept.stat().st_mtime_ns if kept.exists() else 0)
    return _explain(
        str(reference.bundle), str(reference.source), row, reference.schema_option, stamp
    )


@st.cache_data(max_entries=200, show_spinner=False)
def _explain(
    bundle: str, path: str, row: int, schema: tuple[str, ...], stamp: tuple[int, int]
) -> dict[str, Any]:
    state = str(workspace.state_folder(Path(bundle)))
    told = jobs.ask(
        "explain", bundle, path, *schema, "--state", state, "--row", str(row), "--top", _ALL
    )
    flow: dict[str, Any] = told["flows"][0]
    return flow


def reasons(told: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a feature: its texts in units, and its places on a bar from 0 to 1.

    Parameters
    ----------
    told
        ``features`` of ``explain --json``.

    Returns
    -------
    ``name, share, actual, reconstructed, usual`` as texts, and ``at, expected_at, low, high``,
    NaN for words.
    """
    rows = []
    for feature in told:
        unit = feature.get("unit")
        actual, expected = feature["actual"], feature["reconstructed"]
        low, high, words = _usual(feature)
        usual = (
            wording.usual(None, None, [word or "a rare value" for word in words])
            if words
            else _range(low, high, unit)
        )
        places = _places(actual, expected, low, high)
        rows.append(
            (feature["name"], feature["share"] or 0.0, _text(actual, unit), _text(expected, unit),
             usual, *places)
        )  # fmt: skip
    columns = ["name", "share", "actual", "reconstructed", "usual"]
    return pd.DataFrame(rows, columns=[*columns, "at", "expected_at", "low", "high"])


def is_of_similar(told: list[dict[str, Any]]) -> bool:
    """Whether what is usual is that of benign flows like this one, not that of all."""
    return any(feature.get("similar_low") is not None for feature in told)


def _usual(feature: Mapping[str, Any]) -> tuple[Any, Any, list[str] | None]:
    """Low, high and words: of flows like it where they are known."""
    kind = "usual" if feature.get("similar_low") is None else "similar"
    return feature[f"{kind}_low"], feature[f"{kind}_high"], feature.get(f"{kind}_values")


def changes(what_if: Mapping[str, Any] | None) -> pd.DataFrame:
    """A row a feature that would have to change: what it has, and a benign flow like it has.

    Parameters
    ----------
    what_if
        That of ``explain --json``; None for what is no alert.

    Returns
    -------
    ``cause, name, actual, instead`` as texts, and ``score``, that after the cause and those
    before it.
    """
    rows = [
        (cause["name"], one["name"], _text(one["actual"], one["unit"]),
         _text(one["similar_low"], one["unit"]), cause["score_after"])
        for cause in (what_if or {}).get("causes", ())
        for one in cause["features"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["cause", "name", "actual", "instead", "score"])


def shares_alone(top_features: str) -> pd.DataFrame:
    """``name`` and ``share`` of the short text of a row, where the model cannot be asked."""
    return pd.DataFrame(results.shares_of(top_features), columns=["name", "share"])


def _text(value: Any, unit: str | None) -> str:
    if isinstance(value, str):
        return value or "a rare value"
    return quantity(value, unit)


def _range(low: Any, high: Any, unit: str | None) -> str:
    if low is None and high is None:
        return wording.UNDEFINED
    if isinstance(low, str) or isinstance(high, str):
        return wording.usual(low, high)
    return quantities(low, high, unit)


def _places(*values: Any) -> tuple[float, float, float, float]:
    """Where actual, expected, low and high stand between the least and the most of them.

    On a scale that is linear near 0 and logarithmic far from it, for features span decades.

    >>> _places(9.0, 0.0, 0.0, 9.0)
    (1.0, 0.0, 0.0, 1.0)
    """
    if any(isinstance(value, str) for value in values):
        return (math.nan,) * 4
    bent = [math.nan if v is None else math.copysign(math.log1p(abs(v)), v) for v in values]
    known = [value for value in bent if not math.isnan(value)]
    if not known or max(known) == min(known):
        at, expected, low, high = (v if math.isnan(v) else 0.5 for v in bent)
    else:
        span = max(known) - min(known)
        at, expected, low, high = ((value - min(known)) / span for value in bent)
    if high - low < _THINNEST:
        low, high = low - _THINNEST / 2, high + _THINNEST / 2
    return at, expected, low, high


def keys(flow: FlowFacts) -> dict[str, str]:
    """Keys that other tools know the flow by: title and key."""
    found = {
        title: str(flow.columns[name])
        for name, title in _KEYS.items()
        if not wording.is_undefined(flow.columns.get(name)) and str(flow.columns[name])
    }
    computed = community_id(flow.columns)
    if computed is not None:
        found.setdefault(_KEYS["community_id"], computed)
    return found


def searches(flow: FlowFacts, told: list[dict[str, Any]]) -> dict[str, str]:
    """What to paste elsewhere to see the flow's packets or its line: title and text."""
    values = dict(flow.columns) | {
        "bidirectional_first_seen_ms": flow.time_ms,
        "timestamp_ms": flow.time_ms,
    }
    values |= {f["name"]: f["actual"] for f in told if f["name"] in _DURATIONS}
    found = {"Wireshark display filter": wireshark_filter(values)}
    uid = flow.columns.get("uid")
    if not wording.is_undefined(uid) and str(uid):
        found["In Zeek's logs"] = zeek_search(str(uid))
    return {title: text for title, text in found.items() if text is not None}
