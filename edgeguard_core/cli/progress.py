"""Progress of a verb: a bar on the terminal, JSON lines in a file, or both."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from edgeguard_core.errors import OutputError

if TYPE_CHECKING:
    from edgeguard_core.pipeline.progress import OnProgress, Progress

_TITLES = {
    "read": "Reading",
    "train": "Learning",
    "convert": "Converting",
    "calibrate": "Calibrating",
    "score": "Scoring",
    "write": "Writing",
    "ingest": "Ingesting",
    "validate": "Validating",
    "drift": "Drift",
    "transform": "Transforming",
    "evaluate": "Evaluating",
    "register": "Registering",
}


@contextmanager
def watched(
    json: bool, path: Path | None, clock: Callable[[], float] = time.monotonic
) -> "Iterator[OnProgress]":
    """A progress callback for a verb; a failure is the last line of the file.

    The bar shows only to a person: on a terminal, and without ``--json``. Lines about training
    also say how many ``seconds`` passed since the verb began, by ``clock``.
    """
    with _file(path, clock) as note, _bar(shown=not json and sys.stderr.isatty()) as draw:

        def report(step: "Progress") -> None:
            note(step.stage, step.done, step.message, step.loss, step.step, step.steps)
            draw(step)

        try:
            yield report
        except KeyboardInterrupt:
            note("failed", 0.0, "Cancelled; nothing was written.", None)
            raise
        except Exception as error:
            note("failed", 0.0, str(error), None)
            raise
        note("done", 1.0, "Done", None)


@contextmanager
def _file(path: Path | None, clock: Callable[[], float]) -> Iterator[Any]:
    if path is None:
        yield lambda *_: None
        return
    try:
        stream: TextIO = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}; name another --progress."
        ) from error
    with stream:
        started = clock()

        def note(
            stage: str,
            done: float,
            message: str,
            loss: float | None,
            step: int | None = None,
            steps: int | None = None,
        ) -> None:
            known = None if loss is None or not math.isfinite(loss) else loss
            line = {"stage": stage, "done": round(done, 4), "message": message, "loss": known}
            if step is not None:
                line |= {"step": step, "steps": steps, "seconds": round(clock() - started, 3)}
            stream.write(json.dumps(line, allow_nan=False) + "\n")

        yield note


@contextmanager
def _bar(*, shown: bool) -> Iterator[Any]:
    if not shown:
        yield lambda _: None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description:<12}"),
        rich_progress.BarColumn(bar_width=30),
        rich_progress.TextColumn("{task.percentage:>3.0f} %"),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def draw(step: "Progress") -> None:
            title = _TITLES.get(step.stage, step.stage)
            if title not in tasks:
                for other in tasks.values():
                    bars.update(other, visible=False)
                tasks[title] = bars.add_task(title, total=1.0, note="")
            bars.update(tasks[title], completed=step.done, note=step.message)

        yield draw
