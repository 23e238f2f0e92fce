"""What a report of the dashboard tells of: the evaluation that is looked at, with its reviews."""

from collections.abc import Callable

import numpy as np

from dashboard import evaluations, rehearsal, reviewing
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection.review import tally
from edgeguard_core.pipeline.findings import (
    TRIED,
    Findings,
    ReportFlows,
    Reviewed,
    worst_rows,
)
from edgeguard_core.pipeline.report_file import exclusion_row
from edgeguard_core.thresholds import Threshold

Sentences = Callable[[evaluations.Reference, list[int]], dict[int, str]]


def findings(
    evaluated: evaluations.Evaluated,
    in_force: evaluations.InForce,
    threshold: Threshold,
    *,
    sentences: Sentences,
) -> Findings:
    """All that a report of an evaluation tells at a threshold.

    Parameters
    ----------
    sentences
        Answers why flows are odd, by their line, for an evaluation and some lines.

    Raises
    ------
    EdgeGuardError
        If the bundle or the log cannot be read.
    """
    reference, material = evaluated.reference, reviewing.material_of(evaluated)
    flows = flows_of(evaluated)
    tried = threshold is not in_force.threshold
    version = next((one for one in in_force.versions if one.origin == in_force.origin), None)
    now, log = reviewing.clock(), reviewing.store()
    alerts = threshold.alerts(evaluated.scores)
    return Findings(
        title=f"{reference.title}, judged by {reference.bundle.stem}",
        source=reference.source.name,
        source_sha256=material.source,
        flows=flows,
        bundle=Bundle.load(reference.bundle),
        threshold=threshold,
        origin=TRIED if tried else in_force.origin,
        version=None if tried else version,
        sentences=sentences(reference, worst_rows(flows, threshold)),
        created=now,
        reviewed=Reviewed(
            verdicts=tally(log.verdicts(material.source)),
            exclusions=[
                exclusion_row(one, material.columns, alerts, now) for one in log.exclusions()
            ],
        ),
        laid=rehearsal.of(evaluated, in_force).laid,
        warnings=in_force.warnings,
    )


def flows_of(evaluated: evaluations.Evaluated) -> ReportFlows:
    """An evaluation's flows as a report counts them."""
    times = evaluated.time_ms
    return ReportFlows(
        scores=evaluated.scores,
        class_of=evaluated.class_of,
        row=evaluated.row,
        sketch=evaluated.sketch,
        has_labels=evaluated.has_labels,
        incidents=evaluated.incidents,
        hosts=evaluated.hosts,
        causes=evaluated.causes,
        first_ms=None if times is None else float(np.nanmin(times)),
        last_ms=None if times is None else float(np.nanmax(times)),
    )
