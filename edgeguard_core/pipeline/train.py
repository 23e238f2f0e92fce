"""Train: from files of flows to a bundle, with everything between."""

import difflib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgeguard_core
from edgeguard_core.bundle import Bundle, BundleParts, Meter, check_target, save_bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.drift.reference import DriftReference
from edgeguard_core.errors import EdgeGuardError, SchemaError
from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features.context import with_context, without_context
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.features.prototypes import Prototypes
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.column_remarks import column_remarks
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.pipeline.room import require_room
from edgeguard_core.pipeline.splits import (
    NormalFlows,
    Placing,
    duration_hours,
    normal_flows,
    split,
    unlabelled_as_benign,
)
from edgeguard_core.pipeline.suspicion import Suspicion, flows_for_promise, nobody_judged, suspect
from edgeguard_core.pipeline.thinning import thinned
from edgeguard_core.pipeline.variants import (
    OFFERED,
    Variants,
    calibration_metrics,
    make_variants,
    stored_calibrations,
)
from edgeguard_core.sources import ReadOptions, ReadReport, expand
from edgeguard_core.thresholds import Threshold, conformal, require_benign_rows

DEFAULT_PROMISE = 0.01
CALIBRATION_SHARE = 0.2
MOST_PARITY_ROWS = 2_000
MOST_ROWS_COMPARED = 20_000  # of each kind in the parity check; more changes no figure


@dataclass(frozen=True)
class TrainRequest:
    """What a training run is asked for; ``out`` is a folder, or one file if it ends in .zip."""

    paths: Sequence[str | Path]
    out: Path
    config: TrainingConfig = field(default_factory=TrainingConfig)
    read: ReadOptions = field(default_factory=ReadOptions)
    variant: str = "float32"
    promise: float = DEFAULT_PROMISE
    take_unlabelled: bool = False
    keep_suspected: bool = False  # learn also what looks like an attack and nobody labelled
    keep_rows: bool = False
    context: bool = True  # where flows have times, the history of their hosts is learned, too
    left_out: Sequence[str] = ()  # features of the schema that the model must not read
    epochs: float | None = None  # passes over the fitted rows; decides the steps where given
    lean: bool = False  # leave out what only convert needs
    note: str = ""  # kept with the data's provenance
    origin: Mapping[str, Any] = field(default_factory=dict)  # provenance of what ``paths`` are from
    placing: Placing = field(default_factory=Placing)  # flows whose place a person decided
    force: bool = False


