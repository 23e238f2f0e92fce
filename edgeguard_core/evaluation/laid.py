"""Synthetic attacks laid into somebody's flows, as a yardstick where there are no labels.

They are made up, so what is found of them says what a threshold would find of attacks like
these; real attackers may look different, and every figure made here must say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.operating import FEW_FLOWS, wilson_interval
from edgeguard_core.thresholds import Threshold
from edgeguard_core.thresholds.counting import counts_at_or_above, ordered_parts

SYNTHETIC: Final = (
    "These attacks are synthetic: laid into these flows by EdgeGuard, each strength on its own. "
    "Real attackers may look different."
)


@dataclass(frozen=True, eq=False)
class LaidAttacks:
    """Scores of attacks that were laid in; n flows of Q kinds at S strengths.

    Attributes
    ----------
    kinds, strengths
        Q names and S names, strengths from weak to strong.
    scores
        float32, shape ``(n,)``.
    kind_of, strength_of
        Position of each flow's kind and strength, ``(n,)``.

    Examples
    --------
    >>> laid = LaidAttacks.of([1.0, 9.0, 9.0], ["scan", "scan", "flood"], ["low", "high", "high"],
    ...     kinds=("scan", "flood"), strengths=("low", "high"))
    >>> laid.n.tolist(), laid.found_at(5.0).tolist()
    ([[1, 1], [0, 1]], [[0, 1], [0, 1]])
    >>> laid.means(laid.recall_at(5.0)).tolist()
    [0.0, 1.0]
    """

    kinds: tuple[str, ...]
    strengths: tuple[str, ...]
    scores: NDArray[np.float32]
    kind_of: NDArray[np.int64]
    strength_of: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        scores: Any,
        kind: Sequence[str],
        strength: Sequence[str],
        *,
        kinds: tuple[str, ...],
        strengths: tuple[str, ...],
    ) -> LaidAttacks:
        """From names, one a flow; a kind that nothing was laid in of is left out.

        Raises
        ------
        ValueError
            If a name is none of ``kinds`` or ``strengths``.
        """
        used = tuple(name for name in kinds if name in set(kind))
        return cls(
            kinds=used,
            strengths=strengths,
            scores=np.asarray(scores, np.float32),
            kind_of=np.array([used.index(name) for name in kind], np.int64),
            strength_of=np.array([strengths.index(name) for name in strength], np.int64),
        )

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def n(self) -> NDArray[np.int64]:
        """Flows of each kind and strength, shape ``(Q, S)``."""
        return self._by_cell(np.ones(len(self), np.bool_))

    def found_at(self, value: float) -> NDArray[np.int64]:
        """Flows of each kind and strength that alert at a threshold, shape ``(Q, S)``."""
        return self._by_cell(self.scores >= np.float32(value))

    def recall_at(self, value: float) -> NDArray[np.float64]:
        """Share of flows that alert, shape ``(Q, S)``; NaN where none was laid in."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.found_at(value) / self.n, np.float64)

    @staticmethod
    def means(recall: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over kinds of each strength, shape ``(S,)``: each kind counts the same.

        A flood has a hundred times the flows of a theft, so a share of all flows would tell
        of floods alone.
        """
        known = ~np.isnan(recall)
        with np.errstate(invalid="ignore"):
            sums = np.where(known, recall, 0.0).sum(axis=0)
            return np.asarray(sums / known.sum(axis=0), np.float64)

    def counts_ge(self, edges: NDArray[np.float32]) -> NDArray[np.uint32]:
        """Flows at or above each of K thresholds, shape ``(Q * S, K)``; strengths run fastest."""
        cell = self.kind_of * len(self.strengths) + self.strength_of
        parts, _ = ordered_parts(self.scores, cell, len(self.kinds) * len(self.strengths))
        return counts_at_or_above(parts, edges)

    def to_json(self, threshold: Threshold) -> dict[str, Any]:
        """What a report tells at a threshold: every cell with its interval, marked synthetic."""
        found, recall = self.found_at(threshold.value), self.recall_at(threshold.value)
        cells = []
        for q, kind in enumerate(self.kinds):
            for s, strength in enumerate(self.strengths):
                hits, flows = int(found[q, s]), int(self.n[q, s])
                low, high = wilson_interval(hits, flows)
                cells.append(
                    {
                        "kind": kind,
                        "strength": strength,
                        "flows": flows,
                        "found": hits,
                        "recall": float(recall[q, s]),
                        "low": low,
                        "high": high,
                        "few": flows < FEW_FLOWS,
                    }
                )
        means = self.means(recall).tolist()
        return {
            "synthetic": True,
            "sentence": SYNTHETIC,
            "mean_recall": dict(zip(self.strengths, means, strict=True)),
            "attacks": cells,
        }

    def _by_cell(self, which: NDArray[np.bool_]) -> NDArray[np.int64]:
        shape = (len(self.kinds), len(self.strengths))
        cell = self.kind_of * shape[1] + self.strength_of
        counted = np.bincount(cell[which], minlength=shape[0] * shape[1])
        return counted.astype(np.int64).reshape(shape)
