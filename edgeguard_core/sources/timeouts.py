"""When a flow of packets ends: one definition for training and serving."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgeguard_core.errors import SourceError

IDLE_S, ACTIVE_S = 10.0, 10.0
"""Why these: docs/decisions/0012-timeouts-of-packets.md."""


@dataclass(frozen=True)
class Timeouts:
    """When the packet meter ends a flow.

    A flow is told at most ``active_s`` after its first packet, whatever the two are, and after
    every flow that began before it.

    Attributes
    ----------
    idle_s
        Silence that ends a flow.
    active_s
        Age that ends a flow; the packets that come later are another one.

    Raises
    ------
    SourceError
        If one is not a number above 0, or above an hour.

    Examples
    --------
    >>> Timeouts().to_json()
    {'idle_s': 10.0, 'active_s': 10.0}
    >>> Timeouts.of({"active_s": 30}).active_s
    30.0
    """

    idle_s: float = IDLE_S
    active_s: float = ACTIVE_S

    def __post_init__(self) -> None:
        for name in ("idle_s", "active_s"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not (
                math.isfinite(value) and 0 < value <= 3600
            ):
                raise SourceError(
                    f"A flow timeout {name} of {value!r} is none; give seconds above 0, "
                    "at most 3600."
                )
            object.__setattr__(self, name, float(value))

    def to_json(self) -> dict[str, float]:
        """The seconds by name, as a bundle's manifest has them."""
        return {"idle_s": self.idle_s, "active_s": self.active_s}

    @classmethod
    def of(cls, named: Mapping[str, float]) -> "Timeouts":
        """Those that ``to_json`` wrote; what is absent has its default.

        Raises
        ------
        SourceError
            If one is no number of seconds.
        """
        known = {name: named[name] for name in ("idle_s", "active_s") if name in named}
        return cls(**known)
