"""Whether odd flows gather on one source, one destination or one service, or are everybody's."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import Flows

_MOST_NAMES: Final = 20_000  # remembered of each kind; the rarest are forgotten
_MOST_OF_THE_TAIL: Final = 0.5
_MORE_THAN_ELSEWHERE: Final = 0.25
_LEAST_BODY: Final = 0.05  # of the flows: with fewer there is no elsewhere
SOURCE, DESTINATION, SERVICE = "source", "destination", "service"


@dataclass(frozen=True)
class Gathering:
    """One name that most odd flows share and the others do not.

    ``share`` is its share of the odd flows, ``elsewhere`` of the others.
    """

    what: str
    name: str
    share: float
    elsewhere: float

    @property
    def sentence(self) -> str:
        """The same in words."""
        return (
            f"{self.share:.0%} of the odd flows are of {self.what} {self.name} "
            f"({self.elsewhere:.0%} of the others)"
        )


@dataclass
class Gatherings:
    """Counts of sources, destinations and services among odd flows (tail) and others (body).

    A scan gathers on its source, a flood from made-up ones on its destination.
    """

    tail: dict[str, Counter[str]] = field(default_factory=dict)
    body: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, flows: Flows, is_odd: NDArray[np.bool_]) -> None:
        """Count some flows, shape ``(n,)``; unknown names are left out."""
        named: dict[str, NDArray[Any] | None] = {
            SOURCE: flows.columns.get("src_ip"),
            DESTINATION: flows.columns.get("dst_ip"),
            SERVICE: flows.columns.get("service"),
        }
        for what, names in named.items():
            if names is None:
                continue
            for rows, counts in ((is_odd, self.tail), (~is_odd, self.body)):
                counter = counts.setdefault(what, Counter())
                counter.update(name for name in names[rows].tolist() if name)
                if len(counter) > _MOST_NAMES:
                    counts[what] = Counter(dict(counter.most_common(_MOST_NAMES // 2)))

    @property
    def knows_hosts(self) -> bool:
        """Whether any flow had an address."""
        return bool(self.tail.get(SOURCE) or self.body.get(SOURCE))

    def found(self) -> list[Gathering]:
        """What the odd flows share, at most one name of each kind."""
        gathered = []
        for what, counter in self.tail.items():
            others = self.body.get(what, Counter())
            n_odd, n_others = counter.total(), others.total()
            if not n_odd or n_others < _LEAST_BODY * (n_odd + n_others):
                continue
            name, count = counter.most_common(1)[0]
            share, elsewhere = count / n_odd, others[name] / n_others
            if share >= _MOST_OF_THE_TAIL and share - elsewhere >= _MORE_THAN_ELSEWHERE:
                gathered.append(Gathering(what, name, share, elsewhere))
        return gathered
