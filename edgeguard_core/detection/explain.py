"""Why a flow scored as it did: which features, what they were, and what is usual."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.counterfactual import Counterfactual, Counterfactuals
from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.quantity import MISSING, quantities, quantity
from edgeguard_core.detection.shares import shares
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.flows import Column, Flows

Value = float | str | None

_IN_SENTENCE: Final = 3
_OF_A_CAUSE: Final = 2  # features of it that the sentence tells
_LIKE_IT: Final = 8
"""Benign flows, the nearest ones, whose values are told as usual for a flow like this one."""
_COUNTS: Final = {1: "one", 2: "two", 3: "three"}
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
    similar_low, similar_high, similar_values
        The same of benign flows like this one: the least and the most of the eight nearest
        prototypes. None where the bundle has no prototypes.
    """

    name: str
    actual: Value
    reconstructed: Value
    usual_low: Value
    usual_high: Value
    share: float
    usual_values: tuple[str, ...] | None
    unit: str | None
    similar_low: Value = None
    similar_high: Value = None
    similar_values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Cause:
    """A family of features that had to change together, the weightiest first.

    Attributes
    ----------
    score_after
        The flow's score once this and the causes before it are as in the benign flow.
    """

    name: str
    features: tuple[FeatureReason, ...]
    score_after: float


@dataclass(frozen=True)
class WhatIf:
    """An alert, and what it would have to be like to be none.

    Attributes
    ----------
    causes
        Three at the most, in the order in which they lower the score most.
    score
        The score with every feature of the causes as a benign flow like it has it.
    is_under
        Whether that is under the threshold.
    """

    causes: tuple[Cause, ...]
    score: float
    threshold: float
    is_under: bool


@dataclass(frozen=True)
class Explanation:
    """One flow's score in terms of its features, the weightiest first.

    ``what_if`` is None for a flow that is no alert, and where it was not asked for or the bundle
    has no prototypes.
    """

    row: int  # line in its source
    score: float
    p_value: float
    extrapolated: bool
    severity: int
    is_alert: bool
    features: tuple[FeatureReason, ...]
    sentence: str
    what_if: WhatIf | None = None

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        plain: dict[str, Any] = _listed(asdict(self))
        return plain


