"""How a run ended, as MLflow is told where the config asks for it; the run never depends on it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.errors import EdgeGuardError, OutputError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs.artifacts import Registered
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.runs.folder import ARTIFACT, CONFIG, LINEAGE, METRICS
from edgeguard_core.pipeline.runs.gates import GATES
from edgeguard_core.pipeline.runs.outcome import Outcome
from edgeguard_core.pipeline.runs.run import Run
from edgeguard_core.pipeline.runs.stages import (
    BY_NAME,
    CONVERT,
    DRIFT,
    EVALUATE,
    REGISTER,
    STAGES,
    VALIDATE,
)
from edgeguard_core.pipeline.tracking import Account, log_refused, log_version, require_store

_HELD: Final = "held"
_REPORTS: Final = (
    (VALIDATE, ARTIFACT), (DRIFT, ARTIFACT), (DRIFT, "report.json"), (EVALUATE, ARTIFACT),
    (CONVERT, ARTIFACT),
)  # fmt: skip


def require_tracking(config: PipelineConfig) -> None:
    """Nothing, when MLflow is there to be told of a run, or nobody asked for it.

    Raises
    ------
    ConfigError
        If it is not installed, or its SQLite file would lie in no folder; names file and line.
    """
    if config.mlflow is None:
        return
    try:
        require_store(config.mlflow)
    except OutputError as error:
        raise config.fault("track.mlflow", str(error)) from error


def tracked(run: Run, outcome: Outcome) -> Outcome:
    """The outcome, after MLflow was told of it where it ends the run.

    What goes wrong there is a warning of the outcome: the model is registered all the same.
    """
    is_end = outcome.stage == REGISTER or bool(outcome.refusals)
    if run.config.mlflow is None or not is_end:
        return outcome
    try:
        _log(run, outcome, run.config.mlflow)
    except EdgeGuardError as error:
        told = f"This run is not in MLflow: {error}"
        run.log.write("warning", outcome.stage, told)
        return replace(outcome, warnings=(*outcome.warnings, told))
    return outcome


def _log(run: Run, outcome: Outcome, store: str) -> None:
    account = _account(run, outcome)
    if outcome.refusals:
        log_refused(account, outcome.message, store)
        return
    registered = Registered.from_json(run.folder.artifact(REGISTER))
    registry = Registry(run.config.registry)
    version = registry.version(registered.version)
    log_version(version, registry.state().aliases_of(version.number), store, account)


def _account(run: Run, outcome: Outcome) -> Account:
    reached = STAGES[: STAGES.index(outcome.stage) + 1]
    settings = {name: run.config.settings[name] for name in sorted(run.config.settings)}
    settings.pop("track.mlflow", None)
    return Account(
        run_id=run.run_id,
        begun=str(run.folder.about().get("created", "")),
        settings=settings,
        metrics=_metrics(run, reached),
        gates=_gates(run, reached, outcome),
        files=dict(_files(run, reached)),
    )


def _metrics(run: Run, reached: tuple[str, ...]) -> dict[str, Any]:
    """The figures as far as this attempt came; those of an earlier one may lie there, too."""
    if CONVERT in reached:
        return run.folder.required(run.folder.path / METRICS)
    if EVALUATE not in reached:
        return {}
    found: Any = BY_NAME[EVALUATE].artifact.from_json(run.folder.artifact(EVALUATE))
    alarms = strict_json.without_nan(found.false_alarms.to_json())
    return {**found.figures, "held_out_false_alarms": alarms}


def _gates(run: Run, reached: tuple[str, ...], outcome: Outcome) -> dict[str, str]:
    """What each gate said; of a refused run those that refused or were accepted."""
    told: dict[str, str] = dict.fromkeys(GATES, _HELD) if REGISTER in reached else {}
    for name in reached:
        if name != outcome.stage and (kept := run.folder.outcome(name)) is not None:
            told |= _accepted(run, Outcome.from_json(kept))
    told |= _accepted(run, outcome)
    return told | {refusal.gate: f"refused: {refusal.sentence}" for refusal in outcome.refusals}


def _accepted(run: Run, outcome: Outcome) -> dict[str, str]:
    said = run.accepted
    return {
        one.gate: f"accepted by {said[one.gate].who}: {said[one.gate].because}"
        for one in outcome.accepted
        if one.gate in said
    }


def _files(run: Run, reached: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """What is worth keeping beside the figures; no flow and no address is in any of it."""
    names = [CONFIG, LINEAGE, *([METRICS] if CONVERT in reached else [])]
    names += [f"{stage}/{name}" for stage, name in _REPORTS if stage in reached]
    for name in names:
        path = run.folder.path / name
        if path.is_file():
            yield name, path
