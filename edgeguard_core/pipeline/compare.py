"""Compare: bundles and plain detectors on the same flows, each at as many alerts."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.evaluation.compare import Comparison, ModelScores, compare, leads
from edgeguard_core.evaluation.matrices import Matrix, expanded
from edgeguard_core.evaluation.paired import COVERAGE, Lead
from edgeguard_core.evaluation.peers import Peer, fitted
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED
from edgeguard_core.pipeline.judge import Scores, score_all
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.reading import named, require_trusted_labels
from edgeguard_core.pipeline.score import scored_batches
from edgeguard_core.pipeline.splits import NOTHING_LABELLED
from edgeguard_core.sources import ReadOptions, ReadReport
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS

MOST_JUDGED: Final = 200_000
"""Flows that a comparison with peers judges, drawn at random: neighbours are slow."""

FIT_SHARE: Final = 1 / 3
"""Of the file, its earliest part, on whose benign flows peers are fitted without ``fit``."""


@dataclass(frozen=True)
class Compared:
    """The figures, and how far each model is ahead of the first.

    Attributes
    ----------
    leads
        For each model after the first: recall, ROC AUC and average precision; {} where no flow
        is labelled or a class is absent.
    fitted_on
        What peers learned from, in words; "" without peers.
    """

    found: Comparison
    leads: tuple[dict[str, Lead], ...]
    hours: float | None
    fitted_on: str
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``compare --json``."""
        models = []
        for told, lead in zip(self.found.models, ({}, *self.leads), strict=True):
            figures = asdict(told)
            rates = {str(rate): found for rate, found in figures.pop("tpr_at_fpr").items()}
            ahead = {name: asdict(one) for name, one in lead.items()}
            models.append({**figures, "tpr_at_fpr": rates, "lead_on_first": ahead})
        return {
            "flows": self.found.flows,
            "hours": self.hours,
            "alerts_each": self.found.budget,
            "interval": COVERAGE,
            "peers_fitted_on": self.fitted_on,
            "models": models,
            "warnings": self.warnings,
        }


@dataclass(frozen=True)
class _Part:
    """Flows that are judged; n of them."""

    position: NDArray[np.int64]  # among all flows of the files
    label: NDArray[np.int8]
    hours: float | None


def compare_files(
    detectors: Sequence[Detector],
    paths: Sequence[str | Path],
    *,
    peers: Sequence[Peer] = (),
    fit: Sequence[str | Path] = (),
    alerts_per_hour: float | None = None,
    alerts: int | None = None,
    read: ReadOptions | None = None,
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> Compared:
    """Models on the same flows, the first against each other.

    Peers read the very matrix that the first bundle's network reads, and are fitted on the benign
    or unlabelled flows of ``fit``; without it on those of the file's earliest third, which no
    model is then judged on.

    Parameters
    ----------
    alerts_per_hour, alerts
        What each may raise: by hour, or on all judged flows. By default as many as the first
        bundle's threshold raises.
    seed
        Of the draw where there are more than ``MOST_JUDGED`` flows to judge with peers.

    Raises
    ------
    EdgeGuardError
        With fewer than two models, or alerts by hour of flows without times.
    SourceError, SchemaError
        If files cannot be read, or are not what a bundle scores.
    NotEnoughDataError
        If peers have fewer than 50 flows to learn from, or nothing is left to judge.
    """
    if len(detectors) + len(peers) < 2:
        raise EdgeGuardError(
            "One model alone cannot be compared: give another bundle, or --with knn,iforest."
        )
    turns = in_turns(on_progress, len(detectors) + bool(peers) * (1 + bool(fit)))
    scored = score_each(detectors, paths, read, turns)
    first = scored[0]
    learning = _earliest(first) if peers and not fit else np.zeros(len(first.scores), np.bool_)
    part = _judged(first, learning, bool(peers), seed)
    models = [
        ModelScores(name, part.position, each.scores[part.position])
        for name, each in zip(_names(detectors), scored, strict=True)
    ]
    fitted_on = ""
    if peers:
        matrix = _matrix(detectors[0], paths, read, next(turns))
        rows = matrix[learning]
        fitted_on = f"{len(rows):,} flows of the earliest third of {_short(paths)}"
        if fit:
            rows = _matrix(detectors[0], fit, read, next(turns), without_attacks=True)
            fitted_on = f"{len(rows):,} flows of {_short(fit)}"
        if len(rows) < MINIMUM_BENIGN_ROWS:
            raise NotEnoughDataError(
                f"{len(rows)} flows are too few to fit another detector on: at least "
                f"{MINIMUM_BENIGN_ROWS} are needed; give some with --fit."
            )
        models += _of_peers(peers, rows, matrix[part.position], part.position, on_progress)
    budget = _budget(alerts_per_hour, alerts, part.hours, detectors[0], models[0])
    done = held_beside(models, budget, part.label, part.hours, first.report.all_warnings())
    return replace(done, fitted_on=fitted_on)


def held_beside(
    models: Sequence[ModelScores],
    budget: int,
    label: NDArray[np.int8],
    hours: float | None,
    warnings: Sequence[str] = (),
) -> Compared:
    """Models at one budget of alerts, with how far each is ahead of the first.

    Parameters
    ----------
    label
        BENIGN, ATTACK or UNLABELLED of the first model's flows, ``(n,)``.
    hours
        Time that the flows cover; None without times.
    """
    labels = label if (label >= BENIGN).any() else None
    found = compare(models, budget, labels, hours)
    ahead = leads(models, found, label) if labels is not None else ({},) * (len(models) - 1)
    told = list(warnings)
    if labels is None:
        told.append(NOTHING_LABELLED.rstrip(".") + ": there is no recall to compare.")
    return Compared(found, ahead, hours, "", told)


def score_each(
    detectors: Sequence[Detector],
    paths: Sequence[str | Path],
    read: ReadOptions | None,
    turns: Iterator[OnProgress],
) -> list[Scores]:
    """The scores of each detector of the very same flows.

    Raises
    ------
    EdgeGuardError
        If they do not see the same flows in a capture.
    SourceError, SchemaError
        If files cannot be read, or are not what a bundle scores.
    """
    scored = [score_all(detector, paths, read, next(turns)) for detector in detectors]
    require_trusted_labels(scored[0].report)
    if any(len(each.scores) != len(scored[0].scores) for each in scored):
        raise EdgeGuardError(
            f"These bundles do not see the same flows in {named(paths)}: their meters or local "
            "networks differ; give a table of flows instead of a capture."
        )
    return scored


def in_turns(on_progress: OnProgress, turns: int) -> Iterator[OnProgress]:
    """Progress of each reading of the files as a part of all of them."""
    for turn in range(turns):

        def relay(told: Progress, turn: int = turn) -> None:
            on_progress(replace(told, done=(turn + told.done) / turns))

        yield relay


def _short(paths: Sequence[str | Path]) -> str:
    return named([Path(path).name for path in paths])


def _names(detectors: Sequence[Detector]) -> list[str]:
    """Names that tell the bundles apart."""
    names = [detector.bundle.name for detector in detectors]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: n + 1].count(name)})"
        for n, name in enumerate(names)
    ]


