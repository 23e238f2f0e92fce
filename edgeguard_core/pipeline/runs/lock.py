"""A lock between processes that goes with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError

_LOOK_AGAIN_S = 0.05


def taken(path: Path) -> int | None:
    """The descriptor of a lock; None where another process holds it. Closing it lets go.

    Raises
    ------
    OutputError
        If its file cannot be made.
    """
    try:
        guard = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path.parent}: {error.strerror}; choose a folder that you may write."
        ) from error
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(guard)
        return None
    return guard


def is_taken(path: Path) -> bool:
    """Whether a process holds the lock now; looking leaves no trace.

    >>> is_taken(Path("there/is/no/such.lock"))
    False
    """
    try:
        guard = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(guard)
    return False


@contextmanager
def locked(path: Path, clock: Clock, wait_s: float) -> Iterator[None]:
    """Nobody else holds the lock until the block ends.

    Raises
    ------
    OutputError
        If another process holds it for longer than ``wait_s``, in seconds.
    """
    until = clock.monotonic() + wait_s
    while (guard := taken(path)) is None:
        if clock.monotonic() >= until:
            raise OutputError(
                f"{path.parent} is being worked on by another process; wait for its end, and try "
                "again."
            )
        clock.sleep(_LOOK_AGAIN_S)
    try:
        yield
    finally:
        os.close(guard)
