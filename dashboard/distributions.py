"""What the Errors view draws, counted from an evaluation and its details. Nothing here draws."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard.evaluations import Evaluated, Reference
from edgeguard_core.evaluation.grouped_scores import BINS as SCORE_BINS
from edgeguard_core.evaluation.grouped_scores import KINDS, GroupedScores
from edgeguard_core.evaluation.log_bins import LogBins
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED
from edgeguard_core.pipeline.details import Details, SampledFlows, read_details
from edgeguard_core.thresholds import Threshold

MOST_ROWS: Final = 16  # of ridges; more and nobody reads them
MOST_TIMES: Final = 96
MOST_POINTS: Final = 3_000
QUANTILES: Final = {"median": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_ORDER: Final = (BENIGN, ATTACK, UNLABELLED)
_STEPS_MS: Final = tuple(
    1000.0 * s
    for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
)


def details_of(reference: Reference) -> Details | None:
    """What ``score --details`` wrote for an evaluation; None where it was not asked to.

    Raises
    ------
    SourceError
        If the file is damaged.
    """
    if reference.details is None or not reference.details.exists():
        return None
    return _details(reference, reference.details.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _details(reference: Reference, stamp: int) -> Details:
    assert reference.details is not None  # details_of looked
    return read_details(reference.details)


def kind_of_class(name: str) -> str:
    """What is known of the flows of a class: benign, attack or unlabelled.

    >>> kind_of_class("benign"), kind_of_class("scan"), kind_of_class("unlabelled")
    ('benign', 'attack', 'unlabelled')
    """
    return name if name in ("benign", "unlabelled") else "attack"


def ridges(
    counts: NDArray[np.integer],
    groups: Sequence[str],
    kinds: Sequence[Sequence[str]],
    bins: LogBins,
) -> pd.DataFrame:
    """Histograms of several groups, each to its own height: one row a filled bin.

    Parameters
    ----------
    counts
        Shape ``(G, K, B)``: groups, what is known of their flows, bins.
    groups
        G names.
    kinds
        K words for each group.

    Returns
    -------
    ``group, place, n, kind, low, high, flows, height``: ``place`` counts groups from 0, ``n`` is
    the number of the group's flows, ``height`` goes to 1 with the logarithm of the flows.

    Examples
    --------
    >>> bins = LogBins(1)
    >>> counts = np.zeros((1, 1, len(bins)), int)
    >>> counts[0, 0, [0, 7]] = 1, 3
    >>> found = ridges(counts, ["tcp"], [["benign"]], bins)
    >>> found["low"].round(3).tolist(), found["height"].tolist()
    ([0.1, 1.0], [0.5, 1.0])
    """
    low, high = _ends(counts.sum(axis=(0, 1)), bins)
    parts = []
    for place, (name, words) in enumerate(zip(groups, kinds, strict=True)):
        for k, kind in enumerate(words):
            filled = np.flatnonzero(counts[place, k])
            flows = counts[place, k, filled]
            if len(filled):
                parts.append(
                    pd.DataFrame(
                        {
                            "group": name,
                            "place": place,
                            "n": int(counts[place].sum()),
                            "kind": kind,
                            "low": low[filled],
                            "high": high[filled],
                            "flows": flows,
                            "height": np.log1p(flows) / np.log1p(flows.max()),
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_RIDGE_COLUMNS)


_RIDGE_COLUMNS = ["group", "place", "n", "kind", "low", "high", "flows", "height"]


def _ends(
    total: NDArray[np.integer], bins: LogBins
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where bars begin and end: the bin of zeros stands as one bar left of all others."""
    edges = bins.edges.astype(np.float64)
    step = edges[1] / edges[0]
    filled = np.flatnonzero(total[1:])
    first = edges[filled[0]] if len(filled) else edges[0]
    return (
        np.concatenate([[first / step], edges]),
        np.concatenate([[first], edges[1:], [edges[-1] * step]]),
    )


