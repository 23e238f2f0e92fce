"""Gates: what a run must hold to, each with its limit and the sentence of its refusal."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.runs.artifacts import (
    AgainstChampion,
    Converted,
    Drifted,
    Evaluated,
    FalseAlarms,
    Validated,
)
from edgeguard_core.pipeline.runs.config import Limits
from edgeguard_core.watch.settings import did_you_mean

SCHEMA, BENIGN_ROWS, CONTAMINATION, DRIFT = "schema", "benign_rows", "contamination", "drift"
CHAMPION, FALSE_ALARMS, PARITY, EDGE_BUDGET = "champion", "false_alarms", "parity", "edge_budget"
GATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        SCHEMA: "rows that break the schema, and columns that are missing",
        BENIGN_ROWS: "benign flows that are too few to learn from",
        CONTAMINATION: "attacks among the flows that would be learned as normal",
        DRIFT: "features that moved against the champion",
        CHAMPION: "a model that is worse than the champion",
        FALSE_ALARMS: "more false alarms on held-out time than promised",
        PARITY: "a variant that does not answer like float32",
        EDGE_BUDGET: "a model too large or too slow for the box",
    }
)
NOT_ACCEPTABLE: Final = frozenset((PARITY,))
"""Gates whose refusal leaves nothing that could be accepted."""
_MOST_NAMED: Final = 5
_MOST_UNREAD: Final = 20  # the new name of a column is among them


@dataclass(frozen=True)
class Refusal:
    """A gate that said no.

    Attributes
    ----------
    can_accept
        Whether ``--accept`` lets the run go on: not where there is nothing to go on with.
    """

    gate: str
    sentence: str
    can_accept: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return vars(self).copy()


@dataclass(frozen=True)
class Acceptance:
    """Somebody's word that a gate's refusal is all right in one run."""

    gate: str
    because: str
    who: str
    when: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON values."""
        return vars(self).copy()


def require_gate(gate: str, because: str) -> None:
    """Nothing, when a gate of this name can be accepted for this reason.

    Raises
    ------
    EdgeGuardError
        If there is no such gate, nobody said why, or it cannot be accepted.

    Examples
    --------
    >>> require_gate("drift", "the new office moved in")
    """
    if gate not in GATES:
        hint = did_you_mean(gate, list(GATES)) or f"; there are {', '.join(GATES)}"
        raise EdgeGuardError(f"No gate is called {gate!r}{hint.rstrip('?.')}.")
    if gate in NOT_ACCEPTABLE:
        raise EdgeGuardError(
            f"Gate {gate} cannot be accepted: there is no bundle then. Convert to another variant."
        )
    if not because.strip():
        raise EdgeGuardError(
            f"Nobody accepts {gate} without a reason: say why with --because TEXT."
        )


def judge_validated(found: Validated, limits: Limits) -> Iterator[Refusal]:
    """What the gates say of the files."""
    if found.problem is not None:
        yield Refusal(SCHEMA, found.problem, can_accept=False)
        return
    if found.rejected_share > limits.most_rejected_share:
        worst = max(found.rejected, key=lambda rule: found.rejected[rule])
        yield Refusal(
            SCHEMA,
            f"{_percent(found.rejected_share)} of the {found.rows:,} rows break schema "
            f"{found.schema!r} (most often: {worst}), {_percent(limits.most_rejected_share)} are "
            "allowed; see validate/rejected.csv.",
        )
    yield from _missing_columns(found, limits)
    learned = found.normal - found.left_out
    if learned < limits.least_rows:
        yield Refusal(
            BENIGN_ROWS,
            f"{learned:,} benign flows are fewer than the {limits.least_rows:,} that are asked "
            "for; give more normal traffic.",
        )
    share = found.suspected / max(found.normal, 1)
    if share > limits.most_suspected_share:
        yield Refusal(
            CONTAMINATION,
            f"{found.suspected:,} of {found.normal:,} flows to be learned as normal "
            f"({_percent(share)}) look like an attack, {_percent(limits.most_suspected_share)} are "
            f"allowed: {'; '.join(found.reasons)}. Take them out, or train on a quieter time.",
        )


def _missing_columns(found: Validated, limits: Limits) -> Iterator[Refusal]:
    if len(found.missing_columns) > limits.most_missing_columns:
        unread = found.unread_columns
        hint = (
            f" ({_named(unread, _MOST_UNREAD)} are not read: is one of them renamed?)"
            if unread
            else ""
        )
        yield Refusal(
            SCHEMA,
            f"{len(found.missing_columns)} columns of schema {found.schema!r} are missing, "
            f"{limits.most_missing_columns} are allowed: {_named(found.missing_columns)}{hint}.",
        )


