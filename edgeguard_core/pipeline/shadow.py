"""The shadow beside the champion: what both would have said of the same flows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.detection import Detector
from edgeguard_core.evaluation.compare import ModelScores, overlap
from edgeguard_core.pipeline.compare import (
    Compared,
    held_beside,
    in_turns,
    labels_of,
    score_each,
)
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_state import CHAMPION, SHADOW
from edgeguard_core.pipeline.score import threshold_json
from edgeguard_core.sources import ReadOptions


@dataclass(frozen=True)
class Agreement:
    """How the two agree, each at its own threshold.

    Attributes
    ----------
    champion, shadow
        Numbers of the versions.
    both, champion_only, shadow_only
        Flows that both alert on, and one alone.
    agreement
        Flows both alert on as a part of those either alerts on (Jaccard); nan without any alert.
    spearman
        Rank correlation of their scores.
    thresholds
        Of the champion and of the shadow, with where each comes from.
    """

    champion: int
    shadow: int
    flows: int
    both: int
    champion_only: int
    shadow_only: int
    agreement: float
    spearman: float
    thresholds: tuple[dict[str, Any], dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The keys that ``models shadow-report --json`` has of files and of a store."""
        return {
            "champion": {"version": self.champion, "threshold": self.thresholds[0]},
            "shadow": {"version": self.shadow, "threshold": self.thresholds[1]},
            "flows": self.flows,
            "alerts": {
                "both": self.both,
                "champion_only": self.champion_only,
                "shadow_only": self.shadow_only,
            },
            "agreement": self.agreement,
            "spearman": self.spearman,
        }


@dataclass(frozen=True)
class ShadowReport(Agreement):
    """The same of files, and how the two compare at as many alerts.

    Attributes
    ----------
    compared
        At as many alerts each as the champion raises: threshold and calibration left aside.
    """

    compared: Compared

    def to_json(self) -> dict[str, Any]:
        """The keys of ``models shadow-report --json``."""
        at_equal_alerts = self.compared.to_json()
        warnings = at_equal_alerts.pop("warnings")
        del at_equal_alerts["peers_fitted_on"]
        return {**super().to_json(), "at_equal_alerts": at_equal_alerts, "warnings": warnings}


def shadow_report(
    registry: Registry,
    paths: Sequence[str | Path],
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> ShadowReport:
    """What champion and shadow of a registry say of the same flows.

    Each is judged at the threshold in force for it, local ones included. Figures against labels
    stand in ``compared``, at as many alerts each, since two thresholds are seldom as strict.

    Raises
    ------
    RegistryError
        If no version is the champion or the shadow.
    SourceError, SchemaError
        If files cannot be read, or are not what one of the bundles scores.
    """
    from edgeguard_core.model.parity import spearman

    versions = (registry.version(CHAMPION), registry.version(SHADOW))
    detectors = [Detector(version.load()) for version in versions]
    scored = score_each(detectors, paths, read, in_turns(on_progress, 2))
    ours, theirs = (each.scores for each in scored)
    alerts = [d.threshold.alerts(s.scores) for d, s in zip(detectors, scored, strict=True)]
    rows = np.arange(len(ours))
    models = [
        ModelScores(f"{name} {version.number:04d}", rows, each.scores)
        for name, version, each in zip((CHAMPION, SHADOW), versions, scored, strict=True)
    ]
    warnings = [*scored[0].report.all_warnings(), *(w for d in detectors for w in d.warnings)]
    return ShadowReport(
        champion=versions[0].number,
        shadow=versions[1].number,
        flows=len(ours),
        both=int((alerts[0] & alerts[1]).sum()),
        champion_only=int((alerts[0] & ~alerts[1]).sum()),
        shadow_only=int((alerts[1] & ~alerts[0]).sum()),
        agreement=overlap(*alerts),
        spearman=spearman(ours, theirs),
        thresholds=(threshold_json(detectors[0]), threshold_json(detectors[1])),
        compared=held_beside(
            models,
            max(1, int(alerts[0].sum())),
            labels_of(scored[0]),
            scored[0].hours,
            warnings,
        ),
    )