def _listed(value: Any) -> Any:
    """The value with lists in place of tuples, as JSON gives them back."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def explain(
    detector: Detector, flows: Flows, top: int = 5, *, what_if: bool = True
) -> list[Explanation]:
    """One explanation a flow, with its ``top`` features; select the flows of interest first.

    The shares say what the score is made of, which is not always what caused it: when two
    features that go together disagree, the model may find fault with either. So an alert also
    gets the few changes that would make it none (``counterfactual.py``).

    Parameters
    ----------
    what_if
        Whether to look for those: ten milliseconds an alert. A bundle without prototypes is
        explained by shares and what is usual for all flows.

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
    share = shares(raw.feature_errors)
    told = _Told(
        detector, flows, detector.bundle.preprocessor.reconstruct(raw.reconstruction), share
    )
    p_values, extrapolated = detector.calibration.p_values(raw.score)
    severity = detector.calibration.severity(p_values)
    is_alert = detector.threshold.alerts(raw.score)
    order = np.argsort(-share, axis=1, kind="stable")[:, :top]
    explanations = []
    for i in range(len(flows)):
        reasons = tuple(told.reason(i, detector.features[j]) for j in order[i].tolist())
        instead = told.what_if(i) if what_if and is_alert[i] else None
        explanations.append(
            Explanation(
                row=int(flows.line[i]),
                score=float(raw.score[i]),
                p_value=float(p_values[i]),
                extrapolated=bool(extrapolated[i]),
                severity=int(severity[i]),
                is_alert=bool(is_alert[i]),
                features=reasons,
                sentence=sentence(reasons) if instead is None else what_if_sentence(instead),
                what_if=instead,
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


def what_if_sentence(found: WhatIf) -> str:
    """The causes of an alert in plain English, and what its score would be without them.

    >>> usual = {"usual_low": 60.0, "usual_high": 9100.0, "usual_values": None, "unit": "B"}
    >>> sent = FeatureReason("bytes", 5.2e6, 800.0, share=0.41, similar_low=900.0, **usual)
    >>> said = what_if_sentence(WhatIf((Cause("bytes", (sent,), 1.2),), 1.2, 4.6, True))
    >>> said.partition(". ")[0]
    'bytes was 5.2 MB, in a benign flow like it 900 B (41 % of the score)'
    >>> said.partition(". ")[2]
    'With this as there the score would be 1.2, under the threshold of 4.6.'
    """
    clauses = [_cause(cause) for cause in found.causes]
    n = len(clauses)
    these = {1: "this", 2: "both"}.get(n, f"these {_COUNTS.get(n, n)}")
    score, threshold = f"{found.score:.3g}", f"{found.threshold:.3g}"
    if found.is_under:
        end = f"With {these} as there the score would be {score}, under the threshold of"
        return f"{'; '.join(clauses)}. {end} {threshold}."
    ways = "one way" if n == 1 else f"{_COUNTS.get(n, n)} ways"
    end = f"Even with {these} as there the score would be {score}, not under the threshold of"
    return f"{'; '.join(clauses)}. {end} {threshold}: the flow is odd in more than {ways}."


def _cause(cause: Cause) -> str:
    told = [
        f"{reason.name} was {_actual(reason)}, in a benign flow like it "
        f"{_word(reason, reason.similar_low)}"
        for reason in cause.features[:_OF_A_CAUSE]
    ]
    share = sum(reason.share for reason in cause.features)
    name = "" if cause.name == cause.features[0].name else f"{cause.name}: "
    return f"{name}{', and '.join(told)} ({100 * share:.0f} % of the score)"


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
    low, high, words = _known(reason)
    if words is not None:
        return (reason.actual or "") in words
    value = 0.0 if reason.actual is None else reason.actual  # missing counts as 0
    return (
        isinstance(low, float)
        and isinstance(high, float)
        and isinstance(value, float)
        and low <= value <= high
    )


def _usual(reason: FeatureReason) -> str:
    low, high, words = _known(reason)
    usually = "usually" if _similar(reason) is None else "in flows like it"
    if words is not None:
        *others, last = [word or "a rare value" for word in words] or ["a rare value"]
        return f"{usually} {', '.join(others)} or {last}" if others else f"{usually} {last}"
    if isinstance(low, str) or isinstance(high, str):
        return f"{usually} {_word(reason, low)} to {_word(reason, high)}"
    return f"{usually} {quantities(low, high, reason.unit)}"


def _similar(reason: FeatureReason) -> tuple[Value, Value, tuple[str, ...] | None] | None:
    if reason.similar_low is None:
        return None
    return reason.similar_low, reason.similar_high, reason.similar_values


def _known(reason: FeatureReason) -> tuple[Value, Value, tuple[str, ...] | None]:
    """What is usual for flows like it, else for all: low, high, words."""
    return _similar(reason) or (reason.usual_low, reason.usual_high, reason.usual_values)


def _actual(reason: FeatureReason) -> str:
    if reason.actual is None and reason.usual_values is None:
        return f"{MISSING} (counted as {quantity(0.0, reason.unit)})"
    return _word(reason, reason.actual)


def _word(reason: FeatureReason, value: Value) -> str:
    if isinstance(value, str):
        return value or "a rare value"
    return quantity(value, reason.unit)


class _Told:
    """What can be told of each of n flows."""

    def __init__(
        self,
        detector: Detector,
        flows: Flows,
        expected: Mapping[str, NDArray[Any]],
        share: NDArray[np.float64],
    ) -> None:
        self._detector, self._flows, self._expected = detector, flows, expected
        self._share = share
        self._place = {name: k for k, name in enumerate(detector.features)}
        self._near: Counterfactuals | None = None
        if (near := detector.derived(_near)) is not None:
            self._near, self._values = near
            self._inputs = detector.bundle.preprocessor.transform(flows)
            self._order = self._near.order(self._inputs)

    def reason(self, row: int, name: str, first: int | None = None) -> FeatureReason:
        """A feature's part; ``first`` is a prototype that is like the flow, besides the nearest."""
        bundle = self._detector.bundle
        usual: tuple[Value, ...] = tuple(bundle.preprocessor.usual.get(name, ()))
        is_category = name in bundle.schema.categorical
        low, high = (usual[0], usual[-1]) if usual else (None, None)
        column = bundle.schema.column(name)
        near: tuple[Any, ...] = ()
        if self._near is not None:
            like = self._order[row, :_LIKE_IT].tolist() if first is None else [first]
            near = tuple(dict.fromkeys(self._values[name][like].tolist()))
            near = near if is_category else (min(near), max(near))
        return FeatureReason(
            name=name,
            actual=_plain(self._flows.columns[name][row]),
            reconstructed=_within(_plain(self._expected[name][row], empty=""), column),
            usual_low=low,
            usual_high=high,
            share=float(self._share[row, self._place[name]]),
            usual_values=tuple(map(str, usual)) if is_category else None,
            unit=column.unit,
            similar_low=near[0] if near else None,
            similar_high=near[-1] if near else None,
            similar_values=near if near and is_category else None,
        )

    def what_if(self, row: int) -> WhatIf | None:
        """The changes that would make the flow no alert; None without prototypes."""
        if self._near is None:
            return None
        one = self._inputs.select(slice(row, row + 1))
        found = self._near.find(one, self._order[row])
        if not found.changes:  # there is nothing that a benign flow like it has otherwise
            return None
        return WhatIf(
            causes=self._causes(row, found),
            score=found.score,
            threshold=float(self._detector.threshold.value),
            is_under=found.is_under,
        )

    def _causes(self, row: int, found: Counterfactual) -> tuple[Cause, ...]:
        causes = []
        for family, after in zip(found.changes, found.scores, strict=True):
            reasons = tuple(self.reason(row, name, found.prototype) for name in family.members)
            causes.append(Cause(family.name, reasons, after))
        return tuple(causes)


def _near(detector: Detector) -> tuple[Counterfactuals, dict[str, NDArray[Any]]] | None:
    """The prototypes that raise no alert, and their values; None where the bundle has none."""
    prototypes = detector.bundle.prototypes
    if prototypes is None:
        return None
    found = Counterfactuals(detector, prototypes)
    return found, _values(detector, found.inputs)


def _values(detector: Detector, inputs: ModelInput) -> dict[str, NDArray[Any]]:
    """Of each feature what the prototypes have, shape ``(k,)``: float64, or words."""
    fitted = detector.bundle.preprocessor
    numbers = {
        f.name: inputs.numeric[:, k].astype(np.float64) for k, f in enumerate(fitted.numeric)
    }
    return numbers | {
        known.name: np.array(("", *known.values), object)[inputs.categorical[:, k]]
        for k, known in enumerate(fitted.categorical)
    }


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
