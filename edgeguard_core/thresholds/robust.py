"""A promised false-alarm rate from local flows among which a few attacks may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds.edges import conformal_rank

CONTAMINATION: Final = 0.01
"""Share of the calibrating flows that may be attacks, where nobody says otherwise."""

MOST_CONTAMINATION: Final = 0.5

USUAL_IN_A_BURST: Final = 2
"""Odd flows of one host and window that benign traffic has now and then; the third makes an
incident, and is what an attack looks like."""

ALONE: Final = -1
"""The burst of a flow whose host or time nobody knows: it is never left out."""


@dataclass(frozen=True)
class RobustRank:
    """Which of n calibrating scores a promise rests on, and which were left out as suspicious.

    Attributes
    ----------
    left_out
        Which flows do not calibrate, shape ``(n,)``.
    suspicious
        Flows that would be left out if any share of them might be attacks.
    at_most
        The false-alarm rate of benign flows at the threshold, whichever flows were attacks, as
        long as they are at most the share that was allowed for.
    """

    left_out: NDArray[np.bool_]
    suspicious: int
    at_most: float


def leave_out_bursts(
    scores: ArrayLike,
    bursts: ArrayLike,
    alpha: float,
    contamination: float = CONTAMINATION,
) -> RobustRank:
    """Which of some local flows shall not calibrate, since they come as attacks do.

    Among n flows at most a share c may be attacks, nobody knows which. Split conformal on all of
    them errs on the quiet side: attacks score high, so the threshold rises, and the promise to
    benign flows holds (Bashari, Sesia and Romano, *Robust Conformal Outlier Detection under
    Contaminated Reference Data*, ICML 2025) while further attacks hide below it; with c above
    alpha it lies among the attacks. Leaving out the c·n highest scores errs on the loud side:
    no attack hides more than with clean flows, and up to alpha + c of benign ones alert.

    Between the two decides what is known of attacks: they come in bursts of one host, while
    benign oddities are spread. From the highest score downwards the first two flows of each
    burst (a host in a window of ten minutes) calibrate; every further one is left out, until
    c·n are, or the next lies below the threshold that the others give. So the threshold is

    - that of plain split conformal where c is 0 or the tail is spread,
    - never below that of trimming the ⌊c·n⌋ highest scores, and never rises with c,
    - reached by benign flows at a rate of at most (n + 1 − k)/(n − ⌊c·n⌋ + 1), k the rank it
      rests on: alpha if nothing was left out, below (alpha + c)/(1 − c) if all of that was
      benign after all. As every conformal promise on average over calibrations, for flows
      exchangeable with these, and not counting that the scores chose how many to leave out.

    Nothing is promised about recall: an attacker who stays below the threshold, or sends two
    flows in ten minutes, calibrates like everybody else.

    Parameters
    ----------
    scores
        Of all calibrating flows, higher is odder, shape ``(n,)``; no NaN.
    bursts
        Same number for flows of one host and window, ``ALONE`` where unknown, int, ``(n,)``.
    alpha
        False-alarm rate to promise, in ``(0, 1)``.
    contamination
        c, from 0 up to below one half.

    Raises
    ------
    EdgeGuardError
        If ``contamination`` is not in that range.
    NotEnoughDataError
        If there is no flow.

    Examples
    --------
    A hundred flows spread over hosts, and a burst of four with high scores; of these two stay:

    >>> scores, hosts = np.arange(104.0), np.append(np.arange(100), [7777] * 4)
    >>> leave_out_bursts(scores, hosts, 0.05, 0.05).left_out.nonzero()[0].tolist()
    [100, 101]
    >>> int(leave_out_bursts(scores, hosts, 0.05, 0.0).left_out.sum())
    0
    """
    require_contamination(contamination)
    values = np.asarray(scores, np.float32)
    n = len(values)
    if n == 0:
        raise NotEnoughDataError("There is no flow to calibrate on: give some hours of traffic.")
    order = np.argsort(values, kind="stable")  # ascending
    position = np.empty(n, np.int64)
    position[order] = np.arange(n)
    candidates = _beyond_usual(order[::-1], np.asarray(bursts, np.int64))
    budget = int(contamination * n)
    taken = suspicious = 0
    rank = _rank(n, 0, alpha)
    for flow in position[candidates].tolist():
        # What was left out lies above the rank, so ranks among the others are those among all.
        if flow < _rank(n, suspicious, alpha):
            break
        suspicious += 1
        if suspicious <= budget:
            taken, rank = suspicious, _rank(n, suspicious, alpha)
    left_out = np.zeros(n, np.bool_)
    left_out[candidates[:taken]] = True
    return RobustRank(left_out, suspicious, min(1.0, (n + 1 - rank) / (n - budget + 1)))


def require_contamination(share: float) -> None:
    """Nothing, or an ``EdgeGuardError`` for a share of attacks that cannot be allowed for.

    >>> require_contamination(0.01)
    """
    if not 0.0 <= share < MOST_CONTAMINATION:
        raise EdgeGuardError(
            f"A share of {share:g} attacks cannot be allowed for: give one from 0 to below "
            f"{MOST_CONTAMINATION:g}, such as {CONTAMINATION:g}."
        )


def _rank(n: int, left_out: int, alpha: float) -> int:
    """Rank that the promise rests on, from 1, among so many flows; the last where too few."""
    return min(conformal_rank(n - left_out, alpha), n - left_out)


def _beyond_usual(descending: NDArray[np.int64], bursts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Flows behind the first two of their burst, the highest score first.

    >>> _beyond_usual(np.array([3, 2, 1, 0]), np.array([5, 5, ALONE, 5])).tolist()
    [0]
    """
    mine = bursts[descending]
    grouped = np.argsort(mine, kind="stable")  # keeps the order of scores within a burst
    starts = np.flatnonzero(np.append(True, np.diff(mine[grouped]) != 0))
    sizes = np.diff(np.append(starts, len(mine)))
    nth = np.empty(len(mine), np.int64)
    nth[grouped] = np.arange(len(mine)) - np.repeat(starts, sizes)
    beyond: NDArray[np.int64] = descending[(nth >= USUAL_IN_A_BURST) & (mine != ALONE)]
    return beyond
