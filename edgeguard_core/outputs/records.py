"""What a watch tells: alerts, incidents and its own events, each as one strict JSON object.

Field names are those of the Elastic Common Schema where it has one; what it has no name for
stands under ``edgeguard``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

_ID_CHARACTERS = 24


class Kind(StrEnum):
    """What a record is about; the word stands under ``kind`` in every line."""

    ALERT = "alert"
    INCIDENT = "incident"
    AUDIT = "audit"
    DRIFT = "drift"
    SENSOR = "sensor"
    HEARTBEAT = "heartbeat"
    COUNTS = "counts"


UNSPOOLED: Final = frozenset((Kind.HEARTBEAT, Kind.COUNTS))
"""Records of which only the latest counts; lost where a sink is away until the watch ends."""


@dataclass(frozen=True)
class Record:
    """One line of a watch.

    Attributes
    ----------
    id
        The same for the same thing: a record that is delivered twice has it twice.
    revision
        An incident and its like are told again as they grow; of one id the highest stands.
    time_ms
        When it happened, in milliseconds since 1970: of the flow for alerts and incidents, of
        the watch's clock for its own events.
    sensor
        Which box tells it.
    body
        The whole line, strict JSON, with ``kind``, ``@timestamp`` and ``event.id`` in it.
    """

    kind: Kind
    id: str
    time_ms: float
    sensor: str
    body: Mapping[str, Any]
    revision: int = 0


def record_id(*parts: object) -> str:
    """An id that depends on nothing but the parts, 24 hexadecimal digits.

    >>> record_id("gate", "10.0.0.7", 600000.0, "spread")
    'b313df98607b1a36af058fb7'
    """
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_ID_CHARACTERS]


def iso_time(time_ms: float) -> str:
    """Milliseconds since 1970 as ECS writes times.

    >>> iso_time(1_500.0)
    '1970-01-01T00:00:01.500Z'
    """
    stamp = datetime.fromtimestamp(time_ms / 1000.0, UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
