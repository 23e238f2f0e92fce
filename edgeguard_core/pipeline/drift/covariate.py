"""Covariate drift: which features are no longer as they were in training."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.drift.blocks import BlockCounts
from edgeguard_core.detection.drift.reference import MISSING, DriftReference, FeatureSketch
from edgeguard_core.pipeline.drift.statistics import (
    PSI_GROUPS,
    chi_square_p,
    equal_groups,
    holm,
    kolmogorov_p,
    largest_gap,
    population_stability,
    total_variation,
)

PSI_LIMIT: Final = 0.25
"""Population stability from which custom calls a change large (Siddiqi 2006)."""
DISTANCE_LIMIT: Final = 0.2
"""Kolmogorov–Smirnov distance of numbers, total variation of categories: a fifth of the flows."""
ALPHA: Final = 0.01
"""Most files without drift that chance may call drifted, of features and of scores each."""


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature moved.

    Attributes
    ----------
    psi
        Population stability index over ten groups of the reference, or over the categories.
    ks
        Kolmogorov–Smirnov distance; None of a category.
    psi_by_chance
        What chance alone makes of it on samples of this size.
    distance
        ``ks``, or the total variation of a category: the effect, 0 to 1.
    p, p_raw
        Chance of that between such samples of one distribution, corrected for the number of
        features, and not.
    effective_flows
        Independent flows that the judged ones are worth.
    missing, missing_before
        Share of flows without a value, here and in training.
    is_history
        Whether it is context: what the hosts did before. A file's history begins with its first
        flow, so a short file differs from a long one of the same traffic, and history is shown
        and decides nothing.
    """

    name: str
    is_number: bool
    psi: float
    psi_by_chance: float
    ks: float | None
    distance: float
    p: float
    p_raw: float
    effective_flows: float
    missing: float
    missing_before: float
    is_history: bool = False

    @property
    def is_large(self) -> bool:
        """Whether the effect matters, whatever chance says."""
        beyond_chance = self.psi - self.psi_by_chance
        return beyond_chance >= PSI_LIMIT or self.distance >= DISTANCE_LIMIT

    @property
    def has_drifted(self) -> bool:
        """Whether the effect matters *and* is more than chance."""
        return self.is_large and self.p < ALPHA

    def to_json(self) -> dict[str, Any]:
        """The feature's keys in ``drift --json``."""
        return {
            "kind": "numeric" if self.is_number else "categorical",
            "drifted": self.has_drifted,
            "history": self.is_history,
            "psi": self.psi,
            "psi_by_chance": self.psi_by_chance,
            "ks": self.ks,
            "distance": self.distance,
            "p": self.p,
            "p_raw": self.p_raw,
            "effective_flows": self.effective_flows,
            "missing": self.missing,
            "missing_before": self.missing_before,
        }


def feature_drifts(
    reference: DriftReference,
    seen: BlockCounts,
    absent: Collection[str] = (),
    history: Collection[str] = (),
) -> list[FeatureDrift]:
    """Every feature that is there, the furthest moved first; measured ones before history.

    Parameters
    ----------
    seen
        The judged flows in the reference's bins; at least one.
    absent
        Features that the file lacks, of which nothing can be said.
    history
        Features that are context. They are a family of tests of their own.
    """
    families: dict[bool, list[FeatureDrift]] = {False: [], True: []}
    for at, sketch in enumerate(reference.features):
        if sketch.name not in absent:
            families[sketch.name in history].append(compared(sketch, seen, at))
    drifts: list[FeatureDrift] = []
    for is_history, found in families.items():
        corrected = holm(np.array([each.p_raw for each in found]))
        ready = [
            replace(each, p=float(p), is_history=is_history)
            for each, p in zip(found, corrected, strict=True)
        ]
        drifts += sorted(ready, key=lambda each: (not each.has_drifted, -each.psi, each.name))
    return drifts


def compared(sketch: FeatureSketch, seen: BlockCounts, at: int) -> FeatureDrift:
    """One feature held against what it was, its p not yet corrected; ``at`` is its place."""
    counts, is_number = seen.totals(at), sketch.cuts is not None
    n = sketch.effective(sketch.n)
    own = seen.design_effects(at, ordered=is_number)
    m = min(sketch.effective(seen.n, run=seen.n), max(seen.n / max([1.0, *own.values()]), 1.0))
    if is_number:
        gap = largest_gap(sketch.counts, counts)
        p = kolmogorov_p(gap, n, m)
        groups = _groups(sketch.counts)
        before, here = _grouped(sketch.counts, groups), _grouped(counts, groups)
    else:
        gap = total_variation(sketch.counts, counts)
        p = chi_square_p(sketch.counts, counts, n, m)
        before, here = sketch.counts, counts
    return FeatureDrift(
        name=sketch.name,
        is_number=is_number,
        psi=population_stability(before, here),
        psi_by_chance=(int(np.count_nonzero(before + here)) - 1) * (1 / n + 1 / m),
        ks=gap if is_number else None,
        distance=gap,
        p=p,
        p_raw=p,
        effective_flows=m,
        missing=int(counts[MISSING]) / seen.n if is_number else 0.0,
        missing_before=sketch.missing_share,
    )


def _groups(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The group of each bin of a number: missing apart, ten of the values."""
    return np.append(0, 1 + equal_groups(counts[MISSING + 1 :], PSI_GROUPS))


def _grouped(counts: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(groups, weights=counts, minlength=PSI_GROUPS + 1).astype(np.int64)
