"""What a live source gives: flows as they come, for a loop that may run for months."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows


@dataclass(frozen=True)
class Fed:
    """Some flows of a live source, in its order.

    Attributes
    ----------
    flows
        Accepted flows, validated, without context; perhaps none.
    rejected
        Rows or packets that were refused, by rule.
    notes
        What happened to the source, a sentence each: a log was rotated or cut, an interface
        went away and came back. The loop tells them as events of the sensor.
    position
        Where a restart goes on, as plain JSON values: everything up to here was given. None
        where a source cannot go back.
    """

    flows: Flows
    rejected: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    position: Mapping[str, Any] | None = None


class Feed(Protocol):
    """A source of flows that is read while it grows.

    Attributes
    ----------
    name
        For people and in records: a path, ``interface eth0``, ``stdin``.
    waits
        Whether nothing is lost by reading slowly: True for files, False for an interface.
    is_live
        Whether the flows are of now, so that their lag means something; False for a capture
        that is read as fast as possible.
    """

    name: str
    waits: bool
    is_live: bool

    @property
    def meter(self) -> str:
        """What counts the flows; "" while nothing has come that says so."""

    @property
    def schema(self) -> Schema:
        """The schema of the flows that come out."""

    def start(self) -> None:
        """Open the source, before any thread runs: a packet meter forks here.

        Raises
        ------
        SourceError
            If it cannot be opened: missing, not readable, no privilege.
        """

    def batches(self) -> Iterator[Fed]:
        """The flows as they come, called in one reader thread; ends when the source does.

        An empty batch comes at least each half second, so that the reader sees a stop.

        Raises
        ------
        SourceError
            If the source can give nothing more, with the reason.
        """

    def stop(self) -> None:
        """End ``batches`` soon; called from another thread, perhaps twice."""

    def counters(self) -> Mapping[str, int]:
        """Whatever it counts beside flows, such as ``packets`` and ``lost_packets``."""


class Note(str):
    """A sentence about a source, with the short word that its event has under ``reason``.

    >>> note = Note("log_rotated", "conn.log was rotated.")
    >>> note, note.reason
    ('conn.log was rotated.', 'log_rotated')
    """

    reason: str

    def __new__(cls, reason: str, sentence: str) -> "Note":
        note = super().__new__(cls, sentence)
        note.reason = reason
        return note
