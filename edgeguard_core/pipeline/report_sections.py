"""The sections of a report, each from aggregates of the flows alone."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from edgeguard_core import __version__
from edgeguard_core.bundle import Bundle
from edgeguard_core.bundle.files import MANIFEST
from edgeguard_core.evaluation.compare import curves
from edgeguard_core.evaluation.curves import Curve
from edgeguard_core.evaluation.laid import SYNTHETIC
from edgeguard_core.evaluation.operating import OperatingPoint, operating_point
from edgeguard_core.evaluation.report import MOST_CLASSES, SECTIONS
from edgeguard_core.pipeline.demo import NOTE
from edgeguard_core.pipeline.findings import (
    TRIED,
    Findings,
    ReportFlows,
    Reviewed,
    worst_incidents,
)
from edgeguard_core.thresholds import ThresholdSketch, audit

REPORT_FORMAT: Final = 1
_BINS: Final = 64

_ALWAYS: Final = (
    "Scores say how odd a flow is to this model, not that it is an attack; an attack that looks "
    "usual is missed.",
    "The figures hold for flows like these: another network, another meter or another season has "
    "others.",
)


def document_of(findings: Findings, sections: Sequence[str]) -> dict[str, Any]:
    """A report's document, not yet bounded: the sections asked for, the flows, the limitations."""
    flows, line = findings.flows, findings.threshold
    sketch = flows.sketch.with_edge(line.value, flows.scores, flows.class_of)
    point = operating_point(sketch, line.value)
    made: dict[str, Any] = {
        "summary": lambda: _summary(findings, point),
        "threshold": lambda: _threshold(findings, point),
        "distribution": lambda: _distribution(findings, sketch, point),
        "classes": lambda: _classes(findings, point),
        "synthetic": lambda: findings.laid.to_json(line) if findings.laid else None,
        "incidents": lambda: _incidents(findings),
        "verdicts": lambda: _verdicts(findings.reviewed),
        "exclusions": lambda: list(findings.reviewed.exclusions) if findings.reviewed else None,
        "model": lambda: _model(findings.bundle),
    }
    return {
        "format": REPORT_FORMAT,
        "title": findings.title,
        "created": findings.created.astimezone(UTC).isoformat(timespec="seconds"),
        "edgeguard_version": __version__,
        "pseudonyms": False,
        **{name: made[name]() for name in SECTIONS if name in sections},
        "source": _source(findings),
        "limitations": _limitations(findings, point),
    }


def _summary(findings: Findings, point: OperatingPoint) -> dict[str, Any]:
    flows = findings.flows
    known, n = flows.has_labels, len(flows.scores)
    raised = None
    if flows.incidents is not None:
        raised = int(findings.threshold.alerts(flows.incidents.score).sum())
    hours = flows.sketch.duration_hours
    attacks = flows.sketch.n_attacks
    said = f"{point.alerts:,} of {n:,} flows alert"
    said += f", in {raised:,} incidents." if raised is not None else "."
    if known and attacks:
        said += f" Of {attacks:,} attack flows {point.caught:,} alert"
        said += f", and {point.false_alarms:,} of {flows.sketch.n_benign:,} benign ones do."
    return {
        "sentence": said,
        "flows": n,
        "benign": flows.sketch.n_benign if known else None,
        "attacks": attacks if known else None,
        "alerts": point.alerts,
        "alerts_per_hour": point.alerts_per_hour,
        "incidents": raised,
        "incidents_per_day": raised / hours * 24 if raised is not None and hours else None,
        "recall": point.recall if known else None,
        "precision": point.precision if known else None,
        "f1": point.f_beta if known else None,
        "false_positive_rate": point.false_positive_rate if known else None,
    }


def _threshold(findings: Findings, point: OperatingPoint) -> dict[str, Any]:
    line, version = findings.threshold, findings.version
    promised = line.promised_false_positive_rate
    promise, why_none = None, "This way of choosing promises no false-alarm rate."
    if promised is not None:
        if findings.withdrawn is not None:
            why_none = findings.withdrawn
        elif not findings.flows.has_labels:
            why_none = (
                f"A false-alarm rate of {promised:g} is promised; without labels nobody can audit "
                "it here."
            )
        else:
            benign = findings.flows.sketch.n_benign
            promise = audit(promised, point.false_alarms, benign).to_json()
    return line.to_json() | {
        "origin": findings.origin,
        "who": version.who if version else None,
        "when": _set_at(findings),
        "why": version.why if version else None,
        "promise": promise,
        "no_promise": why_none,
    }


def _set_at(findings: Findings) -> str | None:
    """When the threshold was set, or its bundle made; None of one that was only tried."""
    if findings.version is not None:
        return findings.version.set_at
    return None if findings.origin == TRIED else findings.bundle.manifest.created


def _distribution(
    findings: Findings, sketch: ThresholdSketch, point: OperatingPoint
) -> dict[str, Any]:
    kinds = {"benign": [sketch.benign_index], "unlabelled": [sketch.unlabelled_index]}
    if not findings.flows.has_labels:
        kinds = {"unlabelled": [sketch.benign_index]}
    rows: dict[str, Sequence[int | None]] = {**kinds, "attack": sketch.attack_indices}
    filled = np.flatnonzero(sketch.hist.sum(axis=0))
    first, last = (filled[0], filled[-1] + 1) if len(filled) else (0, sketch.hist.shape[1])
    # The first edge of each folded bin, and the last edge of all.
    places = np.unique(np.linspace(first, last, _BINS + 1).astype(np.int64))
    counts = {
        kind: np.add.reduceat(
            sketch.hist[[int(i) for i in of if i is not None]].sum(0), places[:-1]
        )
        for kind, of in rows.items()
        if any(i is not None for i in of)
    }
    drawn: dict[str, Any] = {
        "edges": sketch.hist_edges[places].tolist(),
        "counts": {kind: found.tolist() for kind, found in counts.items()},
        "threshold": findings.threshold.value,
    }
    if sketch.n_attacks and sketch.n_benign and findings.flows.has_labels:
        precision_recall, receiver = curves(sketch)
        drawn |= {
            "precision_recall": _points(precision_recall),
            "roc": _points(receiver),
            "at": {
                "recall": point.recall,
                "precision": point.precision,
                "false_positive_rate": point.false_positive_rate,
            },
        }
    return drawn


