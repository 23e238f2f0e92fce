"""What the Data page says of an evaluation at a threshold: classes, worst flows, times, hosts.

All of it is counted anew from the scores: the verdicts that stand in the scored file were those
of the threshold in force when it was written.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dashboard import results
from dashboard.evaluations import Evaluated
from edgeguard_core.detection.grouping import NOWHERE
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED
from edgeguard_core.thresholds import Threshold

WORST = 5_000  # rows of the table; more and it loses its selection
MOST_BINS = 300  # of the timeline
TOP_HOSTS = 10
ENDS = ("src_ip", "dst_ip")  # columns of a scored file that name a host
_SECOND_MS = 1_000
# Widths of a bin that a person can name: a second to a month.
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600,
             43_200, 86_400, 172_800, 604_800, 2_592_000)  # fmt: skip


@dataclass(frozen=True)
class Timeline:
    """Alerts of each kind over time."""

    bins: pd.DataFrame  # begin, end (ms UTC), kind, alerts; bins without alerts are left out
    width_s: int
    first_ms: float
    last_ms: float


@dataclass(frozen=True)
class Hosts:
    """Which hosts a file's flows come from or go to, and which of them each flow has."""

    names: NDArray[np.object_]  # (h,)
    of_flow: NDArray[np.int32]  # (n,), -1 where unknown


def kinds(found: Evaluated) -> NDArray[np.object_]:
    """The label of each flow as a word, ``(n,)``."""
    words = np.full(len(found), LABEL_WORDS[UNLABELLED], object)
    for value, word in LABEL_WORDS.items():
        words[found.label == value] = word
    return words


def by_class(found: Evaluated, alert: NDArray[np.bool_]) -> pd.DataFrame:
    """Labelled flows and alerts of each class: class, label, flows, alerts, share.

    Parameters
    ----------
    alert
        Whether each flow alerts, ``(n,)``.
    """
    parts = []
    for value, word in ((ATTACK, "attack"), (BENIGN, "benign")):
        here = found.label == value
        flows = np.bincount(found.class_of[here], minlength=len(found.classes))
        alerts = np.bincount(found.class_of[here & alert], minlength=len(found.classes))
        there = np.flatnonzero(flows)
        order = there[np.argsort(-flows[there], kind="stable")]
        parts.append(
            pd.DataFrame(
                {
                    "class": [found.classes[n] for n in order],
                    "label": word,
                    "flows": flows[order],
                    "alerts": alerts[order],
                    "share": alerts[order] / flows[order],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def highest(score: NDArray[np.float32], count: int = WORST) -> NDArray[np.int64]:
    """Positions of the highest scores, highest first, the earlier row first among equals.

    >>> highest(np.array([1, 3, 3, 2], np.float32), 3).tolist()
    [1, 2, 3]
    """
    # Of flows that score the same at the cut the first ones are in, so all are ordered there.
    picked = np.arange(len(score))
    if count < len(score):
        cut = np.partition(score, len(score) - count)[len(score) - count]
        above, equal = np.flatnonzero(score > cut), np.flatnonzero(score == cut)
        picked = np.concatenate([above, equal[: count - len(above)]])
    return picked[np.lexsort((picked, -score[picked]))]


def timeline(found: Evaluated, alert: NDArray[np.bool_], most: int = MOST_BINS) -> Timeline | None:
    """Alerts of each kind in bins that begin on the clock; None where no flow has a time.

    Parameters
    ----------
    alert
        Whether each flow alerts, ``(n,)``.
    most
        Bins from the first flow to the last, at most.
    """
    if found.time_ms is None or not np.isfinite(found.time_ms).any():
        return None
    first, last = float(np.nanmin(found.time_ms)), float(np.nanmax(found.time_ms))
    width_s = bin_width_s(first, last, most)
    width_ms = width_s * _SECOND_MS
    parts = []
    for value, word in LABEL_WORDS.items():
        times = found.time_ms[alert & (found.label == value)]
        begin, alerts = np.unique(
            np.floor(times[np.isfinite(times)] / width_ms), return_counts=True
        )
        begin_ms = begin * width_ms
        parts.append(
            pd.DataFrame(
                {"begin": begin_ms, "end": begin_ms + width_ms, "kind": word, "alerts": alerts}
            )
        )
    filled = [part for part in parts if len(part)] or parts[:1]
    return Timeline(pd.concat(filled, ignore_index=True), width_s, first, last)


def bin_width_s(first_ms: float, last_ms: float, most: int = MOST_BINS) -> int:
    """Seconds of a bin, so that no more than ``most`` of them cover the time.

    >>> bin_width_s(0, 86_400_000), bin_width_s(5, 5)
    (300, 1)
    """
    for width_s in _WIDTHS_S:
        width_ms = width_s * _SECOND_MS
        if last_ms // width_ms - first_ms // width_ms < most:
            return width_s
    months = int((last_ms - first_ms) / (most - 1) / _SECOND_MS / _WIDTHS_S[-1]) + 1
    return months * _WIDTHS_S[-1]


def hosts(found: Evaluated, column: str) -> Hosts | None:
    """The hosts in a column of the scored file; None where it names none."""
    if column not in found.columns:
        return None
    file = results.open_scores(found.reference.scores)
    words = file.read(columns=[column])[column]
    if pa.types.is_null(words.type) or words.null_count == len(words):
        return None
    coded = pc.dictionary_encode(words.cast(pa.string()).combine_chunks())
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    of_flow = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Hosts(np.array(coded.dictionary.to_pylist(), object), of_flow)


def top_hosts(
    found: Evaluated,
    there: Hosts,
    severity: NDArray[np.int64],
    threshold: Threshold,
    most: int = TOP_HOSTS,
) -> pd.DataFrame:
    """The hosts with most alerts: host, alerts, flows, incidents, severity.

    ``incidents`` counts those raised that its alerts belong to, and is left out without times;
    ``severity`` is that of its worst alert. Hosts without an alert are left out.
    """
    alert = threshold.alerts(found.scores)
    known = there.of_flow >= 0
    flows = np.bincount(there.of_flow[known], minlength=len(there.names))
    alerting = there.of_flow[known & alert]
    alerts = np.bincount(alerting, minlength=len(there.names))
    worst = np.zeros(len(there.names), np.int64)
    np.maximum.at(worst, alerting, severity[known & alert])
    order = np.lexsort((there.names.astype(str), -worst, -alerts))[:most]
    order = order[alerts[order] > 0]
    columns: dict[str, Any] = {
        "host": there.names[order],
        "alerts": alerts[order],
        "flows": flows[order],
        "severity": worst[order],
    }
    if found.incidents is not None:
        columns["incidents"] = _incidents_of(found, there, known & alert, threshold)[order]
    return pd.DataFrame(columns)


def _incidents_of(
    found: Evaluated, there: Hosts, alerting: NDArray[np.bool_], threshold: Threshold
) -> NDArray[np.int64]:
    """How many raised incidents the alerts of each host belong to, ``(h,)``."""
    assert found.incidents is not None
    raised = threshold.alerts(found.incidents.score)
    incident = found.incidents.of_flow
    inside = alerting & (incident != NOWHERE)
    inside[inside] = raised[incident[inside]]
    pairs = np.unique(np.stack([there.of_flow[inside], incident[inside]]), axis=1)
    return np.bincount(pairs[0], minlength=len(there.names))
