"""What a watch counts, and how its process does."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MOST_SECONDS: Final = 3_600
COUNTED: Final = ("flows", "alerts", "dropped", "late", "rejected", "hidden")


@dataclass
class Figures:
    """Counts since the first start, and of the seconds since the last heartbeat.

    Attributes
    ----------
    strip
        Of each second that had flows: its begin in ms, the highest score, flows, alerts.
    lag_s
        The longest from the end of a flow to its verdict, of the last second that had flows;
        None where the flows are not of now.
    """

    counts: Counter[str] = field(default_factory=Counter)
    lag_s: float | None = None
    flows_beat: int = 0
    strip: dict[int, list[float]] = field(default_factory=dict)
    _lag_second: int = -1

    def add(
        self,
        scores: NDArray[np.float32],
        is_alert: NDArray[np.bool_],
        now_ms: float,
        lag_s: float | None,
    ) -> None:
        """Count some flows that were judged now."""
        n, alerts = len(scores), int(np.count_nonzero(is_alert))
        self.counts["flows"] += n
        self.counts["alerts"] += alerts
        self.flows_beat += n
        second = int(now_ms // 1000)
        if lag_s is not None:
            same = second == self._lag_second and self.lag_s is not None
            self.lag_s = max(self.lag_s or 0.0, lag_s) if same else lag_s
            self._lag_second = second
        bar = self.strip.setdefault(second * 1000, [0.0, 0, 0])
        bar[0] = max(bar[0], float(scores.max(initial=0.0)))
        bar[1] += n
        bar[2] += alerts
        while len(self.strip) > _MOST_SECONDS:
            del self.strip[next(iter(self.strip))]

    def take_strip(self) -> list[list[float]]:
        """The seconds since this was asked last."""
        taken = [[second, *bar] for second, bar in sorted(self.strip.items())]
        self.strip = {}
        self.flows_beat = 0
        return taken


def resident_bytes(process: int | None = None) -> int | None:
    """Resident memory of a process and its children; None where the system does not say."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return sum(_pages(each) for each in _tree(process or os.getpid())) * page
    except (OSError, ValueError, AttributeError):
        return None


def _pages(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except FileNotFoundError:  # it ended
        return 0


def _tree(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def disk_free_bytes(folder: Path) -> int | None:
    """Room on the disk of a folder; None where it is not there."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
