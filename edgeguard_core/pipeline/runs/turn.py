"""One turn of a stage: skipped, taken over or done, then judged by its gates."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.errors import EdgeGuardError, GateRefused
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.progress import OnProgress, Progress, silent
from edgeguard_core.pipeline.runs import stages
from edgeguard_core.pipeline.runs.artifacts import Artifact
from edgeguard_core.pipeline.runs.code_version import code_fingerprint, code_version
from edgeguard_core.pipeline.runs.folder import (
    ARTIFACT,
    LINEAGE,
    METRICS,
    OUTCOMES,
    RECORD,
    Record,
    outputs_of,
    run_folders,
)
from edgeguard_core.pipeline.runs.gates import Refusal
from edgeguard_core.pipeline.runs.outcome import DONE, FAILED, REFUSED, REUSED, SKIPPED, Outcome
from edgeguard_core.pipeline.runs.registering import metrics
from edgeguard_core.pipeline.runs.run import Run
from edgeguard_core.pipeline.runs.stages import BY_NAME, STAGES, Stage, Work
from edgeguard_core.pipeline.runs.tracked import require_tracking, tracked
from edgeguard_core.watch.settings import did_you_mean

_MOST_RUNS_SEARCHED: Final = 50


def run_stage(run: Run, name: str, on_progress: OnProgress = silent) -> Outcome:
    """One stage of a run, as far as it is not done already, and what the gates say of it.

    Raises
    ------
    EdgeGuardError
        If there is no such stage, an earlier one has not run, or its work fails.
    GateRefused
        If an earlier stage was refused and nobody accepted that.
    OutputError
        If another process works on the run.
    """
    if name not in BY_NAME:
        hint = did_you_mean(name, STAGES) or f"; there are {', '.join(STAGES)}"
        raise EdgeGuardError(f"No stage is called {name!r}{hint.rstrip('?')}.")
    stage, started = BY_NAME[name], run.clock.monotonic()
    if name == STAGES[0]:
        require_tracking(run.config)
    with run.folder.worked_on(run.clock):
        run.keep_config()
        run.log.write("begins", name, "")
        try:
            artifacts = _artifacts_before(run, name)
            status, artifact = _worked(run, stage, artifacts, on_progress)
        except EdgeGuardError as error:
            if not isinstance(error, GateRefused):
                seconds = run.clock.monotonic() - started
                _tell(run, Outcome(name, FAILED, message=str(error), seconds=seconds))
            raise
        refusals, accepted = _judged(run, stage, artifact)
        outcome = Outcome(
            stage=name,
            status=REFUSED if refusals else status,
            refusals=refusals,
            accepted=accepted,
            message=" ".join(refusal.sentence for refusal in refusals),
            seconds=round(run.clock.monotonic() - started, 3),
        )
        _tell(run, outcome)
        if status != SKIPPED:
            for note in artifact.for_log:
                run.log.write("told", name, note)
        _write_summaries(run, {**artifacts, name: artifact})
        return tracked(run, outcome)


def _tell(run: Run, outcome: Outcome) -> None:
    when = run.clock.now().astimezone(UTC).isoformat(timespec="seconds")
    run.folder.write(f"{OUTCOMES}/{outcome.stage}.json", {**outcome.to_json(), "when": when})
    about = {"seconds": outcome.seconds, "gates": [r.gate for r in outcome.refusals]}
    run.log.write(outcome.status, outcome.stage, outcome.message, **about)


def _judged(
    run: Run, stage: Stage, artifact: Artifact
) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
    """What the gates refuse, and what of it was accepted."""
    accepted = run.accepted
    found = list(stage.judge(artifact, run.config.limits))
    lets = [refusal.gate in accepted and refusal.can_accept for refusal in found]
    return (
        tuple(refusal for refusal, lets_it in zip(found, lets, strict=True) if not lets_it),
        tuple(refusal for refusal, lets_it in zip(found, lets, strict=True) if lets_it),
    )


def _artifacts_before(run: Run, name: str) -> dict[str, Artifact]:
    """What the earlier stages left, none of them missing, outdated or refused."""
    artifacts: dict[str, Artifact] = {}
    identities: dict[str, str] = {}
    for earlier in stages.before(name):
        stage, record = BY_NAME[earlier], Record.read(run.folder.stage(earlier))
        if record is None:
            raise EdgeGuardError(
                f"Stage {earlier} has not run in run {run.run_id}; run it before {name}."
            )
        if record.inputs["before"] != {need: identities[need] for need in stage.needs}:
            raise EdgeGuardError(
                f"What stage {earlier} made is of an earlier state of run {run.run_id}; run it "
                f"again before {name}."
            )
        artifacts[earlier] = stage.artifact.from_json(run.folder.artifact(earlier))
        identities[earlier] = record.identity
        refusals, _ = _judged(run, stage, artifacts[earlier])
        if refusals:
            raise GateRefused(
                f"Run {run.run_id} was refused at {earlier}: "
                + " ".join(refusal.sentence for refusal in refusals)
            )
    return artifacts


def _worked(
    run: Run, stage: Stage, artifacts: Mapping[str, Artifact], on_progress: OnProgress
) -> tuple[str, Artifact]:
    """The artifact of a stage: as it lies there, as another run made it, or made now."""
    folder = run.folder.stage(stage.name)
    known = Record.read(folder)
    inputs = _inputs(run, stage, artifacts, known)
    fingerprint = _hash(inputs)
    if known is not None and known.fingerprint == fingerprint and known.is_intact(folder):
        return SKIPPED, stage.artifact.from_json(run.folder.artifact(stage.name))
    if stage.is_shared(run.config) and _took_over(run, stage, fingerprint):
        return REUSED, stage.artifact.from_json(run.folder.artifact(stage.name))
    started = run.clock.now().astimezone(UTC).isoformat(timespec="seconds")
    beginning = run.clock.monotonic()
    on_progress(Progress(stage.name, 0.0))
    with run.folder.making(stage.name) as out:
        work = Work(
            config=run.config,
            artifacts=artifacts,
            folder=run.folder.path,
            out=out,
            run_id=run.run_id,
            note=_note(run, artifacts),
            now=run.clock.now,
            on_progress=lambda told: on_progress(replace(told, stage=stage.name)),
        )
        made = stage.artifact.from_json(strict_json.without_nan(stage.work(work).to_json()))
        (out / ARTIFACT).write_bytes(strict_json.dump(made.to_json()))
        record = Record(
            stage=stage.name,
            fingerprint=fingerprint,
            inputs=inputs,
            outputs=outputs_of(out),
            identity=_hash(made.identity),
            run_id=run.run_id,
            started=started,
            seconds=round(run.clock.monotonic() - beginning, 3),
        )
        (out / RECORD).write_bytes(strict_json.dump(record.to_json()))
    return DONE, made


def _inputs(
    run: Run, stage: Stage, artifacts: Mapping[str, Artifact], known: Record | None
) -> dict[str, Any]:
    """All that a stage depends on."""
    found = {
        "settings": run.config.part(*stage.settings),
        "before": {need: _hash(artifacts[need].identity) for need in stage.needs},
        "outside": stage.outside(run.config),
        "code": code_fingerprint(),
    }
    if known is not None and stage.sees_champion:
        champion = stages.champion_of(run.config)
        is_ours = champion is not None and champion.run_id == run.run_id
        if is_ours and {**found, "outside": known.inputs["outside"]} == known.inputs:
            return known.inputs
    return found


def _took_over(run: Run, stage: Stage, fingerprint: str) -> bool:
    """Whether another run did this very work and its result is here now."""
    for other in run_folders(run.config.artifacts)[:_MOST_RUNS_SEARCHED]:
        folder = other.stage(stage.name)
        record = Record.read(folder)
        if other.run_id == run.run_id or record is None or record.fingerprint != fingerprint:
            continue
        with suppress(OSError), run.folder.making(stage.name) as out:
            shutil.copytree(folder, out, dirs_exist_ok=True)
            if not record.is_intact(out):
                raise OSError("another run's files are damaged, so the work is done here")
        if (found := Record.read(run.folder.stage(stage.name))) and found == record:
            return True
    return False


def _note(run: Run, artifacts: Mapping[str, Artifact]) -> str:
    """What the gates refused and somebody accepted, in words for the registry."""
    accepted = run.accepted
    used = {
        refusal.gate
        for name, artifact in artifacts.items()
        for refusal in _judged(run, BY_NAME[name], artifact)[1]
    }
    return "; ".join(
        f"{gate} accepted by {accepted[gate].who}: {accepted[gate].because}"
        for gate in accepted
        if gate in used
    )


def _write_summaries(run: Run, artifacts: Mapping[str, Any]) -> None:
    """The figures so far, and which input made which output."""
    if stages.CONVERT in artifacts:
        figures = metrics(artifacts[stages.EVALUATE], artifacts[stages.CONVERT])
        run.folder.write(METRICS, figures)
    made = {}
    for name in STAGES:
        record = Record.read(run.folder.stage(name))
        if record is not None:
            made[name] = {k: v for k, v in record.to_json().items() if k not in ("format", "stage")}
    lineage = {"run_id": run.run_id, "code": code_version(), "stages": made}
    if stages.TRANSFORM in artifacts and artifacts[stages.TRANSFORM].feedback:
        lineage["feedback"] = artifacts[stages.TRANSFORM].feedback
    run.folder.write(LINEAGE, lineage)


def _hash(value: Any) -> str:
    return sha256_hex(strict_json.dump({"value": strict_json.without_nan(value)}))
