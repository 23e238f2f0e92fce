"""Counterfactuals: what an alert would have to be like to raise none.

A feature that weighs most in a score need not be what made it high. So an alert is compared with
benign flows like it, the prototypes of its bundle: its families of features are set to what such
a flow has, one after the other, each time the one that lowers the score most. What is changed is
the answer (Wachter, Mittelstadt, Russell 2018); that it is changed to what a real benign flow has,
found by nearness and then feature by feature, follows NICE (Brughmans, Leyman, Martens 2024). The
prototype is chosen together with the changes: of the nearest ones that which needs fewest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.families import FOLLOWING, Family, families
from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.features.prototypes import Prototypes
from edgeguard_core.features.transform import filled
from edgeguard_core.flows.canonical import NetworkTable, derived_columns

MOST_CHANGES: Final = 3
NEAREST: Final = 256
"""Prototypes that are tried for an alert: all. The nearest 32 take half the time, and bring 84 %
of the demo's alerts under the threshold in place of 93 %."""

_FLOWS_AT_ONCE: Final = 16  # bounds the memory of their distances


@dataclass(frozen=True)
class Counterfactual:
    """What would bring one flow's score down.

    Attributes
    ----------
    changes
        Families that were set to what the prototype has, in the order of the choice; of each
        only the features whose change counts, the one without which the score is highest first.
    scores
        The score after each choice, all features of the family changed.
    score
        The score with the changes named.
    is_under
        Whether that raises no alert.
    prototype
        Its position among the prototypes.
    """

    changes: tuple[Family, ...]
    scores: tuple[float, ...]
    score: float
    is_under: bool
    prototype: int


