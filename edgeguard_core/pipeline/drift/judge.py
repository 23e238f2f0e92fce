"""Drift of files: schema, features and scores held against a bundle, and what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.detection import Detector
from edgeguard_core.detection.drift.reference import DriftReference, reference_of
from edgeguard_core.detection.drift.seen import SeenFlows
from edgeguard_core.detection.incidents import cause_of
from edgeguard_core.detection.reading import reading_for
from edgeguard_core.errors import NotEnoughDataError
from edgeguard_core.pipeline.contextual import contextual_batches, wants_context
from edgeguard_core.pipeline.drift.covariate import (
    ALPHA,
    DISTANCE_LIMIT,
    PSI_LIMIT,
    FeatureDrift,
    feature_drifts,
)
from edgeguard_core.pipeline.drift.diagnosis import Diagnosis, Signs, diagnose
from edgeguard_core.pipeline.drift.schema import SchemaDrift, schema_drift, unread_columns
from edgeguard_core.pipeline.drift.scores import ScoreDrift, score_drift
from edgeguard_core.pipeline.drift.sensor import Fault, faults, sentences
from edgeguard_core.pipeline.drift.statistics import total_variation
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import named, require_trusted_labels
from edgeguard_core.pipeline.score import threshold_json, usage_warnings
from edgeguard_core.sources import ReadOptions, ReadReport, read_batches, require_usable
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS

_WHO: Final = ("service", "direction")
"""Causes of the features that say who talks to whom."""


@dataclass(frozen=True)
class DriftReport:
    """What was found in some files.

    Attributes
    ----------
    flows
        How many were judged: the benign ones where any is labelled, else all.
    schema, features, score
        The three kinds of drift; ``features`` is empty where the bundle has no reference, and
        ``score`` None where a column of the model is missing.
    """

    flows: int
    is_labelled: bool
    schema: SchemaDrift
    features: tuple[FeatureDrift, ...]
    score: ScoreDrift | None
    diagnosis: Diagnosis
    threshold: dict[str, Any]
    calibration_origin: str
    warnings: tuple[str, ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """Measured features that drifted, the furthest moved first."""
        return tuple(f.name for f in self.features if f.has_drifted and not f.is_history)

    @property
    def has_drifted(self) -> bool:
        """Whether schema, features or scores drifted."""
        return (
            self.schema.has_drifted
            or bool(self.moved)
            or (self.score is not None and self.score.has_drifted)
        )

    @property
    def verdict(self) -> str:
        """One or two sentences for a person."""
        several = "s" if len(self.moved) > 1 else ""
        kinds = [f"{len(self.moved)} feature{several}"] if self.moved else []
        kinds = ["the schema", *kinds] if self.schema.has_drifted else kinds
        if self.score is not None and self.score.has_drifted:
            kinds.append("the scores")
        where = " and ".join([", ".join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)
        found = f"Drift of {where}." if kinds else "No drift."
        return f"{found} {self.diagnosis.sentence}"

    def to_json(self) -> dict[str, Any]:
        """The keys of ``drift --json``."""
        return {
            "drifted": self.has_drifted,
            "verdict": self.verdict,
            "diagnosis": self.diagnosis.to_json(),
            "flows": self.flows,
            "benign_alone": self.is_labelled,
            "features": {feature.name: feature.to_json() for feature in self.features},
            "features_drifted": list(self.moved),
            "score_shift": None if self.score is None else self.score.distance,
            "score": None if self.score is None else self.score.to_json(),
            **self.schema.to_json(),
            "limits": {"psi": PSI_LIMIT, "distance": DISTANCE_LIMIT, "alpha": ALPHA},
            "threshold": self.threshold,
            "calibration": self.calibration_origin,
            "warnings": list(self.warnings),
        }


def drift_files(
    detector: Detector,
    paths: Sequence[str | Path],
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> DriftReport:
    """Whether the flows of some files are still like those that a bundle learned.

    Raises
    ------
    SourceError
        If a file cannot be read, or more than half of its rows were rejected.
    SchemaError
        If the flows are of another schema than the bundle's, or their label column has no word
        that is known to mean benign.
    NotEnoughDataError
        With fewer than 50 flows to judge.
    """
    reference = reference_of(detector.bundle)
    options, report = reading_for(detector, read), ReadReport()
    seen, absent, is_labelled = _read(detector, reference, paths, options, report, on_progress)
    if seen.n < MINIMUM_BENIGN_ROWS:
        raise NotEnoughDataError(
            f"{seen.n} {'benign ' * is_labelled}flows of {named(paths)} are too few to judge; give "
            f"{MINIMUM_BENIGN_ROWS} or more."
        )
    rejected = report.rejected.total() / max(report.rows, 1)
    unread = unread_columns(paths, options)
    schema = schema_drift(detector, rejected, report.meter, absent, unread)
    warnings = usage_warnings(detector, report)
    return judged(detector, reference, seen, schema, warnings, is_labelled)


def _read(
    detector: Detector,
    reference: DriftReference | None,
    paths: Sequence[str | Path],
    options: ReadOptions,
    report: ReadReport,
    on_progress: OnProgress,
) -> tuple[SeenFlows, set[str], bool]:
    """The flows to judge, features that some file lacks, and whether any flow is labelled."""

    def relay(share: float) -> None:
        on_progress(Progress("drift", share, f"Looked at {report.accepted:,} flows"))

    every, benign = SeenFlows.of(detector, reference), SeenFlows.of(detector, reference)
    absent, is_labelled = set[str](), False
    batches = contextual_batches if wants_context(detector.features) else read_batches
    for batch in batches(paths, options, report, relay):
        flows = batch.flows
        if not len(flows):
            continue
        detector.check(flows.schema)
        lacking = set(detector.features) - set(flows.columns)
        absent |= lacking
        scored = None if lacking else detector.score(flows)
        is_labelled = is_labelled or bool((flows.is_benign | flows.is_attack).any())
        benign.add(flows, scored, flows.is_benign)
        if not is_labelled:  # until one is, all may have to be judged
            every.add(flows, scored, flows.line > 0)
    require_usable(report)
    require_trusted_labels(report)
    return (benign if is_labelled else every), absent, is_labelled


def judged(
    detector: Detector,
    reference: DriftReference | None,
    seen: SeenFlows,
    schema: SchemaDrift,
    warnings: Sequence[str],
    is_labelled: bool,
) -> DriftReport:
    """What the counts of some flows say, be they of a file or of a watch."""
    features = [] if reference is None else _features(detector, reference, seen, schema.absent)
    score = None if seen.scores is None else score_drift(seen.scores)
    measured = [feature for feature in features if not feature.is_history]
    broken = [] if reference is None else _faults(reference, seen, schema.absent)
    moved = [feature.name for feature in measured if feature.has_drifted]
    signs = Signs(
        has_drifted=schema.has_drifted or bool(moved) or (score is not None and score.has_drifted),
        features=measured,
        still_moved=[] if reference is None else _still_moved(reference, seen, moved),
        broken=[*schema.sentences(), *sentences(broken)],
        who_moved=[n for n in moved if cause_of(detector.bundle.schema.column(n)) in _WHO],
        score=score,
        gathered=seen.gatherings.found(),
        knows_hosts=seen.gatherings.knows_hosts,
        are_benign=is_labelled,
    )
    return DriftReport(
        flows=seen.n,
        is_labelled=is_labelled,
        schema=schema,
        features=tuple(features),
        score=score,
        diagnosis=diagnose(signs),
        threshold=threshold_json(detector),
        calibration_origin=detector.calibration_origin,
        warnings=tuple(_with_what_is_lacking(detector, warnings, reference)),
    )


def _features(
    detector: Detector, reference: DriftReference, seen: SeenFlows, absent: Sequence[str]
) -> list[FeatureDrift]:
    return feature_drifts(reference, seen.every, absent, detector.bundle.schema.context)


def _still_moved(reference: DriftReference, seen: SeenFlows, moved: Sequence[str]) -> list[str]:
    """Of the moved features those that lie as far off without the odd flows."""
    if not seen.n_usual:
        return list(moved)
    return [
        sketch.name
        for at, sketch in enumerate(reference.features)
        if sketch.name in moved and total_variation(sketch.counts, seen.usual[at]) >= DISTANCE_LIMIT
    ]


def _faults(reference: DriftReference, seen: SeenFlows, absent: Sequence[str]) -> list[Fault]:
    return [
        fault
        for at, sketch in enumerate(reference.features)
        if sketch.cuts is not None and sketch.name not in absent
        for fault in faults(sketch, seen.extremes, at)
    ]


def _with_what_is_lacking(
    detector: Detector, warnings: Sequence[str], reference: DriftReference | None
) -> list[str]:
    if reference is not None:
        return list(warnings)
    return [
        f"Bundle {detector.bundle.path} does not keep what its features looked like, so the "
        "scores alone are judged; train again to have features judged, too.",
        *warnings,
    ]
