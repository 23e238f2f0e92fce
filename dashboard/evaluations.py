"""Scored flows as every page sees them: one place that counts, so that no two pages disagree.

An evaluation is a file that ``score`` wrote, by its short name: ``demo``, or that of the job.
What is read of it is kept for all visitors (``load``); the threshold in force is looked up anew
each time, for it may be set elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import demo, jobs, results, workspace
from edgeguard_core.bundle import Bundle, StateFolder, ThresholdVersion
from edgeguard_core.detection.grouping import IncidentArrays, group_incidents
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation import class_index
from edgeguard_core.evaluation.sketching import UNLABELLED_CLASS
from edgeguard_core.flows.schema import Schema, shipped_schemas
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.thresholds import Threshold, ThresholdSketch

DEMO = "demo"
MOST_EDGES = 1_536  # of flows; what a Studio draws and sends once, some 100 kB
MOST_INCIDENT_EDGES = 512
MS_PER_HOUR = 3_600_000.0
_KINDS = {"benign": BENIGN, "attack": ATTACK, "unlabelled": UNLABELLED}


@dataclass(frozen=True)
class Reference:
    """Which evaluation, and where its parts lie."""

    id: str
    title: str  # the name of the scored file
    bundle: Path
    scores: Path
    source: Path  # what was scored
    schema_option: tuple[str, ...] = ()
    file_id: str | None = None
    created: str = ""
    details: Path | None = None  # what score --details wrote, where it did

    @property
    def is_demo(self) -> bool:
        """Whether it is the synthesised traffic that ships."""
        return self.id == DEMO

    @property
    def state(self) -> StateFolder:
        """Where thresholds made here are kept; the shipped demo's in the work folder."""
        return StateFolder(workspace.state_folder(self.bundle))


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The scored flows of an evaluation; n flows of C classes.

    Attributes
    ----------
    scores
        float32, ``(n,)``.
    label
        BENIGN, ATTACK or UNLABELLED, int8, ``(n,)``.
    class_of, classes
        Position of each flow's class, ``(n,)``, and the C names; benign first where known.
    row
        Line of each flow in its source, ``(n,)``.
    time_ms
        ``(n,)``, NaN where unknown; None without times.
    hosts, causes
        Names that ``incidents.host`` and ``incidents.cause`` count in.
    sketch
        Over flows. Without labels its only class is called unlabelled, and counts as benign.
    incident_sketch
        Over incidents, on the same edges; None without times or hosts.
    """

    reference: Reference
    scores: NDArray[np.float32]
    label: NDArray[np.int8]
    class_of: NDArray[np.int64]
    classes: tuple[str, ...]
    row: NDArray[np.int64]
    time_ms: NDArray[np.float64] | None
    hosts: tuple[str, ...]
    causes: tuple[str, ...]
    incidents: IncidentArrays | None
    sketch: ThresholdSketch
    incident_sketch: ThresholdSketch | None
    columns: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def hours(self) -> float | None:
        """Hours from the first to the last flow; None without times."""
        return self.sketch.duration_hours

    @cached_property
    def has_labels(self) -> bool:
        return bool((self.label != UNLABELLED).any())

    @cached_property
    def has_attacks(self) -> bool:
        return bool((self.label == ATTACK).any())

    def frame(self, positions: NDArray[np.int64]) -> pd.DataFrame:
        """All columns of some flows, in the order asked for, read from the scored file."""
        return results.rows(self.reference.scores, positions)

    def counts(self, threshold: Threshold) -> results.Counts:
        """What alerts at a threshold: the counts that every page shows."""
        kinds = (self.label == value for value in (BENIGN, ATTACK, UNLABELLED))
        return results.counts(threshold.alerts(self.scores), *kinds)

    def incidents_raised(self, threshold: Threshold) -> int | None:
        """Incidents at a threshold; None without times or hosts."""
        if self.incidents is None:
            return None
        return int(threshold.alerts(self.incidents.score).sum())


@dataclass(frozen=True)
class InForce:
    """The threshold that a bundle alerts by here, and those it had before; and which model."""

    threshold: Threshold
    origin: str  # 'bundle' or 'state 0002'
    versions: tuple[ThresholdVersion, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: str = ""  # of the flows that the bundle reads
    model_sha256: str = ""
    set_at: str = ""


def listed() -> list[Reference]:
    """Every evaluation that can be opened, the newest first and the demo last."""
    shipped = _of_demo()
    sample = None if shipped is None else shipped.source  # scored once more by those who try it
    found = []
    for job in jobs.all_jobs():
        reference = of_job(job)
        if reference is not None and reference.source != sample:
            found.append(reference)
    return found if shipped is None else [*found, shipped]


def find(evaluation_id: object) -> Reference | None:
    """An evaluation by its short name; None when it is gone."""
    if evaluation_id == DEMO:
        return _of_demo()
    job = jobs.find(evaluation_id)
    return None if job is None else of_job(job)


def of_job(job: jobs.Job) -> Reference | None:
    """What a finished job scored; None before it is done, and when its parts are gone."""
    scores, given = job.facts.get("scores"), workspace.find(job.file_id)
    if scores is None or given is None or not Path(scores).exists():
        return None
    if jobs.status(job).state is not jobs.State.DONE:
        return None
    details = job.facts.get("details")
    return Reference(
        id=job.id,
        title=given.name,
        bundle=Path(job.facts["bundle"]),
        scores=Path(scores),
        source=given.path,
        schema_option=given.schema_option,
        file_id=given.id,
        created=job.created,
        details=Path(details) if details and Path(details).exists() else None,
    )


def in_force(reference: Reference) -> InForce:
    """The threshold in force for an evaluation's bundle.

    Raises
    ------
    EdgeGuardError
        If the bundle is gone or damaged.
    """
    return _in_force(str(reference.bundle), str(reference.state.path), _stamp(reference))


def load(reference: Reference) -> Evaluated:
    """An evaluation's flows, read once for all visitors.

    Raises
    ------
    SourceError
        If the scored file is gone or is none.
    """
    return _load(reference, stamp(reference))


def stamp(reference: Reference) -> float:
    """Something else whenever the scored file changes; for what others keep of it."""
    return _modified(reference.scores)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(reference: Reference, stamp: float) -> Evaluated:
    return read(reference)


@st.cache_resource(max_entries=32, show_spinner=False)
def _in_force(bundle: str, state: str, stamp: str) -> InForce:
    loaded = Bundle.load(bundle)
    folder = StateFolder(Path(state))
    current = folder.current(loaded)
    versions, warnings = folder.versions(loaded)
    return InForce(
        current.threshold,
        current.origin,
        tuple(versions),
        warnings,
        loaded.schema.name,
        loaded.model_sha256,
        current.set_at,
    )


def read(reference: Reference) -> Evaluated:
    """An evaluation's flows, from the file that ``score`` wrote."""
    file = results.open_scores(reference.scores)
    names = file.schema_arrow.names
    time_name = next((name for name in _time_columns() if name in names), None)
    wanted = ("row", "score", "severity", "label", "class", "incident_host", "incident_cause")
    table = file.read(columns=[n for n in (*wanted, time_name) if n in names])
    scores = table["score"].to_numpy().astype(np.float32)
    labels = _labels(table, len(scores))
    label = np.full(len(scores), UNLABELLED, np.int8) if labels is None else labels.label
    class_of, classes = (
        (np.zeros(len(scores), np.int64), (UNLABELLED_CLASS,))
        if labels is None
        else class_index(labels)
    )
    time_ms = _numbers(table, time_name)
    hours = None if time_ms is None else float(np.ptp(time_ms[~np.isnan(time_ms)])) / MS_PER_HOUR
    host, hosts = _codes(table, "incident_host")
    cause, causes = _codes(table, "incident_cause")
    incidents = None
    if time_ms is not None and len(hosts):
        severity = table["severity"].to_numpy().astype(np.int64)
        incidents = group_incidents(scores, severity, time_ms, host, cause, label)
    sketch = _sketch(scores, class_of, classes, labels is not None, incidents, hours or None)
    return Evaluated(
        reference=reference,
        scores=scores,
        label=label,
        class_of=class_of,
        classes=classes,
        row=table["row"].to_numpy() if "row" in names else np.arange(len(scores)),
        time_ms=time_ms,
        hosts=hosts,
        causes=causes,
        incidents=incidents,
        sketch=sketch,
        incident_sketch=None if incidents is None else incidents.sketch(sketch.edges, hours),
        columns=tuple(names),
    )


