"""Flows that nobody labelled and that look like an attack: left out of training, and told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.table import UNLABELLED, Flows
from edgeguard_core.pipeline.attack_signs import attack_signs
from edgeguard_core.pipeline.sign import Sign
from edgeguard_core.pipeline.splits import NormalFlows
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS, needed_rows

MOST_SUSPECTED = 0.2
"""Share of the flows that may be left out unasked. A network in which more looks like an attack
is under attack, or is simply like that; only its people know which."""

_MOST_REASONS = 3
KEPT_AS_ASKED, KEPT_AS_MANY, KEPT_AS_FEW_ELSE = "asked", "too many", "too few else"


@dataclass(frozen=True)
class Suspicion:
    """What looks like an attack among the flows that would be learned as normal.

    Attributes
    ----------
    left_out
        Positions among the normal flows that are neither fitted nor calibrated on, ``(m,)``.
    suspected
        How many of the flows that nobody labelled show a sign of attack.
    share
        Of all normal flows.
    kept
        Why they are learned all the same; None where they are left out or there are none.
    """

    left_out: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    suspected: int = 0
    share: float = 0.0
    reasons: tuple[str, ...] = ()
    kept: str | None = None
    warnings: tuple[str, ...] = ()

    def cleaned(self, normal: NormalFlows) -> NormalFlows:
        """The normal flows without those that are left out, and with what a person is told."""
        some = np.zeros(len(normal.flows), np.bool_)
        some[self.left_out] = True
        return normal.without(some, self.warnings)

    def to_json(self) -> dict[str, Any]:
        """What a bundle remembers of it, and what ``train --json`` prints."""
        return {
            "flows": self.suspected,
            "share": round(self.share, 6),
            "learned": self.kept is not None,
            "reasons": list(self.reasons),
        }


def nobody_judged(flows: Flows) -> NDArray[np.bool_]:
    """Which flows have no label, ``(n,)``; without labels, all."""
    if flows.labels is None:
        return np.ones(len(flows), np.bool_)
    unlabelled: NDArray[np.bool_] = flows.labels.label == UNLABELLED
    return unlabelled


def suspect(
    normal: NormalFlows,
    open_rows: NDArray[np.bool_],
    timeline: NDArray[np.int64],
    *,
    keep: bool = False,
    held_out: float,
    promise: float,
    whose: str = "labelled",
) -> Suspicion:
    """Which of the normal flows look like an attack, and whether they are learned.

    A label is the person's word: a flow labelled benign is learned, and only told of. The others
    are left out unless asked for (``keep``), unless they are more than ``MOST_SUSPECTED``, or
    unless the rest would be too few to learn, or to promise what all of them could.

    Parameters
    ----------
    open_rows
        Which of the normal flows nobody labelled, ``(n,)``.
    timeline
        Which file each of them is from, ``(n,)``.
    held_out
        Share that calibrates.
    promise
        The false-alarm rate that is asked for.
    whose
        How a person said of the others that they are benign, for the warning.
    """
    signs = attack_signs(normal.flows, timeline)
    told = _labelled_warning(signs, open_rows, whose)
    marked = np.zeros(len(open_rows), np.bool_)
    for sign in signs:
        marked[sign.rows] = True
    rows = np.flatnonzero(marked & open_rows)
    if not len(rows):
        return Suspicion(warnings=told)
    n = len(open_rows)
    kept = _why_kept(n, len(rows), keep, held_out, promise)
    reasons = _reasons(signs, open_rows)
    return Suspicion(
        left_out=rows if kept is None else rows[:0],
        suspected=len(rows),
        share=len(rows) / n,
        reasons=reasons,
        kept=kept,
        warnings=(_sentence(len(rows), n, reasons, kept), *told),
    )


def _why_kept(n: int, suspected: int, keep: bool, held_out: float, promise: float) -> str | None:
    if keep:
        return KEPT_AS_ASKED
    if suspected > MOST_SUSPECTED * n:
        return KEPT_AS_MANY
    rest, enough = n - suspected, needed_rows(promise)
    loses_promise = rest * held_out < enough <= n * held_out
    return KEPT_AS_FEW_ELSE if rest < MINIMUM_BENIGN_ROWS or loses_promise else None


def flows_for_promise(promise: float, held_out: float) -> int:
    """Fewest benign flows whose held-out share can promise a false-alarm rate.

    >>> flows_for_promise(0.01, 0.2)
    495
    """
    return math.ceil(needed_rows(promise) / held_out)


def _reasons(signs: Sequence[Sign], among: NDArray[np.bool_]) -> tuple[str, ...]:
    """The commonest signs with their flows, and how many more there are."""
    counted = [(int(among[sign.rows].sum()), sign.reason) for sign in signs]
    found = sorted((pair for pair in counted if pair[0]), key=lambda pair: -pair[0])
    listed = [f"{reason} ({count:,} flows)" for count, reason in found[:_MOST_REASONS]]
    more = len(found) - len(listed)
    return (*listed, *([f"{more} more such signs"] if more else []))


def _sentence(suspected: int, n: int, reasons: Sequence[str], kept: str | None) -> str:
    why = "; ".join(reasons)
    start = f"{suspected:,} of {n:,} training flows ({_percent(suspected / n)}) look like an attack"
    if kept is None:
        return (
            f"{start} and are left out: {why}. More of it may be among the others, so look there; "
            "where this is normal, learn it with --keep-suspected."
        )
    if kept == KEPT_AS_ASKED:
        return f"{start}, and are learned as normal, as asked: {why}."
    because = {
        KEPT_AS_MANY: "are too many to leave out unasked",
        KEPT_AS_FEW_ELSE: "without them too few would be left",
    }[kept]
    joined = "and" if kept == KEPT_AS_MANY else "but"
    return (
        f"{start}, {joined} {because}, so they are learned as normal: {why}. Take them out of the "
        "file, or train on a quieter time; where this is normal, say so with --keep-suspected."
    )


def _labelled_warning(
    signs: Sequence[Sign], open_rows: NDArray[np.bool_], whose: str
) -> tuple[str, ...]:
    judged = ~open_rows
    reasons = _reasons(signs, judged)
    if not reasons:
        return ()
    marked = np.zeros(len(judged), np.bool_)
    for sign in signs:
        marked[sign.rows] = True
    return (
        f"{int((marked & judged).sum()):,} flows {whose} benign look like an attack, and are "
        f"learned as normal: {'; '.join(reasons)}.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
