"""Verdicts on their way to a training: written in the work folder, and found there again.

Nothing here draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard import reviewing, workspace
from edgeguard_core.detection.feedback import (
    ENDING,
    Feedback,
    feedback_of,
    read_feedback,
    write_feedback,
)
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.runs import PipelineConfig
from edgeguard_core.sources import expand

ROOM = "feedback"
_DIGITS = 8  # of the fingerprint: files of one name stay apart


def path_of(now: reviewing.Triage) -> Path:
    """Where the verdicts on an evaluation's file are written."""
    name = now.evaluated.reference.source.name.partition(".")[0]
    return workspace.room(ROOM) / f"{name}-{now.material.source[:_DIGITS]}{ENDING}"


def can_hand_on(now: reviewing.Triage) -> bool:
    """Whether the judged file is still there: without it nobody can say which it was."""
    return now.evaluated.reference.source.is_file()


def hand_on(now: reviewing.Triage) -> Path:
    """The feedback file with the verdicts in force on an evaluation's file.

    Raises
    ------
    EdgeGuardError
        If nothing is decided about it, or the file cannot be written.
    """
    source = now.evaluated.reference.source.name
    said = feedback_of(reviewing.store(), now.material.source, source, reviewing.clock())
    path = path_of(now)
    write_feedback(path, said)
    return path


def handed_on(now: reviewing.Triage) -> Feedback | None:
    """What was handed on before about an evaluation's file; None where nothing was."""
    path = path_of(now)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, EdgeGuardError):
        return None


def is_current(now: reviewing.Triage, said: Feedback) -> bool:
    """Whether what was handed on is what is decided now."""
    decided = reviewing.store().verdicts(now.material.source)
    return decided == {each.flow.row: each.verdict for each in said.judgements}


@dataclass(frozen=True)
class AtHand:
    """A feedback file, and whether a config uses it; ``problem`` where it cannot be read."""

    path: Path
    is_used: bool
    said: Feedback | None
    problem: str | None = None


def at_hand(config: PipelineConfig) -> list[AtHand]:
    """Feedback files of the work folder and those that a config names, by name."""
    used = {path.resolve(): path for path in _named(config.feedback.files)}
    written = workspace.room(ROOM).glob(f"*{ENDING}")
    found = {path.resolve(): path for path in written} | used
    listed = sorted(found.items(), key=lambda pair: pair[1].name)
    return [_at_hand(path, resolved in used) for resolved, path in listed]


def to_name_it(path: Path, config: PipelineConfig) -> str:
    """A path as a config names it: from its own folder where it lies below that."""
    home = config.file.resolve().parent
    resolved = path.resolve()
    return str(resolved.relative_to(home)) if resolved.is_relative_to(home) else str(resolved)


def _named(files: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        try:
            found += expand([path])
        except EdgeGuardError:  # an empty folder; the run says so
            continue
    return found


def _at_hand(path: Path, is_used: bool) -> AtHand:
    try:
        return AtHand(path, is_used, _read(path, path.stat().st_mtime_ns))
    except OSError:
        return AtHand(path, is_used, None, f"There is no {path}; check the config.")
    except EdgeGuardError as error:
        return AtHand(path, is_used, None, str(error))


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(path: Path, stamp: int) -> Feedback:
    return read_feedback(path)