def labels_of(scores: Scores) -> NDArray[np.int8]:
    """BENIGN, ATTACK or UNLABELLED of each flow, ``(n,)``."""
    if scores.labels is None:
        return np.full(len(scores.scores), UNLABELLED, np.int8)
    return scores.labels.label


def _earliest(scores: Scores) -> NDArray[np.bool_]:
    """Benign or unlabelled flows of the earliest third, by time, else in the file's order."""
    times = scores.times_ms
    order = np.argsort(times, kind="stable") if np.isfinite(times).all() else np.arange(len(times))
    chosen = np.zeros(len(times), np.bool_)
    chosen[order[: int(len(times) * FIT_SHARE)]] = True
    chosen[labels_of(scores) == ATTACK] = False
    return chosen


def _judged(scores: Scores, learning: NDArray[np.bool_], is_slow: bool, seed: int) -> _Part:
    position = np.flatnonzero(~learning)
    if not len(position):
        raise NotEnoughDataError("No flow is left to judge: give other flows to learn with --fit.")
    if is_slow and len(position) > MOST_JUDGED:
        drawn = np.random.default_rng(seed).choice(len(position), MOST_JUDGED, replace=False)
        position = position[np.sort(drawn)]
    hours = scores.hours
    share = len(position) / len(scores.scores)
    return _Part(position, labels_of(scores)[position], None if hours is None else hours * share)


def _matrix(
    detector: Detector,
    paths: Sequence[str | Path],
    read: ReadOptions | None,
    on_progress: OnProgress,
    *,
    without_attacks: bool = False,
) -> Matrix:
    """What the network of a bundle reads of each flow, shape ``(n, d)``."""
    config = TrainingConfig.from_json(detector.bundle.manifest.training.get("config", {}))
    preprocessor, parts = detector.bundle.preprocessor, list[Matrix]()
    for flows, _ in scored_batches(detector, paths, read, ReadReport(), on_progress):
        if without_attacks and flows.labels is not None:
            flows = flows.select(flows.labels.label != ATTACK)
        parts.append(expanded(preprocessor.transform(flows), preprocessor, config))
    return np.concatenate(parts)


def _of_peers(
    peers: Sequence[Peer],
    rows: Matrix,
    judged: Matrix,
    position: NDArray[np.int64],
    on_progress: OnProgress,
) -> list[ModelScores]:
    models = []
    for n, peer in enumerate(peers):
        on_progress(Progress("compare", n / len(peers), f"Fitting {peer.name}"))
        scores, _ = fitted(peer, rows)
        models.append(ModelScores(peer.name, position, np.asarray(scores(judged), np.float32)))
    return models


def _budget(
    per_hour: float | None,
    alerts: int | None,
    hours: float | None,
    detector: Detector,
    first: ModelScores,
) -> int:
    if alerts is not None:
        return alerts
    if per_hour is not None:
        if not hours:
            raise EdgeGuardError(
                "These flows have no times to count alerts an hour by; give --alerts instead."
            )
        return max(1, round(per_hour * hours))
    return max(1, int(detector.threshold.alerts(first.scores).sum()))
