"""What a report is made of: scored flows, a threshold, and what people decided about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import Bundle, ThresholdVersion
from edgeguard_core.detection.grouping import IncidentArrays
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.evaluation.report import MOST_INCIDENTS
from edgeguard_core.thresholds import Threshold, ThresholdSketch

TRIED: Final = "tried"
"""The origin of a threshold that is in force nowhere."""


@dataclass(frozen=True, eq=False)
class ReportFlows:
    """Scored flows as a report counts them; n flows of C classes.

    Attributes
    ----------
    scores, class_of, row
        Of each flow, ``(n,)``; ``class_of`` counts in the sketch's classes.
    sketch
        Over the same flows; without labels its only class counts as benign.
    incidents
        None without times or hosts; ``hosts`` and ``causes`` are what its codes mean.
    """

    scores: NDArray[np.float32]
    class_of: NDArray[np.int64]
    row: NDArray[np.int64]
    sketch: ThresholdSketch
    has_labels: bool
    incidents: IncidentArrays | None = None
    hosts: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    first_ms: float | None = None
    last_ms: float | None = None


@dataclass(frozen=True)
class Reviewed:
    """What people decided about these flows: verdicts by word, and exclusions as rows."""

    verdicts: Mapping[str, int] = field(default_factory=dict)
    exclusions: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a report tells of.

    Attributes
    ----------
    source, source_sha256
        Name of the file that was scored, and the hash of its content.
    origin
        Where the threshold comes from: ``bundle``, ``state 0002``, or ``tried``.
    version
        Who set it when and why; None where it is the bundle's own or was only tried.
    withdrawn
        Why the false-alarm promise does not hold for these flows; None where it does.
    sentences
        Why a flow is odd, by its line.
    created
        From the caller's clock.
    laid
        Synthetic attacks that were laid into these flows; None where none were.
    """

    title: str
    source: str
    source_sha256: str
    flows: ReportFlows
    bundle: Bundle
    threshold: Threshold
    origin: str
    created: datetime
    version: ThresholdVersion | None = None
    withdrawn: str | None = None
    sentences: Mapping[int, str] = field(default_factory=dict)
    reviewed: Reviewed | None = None
    laid: LaidAttacks | None = None
    warnings: tuple[str, ...] = ()


def worst_incidents(flows: ReportFlows, threshold: Threshold) -> NDArray[np.int64]:
    """Positions of the raised incidents that a report lists, the highest score first, ``(m,)``."""
    found = flows.incidents
    if found is None:
        return np.zeros(0, np.int64)
    raised = np.flatnonzero(threshold.alerts(found.score))
    return raised[np.lexsort((-found.highest[raised], -found.score[raised]))][:MOST_INCIDENTS]


def worst_rows(flows: ReportFlows, threshold: Threshold) -> list[int]:
    """Lines of the flows whose reasons a report tells: the highest of the worst incidents."""
    found = flows.incidents
    if found is None:
        return []
    return [int(flows.row[found.worst[at]]) for at in worst_incidents(flows, threshold)]
