"""Evaluate, calibrate, explain: what becomes of scores once they are all there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector, Explanation, explain
from edgeguard_core.detection.incidents import hosts
from edgeguard_core.detection.local_scores import LocalCalibration, LocalScores
from edgeguard_core.errors import NotEnoughDataError, SourceError
from edgeguard_core.evaluation import Evaluation, evaluate, sketch_of
from edgeguard_core.flows.table import BENIGN, Flows, Labels
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.reading import named, require_trusted_labels
from edgeguard_core.pipeline.room import spare
from edgeguard_core.pipeline.score import scored_batches, threshold_json, usage_warnings
from edgeguard_core.pipeline.splits import NOTHING_LABELLED, total_hours
from edgeguard_core.pipeline.unseen_values import UnseenValues
from edgeguard_core.sources import ReadOptions, ReadReport
from edgeguard_core.thresholds import (
    CONTAMINATION,
    Calibration,
    Threshold,
    ThresholdSketch,
    require_benign_rows,
)


@dataclass
class Scores:
    """All scores of some files, with labels and the time they cover; n flows.

    Each file is its own timeline: the months between two captures are no hours of traffic.
    """

    report: ReadReport = field(default_factory=ReadReport)
    spans_ms: dict[int, tuple[float, float]] = field(default_factory=dict)
    unseen: UnseenValues = field(default_factory=UnseenValues)
    _scores: list[NDArray[np.float32]] = field(default_factory=list)
    _labels: list[Labels | None] = field(default_factory=list)
    _hosts: list[NDArray[np.object_]] = field(default_factory=list)
    _times_ms: list[NDArray[np.float64]] = field(default_factory=list)
    _lines: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, flows: Flows, scores: NDArray[np.float32]) -> None:
        """Take over a batch."""
        self._scores.append(scores)
        self._labels.append(flows.labels)
        self._lines.append(flows.line)
        times = flows.time_ms
        self._hosts.append(hosts(flows))
        self._times_ms.append(np.full(len(flows), np.nan) if times is None else times)
        if times is not None:
            file = len(self.report.paths)  # those before it are closed
            first, last = self.spans_ms.get(file, (np.inf, -np.inf))
            self.spans_ms[file] = (
                min(first, float(np.nanmin(times))),
                max(last, float(np.nanmax(times))),
            )

    @property
    def scores(self) -> NDArray[np.float32]:
        """Shape ``(n,)``."""
        return np.concatenate(self._scores)

    def local(self, rows: NDArray[np.bool_]) -> LocalScores:
        """Some of the flows, ``(n,)``, as a calibration on the spot takes them."""
        found = LocalScores(most=None)
        hosts_of = np.concatenate(self._hosts)
        found.add(self.scores[rows], hosts_of[rows], self.times_ms[rows])
        return found

    @property
    def times_ms(self) -> NDArray[np.float64]:
        """Shape ``(n,)``; nan where a flow has no time."""
        return np.concatenate(self._times_ms)

    @property
    def lines(self) -> NDArray[np.int64]:
        """The line of each flow in its file, ``(n,)``."""
        return np.concatenate(self._lines)

    @property
    def labels(self) -> Labels | None:
        """Labels of all flows, those of files without labels unlabelled; None without any."""
        if all(labels is None for labels in self._labels):
            return None
        return Labels.concat(
            [
                Labels.unknown(len(scores)) if labels is None else labels
                for labels, scores in zip(self._labels, self._scores, strict=True)
            ]
        )

    @property
    def hours(self) -> float | None:
        """Hours from the first to the last flow of each file, summed; None without times."""
        return total_hours(self.spans_ms.values())


def score_all(
    detector: Detector,
    paths: Sequence[str | Path],
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Scores:
    """The scores of every accepted flow of some files.

    Raises
    ------
    SourceError, SchemaError
        If the files cannot be read, or are not what the bundle scores.
    """
    collected = Scores()
    batches = scored_batches(detector, paths, read, collected.report, on_progress, collected.unseen)
    for flows, scored in batches:
        collected.add(flows, scored.scores)
    return collected


@dataclass(frozen=True)
class Evaluated:
    """The figures of a bundle on labelled flows, and where its threshold comes from.

    ``withdrawn`` when the flows are of another meter than the promise was calibrated on.
    """

    evaluation: Evaluation
    threshold: dict[str, Any]
    withdrawn: bool
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``evaluate --json``."""
        promise = {"promised_false_positive_rate": None, "promise": None}
        return (
            self.evaluation.to_json()
            | (promise if self.withdrawn else {})
            | {"threshold": self.threshold, "warnings": self.warnings}
        )


