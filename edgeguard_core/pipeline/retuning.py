"""What verdicts would change about a bundle's threshold: a preview, and the step it may become."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import strict_json
from edgeguard_core.detection import Detector
from edgeguard_core.detection.feedback import Feedback
from edgeguard_core.detection.retune import Effect, Retune, retune
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.table import ATTACK
from edgeguard_core.pipeline.judge import score_all, store_threshold
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.score import usage_warnings
from edgeguard_core.pipeline.verdicts import TRUE, JudgedFlows, Verdicts, judged_flows
from edgeguard_core.sources import ReadOptions, expand
from edgeguard_core.thresholds import Threshold
from edgeguard_core.thresholds.choose import fixed

REASONS: Final = {
    "few": "fewer than five alerts are judged, and none of them true",
    "none false": "no alert is judged false or known benign",
    "none true": "no alert is judged true, so a higher threshold might lose every attack",
    "inseparable": "every alert judged false or known benign scores at least as high as the lowest "
    "true one",
}
"""Why no threshold is proposed."""


@dataclass(frozen=True, eq=False)
class RetunePreview:
    """What the verdicts say of the threshold in force, on all flows of the judged files.

    Attributes
    ----------
    files
        Names of the judged files.
    hours
        That they cover; None without times.
    missed
        Flows judged true that do not alert now; a higher threshold finds none of them.
    """

    files: tuple[str, ...]
    flows: int
    hours: float | None
    judged: JudgedFlows
    found: Retune
    missed: int
    warnings: tuple[str, ...]

    @property
    def judged_flows(self) -> int:
        """Flows with a verdict that counts."""
        return int((self.judged.codes != 0).sum())

    @property
    def threshold(self) -> Threshold | None:
        """The one that is proposed; None where there is none."""
        if self.found.candidate is None:
            return None
        count = self.judged_flows
        on = f"{count:,} verdict{'s' * (count != 1)} on {', '.join(self.files)}"
        return fixed(self.found.candidate.threshold, on)

    @property
    def why_not(self) -> str:
        """Why no threshold is proposed; empty where one is."""
        return REASONS.get(self.found.reason, "")

    @property
    def whose(self) -> str:
        """Whose verdicts it rests on, for the reason that a version keeps."""
        counted = [
            f"{who} ({', '.join(f'{n:,} {word}' for word, n in counts.items())})"
            for who, counts in self.judged.by_person.items()
        ]
        return f"verdicts of {'; '.join(counted)}" if counted else "no verdict"

    def told(self) -> list[str]:
        """The preview in sentences."""
        return sentences(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        now, proposed = self.found.now, self.found.candidate
        told = {
            "files": list(self.files),
            "flows": self.flows,
            "hours": self.hours,
            "judged": self.judged_flows,
            "by": {who: dict(counts) for who, counts in self.judged.by_person.items()},
            "now": self._effect(now),
            "proposed": None if proposed is None else self._effect(proposed),
            "reason": self.why_not or None,
            "alerts_gone": 0 if proposed is None else now.alerts - proposed.alerts,
            "benign_gone": self.found.removed,
            "true_lost": 0 if proposed is None else now.true - proposed.true,
            "true_missed": self.missed,
            "attacks_lost": self.found.attacks_lost,
            "warnings": list(self.warnings),
        }
        return dict(strict_json.without_nan(told))

    def _effect(self, one: Effect) -> dict[str, Any]:
        return {
            "threshold": one.threshold,
            "alerts": one.alerts,
            "alerts_per_hour": one.alerts / self.hours if self.hours else None,
            "true": one.true,
            "false": one.false,
            "known_benign": one.known,
        }

    def apply(self, detector: Detector, *, who: str, why: str, now: Callable[[], datetime]) -> str:
        """The name of the version that keeps the proposed threshold, in force from now on.

        The bundle stays as it is, and so do the versions before. Where the proposed threshold is
        in force already nothing is written.

        Raises
        ------
        EdgeGuardError
            If no threshold is proposed.
        OutputError
            If the state folder cannot be written.
        """
        threshold = self.threshold
        if threshold is None:
            raise EdgeGuardError(
                f"No threshold is proposed: {REASONS[self.found.reason]}; judge more alerts, or "
                "choose one with edgeguard threshold."
            )
        if threshold.value == detector.threshold.value:
            return detector.origin
        return store_threshold(detector, threshold, None, who=who, why=why, now=now)


def sentences(preview: Mapping[str, Any]) -> list[str]:
    """What ``RetunePreview.to_json`` holds, in sentences for people."""
    now, proposed = preview["now"], preview["proposed"]
    benign = now["false"] + now["known_benign"]
    found = [
        f"Of {preview['judged']:,} judged flows {now['true']:,} judged true and {benign:,} judged "
        f"false or known benign alert at the threshold in force, {now['threshold']:.4g}."
    ]
    if preview["true_missed"]:
        found.append(
            f"{preview['true_missed']:,} flows judged true do not alert; only a lower threshold "
            "finds them, which verdicts alone do not choose."
        )
    if proposed is None:
        return [*found, f"No other threshold is proposed: {preview['reason']}."]
    rates = [each["alerts_per_hour"] for each in (proposed, now)]
    hourly = "" if None in rates else f" ({rates[0]:.3g} an hour, not {rates[1]:.3g})"
    found.append(
        f"At {proposed['threshold']:.4g}, {proposed['alerts']:,} flows alert, not "
        f"{now['alerts']:,}{hourly}: {preview['benign_gone']:,} of the {benign:,} are gone, and "
        f"{preview['true_lost']:,} of the {now['true']:,} judged true."
    )
    if preview["attacks_lost"]:
        found.append(
            f"By the labels {preview['attacks_lost']:,} attack flows that nobody judged would be "
            "lost, too."
        )
    return found


def preview_retune(
    detector: Detector,
    verdicts: Verdicts,
    files: Sequence[tuple[Path, str]],
    *,
    read: ReadOptions | None = None,
    on_progress: OnProgress = silent,
) -> RetunePreview:
    """What verdicts on some files would change about the threshold in force; changes nothing.

    Parameters
    ----------
    files
        Path and SHA-256 of the judged ones; others are not read.

    Raises
    ------
    SourceError, SchemaError
        If a file cannot be read, or is not what the bundle scores.
    """
    chosen = [(path, digest) for path, digest in files if verdicts.of_file.get(digest)]
    scored = score_all(detector, [path for path, _ in chosen], read, on_progress)
    labels, scores = scored.labels, scored.scores
    judged = judged_flows(
        scored.lines, scored.report.timeline, labels, [digest for _, digest in chosen], verdicts
    )
    is_attack: NDArray[np.bool_] | None = None if labels is None else labels.label == ATTACK
    found = retune(scores, judged.codes, detector.threshold, is_attack=is_attack)
    return RetunePreview(
        files=tuple(path.name for path, _ in chosen),
        flows=len(scores),
        hours=scored.hours,
        judged=judged,
        found=found,
        missed=int(((judged.codes == TRUE) & ~detector.threshold.alerts(scores)).sum()),
        warnings=(*judged.warnings, *usage_warnings(detector, scored.report)),
    )


def judged_files(
    feedback: Sequence[tuple[Path, Feedback]], given: Sequence[Path]
) -> list[tuple[Path, str]]:
    """The files that feedback is about, with their SHA-256: those given, or what lies beside it.

    Parameters
    ----------
    feedback
        Where each was read, and what it says.
    given
        Files and folders; without any the judged file is looked for beside its feedback, by name.

    Raises
    ------
    SourceError
        If a judged file is not there, or another one has its name.
    """
    known = {sha256_hex(path): path for path in expand(given)}
    found: dict[str, Path] = {}
    for path, said in feedback:
        if said.sha256 in known:
            found[said.sha256] = known[said.sha256]
            continue
        beside = path.with_name(said.judged)
        alone = next(iter(known.items())) if len(known) == 1 else None
        if alone is not None:
            said.require_of(alone[0], str(alone[1]))
        if known or not beside.is_file():
            where = "none of the files given is that" if known else "it does not lie beside it"
            raise SourceError(
                f"{path} judges {said.judged} (SHA-256 {said.sha256[:12]}…), and {where}; give it "
                "with --flows FILE."
            )
        said.require_of(sha256_hex(beside), str(beside))
        found[said.sha256] = beside
    return [(path, digest) for digest, path in found.items()]
