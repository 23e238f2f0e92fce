"""Whether odd flows gather on one source, one destination or one service, or are everybody's."""

import hashlib
from collections import Counter
from collections.abc import Mapping
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
_ADDRESSES: Final = (SOURCE, DESTINATION)
_MOST_KEPT: Final = 20  # names of each kind in what leaves this process; most odd flows share one
_OTHERS: Final = ""  # the rest of the names, counted together; no name is empty
_HIDDEN: Final = "#"  # before the digest of an address


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
        """The same in words; of an address that is not known "one source"."""
        who = f"{self.what} {self.name}"
        if self.name.startswith(_HIDDEN):
            who = f"one {self.what}"
        return (
            f"{self.share:.0%} of the odd flows are of {who} ({self.elsewhere:.0%} of the others)"
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
            name, count = _most_common(counter)
            share, elsewhere = count / n_odd, others[name] / n_others
            if share >= _MOST_OF_THE_TAIL and share - elsewhere >= _MORE_THAN_ELSEWHERE:
                gathered.append(Gathering(what, name, share, elsewhere))
        return gathered

    def join(self, later: "Gatherings") -> None:
        """Take in what was counted elsewhere."""
        for mine, others in ((self.tail, later.tail), (self.body, later.body)):
            for what, counter in others.items():
                mine.setdefault(what, Counter()).update(counter)

    def without_addresses(self, secret: bytes) -> dict[str, dict[str, dict[str, int]]]:
        """The twenty most frequent names of each kind, as JSON; addresses as keyed digests.

        The same address has the same digest wherever the secret is the same, and without the
        secret nobody finds it by trying all addresses.
        """
        return {
            name: {what: _digested(counter, what, secret) for what, counter in counts.items()}
            for name, counts in (("tail", self.tail), ("body", self.body))
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Mapping[str, Mapping[str, int]]]) -> "Gatherings":
        """What ``without_addresses`` gave.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If it is something else.
        """
        tail, body = (
            {what: Counter(dict(names)) for what, names in document[name].items()}
            for name in ("tail", "body")
        )
        return cls(tail, body)


def _most_common(counter: Counter[str]) -> tuple[str, int]:
    named = ((name, n) for name, n in counter.items() if name != _OTHERS)
    return max(named, key=lambda item: item[1], default=(_OTHERS, 0))


def _digested(counter: Counter[str], what: str, secret: bytes) -> dict[str, int]:
    kept = dict(sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:_MOST_KEPT])
    others = counter.total() - sum(kept.values())
    if what in _ADDRESSES:
        kept = {_digest(name, secret): n for name, n in kept.items()}
    return {**kept, _OTHERS: others} if others else kept


def _digest(name: str, secret: bytes) -> str:
    text = name.encode("utf-8", "backslashreplace")
    return _HIDDEN + hashlib.blake2b(text, key=secret, digest_size=8).hexdigest()
