"""Numbers, sizes and foreign text as the screen writes them. Nothing here draws."""

import math
from typing import Any

UNDEFINED = "–"
# From which severity on a flow is called so; a shape repeats what colour would say.
_SEVERITIES = ((100, "⬟ critical"), (75, "△ high"), (50, "◇ medium"), (0, "▽ low"))
_MARKUP = "\\`*[]<$~"  # with these gone no link, formula or style can begin


def is_undefined(value: Any) -> bool:
    """Whether there is no number to show.

    >>> is_undefined(None), is_undefined(float("nan")), is_undefined(0)
    (True, True, False)
    """
    return value is None or (isinstance(value, float) and math.isnan(value))


def count(value: float | None) -> str:
    """A whole number with thousands set apart.

    >>> count(125973), count(None)
    ('125,973', '–')
    """
    return UNDEFINED if is_undefined(value) else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as per cent; never 0 or 100 for what is not quite.

    >>> percent(0.0312), percent(0.00004), percent(0.99999), percent(float("nan"))
    ('3.1 %', '< 0.1 %', '> 99.9 %', '–')
    """
    if share is None or is_undefined(share):
        return UNDEFINED
    smallest = 10.0**-digits
    value = share * 100
    if 0 < value < smallest / 2:
        return f"< {smallest:.{digits}f} %"
    if 100 - smallest / 2 < value < 100:
        return f"> {100 - smallest:.{digits}f} %"
    return f"{value:.{digits}f} %"


def number(value: float | None) -> str:
    """A number of any size with three digits that matter.

    >>> number(0.71234), number(12345.6), number(0.0000123), number(None)
    ('0.712', '12,346', '1.23e-05', '–')
    """
    if value is None or is_undefined(value):
        return UNDEFINED
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def size(n_bytes: int) -> str:
    """Bytes for people.

    >>> size(512), size(3_460_300), size(0)
    ('512 B', '3.5 MB', '0 B')
    """
    value = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def cell(value: Any) -> str:
    """A value of a flow as text.

    >>> cell(12.0), cell("tcp"), cell(None)
    ('12', 'tcp', '–')
    """
    if is_undefined(value):
        return UNDEFINED
    return number(float(value)) if isinstance(value, int | float) else str(value)


def severity(value: float) -> str:
    """A severity's word behind its shape.

    >>> severity(100), severity(60), severity(3)
    ('⬟ critical', '◇ medium', '▽ low')
    """
    return next(word for least, word in _SEVERITIES if value >= least)


def plain(text: str) -> str:
    r"""Text that is not ours (a file name, a column), so that no Markdown in it takes effect.

    >>> print(plain("a*b.csv"))
    a\*b.csv
    """
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in text)


def plural(n: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "alert"), plural(2300, "alert")
    ('1 alert', '2,300 alerts')
    """
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


def usual(low: Any, high: Any, values: Any = None) -> str:
    """The usual range of a feature, or the usual words of a category.

    >>> usual(1.0, 20.0), usual(None, None), usual("tcp", "udp", ["tcp", "udp"])
    ('1 to 20', '–', 'tcp, udp')
    """
    if values:
        return ", ".join(str(value) for value in values)
    if is_undefined(low) and is_undefined(high):
        return UNDEFINED
    if low == high:
        return cell(low)
    return f"{cell(low)} to {cell(high)}"
