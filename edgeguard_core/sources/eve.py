"""Suricata's EVE log: one JSON object an event, of which those of type ``flow`` are flows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeguard_core.sources.base import Batch
from edgeguard_core.sources.files import JsonLinesSource

EVENT_TYPE = "event_type"
FLOW = "flow"
_NAMELESS = "(none)"
_COUNT = "flow.pkts_toserver"


@dataclass
class EveSource(JsonLinesSource):
    """The flow events of an EVE log; the others are counted in ``skipped``, by their type."""

    flow_events: int = 0

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the file."""
        self.skipped.clear()
        yield from super().batches()
        if not self.flow_events:
            self.odd.append(
                f"{self.path} holds no event of type flow; turn on `flow` under the types of "
                "eve-log in suricata.yaml."
            )

    def _flow_in(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if (kind := record.get(EVENT_TYPE)) != FLOW:
            self.skipped[str(kind) if kind else _NAMELESS] += 1
            return None
        self.flow_events += 1
        if not isinstance(record.get(FLOW), dict):
            return flattened(record) | {_COUNT: "no flow object"}  # and so rejected, by its line
        return flattened(record)


def flattened(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose inner objects are spread out, a dot for each level.

    >>> flattened({"proto": "TCP", "flow": {"age": 1, "state": "new"}})
    {'proto': 'TCP', 'flow.age': 1, 'flow.state': 'new'}
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": cell for inner, cell in value.items()}
        else:
            flat[key] = value
    return flat