def scores_by_class(evaluated: Evaluated) -> pd.DataFrame:
    """Ridges of the score, a row a class: benign first, then those with most flows."""
    counts = np.zeros((len(evaluated.classes), 1, len(SCORE_BINS)), np.int64)
    np.add.at(counts, (evaluated.class_of, 0, SCORE_BINS.of(evaluated.scores)), 1)
    order = [c for c in _by_flows(counts) if counts[c].any()]
    names = [evaluated.classes[c] for c in order]
    order.sort(key=lambda c: kind_of_class(evaluated.classes[c]) != "benign")
    names = [evaluated.classes[c] for c in order][:MOST_ROWS]
    kinds = [[kind_of_class(name)] for name in names]
    return ridges(counts[order[:MOST_ROWS]], names, kinds, SCORE_BINS)


def scores_by_label(evaluated: Evaluated) -> pd.DataFrame:
    """The histogram of all scores: one row a filled bin and kind."""
    counts = np.zeros((1, len(_ORDER), len(SCORE_BINS)), np.int64)
    for k, label in enumerate(_ORDER):
        mine = evaluated.scores[evaluated.label == label]
        counts[0, k] = np.bincount(SCORE_BINS.of(mine), minlength=len(SCORE_BINS))
    return ridges(counts, ["all flows"], [[LABEL_WORDS[label] for label in _ORDER]], SCORE_BINS)


def scores_by_word(group: GroupedScores) -> pd.DataFrame:
    """Ridges of the score, a row a word of a column, those with most flows first."""
    counts = group.counts.transpose(1, 0, 2).astype(np.int64)  # (G, kinds, B)
    order = _by_flows(counts)[:MOST_ROWS]
    kinds = [[LABEL_WORDS[kind] for kind in KINDS]] * len(order)
    return ridges(counts[order], [group.words[g] for g in order], kinds, SCORE_BINS)


def quantiles_by_word(group: GroupedScores) -> pd.DataFrame:
    """``group, kind, flows, median, p95, p99`` of each word's flows, most flows first."""
    rows = []
    for g in _by_flows(group.counts.transpose(1, 0, 2)):
        for k, kind in enumerate(KINDS):
            counts = group.counts[k, g]
            if counts.any():
                found = [float(SCORE_BINS.quantiles(counts, q)) for q in (0.5, 0.95, 0.99)]
                rows.append((group.words[g], LABEL_WORDS[kind], int(counts.sum()), *found))
    return pd.DataFrame(rows, columns=["group", "kind", "flows", "median", "p95", "p99"])


def quantiles_by_class(evaluated: Evaluated) -> pd.DataFrame:
    """``group, kind, flows, median, p95, p99`` of each class, benign first."""
    rows = []
    for c, name in enumerate(evaluated.classes):
        mine = evaluated.scores[evaluated.class_of == c]
        if len(mine):
            found = np.quantile(mine, [0.5, 0.95, 0.99]).tolist()
            rows.append((name, kind_of_class(name), len(mine), *found))
    return pd.DataFrame(rows, columns=["group", "kind", "flows", "median", "p95", "p99"])


def _by_flows(counts: NDArray[np.integer]) -> list[int]:
    return np.argsort(-counts.sum(axis=(1, 2)), kind="stable").tolist()


def step_ms(time_ms: NDArray[np.float64]) -> float:
    """How wide a bin of time is, so that at most 96 of them hold all flows.

    >>> step_ms(np.array([0.0, 3_600_000.0])) / 1000
    60.0
    """
    span = float(np.nanmax(time_ms) - np.nanmin(time_ms))
    fitting = (step for step in _STEPS_MS if span / step <= MOST_TIMES - 1)
    days = _STEPS_MS[-1]
    return next(fitting, days * np.ceil(span / days / (MOST_TIMES - 1)))


