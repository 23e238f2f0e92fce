"""How far a job is, as the command wrote it line by line, and how long it will still take."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

MOST_BYTES = 2_000_000  # read of a progress file; some 15,000 reports
MOST_MESSAGES = 12
_RECENT_REPORTS = 20  # the speed is taken from these, so that it follows a busier machine


@dataclass(frozen=True)
class Reported:
    """What the lines of a progress file say together."""

    stage: str = ""  # 'read' | 'train' | … as the command reports it
    done: float = 0.0  # share of the stage, 0 to 1
    message: str = ""
    losses: tuple[float, ...] = ()
    loss_steps: tuple[int, ...] = ()  # the step of each loss
    loss_seconds: tuple[float, ...] = ()  # when each was reported, since the command began
    steps: int | None = None  # of the training altogether
    messages: tuple[str, ...] = ()  # the last ones


def read(files: Sequence[Path]) -> Reported:
    """What the progress files of a job's steps say, the last one being where it is now.

    Losses come from whichever step trained.
    """
    found = [_of_lines(_end_of(path).splitlines()) for path in files]
    if not found:
        return Reported()
    trained = next((one for one in reversed(found) if one.losses), found[-1])
    return replace(
        found[-1],
        losses=trained.losses,
        loss_steps=trained.loss_steps,
        loss_seconds=trained.loss_seconds,
        steps=trained.steps,
        messages=tuple(said for one in found for said in one.messages)[-MOST_MESSAGES:],
    )


def _of_lines(lines: Sequence[str]) -> Reported:
    last: dict[str, Any] = {}
    trained: list[dict[str, Any]] = []
    messages: list[str] = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:  # a line that is being written, or was cut at its beginning
            continue
        if not isinstance(record, dict):
            continue
        last = record
        if record.get("message") and record["message"] not in messages[-1:]:
            messages.append(str(record["message"]))
        if isinstance(record.get("loss"), int | float):
            trained.append(record)
    return Reported(
        stage=str(last.get("stage", "")),
        done=min(max(float(last.get("done") or 0.0), 0.0), 1.0),
        message=str(last.get("message") or ""),
        losses=tuple(float(record["loss"]) for record in trained),
        loss_steps=tuple(
            int(record.get("step") or number) for number, record in enumerate(trained, start=1)
        ),
        loss_seconds=tuple(float(record.get("seconds") or 0.0) for record in trained),
        steps=int(trained[-1]["steps"]) if trained and trained[-1].get("steps") else None,
        messages=tuple(messages[-MOST_MESSAGES:]),
    )


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - MOST_BYTES, 0))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def seconds_left(steps: Sequence[int], seconds: Sequence[float], last_step: int) -> float | None:
    """How long the steps that are left will take at the speed of the latest ones.

    None before there are two reports, and where no time passed between them.

    Parameters
    ----------
    steps
        Step of each report, rising.
    seconds
        When it came; same length.

    Examples
    --------
    >>> seconds_left([50, 100, 150], [10.0, 11.0, 12.0], 400)
    5.0
    >>> seconds_left([50], [10.0], 400) is None
    True
    """
    recent = slice(-_RECENT_REPORTS, None)
    done, at = list(steps)[recent], list(seconds)[recent]
    if len(done) < 2 or at[-1] <= at[0] or done[-1] <= done[0]:
        return None
    speed = (done[-1] - done[0]) / (at[-1] - at[0])
    return max(last_step - done[-1], 0) / speed


def thinned(losses: Sequence[float], steps: Sequence[int], most: int) -> list[tuple[int, float]]:
    """At most so many points of a curve: means of neighbours, at the last step of each.

    The last point is always the last loss itself.

    Examples
    --------
    >>> thinned([4.0, 2.0, 1.0, 1.0, 0.5], [1, 2, 3, 4, 5], 3)
    [(2, 3.0), (4, 1.0), (5, 0.5)]
    >>> thinned([4.0, 2.0], [1, 2], 3)
    [(1, 4.0), (2, 2.0)]
    """
    if len(losses) <= most:
        return list(zip(steps, losses, strict=True))
    together = -(-(len(losses) - 1) // (most - 1))
    points = []
    for first in range(0, len(losses) - 1, together):
        some = slice(first, min(first + together, len(losses) - 1))
        points.append((steps[some.stop - 1], sum(losses[some]) / (some.stop - some.start)))
    return [*points, (steps[-1], losses[-1])]
