"""Which flows are trained on, which calibrate, which test."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.flows.table import BENIGN, LABEL_WORDS, UNLABELLED, Flows, Labels
from edgeguard_core.pipeline.reading import named, require_trusted_labels
from edgeguard_core.sources import ReadReport

MS_PER_HOUR = 3_600_000.0
BY_TIME, AT_RANDOM, OF_EACH = "time", "random", "time of each file"
NOTHING_LABELLED = "No flow is labelled: all are taken as benign."


@dataclass(frozen=True)
class Split:
    """Two parts of some flows, and how: ``time``, ``random`` or ``time of each file``."""

    first: NDArray[np.int64]  # positions, in the source's order
    last: NDArray[np.int64]
    kind: str


def split(
    flows: Flows,
    last_share: float,
    *,
    kind: str | None = None,
    seed: int = 0,
    timeline: NDArray[np.int64] | None = None,
) -> Split:
    """Some flows in two, the second part of about ``last_share``.

    Parameters
    ----------
    flows
        Shape ``(n,)``.
    last_share
        In ``[0, 1)``.
    kind
        ``time`` puts the latest flows last; ``time of each file`` the latest of each timeline;
        ``random`` draws by ``seed``. By default time where every flow has a time stamp: a random
        draw flatters, since neighbours in time are alike.
    timeline
        Which file each flow is from, shape ``(n,)``, for ``time of each file``.

    Raises
    ------
    SchemaError
        If ``time`` is asked for and some flow has no time stamp.
    """
    times = flows.time_ms
    timed = times is not None and not np.isnan(times).any()
    if kind in (BY_TIME, OF_EACH) and not timed:
        raise SchemaError(
            "These flows have no time stamps to split by; use --split random with a --seed."
        )
    kind = kind or (BY_TIME if timed else AT_RANDOM)
    if kind == OF_EACH and times is not None:
        files = np.zeros(len(flows), np.int64) if timeline is None else timeline
        parts = [_latest(times, np.flatnonzero(files == one), last_share) for one in set(files)]
        last = np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))
        return Split(np.setdiff1d(np.arange(len(flows)), last), last, kind)
    n_last = round(len(flows) * last_share)
    if kind == BY_TIME and times is not None:
        order = np.argsort(times, kind="stable")
    else:
        order = np.random.default_rng(seed).permutation(len(flows))
    cut = len(flows) - n_last
    return Split(np.sort(order[:cut]), np.sort(order[cut:]), kind)


def _latest(times: NDArray[np.float64], rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """The latest of some rows, about a share of them."""
    n_last = round(len(rows) * share)
    return rows[np.argsort(times[rows], kind="stable")][len(rows) - n_last :]


def duration_hours(flows: Flows, timeline: NDArray[np.int64] | None = None) -> float | None:
    """Hours from the first to the last flow of each timeline, summed; None without time.

    ``timeline`` says which file each flow is from, shape ``(n,)``: the months between two
    captures are no hours of traffic.
    """
    times = flows.time_ms
    if times is None:
        return None
    files = np.zeros(len(flows), np.int64) if timeline is None else timeline
    known = ~np.isnan(times)
    return total_hours(
        (float(times[mine].min()), float(times[mine].max()))
        for mine in ((files == file) & known for file in np.unique(files[known]))
    )


def total_hours(spans_ms: Iterable[tuple[float, float]]) -> float | None:
    """Hours of some spans of time together; None where no time passes.

    >>> total_hours([(0.0, 3_600_000.0), (9e9, 9e9 + 1_800_000.0)])
    1.5
    """
    passed = sum(last - first for first, last in spans_ms if last > first)
    return passed / MS_PER_HOUR if passed > 0 else None


@dataclass(frozen=True)
class NormalFlows:
    """The flows that are taken as normal, and what to tell the person about that choice."""

    flows: Flows
    rows: NDArray[np.bool_]  # which of all flows they are, (n,)
    warnings: list[str]


def unlabelled_as_benign(flows: Flows) -> Flows:
    """The same flows, those that nobody judged labelled benign."""
    if flows.labels is None:
        return flows
    rows = flows.labels.label == UNLABELLED
    label = np.where(rows, BENIGN, flows.labels.label).astype(np.int8)
    class_name = np.where(rows, LABEL_WORDS[BENIGN], flows.labels.class_name)
    return replace(flows, labels=Labels(label, class_name))


def normal_flows(flows: Flows, report: ReadReport) -> NormalFlows:
    """The flows that a model may learn as normal.

    Rows labelled benign; without any label all rows. Unlabelled rows are left out where any
    label exists: make them benign before, if they shall count.

    Raises
    ------
    SchemaError
        If the label column has words but none that is known to mean benign.
    NotEnoughDataError
        If every labelled flow is an attack.
    """
    require_trusted_labels(report)
    everything = np.ones(len(flows), np.bool_)
    if flows.labels is None or not (flows.is_benign | flows.is_attack).any():
        # An Argus log has a label column even where nobody labelled anything.
        nameless = replace(flows, labels=None)
        return NormalFlows(nameless, everything, [NOTHING_LABELLED])
    unlabelled = flows.labels.label == UNLABELLED
    rows = flows.is_benign
    if not rows.any():
        raise NotEnoughDataError(
            f"None of the {len(flows)} flows of {named(report.paths)} is benign "
            f"({int(flows.is_attack.sum())} attacks, {int(unlabelled.sum())} unlabelled); "
            "give a file with normal traffic"
            + (", or add --unlabelled-as-benign." if unlabelled.any() else ".")
        )
    warnings = []
    if unlabelled.any():
        warnings.append(f"{int(unlabelled.sum())} unlabelled flows are left out of training.")
    return NormalFlows(flows.select(rows), rows, warnings)
