"""Verdicts on flows as they come: context, score, threshold, exclusions, incidents, records."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.clock import Clock
from edgeguard_core.detection.detector import Detector, ScoredFlows
from edgeguard_core.detection.explain import Explanation, FeatureReason, explain
from edgeguard_core.detection.incidents import causes, hosts
from edgeguard_core.detection.shares import shares
from edgeguard_core.features.context import COLUMNS, HostContext, has_context, has_needed
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Record
from edgeguard_core.watch.exclusions import LiveExclusions
from edgeguard_core.watch.incidents import MOST_LINES, LiveIncident, LiveIncidents
from edgeguard_core.watch.telling import DURATIONS_MS, FlowFacts, Teller

MOST_EXPLAINED: Final = 64
"""Alerts of one batch that are explained in full; beyond them a flood gets shares alone."""
_TOP = 8
_HASH_BOUND = 64  # windows whose homeless alerts are counted
_MOST_UNTIMED: Final = 100  # flows without a time before the first that has one


@dataclass(frozen=True)
class Judged:
    """What one batch of n flows came to.

    Attributes
    ----------
    records
        Alerts to be told, in the order of their flows.
    is_alert
        Which flows are alerts that nothing hides, shape ``(n,)``.
    scored
        Scores and what they mean, shape ``(n,)`` each.
    hosts, start_ms, end_ms
        Of each flow; nan and None where unknown.
    hidden
        Flows at or above the threshold that an exclusion hides.
    flows
        The flows themselves, with what their hosts did before where a model looks at it.
    seconds
        That scoring them took.
    inputs
        The flows as the model reads them, where somebody else wants them, too.
    """

    records: list[Record]
    is_alert: NDArray[np.bool_]
    scored: ScoredFlows
    hosts: NDArray[np.object_]
    start_ms: NDArray[np.float64]
    end_ms: NDArray[np.float64]
    hidden: int
    flows: Flows
    seconds: float = 0.0
    inputs: ModelInput | None = None

    def after(self, n: int) -> "Judged":
        """The same without the first ``n`` flows; records and ``hidden`` stay."""
        scored = self.scored
        return replace(
            self,
            is_alert=self.is_alert[n:],
            hosts=self.hosts[n:],
            start_ms=self.start_ms[n:],
            end_ms=self.end_ms[n:],
            flows=self.flows.select(np.arange(n, len(self.flows))),
            inputs=None,
            scored=replace(
                scored,
                scores=scored.scores[n:],
                p_values=scored.p_values[n:],
                extrapolated=scored.extrapolated[n:],
                severity=scored.severity[n:],
                feature_errors=scored.feature_errors[n:],
                labels=None,
                line=scored.line[n:],
            ),
        )


@dataclass
class Judge:
    """A detector at work on a stream. Used by one thread.

    Any cut of the stream into batches gives the same verdicts and the same lines.

    Attributes
    ----------
    also_wants_context, keeps_inputs
        What a shadow beside the detector needs of each batch.
    columns
        Those of the flows that came last, with context where it can be had; empty before.
    """

    detector: Detector
    teller: Teller
    exclusions: LiveExclusions
    clock: Clock
    context: HostContext
    incidents: LiveIncidents = field(default_factory=LiveIncidents)
    also_wants_context: bool = False
    keeps_inputs: bool = False
    columns: tuple[str, ...] = ()
    _homeless: dict[float, int] = field(default_factory=dict)
    _untimed: int = 0

    @property
    def wants_context(self) -> bool:
        """Whether the model looks at what the hosts did before."""
        mine = not set(COLUMNS).isdisjoint(self.detector.features)
        return mine or self.also_wants_context

    def judge(self, flows: Flows, meter: str) -> Judged:
        """Verdicts on some flows, and the alerts among them that are to be told.

        Raises
        ------
        SchemaError
            If the model cannot read them.
        """
        if len(flows):
            self.columns = (*flows.columns, *(COLUMNS if has_needed(flows) else ()))
        flows = self._with_context(flows)
        begun_s = self.clock.monotonic()
        inputs = self.detector.prepared(flows) if self.keeps_inputs and len(flows) else None
        scored = self.detector.score(flows, inputs)
        seconds = self.clock.monotonic() - begun_s
        start_ms, end_ms = _times(flows)
        host = hosts(flows)
        cause = causes(scored.feature_errors, scored.features, flows.schema)
        is_alert = self.detector.threshold.alerts(scored.scores)
        hidden = self._hidden(flows, host, cause, is_alert)
        is_alert = is_alert & ~hidden
        windows = self.incidents.windows(start_ms)
        self.incidents.add(host, windows, cause, scored.scores, scored.severity, hidden)
        lines: list[tuple[int, LiveIncident | None]] = []
        for row in np.flatnonzero(is_alert).tolist():
            found = self._incident(host[row], windows[row], cause[row], start_ms[row])
            if found is None or found.lines <= MOST_LINES:
                lines.append((row, found))
        records = self._tell(flows, scored, lines, meter)
        self.incidents.make_room(self.detector.threshold, self.clock.monotonic())
        n_hidden = int(np.count_nonzero(hidden))
        return Judged(
            records, is_alert, scored, host, start_ms, end_ms, n_hidden, flows, seconds, inputs
        )

    def _with_context(self, flows: Flows) -> Flows:
        if not self.wants_context or has_context(flows) or not has_needed(flows):
            return flows
        # A flow whose time is unknown is taken as now, also where it comes alone; a source that
        # never knows one has no history to tell.
        if flows.time_ms is None and not self.context.has_known_times:
            self._untimed += len(flows)
            if self._untimed > _MOST_UNTIMED:
                return flows
        # As float32, which is what a whole file's context is kept in.
        found = {
            name: column.astype(np.float32).astype(np.float64)
            for name, column in self.context.columns(flows).items()
        }
        return replace(flows, columns={**flows.columns, **found})

    def _hidden(
        self,
        flows: Flows,
        host: NDArray[np.object_],
        cause: NDArray[np.object_],
        is_alert: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        hidden = np.zeros(len(flows), np.bool_)
        rows = np.flatnonzero(is_alert)
        if not len(rows) or not self.exclusions.all:
            return hidden
        columns: dict[str, NDArray[Any]] = {
            name: flows.columns[name][rows]
            for name in ("src_ip", "dst_ip", "dst_port", "protocol", "service")
            if name in flows.columns
        }
        columns |= {"host": host[rows], "cause": cause[rows]}
        hidden[rows] = self.exclusions.hidden(columns, len(rows), self.clock.now())
        return hidden

    def _incident(
        self, host: str | None, window: float, cause: str, time_ms: float
    ) -> LiveIncident | None:
        """The incident of an alert, its line counted; of one without host or time a stand-in."""
        if host is None or np.isnan(window):
            place = LiveIncident("", 0.0 if np.isnan(window) else float(window), cause)
            self._homeless[place.window_ms] = self._homeless.get(place.window_ms, 0) + 1
            while len(self._homeless) > _HASH_BOUND:
                del self._homeless[next(iter(self._homeless))]
            place.lines = self._homeless[place.window_ms]
            return place
        found = self.incidents.alert((host, float(window), cause), float(time_ms))
        found.lines = min(found.lines, MOST_LINES) + 1
        return found

    def _tell(
        self,
        flows: Flows,
        scored: ScoredFlows,
        lines: list[tuple[int, LiveIncident | None]],
        meter: str,
    ) -> list[Record]:
        if not lines:
            return []
        rows = [row for row, _ in lines]
        part = flows.select(np.array(rows[:MOST_EXPLAINED], np.int64))
        reasons = explain(self.detector, part, top=_TOP, what_if=False)
        reasons += [_in_short(scored, row) for row in rows[MOST_EXPLAINED:]]
        now_ms = self.clock.now().timestamp() * 1000.0
        records = []
        for (row, found), why in zip(lines, reasons, strict=True):
            facts = FlowFacts.of(flows.columns, row)
            known = found if found is not None and found.host else None
            record = self.teller.alert(facts, why, meter, known, now_ms)
            if known is not None:
                known.add_example(float(scored.scores[row]), record.id)
            records.append(record)
        return records


def _in_short(scored: ScoredFlows, row: int) -> Explanation:
    """Which features a score is made of, without asking the model what it expected."""
    share = shares(scored.feature_errors[row : row + 1])[0]
    order = np.argsort(-share, kind="stable")[:_TOP].tolist()
    reasons = tuple(
        FeatureReason(scored.features[at], None, None, None, None, float(share[at]), None, None)
        for at in order
    )
    told = "; ".join(f"{r.name} ({100 * r.share:.0f} % of the score)" for r in reasons[:3])
    return Explanation(
        row=int(scored.line[row]),
        score=float(scored.scores[row]),
        p_value=float(scored.p_values[row]),
        extrapolated=bool(scored.extrapolated[row]),
        severity=int(scored.severity[row]),
        is_alert=True,
        features=reasons,
        sentence=f"Odd in {told}.",
    )


def _times(flows: Flows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When each flow began and ended, ms, shape ``(n,)``; nan where unknown."""
    start = flows.columns.get(flows.schema.time or "", np.full(len(flows), np.nan))
    for name, unit in DURATIONS_MS:
        if name in flows.columns:
            return start, start + np.nan_to_num(flows.columns[name]) * unit
    return start, start
