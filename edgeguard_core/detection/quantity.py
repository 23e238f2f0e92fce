"""Amounts as a person says them: ``5.2 MB``, ``1.5 min``, ``12,345 packets``."""

import math
from typing import Final

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_TIME_STEPS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))
_PREFIXED: Final = ("B", "B/s", "bit/s")
_PREFIXES: Final = ("", "k", "M", "G", "T")
_STEP: Final = 1000.0  # SI, as network rates are given
_NEARLY_NONE: Final = 0.005  # of what is counted: a decayed count falls towards 0 for ever
MISSING: Final = "missing"


def quantity(value: float | None, unit: str | None) -> str:
    """The value with a unit that keeps it short; ``missing`` for None and NaN.

    Parameters
    ----------
    unit
        As a schema column gives it: ``B``, ``B/s``, ``bit/s``, ``us``, ``ms``, ``s``, a word
        for what is counted, or None.

    Examples
    --------
    >>> quantity(5_200_000, "B"), quantity(90_000, "ms"), quantity(1, "packets")
    ('5.2 MB', '1.5 min', '1 packet')
    >>> quantity(0.25, None), quantity(float("nan"), "B"), quantity(12345, "flows")
    ('0.25', 'missing', '12,345 flows')
    """
    if value is None or math.isnan(value):
        return MISSING
    if unit in _SECONDS:
        return _duration(value * _SECONDS[unit])
    if unit in _PREFIXED:
        return _prefixed(value, unit)
    if unit is None:
        return _number(value)
    if abs(value) < _NEARLY_NONE:
        value = 0.0
    one = value == 1 and unit.endswith("s") and "/" not in unit
    return f"{_number(value)} {unit[:-1] if one else unit}"


def quantities(low: float | None, high: float | None, unit: str | None) -> str:
    """Two values of one unit, which is said once where both have it.

    >>> quantities(1, 16, "packets"), quantities(60, 9100, "B"), quantities(0, 0, "B")
    ('1 to 16 packets', '60 B to 9.1 kB', '0 B')
    """
    first, last = quantity(low, unit), quantity(high, unit)
    if first == last:
        return first
    number, _, word = first.partition(" ")
    same = word and last.partition(" ")[2].rstrip("s") == word.rstrip("s")
    return f"{number if same else first} to {last}"


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    size = next((step for step in _TIME_STEPS if abs(seconds) >= step[0]), (1e-6, "µs"))
    return f"{_number(seconds / size[0], digits=2)} {size[1]}"


def _prefixed(value: float, unit: str) -> str:
    steps = 0
    while abs(value) >= _STEP and steps < len(_PREFIXES) - 1:
        value /= _STEP
        steps += 1
    return f"{_number(value, digits=2)} {_PREFIXES[steps]}{unit}"


def _number(value: float, digits: int = 3) -> str:
    """Whole numbers whole, others to some significant digits, never ``1e+03`` below a billion."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if abs(value) >= 1e9:
        return f"{value:.{digits}g}"
    if float(value).is_integer() or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
