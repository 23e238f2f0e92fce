"""The stages about flows: which files, what they hold, how they moved, and in which parts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import strict_json
from edgeguard_core.detection import Detector
from edgeguard_core.errors import NotEnoughDataError, SchemaError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.attack_signs import attack_signs
from edgeguard_core.pipeline.drift.covariate import DISTANCE_LIMIT
from edgeguard_core.pipeline.drift.diagnosis import Kind
from edgeguard_core.pipeline.drift.judge import DriftReport, drift_files
from edgeguard_core.pipeline.drift.schema import unread_columns
from edgeguard_core.pipeline.preprocess import Parted, parted
from edgeguard_core.pipeline.progress import OnProgress, Progress
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.runs.artifacts import Drifted, Ingested, Transformed, Validated
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.runs.learnable import Said, account, learnable, places, told
from edgeguard_core.pipeline.runs.sources import gathered, gathered_feedback
from edgeguard_core.pipeline.suspicion import Suspicion
from edgeguard_core.pipeline.tables import write_flows
from edgeguard_core.pipeline.verdicts import TRUE
from edgeguard_core.sources import ReadReport

REJECTED, REPORT, TRAIN = "rejected.csv", "report.json", "train"
HELD_OUT, TEST = "held_out.parquet", "test.parquet"
_MOST_REASONS: Final = 3


def ingest(config: PipelineConfig, out: Path, on_progress: OnProgress) -> Ingested:
    """Every file that is learned from and judged on, with its fingerprint, and the feedback.

    Raises
    ------
    ConfigError
        If a source means no file, or feedback is about none of them; it names the line of the
        config.
    """
    on_progress(Progress("ingest", 0.0, "Fingerprinting files"))
    data = gathered(config, "data", config.data, out)
    evaluation = gathered(config, "evaluation", config.evaluation, out)
    return Ingested(data, evaluation, gathered_feedback(config, (*data, *evaluation), out))


def validate(
    config: PipelineConfig,
    paths: Sequence[Path],
    out: Path,
    on_progress: OnProgress,
    said: Said | None = None,
) -> Validated:
    """What the files hold, and every rejected row in ``rejected.csv``.

    What cannot be read as flows of one schema is a finding, for the gates to refuse.

    Raises
    ------
    SourceError
        If a file cannot be read at all.
    """
    report = ReadReport()
    try:
        flows, _ = read_all(paths, config.read, on_progress, out / REJECTED, report)
        found = learnable(config, flows, report, said)
    except (SchemaError, NotEnoughDataError) as error:
        return _unusable(report, str(error))
    except SourceError as error:
        if report.rows <= report.accepted:  # nothing was rejected, so the file is the matter
            raise
        return _unusable(report, str(error))
    on_progress(Progress("validate", 0.9, "Looking for signs of attack"))
    normal, codes = found.normal, found.codes
    signs = attack_signs(normal.flows, found.timeline)
    marked = np.zeros(len(normal.flows), np.bool_)
    for sign in signs:
        marked[sign.rows] = True
    suspicion = found.suspicion(config) if marked.any() else Suspicion()
    to_learn, is_vouched = codes != TRUE, found.judged.is_benign[normal.rows]
    missing = sorted(
        name
        for name in set(flows.schema.features) - set(flows.columns) - set(config.left_out)
        if not flows.schema.column(name).context
    )
    return Validated(
        **_read(report),
        missing_columns=missing,
        unread_columns=unread_columns(paths, config.read)[:20] if missing else [],
        normal=int(to_learn.sum()),
        suspected=int((marked & to_learn & ~is_vouched).sum()),
        left_out=int(to_learn[suspicion.left_out].sum()),
        vouched=int((marked & is_vouched).sum()),
        reasons=[sign.reason for sign in signs[:_MOST_REASONS]],
        warnings=list(dict.fromkeys([*normal.warnings, *report.all_warnings()])),
    )


def _unusable(report: ReadReport, problem: str) -> Validated:
    return Validated(**_read(report), problem=problem, warnings=report.all_warnings())


def _read(report: ReadReport) -> dict[str, Any]:
    return {
        "schema": report.schema.name if report.schema else "",
        "format": report.format,
        "meter": report.meter,
        "rows": report.rows,
        "accepted": report.accepted,
        "rejected": dict(report.rejected.most_common()),
        "labels": dict(report.labels.most_common()),
    }


def check_drift(
    config: PipelineConfig,
    paths: Sequence[Path],
    champion: Version | None,
    out: Path,
    on_progress: OnProgress,
) -> Drifted:
    """How the flows moved against those that the champion learned; ``report.json`` has all.

    Raises
    ------
    SourceError
        If a file cannot be read.
    RegistryError, BundleError
        If the champion is damaged.
    """
    if champion is None:
        return Drifted(verdict="There is no champion yet to hold the flows against.")
    try:
        found = drift_files(
            Detector(champion.load()), paths, read=config.read, on_progress=on_progress
        )
    except (SchemaError, NotEnoughDataError) as error:
        return Drifted(champion=champion.number, problem=str(error))
    (out / REPORT).write_bytes(strict_json.dump(strict_json.without_nan(found.to_json())))
    score = found.score
    return Drifted(
        champion=champion.number,
        missing_columns=list(found.schema.missing_columns),
        features=sum(not feature.is_history for feature in found.features),
        drifted=list(found.moved),
        kind=str(found.diagnosis.kind),
        verdict=found.verdict,
        evidence=list(found.diagnosis.evidence),
        alert_share=None if score is None else score.alerts.here,
        expected_alert_share=None if score is None else score.alerts.expected,
        suspected_share=_excess(found),
        warnings=list(found.warnings),
    )


def _excess(found: DriftReport) -> float:
    """Share of flows that alert or are odd beyond what should, where they look like attacks.

    A shifted network makes flows alert, too; but then the scores of the others move as well.
    """
    if found.score is None or not found.score.has_grown_tail:
        return 0.0
    kind = found.diagnosis.kind
    others_moved = found.score.body_shift >= DISTANCE_LIMIT
    if kind != Kind.ATTACK and (kind == Kind.SENSOR or others_moved):
        return 0.0
    kinds = (found.score.alerts, found.score.tail)
    return max(0.0, *(share.here - share.expected for share in kinds))


def transform(
    config: PipelineConfig,
    paths: Sequence[Path],
    out: Path,
    on_progress: OnProgress,
    said: Said | None = None,
) -> Transformed:
    """The flows to train on, a Parquet file each source, and those kept from training.

    Raises
    ------
    SourceError, SchemaError, NotEnoughDataError
        If the files cannot be read, or hold nothing to learn from.
    """
    flows, report = read_all(paths, config.read, on_progress)
    found = learnable(config, flows, report, said)
    suspicion = found.suspicion(config)
    normal = found.cleaned(suspicion)
    always, never = places(config, found.judged.codes[normal.rows])
    parts = parted(
        found.flows,
        report,
        normal,
        config.test_share,
        kind=config.split_kind,
        seed=config.training.seed,
        always=always,
    )
    on_progress(Progress("transform", 0.9, "Writing Parquet files"))
    write_flows(out / HELD_OUT, parts.held_out, report.meter)
    write_flows(out / TEST, parts.tested, report.meter)
    names = _write_train(out, parts, report)
    feedback = account(found, always, never)
    return Transformed(
        train=tuple(names.values()),
        held_out=HELD_OUT,
        test=TEST,
        train_flows=len(parts.learned),
        held_out_flows=len(parts.held_out),
        test_flows=len(parts.tested),
        is_labelled=bool((found.flows.is_benign | found.flows.is_attack).any()),
        split=parts.kind,
        origin=_origin(paths, report, suspicion, feedback),
        always=_records(names, parts, always),
        never=_records(names, parts, never),
        feedback=feedback,
        warnings=list(dict.fromkeys([*normal.warnings, *report.all_warnings()])),
        told=told(feedback),
    )


def _write_train(out: Path, parts: Parted, report: ReadReport) -> dict[int, str]:
    """Each file's flows in a file of their own: calibration takes the latest part of each."""
    (out / TRAIN).mkdir()
    names = {}
    for at in np.unique(parts.timeline).tolist():
        name = f"{TRAIN}/{at + 1:04d}-{report.paths[at].name.partition('.')[0]}.parquet"
        write_flows(out / name, parts.learned.select(parts.timeline == at), report.meter)
        names[at] = name
    return names


