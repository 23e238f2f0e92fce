"""Memory and processor time of a process and all that it started, read from /proc."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all that it started, directly or not; those that have ended are left out."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(descendant for child in children for descendant in family(child))]


def memory(pid: int) -> tuple[int, int]:
    """Resident memory now and its highest so far, in bytes; (0, 0) once the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    kilobytes = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in lines)
        if name in ("VmRSS", "VmHWM")
    }
    return kilobytes.get("VmRSS", 0) * 1024, kilobytes.get("VmHWM", 0) * 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its living descendants took so far."""
    total = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])  # utime, stime
    return total / _TICKS_PER_S


class MemoryWatch(threading.Thread):
    """Resident memory of a process and its descendants, looked at until told to stop.

    ``samples`` holds pairs of seconds since the start and bytes of the whole tree, at most one
    each ``keep_every_s``.
    """

    def __init__(self, pid: int, every_s: float = 0.02, keep_every_s: float = 1.0) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.every_s = every_s
        self.keep_every_s = keep_every_s
        self.peak_tree_bytes = 0
        self.peak_process_bytes = 0
        self.samples: list[tuple[float, int]] = []
        self._done = threading.Event()

    def run(self) -> None:
        started = time.monotonic()
        while not self._done.wait(self.every_s):
            now = [memory(pid) for pid in family(self.pid)]
            tree = sum(resident for resident, _ in now)
            self.peak_tree_bytes = max(self.peak_tree_bytes, tree)
            self.peak_process_bytes = max([self.peak_process_bytes, *(high for _, high in now)])
            since = time.monotonic() - started
            if tree and (not self.samples or since - self.samples[-1][0] >= self.keep_every_s):
                self.samples.append((since, tree))

    def stop(self) -> None:
        self._done.set()
        self.join()
