"""Convert: another variant of a bundle's model, proved before it is written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeguard_core.bundle import PARITY, WEIGHTS, Bundle, check_target, save_bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import ParityError
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.room import require_room
from edgeguard_core.pipeline.train import DEFAULT_PROMISE
from edgeguard_core.pipeline.variants import (
    REFERENCE,
    calibration_metrics,
    stored_calibration,
    weights_alone,
)
from edgeguard_core.thresholds import conformal


@dataclass(frozen=True)
class Converted:
    """The new bundle and how near it comes to float32."""

    bundle: Path
    variant: str
    bytes: int
    parity: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``convert --json``."""
        return vars(self) | {"bundle": str(self.bundle.resolve())}


def convert_bundle(
    bundle: Bundle,
    variant: str,
    out: Path,
    *,
    now: Callable[[], datetime],
    force: bool = False,
    on_progress: OnProgress = silent,
) -> Converted:
    """A bundle of the same weights as another variant, at the same promise.

    Raises
    ------
    BundleError
        If the bundle was exported without its weights, or ``out`` is taken.
    ConversionError, ParityError
        If the variant cannot be made, or does not answer like float32.
    """
    check_target(out, force=force)
    require_room(out)
    weights, rows = bundle.arrays(WEIGHTS), bundle.arrays(PARITY)
    config = TrainingConfig.from_json(bundle.manifest.training["config"])
    from edgeguard_core.model.conversion import convert, parse_variant
    from edgeguard_core.model.parity import check_parity

    name = parse_variant(variant)
    on_progress(Progress("convert", 0.0, f"Converting to {name}"))
    _refuse_what_training_refused(bundle, name)
    arrays = weights_alone(weights)
    reference = convert(arrays, bundle.preprocessor, config, REFERENCE)
    model = reference if name == REFERENCE else convert(arrays, bundle.preprocessor, config, name)
    on_progress(Progress("convert", 0.5, "Comparing it with float32"))
    held_out = ModelInput(rows["numeric"], rows["categorical"])
    report = check_parity(reference, model, held_out, seed=config.seed)
    report.require(name)
    calibration = stored_calibration(weights, name)
    promise = bundle.threshold.promised_false_positive_rate or DEFAULT_PROMISE
    threshold = conformal(calibration.sketch, promise, bundle.threshold.calibrated_on)
    parts = replace(
        bundle.parts(),
        created=now(),
        model=model,
        calibration=calibration,
        threshold=threshold,
        metrics=calibration_metrics(threshold, calibration),
        runtime={**bundle.manifest.runtime, "variant": name},
    )
    path = save_bundle(out, parts, force=force, as_zip=out.suffix == ".zip")
    return Converted(path, name, len(model), report.to_json())


def _refuse_what_training_refused(bundle: Bundle, name: str) -> None:
    """Say at once which figure failed on the held-out flows, which are gone by now."""
    measured = bundle.manifest.runtime.get("variants", {}).get(name, {})
    if failures := measured.get("failures"):
        raise ParityError(
            f"{name} did not answer like {REFERENCE} in training: {'; '.join(failures)}. "
            "Ship another variant."
        )
