"""``edgeguard demo``: what the tool does, shown on traffic that ships with it."""

import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import percent, print_json
from edgeguard_core.cli.progress import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from edgeguard_core.pipeline.demo import Demonstration, Episode

SUMMARY = "Show verdicts on sample traffic, nothing needed."
EXAMPLE = "Example: edgeguard demo --out scored.parquet"

_PIPE_WIDTH = 80
_MOST_WIDTH = 100
_BENIGN, _ATTACK = "#56B4E9", "#E69F00"
_STEPS_BELOW = 6  # rows below the threshold; lower scores share one more


def command(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the scored flows, too: a .parquet or .csv file."),
    ] = None,
    live: Annotated[
        Path | None,
        typer.Option("--live", hidden=True, help="Replay an office into this folder's store."),
    ] = None,
    json: options.Json = False,
    progress: options.ProgressFile = None,
) -> None:
    """Score the sample traffic that ships with EdgeGuard by the demo bundle that ships with it.

    An office's Tuesday with seven attacks, all synthesised; the bundle learned the Monday.
    Nothing is trained, and no network is needed.
    """
    if live is not None:
        _replay(live, json, progress)
        return
    from edgeguard_core.pipeline.demo import demonstrate

    with watched(json, progress) as on_progress:
        done = demonstrate(out=out, on_progress=on_progress)
    if json:
        print_json(done.to_json())
    else:
        _show(done)


def _replay(folder: Path, json: bool, progress: Path | None) -> None:
    """The replay of the Live page, until it is stopped or nobody looks any more."""
    import signal

    from edgeguard_core.pipeline.live_demo import run_live_demo

    def stoppable(stop: "Callable[[], None]") -> None:
        signal.signal(signal.SIGTERM, lambda *_: stop())

    with watched(json, progress):
        done = run_live_demo(folder, on_ready=stoppable)
    if json:
        print_json(done.to_json())


def _show(done: "Demonstration") -> None:
    from rich.console import Console
    from rich.padding import Padding

    width = Console().width if sys.stdout.isatty() else _PIPE_WIDTH
    screen = Console(width=min(width, _MOST_WIDTH), highlight=False, markup=False)
    # Kept and printed at once: rich would end the process where a pipe is closed.
    with screen.capture() as lines:
        screen.print("Demo: a synthesised office. A model of its Monday judges its Tuesday.\n")
        screen.print(done.verdict, style="bold")
        screen.print(_promise(done))
        screen.print()
        _histogram(screen, done)
        screen.print(
            "\nMost alerts, by host and hour (in brackets: what it was made as)", style="bold"
        )
        for episode in done.worst:
            screen.print("\n" + _heading(episode))
            screen.print(Padding(episode.explanation.sentence, (0, 0, 0, 2)))
        screen.print("\nNext", style="bold")
        for what, how in _next(done):
            screen.print(f"  {what:<30}{how}", soft_wrap=True)
    print("\n".join(line.rstrip() for line in lines.get().rstrip().split("\n")))


def _promise(done: "Demonstration") -> str:
    """How the realised false-alarm rate compares with the promised one."""
    audit = done.evaluation.promise
    if audit is None:
        return ""
    said = f"{percent(audit.promised)} was promised"
    if not audit.breached:
        return f"{said}, and the promise holds."
    return f"{said}: Tuesday is not quite like the Monday it learned, and the audit says so."


def _heading(episode: "Episode") -> str:
    from edgeguard_core.pipeline.demo import in_words

    when = datetime.fromtimestamp(episode.begins_ms / 1000, UTC).strftime("%H:%M")
    truth = "false alarm" if episode.truth == "benign" else in_words(episode.truth)
    found = episode.explanation
    return (
        f"{when}  {episode.host}  {episode.alerts} alerts, score {found.score:.3g}, "
        f"severity {found.severity} ({truth})"
    )


def _next(done: "Demonstration") -> list[tuple[str, str]]:
    bundle, traffic = (_short(path) for path in (done.shipped.bundle, done.shipped.traffic))
    return [
        ("learn your own normal:", "edgeguard train YOUR_FLOWS --out my.bundle"),
        ("why one flow is odd:", f"edgeguard explain {bundle} {traffic} --worst 3"),
        ("the same in a browser:", "edgeguard dashboard"),
    ]


def _short(path: Path) -> Path:
    """A path as seen from the working folder, where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _histogram(screen: "Console", done: "Demonstration") -> None:
    """Rows of doubled scores, benign beside attack, with the threshold between two rows."""
    from rich.text import Text

    rows = _doublings(done)
    most = max(count for row in rows for count in row[2:])
    label = 15
    width = (screen.width - label) // 2
    head = (f"{'score':<{label}}", (f"{'benign':<{width}}", _BENIGN), ("attack", _ATTACK))
    screen.print(Text.assemble(*head))
    for low, high, benign, attack in rows:
        if math.isclose(low, done.threshold["value"]):
            words = f"threshold {low:.3g}, from here on flows alert "
            screen.print(Text(words + "─" * (screen.width - len(words)), style="bold"))
        name = f"{_short_number(low)} to {_short_number(high)}" if low else f"below {high:.2g}"
        line = Text(f"{name:<{label}}")
        for count, colour in ((benign, _BENIGN), (attack, _ATTACK)):
            bar = _bar(count, most, width - 9)
            line.append(bar, style=colour)
            line.append((f" {count:,}" if count else "").ljust(width - len(bar)))
        screen.print(line)
    screen.print(f"{'':<{label}}(bars grow with the logarithm of the count)", style="dim")


def _short_number(value: float) -> str:
    """Two digits that matter, and no exponent.

    >>> _short_number(0.0203), _short_number(166.4)
    ('0.02', '166')
    """
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _bar(count: int, most: int, width: int) -> str:
    """A bar as long as the logarithm of the count, one cell at least; none for 0.

    >>> _bar(0, 9, 10), _bar(1, 9, 10), _bar(9, 9, 10)
    ('', '███', '██████████')
    """
    return "█" * max(round(width * math.log1p(count) / math.log1p(most)), 1) if count else ""


def _doublings(done: "Demonstration") -> list[tuple[float, float, int, int]]:
    """Low and high end of each row, and how many benign and attack flows score there."""
    import numpy as np

    line = float(done.threshold["value"])
    above = max(math.ceil(math.log2(float(done.scores.max()) / line) + 1e-9), 1)
    edges: Any = line * 2.0 ** np.arange(-_STEPS_BELOW, above + 1)
    edges = np.concatenate([[0.0], edges]).astype(np.float32)
    benign, attack = (
        np.histogram(done.scores[done.labels.label == kind], edges)[0].tolist() for kind in (0, 1)
    )
    ends = edges.tolist()
    rows = list(zip(ends[:-1], ends[1:], benign, attack, strict=True))
    return rows if any(rows[0][2:]) else rows[1:]
