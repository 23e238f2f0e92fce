"""Golden vectors: inputs with the answers they got where the bundle was made.

A box holds its own runtime to them before it trusts it: another processor, another release of
the runtime or a damaged install answers otherwise, and would do so silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle.bundle import Bundle
from edgeguard_core.bundle.files import GOLDEN, PARITY
from edgeguard_core.errors import BundleError, EdgeGuardError, ParityError
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.features.transform import filled, inverse
from edgeguard_core.inference import Scorer, runtime_name

ROWS: Final = 96
MOST_ROWS: Final = 1024
FAR: Final = 30.0  # standard deviations of the oddest synthetic row
# Runtimes order their sums differently; eight-bit kernels may then round to the next step.
TOLERANCE: Final = {"float32": 1e-3, "float16": 1e-3}
TOLERANCE_OF_OTHERS: Final = 5e-2


@dataclass(frozen=True)
class Golden:
    """Inputs and what they were answered; n rows.

    Attributes
    ----------
    scores
        Shape ``(n,)``, float32.
    alerts
        Whether each was an alert at the bundle's own threshold, ``(n,)``.
    """

    inputs: ModelInput
    scores: NDArray[np.float32]
    alerts: NDArray[np.bool_]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of ``golden.npz``."""
        return {
            "numeric": self.inputs.numeric,
            "categorical": self.inputs.categorical,
            "scores": self.scores,
            "alerts": self.alerts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Golden":
        """What ``to_arrays`` gave.

        Raises
        ------
        ValueError, KeyError
            If an array is absent or has another shape than the others.
        """
        numeric = np.asarray(arrays["numeric"], np.float32)
        categorical = np.asarray(arrays["categorical"], np.int32)
        scores = np.asarray(arrays["scores"], np.float32)
        alerts = np.asarray(arrays["alerts"], np.bool_)
        rows = len(scores)
        if not 0 < rows <= MOST_ROWS or scores.ndim != 1 or alerts.shape != scores.shape:
            raise ValueError("its scores are not one a row")
        if numeric.shape[:1] != (rows,) or categorical.shape[:1] != (rows,):
            raise ValueError("its inputs are not one a score")
        return cls(ModelInput(numeric, categorical), scores, alerts)


@dataclass(frozen=True)
class Proof:
    """How near this machine's answers come to those of the machine that made the bundle."""

    rows: int
    largest_difference: float  # relative
    runtime: str

    def to_json(self) -> dict[str, Any]:
        """The proof as plain JSON values."""
        return vars(self).copy()


def make_golden(bundle: Bundle, *, keep_rows: bool = False, seed: int = 0) -> Golden:
    """Golden vectors of a bundle, answered by the runtime of this machine.

    Parameters
    ----------
    keep_rows
        Take the rows of ``parity.npz`` where the bundle has them, which may be of real traffic.
        Otherwise rows are made from what the manifest says is usual, and reveal nothing more.

    Examples
    --------
    >>> from edgeguard_core.pipeline.demo import shipped
    >>> golden = make_golden(Bundle.load(shipped().bundle))
    >>> len(golden.scores), bool(golden.alerts.any()), bool(golden.alerts.all())
    (96, True, False)
    """
    if keep_rows and PARITY in bundle.files:
        stored = bundle.arrays(PARITY)
        inputs = ModelInput(stored["numeric"], stored["categorical"]).select(slice(0, ROWS))
    else:
        inputs = synthetic_inputs(bundle.preprocessor, seed)
    scores = Scorer(bundle.model).score(inputs).score
    return Golden(inputs, scores, bundle.threshold.alerts(scores))


def synthetic_inputs(preprocessor: Preprocessor, seed: int) -> ModelInput:
    """Rows from well within the usual to far outside it, so that both verdicts occur."""
    random = np.random.default_rng(seed)
    # Half of the rows about the mean of training; the rest ever farther out.
    reach = np.concatenate([np.linspace(0.0, 1.0, ROWS // 2), np.geomspace(1.0, FAR, ROWS // 2)])
    numeric = np.empty((ROWS, len(preprocessor.numeric)), np.float32)
    for column, feature in enumerate(preprocessor.numeric):
        u = feature.mean + feature.scale * reach * random.standard_normal(ROWS)
        numeric[:, column] = filled(inverse(u, feature.transform))
    categorical = np.empty((ROWS, len(preprocessor.categorical)), np.int32)
    for column, known in enumerate(preprocessor.categorical):
        categorical[:, column] = random.integers(0, known.bins, ROWS)
        categorical[: ROWS // 2, column] = min(1, known.bins - 1)  # the most frequent value
    return ModelInput(numeric, categorical)


def prove(bundle: Bundle) -> Proof:
    """The proof that the runtime of this machine answers as it did where the bundle was made.

    Raises
    ------
    ParityError
        If a score lies off by more than rounding, or a verdict differs.
    BundleError
        If the bundle carries no golden vectors, or unreadable ones.
    """
    if GOLDEN not in bundle.files:
        raise BundleError(
            f"Bundle {bundle.path} carries no {GOLDEN}, so nothing shows that it answers here as "
            "it should: export it with edgeguard deploy or edgeguard bundle publish."
        )
    try:
        golden = Golden.from_arrays(bundle.arrays(GOLDEN))
        found = Scorer(bundle.model).score(golden.inputs).score
    except BundleError:
        raise
    except (EdgeGuardError, ValueError, KeyError) as error:
        raise BundleError(
            f"{GOLDEN} of bundle {bundle.path} does not hold what it should ({error}): export the "
            "bundle again."
        ) from error
    difference = np.abs(found - golden.scores) / np.maximum(golden.scores, 1e-6)
    worst = float(difference.max())
    tolerance = TOLERANCE.get(bundle.variant, TOLERANCE_OF_OTHERS)
    if worst > tolerance:
        row = int(difference.argmax())
        raise ParityError(
            f"Bundle {bundle.path} answers {found[row]:.6g} here where {golden.scores[row]:.6g} "
            f"was answered when it was made (golden row {row}): install the runtime again, or "
            "ship the bundle as float32."
        )
    near = np.abs(golden.scores / bundle.threshold.value - 1.0) <= tolerance
    wrong = (bundle.threshold.alerts(found) != golden.alerts) & ~near
    if wrong.any():
        raise ParityError(
            f"Bundle {bundle.path} gives another verdict here on {int(wrong.sum())} of "
            f"{len(found)} golden rows than when it was made: export it again."
        )
    return Proof(len(found), worst, runtime_name())
