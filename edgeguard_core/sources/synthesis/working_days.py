"""An office's working days on end, to be looked at faster than they pass."""

from dataclasses import dataclass, field

import numpy as np

from edgeguard_core.sources.synthesis.arrivals import MS_PER_DAY, MS_PER_HOUR
from edgeguard_core.sources.synthesis.benign import Site, day
from edgeguard_core.sources.synthesis.rows import Rows

_OPENS_HOUR, _CLOSES_HOUR = 8, 18
_FIRST_WEEKEND_DAY = 5  # counted from Monday
_DAYS_A_WEEK = 7
_MONDAY_DAY = 4  # 1970-01-01 was a Thursday: day 4 was the first Monday


@dataclass
class WorkingDays:
    """Benign flows of office hours alone; nights and weekends pass at once.

    Parameters
    ----------
    now_ms
        Where the office's own time begins, ms UTC, on a working day within office hours.

    Attributes
    ----------
    now_ms
        The office's own time: flows up to here were taken.
    """

    site: Site
    now_ms: float
    _rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self._rows = self._of_day(self.now_ms)

    @property
    def closes_ms(self) -> float:
        """When today's office hours end."""
        return _midnight(self.now_ms) + _CLOSES_HOUR * MS_PER_HOUR

    def earlier_today(self) -> Rows:
        """What happened today before now, which the history of hosts must know."""
        return self._rows.select(self._rows.start_ms < self.now_ms)

    def take(self, until_ms: float) -> Rows:
        """The flows from now until then, which must not lie beyond ``closes_ms``."""
        start = self._rows.start_ms
        found = self._rows.select((start >= self.now_ms) & (start < until_ms))
        self.now_ms = until_ms
        return found

    def open_next_day(self) -> Rows:
        """Go to the next working morning; what happened since now, unseen by anybody.

        Of the days between only the last counts: a night is enough history.
        """
        night = self._rows.select(self._rows.start_ms >= self.now_ms)
        self.now_ms = _next_working_day(self.now_ms) + _OPENS_HOUR * MS_PER_HOUR
        self._rows = self._of_day(self.now_ms)
        return Rows.concat([night, self.earlier_today()])

    def _of_day(self, time_ms: float) -> Rows:
        return day(self.site, _midnight(time_ms)).with_ports()


def _midnight(time_ms: float) -> float:
    return float(np.floor(time_ms / MS_PER_DAY) * MS_PER_DAY)


def _next_working_day(time_ms: float) -> float:
    """Midnight of the working day after a time, ms UTC.

    >>> _next_working_day(0.0) / MS_PER_DAY  # a Thursday
    1.0
    >>> _next_working_day(1.5 * MS_PER_DAY) / MS_PER_DAY  # a Friday
    4.0
    """
    number = int(_midnight(time_ms) // MS_PER_DAY) + 1
    while (number - _MONDAY_DAY) % _DAYS_A_WEEK >= _FIRST_WEEKEND_DAY:
        number += 1
    return number * MS_PER_DAY
