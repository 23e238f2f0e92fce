"""The lock of a run's folder: one process works on it at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline import file_lock
from edgeguard_core.pipeline.file_lock import is_taken

__all__ = ["is_taken", "locked", "taken"]


def taken(path: Path) -> int | None:
    """The descriptor of a lock; None where another process holds it. Closing it lets go.

    Raises
    ------
    OutputError
        If its file cannot be made.
    """
    try:
        return file_lock.take(path)
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextmanager
def locked(path: Path, clock: Clock, wait_s: float) -> Iterator[None]:
    """Nobody else holds the lock until the block ends.

    Raises
    ------
    OutputError
        If another process holds it for longer than ``wait_s``, in seconds, or its file cannot be
        made.
    """
    try:
        guard = file_lock.take_within(path, clock, wait_s)
    except OSError as error:
        raise _cannot_write(path, error) from error
    if guard is None:
        raise OutputError(
            f"{path.parent} is being worked on by another process; wait for its end, and try again."
        )
    try:
        yield
    finally:
        os.close(guard)


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write {path.parent}: {error.strerror}; choose a folder that you may write."
    )
