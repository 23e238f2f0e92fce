"""Which flows are trained on, which calibrate, which test."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.flows.table import BENIGN, LABEL_WORDS, UNLABELLED, Flows, Labels
from edgeguard_core.pipeline.reading import named, require_trusted_labels
from edgeguard_core.sources import ReadReport

MS_PER_HOUR = 3_600_000.0
BY_TIME, AT_RANDOM = "time", "random"
NOTHING_LABELLED = "No flow is labelled: all are taken as benign."


@dataclass(frozen=True)
class Split:
    """Two parts of some flows, and how they were parted: ``time`` or ``random``."""

    first: NDArray[np.int64]  # positions, in the source's order
    last: NDArray[np.int64]
    kind: str

    def placed(
        self, always: NDArray[np.bool_] | None, never: NDArray[np.bool_] | None = None
    ) -> "Split":
        """The same split with some flows always in the first part, and others never in it.

        What is never in the first part stays in the last where it is there, and is else in
        neither: the last part is a sample by time, and would be none if flows joined it for what
        somebody said of them.

        Parameters
        ----------
        always, never
            Masks of the flows that were split, ``(n,)``.

        Examples
        --------
        >>> parts = Split(np.array([0, 1, 2]), np.array([3, 4]), "time")
        >>> found = parts.placed(np.arange(5) == 4, np.arange(5) == 1)
        >>> found.first.tolist(), found.last.tolist()
        ([0, 2, 4], [3])
        """
        first, last = self.first, self.last
        if always is not None:
            first = np.union1d(first, np.flatnonzero(always))
            last = last[~always[last]]
        if never is not None:
            first = first[~never[first]]
        return replace(self, first=first, last=last)


def split(
    flows: Flows,
    last_share: float,
    *,
    timeline: NDArray[np.int64] | None = None,
    kind: str | None = None,
    seed: int = 0,
) -> Split:
    """Some flows in two, the second part of about ``last_share``.

    Parameters
    ----------
    flows
        Shape ``(n,)``.
    last_share
        In ``[0, 1)``.
    timeline
        Which file each flow is from, shape ``(n,)``; by default all are from one. By time, the
        latest part of *each* goes last: captures of other days or devices are no later part of
        one another (docs/decisions/0013).
    kind
        ``time`` puts the latest flows last; ``random`` draws by ``seed``. By default time where
        every flow has a time stamp: a random draw flatters, since neighbours in time are alike.

    Raises
    ------
    SchemaError
        If ``time`` is asked for and some flow has no time stamp.
    """
    times = flows.time_ms
    timed = times is not None and not np.isnan(times).any()
    if kind == BY_TIME and not timed:
        raise SchemaError(
            "These flows have no time stamps to split by; use --split random with a --seed."
        )
    kind = kind or (BY_TIME if timed else AT_RANDOM)
    if kind == BY_TIME and times is not None:
        files = np.zeros(len(flows), np.int64) if timeline is None else timeline
        latest = _latest(times, files, last_share)
    else:
        n_last = round(len(flows) * last_share)
        latest = np.zeros(len(flows), np.bool_)
        latest[np.random.default_rng(seed).permutation(len(flows))[len(flows) - n_last :]] = True
    return Split(np.flatnonzero(~latest), np.flatnonzero(latest), kind)


def _latest(
    times: NDArray[np.float64], files: NDArray[np.int64], share: float
) -> NDArray[np.bool_]:
    """The latest part of each file, and just that share of all, shape ``(n,)``.

    What rounding takes from one file it gives to the next.

    >>> _latest(np.array([7.0, 5.0, 6.0, 1.0, 2.0]), np.array([0, 0, 0, 1, 1]), 0.4)
    array([ True, False, False, False,  True])
    """
    order = np.lexsort((times, files))
    counts = np.unique(files, return_counts=True)[1]
    ends = np.cumsum(counts)
    due = np.array([round(int(end) * share) for end in ends])
    mine = np.diff(due, prepend=0)
    from_end = np.repeat(ends, counts) - np.arange(len(files))  # 1 for a file's latest flow
    chosen = np.empty(len(files), np.bool_)
    chosen[order] = from_end <= np.repeat(mine, counts)
    return chosen


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

    def without(self, some: NDArray[np.bool_], warnings: Iterable[str] = ()) -> "NormalFlows":
        """The same without some of them, given as a mask of the normal flows, ``(m,)``."""
        told = [*self.warnings, *warnings]
        if not some.any():
            return replace(self, warnings=told)
        rows = self.rows.copy()
        rows[np.flatnonzero(rows)[some]] = False
        return NormalFlows(self.flows.select(~some), rows, told)


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


@dataclass(frozen=True)
class Placing:
    """Flows whose place in a training a person decided, by file name and record number.

    Attributes
    ----------
    always
        Fitted wherever they stand.
    never
        Not fitted; they calibrate where their time puts them among those that do.
    """

    always: Mapping[str, Sequence[int]] = field(default_factory=dict)
    never: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def masks(
        self, report: ReadReport, normal: NormalFlows
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of the normal flows are always, and which never fitted, ``(m,)`` each."""
        timeline, line = report.timeline[normal.rows], normal.flows.line
        masks = []
        for listed in (self.always, self.never):
            mask = np.zeros(len(line), np.bool_)
            for file, path in enumerate(report.paths):
                if path.name in listed:
                    mask |= (timeline == file) & np.isin(line, listed[path.name])
            masks.append(mask)
        return masks[0], masks[1]
