"""Cells to values: numbers, times and addresses out of the text of a log.

A cell is a str, a number, or None. Every function reads a whole column and says which cells
did not parse; what that means for the row is the schema's business.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import PROTOCOL_NUMBERS

MISSING_WORDS = frozenset(
    ("", "nan", "+nan", "-nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity",
     "null", "none", "na", "n/a", "-", "?", "(empty)")
)  # fmt: skip
"""What an exporter writes where it has no value; compared without case."""

UNSET_WORDS = frozenset(("", "null", "none", "na", "n/a", "-", "?", "(empty)"))
"""Those of them that say there was nothing to count; the others, that counting went wrong."""

_MAC_PART = re.compile(r"[0-9A-Fa-f]{2}")
_MS_PER_S = 1000.0
_FINITE_FROM, _FINITE_TO = float("-inf"), float("inf")
_HIGHEST_PORT = 65535
# Below it a bare number is seconds since 1970, above milliseconds, microseconds, nanoseconds.
_EPOCH_STEPS = ((1e11, _MS_PER_S), (1e14, 1.0), (1e17, 1e-3), (np.inf, 1e-6))
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M", "%Y-%m-%d",
)  # fmt: skip
_YEAR_FIRST = re.compile(r"\d{4}/")  # Argus writes 2018/05/10
_DAY_FIRST_FORMATS = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p",
    "%d/%m/%Y %H:%M:%S.%f", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%y %H:%M",
)  # fmt: skip

Parsed = tuple[NDArray[Any], NDArray[np.bool_]]
"""Values of shape ``(n,)``, and which cells did not parse, shape ``(n,)``."""


def numbers(cells: NDArray[Any]) -> Parsed:
    """Cells as float64, NaN = missing, and which of them are not numbers.

    Infinities and the usual words for "no value" are missing, not wrong.

    >>> values, wrong = numbers(np.array(["1.5", " 2", "Infinity", "", "x"], object))
    >>> values.tolist(), wrong.tolist()
    ([1.5, 2.0, nan, nan, nan], [False, False, False, False, True])
    """
    if cells.dtype != object:
        values = cells.astype(np.float64)
        return np.where(np.isfinite(values), values, np.nan), np.zeros(len(cells), np.bool_)
    return _read_numbers(cells, _number)


def not_finite(cells: NDArray[Any]) -> NDArray[np.bool_]:
    """Which cells say infinite or not a number, instead of nothing at all, shape ``(n,)``.

    In a column of floats NaN is how a table program writes nothing.

    >>> not_finite(np.array(["1", "1e400", "-Inf", "nan", "-", None], object)).tolist()
    [False, True, True, True, False, False]
    """
    if cells.dtype != object:
        return np.isinf(cells.astype(np.float64))
    return _by_distinct(cells, _is_not_finite).astype(np.bool_)


def _is_not_finite(cell: object) -> bool:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in UNSET_WORDS):
        return False
    number = _number(cell)
    return number is not None and not np.isfinite(number)


def _read_numbers(cells: NDArray[Any], read: Callable[[Any], float | None]) -> Parsed:
    """Finite numbers by ``read``, which says None to what is none."""
    found = _by_distinct(cells, read)
    wrong = np.array([number is None for number in found], np.bool_)
    found[wrong] = np.nan
    values = found.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values, wrong


def _by_distinct(cells: NDArray[Any], read: Callable[[Any], object]) -> NDArray[np.object_]:
    """``read`` of each cell, done once for equal cells: a log says the same all the time."""
    listed = cells.tolist()
    try:
        known = {cell: read(cell) for cell in set(listed)}
    except TypeError:  # JSON holds lists too
        answers = [read(cell) for cell in listed]
    else:
        answers = [known[cell] for cell in listed]
    result = np.empty(len(answers), object)
    result[:] = answers
    return result


def _number(cell: object) -> float | None:
    """The number in a cell, NaN where it says "no value", None where it says something else."""
    if type(cell) is str:  # most cells are plain numbers: they need no further look
        try:
            number = float(cell)
        except ValueError:
            pass
        else:
            if _FINITE_FROM < number < _FINITE_TO and cell.isascii() and "_" not in cell:
                return number
    if cell is None:
        return np.nan
    if isinstance(cell, (bool, int, float, np.number)):
        try:
            return float(cell)
        except OverflowError:  # JSON may hold a whole number beyond every float
            return np.nan
    text = str(cell).strip()
    if text.lower() in MISSING_WORDS:
        return np.nan
    try:
        # Python also takes 1_000 and digits of other scripts; a log means neither.
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def texts(cells: NDArray[Any]) -> NDArray[np.object_]:
    """Cells as trimmed str, shape ``(n,)``; None becomes ``""``."""
    return _by_distinct(cells, _text)


def _text(cell: object) -> str:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    return str(cell).strip()


def identities(cells: NDArray[Any]) -> Parsed:
    """Cells as str, None where there is no value; any text will do."""
    return _by_distinct(cells, _identity), np.zeros(len(cells), np.bool_)


def _identity(cell: object) -> str | None:
    text = _text(cell)
    return None if text in ("", "-", "(empty)") else text


def addresses(cells: NDArray[Any]) -> Parsed:
    """IPv4, IPv6 or MAC addresses as str, None where there is none.

    >>> addresses(np.array(["10.0.0.1", "17", ""], object))[0].tolist()
    ['10.0.0.1', None, None]
    """
    words, _ = identities(cells)
    known = {word: _is_address(word) for word in set(words) if word is not None}
    wrong = np.array([word is not None and not known[word] for word in words], np.bool_)
    words[wrong] = None
    return words, wrong


@lru_cache(maxsize=16_384)  # the same few hosts come again and again
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        parts = text.split(":")
        return len(parts) == 6 and all(_MAC_PART.fullmatch(part) for part in parts)
    return True


def ports(cells: NDArray[Any]) -> Parsed:
    """Ports as float64, NaN where there is none; ``53.0`` and ``0x0035`` are 53.

    >>> ports(np.array(["53.0", "0x0035", "-", "70000"], object))[0].tolist()
    [53.0, 53.0, nan, nan]
    """
    return _whole_numbers(cells, _HIGHEST_PORT)


def protocols(cells: NDArray[Any]) -> Parsed:
    """IANA protocol numbers as float64, from numbers or words; NaN where unknown.

    >>> protocols(np.array(["tcp", "17", "UDP", "what"], object))[0].tolist()
    [6.0, 17.0, 17.0, nan]
    """
    return _whole_numbers(cells, 255, _protocol)


def _protocol(cell: object) -> float | None:
    named = PROTOCOL_NUMBERS.get(_text(cell).lower())
    return _number_or_hexadecimal(cell) if named is None else named


def integers(cells: NDArray[Any]) -> Parsed:
    """Whole numbers that are not negative, as float64; NaN where there is none."""
    return _whole_numbers(cells, 2**53)


def _number_or_hexadecimal(cell: object) -> float | None:
    """The number in a cell; Argus writes some ports as 0x0035."""
    if isinstance(cell, str) and cell.strip()[:2].lower() == "0x":
        try:
            return float(int(cell, 16))
        except ValueError:
            return None
    return _number(cell)


def _whole_numbers(
    cells: NDArray[Any],
    highest: int,
    read: Callable[[Any], float | None] = _number_or_hexadecimal,
) -> Parsed:
    if cells.dtype == object:
        values, wrong = _read_numbers(cells, read)
    else:
        values, wrong = numbers(cells)
    with np.errstate(invalid="ignore"):
        outside = (values < 0) | (values > highest) | (values != np.floor(values))
    outside &= ~np.isnan(values)
    values[outside] = np.nan
    return values, wrong | outside


def times_ms(cells: NDArray[Any], zone: tzinfo, unit: str | None) -> Parsed:
    """Milliseconds since 1970 in UTC as float64, NaN where there is none.

    Parameters
    ----------
    cells
        Shape ``(n,)``: numbers since 1970, ISO 8601 stamps, or dates.
    zone
        The zone of stamps that name none.
    unit
        ``s`` or ``ms`` for plain numbers, whose unit is otherwise guessed from their size;
        ``day-first`` for dates like 7/7/2017 3:56.
    """
    if cells.dtype.kind == "M":
        stamps = cells.astype("datetime64[us]").astype(np.float64) / _MS_PER_S
        return np.where(np.isnat(cells), np.nan, stamps), np.zeros(len(cells), np.bool_)
    values, wrong = numbers(cells)
    if wrong.any():
        formats = _DAY_FIRST_FORMATS if unit == "day-first" else ()
        stamps, unread = _parsed_stamps(cells[wrong], zone, formats)
        values[wrong] = stamps
        numeric = ~wrong
        wrong[wrong] = unread
    else:
        numeric = np.ones(len(values), np.bool_)
    values[numeric] *= _ms_per_unit(values[numeric], unit)
    return values, wrong


def _ms_per_unit(values: NDArray[np.float64], unit: str | None) -> float:
    if unit in ("s", "ms"):
        return _MS_PER_S if unit == "s" else 1.0
    largest = float(np.nanmax(np.abs(values), initial=0.0, where=~np.isnan(values)))
    return next(factor for limit, factor in _EPOCH_STEPS if largest < limit)


def _parsed_stamps(cells: NDArray[Any], zone: tzinfo, formats: tuple[str, ...]) -> Parsed:
    words = texts(cells)
    known = {word: _stamp_ms(word, zone, formats) for word in set(words)}
    values = np.array([known[word] for word in words], np.float64)
    empty = np.array([word.lower() in MISSING_WORDS for word in words], np.bool_)
    return values, np.isnan(values) & ~empty


def _stamp_ms(text: str, zone: tzinfo, formats: tuple[str, ...]) -> float:
    if _YEAR_FIRST.match(text):
        text = text.replace("/", "-")
    attempts: list[Callable[[], datetime]] = [
        *(lambda f=f: datetime.strptime(text, f) for f in formats),
        lambda: datetime.fromisoformat(text),
        *(lambda f=f: datetime.strptime(text, f) for f in _TIME_FORMATS),
    ]
    for attempt in attempts:
        try:
            stamp = attempt()
        except ValueError:
            continue
        aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=zone)
        return aware.astimezone(UTC).timestamp() * _MS_PER_S
    return np.nan
