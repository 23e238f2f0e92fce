"""A lock between processes that goes with the process that holds it."""

import fcntl
import os
from pathlib import Path
from typing import Final

from edgeguard_core.clock import Clock

_LOOK_AGAIN_S: Final = 0.05


def take(path: Path) -> int | None:
    """The descriptor of a lock; None where another process holds it. Closing it lets go.

    Raises
    ------
    OSError
        If its file cannot be made, or the disk knows no locks.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "x.lock"
    >>> mine = take(path)
    >>> take(path) is None
    True
    >>> os.close(mine)
    """
    guard = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(guard)
        return None
    except OSError:
        os.close(guard)
        raise
    return guard


def take_within(path: Path, clock: Clock, wait_s: float) -> int | None:
    """The same, waited for; None where another process holds it for longer than ``wait_s``."""
    until = clock.monotonic() + wait_s
    while (guard := take(path)) is None and clock.monotonic() < until:
        clock.sleep(_LOOK_AGAIN_S)
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