def _sketch(
    scores: NDArray[np.float32],
    class_of: NDArray[np.int64],
    classes: tuple[str, ...],
    labelled: bool,
    incidents: IncidentArrays | None,
    hours: float | None,
) -> ThresholdSketch:
    """The flows' sketch, with edges also where incidents end, so that a budget of them is met."""
    unlabelled = len(classes) - 1 if labelled and classes[-1] == UNLABELLED_CLASS else None
    facts: dict[str, Any] = {"unlabelled_index": unlabelled, "duration_hours": hours}
    base = ThresholdSketch.build(scores, class_of, classes, 0, max_edges=MOST_EDGES, **facts)
    if incidents is None or base.complete:
        return base
    steps = np.unique(incidents.score)[-MOST_INCIDENT_EDGES:]
    edges = np.union1d(base.edges, steps[steps > 0])
    return ThresholdSketch.on_edges(
        scores, edges, class_of, classes, 0, hist_edges=base.hist_edges, **facts
    )


def _labels(table: Any, n: int) -> Labels | None:
    """Labels out of a scored file; None where no flow has one."""
    if "label" not in table.column_names:
        return None
    words = table["label"].to_pandas()
    label = words.map(_KINDS).fillna(UNLABELLED).to_numpy(np.int8)
    if (label == UNLABELLED).all():
        return None
    names = table["class"].to_pandas() if "class" in table.column_names else words
    return Labels(label, names.fillna("").to_numpy(object))


def _codes(table: Any, name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Codes of a column's words, -1 for none, and the words."""
    if name not in table.column_names:
        return np.full(table.num_rows, -1, np.int64), ()
    codes, words = pd.factorize(table[name].to_pandas(), sort=True)
    return np.asarray(codes, np.int64), tuple(str(word) for word in words)


def _numbers(table: Any, name: str | None) -> NDArray[np.float64] | None:
    if name is None:
        return None
    values = table[name].to_pandas().to_numpy(np.float64, na_value=np.nan)
    return None if np.isnan(values).all() else values


def _time_columns() -> Sequence[str]:
    return sorted({Schema.named(name).time or "" for name in shipped_schemas()} - {""})


def _of_demo() -> Reference | None:
    try:
        kept = demo.scored()
    except EdgeGuardError:
        return None
    files = kept.done.shipped
    return Reference(
        DEMO,
        "Demo: an office's Tuesday",
        files.bundle,
        kept.scores,
        files.traffic,
        details=kept.details,
    )


def _stamp(reference: Reference) -> str:
    """Something else whenever the bundle or its state folder changes."""
    return f"{_modified(reference.bundle / 'SHA256SUMS')} {_modified(reference.state.path)}"


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0.0
