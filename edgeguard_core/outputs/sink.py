"""What every sink can do: take records, in order, or say why not."""

from collections.abc import Sequence
from typing import Protocol

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
        OutputError
            If they could not be delivered; the same records come again later.
        """

    def close(self) -> None:
        """Let go of files and connections."""
