"""Score: verdicts on the flows of files, batch by batch, into one table."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector, ScoredFlows
from edgeguard_core.detection.incidents import causes, hosts
from edgeguard_core.detection.reading import reading_for
from edgeguard_core.errors import OutputError, SchemaError
from edgeguard_core.files import whole_file
from edgeguard_core.flows.schema import Role
from edgeguard_core.flows.table import LABEL_WORDS, UNLABELLED, Flows, Labels
from edgeguard_core.pipeline.contextual import contextual_batches, wants_context
from edgeguard_core.pipeline.details import DetailsCollector, dump_details
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import named
from edgeguard_core.pipeline.room import spare
from edgeguard_core.pipeline.tables import TableWriter
from edgeguard_core.pipeline.unseen_values import UnseenValues
from edgeguard_core.sources import ReadOptions, ReadReport, expand, read_batches, require_usable

_ENDINGS = {".parquet": False, ".csv": True}  # whether it is CSV


@dataclass(frozen=True)
class Scored:
    """How a scoring went."""

    out: Path
    report: ReadReport
    alerts: int
    seconds: float
    threshold: dict[str, Any]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``score --json``."""
        return {
            "out": str(self.out.resolve()),
            "flows": self.report.accepted,
            "alerts": self.alerts,
            "rejected": self.report.rejected.total(),
            "seconds": round(self.seconds, 3),
            "threshold": self.threshold,
            "warnings": self.warnings,
        }


def scored_batches(
    detector: Detector,
    paths: Sequence[str | Path],
    read: ReadOptions | None,
    report: ReadReport,
    on_progress: OnProgress = silent,
    unseen: UnseenValues | None = None,
) -> Iterator[tuple[Flows, ScoredFlows]]:
    """Each batch of flows with its scores, in bounded memory; refuses unusable readings.

    ``unseen`` counts the values on the way that training had not seen.

    Raises
    ------
    SourceError
        If a file cannot be read, or more than half of its rows were rejected.
    SchemaError
        If the flows are not of the bundle's schema, or lack a column of its model.
    """

    def relay(share: float) -> None:
        on_progress(Progress("score", share, f"Scored {report.accepted:,} flows"))

    batches = contextual_batches if wants_context(detector.features) else read_batches
    for batch in batches(paths, reading_for(detector, read), report, relay):
        try:
            scored = detector.score(batch.flows)
        except SchemaError as error:
            raise SchemaError(f"{named(paths)}: {error}") from error
        if len(batch.flows):
            if unseen is not None:
                unseen.add(batch.flows, detector.bundle.preprocessor)
            yield batch.flows, scored
    require_usable(report)


def score_files(
    detector: Detector,
    paths: Sequence[str | Path],
    out: Path,
    *,
    details: Path | None = None,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Scored:
    """One row a flow in ``out``: what identifies it, its score and verdict, and why.

    Columns: ``row`` (line in the source), the time and identity columns, ``class`` and
    ``label`` where there are labels, ``score, p_value, severity, is_alert, top_features``,
    ``p_extrapolated``, and whose incident of which cause it would be part of: ``incident_host``
    and ``incident_cause``. Of several files ``file`` names each flow's, and all columns that the
    schema and labels could fill are there.

    With ``details`` what the Errors view shows is written there from the same pass: counts of
    the features' errors and a sample of flows (``Details``).

    Raises
    ------
    OutputError
        If ``out`` ends in neither .parquet nor .csv, or it or ``details`` cannot be written.
    SourceError, SchemaError
        As ``scored_batches`` does; nothing is written then.
    """
    if out.suffix not in _ENDINGS:
        raise OutputError(f"Cannot write {out}: name a file that ends in .parquet or .csv.")
    spare(out, expand(paths), detector.bundle.path)
    collector, aside = None, None
    if details is not None:
        spare(details, [*expand(paths), out], detector.bundle.path)
        collector = DetailsCollector(detector)
    started, report, alerts, unseen = clock(), ReadReport(), 0, UnseenValues()
    several = len(expand(paths)) > 1
    with ExitStack() as stack:
        if details is not None:
            aside = stack.enter_context(whole_file(details))
        temporary = stack.enter_context(whole_file(out))
        table = stack.enter_context(TableWriter(temporary, as_csv=_ENDINGS[out.suffix]))
        for flows, scored in scored_batches(detector, paths, read, report, on_progress, unseen):
            columns = result_columns(flows, scored, detector)
            if several:
                columns = _of_a_file(report.current_name, flows, columns)
            alerts += int(np.count_nonzero(columns["is_alert"]))
            table.write(columns, whole=flows.whole_numbers)
            if collector is not None:
                collector.add(flows, scored)
        if collector is not None and aside is not None:
            aside.write_bytes(dump_details(collector.details()))
    return Scored(
        out=out,
        report=report,
        alerts=alerts,
        seconds=clock() - started,
        threshold=threshold_json(detector),
        warnings=usage_warnings(detector, report, unseen),
    )


def result_columns(
    flows: Flows, scored: ScoredFlows, detector: Detector
) -> dict[str, NDArray[Any]]:
    """The columns of a scored file, shape ``(n,)`` each."""
    columns: dict[str, NDArray[Any]] = {"row": flows.line, **flows.identity_columns()}
    if flows.labels is not None:
        columns["class"] = flows.labels.class_name
        columns["label"] = np.array([LABEL_WORDS[int(x)] for x in flows.labels.label], object)
    return columns | {
        "score": scored.scores,
        "p_value": scored.p_values,
        "severity": scored.severity,
        "is_alert": detector.threshold.alerts(scored.scores),
        "top_features": np.array(scored.top_features(), object),
        "p_extrapolated": scored.extrapolated,
        "incident_host": hosts(flows),
        "incident_cause": causes(scored.feature_errors, scored.features, flows.schema),
    }


def _of_a_file(
    name: str, flows: Flows, columns: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The columns of one file among several: which it is, and the same ones for each."""
    n = len(flows)
    empty: dict[str, NDArray[Any]] = {}
    for column in flows.schema.columns:
        if column.role in (Role.IDENTITY, Role.TIME):
            words = column.type in ("string", "address")
            empty[column.name] = np.full(n, None, object) if words else np.full(n, np.nan)
    unknown = Labels.unknown(n)
    labels = {
        "class": unknown.class_name,
        "label": np.full(n, LABEL_WORDS[UNLABELLED], object),
    }
    found = {"file": np.full(n, name, object), "row": columns["row"], **empty, **labels}
    return found | dict(columns)


def threshold_json(detector: Detector) -> dict[str, Any]:
    """The threshold in force, and whether it is the bundle's or a local one."""
    threshold = detector.threshold
    return {
        "value": threshold.value,
        "method": threshold.method,
        "target": threshold.target,
        "calibrated_on": threshold.calibrated_on,
        "set_at": detector.set_at,
        "origin": detector.origin,
    }


def usage_warnings(
    detector: Detector, report: ReadReport, unseen: UnseenValues | None = None
) -> list[str]:
    """What a person should know about these verdicts, a line each."""
    withdrawn = detector.promise_warning(report.meter)
    told = [*detector.warnings, *([withdrawn] if withdrawn else []), *report.all_warnings()]
    return told + (unseen.warnings() if unseen is not None else [])