def judge_drifted(found: Drifted, limits: Limits) -> Iterator[Refusal]:
    """What the gates say of the flows beside the champion."""
    if found.problem is not None:
        yield Refusal(
            SCHEMA,
            f"The flows cannot be held against champion {found.champion}: {found.problem}",
        )
    if found.missing_columns:
        yield Refusal(
            SCHEMA,
            f"Champion {found.champion} reads columns that are missing here: "
            f"{_named(found.missing_columns)}.",
        )
    share = len(found.drifted) / max(found.features, 1)
    if share > limits.most_drifted_share:
        yield Refusal(
            DRIFT,
            f"{len(found.drifted)} of {found.features} features moved against champion "
            f"{found.champion} ({_percent(share)}, {_percent(limits.most_drifted_share)} are "
            f"allowed): {_named(found.drifted)}. {found.verdict}",
        )
    if found.suspected_share > limits.most_suspected_share:
        yield Refusal(
            CONTAMINATION,
            f"Champion {found.champion} finds {_percent(found.suspected_share)} more of the flows "
            "to be learned as normal odd than it should, while the others are as they were, and "
            f"{_percent(limits.most_suspected_share)} are allowed ({_percent(found.alert_share)} "
            f"alert, {_percent(found.expected_alert_share)} is promised): they may be attacks. "
            "Look at them before they are learned.",
        )


def judge_evaluated(found: Evaluated, limits: Limits) -> Iterator[Refusal]:
    """What the gates say of a trained model."""
    yield from _false_alarms(found.false_alarms, limits)
    if found.champion is not None:
        yield from _champion(found.champion, limits)


def _champion(found: AgainstChampion, limits: Limits) -> Iterator[Refusal]:
    if found.problem is not None:
        yield Refusal(
            CHAMPION, f"It cannot be held against champion {found.version}: {found.problem}"
        )
    behind = [
        f"{name.replace('_', ' ')} {-lead['difference']:.3f} "
        f"({-lead['high']:.3f} to {-lead['low']:.3f})"
        for name, lead in found.leads.items()
        if lead["high"] < -limits.most_behind
    ]
    if behind:
        yield Refusal(
            CHAMPION,
            f"It is worse than champion {found.version} on the same flows: behind by "
            f"{', '.join(behind)}; {limits.most_behind:g} is allowed.",
        )
    if found.overlap is not None and found.overlap < limits.least_overlap:
        yield Refusal(
            CHAMPION,
            f"It shares {_percent(found.overlap)} of the alerts with champion {found.version}, "
            f"{_percent(limits.least_overlap)} are asked for; look at what either raises alone.",
        )


def _false_alarms(found: FalseAlarms, limits: Limits) -> Iterator[Refusal]:
    if found.low > found.promised and found.rate > limits.most_times_promised * found.promised:
        yield Refusal(
            FALSE_ALARMS,
            f"The false-alarm promise is broken on held-out time: {_percent(found.rate)} of "
            f"{found.flows:,} benign flows alert ({_percent(found.low)} to "
            f"{_percent(found.high)}), {_percent(found.promised)} is promised and "
            f"{limits.most_times_promised:g} times that is allowed; train on more or later time.",
        )


def judge_converted(found: Converted, limits: Limits) -> Iterator[Refusal]:
    """What the gates say of the bundle that would ship."""
    if found.problem is not None:
        yield Refusal(PARITY, found.problem, can_accept=False)
    if found.false_alarms is not None:
        yield from _false_alarms(found.false_alarms, limits)
    if not found.cost:
        return
    over = [
        f"{what} is {value:,.0f} {unit} and {limit:,.0f} {unit} are allowed"
        for what, value, unit, limit in (
            ("the model", found.cost["model_bytes"] / 1000, "kB", limits.most_kilobytes),
            ("a flow", found.cost["latency_us"]["p99"], "µs", limits.most_latency_us),
            ("the process", found.cost["rss_mb"], "MB", limits.most_memory_mb),
        )
        if value > limit
    ]
    if over:
        yield Refusal(
            EDGE_BUDGET, f"Too much for the box: {'; '.join(over)}. Take a smaller train.size or "
            "convert.variant dynamic_int8.",
        )  # fmt: skip


Judge = Callable[[Any, Limits], Iterator[Refusal]]


def _named(names: list[str], most: int = _MOST_NAMED) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _percent(share: float | None) -> str:
    """A share as a percentage.

    >>> _percent(0.0123), _percent(0.4), _percent(None)
    ('1.23 %', '40 %', '–')
    """
    if share is None or not math.isfinite(share):
        return "–"
    return f"{100 * share:.3g} %"
