"""The demo of the Live page: a child process that replays an office, and attacks on demand.

It is a job like others (jobs.py), so it outlives a reload and can be stopped; it also ends by
itself once nobody has looked for half an hour.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard import jobs, workspace
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.store_reading import StoredAlert, StoredIncident

KIND = "live"
SPEEDS = {"Calm": 60.0, "Lively": 150.0, "Busy": 300.0}  # seconds of the office in one
_TOUCH_S = 20.0  # how often a look is noted
_MOST_ANSWER_BYTES = 262_144
_TOLD_ALONE = 20
_EARLY_MS = 1_000.0  # an alert's flow may begin so long before the attack was told of


@dataclass(frozen=True)
class Sent:
    """An attack that somebody asked for."""

    id: str
    attack: str
    strength: str
    sent_ms: float


@dataclass(frozen=True)
class Answer:
    """What the replay said of it: when it began and between whom, or why it did not."""

    id: str
    flows: int = 0
    began_ms: float = 0.0
    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    error: str | None = None


def folder_of(job: jobs.Job) -> Path:
    """Where the demo keeps its store and takes its commands."""
    return Path(job.facts["live"])


def store_url(job: jobs.Job) -> str:
    """The address of the demo's store."""
    return f"sqlite:///{folder_of(job) / 'alerts.sqlite'}"


def latest() -> jobs.Job | None:
    """The demo that runs, or the one that ran last."""
    return jobs.newest((KIND,))


def start() -> jobs.Job:
    """Start the demo, or find the one that runs; an earlier one's store goes."""
    running = jobs.running(KIND)
    if running is not None:
        return running
    for old in jobs.all_jobs():
        if old.kind == KIND:
            jobs.forget(old)
    plan = jobs.Plan(KIND, "", "Live demo")
    folder = plan.folder / "live"
    plan.facts["live"] = str(folder)
    return jobs.start(plan.step("demo", "--live", str(folder)))


def command(job: jobs.Job, **said: object) -> None:
    """Tell the demo to do something.

    Raises
    ------
    OutputError
        If its folder cannot be written.
    """
    folder = folder_of(job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "commands.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
    except OSError as error:
        raise OutputError(
            f"The demo cannot be told anything ({error.strerror}): free some space in {folder}."
        ) from error


def attack(job: jobs.Job, kind: str, strength: str, now_ms: float) -> Sent:
    """Ask for an attack; what was sent.

    Raises
    ------
    OutputError
        If the demo's folder cannot be written.
    """
    sent = Sent(workspace.new_id(), kind, strength, now_ms)
    command(job, id=sent.id, attack=kind, strength=strength, at=now_ms)
    return sent


def answer_to(job: jobs.Job, sent: Sent) -> Answer | None:
    """What the demo said to an attack; None before it did."""
    try:
        with (folder_of(job) / "answers.jsonl").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - _MOST_ANSWER_BYTES, 0))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        found = _answer(line)
        if found is not None and found.id == sent.id:
            return found
    return None


def _answer(line: bytes) -> Answer | None:
    try:
        said: dict[str, Any] = json.loads(line)
        return Answer(
            str(said["id"]),
            int(said.get("flows", 0)),
            float(said.get("began_ms", 0.0)),
            frozenset(said.get("sources", ())),
            frozenset(said.get("targets", ())),
            said.get("error"),
        )
    except (ValueError, TypeError, KeyError):  # half a line, while it is written
        return None


def first_alert(answer: Answer, alerts: Sequence[StoredAlert]) -> StoredAlert | None:
    """The alert on an attack's flows that arrived first, of those at hand."""
    mine = (
        alert
        for alert in alerts
        if alert.time_ms >= answer.began_ms - _EARLY_MS
        and alert.src_ip in answer.sources
        and alert.dst_ip in answer.targets
    )
    return min(mine, key=lambda alert: alert.place, default=None)


def joined(answer: Answer, incidents: Sequence[StoredIncident]) -> StoredIncident | None:
    """The incident that an attack's flows joined without a line of their own.

    Of an incident only the first alerts are told one by one: an attack on a host that was
    attacked just before in the same way lets that incident grow.
    """
    ends = answer.sources | answer.targets
    return next(
        (
            one
            for one in incidents
            if one.last_ms >= answer.began_ms and one.alerts > _TOLD_ALONE and one.host in ends
        ),
        None,
    )


def note_viewer(job: jobs.Job) -> None:
    """Let the demo know that somebody looks."""
    path = folder_of(job) / "viewer"
    try:
        if not path.exists() or time.time() - path.stat().st_mtime > _TOUCH_S:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    except OSError:
        return
