"""What is hidden while a watch runs: exclusions of its settings and of the Review page."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.exclusion import Exclusion
from edgeguard_core.outputs.records import iso_time

REVIEWS: Final = "reviews.sqlite"
"""In the state folder: the log of verdicts that the Review page writes."""


@dataclass
class LiveExclusions:
    """Exclusions in force, and how many alerts each has hidden since the start.

    Parameters
    ----------
    given
        Those of the settings.
    reviews
        The log of the Review page; it need not be there, and is read again when it changes.
    """

    given: tuple[Exclusion, ...] = ()
    reviews: Path | None = None
    matched: Counter[int] = field(default_factory=Counter)
    _reviewed: tuple[Exclusion, ...] = ()
    _seen: tuple[float, ...] = ()

    @property
    def all(self) -> tuple[Exclusion, ...]:
        """Every one, ended ones too."""
        return self.given + self._reviewed

    def refresh(self) -> bool:
        """Read the log again if it changed; whether it did.

        Raises
        ------
        EdgeGuardError
            If it cannot be read; the ones before stay in force.
        """
        if self.reviews is None:
            return False
        seen = _stamps(self.reviews)
        if seen == self._seen:
            return False
        self._seen = seen
        if not seen:
            self._reviewed = ()
            return True
        from edgeguard_core.detection.review import Reviews

        self._reviewed = tuple(Reviews(self.reviews).exclusions())
        return True

    def hidden(
        self, columns: Mapping[str, NDArray[Any]], size: int, now: datetime
    ) -> NDArray[np.bool_]:
        """Which of n alerted flows are hidden at that time, shape ``(n,)``; matches are counted."""
        found = np.zeros(size, np.bool_)
        for exclusion in self.all:
            if exclusion.is_active(now):
                met = exclusion.conditions.match(columns)
                self.matched[exclusion.number] += int(np.count_nonzero(met))
                found |= met
        return found

    def report(self, now: datetime) -> list[dict[str, Any]]:
        """Conditions, end and matches of those in force, as a heartbeat tells them."""
        return [
            {
                "conditions": exclusion.conditions.sentence,
                "reason": exclusion.reason,
                "until": iso_time(exclusion.expires.timestamp() * 1000.0),
                "matched": self.matched[exclusion.number],
            }
            for exclusion in self.all
            if exclusion.is_active(now)
        ]


def _stamps(path: Path) -> tuple[float, ...]:
    """When the file and its write-ahead log changed last, and how large they are."""
    found: list[float] = []
    for name in (path, path.with_name(path.name + "-wal")):
        try:
            about = name.stat()
        except OSError:
            continue
        found += [about.st_mtime_ns, about.st_size]
    return tuple(found)