class Counterfactuals:
    """Finds them for one detector; its threshold decides which prototypes raise no alert.

    Parameters
    ----------
    prototypes
        Those of its bundle.
    nearest, most
        How many prototypes are tried for a flow, and how many families changed at the most.
    """

    def __init__(
        self,
        detector: Detector,
        prototypes: Prototypes,
        *,
        nearest: int = NEAREST,
        most: int = MOST_CHANGES,
    ) -> None:
        self.detector = detector
        bundle = detector.bundle
        quiet = ~detector.threshold.alerts(detector.score_inputs(prototypes.inputs))
        self.inputs = prototypes.inputs.select(quiet if quiet.any() else ~quiet)
        self.families = families(bundle.schema.name, detector.features)
        self._nearest, self._most = nearest, min(most, len(self.families))
        self._config = TrainingConfig.from_json(bundle.manifest.training.get("config", {}))
        self._columns = self._expanded(self.inputs)
        spans = bundle.preprocessor.expanded
        self._spans = [np.concatenate([np.r_[spans[m]] for m in f.members]) for f in self.families]
        self._names = [feature.name for feature in bundle.preprocessor.numeric]
        words = [feature.name for feature in bundle.preprocessor.categorical]
        self._places = {name: ("numeric", place) for place, name in enumerate(self._names)}
        self._places |= {name: ("categorical", place) for place, name in enumerate(words)}
        follow = FOLLOWING if bundle.schema.name == "flow" else ()
        self._following = frozenset(follow).intersection(self._names)

    def _expanded(self, inputs: ModelInput) -> NDArray[np.float32]:
        return expanded(inputs, self.detector.bundle.preprocessor, self._config)

    def order(self, inputs: ModelInput) -> NDArray[np.int64]:
        """Of each flow the prototypes, the nearest first, shape ``(n, k)``.

        The families that lie farthest apart are left out, as many as may be changed: what is odd
        in a flow does not choose what the flow is compared with.
        """
        parts = [
            self._order(inputs.select(slice(start, start + _FLOWS_AT_ONCE)))
            for start in range(0, len(inputs), _FLOWS_AT_ONCE)
        ]
        return np.concatenate([np.zeros((0, len(self.inputs)), np.int64), *parts])

    def _order(self, inputs: ModelInput) -> NDArray[np.int64]:
        gap = (self._expanded(inputs)[:, None, :] - self._columns) ** 2  # (n, k, columns)
        parts = np.stack([gap[:, :, span].sum(axis=2) for span in self._spans], axis=2)
        kept = max(len(self._spans) - self._most, 1)
        rest = np.partition(parts, kept - 1, axis=2)[:, :, :kept].sum(axis=2)
        return np.argsort(rest, axis=1, kind="stable")

    def find(self, flow: ModelInput, order: NDArray[np.int64]) -> Counterfactual:
        """That of one flow, ``(1, F)`` and ``(1, C)``, whose prototypes come in this order."""
        tried = order[: self._nearest]
        model = self.inputs.select(tried)
        n, rows = len(tried), np.arange(len(tried))
        now = flow.select(np.zeros(n, np.int64))
        chosen, scores = np.zeros((n, 0), np.int64), np.zeros((n, 0), np.float32)
        while not self._under(scores).any() and chosen.shape[1] < self._most:
            members = [family.members for family in self.families]
            candidates = self._replaced(now, model, members)
            found = self._scores(candidates).reshape(len(members), n)
            found[chosen.T, rows] = np.inf
            best = found.argmin(axis=0)
            now = candidates.select(best * n + rows)
            chosen = np.column_stack([chosen, best])
            scores = np.column_stack([scores, found[best, rows]])
        # All have as many changes: of those that are enough the nearest, else the lowest.
        enough = np.flatnonzero(self._under(scores[:, -1]))
        pick = int(enough[0]) if len(enough) else int(scores[:, -1].argmin())
        chain = [self.families[k] for k in chosen[pick].tolist()]
        changed = now.select(slice(pick, pick + 1))
        left, score = self._pruned(flow, changed, chain, float(scores[pick, -1]))
        kept = [Family(f.name, tuple(m for m in left if m in f.members)) for f in chain]
        return Counterfactual(
            changes=tuple(family for family in kept if family.members),
            scores=tuple(s for s, f in zip(scores[pick].tolist(), kept, strict=True) if f.members),
            score=score,
            is_under=bool(len(enough)),
            prototype=int(tried[pick]),
        )

    def _pruned(
        self, flow: ModelInput, changed: ModelInput, chain: list[Family], score: float
    ) -> tuple[list[str], float]:
        """The features whose change counts, the weightiest first, and the score with these alone.

        The others are taken back, the idlest first, while the score stays below the (geometric)
        middle between what it was and the threshold, or does not rise where it is above.
        """
        limit = score
        if self._under(np.array([score], np.float32)).all():
            limit = float(np.sqrt(max(score, 0.0) * self.detector.threshold.value))
        left = [m for family in chain for m in family.members if self._differs(flow, changed, m)]
        while left:
            restored = self._replaced(changed, flow, [(name,) for name in left])
            found = self._scores(restored)
            idlest = int(found.argmin())
            if found[idlest] > limit:
                left = [left[k] for k in np.argsort(-found, kind="stable").tolist()]
                break
            changed, score = restored.select(slice(idlest, idlest + 1)), float(found[idlest])
            del left[idlest]
        return left, score

    def _differs(self, one: ModelInput, other: ModelInput, name: str) -> bool:
        """Whether two flows differ in what a person could change, not in what follows from it."""
        if name in self._following:
            return False
        kind, place = self._places[name]
        return bool(getattr(one, kind)[0, place] != getattr(other, kind)[0, place])

    def _replaced(
        self, now: ModelInput, model: ModelInput, groups: Sequence[Sequence[str]]
    ) -> ModelInput:
        """Each of n rows with each group of features as its model has it, ``(groups × n, …)``."""
        n = len(now)
        numeric = np.tile(now.numeric, (len(groups), 1))
        categorical = np.tile(now.categorical, (len(groups), 1))
        tables: dict[str, NDArray[Any]] = {"numeric": numeric, "categorical": categorical}
        for k, names in enumerate(groups):
            for kind, place in (self._places[name] for name in names):
                tables[kind][k * n : (k + 1) * n, place] = getattr(model, kind)[:, place]
        self._follow(numeric)
        return ModelInput(numeric, categorical)

    def _follow(self, numeric: NDArray[np.float32]) -> None:
        """Set what follows from the counts and the duration of each row anew."""
        if not self._following:
            return
        columns: dict[str, NDArray[Any]] = {
            name: numeric[:, place].astype(np.float64)
            for place, name in enumerate(self._names)
            if name not in self._following
        }
        for name, values in derived_columns(columns, NetworkTable()).items():
            if name in self._following:
                numeric[:, self._names.index(name)] = filled(values)

    def _scores(self, inputs: ModelInput) -> NDArray[np.float32]:
        return self.detector.score_inputs(inputs)

    def _under(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        return ~self.detector.threshold.alerts(scores)
