"""All stages of a config in their order, until a gate refuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeguard_core.clock import Clock
from edgeguard_core.errors import GateRefused
from edgeguard_core.pipeline.progress import OnProgress, silent
from edgeguard_core.pipeline.runs.config import load_config
from edgeguard_core.pipeline.runs.gates import Refusal, require_gate
from edgeguard_core.pipeline.runs.outcome import Outcome
from edgeguard_core.pipeline.runs.run import Run, open_run
from edgeguard_core.pipeline.runs.stages import STAGES
from edgeguard_core.pipeline.runs.turn import run_stage


@dataclass(frozen=True)
class PipelineResult:
    """How far a run came.

    Attributes
    ----------
    outcomes
        Of each stage that had its turn.
    """

    run: Run
    outcomes: tuple[Outcome, ...]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What the gates of the last stage refused."""
        return self.outcomes[-1].refusals if self.outcomes else ()

    def require(self) -> None:
        """Nothing, when no gate refused.

        Raises
        ------
        GateRefused
            With the sentence of each gate that did.
        """
        if self.refusals:
            told = " ".join(f"[{one.gate}] {one.sentence}" for one in self.refusals)
            raise GateRefused(f"Run {self.run.run_id}: {told}")


def run_pipeline(
    path: Path | str,
    run_id: str | None = None,
    *,
    names: Sequence[str] = STAGES,
    accept: Mapping[str, str] | None = None,
    who: str | None = None,
    clock: Clock | None = None,
    on_progress: OnProgress = silent,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> PipelineResult:
    """The stages of a config's run in their order, until one is refused or all are done.

    Parameters
    ----------
    run_id
        Of a run to go on with, or the name of a new one.
    names
        Only these stages.
    accept
        Gate → why its refusal is all right in this run.
    who
        Accepts them; your account, where nobody is named.

    Raises
    ------
    ConfigError
        If the config cannot be used.
    EdgeGuardError
        If a stage fails; what was done stays, and the run can be gone on with.
    """
    for gate, because in (accept or {}).items():
        require_gate(gate, because)
    run = open_run(load_config(path), run_id, clock=clock)
    for gate, because in (accept or {}).items():
        run.accept(gate, because, who)
    outcomes: list[Outcome] = []
    for name in names:
        outcomes.append(run_stage(run, name, on_progress))
        on_outcome(outcomes[-1])
        if outcomes[-1].refusals:
            break
    return PipelineResult(run, tuple(outcomes))
