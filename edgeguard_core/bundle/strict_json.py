"""JSON as the standard has it: no NaN, no Infinity, no key twice, no surprise in size."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

_INDENT = 2


def dump(document: Mapping[str, Any]) -> bytes:
    """One JSON object as UTF-8 text with a final newline, the same for the same values.

    Raises
    ------
    ValueError
        If a number is not finite. Figures that may be undefined go through ``without_nan``.

    Examples
    --------
    >>> dump({"alpha": 0.01})
    b'{\\n  "alpha": 0.01\\n}\\n'
    """
    text = json.dumps(document, indent=_INDENT, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def without_nan(value: Any) -> Any:
    """The value with undefined numbers as ``None`` and NumPy scalars as plain ones.

    >>> without_nan({"recall": float("nan"), "flows": [np.int64(3)]})
    {'recall': None, 'flows': [3]}
    """
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def load(content: bytes) -> dict[str, Any]:
    """The JSON object in some bytes.

    Raises
    ------
    ValueError
        If it is not UTF-8, not JSON, not an object, names a key twice, or holds NaN, Infinity
        or a number too large for a float. The message says what is wrong, not where from.

    Examples
    --------
    >>> load(b'{"format": 1}')
    {'format': 1}
    >>> load(b'{"value": NaN}')
    Traceback (most recent call last):
    ...
    ValueError: it holds NaN, which JSON does not have
    """
    try:
        document = json.loads(
            content.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_object_without_repeats,
        )
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} in line {error.lineno})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which JSON does not have")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds {text}, which is too large a number")
    return number


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it names {twice!r} twice")
    return result
