"""Long work as child processes that survive a reload and can be cancelled.

A job is a folder: ``job.json`` (what was asked), ``process.json`` (who carries it),
``progress-N.jsonl`` and ``out-N.json`` of each step, ``log.txt`` (stderr of all),
``cancelled`` (somebody pressed cancel) and ``finished.json`` (how it ended). What a
page shows is read from there, so any session, at any time, can attach again.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from dashboard import job_progress, worker, workspace
from dashboard.job_progress import Reported
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import write_whole

# The tests put a stand-in here; every step of a job starts with it.
COMMAND: tuple[str, ...] = (sys.executable, "-m", "edgeguard_core.cli")
GRACE_SECONDS = 10.0  # between asking a job to stop and killing it
LEARNING = ("learn", "train")  # kinds of which one may run at a time
SCORING = (*LEARNING, "score", "calibrate")  # kinds that leave scored flows
_TAIL_BYTES = 65_536
_ANSWER_SECONDS = 120.0
_MARK = "edgeguard:"  # what the command puts before its error line
_USER_ERRORS = (2, 3)  # bad input, a gate refused: the last line is meant for people

# Children of this server, so that they can be waited for and leave no zombies.
_children: dict[str, "subprocess.Popen[bytes]"] = {}


class State(StrEnum):
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"

    @property
    def is_over(self) -> bool:
        return self in (State.CANCELLED, State.FAILED, State.DONE)


@dataclass(frozen=True)
class Job:
    """What was asked for."""

    id: str
    kind: str  # 'inspect' | 'learn' | 'train' | 'score' | 'rehearse' …
    file_id: str
    title: str
    created: str  # ISO, UTC
    steps: tuple[tuple[str, ...], ...]
    # Paths of what comes out: bundle, scores, rejected; made, which goes when it is cancelled.
    facts: dict[str, str]

    @property
    def folder(self) -> Path:
        return workspace.room("jobs") / self.id

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"


@dataclass(frozen=True)
class Status:
    """How far it is."""

    state: State
    step: int = 0  # which of the steps, from 0
    reported: Reported = field(default_factory=Reported)
    results: tuple[dict[str, Any], ...] = ()  # one JSON object a finished step
    error: str | None = None  # one sentence; None when there is nothing to tell a person

    @property
    def stage(self) -> str:
        return self.reported.stage

    @property
    def done(self) -> float:
        return self.reported.done


@dataclass
class Plan:
    """Steps to be run, each a verb of the command with its arguments."""

    kind: str
    file_id: str
    title: str
    facts: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=workspace.new_id)
    verbs: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return workspace.room("jobs") / self.id

    def step(self, *arguments: str) -> "Plan":
        self.verbs.append(arguments)
        return self

    def steps(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (*COMMAND, *verb, "--json", "--progress", str(self.folder / f"progress-{n}.jsonl"))
            for n, verb in enumerate(self.verbs)
        )


def start(plan: Plan) -> Job:
    """Write the job down and let a process of its own carry it."""
    created = datetime.now(UTC).isoformat(timespec="milliseconds")
    job = Job(plan.id, plan.kind, plan.file_id, plan.title, created, plan.steps(), dict(plan.facts))
    job.folder.mkdir(mode=0o700)
    write_whole(
        job.folder / "job.json",
        json.dumps(
            {
                "kind": job.kind,
                "file_id": job.file_id,
                "title": job.title,
                "created": job.created,
                "steps": [list(step) for step in job.steps],
                "facts": job.facts,
            }
        ),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.worker", str(job.folder)],
        cwd=workspace.PROJECT_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C on the server leaves a model in the making alone
    )
    _children[job.id] = process
    write_whole(
        job.folder / "process.json",
        json.dumps({"pid": process.pid, "started": _start_of(process.pid)}),
    )
    return job


def find(job_id: object) -> Job | None:
    """A job by its name, or None when it is gone."""
    if not workspace.is_id(job_id):
        return None
    facts = workspace.read_json(workspace.room("jobs") / str(job_id) / "job.json")
    if facts is None:
        return None
    return Job(
        str(job_id),
        facts["kind"],
        facts["file_id"],
        facts["title"],
        facts["created"],
        tuple(tuple(step) for step in facts["steps"]),
        facts["facts"],
    )


def all_jobs() -> list[Job]:
    """Every job on disk, newest first."""
    found = (find(folder.name) for folder in workspace.room("jobs").iterdir())
    return sorted(
        (job for job in found if job is not None), key=lambda job: job.created, reverse=True
    )


def newest(kinds: tuple[str, ...], file_id: str | None = None) -> Job | None:
    """The latest job of some kinds, of one file or of any."""
    for job in all_jobs():
        if job.kind in kinds and file_id in (None, job.file_id):
            return job
    return None


def running(*kinds: str) -> Job | None:
    """A job of one of these kinds that is not over yet."""
    for job in all_jobs():
        if job.kind in kinds and not status(job).state.is_over:
            return job
    return None


def newest_result() -> tuple[Job, Status] | None:
    """The latest job whose scored flows are there to be shown; those of the demo are not news."""
    for job in all_jobs():
        given = workspace.find(job.file_id)
        if given is not None and given.is_sample:
            continue
        if "scores" in job.facts and Path(job.facts["scores"]).exists():
            now = status(job)
            if now.state is State.DONE:
                return job, now
    return None


def status(job: Job) -> Status:
    """Where a job stands, read from its folder."""
    alive = _alive(job)
    # Read after the question above: whoever died before it had written this already.
    finished = workspace.read_json(job.folder / "finished.json")
    cancelled = (job.folder / "cancelled").exists()
    step = _current_step(job) if finished is None else int(finished["step"])
    reported = job_progress.read(
        [job.folder / f"progress-{n}.jsonl" for n in range(step + 1) if n < len(job.steps)]
    )
    if finished is None and alive:
        return Status(State.CANCELLING if cancelled else State.RUNNING, step, reported)
    if finished is not None and finished["status"] == 0:
        results = tuple(
            workspace.read_json(job.folder / f"out-{n}.json") or {} for n in range(len(job.steps))
        )
        return Status(State.DONE, step, reported, results)
    if cancelled:
        return Status(State.CANCELLED, step, reported)
    code = None if finished is None else int(finished["status"])
    error = _last_line(job.log) if code in _USER_ERRORS else None
    return Status(State.FAILED, step, reported, error=error)


def cancel(job: Job) -> None:
    """Ask a job to stop, and kill it after a grace. Returns at once."""
    if status(job).state.is_over:
        return
    write_whole(job.folder / "cancelled", "")
    _signal_group(job, signal.SIGTERM)
    timer = threading.Timer(GRACE_SECONDS, kill, (job,))
    timer.daemon = True
    timer.start()


def kill(job: Job) -> None:
    """End a job that did not stop when asked to, and delete what it had made so far."""
    if status(job).state.is_over:
        return
    _signal_group(job, signal.SIGKILL)
    child = _children.get(job.id)
    if child is not None:
        child.wait(GRACE_SECONDS)
    worker.discard(job.facts)


def wait(job: Job, timeout_s: float) -> Status:
    """Wait for a job that this process started; for scripts and tests."""
    child = _children.get(job.id)
    if child is not None:
        child.wait(timeout_s)
    return status(job)


def ask(*arguments: str) -> dict[str, Any]:
    """The JSON answer of a verb that takes a moment.

    Raises
    ------
    EdgeGuardError
        If the command refuses; the message is its own sentence.
    """
    answer = subprocess.run(
        [*COMMAND, *arguments, "--json"],
        cwd=workspace.PROJECT_ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_ANSWER_SECONDS,
        check=False,
    )
    if answer.returncode in _USER_ERRORS:
        raise EdgeGuardError(_sentence(answer.stderr) or "The command gave no reason.")
    if answer.returncode != 0:
        raise RuntimeError(f"{arguments[0]} exited {answer.returncode}: {answer.stderr}")
    told = json.loads(answer.stdout)
    if not isinstance(told, dict):
        raise RuntimeError(f"{arguments[0]} answered no JSON object")
    return told


def forget(job: Job) -> None:
    """Cancel a job where needed, and delete what it wrote (bundles stay)."""
    cancel(job)
    shutil.rmtree(job.folder, ignore_errors=True)


def _signal_group(job: Job, number: signal.Signals) -> None:
    process = workspace.read_json(job.folder / "process.json")
    if process is None or not _alive(job):
        return
    try:
        os.killpg(int(process["pid"]), number)
    except ProcessLookupError:
        return


def _alive(job: Job) -> bool:
    child = _children.get(job.id)
    if child is not None:
        return child.poll() is None
    process = workspace.read_json(job.folder / "process.json")
    if process is None:
        return False
    # A number that the system gave to somebody else meanwhile started at another time.
    return process["started"] is not None and _start_of(int(process["pid"])) == process["started"]


def _start_of(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _start_from_ps(pid)
    state, *rest = fields.rsplit(")", 1)[1].split()
    return None if state in ("Z", "X") else rest[18]


def _start_from_ps(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    answer = subprocess.run(  # macOS has no /proc
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def _current_step(job: Job) -> int:
    return max(
        (n for n in range(len(job.steps)) if (job.folder / f"out-{n}.json").exists()), default=0
    )


def log_tail(job: Job, lines: int) -> list[str]:
    """The last lines that a job's commands wrote to stderr."""
    return _tail(job.log).splitlines()[-lines:]


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _last_line(path: Path) -> str | None:
    return _sentence(_tail(path))


def _sentence(stderr: str) -> str | None:
    """The one line that a refusing command leaves last, without its mark."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return None
    return lines[-1].removeprefix(_MARK).strip()
