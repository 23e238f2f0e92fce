"""The judged flows, counted batch by batch: what drift is read from once all are there."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection import Detector, ScoredFlows
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.drift.blocks import BlockCounts
from edgeguard_core.pipeline.drift.gathering import Gatherings
from edgeguard_core.pipeline.drift.reference import DriftReference
from edgeguard_core.pipeline.drift.scores import TAIL
from edgeguard_core.pipeline.drift.sensor import ColumnExtremes

_NOTHING: Final = DriftReference(())


@dataclass
class SeenFlows:
    """Counts of flows against a reference; 4 bytes a flow are kept, their scores.

    Attributes
    ----------
    every, usual
        Bins of all flows, and of those with p-values above .05; all where nothing was scored.
    """

    detector: Detector
    reference: DriftReference = _NOTHING
    extremes: ColumnExtremes = field(init=False)
    every: BlockCounts = field(init=False)
    usual: BlockCounts = field(init=False)
    gatherings: Gatherings = field(default_factory=Gatherings)
    n: int = 0
    _scores: list[NDArray[np.float32]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.extremes = ColumnExtremes(len(self.reference.features))
        self.every, self.usual = self.reference.new_blocks(), self.reference.new_blocks()

    @property
    def scores(self) -> NDArray[np.float32] | None:
        """Scores of the flows, shape ``(n,)``; None unless all were scored."""
        found = np.concatenate(self._scores) if self._scores else np.zeros(0, np.float32)
        return found if len(found) == self.n else None

    def add(self, flows: Flows, scored: ScoredFlows | None, rows: NDArray[np.bool_]) -> None:
        """Count some of the flows of a batch, a mask of shape ``(n,)``."""
        if not rows.any():
            return
        flows = flows.select(rows)
        odd = np.zeros(len(flows), np.bool_)
        if scored is not None:
            odd = scored.p_values[rows] <= TAIL
            self._scores.append(scored.scores[rows])
            self.gatherings.add(flows, odd)
        bins = self.reference.bins(self.detector.bundle.preprocessor, flows)
        self.every.add(bins)
        self.usual.add(bins[~odd])
        self.extremes.n += len(flows)
        for at, feature in enumerate(self.reference.features):
            if feature.cuts is not None and feature.name in flows.columns:
                self.extremes.add(at, flows.columns[feature.name])
        self.n += len(flows)
