"""Known attacks laid into the traffic of an evaluation: the job, its standing, and what it found.

The attacks are synthetic; one's own flows are counted without them.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import streamlit as st

from dashboard import jobs, reviewing, workspace
from dashboard.evaluations import Evaluated, InForce, Reference
from dashboard.wording import synthetic as words
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.flows.schema import Schema
from edgeguard_core.pipeline.rehearse import read_laid

KIND = "rehearse"


class Standing(StrEnum):
    """Where the attacks of an evaluation stand."""

    IMPOSSIBLE = "impossible"  # such flows take none
    NONE = "none"
    RUNNING = "running"
    ENDED = "ended"  # cancelled or failed, and nothing earlier holds
    STALE = "stale"  # another model scored them
    DONE = "done"


@dataclass(frozen=True)
class Rehearsal:
    """What is known of the attacks laid into an evaluation's traffic.

    Attributes
    ----------
    job, status
        The latest job for this evaluation; None before any.
    laid
        Scores of the attacks by the very model of the evaluation; None where there are none.
    reason
        Why no attack can be laid in, one sentence; None where it can.
    """

    standing: Standing
    job: jobs.Job | None = None
    status: jobs.Status | None = None
    laid: LaidAttacks | None = None
    reason: str | None = None


def of(evaluated: Evaluated, force: InForce) -> Rehearsal:
    """The standing of an evaluation's attacks, read from the jobs' folders.

    Raises
    ------
    SourceError
        If what a job wrote is gone.
    """
    reason = why_not(evaluated, force)
    if reason is not None:
        return Rehearsal(Standing.IMPOSSIBLE, reason=reason)
    tried = [job for job in jobs.all_jobs() if _is_of(job, evaluated.reference)]
    stood = [(job, jobs.status(job)) for job in tried]  # the newest first
    good = next((job for job, now in stood if _is_by(job, now, force.model_sha256)), None)
    laid = None if good is None else _read(good.facts["laid"], _stamp(good))
    mine = next(
        ((job, now) for job, now in stood if job.facts["bundle"] == _bundle(evaluated.reference)),
        None,
    )
    if mine is None or mine[1].state is jobs.State.DONE:
        if laid is not None:
            return Rehearsal(Standing.DONE, good, None if mine is None else mine[1], laid)
        before = any(now.state is jobs.State.DONE for _, now in stood)
        return Rehearsal(Standing.STALE if before else Standing.NONE)
    job, now = mine
    running = not now.state.is_over
    return Rehearsal(Standing.RUNNING if running else Standing.ENDED, job, now, laid)


def why_not(evaluated: Evaluated, force: InForce) -> str | None:
    """Why no attack can be laid into an evaluation's flows; None where it can."""
    if force.schema != Schema.named("flow").name:
        return words.other_schema(force.schema)
    if evaluated.time_ms is None:
        return words.NO_TIMES
    if not evaluated.hosts:
        return words.NO_HOSTS
    return None if evaluated.reference.source.exists() else words.FILE_GONE


def start(reference: Reference) -> jobs.Job:
    """Lay every kind at every strength into the file, judged by the evaluation's bundle."""
    given = reviewing.given_file(reference) or workspace.adopt(reference.source)
    plan = jobs.Plan(KIND, given.id, words.job_title(given.name, reference.bundle.stem))
    laid = str(plan.folder / "laid.parquet")
    plan.facts |= {
        "bundle": _bundle(reference),
        "source": str(reference.source),
        "laid": laid,
    }
    plan.step(
        KIND, str(reference.bundle), str(reference.source), *reference.schema_option,
        "--state", str(reference.state.path), "--out", laid,
    )  # fmt: skip
    return jobs.start(plan)


def _bundle(reference: Reference) -> str:
    return str(reference.bundle)


def _is_of(job: jobs.Job, reference: Reference) -> bool:
    return job.kind == KIND and job.facts.get("source") == str(reference.source)


def _is_by(job: jobs.Job, now: jobs.Status, model_sha256: str) -> bool:
    """Whether a finished job's attacks were scored by that model, and are still there."""
    done = now.state is jobs.State.DONE and bool(now.results)
    by_it = done and now.results[0].get("model_sha256") == model_sha256
    return by_it and Path(job.facts["laid"]).exists()


def _stamp(job: jobs.Job) -> float:
    return Path(job.facts["laid"]).stat().st_mtime_ns


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: str, stamp: float) -> LaidAttacks:
    return read_laid(Path(path))
