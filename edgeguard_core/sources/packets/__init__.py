"""Packets: captures and interfaces become canonical flows through NFStream's engine.

A capture is counted first (``survey``), then metered in a process of its own
(``meter_process``, started by ``meter``): read as it stands where the engine can, else handed
over packet by packet (``feeding``). The import is cheap; nfstream itself is needed only where
packets are read.
"""

from typing import TYPE_CHECKING

from edgeguard_core.sources.timeouts import Timeouts

if TYPE_CHECKING:
    from edgeguard_core.sources.packets.capture_feed import CaptureFeed
    from edgeguard_core.sources.packets.interface_feed import InterfaceFeed

__all__ = ["CaptureFeed", "InterfaceFeed", "Timeouts"]


def __getattr__(name: str) -> object:
    # The feeds know sources, and sources know captures; whoever asks for a feed has both.
    if name == "CaptureFeed":
        from edgeguard_core.sources.packets.capture_feed import CaptureFeed

        return CaptureFeed
    if name == "InterfaceFeed":
        from edgeguard_core.sources.packets.interface_feed import InterfaceFeed

        return InterfaceFeed
    raise AttributeError(name)