def _points(curve: Curve) -> list[list[float]]:
    stacked = np.stack([curve.x, curve.y, curve.thresholds], axis=1)
    points: list[list[float]] = np.round(stacked, 7).tolist()
    return points


def _classes(findings: Findings, point: OperatingPoint) -> list[dict[str, Any]]:
    if not findings.flows.has_labels:
        return []
    largest = sorted(point.per_class, key=lambda one: -one.flows)[:MOST_CLASSES]
    return [
        {
            "name": one.name,
            "flows": one.flows,
            "found": one.found,
            "recall": one.recall,
            "low": one.low,
            "high": one.high,
            "few": one.few,
        }
        for one in largest
    ]


def _incidents(findings: Findings) -> dict[str, Any]:
    flows = findings.flows
    found = flows.incidents
    if found is None:
        return {
            "total": None,
            "sentence": "These flows have no times or no hosts, so there are no incidents.",
            "listed": [],
        }
    total = int(findings.threshold.alerts(found.score).sum())
    listed = []
    for at in worst_incidents(flows, findings.threshold).tolist():
        row = int(flows.row[found.worst[at]])
        begins = datetime.fromtimestamp(found.window_ms[at] / 1000, UTC)
        listed.append(
            {
                "host": flows.hosts[found.host[at]],
                "begins": begins.isoformat(sep=" ", timespec="minutes").removesuffix("+00:00"),
                "cause": flows.causes[found.cause[at]] if found.cause[at] >= 0 else None,
                "flows": int(found.flows[at]),
                "score": float(found.score[at]),
                "highest": float(found.highest[at]),
                "severity": int(found.severity[at]),
                "class": _class_of(flows, int(found.worst[at])),
                "row": row,
                "sentence": findings.sentences.get(row),
            }
        )
    which = "all of them" if len(listed) == total else f"the {len(listed)} with the highest scores"
    return {
        "total": total,
        "sentence": f"{total:,} incidents are raised; {which} are listed." if total
        else "No incident is raised.",
        "listed": listed,
    }  # fmt: skip


def _class_of(flows: ReportFlows, position: int) -> str | None:
    return flows.sketch.classes[flows.class_of[position]] if flows.has_labels else None


def _verdicts(reviewed: Reviewed | None) -> dict[str, Any] | None:
    if reviewed is None:
        return None
    decided = sum(reviewed.verdicts.values())
    return {
        "sentence": f"People decided {decided:,} of these flows." if decided
        else "Nobody has decided any of these flows.",
        "flows": dict(reviewed.verdicts),
    }  # fmt: skip


def _model(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    training = {key: value for key, value in manifest.training.items() if key != "losses"}
    return {
        "bundle": bundle.name,
        "created": manifest.created,
        "made_by": f"EdgeGuard {manifest.code_version}",
        "model_sha256": bundle.model_sha256,
        "manifest_sha256": hashlib.sha256(bundle.files[MANIFEST]).hexdigest(),
        "model_bytes": len(bundle.model),
        "variant": bundle.variant,
        "schema": f"{manifest.schema.name}, version {manifest.schema.version}",
        "schema_fingerprint": manifest.schema.fingerprint,
        "seed": manifest.training.get("seed"),
        "training": training,
        "data": dict(manifest.data),
        "meter": manifest.meter.format,
    }


def _source(findings: Findings) -> dict[str, Any]:
    flows = findings.flows
    labels = dict(zip(flows.sketch.classes, flows.sketch.n.tolist(), strict=True))
    return {
        "file": findings.source,
        "sha256": findings.source_sha256,
        "judged_by": f"{findings.bundle.name}, model {findings.bundle.model_sha256}",
        "flows": len(flows.scores),
        "hours": flows.sketch.duration_hours,
        "first": _time(flows.first_ms),
        "last": _time(flows.last_ms),
        "labels": labels if flows.has_labels else None,
    }


def _time(time_ms: float | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")


def _limitations(findings: Findings, point: OperatingPoint) -> list[str]:
    flows, said = findings.flows, list(_ALWAYS)
    if not flows.has_labels:
        said.append("The flows carry no labels: nothing is known about recall or precision.")
    elif not flows.sketch.n_attacks:
        said.append("No flow is labelled as an attack: nothing is known about recall.")
    if findings.laid is not None:
        said.append(SYNTHETIC)
    if flows.sketch.duration_hours is None:
        said.append("The flows have no times: there are no rates by hour and no incidents.")
    if findings.origin == TRIED:
        said.append("The threshold was tried for this report and is not in force anywhere.")
    if few := [one.name for one in point.per_class if one.few]:
        which = "attack class has" if len(few) == 1 else "attack classes have"
        said.append(f"{len(few)} {which} fewer than 30 flows: that recall is a rough figure.")
    if findings.reviewed is not None and any(findings.reviewed.verdicts.values()):
        said.append("Verdicts are of flows that people chose among alerts, not a random sample.")
    if findings.bundle.manifest.data.get("note") == NOTE:
        said.append("The bundle is a demo: it learned a synthesised office and no real network.")
    return [*said, *findings.warnings]
