"""A new model beside the champion: the same flows, paired draws, an interval for each figure."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeguard_core.detection import Detector
from edgeguard_core.errors import SchemaError
from edgeguard_core.evaluation.compare import overlap
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.evaluation.paired import Lead, lead_of_mean_recall, lead_of_recall
from edgeguard_core.pipeline.compare import compare_files
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.progress import OnProgress
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.rehearse import rehearse
from edgeguard_core.pipeline.runs.artifacts import AgainstChampion
from edgeguard_core.sources import ReadOptions

LABELLED = ("roc_auc", "average_precision")
FALSE_ALARMS, INJECTED = "false_alarms", "injected_recall"


def held_against(
    champion: Version,
    detector: Detector,
    judged: Sequence[Path],
    held_out: Path,
    read: ReadOptions,
    laid: LaidAttacks | None,
    on_progress: OnProgress,
) -> AgainstChampion:
    """How far a model is ahead of the champion on the same flows.

    With labelled attacks: ROC AUC and average precision. Without: false alarms on held-out
    benign flows, the mean recall on known attacks laid into them, each model at its own
    threshold, and how many alerts they share.

    Parameters
    ----------
    laid
        Known attacks laid into the held-out flows, as the new model scores them; None where
        none could be, or none need be.

    Raises
    ------
    RegistryError, BundleError
        If the champion is damaged.
    """
    leading = Detector(champion.load())
    about = (champion.number, champion.fingerprint)
    try:
        beside = compare_files([leading, detector], judged, read=read, on_progress=on_progress)
        leads = beside.leads[0]
        if leads:
            return AgainstChampion(
                *about,
                leads=_plain({name: leads[name] for name in LABELLED}),
                overlap=_defined(beside.found.models[1].overlap),
            )
        return _without_attacks(leading, detector, held_out, read, about, laid, on_progress)
    except SchemaError as error:
        return AgainstChampion(*about, problem=str(error))


def _without_attacks(
    leading: Detector,
    detector: Detector,
    held_out: Path,
    read: ReadOptions,
    about: tuple[int, str],
    laid: LaidAttacks | None,
    on_progress: OnProgress,
) -> AgainstChampion:
    before, now = (
        each.threshold.alerts(score_all(each, [held_out], read, on_progress).scores)
        for each in (leading, detector)
    )
    # Fewer false alarms are ahead, so the quiet flows are counted.
    leads = {FALSE_ALARMS: lead_of_recall(np.ones(len(now), np.bool_), ~now, ~before)}
    if laid is not None:
        theirs = rehearse(leading, [held_out], read=read, on_progress=on_progress).laid
        leads[INJECTED] = lead_of_mean_recall(
            laid.kind_of,
            detector.threshold.alerts(laid.scores),
            leading.threshold.alerts(theirs.scores),
        )
    shared = _defined(overlap(before, now))
    return AgainstChampion(*about, leads=_plain(leads), overlap=shared)


def _plain(leads: dict[str, Lead]) -> dict[str, dict[str, float]]:
    return {name: vars(lead).copy() for name, lead in leads.items() if math.isfinite(lead.low)}


def _defined(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