@dataclass(frozen=True)
class Trained:
    """A finished run: the bundle, and what it was made from."""

    bundle: Bundle
    flows: int
    benign: int
    fitted: int
    calibration_rows: int
    split: str
    epochs: float
    seconds: float
    variants: Mapping[str, Mapping[str, Any]]
    suspicion: Suspicion
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``train --json``."""
        threshold = self.bundle.threshold
        return {
            "bundle": str(self.bundle.path.resolve()),
            "flows": self.flows,
            "benign": self.benign,
            "fitted": self.fitted,
            "calibration": {"flows": self.calibration_rows, "split": self.split},
            "epochs": round(self.epochs, 3),
            "seconds": round(self.seconds, 2),
            "seed": self.bundle.manifest.training["seed"],
            "variant": self.bundle.variant,
            "variants": dict(self.variants),
            "threshold": {
                "value": threshold.value,
                "method": threshold.method,
                "target": threshold.target,
            },
            "suspected": self.suspicion.to_json(),
            "warnings": self.warnings,
        }


def train(
    request: TrainRequest,
    *,
    now: Callable[[], datetime],
    on_progress: OnProgress = silent,
) -> Trained:
    """The bundle that ``request.out`` holds once this returns, and the figures of the run.

    Fitted on benign flows only; a fifth of them, the latest of each file where there is time, is
    kept out and calibrates. What ``on_progress`` raises ends the run, and nothing is left behind.

    Raises
    ------
    SourceError, SchemaError, NotEnoughDataError
        If the files cannot be read, hold too little that is normal, or have no such feature
        as is to be left out.
    BundleError, OutputError
        If ``out`` exists without ``force``, or cannot be written.
    TrainingError, ConversionError, ParityError
        If no model could be made that answers like its reference.
    """
    started = time.monotonic()
    _check(request)
    flows, report = read_all(request.paths, request.read, on_progress)
    _require_features(request.left_out, flows.schema)
    unjudged = nobody_judged(flows)
    if request.take_unlabelled:
        flows = unlabelled_as_benign(flows)
    normal, suspicion = _unsuspected(request, normal_flows(flows, report), unjudged, report)
    require_benign_rows(len(normal.flows))
    learned, attacks = _contexts(request, flows, normal, report)
    timeline = report.timeline[normal.rows]
    parts = split(learned, CALIBRATION_SHARE, timeline=timeline, seed=request.config.seed)
    parts = parts.placed(*request.placing.masks(report, normal))
    held_out = learned.select(parts.last)

    earlier = learned.select(parts.first)
    preprocessor = Preprocessor.fit(earlier, request.config)
    everyday = preprocessor.transform(earlier)
    fitted = everyday.select(thinned(everyday, preprocessor, request.config))
    config = _config(request, len(fitted))
    weights = _fit(fitted, preprocessor, config, on_progress)
    variants = make_variants(
        weights.arrays,
        preprocessor,
        config,
        benign=preprocessor.transform(held_out),
        attacks=preprocessor.transform(attacks) if len(attacks) else None,
        hours=duration_hours(held_out, timeline[parts.last]),
        names=tuple(dict.fromkeys((*OFFERED, Variants.name(request.variant)))),
        on_progress=on_progress,
    )
    model, calibration = variants.require(request.variant)
    threshold = conformal(calibration.sketch, request.promise, _calibrated_on(report, parts.kind))
    on_progress(Progress("write", 0.0, "Writing the bundle"))
    warnings = normal.warnings + report.all_warnings()
    warnings += column_remarks(earlier, preprocessor)
    warnings += _promise_warnings(threshold, request.promise)
    path = save_bundle(
        request.out,
        BundleParts(
            schema=flows.schema,
            preprocessor=preprocessor,
            threshold=threshold,
            calibration=calibration,
            model=model,
            created=now(),
            code_version=edgeguard_core.__version__,
            meter=Meter(report.meter, report.bytes_layer, report.timeouts),
            data=_provenance(
                request, report, duration_hours(learned, timeline), parts.kind, len(parts.last)
            )
            | {"benign": len(learned), **request.origin},
            training={
                "config": config.to_json(),
                "seed": config.seed,
                "epochs": weights.epochs,
                "losses": [round(float(loss), 6) for loss in weights.losses],
                "fitted": len(parts.first),
                "fitted_unlike": len(fitted),
                **({"suspected": suspicion.to_json()} if suspicion.suspected else {}),
                **({"left_out": sorted(set(request.left_out))} if request.left_out else {}),
            },
            metrics=calibration_metrics(threshold, calibration),
            runtime={"variant": variants.name(request.variant), "variants": variants.to_json()},
            weights=None
            if request.lean
            else {**weights.arrays, **stored_calibrations(variants.calibrations)},
            prototypes=Prototypes.choose(
                everyday, lambda rows: expanded(rows, preprocessor, config), config.seed
            ),
            parity=None if request.lean else _parity_rows(request, preprocessor, held_out),
            drift=DriftReference.of(preprocessor, earlier).to_arrays(),
        ),
        force=request.force,
        as_zip=request.out.suffix == ".zip",
    )
    return Trained(
        bundle=Bundle.load(path),
        flows=len(flows),
        benign=len(normal.flows),
        fitted=len(parts.first),
        calibration_rows=len(parts.last),
        split=parts.kind,
        epochs=weights.epochs,
        seconds=time.monotonic() - started,
        variants=variants.to_json(),
        suspicion=suspicion,
        warnings=warnings,
    )


def _unsuspected(
    request: TrainRequest, normal: NormalFlows, unjudged: NDArray[np.bool_], report: ReadReport
) -> tuple[NormalFlows, Suspicion]:
    """The normal flows without those that look like an attack, and what is said about these."""
    found = suspect(
        normal,
        unjudged[normal.rows],
        report.timeline[normal.rows],
        keep=request.keep_suspected,
        held_out=CALIBRATION_SHARE,
        promise=request.promise,
    )
    return found.cleaned(normal), found


def _promise_warnings(threshold: Threshold, promise: float) -> list[str]:
    """That too few flows calibrate for the promise, with how many training would take."""
    if threshold.warning is None:
        return []
    needed = flows_for_promise(promise, CALIBRATION_SHARE)
    return [
        f"{threshold.warning} A fifth of the benign flows calibrates, so that takes {needed:,} "
        "benign flows."
    ]


def _check(request: TrainRequest) -> None:
    """Refuse what would only fail once everything is learned."""
    check_target(request.out, force=request.force)
    require_room(request.out)
    if not 0 < request.promise < 1:
        raise EdgeGuardError(
            f"A false-alarm rate of {request.promise:g} cannot be promised; give one between 0 "
            "and 1, such as 0.01."
        )
    if request.epochs is not None and not 0 < request.epochs < math.inf:
        raise EdgeGuardError(
            f"Training cannot pass over the flows {request.epochs:g} times; give --epochs a number "
            "above 0."
        )
    Variants.name(request.variant)


def _require_features(names: Sequence[str], schema: Schema) -> None:
    """Refuse to leave out what is no feature, or all there is."""
    for name in names:
        if name not in schema.features:
            near = difflib.get_close_matches(name, schema.features, n=2)
            remedy = f"did you mean {' or '.join(near)}?" if near else "leave out what it has."
            raise SchemaError(f"Schema {schema.name!r} has no feature {name!r}; {remedy}")
    if not set(schema.features) - set(names):
        raise SchemaError(
            f"All {len(schema.features)} features of schema {schema.name!r} are left out; keep one."
        )


def _config(request: TrainRequest, n_fitted: int) -> TrainingConfig:
    """The settings, with the steps that so many passes over the fitted rows take."""
    if request.epochs is None:
        return request.config
    steps = math.ceil(request.epochs * n_fitted / request.config.batch_rows)
    return replace(request.config, steps=steps)


def _fit(
    inputs: ModelInput, preprocessor: Preprocessor, config: TrainingConfig, report: OnProgress
) -> Any:
    # Only now: data were checked first, and TensorFlow takes seconds to load.
    from edgeguard_core.model.training import TrainingProgress, train_weights

    def relay(step: TrainingProgress) -> None:
        message = f"Learning: step {step.step} of {step.steps}, loss {step.loss:.3f}"
        done = step.step / step.steps
        report(Progress("train", done, message, step.loss, step.step, step.steps))

    report(Progress("train", 0.0, "Loading TensorFlow"))
    return train_weights(inputs, preprocessor, config, relay)


def _contexts(
    request: TrainRequest, flows: Flows, normal: NormalFlows, report: ReadReport
) -> tuple[Flows, Flows]:
    """The normal flows and some attacks, each with the history that their hosts have.

    That of normal flows is without attacks: a model must not learn their traces.
    """
    some = _some(np.flatnonzero(flows.is_attack), request.config.seed)
    if request.context:
        learned = with_context(normal.flows, report.timeline[normal.rows])
        attacks = with_context(flows, report.timeline) if len(some) else flows
    else:
        learned, attacks = without_context(normal.flows), without_context(flows)
    # Only now, since context is made of columns that may be left out themselves.
    return _without(learned, request.left_out), _without(attacks.select(some), request.left_out)


def _without(flows: Flows, names: Sequence[str]) -> Flows:
    """The same flows without some of their columns."""
    kept = {name: values for name, values in flows.columns.items() if name not in names}
    return replace(flows, columns=kept)


def _some(positions: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """At most so many of the positions that a comparison needs, drawn by the seed."""
    if len(positions) <= MOST_ROWS_COMPARED:
        return positions
    drawn = np.random.default_rng(seed).choice(positions, MOST_ROWS_COMPARED, replace=False)
    return np.sort(drawn)


def _calibrated_on(report: ReadReport, kind: str) -> str:
    names = ", ".join(path.name for path in report.paths[:3])
    more = f" and {len(report.paths) - 3} more" if len(report.paths) > 3 else ""
    part = "the latest fifth" if kind == "time" else "a random fifth"
    each = "each of " if kind == "time" and len(report.paths) > 1 else ""
    return f"{part} of the benign flows of {each}{names}{more}"


def _provenance(
    request: TrainRequest, report: ReadReport, hours: float | None, kind: str, n_calibration: int
) -> dict[str, Any]:
    files = expand(request.paths)
    hashes = [sha256_hex(path) for path in files]
    return {
        "fingerprint": sha256_hex("\n".join(sorted(hashes)).encode()),
        "files": [
            {"name": path.name, "sha256": digest}
            for path, digest in zip(files, hashes, strict=True)
        ],
        "rows": report.rows,
        "accepted": report.accepted,
        "rejected": dict(report.rejected),
        "labels": dict(report.labels),
        "calibration": {"flows": n_calibration, "split": kind},
        "hours": hours,
        "local_networks": list(request.read.local_networks),
        **({"note": request.note} if request.note else {}),
    }


def _parity_rows(
    request: TrainRequest, preprocessor: Preprocessor, held_out: Flows
) -> dict[str, NDArray[Any]]:
    """Rows that prove a converted graph later; nobody's flows unless asked for."""
    from edgeguard_core.model.conversion import synthetic_rows

    if request.keep_rows:
        rows = preprocessor.transform(
            held_out.select(np.arange(min(len(held_out), MOST_PARITY_ROWS)))
        )
    else:
        rows = synthetic_rows(preprocessor, MOST_PARITY_ROWS, request.config.seed)
    return {"numeric": rows.numeric, "categorical": rows.categorical}
