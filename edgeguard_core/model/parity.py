"""Whether a variant of the model gives the verdicts of the reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import BundleError, NotEnoughDataError, ParityError
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.inference import Scorer
from edgeguard_core.thresholds.threshold import Threshold

VERDICT_PERCENTILE = 95.0
"""Each variant's own percentile of its benign scores, above which a flow counts as an alert."""

FIGURES = ("spearman", "verdict_jaccard", "roc_auc_change")

SWAPPED_SHARE = 0.25
"""Share of a row's cells that a perturbation takes from other rows."""


@dataclass(frozen=True)
class ParityLimits:
    """What a variant must reach."""

    spearman: float = 0.99
    verdict_jaccard: float = 0.9
    roc_auc_change: float = 0.005


@dataclass(frozen=True)
class ParityReport:
    """How near a variant comes to the reference, on flows neither was fitted to.

    Attributes
    ----------
    spearman
        Rank correlation of the two variants' benign scores; 0 where only one has no order at all.
    verdict_jaccard
        Flows both alert on, divided by flows either alerts on, each above its own 95th
        percentile of benign scores, benign flows and the others together.
    roc_auc_change
        Absolute difference of the two ROC AUC.
    against
        ``"attacks"``, or ``"perturbed rows"`` where no attack was at hand.
    failures
        One clause a failed figure, empty when the variant passed.
    """

    spearman: float
    verdict_jaccard: float
    roc_auc_change: float
    against: str
    failures: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether every figure is within its limit."""
        return not self.failures

    def require(self, variant: str = "The variant") -> None:
        """Nothing, when the variant passed.

        Raises
        ------
        ParityError
            Naming each failed figure, with its limit.
        """
        if self.failures:
            raise ParityError(
                f"{variant} does not answer like float32: {'; '.join(self.failures)}. "
                "Ship another variant."
            )

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values; a figure that could not be had is None."""
        figures = {name: getattr(self, name) for name in FIGURES}
        return {
            **{name: value if np.isfinite(value) else None for name, value in figures.items()},
            "against": self.against,
            "passed": self.passed,
            "failures": list(self.failures),
        }


def check_parity(
    reference: bytes,
    candidate: bytes,
    benign: ModelInput,
    attacks: ModelInput | None = None,
    limits: ParityLimits | None = None,
    seed: int = 0,
) -> ParityReport:
    """How near the candidate's scores come to the reference's.

    Parameters
    ----------
    reference, candidate
        TFLite files of one set of weights.
    benign
        Held-out benign flows. Flows the model was fitted to would hide differences in the
        tail, where verdicts are made.
    attacks
        Flows labelled attack; without any, perturbed benign rows stand in for them.

    Raises
    ------
    NotEnoughDataError
        With fewer than two benign flows there are no ranks to compare.
    """
    if len(benign) < 2:
        raise NotEnoughDataError(
            f"Parity was to be checked on {len(benign)} benign flows; hold out at least 2."
        )
    limits = limits or ParityLimits()
    no_attacks = attacks is None or not len(attacks)
    others = perturbed(benign, seed) if attacks is None or no_attacks else attacks
    rows = ModelInput.concat([benign, others])
    is_other = np.arange(len(rows)) >= len(benign)
    ours = Scorer(reference).score(rows).score
    against = "perturbed rows" if no_attacks else "attacks"
    try:
        theirs = Scorer(candidate).score(rows).score
    except BundleError as error:
        nothing = float("nan")
        return ParityReport(nothing, nothing, nothing, against, (f"it cannot score ({error})",))
    figures = {
        "spearman": spearman(ours[~is_other], theirs[~is_other]),
        "verdict_jaccard": _jaccard(_verdicts(ours, is_other), _verdicts(theirs, is_other)),
        "roc_auc_change": abs(_roc_auc(ours, is_other) - _roc_auc(theirs, is_other)),
    }
    return ParityReport(**figures, against=against, failures=_failures(figures, limits))


def perturbed(rows: ModelInput, seed: int) -> ModelInput:
    """Rows that do not hang together: some cells of each come from other rows.

    Each cell alone is as usual as before, so a model has to know how features go together to
    tell them apart; a coarse variant loses that first. One number of each row is also
    multiplied by up to a thousand.

    Examples
    --------
    >>> row = ModelInput(np.ones((3, 4), np.float32), np.ones((3, 2), np.int32))
    >>> odd = perturbed(row, seed=0)
    >>> (odd.numeric > 1).sum(axis=1).tolist(), odd.categorical.tolist()
    ([1, 1, 1], [[1, 1], [1, 1], [1, 1]])
    """
    rng = np.random.default_rng(seed)
    numeric = _swapped(rows.numeric, rng)
    categorical = _swapped(rows.categorical, rng)
    if numeric.shape[1]:
        each = np.arange(len(numeric))
        column = rng.integers(0, numeric.shape[1], len(numeric))
        numeric[each, column] *= np.exp(rng.uniform(0.1, np.log(1000), len(numeric)))
    return ModelInput(numeric, categorical)


def _swapped(cells: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    n, n_columns = cells.shape
    donors = rng.integers(0, n, cells.shape)
    swap = rng.random(cells.shape) < SWAPPED_SHARE
    return np.where(swap, cells[donors, np.arange(n_columns)], cells)


def _verdicts(scores: NDArray[np.float32], is_other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    value = np.percentile(scores[~is_other], VERDICT_PERCENTILE)
    return Threshold(float(value), "percentile", VERDICT_PERCENTILE, "parity").alerts(scores)


def _jaccard(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    either = int(np.count_nonzero(ours | theirs))
    return int(np.count_nonzero(ours & theirs)) / either if either else 1.0


def spearman(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Rank correlation of two models' scores of the same flows, each ``(n,)`` (Spearman 1904).

    >>> round(spearman(np.float32([1, 2, 3, 4]), np.float32([10, 20, 40, 30])), 3)
    0.8
    """
    from scipy.stats import rankdata

    ranks = [rankdata(scores) - (len(scores) + 1) / 2 for scores in (ours, theirs)]
    length = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    if not length:  # one has no order at all: alike only if the other has none either
        return float(not ranks[0].any() and not ranks[1].any())
    return float((ranks[0] * ranks[1]).sum()) / length


def _roc_auc(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    from scipy.stats import rankdata

    n = int(np.count_nonzero(positive))
    wins = float(rankdata(scores)[positive].sum()) - n * (n + 1) / 2
    return wins / (n * (len(scores) - n))


def _failures(figures: dict[str, float], limits: ParityLimits) -> tuple[str, ...]:
    clauses: Sequence[tuple[bool, str]] = (
        (
            figures["spearman"] >= limits.spearman,
            f"Spearman is {figures['spearman']:.4f}, at least {limits.spearman:g} is needed",
        ),
        (
            figures["verdict_jaccard"] >= limits.verdict_jaccard,
            f"Jaccard of the verdicts is {figures['verdict_jaccard']:.3f}, "
            f"at least {limits.verdict_jaccard:g} is needed",
        ),
        (
            figures["roc_auc_change"] <= limits.roc_auc_change,
            f"ROC AUC changes by {figures['roc_auc_change']:.4f}, "
            f"at most {limits.roc_auc_change:g} is allowed",
        ),
    )
    return tuple(clause for reached, clause in clauses if not reached)
