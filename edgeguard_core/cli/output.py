"""What a verb prints: one JSON object for machines, or tables for people."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

JSON_FORMAT = 1
_PIPE_WIDTH = 160  # of a table that no terminal bounds


def print_json(result: Mapping[str, Any]) -> None:
    """One strict JSON object on stdout; ``format`` is 1 unless the result gives its own.

    ``inspect`` says there how its file is written, so the number stands in ``json_format``.
    """
    number = {"json_format": JSON_FORMAT} if "format" in result else {"format": JSON_FORMAT}
    # ASCII, since file names may hold what no encoding of the terminal can write.
    print(json.dumps(_plain({**number, **result}), allow_nan=False))


def _plain(value: Any) -> Any:
    """The same value in the types that JSON has; undefined numbers become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value.resolve())
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_warnings(warnings: Iterable[str]) -> None:
    """Each warning on stderr, a line each."""
    for warning in warnings:
        print(f"warning: {one_line(warning)}", file=sys.stderr)


def one_line(text: str) -> str:
    r"""The text on one line, with nothing in it that a terminal would obey.

    >>> one_line("a\n b"), one_line("\x1b[2J")
    ('a b', '\\x1b[2J')
    """
    return _harmless(" ".join(text.split()))


def say(text: str) -> None:
    """Lines for people on stdout."""
    print("\n".join(map(_harmless, text.split("\n"))))


def _harmless(text: str) -> str:
    """Words out of files with their control characters spelt out."""
    if text.isprintable():
        return text
    return "".join(x if x.isprintable() else ascii(x)[1:-1] for x in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people on stdout; numbers stand right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[_cell(value) for value in row] for row in rows]
    drawn = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    for position, name in enumerate(columns):
        numeric = bool(shown) and all(_is_number(row[position]) for row in shown)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        drawn.add_row(*map(Text, row))  # as text, since words out of files may look like markup
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    with console.capture() as lines:  # rich would end the process where a pipe is closed
        console.print(drawn)
    print("\n".join(line.rstrip() for line in lines.get().rstrip().split("\n")))


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line."""
    listed = [(name, _cell(value)) for name, value in rows]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        say(f"{name:<{width}}  {value}")


def percent(share: float | None) -> str:
    """A share as a percentage, – where undefined.

    >>> percent(0.01234), percent(None), percent(1.0)
    ('1.23 %', '–', '100 %')
    """
    if share is None or math.isnan(share):
        return "–"
    digits = 2 if share < 0.1 else 1
    return f"{100 * share:.{digits}f}".rstrip("0").rstrip(".") + " %"


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else _harmless(str(value))


def _is_number(text: str) -> bool:
    return text == "–" or text.replace(",", "").replace(".", "").replace(" %", "").isdigit()
