"""Time as the outputs need it: given, never taken."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What ``watch.clock`` gives: the real time, or one that a test turns."""

    def now(self) -> datetime:
        """The time of day, with its zone UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary beginning."""

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""


class RealClock:
    """The time of this machine, for who opens a sink and gives no clock."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some beginning; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def now_ms(clock: Clock) -> float:
    """The time of day in milliseconds since 1970."""
    return clock.now().timestamp() * 1000.0
