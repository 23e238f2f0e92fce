"""What a watch notices about its own promise, its traffic and its source; each told once."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edgeguard_core.detection.detector import Detector
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.watch.alarms import BEGINS, Alarm
from edgeguard_core.watch.audit import AuditReport, PromiseAudit, own_share
from edgeguard_core.watch.judging import Judged
from edgeguard_core.watch.telling import Teller

LOOK_EVERY_S: Final = 60.0
_LOOK_EVERY_MS: Final = 600_000.0  # of the traffic's own time, when it is read fast
_FLOWS_BETWEEN: Final = 500
_DAY_S: Final = 86_400.0
_MOST_INCIDENTS: Final = 10_000
_OWN_FLOWS: Final = 200
_OWN_SHARE, _OWN_SHARE_OVER = 0.98, 0.9
_DROPS_OVER_S: Final = 60.0


@dataclass
class Wellbeing:
    """Conditions that last, told when they begin and when they are over.

    Parameters
    ----------
    own_addresses
        Of this box; with none nothing is said about a mirror port.
    silent_after_s
        Without any flow for so long a source that had some is silent.
    budget
        Incidents a day that are wanted at most; None: any number.
    """

    detector: Detector
    teller: Teller
    silent_after_s: float
    budget: float | None = None
    own_addresses: frozenset[str] = frozenset()
    is_live: bool = True
    audit: PromiseAudit = field(default_factory=PromiseAudit)
    report: AuditReport | None = None
    _broken: Alarm = field(default_factory=lambda: Alarm(2, 2))
    _drift: Alarm = field(default_factory=lambda: Alarm(2, 2))
    _silent: Alarm = field(default_factory=Alarm)
    _own: Alarm = field(default_factory=Alarm)
    _dropping: Alarm = field(default_factory=Alarm)
    _over_budget: Alarm = field(default_factory=Alarm)
    _withdrawn: Alarm = field(default_factory=Alarm)
    _last_flow_s: float | None = None
    _looked_s: float = float("-inf")
    _looked_ms: float = float("-inf")
    _flows_since: int = 0
    _recent: deque[tuple[int, int]] = field(default_factory=deque)
    _raised_s: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_INCIDENTS))
    _dropped: int = 0
    _dropped_before: int = 0
    _dropped_s: float = float("-inf")

    def add(self, flows: Flows, judged: Judged, now_s: float) -> None:
        """Take note of flows that were judged."""
        self._last_flow_s = now_s
        self._flows_since += len(flows)
        alerted = self.detector.threshold.alerts(judged.scored.scores)
        self.audit.add(judged.scored.p_values, alerted, judged.hosts, judged.end_ms)
        if self.own_addresses and {"src_ip", "dst_ip"} <= set(flows.columns):
            self._add_own(flows)

    def _add_own(self, flows: Flows) -> None:
        there = flows.columns["dst_ip"]
        kept = np.ones(len(there), np.bool_)
        if "dst_network" in flows.columns:  # what goes to all reaches any port
            kept = flows.columns["dst_network"] != "multicast"
        ends = [flows.columns["src_ip"][kept].tolist(), there[kept].tolist()]
        self._recent.append(own_share(self.own_addresses, ends))
        while sum(n for _, n in self._recent) - self._recent[0][1] >= _OWN_FLOWS:
            self._recent.popleft()

    def raised(self, incidents: int, now_s: float) -> None:
        """Take note of incidents that were raised."""
        self._raised_s.extend([now_s] * incidents)

    def changed(self) -> None:
        """Another threshold or calibration: what was audited before says nothing about it."""
        self.audit.forget()
        self.report = None
        self._broken, self._drift = Alarm(2, 2), Alarm(2, 2)

    def look(
        self, now_s: float, now_ms: float, watermark_ms: float, dropped: int, meter: str
    ) -> list[Record]:
        """What is to be told now.

        Parameters
        ----------
        now_s, now_ms
            The monotonic clock, and the time of day.
        watermark_ms
            The traffic's own time.
        dropped
            Flows dropped since the start.
        """
        records = [
            *self._look_silent(now_s, now_ms),
            *self._look_own(now_ms),
            *self._look_dropped(dropped, now_s, now_ms),
            *self._look_budget(now_s, now_ms),
            *self._look_meter(meter, now_ms),
        ]
        is_time = now_s - self._looked_s >= LOOK_EVERY_S
        is_time |= watermark_ms - self._looked_ms >= _LOOK_EVERY_MS
        if is_time and self._flows_since >= _FLOWS_BETWEEN:
            self._looked_s, self._looked_ms, self._flows_since = now_s, watermark_ms, 0
            records += self._look_promise(now_ms)
        return records

    def _look_promise(self, now_ms: float) -> list[Record]:
        threshold, calibration = self.detector.threshold, self.detector.calibration
        promised = threshold.promised_false_positive_rate
        if self._withdrawn.is_raised:
            promised = None
        found = self.report = self.audit.look(promised, calibration.n)
        if found is None:
            return []
        figures = {
            "alert_rate": found.alert_rate, "alert_rate_low": found.low,
            "alert_rate_high": found.high, "promised": found.promised, "flows": found.flows,
            "host_hours": found.blocks, "shift": found.shift,
            "shift_by_chance": found.shift_by_chance,
        }  # fmt: skip
        rate = f"{100 * found.alert_rate:.2g} % of flows alert"
        promise = f"{100 * (found.promised or 0):.2g} % were promised"
        why = (
            "the rest of the traffic has changed too: calibrate again on benign traffic, with "
            f"edgeguard threshold {self.detector.bundle.path} --calibrate FILE or by "
            "recalibrate_every_hours in the settings"
            if found.has_drifted
            else "the rest of the traffic is as ever: look for attacks among the incidents"
        )
        records = self._tell(
            self._broken.look(found.is_broken), Kind.AUDIT, "promise_broken",
            f"{rate}, and {promise}; {why}.", f"{rate}, and {promise}; {_no_longer(found)}.",
            now_ms, figures,
        )  # fmt: skip
        return records + self._tell(
            self._drift.look(found.has_drifted), Kind.DRIFT, "drift",
            "Traffic is no longer like that the model was calibrated on (its usual scores have "
            f"moved by {found.shift:.2f}); calibrate again, or train on this traffic.",
            "Traffic is like that of the calibration again.", now_ms, figures,
        )  # fmt: skip

    def _look_silent(self, now_s: float, now_ms: float) -> list[Record]:
        if self._last_flow_s is None or not self.is_live:
            return []
        quiet_s = now_s - self._last_flow_s
        return self._tell(
            self._silent.look(quiet_s >= self.silent_after_s), Kind.SENSOR, "silent",
            f"No flow has come for {quiet_s:.0f} s: see whether the source still writes and the "
            "mirror port still mirrors.",
            "Flows come again.", now_ms, {"silent_s": round(quiet_s, 1)},
        )  # fmt: skip

    def _look_own(self, now_ms: float) -> list[Record]:
        total = sum(n for _, n in self._recent)
        if total < _OWN_FLOWS:
            return []
        share = sum(mine for mine, _ in self._recent) / total
        bound = _OWN_SHARE_OVER if self._own.is_raised else _OWN_SHARE
        return self._tell(
            self._own.look(share >= bound), Kind.SENSOR, "own_traffic_only",
            f"{100 * share:.0f} % of the last {total} flows have this box itself as an end: it is "
            "probably not on a mirror port, and sees nothing of the others.",
            "Flows of other hosts are seen.", now_ms, {"own_share": share, "flows": total},
        )  # fmt: skip

    def _look_dropped(self, dropped: int, now_s: float, now_ms: float) -> list[Record]:
        if dropped > self._dropped:
            if not self._dropping.is_raised:
                self._dropped_before = self._dropped
            self._dropped, self._dropped_s = dropped, now_s
        recent = now_s - self._dropped_s < _DROPS_OVER_S
        lost = self._dropped - self._dropped_before
        return self._tell(
            self._dropping.look(recent), Kind.SENSOR, "dropped",
            f"Flows come faster than they can be judged, and {lost} were left out so far: give "
            "the box less traffic or more processor.",
            f"Every flow is judged again; {lost} were left out.", now_ms, {"dropped": lost},
        )  # fmt: skip

    def _look_budget(self, now_s: float, now_ms: float) -> list[Record]:
        if self.budget is None:
            return []
        while self._raised_s and now_s - self._raised_s[0] > _DAY_S:
            self._raised_s.popleft()
        n = len(self._raised_s)
        return self._tell(
            self._over_budget.look(n > self.budget), Kind.AUDIT, "over_budget",
            f"{n} incidents were raised within a day, and {self.budget:g} a day are wanted: look "
            "into them, or raise the threshold.",
            f"{n} incidents within a day keep the budget of {self.budget:g}.", now_ms,
            {"incidents": n, "budget_per_day": self.budget},
        )  # fmt: skip

    def _look_meter(self, meter: str, now_ms: float) -> list[Record]:
        if not meter:
            return []
        warning = self.detector.promise_warning(meter)
        return self._tell(
            self._withdrawn.look(warning is not None), Kind.AUDIT, "promise_withdrawn",
            warning or "", "The false-alarm promise holds for these flows.", now_ms,
            {"meter": meter},
        )  # fmt: skip

    def _tell(
        self, change: str | None, kind: Kind, reason: str, begins: str, ends: str, now_ms: float,
        figures: dict[str, Any],
    ) -> list[Record]:  # fmt: skip
        if change is None:
            return []
        is_over = change != BEGINS
        message = ends if is_over else begins
        return [self.teller.event(kind, reason, message, now_ms, {**figures, "over": is_over})]


def _no_longer(found: AuditReport) -> str:
    """Why a promise counts as broken no more: it is kept, or too few hosts alert to tell."""
    if found.allowed is None:
        return "nothing is promised for these flows now"
    if found.alert_rate <= found.allowed:
        return "the promise is kept again"
    return "they come from so few hosts and hours that this may be chance again"