def over_time(evaluated: Evaluated, threshold: Threshold) -> pd.DataFrame:
    """Scores and alerts by time and label, a row a bin of time and kind that has flows.

    Returns
    -------
    ``begin, end, kind, flows, alerts`` and a column for each of ``QUANTILES``;
    times in ms UTC, and ``when`` as a text.
    """
    columns = ["begin", "end", "kind", "flows", "alerts", *QUANTILES]
    if evaluated.time_ms is None:
        return pd.DataFrame(columns=[*columns, "when"])
    timed = np.flatnonzero(~np.isnan(evaluated.time_ms))
    time_ms, scores = evaluated.time_ms[timed], evaluated.scores[timed]
    step = step_ms(time_ms)
    bin_of = np.floor(time_ms / step).astype(np.int64)
    alerts = threshold.alerts(scores)
    rows = []
    for label in _ORDER:
        mine = np.flatnonzero(evaluated.label[timed] == label)
        mine = mine[np.argsort(bin_of[mine], kind="stable")]
        bins, starts = np.unique(bin_of[mine], return_index=True)
        for at, flows in zip(bins.tolist(), np.split(mine, starts[1:]), strict=False):
            found = np.quantile(scores[flows], list(QUANTILES.values())).tolist()
            counted = (len(flows), int(alerts[flows].sum()))
            rows.append((at * step, (at + 1) * step, LABEL_WORDS[label], *counted, *found))
    frame = pd.DataFrame(rows, columns=columns)
    when = pd.to_datetime(frame["begin"], unit="ms").dt.strftime("%d %b %H:%M:%S")
    return frame.assign(when=when)


def feature_table(details: Details) -> pd.DataFrame:
    """Each feature and class: a row with the mean share of the score and the error's quantiles.

    Returns
    -------
    ``feature, class, kind, flows, share, median, p95``, the feature that makes up most of any
    class's scores first.
    """
    errors = details.errors
    share, median, p95 = errors.mean_share, errors.quantile(0.5), errors.quantile(0.95)
    order = np.argsort(-share.max(axis=1), kind="stable").tolist() if share.size else []
    rows = [
        (errors.features[f], name, kind_of_class(name), int(errors.flows[c]),
         float(share[f, c]), float(median[f, c]), float(p95[f, c]))
        for f in order
        for c, name in enumerate(errors.classes)
    ]  # fmt: skip
    columns = ["feature", "class", "kind", "flows", "share", "median", "p95"]
    return pd.DataFrame(rows, columns=columns)


def worst_features(details: Details) -> pd.DataFrame:
    """A row a feature: its mean share for benign and attack flows, and for whom it fails most.

    Returns
    -------
    ``feature, benign, attack, for_whom, most``: the shares are NaN where there is no such flow.
    """
    errors = details.errors
    share, kinds = errors.mean_share, [kind_of_class(name) for name in errors.classes]

    def mean_of(kind: str) -> NDArray[np.float64]:
        there = [c for c, word in enumerate(kinds) if word == kind]
        if not there:
            return np.full(len(errors.features), np.nan)
        return np.asarray(np.average(share[:, there], axis=1, weights=errors.flows[there]))

    largest = share.argmax(axis=1)
    frame = pd.DataFrame(
        {
            "feature": errors.features,
            "benign": mean_of("benign"),
            "attack": mean_of("attack"),
            "for_whom": [errors.classes[c] for c in largest],
            "most": share.max(axis=1),
        }
    )
    return frame.sort_values("most", ascending=False, kind="stable", ignore_index=True)


def errors_of(details: Details, feature: str) -> pd.DataFrame:
    """Ridges of one feature's error, a row a class."""
    from edgeguard_core.evaluation.feature_errors import BINS

    errors = details.errors
    counts = errors.counts[errors.features.index(feature)][:, None, :].astype(np.int64)
    names = list(errors.classes[:MOST_ROWS])
    return ridges(counts[: len(names)], names, [[kind_of_class(name)] for name in names], BINS)


def sampled(details: Details, most: int = MOST_POINTS, seed: int = 0) -> pd.DataFrame:
    """The sampled flows, at most so many: ``row, class, kind, score, top`` and their place.

    ``at`` is the position in the sample.
    """
    sample = details.sample
    chosen = np.arange(len(sample))
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
    return pd.DataFrame(
        {
            "at": chosen,
            "row": sample.row[chosen],
            "class": sample.class_names[chosen],
            "kind": [LABEL_WORDS[int(label)] for label in sample.label[chosen]],
            "score": sample.score[chosen],
            "top": _top(sample, details.features)[chosen],
        }
    )


def _top(sample: SampledFlows, features: tuple[str, ...]) -> NDArray[np.object_]:
    """The feature with the largest error of each sampled flow, ``(m,)``."""
    if not len(sample):
        return np.zeros(0, np.object_)
    names: NDArray[np.object_] = np.array(features, object)[sample.feature_errors.argmax(axis=1)]
    return names
