"""From a file to what a report tells of it: score it, group it, ask why the worst are odd."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector
from edgeguard_core.detection.exclusion import Exclusion
from edgeguard_core.detection.grouping import group_incidents
from edgeguard_core.detection.incidents import causes, hosts
from edgeguard_core.detection.review import Reviews, tally
from edgeguard_core.evaluation import class_index, sketch_of
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.table import UNLABELLED, Labels
from edgeguard_core.pipeline.findings import Findings, ReportFlows, Reviewed, worst_rows
from edgeguard_core.pipeline.judge import Scores, explain_files
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.reading import require_trusted_labels
from edgeguard_core.pipeline.score import scored_batches, usage_warnings
from edgeguard_core.sources import ReadOptions
from edgeguard_core.thresholds import Threshold

_CONDITIONS: Final = ("src_ip", "dst_ip", "dst_port", "protocol")
Columns = dict[str, NDArray[Any]]


def findings_of_file(
    detector: Detector,
    path: Path,
    *,
    now: datetime,
    reviews: Reviews | None = None,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> Findings:
    """What the threshold in force makes of a file, with reasons for the worst incidents.

    Parameters
    ----------
    now
        From the caller's clock.
    reviews
        The log of verdicts and exclusions to tell of; None tells of none.

    Raises
    ------
    SourceError, SchemaError
        If the file cannot be read, or is not what the bundle scores.
    """
    found = Scores()
    parts: list[Columns] = []
    for flows, scored in scored_batches(detector, [path], read, found.report, on_progress):
        found.add(flows, scored.scores)
        there = {name: flows.columns[name] for name in _CONDITIONS if name in flows.columns}
        times = flows.time_ms
        parts.append(
            there
            | {
                "row": flows.line,
                "severity": scored.severity,
                "host": hosts(flows),
                "cause": causes(scored.feature_errors, scored.features, flows.schema),
                "time_ms": np.full(len(flows), np.nan) if times is None else times,
            }
        )
    require_trusted_labels(found.report)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    flows_of_it = _flows(found, columns)
    rows = worst_rows(flows_of_it, detector.threshold)
    sentences: dict[int, str] = {}
    if rows:
        told = explain_files(detector, [path], rows=rows, top=3, read=read)
        sentences = {one.row: one.sentence for one in told.flows}
    source = sha256_hex(path)
    versions = detector.state.thresholds(detector.bundle)
    return Findings(
        title=f"{path.name}, judged by {detector.bundle.name}",
        source=path.name,
        source_sha256=source,
        flows=flows_of_it,
        bundle=detector.bundle,
        threshold=detector.threshold,
        origin=detector.origin,
        version=next((one for one in versions if one.origin == detector.origin), None),
        withdrawn=detector.promise_warning(found.report.meter),
        sentences=sentences,
        created=now,
        reviewed=None
        if reviews is None
        else _reviewed(reviews, source, found.scores, columns, detector.threshold, now),
        warnings=tuple(usage_warnings(detector, found.report)),
    )


def exclusion_row(
    one: Exclusion, columns: Mapping[str, NDArray[Any]], alerts: NDArray[np.bool_], now: datetime
) -> dict[str, Any]:
    """An exclusion as a report lists it, with how many alerts it hides now."""
    return {
        "conditions": one.conditions.sentence,
        "state": one.state(now),
        "hides": int((one.matches(columns, now) & alerts).sum()),
        "reason": one.reason,
        "by": one.actor,
        "created": one.created.date().isoformat(),
        "expires": one.expires.date().isoformat(),
    }


def _flows(found: Scores, columns: Columns) -> ReportFlows:
    scores, labels = found.scores, found.labels
    known = labels is not None and bool((labels.label != UNLABELLED).any())
    class_of = np.zeros(len(scores), np.int64)
    if labels is not None and known:
        class_of, _ = class_index(labels)
    host, host_names = _codes(columns["host"])
    cause, cause_names = _codes(columns["cause"])
    times = columns["time_ms"]
    seen = times[~np.isnan(times)]
    incidents = None
    if len(host_names) and len(seen):
        incidents = group_incidents(
            scores,
            columns["severity"],
            times,
            host,
            cause,
            (labels or Labels.unknown(len(scores))).label,
        )
    return ReportFlows(
        scores=scores,
        class_of=class_of,
        row=columns["row"],
        sketch=sketch_of(scores, labels, found.hours),
        has_labels=known,
        incidents=incidents,
        hosts=host_names,
        causes=cause_names,
        first_ms=float(seen.min()) if len(seen) else None,
        last_ms=float(seen.max()) if len(seen) else None,
    )


def _codes(words: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Codes of some words, -1 for none, and the words in their order."""
    there = np.array([word is not None for word in words.tolist()], np.bool_)
    codes = np.full(len(words), -1, np.int64)
    names, found = np.unique(words[there].astype(str), return_inverse=True)
    codes[there] = found
    return codes, tuple(str(name) for name in names)


def _reviewed(
    reviews: Reviews,
    source: str,
    scores: NDArray[np.float32],
    columns: Columns,
    threshold: Threshold,
    now: datetime,
) -> Reviewed:
    alerts = threshold.alerts(scores)
    return Reviewed(
        verdicts=tally(reviews.verdicts(source)),
        exclusions=[exclusion_row(one, columns, alerts, now) for one in reviews.exclusions()],
    )
