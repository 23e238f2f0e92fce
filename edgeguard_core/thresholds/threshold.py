"""The line between quiet and alert, and the only comparison of a score with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import BundleError, EdgeGuardError

Json = dict[str, float | str | None]


@dataclass(frozen=True)
class Threshold:
    """A flow alerts when its score is at or above ``value``, both as float32.

    Attributes
    ----------
    value
        Rounded to float32 when made, so that what is stored is what is compared.
    method
        How it was chosen: ``conformal``, ``percentile``, ``fixed`` …
    target
        What was asked of that method (rate, percentile, alerts an hour); None if nothing.
    calibrated_on
        Which flows it was chosen on, in words for a person.
    promised_false_positive_rate
        Share of benign flows that may alert, for methods that promise one; else None.
    warning
        One sentence where the wish could not be met as asked. Not stored, not compared.

    Examples
    --------
    >>> threshold = Threshold(0.5, "fixed", 0.5, "by hand")
    >>> threshold.alerts([0.49, 0.5, float("nan")])
    array([False,  True, False])
    """

    value: float
    method: str
    target: float | None
    calibrated_on: str
    promised_false_positive_rate: float | None = None
    warning: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        value = _as_float32(self.value)
        if not math.isfinite(value):
            raise EdgeGuardError(
                f"A threshold of {self.value} cannot be compared with scores: give a finite number."
            )
        object.__setattr__(self, "value", value)

    def alerts(self, scores: ArrayLike) -> NDArray[np.bool_]:
        """Which flows alert, bool, same shape as ``scores``; NaN never does.

        Raising the threshold can only remove alerts. Nothing is promised about NaN: scorers
        refuse to answer it.
        """
        flags = np.asarray(scores, dtype=np.float32) >= np.float32(self.value)
        return np.asarray(flags, dtype=np.bool_)

    def to_json(self) -> Json:
        """Plain values for strict JSON; the exact float32 survives the decimal notation."""
        return {
            "value": self.value,
            "method": self.method,
            "target": self.target,
            "calibrated_on": self.calibrated_on,
            "promised_false_positive_rate": self.promised_false_positive_rate,
        }

    @classmethod
    def from_json(cls, data: object) -> Threshold:
        """The threshold that ``to_json`` described; further keys are ignored.

        Raises
        ------
        BundleError
            If a key is missing or holds something that is no threshold.

        Examples
        --------
        >>> threshold = Threshold(0.1, "conformal", 0.01, "Monday", 0.01)
        >>> Threshold.from_json(threshold.to_json()) == threshold
        True
        """
        if not isinstance(data, Mapping):
            raise BundleError(f"A threshold must be a JSON object, not {type(data).__name__}.")
        value = _number(data, "value")
        if value is None or not math.isfinite(_as_float32(value)):
            raise BundleError(f"A threshold cannot have the value {data.get('value')!r}.")
        return cls(
            value=value,
            method=_text(data, "method"),
            target=_number(data, "target"),
            calibrated_on=_text(data, "calibrated_on"),
            promised_false_positive_rate=_rate(data, "promised_false_positive_rate"),
        )


def _as_float32(value: float) -> float:
    with np.errstate(over="ignore"):  # too large becomes infinite, which callers refuse
        return float(np.float32(value))


def _number(data: Mapping[str, object], key: str) -> float | None:
    if key not in data:
        raise BundleError(f"A threshold needs the key '{key}': choose the threshold again.")
    found = data[key]
    if found is None:
        return None
    # True would pass for 1, and an integer of hundreds of digits is valid JSON but no float.
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= 1e300:
        raise BundleError(f"A threshold cannot have {key} {found!r}: a number is needed.")
    return float(found)


def _rate(data: Mapping[str, object], key: str) -> float | None:
    rate = _number(data, key)
    if rate is not None and not 0 < rate < 1:
        raise BundleError(f"A threshold cannot promise a rate of {rate}: it lies between 0 and 1.")
    return rate


def _text(data: Mapping[str, object], key: str) -> str:
    found = data.get(key)
    if not isinstance(found, str):
        raise BundleError(f"A threshold needs text under '{key}', not {found!r}.")
    return found
