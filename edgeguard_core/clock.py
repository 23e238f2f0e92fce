"""Time, handed in: the real one, or one that a test turns."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What needs the time asks one of these, and never the machine."""

    def now(self) -> datetime:
        """The time of day in UTC; it may jump, also back."""
        ...

    def monotonic(self) -> float:
        """Seconds since some beginning, which never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is turned.

    >>> clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    >>> clock.advance(90)
    >>> clock.now().isoformat(), clock.monotonic()
    ('2026-01-01T00:01:30+00:00', 90.0)
    >>> clock.set_back(60)
    >>> clock.now().isoformat(), clock.monotonic()
    ('2026-01-01T00:00:30+00:00', 90.0)
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The time of day as it was set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that ``advance`` and ``sleep`` let pass."""
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        """Turn it on."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._elapsed_s += seconds

    def set_back(self, seconds: float) -> None:
        """Move the time of day back, as a correction of a clock does; nothing passes."""
        self._now -= timedelta(seconds=seconds)


def now_ms(clock: Clock) -> float:
    """The time of day in milliseconds since 1970.

    >>> now_ms(ManualClock(datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)))
    2000.0
    """
    return clock.now().timestamp() * 1000.0
