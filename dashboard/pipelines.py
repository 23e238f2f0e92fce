"""Configs of the pipeline at hand, runs as the page shows them, and the start of one.

Nothing here draws.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dashboard import jobs, workspace
from edgeguard_core.pipeline.runs import STAGES, Outcome, PipelineConfig, RunReport

KIND: Final = "pipeline"
# The tests put a folder of theirs here.
PROJECT: Path = workspace.PROJECT_ROOT
RUNNING, NOT_REACHED = "running", "not reached"
_IS_CONFIG: Final = re.compile(r"^data\s*:", re.MULTILINE)
_MOST_BYTES: Final = 200_000  # of a config; a longer file is none
_MOST_LOG_LINES: Final = 200


def configs() -> list[Path]:
    """Configs of the work folder, then those of the project: YAML files that say ``data``."""
    found = [
        path
        for folder in (workspace.root(), PROJECT)
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    ]
    return [path for path in found if _is_config(path)]


def _is_config(path: Path) -> bool:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return False
        return _IS_CONFIG.search(path.read_text("utf-8", errors="replace")) is not None
    except OSError:
        return False


@dataclass(frozen=True)
class Accepting:
    """Gates whose refusal somebody lets be, and why."""

    gates: tuple[str, ...]
    because: str
    who: str

    def options(self) -> tuple[str, ...]:
        """Those of the command.

        >>> Accepting(("drift",), "a new office", "ann").options()
        ('--accept', 'drift', '--because', 'a new office', '--who', 'ann')
        """
        gates = (part for gate in self.gates for part in ("--accept", gate))
        return (*gates, "--because", self.because, "--who", self.who)


def start(
    config: PipelineConfig, run_id: str | None = None, accepting: Accepting | None = None
) -> jobs.Job:
    """Start a run of a config, or go on with the run of that id, as a job."""
    accepted = () if accepting is None else accepting.options()
    run_id = run_id or _new_run_id(config.artifacts)
    file = config.file.resolve()
    plan = jobs.Plan(
        KIND,
        "",
        f"Run {run_id} of {file.name}",
        {"run": run_id, "config": str(file), "artifacts": str(config.artifacts)},
    )
    return jobs.start(plan.step("pipeline", "run", str(file), "--run-id", run_id, *accepted))


def is_of(run: RunReport, config: PipelineConfig) -> bool:
    """Whether a run was begun by this very config."""
    return run.config == str(config.file.absolute())


def _new_run_id(artifacts: Path) -> str:
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return name if not (artifacts / name).exists() else f"{name}-{workspace.new_id()}"


def job_of(config: PipelineConfig) -> jobs.Job | None:
    """The latest job that ran this config; None before the first."""
    file = str(config.file.resolve())
    for job in jobs.all_jobs():
        if job.kind == KIND and job.facts["config"] == file:
            return job
    return None


@dataclass(frozen=True)
class Turn:
    """A stage in the row of a run."""

    stage: str
    status: str  # that of its outcome, 'running' or 'not reached'
    seconds: float | None = None  # None where it has not ended


def turns(outcomes: Sequence[Outcome], *, is_running: bool) -> list[Turn]:
    """All stages in their order; of a run that is worked on, the first without an end runs.

    >>> row = turns([Outcome("ingest", "done", seconds=0.1)], is_running=True)
    >>> [turn.status for turn in row][:3]
    ['done', 'running', 'not reached']
    """
    ended = {outcome.stage: outcome for outcome in outcomes}
    row: list[Turn] = []
    for name in STAGES:
        if name in ended:
            row.append(Turn(name, ended[name].status, ended[name].seconds))
        else:
            row.append(Turn(name, RUNNING if is_running else NOT_REACHED))
            is_running = False
    return row


def lineage(run: RunReport) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each stage that has a record, and which code made them; empty before the first."""
    told = workspace.read_json(run.folder / "lineage.json") or {}
    records = told.get("stages") or {}
    rows = [
        {
            "stage": name,
            "from": ", ".join((record.get("inputs") or {}).get("before") or {}),
            "made_by": record.get("run_id"),
            "started": record.get("started"),
            "files": len(record.get("outputs") or {}),
            "identity": str(record.get("identity") or "")[:12],
        }
        for name in STAGES
        if (record := records.get(name))
    ]
    return rows, told.get("code") or {}


def log_lines(run: RunReport) -> list[str]:
    """The end of the log that people read."""
    try:
        text = (run.folder / "log.txt").read_text("utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-_MOST_LOG_LINES:]


@dataclass(frozen=True)
class Moved:
    """How far the flows of a run had moved against the champion of its day."""

    run_id: str
    champion: int
    drifted_share: float  # of the measured features
    score_shift: float | None  # 0 to 1; None where the report holds none
    verdict: str


def moved(runs: Sequence[RunReport]) -> list[Moved]:
    """The runs that were held against a champion, the oldest first.

    Raises
    ------
    SourceError
        If what a run left is damaged.
    """
    found = []
    for run in reversed(runs):
        drift = run.artifact("drift")
        if drift is None or drift.champion is None or not drift.features:
            continue
        report = workspace.read_json(run.folder / "drift" / "report.json") or {}
        share = len(drift.drifted) / drift.features
        shift = report.get("score_shift")
        found.append(Moved(run.run_id, drift.champion, share, shift, drift.verdict))
    return found
