"""What a drift looks like: changed traffic, an attack, or a broken sensor.

Signs, no proof. Each kind names its evidence, and where two fit, or none, that is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from edgeguard_core.detection.drift.gathering import SERVICE, Gathering
from edgeguard_core.pipeline.drift.covariate import DISTANCE_LIMIT, FeatureDrift
from edgeguard_core.pipeline.drift.scores import ScoreDrift

QUIET_SHARE: Final = 0.2
"""Of the features: so many may have moved among the flows that are not odd, in an attack."""
_BROAD_SHARE: Final = 0.1
_BROAD: Final = 2  # … of the features, and no fewer than these: one alone is no new network


class Kind(StrEnum):
    """What a drift looks like."""

    NONE = "none"
    DRIFT = "drift"
    ATTACK = "attack"
    SENSOR = "sensor"
    UNDECIDED = "undecided"


_SENTENCES: Final = {
    Kind.NONE: "The traffic is like what the bundle learned.",
    Kind.DRIFT: "It looks like changed traffic: calibrate again, and train again if it lasts.",
    Kind.ATTACK: "It looks like an attack, not like a changed network: look at the alerts, and "
    "train nothing on this file.",
    Kind.SENSOR: "It looks like a broken sensor or a changed export: mend that, and train nothing "
    "on this file.",
    Kind.UNDECIDED: "What it is cannot be told from this file alone.",
}


@dataclass(frozen=True)
class Signs:
    """What was found, of everything that tells one kind from another.

    Attributes
    ----------
    features
        Measured features; empty without a reference.
    still_moved
        Names of those that lie as far from training without the odd flows.
    broken
        Sentences about missing columns and broken ones.
    who_moved
        Features that say who talks to whom, and drifted; no broken sensor moves them.
    gathered
        What the odd flows share.
    are_benign
        Whether somebody labelled the flows benign: then there is no attack among them.
    """

    has_drifted: bool
    features: Sequence[FeatureDrift]
    still_moved: Sequence[str]
    broken: Sequence[str]
    who_moved: Sequence[str]
    score: ScoreDrift | None
    gathered: Sequence[Gathering]
    knows_hosts: bool
    are_benign: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The kind, and a sentence for each piece of evidence."""

    kind: Kind
    evidence: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the kind means, and what to do."""
        return _SENTENCES[self.kind]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``diagnosis`` in ``drift --json``."""
        return {
            "kind": str(self.kind),
            "sentence": self.sentence,
            "evidence": list(self.evidence),
        }


def diagnose(signs: Signs) -> Diagnosis:
    """What the signs fit: one kind, or undecided where several do or none does."""
    if not signs.has_drifted:  # an attack of few flows moves no distribution
        is_attack = not signs.are_benign and _is_gathered(signs)
        return Diagnosis(Kind.ATTACK, _evidence(signs)) if is_attack else Diagnosis(Kind.NONE, ())
    fits: list[Kind] = []
    if signs.broken:
        fits.append(Kind.SENSOR)
        if signs.who_moved:  # which a broken sensor leaves alone
            fits.append(Kind.DRIFT)
    elif signs.are_benign:
        fits.append(Kind.DRIFT)
    elif _is_gathered(signs):
        fits.append(Kind.ATTACK)
        if not _is_quiet(signs):
            fits.append(Kind.DRIFT)
    elif _is_broad(signs):
        fits.append(Kind.DRIFT)
    kind = fits[0] if len(fits) == 1 else Kind.UNDECIDED
    return Diagnosis(kind, _evidence(signs))


def _is_gathered(signs: Signs) -> bool:
    """Whether the odd flows grew in number and are one host's or one destination's."""
    grew = signs.score is not None and signs.score.has_grown_tail
    return grew and any(each.what != SERVICE for each in signs.gathered)


def _is_quiet(signs: Signs) -> bool:
    """Whether the flows that are not odd are as they were."""
    assert signs.score is not None
    if signs.features:
        return len(signs.still_moved) <= QUIET_SHARE * len(signs.features)
    return signs.score.body_shift < DISTANCE_LIMIT


def _is_broad(signs: Signs) -> bool:
    """Whether many features moved, or the scores of usual flows did."""
    moved = sum(each.has_drifted for each in signs.features)
    shifted = signs.score is not None and signs.score.has_moved
    if not signs.features:
        return shifted and signs.score is not None and signs.score.body_shift >= DISTANCE_LIMIT
    return moved >= max(_BROAD, _BROAD_SHARE * len(signs.features))


def _evidence(signs: Signs) -> tuple[str, ...]:
    told = [*signs.broken]
    moved = [each.name for each in signs.features if each.has_drifted]
    if signs.features:
        told.append(
            f"{len(moved)} of {len(signs.features)} measured features moved, "
            f"{len(signs.still_moved)} of them among usual flows, too"
        )
    if signs.broken and signs.who_moved:
        told.append(f"who talks to whom moved as well ({', '.join(signs.who_moved)})")
    score = signs.score
    if score is not None:
        word = "moved" if score.has_moved else "did not move"
        told.append(f"scores {word} as a whole (distance {score.distance:.2f})")
        told.append(
            f"{score.alerts.here:.2%} of the flows alert ({score.alerts.expected:.2%} should), "
            f"{score.tail.here:.1%} are odd ({score.tail.expected:.0%} should be)"
        )
        if score.has_grown_tail and not signs.are_benign:
            told += _who_is_odd(signs)
    if signs.are_benign:
        told.append("the flows are labelled benign, so none of them is an attack")
    return tuple(told)


def _who_is_odd(signs: Signs) -> list[str]:
    if not signs.knows_hosts:
        return ["without addresses an attack cannot be told from other changes"]
    spread = ["the odd flows are spread over sources and destinations"]
    return [each.sentence for each in signs.gathered] or spread
