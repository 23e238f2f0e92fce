"""Runs as they lie on disk: what a list, a page or a report tells of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeguard_core.errors import SourceError
from edgeguard_core.pipeline.runs.folder import METRICS, RunFolder, find_run, run_folders
from edgeguard_core.pipeline.runs.gates import Acceptance, Refusal
from edgeguard_core.pipeline.runs.outcome import FAILED, REFUSED, Outcome
from edgeguard_core.pipeline.runs.stages import BY_NAME, EVALUATE, REGISTER, STAGES

RUNNING, UNFINISHED, FINISHED = "running", "unfinished", "done"


@dataclass(frozen=True)
class RunReport:
    """One run as it stands.

    Attributes
    ----------
    status
        ``running``, ``done``, ``refused``, ``failed``, or ``unfinished`` where it died or waits
        for its next stage.
    created
        ISO 8601, UTC.
    outcomes
        Of each stage's last turn, in the order of the stages.
    version
        What the registry gave; None before that.
    """

    folder: Path
    run_id: str
    created: str
    who: str
    config: str
    status: str
    outcomes: tuple[Outcome, ...]
    accepted: tuple[Acceptance, ...]
    version: int | None
    is_champion: bool

    @property
    def stage(self) -> str | None:
        """The last stage that had its turn."""
        return self.outcomes[-1].stage if self.outcomes else None

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What gates refused and nobody accepted."""
        return tuple(refusal for outcome in self.outcomes for refusal in outcome.refusals)

    @property
    def figures(self) -> dict[str, Any]:
        """The content of ``metrics.json``; {} before there is any."""
        if not (self.folder / METRICS).exists():
            return {}
        return RunFolder(self.folder).required(self.folder / METRICS)

    @property
    def feedback(self) -> dict[str, Any] | None:
        """What verdicts would change about the model's threshold; None without any."""
        found = self.artifact(EVALUATE)
        return None if found is None else found.feedback

    def told(self) -> list[tuple[str, str]]:
        """What stages say of people's verdicts: the stage and a sentence each."""
        made = ((stage, self.artifact(stage)) for stage in STAGES)
        return [(stage, line) for stage, one in made if one is not None for line in one.for_log]

    def artifact(self, stage: str) -> Any:
        """What a stage made, as its own type; None where it has not run."""
        folder = RunFolder(self.folder)
        if not folder.stage(stage).exists():
            return None
        return BY_NAME[stage].artifact.from_json(folder.artifact(stage))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the figures."""
        return {
            **vars(self),
            "folder": str(self.folder.resolve()),
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
            "accepted": [said.to_json() for said in self.accepted],
            "stage": self.stage,
        }


def list_runs(folder: Path) -> list[RunReport]:
    """Every run below a folder of artifacts, the latest first.

    Raises
    ------
    SourceError
        If a run is damaged.
    """
    return [_report(run) for run in run_folders(folder)]


def read_run(folder: Path, run_id: str) -> RunReport:
    """A run by its id.

    Raises
    ------
    SourceError
        If there is none such, or it is damaged.
    """
    return _report(find_run(folder, run_id))


def _report(run: RunFolder) -> RunReport:
    about = run.about()
    try:
        outcomes = tuple(
            Outcome.from_json(found) for name in STAGES if (found := run.outcome(name))
        )
        accepted = tuple(Acceptance(**said) for said in about["accepted"])
        registered = run.artifact(REGISTER) if run.stage(REGISTER).exists() else {}
        return RunReport(
            folder=run.path,
            run_id=run.run_id,
            created=about["created"],
            who=about["who"],
            config=about["config"],
            status=_status(run, outcomes),
            outcomes=outcomes,
            accepted=accepted,
            version=registered.get("version"),
            is_champion=bool(registered.get("is_champion")),
        )
    except (KeyError, TypeError) as error:
        raise SourceError(
            f"{run.path} does not hold what a run does ({error!r}); remove the folder."
        ) from error


def _status(run: RunFolder, outcomes: tuple[Outcome, ...]) -> str:
    if run.is_worked_on:
        return RUNNING
    for bad in (REFUSED, FAILED):
        if any(outcome.status == bad for outcome in outcomes):
            return bad
    is_through = bool(outcomes) and outcomes[-1].stage == REGISTER
    return FINISHED if is_through else UNFINISHED
