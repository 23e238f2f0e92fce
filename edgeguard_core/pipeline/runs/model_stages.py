"""The stages about the model: trained, judged beside the champion, converted, registered."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle, strict_json
from edgeguard_core.detection import Detector
from edgeguard_core.errors import ParityError, SchemaError
from edgeguard_core.evaluation import evaluate as evaluated_scores
from edgeguard_core.flows.table import BENIGN
from edgeguard_core.pipeline.bench import bench
from edgeguard_core.pipeline.convert import convert_bundle
from edgeguard_core.pipeline.judge import Scores, score_all
from edgeguard_core.pipeline.progress import OnProgress, Progress
from edgeguard_core.pipeline.reading import require_trusted_labels
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.rehearse import rehearse
from edgeguard_core.pipeline.retuning import RetunePreview
from edgeguard_core.pipeline.runs.against_champion import held_against
from edgeguard_core.pipeline.runs.artifacts import (
    Converted,
    Evaluated,
    FalseAlarms,
    TrainedModel,
)
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.score import usage_warnings
from edgeguard_core.pipeline.splits import Placing
from edgeguard_core.pipeline.train import TrainRequest, train
from edgeguard_core.pipeline.variants import REFERENCE
from edgeguard_core.thresholds import audit

BUNDLE: Final = "bundle"


def train_model(
    config: PipelineConfig,
    paths: Sequence[Path],
    origin: dict[str, Any],
    placing: Placing,
    out: Path,
    now: Callable[[], datetime],
    on_progress: OnProgress,
) -> TrainedModel:
    """A bundle of the float32 model, fitted and calibrated on some Parquet files.

    Raises
    ------
    NotEnoughDataError, SchemaError, TrainingError, ConversionError
        As ``train``.
    """
    request = TrainRequest(
        paths=paths,
        out=out / BUNDLE,
        config=config.training,
        read=config.read,
        variant=REFERENCE,
        promise=config.promise,
        take_unlabelled=config.take_unlabelled,
        # What looked like an attack was left out before, or it was decided that it stays.
        keep_suspected=True,
        context=config.context,
        left_out=config.left_out,
        epochs=config.epochs,
        origin=origin,
        placing=placing,
    )
    done = train(request, now=now, on_progress=on_progress)
    figures = done.to_json()
    warnings = figures.pop("warnings")
    for changing in (BUNDLE, "seconds", "suspected"):
        figures.pop(changing)
    return TrainedModel(BUNDLE, strict_json.without_nan(figures), warnings)


def evaluate_model(
    config: PipelineConfig,
    bundle: Path,
    judged: Sequence[Path],
    held_out: Path,
    champion: Version | None,
    on_progress: OnProgress,
    retune: Callable[[Detector], RetunePreview | None] = lambda _: None,
) -> Evaluated:
    """How good a bundle is, alone and beside the champion, and what verdicts say of its threshold.

    Parameters
    ----------
    judged
        What it is judged on: labelled attacks where there are any.
    held_out
        Benign flows that it never saw.
    retune
        What people's verdicts would change; it changes nothing.

    Raises
    ------
    SourceError, SchemaError
        If the files cannot be read, or are not what the bundle scores.
    """
    detector = Detector(Bundle.load(bundle))
    found = score_all(detector, judged, config.read, on_progress)
    require_trusted_labels(found.report)
    labels = found.labels
    figures: dict[str, Any] = {}
    if labels is not None and (labels.label >= BENIGN).any():
        told = evaluated_scores(found.scores, labels, detector.threshold, hours=found.hours)
        figures = dict(strict_json.without_nan(told.to_json()))
    laid, why_not = None, []
    if not figures.get("attacks"):
        try:
            laid = rehearse(detector, [held_out], read=config.read, on_progress=on_progress).laid
        except SchemaError as error:
            why_not = [f"No attack could be laid in: {error}"]
    beside = None
    if champion is not None:
        beside = held_against(champion, detector, judged, held_out, config.read, laid, on_progress)
    preview = retune(detector)
    return Evaluated(
        figures=figures,
        false_alarms=false_alarms(detector, score_all(detector, [held_out], config.read)),
        injected=None
        if laid is None
        else dict(strict_json.without_nan(laid.to_json(detector.threshold))),
        champion=beside,
        warnings=[*usage_warnings(detector, found.report), *why_not],
        feedback=None if preview is None else preview.to_json(),
        told=[] if preview is None else preview.told(),
    )


def false_alarms(detector: Detector, scores: Scores) -> FalseAlarms:
    """The promise and what held-out benign flows made of it."""
    alerts = int(detector.threshold.alerts(scores.scores).sum())
    promised = detector.threshold.promised_false_positive_rate
    if promised is None:
        raise AssertionError("training promises a false-alarm rate")
    flows = len(scores.scores)
    told = audit(promised, alerts, flows)
    return FalseAlarms(flows, alerts, promised, told.realised, told.low, told.high)


def convert_model(
    config: PipelineConfig,
    bundle: Path,
    held_out: Path,
    out: Path,
    now: Callable[[], datetime],
    on_progress: OnProgress,
) -> Converted:
    """The bundle that ships, proved against float32, and what it costs here.

    A variant that does not answer like float32 is a finding, for the gates to refuse.

    Raises
    ------
    ConversionError, BundleError
        If no file can be made.
    """
    try:
        done = convert_bundle(
            Bundle.load(bundle), config.variant, out / BUNDLE, now=now, on_progress=on_progress
        )
    except ParityError as error:
        return Converted(config.variant, problem=str(error))
    on_progress(Progress("convert", 0.8, "Measuring what it costs"))
    detector = Detector(Bundle.load(done.bundle))
    return Converted(
        variant=done.variant,
        bundle=BUNDLE,
        parity=dict(strict_json.without_nan(done.parity)),
        cost=bench(done.bundle),
        false_alarms=false_alarms(detector, score_all(detector, [held_out], config.read)),
    )