def evaluate_files(
    detector: Detector,
    paths: Sequence[str | Path],
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Evaluated:
    """How the threshold in force does on labelled flows.

    Raises
    ------
    SchemaError
        If the label column has words but none known to mean benign.
    NotEnoughDataError
        If no flow is labelled.
    """
    found = score_all(detector, paths, read, on_progress)
    labels = found.labels
    require_trusted_labels(found.report)
    if labels is None or not (labels.label >= BENIGN).any():
        raise NotEnoughDataError(
            f"None of the {found.report.accepted} flows of {named(paths)} is labelled, so there is "
            "nothing to judge by; give a labelled file, or use score."
        )
    result = evaluate(found.scores, labels, detector.threshold, hours=found.hours)
    warnings = usage_warnings(detector, found.report, found.unseen)
    withdrawn = detector.promise_warning(found.report.meter) is not None
    if not withdrawn and result.promise is not None and result.promise.breached:
        warnings.append(
            f"The false-alarm promise is broken here: {result.promise.realised:.2%} realised "
            f"({result.promise.low:.2%} to {result.promise.high:.2%}), "
            f"{result.promise.promised:.2%} promised; calibrate on this network."
        )
    return Evaluated(result, threshold_json(detector), withdrawn, warnings)


@dataclass(frozen=True)
class Calibrated:
    """Scores of local flows, as thresholds are chosen on and p-values measured against.

    ``sketch`` counts all classes; what asks for benign flows alone is chosen on the finer one
    of ``benign``. ``is_labelled`` where somebody said which flows are benign; else ``local`` may
    hold attacks.
    """

    sketch: ThresholdSketch
    benign: Calibration
    on_what: str
    meter: str
    warnings: list[str]
    local: LocalScores
    hours: float | None
    is_labelled: bool

    def promising(
        self,
        alpha: float,
        contamination: float | None = None,
        half_life_hours: float | None = None,
    ) -> tuple[LocalCalibration, "Calibrated"]:
        """A threshold that promises a false-alarm rate, and the flows that calibrate it.

        Parameters
        ----------
        contamination
            Share of the flows that may be attacks; by default 1 % where nobody labelled them.
        half_life_hours
            Recent flows weigh more: half as much every so many hours of age.

        Raises
        ------
        EdgeGuardError
            If there is no such rate, share or half-life, or no time to go by.
        """
        if contamination is None:
            contamination = 0.0 if self.is_labelled else CONTAMINATION
        found = self.local.calibrate(
            alpha, self.on_what, contamination, self.hours, half_life_hours
        )
        return found, replace(self, benign=found.calibration)


def calibrate_on(
    detector: Detector,
    paths: Sequence[str | Path],
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Calibrated:
    """What the benign flows of some files score: without any label all count as benign.

    Raises
    ------
    NotEnoughDataError
        With fewer than 50 benign flows.
    """
    found = score_all(detector, paths, read, on_progress)
    require_trusted_labels(found.report)
    labels, scores, warnings, is_labelled = found.labels, found.scores, [], True
    if labels is None or not (labels.label >= BENIGN).any():
        benign, is_labelled = np.ones(len(scores), np.bool_), False
        warnings.append(NOTHING_LABELLED)
    else:
        benign = labels.label == BENIGN
    require_benign_rows(int(benign.sum()))
    names = ", ".join(path.name for path in found.report.paths)
    return Calibrated(
        sketch=sketch_of(scores, labels, found.hours),
        benign=Calibration.fit(scores[benign], found.hours),
        on_what=f"the {int(benign.sum())} {'benign ' * is_labelled}flows of {names}",
        meter=found.report.meter,
        warnings=warnings + found.report.all_warnings(),
        local=found.local(benign),
        hours=found.hours,
        is_labelled=is_labelled,
    )


def store_threshold(
    detector: Detector,
    threshold: Threshold,
    calibrated: Calibrated | None,
    *,
    who: str,
    why: str,
    now: Callable[[], datetime],
) -> str:
    """The name of the new version in the state folder, which is in force from now on.

    Raises
    ------
    OutputError
        If the state folder cannot be written, or lies in the bundle.
    """
    spare(detector.state.path, (), detector.bundle.path)
    version = detector.state.add(
        detector.bundle,
        threshold,
        who=who,
        when=now(),
        why=why,
        on_what=calibrated.on_what if calibrated else threshold.calibrated_on,
        calibration=calibrated.benign if calibrated else None,
        meter=calibrated.meter if calibrated else detector.bundle.manifest.meter.format,
    )
    detector.refresh()
    return version.origin


@dataclass(frozen=True)
class Explained:
    """Explanations, and the threshold that their verdicts come from."""

    flows: list[Explanation]
    threshold: dict[str, Any]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``explain --json``."""
        return {
            "flows": [explanation.to_json() for explanation in self.flows],
            "threshold": self.threshold,
            "warnings": self.warnings,
        }


def explain_files(
    detector: Detector,
    paths: Sequence[str | Path],
    *,
    rows: Sequence[int] = (),
    worst: int = 10,
    top: int = 5,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Explained:
    """Why flows score as they do: those of some lines, or the worst ones of the files.

    Raises
    ------
    SourceError
        If a line asked for holds no accepted flow.
    """
    report, kept, scores = ReadReport(), [], []
    for flows, scored in scored_batches(detector, paths, read, report, on_progress):
        wanted = np.isin(flows.line, rows) if rows else _worst(scored.scores, worst)
        if wanted.any():
            kept.append(flows.select(wanted))
            scores.append(scored.scores[wanted])
    found = Flows.concat(kept) if kept else None
    if rows and (found is None or set(rows) - set(found.line.tolist())):
        seen = set() if found is None else set(found.line.tolist())
        missing = sorted(set(rows) - seen)
        raise SourceError(
            f"Line {missing[0]} holds no accepted flow; the line of a flow is in the column row "
            "of a scored file."
        )
    explained: list[Explanation] = []
    if found is not None:
        order = np.argsort(-np.concatenate(scores), kind="stable")
        explained = explain(detector, found.select(order if rows else order[:worst]), top=top)
    return Explained(explained, threshold_json(detector), usage_warnings(detector, report))


def _worst(scores: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which of a batch can be among the highest of the file, shape ``(n,)``."""
    chosen = np.zeros(len(scores), np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen
