"""The judged flows, counted batch by batch: what drift is read from once all are there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.detector import Detector, ScoredFlows
from edgeguard_core.detection.drift.blocks import BlockCounts
from edgeguard_core.detection.drift.extremes import ColumnExtremes
from edgeguard_core.detection.drift.gathering import Gatherings
from edgeguard_core.detection.drift.reference import DriftReference
from edgeguard_core.detection.drift.score_counts import (
    TAIL,
    ScoreCounts,
    ScoreReference,
    within,
)
from edgeguard_core.errors import BundleError
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.flows.table import Flows
from edgeguard_core.thresholds import Threshold

_NOTHING: Final = DriftReference(())


@dataclass
class SeenFlows:
    """Counts of flows against a reference, in bounded memory; no flow is kept.

    Attributes
    ----------
    every
        Bins of all flows, in runs.
    usual
        Flows with p-values above .05 by bin, or all where nothing was scored: shape ``(bins,)``
        of each feature.
    n_usual
        How many those are.
    scored
        Of the flows that were scored.
    """

    reference: DriftReference
    scored: ScoreCounts
    every: BlockCounts
    usual: list[NDArray[np.int64]]
    extremes: ColumnExtremes
    gatherings: Gatherings = field(default_factory=Gatherings)
    n_usual: int = 0
    _preprocessor: Preprocessor | None = None
    _threshold: Threshold | None = None

    @classmethod
    def of(
        cls, detector: Detector, reference: DriftReference | None = None, first: int = 0
    ) -> "SeenFlows":
        """Nothing yet, to be counted as a detector and its bundle's reference want it.

        Parameters
        ----------
        reference
            None where the bundle has none: then scores and names alone are counted.
        first
            Flows of the stream that came before.
        """
        scores = ScoreCounts(ScoreReference.of(detector.calibration, detector.threshold), first)
        found = cls._empty(reference or _NOTHING, scores, first)
        found._preprocessor = detector.bundle.preprocessor
        found._threshold = detector.threshold
        return found

    @classmethod
    def _empty(cls, reference: DriftReference, scores: ScoreCounts, first: int) -> "SeenFlows":
        widths = [len(feature.counts) for feature in reference.features]
        return cls(
            reference=reference,
            scored=scores,
            every=BlockCounts(widths, first),
            usual=[np.zeros(width, np.int64) for width in widths],
            extremes=ColumnExtremes(len(widths)),
        )

    @property
    def n(self) -> int:
        """Flows."""
        return self.extremes.n

    @property
    def scores(self) -> ScoreCounts | None:
        """The scores; None unless all flows were scored."""
        return self.scored if self.n and self.scored.blocks.n == self.n else None

    def add(self, flows: Flows, scored: ScoredFlows | None, rows: NDArray[np.bool_]) -> None:
        """Count some of the flows of a batch, a mask of shape ``(n,)``."""
        if not rows.any():
            return
        if not rows.all():
            flows = flows.select(rows)
        if scored is None:
            self.count(flows, None, None)
        else:
            self.count(flows, scored.scores[rows], scored.p_values[rows])

    def count(
        self,
        flows: Flows,
        scores: NDArray[np.float32] | None,
        p_values: NDArray[np.float64] | None,
    ) -> None:
        """Count the flows that come next; scores of shape ``(n,)``, None where nothing scored."""
        assert self._preprocessor is not None
        assert self._threshold is not None
        odd = np.zeros(len(flows), np.bool_)
        if scores is not None and p_values is not None:
            odd = p_values <= TAIL
            self.scored.add(scores, p_values, self._threshold.alerts(scores))
            self.gatherings.add(flows, odd)
        bins = self.reference.bins(self._preprocessor, flows)
        self.every.add(bins)
        for at, counts in enumerate(self.usual):
            counts += np.bincount(bins[~odd, at], minlength=len(counts))
        self.n_usual += int(np.count_nonzero(~odd))
        self.extremes.n += len(flows)
        for at, feature in enumerate(self.reference.features):
            if feature.cuts is not None and feature.name in flows.columns:
                self.extremes.add(at, flows.columns[feature.name])

    def to_arrays(self, secret: bytes) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, with no address in them (``without_addresses``)."""
        names = json.dumps(self.gatherings.without_addresses(secret)).encode()
        return {
            **{f"every_{name}": array for name, array in self.every.to_arrays().items()},
            **{f"scores_{name}": array for name, array in self.scored.to_arrays().items()},
            **{f"ends_{name}": array for name, array in self.extremes.to_arrays().items()},
            "usual": np.concatenate([np.zeros(0, np.int64), *self.usual]).astype(np.uint32),
            "flows": np.array([self.n, self.n_usual], np.uint64),
            "names": np.frombuffer(names, np.uint8),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], reference: DriftReference | None
    ) -> "SeenFlows":
        """What ``to_arrays`` gave; nothing can be added to it, but it can be joined.

        Raises
        ------
        BundleError
            If they are something else, or were counted in other bins than the reference's.
        """
        reference = reference or _NOTHING
        widths = [len(feature.counts) for feature in reference.features]
        try:
            n, n_usual = (int(value) for value in arrays["flows"].tolist())
            scores = ScoreCounts.from_arrays(within(arrays, "scores_"))
            found = cls._empty(reference, scores, 0)
            found.every = BlockCounts.from_arrays(within(arrays, "every_"), widths)
            found.extremes = ColumnExtremes.from_arrays(within(arrays, "ends_"), n)
            usual = arrays["usual"].astype(np.int64)
            found.usual = np.split(usual, np.cumsum(widths)[:-1]) if widths else []
            found.gatherings = Gatherings.from_json(json.loads(arrays["names"].tobytes()))
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise BundleError(
                f"The counts of these flows do not fit the bundle ({error}): name the bundle that "
                "counted them."
            ) from error
        found.n_usual = n_usual
        return found

    @classmethod
    def joined(cls, parts: "Sequence[SeenFlows]") -> "SeenFlows":
        """Parts of a stream as one, all counted alike, in the order in which they came."""
        found = cls._empty(
            parts[0].reference, ScoreCounts.joined([part.scored for part in parts]), 0
        )
        found.every = BlockCounts.joined([part.every for part in parts])
        for part in parts:
            found.extremes.join(part.extremes)
            found.gatherings.join(part.gatherings)
            found.usual = [a + b for a, b in zip(found.usual, part.usual, strict=True)]
            found.n_usual += part.n_usual
        return found
