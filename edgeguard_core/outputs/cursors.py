"""How far each sink has come in the spool, one small file a sink, written whole."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from edgeguard_core.files import write_whole

_PREFIX = "cursor-"


@dataclass
class Cursor:
    """The number of the next record that a sink gets, and how many it never got."""

    next: int
    lost: int = 0


def load(folder: Path, sink: str) -> Cursor | None:
    """The cursor of a sink; None where it has none, or its file is damaged."""
    try:
        content = json.loads(_path(folder, sink).read_bytes())
        return Cursor(int(content["next"]), int(content["lost"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(folder: Path, sink: str, cursor: Cursor) -> None:
    """The cursor on disk, safe when this returns.

    Raises
    ------
    OutputError
        If the disk is full or read-only.
    """
    content = {"sink": sink, "next": cursor.next, "lost": cursor.lost}
    write_whole(_path(folder, sink), json.dumps(content) + "\n")


def highest(folder: Path) -> int:
    """The furthest that any sink has come, also one that is no longer configured; at least 1."""
    found = 1
    for path in folder.glob(f"{_PREFIX}*.json"):
        try:
            found = max(found, int(json.loads(path.read_bytes())["next"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def forget_others(folder: Path, sinks: list[str]) -> None:
    """Remove the cursors of sinks that are no longer configured: nothing is kept for them."""
    kept = {_path(folder, sink) for sink in sinks}
    for path in folder.glob(f"{_PREFIX}*.json"):
        if path not in kept:
            path.unlink(missing_ok=True)


def _path(folder: Path, sink: str) -> Path:
    return folder / f"{_PREFIX}{hashlib.sha256(sink.encode()).hexdigest()[:16]}.json"
