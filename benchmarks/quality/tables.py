"""Tables of Markdown, and how figures are printed in them."""

from collections.abc import Iterable, Sequence


def section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A heading with a table; nothing of no rows."""
    if not rows:
        return ""
    return f"## {title}\n\n" + table(heads, rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [_line(heads), _line("---" for _ in heads), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def number(value: float | None, places: int = 3) -> str:
    """A figure as the page prints it.

    >>> number(0.5), number(-0.25), number(12.0, 1), number(None)
    ('.500', '-.250', '12.0', '–')
    """
    if value is None:
        return "–"
    text = f"{value:.{places}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) and places == 3 else text


def percent(value: float | None) -> str:
    """A share as the page prints it.

    >>> percent(0.0123), percent(None)
    ('1.23 %', '–')
    """
    return "–" if value is None else f"{100 * value:.3g} %"
