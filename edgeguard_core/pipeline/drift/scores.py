"""Score drift: whether scores still spread as those of the calibration did."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.pipeline.drift.blocks import BlockCounts
from edgeguard_core.pipeline.drift.covariate import (
    ALPHA,
    compared,
)
from edgeguard_core.pipeline.drift.reference import FeatureSketch, bins_of, cuts_of
from edgeguard_core.thresholds import Calibration, Threshold, ThresholdSketch

TAIL: Final = 0.05
"""p-values up to here are the tail, where attacks stand; above is the body, which drift moves."""
_QUANTILES: Final = (0.5, 0.9, 0.99)
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


def score_drift(
    scores: NDArray[np.float32], calibration: Calibration, threshold: Threshold
) -> ScoreDrift:
    """Scores of the judged flows held against the calibration's.

    How alike neighbours were in the calibration nobody kept: as alike as here, it is assumed.

    Parameters
    ----------
    scores
        In the order of the flows, shape ``(n,)``, not empty.
    """
    p_values, _ = calibration.p_values(scores)
    sketch, alerts = calibration.sketch, threshold.alerts(scores)
    cuts, counts = _reference_bins(sketch)
    flags = np.stack([alerts, p_values <= TAIL], axis=1).astype(np.int64)
    bins = bins_of(cuts, _on_edges(scores, sketch))
    blocks = BlockCounts([len(counts), 2, 2])
    blocks.add(np.column_stack([bins, flags]))
    effects = blocks.design_effects(0, ordered=True)
    moved = compared(FeatureSketch("score", cuts, counts, effects), blocks, 0)
    n = sketch.n_benign
    expected = threshold.promised_false_positive_rate
    if expected is None:
        expected = int(sketch.counts_at(threshold.value)[0]) / n
    known = np.sort(scores[~np.isnan(scores)])
    return ScoreDrift(
        psi=moved.psi,
        distance=moved.distance,
        p=moved.p_raw,
        is_large=moved.is_large,
        effective_flows=moved.effective_flows,
        quantiles={
            share: (_quantile(sketch, share), float(np.quantile(known, share)))
            for share in _QUANTILES
        },
        alerts=_share(blocks, 1, expected, n),
        tail=_share(blocks, 2, TAIL, n),
        body_shift=_body_shift(p_values),
    )


def _reference_bins(
    sketch: ThresholdSketch,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Borders of some sixty bins, and the calibration's flows in them."""
    points, weights = sketch.benign_points()
    values = points.astype(np.float32)
    cuts = cuts_of(values, weights)
    counts = np.bincount(bins_of(cuts, values), weights=weights, minlength=len(cuts) + 2)
    return cuts, counts.astype(np.int64)


def _on_edges(scores: NDArray[np.float32], sketch: ThresholdSketch) -> NDArray[np.float32]:
    """The scores as the sketch knows its own: exact, or rounded down to an edge."""
    if sketch.complete:
        return scores
    below = np.append(np.float32(0), sketch.edges)
    rounded = below[np.searchsorted(sketch.edges, scores, side="right")]
    return np.where(np.isnan(scores), scores, rounded)


def _quantile(sketch: ThresholdSketch, share: float) -> float:
    points, weights = sketch.benign_points()
    at = np.searchsorted(np.cumsum(weights), share * weights.sum())
    return float(points[min(int(at), len(points) - 1)])


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


def _body_shift(p_values: NDArray[np.float64]) -> float:
    body = np.sort(p_values[p_values > TAIL])
    if not len(body):
        return 1.0
    even = (body - TAIL) / (1 - TAIL)
    steps = np.arange(len(body) + 1) / len(body)
    return float(max(np.abs(even - steps[1:]).max(), np.abs(even - steps[:-1]).max()))
