"""Flows in, scores and their meaning out: the same numbers for any cut into batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import Bundle, StateFolder
from edgeguard_core.detection.shares import top_features
from edgeguard_core.errors import SchemaError
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.flows import Flows, Labels, Schema
from edgeguard_core.inference import RawScores, Scorer
from edgeguard_core.thresholds import Calibration, Threshold

T = TypeVar("T")

_ROWS_AT_ONCE: Final = 65_536  # bounds the float64 in-betweens of a large table


@dataclass(frozen=True)
class ScoredFlows:
    """What a detector says about each flow; n flows, F features.

    Attributes
    ----------
    scores
        Higher is odder, never negative, float32, shape ``(n,)``.
    p_values
        Share of held-out benign flows that score at least as high, float64, ``(n,)``.
    extrapolated
        Which p-values lie beyond the largest calibration score, and come from the fitted tail.
    severity
        0 to 100, from the p-value alone: no threshold changes it.
    feature_errors
        What each feature adds to the score (before dividing by the expanded columns), ``(n, F)``.
    features
        Names of the F features.
    line
        Line of each flow in its source, ``(n,)``.
    """

    scores: NDArray[np.float32]
    p_values: NDArray[np.float64]
    extrapolated: NDArray[np.bool_]
    severity: NDArray[np.int64]
    feature_errors: NDArray[np.float32]
    features: tuple[str, ...]
    labels: Labels | None
    line: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def top_features(self, k: int = 3) -> list[str]:
        """The ``k`` features that weigh most in each score: ``"name 41 %; name 22 %"``."""
        return top_features(self.feature_errors, self.features, k)


class Detector:
    """A bundle at work, with the threshold and calibration that are in force for it.

    Not safe for use by two threads at once, as a TFLite interpreter is not: one each.

    Parameters
    ----------
    state
        Folder of local thresholds and calibrations; by default ``BUNDLE.state`` beside the
        bundle. It need not exist.
    threads
        Of the runtime. One is fastest for models of this size.
    """

    def __init__(
        self, bundle: Bundle, state: StateFolder | Path | str | None = None, threads: int = 1
    ) -> None:
        self.bundle = bundle
        self.state = state if isinstance(state, StateFolder) else StateFolder.of(bundle, state)
        self._scorer = Scorer(bundle.model, threads=threads)
        self._current = self.state.current(bundle)
        self._derived: dict[Callable[[Detector], Any], Any] = {}

    def refresh(self) -> None:
        """Look into the state folder again: a threshold may have been set since."""
        self._current = self.state.current(self.bundle)
        self._derived.clear()

    def derived(self, make: "Callable[[Detector], T]") -> "T":
        """What ``make`` works out of this detector, kept until its threshold may have changed."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: T = self._derived[make]
        return found

    @property
    def threshold(self) -> Threshold:
        """The threshold in force; ``threshold.alerts(scores)`` gives the verdicts."""
        return self._current.threshold

    @property
    def calibration(self) -> Calibration:
        """The benign scores that p-values and severity are measured against."""
        return self._current.calibration

    @property
    def origin(self) -> str:
        """Where the threshold comes from: ``"bundle"``, or ``"state 0002"``."""
        return self._current.origin

    @property
    def calibration_origin(self) -> str:
        """Where the calibration comes from: ``"bundle"``, or ``"state 0002"``."""
        return self._current.calibration_origin

    @property
    def calibrated_meter(self) -> str:
        """What counted the flows that the threshold was calibrated on."""
        return self._current.meter

    @property
    def set_at(self) -> str:
        """When the threshold in force was set, or the bundle made, ISO 8601."""
        return self._current.set_at

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each version in the state folder that is not used."""
        return self._current.warnings

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the model's features, in the order of ``feature_errors``."""
        return self.bundle.preprocessor.features

    def promise_holds_for(self, source_format: str) -> bool:
        """Whether the false-alarm promise was calibrated on flows of this source's meter.

        Also False when the threshold promises nothing.
        """
        return (
            self.threshold.promised_false_positive_rate is not None
            and source_format.casefold() == self.calibrated_meter.casefold()
        )

    def promise_warning(self, source_format: str) -> str | None:
        """The sentence for a promise that another meter withdraws; None where none is broken."""
        if self.threshold.promised_false_positive_rate is None or self.promise_holds_for(
            source_format
        ):
            return None
        return (
            f"The false-alarm promise of {self.threshold.promised_false_positive_rate:g} is "
            f"withdrawn: it was calibrated on {self.calibrated_meter} flows, these are "
            f"{source_format}; calibrate on local benign flows with edgeguard threshold "
            f"{self.bundle.path} --calibrate FILE."
        )

    def check(self, schema: Schema, columns: Sequence[str] | None = None) -> None:
        """Refuse flows that the model cannot read, before any of them is scored.

        Raises
        ------
        SchemaError
            If they are of another schema, or one of the model's columns is absent.
        """
        mine = self.bundle.schema
        if (schema.name, schema.version) != (mine.name, mine.version):
            raise SchemaError(
                f"These flows are of schema {schema.name!r} (version {schema.version}), bundle "
                f"{self.bundle.path} was trained on {mine.name!r} (version {mine.version}): give "
                "flows of that schema, or train a bundle on these."
            )
        absent = [] if columns is None else sorted(set(self.features) - set(columns))
        if absent and set(absent) <= set(mine.context):
            raise SchemaError(
                f"These flows lack the history of their hosts, which bundle {self.bundle.path} was "
                "trained on: add it with edgeguard_core.features.context.with_context."
            )
        if absent:
            raise SchemaError(
                f"These flows lack column {absent[0]!r} of schema {mine.name!r}, which bundle "
                f"{self.bundle.path} was trained on ({len(absent)} of {len(self.features)} "
                "absent): give flows that have it, or train a bundle on these."
            )

    def prepared(self, flows: Flows) -> ModelInput:
        """The flows as the model reads them; a model prepared alike can read the same.

        Raises
        ------
        SchemaError
            As ``score`` does.
        """
        self.check(flows.schema, tuple(flows.columns))
        return self.bundle.preprocessor.transform(flows)

    def score(self, flows: Flows, inputs: ModelInput | None = None) -> ScoredFlows:
        """Score, p-value, severity and feature errors of each flow; no verdict yet.

        Parameters
        ----------
        inputs
            What ``prepared`` made of these flows, where it is there already.

        Raises
        ------
        SchemaError
            If the flows are of another schema, or one of the model's columns is absent.
        """
        raw = self.raw(flows, inputs=inputs)
        p_values, extrapolated = self.calibration.p_values(raw.score)
        return ScoredFlows(
            scores=raw.score,
            p_values=p_values,
            extrapolated=extrapolated,
            severity=self.calibration.severity(p_values).astype(np.int64),
            feature_errors=raw.feature_errors,
            features=self.features,
            labels=flows.labels,
            line=flows.line,
        )

    def raw(
        self, flows: Flows, *, details: bool = False, inputs: ModelInput | None = None
    ) -> RawScores:
        """What the model itself answers; with ``details`` also its reconstruction.

        ``inputs`` are as of ``score``.

        Raises
        ------
        SchemaError
            As ``score`` does.
        """
        if inputs is not None:
            return self._scorer.score(inputs, details=details)
        self.check(flows.schema, tuple(flows.columns) if len(flows) else None)
        if not len(flows) and set(self.features) - set(flows.columns):
            flows = _without_rows(flows, self.bundle)
        answers = [
            self._scorer.score(self.bundle.preprocessor.transform(part), details=details)
            for part in _parts(flows)
        ]
        return answers[0] if len(answers) == 1 else _joined(answers)

    def score_inputs(self, inputs: ModelInput) -> NDArray[np.float32]:
        """Scores of flows as the model reads them, shape ``(n,)``: for flows that are thought of.

        Raises
        ------
        SchemaError
            If they have other columns than the model's, or hold NaN or infinity.
        """
        return self._scorer.score(inputs).score


