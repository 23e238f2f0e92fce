"""Why a flow scored as it did: which features, what they were, and what is usual."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.quantity import MISSING, quantities, quantity
from edgeguard_core.detection.shares import shares
from edgeguard_core.flows import Column, Flows

Value = float | str | None

_IN_SENTENCE: Final = 3
_NOTHING_ODD: Final = "Every feature is as the model expected."


@dataclass(frozen=True)
class FeatureReason:
    """One feature's part in a score.

    Attributes
    ----------
    actual
        As the flow has it, raw units or a word; None where it is missing.
    reconstructed
        What the model expected, given the rest of the flow; "" is a rare value.
    usual_low, usual_high
        The 5 and 95 % quantiles of benign flows. For a category its commonest value, and the
        rarest of those that make up most benign flows.
    share
        Part of the flow's score, 0 to 1.
    usual_values
        All usual values of a category; None for a number.
    """

    name: str
    actual: Value
    reconstructed: Value
    usual_low: Value
    usual_high: Value
    share: float
    usual_values: tuple[str, ...] | None
    unit: str | None


@dataclass(frozen=True)
class Explanation:
    """One flow's score in terms of its features, the weightiest first."""

    row: int  # line in its source
    score: float
    p_value: float
    extrapolated: bool
    severity: int
    is_alert: bool
    features: tuple[FeatureReason, ...]
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        plain = asdict(self)
        for feature in plain["features"]:
            if feature["usual_values"] is not None:
                feature["usual_values"] = list(feature["usual_values"])
        return plain | {"features": list(plain["features"])}


def explain(detector: Detector, flows: Flows, top: int = 5) -> list[Explanation]:
    """One explanation a flow, with its ``top`` features; select the flows of interest first.

    The shares say what the score is made of, which is not always what caused it: when two
    features that go together disagree, the model may find fault with either.

    Raises
    ------
    SchemaError
        If the flows are of another schema, or one of the model's columns is absent.
    """
    if not len(flows):
        return []
    raw = detector.raw(flows, details=True)
    if raw.reconstruction is None:  # the scorer was asked for it
        raise RuntimeError("the model gave no reconstruction")
    expected = detector.bundle.preprocessor.reconstruct(raw.reconstruction)
    p_values, extrapolated = detector.calibration.p_values(raw.score)
    severity = detector.calibration.severity(p_values)
    is_alert = detector.threshold.alerts(raw.score)
    share = shares(raw.feature_errors)
    order = np.argsort(-share, axis=1, kind="stable")[:, :top]
    explanations = []
    for i in range(len(flows)):
        reasons = tuple(
            _reason(detector, flows, expected, i, detector.features[j], float(share[i, j]))
            for j in order[i].tolist()
        )
        explanations.append(
            Explanation(
                row=int(flows.line[i]),
                score=float(raw.score[i]),
                p_value=float(p_values[i]),
                extrapolated=bool(extrapolated[i]),
                severity=int(severity[i]),
                is_alert=bool(is_alert[i]),
                features=reasons,
                sentence=sentence(reasons),
            )
        )
    return explanations


def sentence(reasons: Sequence[FeatureReason]) -> str:
    """The weightiest features of a flow in plain English.

    >>> sentence([FeatureReason("src2dst_bytes", 5.2e6, 800.0, 60.0, 9100.0, 0.41, None, "B")])
    'src2dst_bytes was 5.2 MB, usually 60 B to 9.1 kB (41 % of the score).'
    """
    clauses = [
        f"{_clause(reason)} ({100 * reason.share:.0f} % of the score)"
        for reason in reasons[:_IN_SENTENCE]
        if reason.share > 0
    ]
    return f"{'; '.join(clauses)}." if clauses else _NOTHING_ODD


def _clause(reason: FeatureReason) -> str:
    actual, usual = _actual(reason), _usual(reason)
    if not _is_usual(reason):
        return f"{reason.name} was {actual}, {usual}"
    expected = _word(reason, reason.reconstructed)
    if expected == actual:
        # The likeliest value, but the model was less sure of it than it is as a rule.
        doubt = "which fits the rest of the flow less clearly than usual"
        return f"{reason.name} was {actual}, {doubt}"
    about = "" if isinstance(reason.reconstructed, str) else "about "
    return f"{reason.name} was {actual}, where the rest of the flow suggests {about}{expected}"


def _is_usual(reason: FeatureReason) -> bool:
    if reason.usual_values is not None:
        return reason.actual in reason.usual_values
    low, high, actual = reason.usual_low, reason.usual_high, reason.actual
    value = 0.0 if actual is None else actual  # missing counts as 0
    return (
        isinstance(low, float)
        and isinstance(high, float)
        and isinstance(value, float)
        and low <= value <= high
    )


def _usual(reason: FeatureReason) -> str:
    if reason.usual_values is not None:
        *others, last = reason.usual_values or ("a rare value",)
        return f"usually {', '.join(others)} or {last}" if others else f"usually {last}"
    low, high = reason.usual_low, reason.usual_high
    if isinstance(low, str) or isinstance(high, str):
        return f"usually {_word(reason, low)} to {_word(reason, high)}"
    return f"usually {quantities(low, high, reason.unit)}"


def _actual(reason: FeatureReason) -> str:
    if reason.actual is None and reason.usual_values is None:
        return f"{MISSING} (counted as {quantity(0.0, reason.unit)})"
    return _word(reason, reason.actual)


def _word(reason: FeatureReason, value: Value) -> str:
    if isinstance(value, str):
        return value or "a rare value"
    return quantity(value, reason.unit)


def _reason(
    detector: Detector,
    flows: Flows,
    expected: dict[str, NDArray[Any]],
    row: int,
    name: str,
    share: float,
) -> FeatureReason:
    bundle = detector.bundle
    usual: tuple[Value, ...] = tuple(bundle.preprocessor.usual.get(name, ()))
    is_category = name in bundle.schema.categorical
    low, high = (usual[0], usual[-1]) if usual else (None, None)
    column = bundle.schema.column(name)
    return FeatureReason(
        name=name,
        actual=_plain(flows.columns[name][row]),
        reconstructed=_within(_plain(expected[name][row], empty=""), column),
        usual_low=low,
        usual_high=high,
        share=share,
        usual_values=tuple(map(str, usual)) if is_category else None,
        unit=column.unit,
    )


def _plain(value: Any, empty: Value = None) -> Value:
    if isinstance(value, str):
        return value or empty
    number = float(value)
    return number if math.isfinite(number) else None


def _within(value: Value, column: Column) -> Value:
    """A drawn number held to what the column can be: no network expects −0.3 packets."""
    if not isinstance(value, float):
        return value
    least = 0.0 if column.context and column.unit is not None else column.minimum  # counts, gaps
    low = -math.inf if least is None else float(least)
    high = math.inf if column.maximum is None else float(column.maximum)
    return min(max(value, low), high)
