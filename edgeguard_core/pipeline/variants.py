"""Variants of one model: converted, held against float32, each calibrated on its own scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import ParityError
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.inference import Scorer
from edgeguard_core.pipeline.progress import OnProgress, Progress
from edgeguard_core.thresholds import Calibration, Threshold

REFERENCE = "float32"
OFFERED = ("float32", "float16", "dynamic_int8")
"""What training always measures; full int8 can be asked for, and is refused by its parity."""

_PREFIX = "calibration_of_"


@dataclass(frozen=True)
class Variants:
    """Every variant that was measured; ``models`` and ``calibrations`` hold those that passed."""

    models: Mapping[str, bytes]
    calibrations: Mapping[str, Calibration]
    reports: Mapping[str, Any]
    sizes: Mapping[str, int]

    @staticmethod
    def name(text: str) -> str:
        """The variant that a person's spelling means."""
        from edgeguard_core.model.conversion import parse_variant

        return parse_variant(text)

    def require(self, text: str) -> tuple[bytes, Calibration]:
        """A variant's file and the calibration of its own scores.

        Raises
        ------
        ParityError
            If it does not answer like float32; the message names the figure that failed.
        """
        name = self.name(text)
        if name not in self.models:
            self.reports[name].require(name)
        return self.models[name], self.calibrations[name]

    def to_json(self) -> dict[str, Any]:
        """Bytes and parity figures of each, by name."""
        return {
            name: {"bytes": self.sizes[name], **report.to_json()}
            for name, report in self.reports.items()
        }


def make_variants(
    arrays: Mapping[str, NDArray[Any]],
    preprocessor: Preprocessor,
    config: TrainingConfig,
    *,
    benign: ModelInput,
    attacks: ModelInput | None,
    hours: float | None,
    on_progress: OnProgress,
    names: tuple[str, ...],
) -> Variants:
    """The variants of some weights, those that answer like float32 with their calibration.

    Parameters
    ----------
    benign
        Held-out benign flows: they judge parity and calibrate.
    attacks
        Labelled attacks where there are any; they only judge parity.
    hours
        Time that the benign flows cover, for alerts per hour.
    names
        Which ones.

    Raises
    ------
    ConversionError
        If no file could be made.
    ParityError
        If float32 itself cannot score.
    """
    from edgeguard_core.model.conversion import convert
    from edgeguard_core.model.parity import check_parity

    models: dict[str, bytes] = {}
    calibrations: dict[str, Calibration] = {}
    reports: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    reference = convert(arrays, preprocessor, config, REFERENCE)
    for position, name in enumerate(names):
        on_progress(Progress("convert", position / len(names), f"Converting to {name}, comparing"))
        model = reference if name == REFERENCE else convert(arrays, preprocessor, config, name)
        report = check_parity(reference, model, benign, attacks, seed=config.seed)
        reports[name], sizes[name] = report, len(model)
        if report.passed:
            models[name] = model
    for position, (name, model) in enumerate(models.items()):
        on_progress(Progress("calibrate", position / len(models), f"Calibrating {name}"))
        calibrations[name] = Calibration.fit(Scorer(model).score(benign).score, hours)
    return Variants(models, calibrations, reports, sizes)


def stored_calibrations(calibrations: Mapping[str, Calibration]) -> dict[str, NDArray[Any]]:
    """Calibrations as arrays beside the weights, so that a variant can be shipped later on.

    A threshold must come from the scores of the variant that serves, and the flows that gave
    them are gone by then.
    """
    return {
        f"{_PREFIX}{name}/{key}": array
        for name, calibration in calibrations.items()
        for key, array in calibration.to_arrays().items()
    }


def stored_calibration(arrays: Mapping[str, NDArray[Any]], name: str) -> Calibration:
    """The calibration that training stored for a variant.

    Raises
    ------
    ParityError
        If there is none, since the variant did not pass then.
    """
    prefix = f"{_PREFIX}{name}/"
    found = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
    if not found:
        raise ParityError(
            f"Training kept no calibration for {name}, since it did not answer like {REFERENCE}; "
            "ship another variant."
        )
    return Calibration.from_arrays(found)


def weights_alone(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays that are weights."""
    return {key: array for key, array in arrays.items() if not key.startswith(_PREFIX)}


def calibration_metrics(threshold: Threshold, calibration: Calibration) -> dict[str, Any]:
    """How the threshold does on the flows it was calibrated on, and what they can promise."""
    alerted = int(calibration.sketch.counts_at(threshold.value).sum())
    return {
        "calibration_flows": calibration.n,
        "calibration_false_positive_rate": alerted / calibration.n,
        "smallest_promise": 1 / (calibration.n + 1),
    }
