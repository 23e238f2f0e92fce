"""A condition that is told once when it begins and once when it is over."""

from dataclasses import dataclass
from typing import Final

BEGINS: Final = "begins"
ENDS: Final = "ends"


@dataclass
class Alarm:
    """Tells a lasting change from a flicker.

    Parameters
    ----------
    raise_after, clear_after
        How many looks in a row must agree.

    Examples
    --------
    >>> alarm = Alarm(raise_after=2, clear_after=2)
    >>> [alarm.look(holds) for holds in (True, True, True, False, True, False, False)]
    [None, 'begins', None, None, None, None, 'ends']
    """

    raise_after: int = 1
    clear_after: int = 1
    is_raised: bool = False
    _in_a_row: int = 0

    def look(self, holds: bool) -> str | None:
        """``begins`` or ``ends`` where this look changes something, else None."""
        if holds == self.is_raised:
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        if self._in_a_row < (self.clear_after if self.is_raised else self.raise_after):
            return None
        self._in_a_row = 0
        self.is_raised = holds
        return BEGINS if holds else ENDS