def _records(
    names: Mapping[int, str], parts: Parted, some: NDArray[np.bool_]
) -> dict[str, list[int]]:
    """Some normal flows, ``(m,)``, by the Parquet file they are in and their record there."""
    chosen = some[parts.positions]
    found = {
        Path(name).name: (np.flatnonzero(chosen[parts.timeline == at]) + 1).tolist()
        for at, name in names.items()
    }
    return {name: records for name, records in found.items() if records}


def _origin(
    paths: Sequence[Path], report: ReadReport, suspicion: Suspicion, feedback: Mapping[str, Any]
) -> dict[str, object]:
    """Where the flows come from, as a bundle's manifest keeps it."""
    files = [{"name": path.name, "sha256": sha256_hex(path)} for path in paths]
    hashes = sorted(file["sha256"] for file in files)
    return {
        "fingerprint": sha256_hex("\n".join(hashes).encode()),
        "files": files,
        "rows": report.rows,
        "accepted": report.accepted,
        "rejected": dict(report.rejected),
        "labels": dict(report.labels),
        **({"suspected": suspicion.to_json()} if suspicion.suspected else {}),
        # A bundle is handed on: it tells how many, and not who.
        **({"feedback": {k: v for k, v in feedback.items() if k != "by"}} if feedback else {}),
    }
