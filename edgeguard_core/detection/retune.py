"""What verdicts would change about the threshold; a suggestion, never put in force by itself."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.queue import NO_VERDICT, VERDICT_CODES
from edgeguard_core.detection.review import Verdict
from edgeguard_core.thresholds import Threshold
from edgeguard_core.thresholds.edges import next_above

FEWEST_VERDICTS: Final = 5
MOST_QUIET_SAMPLES: Final = 20
_TRUE, _FALSE, _KNOWN = (
    VERDICT_CODES[word] for word in (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN)
)


@dataclass(frozen=True)
class Effect:
    """What one threshold does to alerts, incidents and verdicts."""

    threshold: float
    alerts: int
    incidents: int | None
    true: int
    false: int
    known: int

    @property
    def precision(self) -> float:
        """Share of true among the judged alerts, known benign ones counted as none; nan without.

        Of judged alerts only, which people chose: not that of all alerts.
        """
        judged = self.true + self.false + self.known
        return self.true / judged if judged else math.nan


@dataclass(frozen=True)
class Retune:
    """A higher threshold that keeps every alert judged true, beside the present one.

    ``candidate`` is None where there is none to suggest, and ``reason`` says why.
    """

    now: Effect
    candidate: Effect | None
    reason: str
    attacks_lost: int | None = None

    @property
    def removed(self) -> int:
        """Alerts judged false or known benign that the candidate no longer raises."""
        if self.candidate is None:
            return 0
        return self.now.false + self.now.known - self.candidate.false - self.candidate.known


def retune(
    scores: NDArray[np.float32],
    verdicts: NDArray[np.int8],
    threshold: Threshold,
    *,
    incident_scores: NDArray[np.float32] | None = None,
    is_attack: NDArray[np.bool_] | None = None,
) -> Retune:
    """The least rise of the threshold that removes the most alerts judged false or known benign.

    No alert judged true is lost. It says what verdicts above the threshold say: nothing is
    known about attacks below it, and the precision is that of the alerts people chose to judge.

    Parameters
    ----------
    scores, verdicts
        Of each flow, ``(n,)``; verdicts are codes of ``VERDICT_CODES`` or ``NO_VERDICT``.
    incident_scores
        Of each incident, ``(i,)``; None where there are none.
    is_attack
        What labels say, ``(n,)``: counts the attacks that would be lost.

    Examples
    --------
    Two alerts judged false lie below the lowest one judged true:

    >>> found = retune(np.float32([2, 3, 4, 9, 5]), np.int8([2, 2, 1, 1, 0]),
    ...                Threshold(1.0, "fixed", 1.0, ""))
    >>> round(found.candidate.threshold, 3), found.removed, found.candidate.true
    (3.0, 2, 2)
    >>> found.candidate.alerts
    3
    """
    now = effect(scores, verdicts, threshold.value, incident_scores)
    if now.true + now.false + now.known < FEWEST_VERDICTS and now.true == 0:
        return Retune(now, None, "few")
    alerts = threshold.alerts(scores)
    true = scores[alerts & (verdicts == _TRUE)]
    unwanted = scores[alerts & ((verdicts == _FALSE) | (verdicts == _KNOWN))]
    if not len(unwanted):
        return Retune(now, None, "none false")
    if not len(true):
        return Retune(now, None, "none true")
    removable = unwanted[unwanted < true.min()]
    if not len(removable):
        return Retune(now, None, "inseparable")
    value = float(next_above(float(removable.max())))
    lost = None
    if is_attack is not None:
        lost = int((is_attack & alerts & (scores < np.float32(value))).sum())
    return Retune(now, effect(scores, verdicts, value, incident_scores), "", lost)


def effect(
    scores: NDArray[np.float32],
    verdicts: NDArray[np.int8],
    value: float,
    incident_scores: NDArray[np.float32] | None = None,
) -> Effect:
    """What alerts at a threshold, and what of it is judged.

    >>> effect(np.float32([1, 2]), np.int8([2, 1]), 2.0).precision
    1.0
    """
    line = Threshold(value, "fixed", value, "")
    judged = verdicts[line.alerts(scores)]
    return Effect(
        threshold=line.value,
        alerts=len(judged),
        incidents=None if incident_scores is None else int(line.alerts(incident_scores).sum()),
        true=int((judged == _TRUE).sum()),
        false=int((judged == _FALSE).sum()),
        known=int((judged == _KNOWN).sum()),
    )


def quiet_sample(
    scores: NDArray[np.float32],
    threshold: Threshold,
    *,
    seed: int,
    most: int = MOST_QUIET_SAMPLES,
) -> NDArray[np.int64]:
    """Positions of random flows below the threshold, ascending; the same for the same seed.

    Judging them says what the threshold misses, which no alert can. They do not depend on
    verdicts, so the sample stays while it is judged.

    >>> quiet_sample(np.float32([1, 9, 2]), Threshold(5, "fixed", 5, ""), seed=0).tolist()
    [0, 2]
    """
    below = np.flatnonzero(~threshold.alerts(scores))
    if len(below) <= most:
        return below
    return np.sort(np.random.default_rng(seed).choice(below, most, replace=False))


def judged_below(sample: NDArray[np.int64], verdicts: NDArray[np.int8]) -> tuple[int, int]:
    """Of a sample below the threshold: how many were judged, and how many of them true.

    >>> judged_below(np.array([0, 2]), np.int8([1, 0, 0]))
    (1, 1)
    """
    found = verdicts[sample]
    return int((found != NO_VERDICT).sum()), int((found == _TRUE).sum())
