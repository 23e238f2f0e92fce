"""Score drift: whether scores still spread as those of the calibration did."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgeguard_core.detection.drift.blocks import BlockCounts
from edgeguard_core.detection.drift.reference import FeatureSketch
from edgeguard_core.detection.drift.score_counts import QUANTILES, TAIL, ScoreCounts
from edgeguard_core.pipeline.drift.covariate import ALPHA, compared

_SURE_SIGMAS: Final = 2.58  # of a one-sided bound that chance passes once in two hundred files
_CALIBRATION_SIGMAS: Final = 3.0  # that chance in the calibration is granted
_TIMES_EXPECTED: Final = 2.0  # more alerts or tail than that matter


@dataclass(frozen=True)
class Share:
    """A share of the judged flows, what it should be, and the least it is beyond chance.

    ``low`` takes flows for as alike as they are, ``low_if_independent`` for independent ones: a
    burst, as an attack is, weighs little in the first and in full in the second.
    """

    here: float
    expected: float
    low: float
    low_if_independent: float

    @property
    def is_exceeded(self) -> bool:
        """Whether it is surely more than twice what it should be, however the flows came."""
        return self.low > _TIMES_EXPECTED * self.expected

    @property
    def has_burst(self) -> bool:
        """Whether it is more than twice what it should be, at least in a burst."""
        return self.low_if_independent > _TIMES_EXPECTED * self.expected


@dataclass(frozen=True)
class ScoreDrift:
    """How far the scores moved from the calibration's.

    Attributes
    ----------
    psi, distance, p
        As of a number among the features; the distance is Kolmogorov–Smirnov's.
    quantiles
        Share of flows below → the calibration's score there, and that of the judged flows.
    alerts
        The share at or above the threshold. It should be what was promised, or else what it
        is in the calibration.
    tail
        The share with p-values up to .05, which should be .05.
    body_shift
        Distance of the other p-values from an even spread, 0 to 1: attacks leave it alone.
    """

    psi: float
    distance: float
    p: float
    is_large: bool
    effective_flows: float
    quantiles: dict[float, tuple[float, float]]
    alerts: Share
    tail: Share
    body_shift: float

    @property
    def has_moved(self) -> bool:
        """Whether the scores as a whole moved by more than chance."""
        return self.is_large and self.p < ALPHA

    @property
    def has_drifted(self) -> bool:
        """Whether they moved, or far more flows alert than should."""
        return self.has_moved or self.alerts.is_exceeded

    @property
    def has_grown_tail(self) -> bool:
        """Whether far more flows than should are odd, be it all at once: a sign, no drift."""
        return self.alerts.has_burst or self.tail.has_burst

    def to_json(self) -> dict[str, Any]:
        """The keys of ``score`` in ``drift --json``."""
        return {
            "drifted": self.has_drifted,
            "psi": self.psi,
            "ks": self.distance,
            "p": self.p,
            "effective_flows": self.effective_flows,
            "quantiles": {
                str(share): {"calibrated": before, "here": here}
                for share, (before, here) in self.quantiles.items()
            },
            "alert_share": self.alerts.here,
            "expected_alert_share": self.alerts.expected,
            "tail_share": self.tail.here,
            "expected_tail_share": self.tail.expected,
            "body_shift": self.body_shift,
        }


def score_drift(counts: ScoreCounts) -> ScoreDrift:
    """Scores of the judged flows, at least one, held against the calibration's.

    How alike neighbours were in the calibration nobody kept: as alike as here, it is assumed.
    """
    reference, blocks = counts.reference, counts.blocks
    effects = blocks.design_effects(0, ordered=True)
    before = FeatureSketch("score", reference.cuts, reference.counts, effects)
    moved = compared(before, blocks, 0)
    return ScoreDrift(
        psi=moved.psi,
        distance=moved.distance,
        p=moved.p_raw,
        is_large=moved.is_large,
        effective_flows=moved.effective_flows,
        quantiles={
            share: (calibrated, counts.quantile(share))
            for share, calibrated in zip(QUANTILES, reference.quantiles.tolist(), strict=True)
        },
        alerts=_share(blocks, 1, reference.expected, reference.n),
        tail=_share(blocks, 2, TAIL, reference.n),
        body_shift=counts.body_shift(),
    )


def _share(blocks: BlockCounts, at: int, expected: float, n_calibration: int) -> Share:
    here = int(blocks.totals(at)[1]) / blocks.n
    effects = blocks.design_effects(at, ordered=False)
    flows = max(blocks.n / max([1.0, *effects.values()]), 1.0)
    chance = _CALIBRATION_SIGMAS * np.sqrt(expected * (1 - expected) / n_calibration)
    alike, independent = (
        float(here - _SURE_SIGMAS * np.sqrt(here * (1 - here) / n) - chance)
        for n in (flows, blocks.n)
    )
    return Share(here, expected, alike, independent)
