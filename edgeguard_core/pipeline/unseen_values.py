"""Categorical values that training had not seen, where they are a notable part of some flows."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from edgeguard_core.features.preprocessing import CategoricalFeature, Preprocessor
from edgeguard_core.flows.table import Flows

NOTABLE_SHARE = 0.05
_TIMES_TRAINING = 3.0  # training itself had rare values; more than so many times their share is new
_FEWEST_FLOWS = 100
_MOST_NAMED = 3
_MOST_KEPT = 1_000  # distinct values a column; a flood of new ones must not fill the memory


@dataclass
class UnseenValues:
    """Counts, batch by batch, flows with a value that the model does not know.

    Flows labelled an attack do not count: that they are new is what they are scored for.

    Examples
    --------
    >>> UnseenValues().warnings()
    []
    """

    flows: int = 0
    _known: dict[str, CategoricalFeature] = field(default_factory=dict)
    _unseen: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, flows: Flows, preprocessor: Preprocessor) -> None:
        """Look at a batch that the preprocessor takes."""
        judged = flows.select(~flows.is_attack) if flows.is_attack.any() else flows
        self.flows += len(judged)
        for feature in preprocessor.categorical:
            self._known[feature.name] = feature
            mine = self._unseen.setdefault(feature.name, Counter())
            known = set(feature.values)
            for value, count in Counter(judged.columns[feature.name].tolist()).items():
                if value not in known:
                    text = str(value) if value in mine or len(mine) < _MOST_KEPT else "others"
                    mine[text] += count

    def warnings(self) -> list[str]:
        """A sentence for each column in which unknown values are notable."""
        if self.flows < _FEWEST_FLOWS:
            return []
        return [
            self._sentence(name, counts)
            for name, counts in self._unseen.items()
            if self._share(counts) > max(NOTABLE_SHARE, _TIMES_TRAINING * self._rare_share(name))
        ]

    def _share(self, counts: Counter[str]) -> float:
        return counts.total() / self.flows

    def _rare_share(self, name: str) -> float:
        counts = np.array(self._known[name].counts, np.float64)
        return float(counts[0] / counts.sum()) if counts.sum() else 0.0

    def _sentence(self, name: str, counts: Counter[str]) -> str:
        shown = ", ".join(
            f"{value!r} ({count:,})" if value else f"empty ({count:,})"
            for value, count in counts.most_common(_MOST_NAMED)
        )
        more = len(counts) - _MOST_NAMED
        return (
            f"{100 * self._share(counts):.2g} % of the flows have a {name} that training hardly or "
            f"never saw: {shown}{f' and {more} more' if more > 0 else ''}. Their scores say little "
            "but that; train with such flows where they are normal."
        )
