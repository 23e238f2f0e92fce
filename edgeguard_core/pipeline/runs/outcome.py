"""How one turn of a stage ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from edgeguard_core.pipeline.runs.gates import Refusal

DONE, SKIPPED, REUSED, REFUSED, FAILED = "done", "skipped", "reused", "refused", "failed"


@dataclass(frozen=True)
class Outcome:
    """How one turn of a stage ended.

    Attributes
    ----------
    status
        ``done``, ``skipped`` (nothing changed), ``reused`` (another run did the same work),
        ``refused``, or ``failed``, which is also raised.
    refusals
        What the gates said and nobody accepted; ``accepted`` is what was.
    warnings
        What went wrong beside the run and did it no harm, a sentence each.
    """

    stage: str
    status: str
    refusals: tuple[Refusal, ...] = ()
    accepted: tuple[Refusal, ...] = ()
    message: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        told = [refusal.to_json() for refusal in self.refusals]
        accepted = [refusal.to_json() for refusal in self.accepted]
        lists = {"refusals": told, "accepted": accepted, "warnings": list(self.warnings)}
        return {**vars(self), **lists}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave; more keys are passed over."""
        return cls(
            stage=values["stage"],
            status=values["status"],
            refusals=tuple(Refusal(**each) for each in values["refusals"]),
            accepted=tuple(Refusal(**each) for each in values["accepted"]),
            message=values["message"],
            seconds=values["seconds"],
            warnings=tuple(values.get("warnings", ())),
        )