def _parts(flows: Flows) -> Iterator[Flows]:
    if len(flows) <= _ROWS_AT_ONCE:
        yield flows
        return
    for start in range(0, len(flows), _ROWS_AT_ONCE):
        yield flows.select(np.arange(start, min(start + _ROWS_AT_ONCE, len(flows))))


def _without_rows(flows: Flows, bundle: Bundle) -> Flows:
    """An empty table with all columns: a file without rows has no column to lack."""
    numeric = {feature.name for feature in bundle.preprocessor.numeric}
    columns: dict[str, NDArray[Any]] = {
        name: np.zeros(0, np.float64 if name in numeric else np.object_)
        for name in bundle.preprocessor.features
    }
    return Flows(flows.schema, columns, flows.labels, flows.line)


def _joined(answers: list[RawScores]) -> RawScores:
    def join(arrays: list[NDArray[Any] | None]) -> NDArray[Any] | None:
        there = [array for array in arrays if array is not None]
        return np.concatenate(there) if len(there) == len(arrays) else None

    return RawScores(
        score=np.concatenate([answer.score for answer in answers]),
        feature_errors=np.concatenate([answer.feature_errors for answer in answers]),
        reconstruction=join([answer.reconstruction for answer in answers]),
        latent=join([answer.latent for answer in answers]),
    )
