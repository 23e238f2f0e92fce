"""What every sink can do: take records, in order, or say why not."""

from collections.abc import Sequence
from typing import Protocol

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Record


class Sink(Protocol):
    """Somewhere records go: a file, a collector, a broker, a database.

    ``name`` names it to people and in the spool's cursors: the same sink has the same name
    after a restart.
    """

    name: str

    def send(self, records: Sequence[Record]) -> None:
        """Deliver records; when it returns they are safe there.

        Raises
        ------
        SinkBusy
            If they could not be delivered, and the receiver said when to come again.
        SinkEnded
            If nothing can be delivered ever again: the reader of a pipe went away.
        OutputError
            If they could not be delivered; the same records come again later.
        """

    def close(self) -> None:
        """Let go of files and connections."""


class SinkBusy(OutputError):
    """A sink that takes nothing before ``retry_after_s`` seconds have passed."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SinkEnded(OutputError):
    """A sink whose reader went away for good, as ``| head`` does."""
