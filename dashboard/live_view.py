"""What the Live page draws of a store at a moment: pure functions of what was seen."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dashboard.live_tail import Seen, Sensor, part
from edgeguard_core.outputs.store_reading import LaneCell, StoredAlert

MOST_ROWS = 200
ROWS_IN_MOTION = 60  # while new ones come: nobody reads more, and each look sends them anew
LANES_A_PAGE = 30
STALLED_S = 10.0
_STALLED_GAPS = 2.5  # of the usual gap between two heartbeats
_SILENT_GAPS = 30.0
_HOURS_A_DAY = 24
_MINUTE_MS = 60_000.0
_BREAK_S = 10.0  # between two seconds with flows, which a line does not bridge
_LEAST_SCORE = 1e-3  # what a logarithmic axis shows of a score of 0


class Standing(StrEnum):
    """How a sensor is, by how long it has not told anything."""

    RUNNING = "running"
    STALLED = "stalled"
    SILENT = "silent"


@dataclass(frozen=True)
class Filters:
    """Which alerts are shown; None is all."""

    sensors: tuple[str, ...] | None = None
    host: str | None = None
    least_severity: int = 0
    span_ms: tuple[float, float] | None = None  # begins of flows
    incident: str | None = None

    def passes(self, alert: StoredAlert) -> bool:
        """Whether an alert is one of those."""
        return (
            (self.sensors is None or alert.sensor in self.sensors)
            and (self.host is None or alert.host == self.host)
            and alert.severity >= self.least_severity
            and (self.span_ms is None or self.span_ms[0] <= alert.time_ms < self.span_ms[1])
            and (self.incident is None or alert.incident_id == self.incident)
        )

    @property
    def is_none(self) -> bool:
        """Whether everything passes."""
        return self == Filters()


@dataclass(frozen=True)
class Figures:
    """The header; what no sensor tells is NaN.

    Attributes
    ----------
    alerts_per_minute
        In the last sixty seconds that were told of.
    promised_per_minute
        False alarms that the thresholds promise at most, at the flows of that minute.
    incidents, budget_per_hour
        Raised in the last hour, and how many somebody can look into.
    thresholds
        Those in force, each once: value, method, origin.
    """

    standing: Standing
    silent_s: float
    flows_per_s: float
    lag_s: float
    dropped: int
    alerts_per_minute: float
    promised_per_minute: float
    incidents: int
    budget_per_hour: float
    thresholds: tuple[tuple[float, str, str], ...]
    queue: int


def chosen(seen: Seen, names: Collection[str] | None) -> list[Sensor]:
    """The sensors that are looked at; all where none was chosen."""
    return [sensor for sensor in seen.sensors if not names or sensor.name in names]


def silent_s(sensor: Sensor, now_ms: float) -> float:
    """How long a sensor has told nothing."""
    return max(now_ms - sensor.seen_ms, 0.0) / 1000.0


def standing(sensor: Sensor, now_ms: float) -> Standing:
    """How a sensor is.

    Ten seconds without a heartbeat are long where one comes each second, and nothing where one
    comes each minute: there it takes two and a half of the usual gaps.
    """
    silent = silent_s(sensor, now_ms)
    if silent > max(_SILENT_GAPS * sensor.gap_s, 6 * STALLED_S):
        return Standing.SILENT
    if silent > max(_STALLED_GAPS * sensor.gap_s, STALLED_S):
        return Standing.STALLED
    return Standing.RUNNING


def figures(sensors: Sequence[Sensor], now_ms: float) -> Figures:
    """The header of some sensors: sums, the longest lag, the best standing."""
    told = [sensor.told for sensor in sensors]
    thresholds = {_threshold(one): None for one in told if part(one, "threshold")}
    states = [standing(sensor, now_ms) for sensor in sensors]
    order = list(Standing)
    return Figures(
        standing=min(states, key=order.index, default=Standing.SILENT),
        silent_s=min((silent_s(sensor, now_ms) for sensor in sensors), default=math.nan),
        flows_per_s=_sum(number(one.get("flows_per_s")) for one in told),
        lag_s=_most(number(one.get("lag_s")) for one in told),
        dropped=sum(sensor.last.dropped for sensor in sensors),
        alerts_per_minute=float(sum(_last_minute(sensor) for sensor in sensors)),
        promised_per_minute=_sum(_promised_per_minute(sensor) for sensor in sensors),
        incidents=sum(sensor.incidents for sensor in sensors),
        budget_per_hour=_sum(number(one.get("budget_per_day")) for one in told) / _HOURS_A_DAY,
        thresholds=tuple(thresholds),
        queue=sum(int(number(one.get("queue"), 0.0)) for one in told),
    )


def number(value: Any, otherwise: float = math.nan) -> float:
    """A figure of a record; NaN, or what is given, where it is none.

    >>> number(3), number("3"), number(None, 0.0)
    (3.0, nan, 0.0)
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else otherwise


def _threshold(told: Mapping[str, Any]) -> tuple[float, str, str]:
    found = part(told, "threshold")
    return number(found.get("value")), str(found.get("method", "")), str(found.get("origin", ""))


def threshold_of(sensor: Sensor) -> float:
    """The threshold in force at a sensor; NaN where it tells none."""
    return _threshold(sensor.told)[0]


def _last_minute(sensor: Sensor) -> int:
    if not sensor.strip:
        return 0
    latest = sensor.strip[-1][0]
    return sum(alerts for at, _, _, alerts in sensor.strip if at > latest - _MINUTE_MS)


def _promised_per_minute(sensor: Sensor) -> float:
    if not sensor.strip:
        return math.nan
    latest = sensor.strip[-1][0]
    flows = sum(flows for at, _, flows, _ in sensor.strip if at > latest - _MINUTE_MS)
    return flows * number(part(sensor.told, "threshold").get("promised"))


def _sum(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


def _most(values: Iterable[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def strip_points(sensor: Sensor, end_ms: float, span_s: int, bin_s: int) -> list[list[float]]:
    """The highest score of each bin that had flows, and its alerts: ``[ms, score, alerts]``.

    Where nothing was told for a while stands a point without a score, so that a line breaks.
    """
    bins: dict[float, list[float]] = {}
    width_ms = bin_s * 1000.0
    for second_ms, score, flows, alerts in sensor.strip:
        if second_ms < end_ms - span_s * 1000.0 or not flows:
            continue
        at = second_ms // width_ms * width_ms
        found = bins.setdefault(at, [at, _LEAST_SCORE, 0])
        found[1] = max(found[1], float(f"{score:.4g}"))
        found[2] += alerts
    points: list[list[float]] = []
    for at in sorted(bins):
        if points and at - points[-1][0] > _BREAK_S * 1000.0:
            points.append([at - width_ms, math.nan, 0])
        points.append(bins[at])
    return points


def alerts_by_minute(sensors: Sequence[Sensor], now_ms: float, most: int) -> list[list[float]]:
    """``[minute (ms), alerts]`` of the last minutes, those without alerts among them."""
    last = now_ms // _MINUTE_MS * _MINUTE_MS
    first = last - (most - 1) * _MINUTE_MS
    return [
        [at, sum(sensor.minutes.get(at, (0, 0))[1] for sensor in sensors)]
        for at in (first + k * _MINUTE_MS for k in range(most))
    ]


def lane_hosts(cells: Sequence[LaneCell]) -> list[str]:
    """Hosts with alerts: the most severe first, then the one with most alerts."""
    worst: dict[str, tuple[int, int]] = {}
    for cell in cells:
        severity, alerts = worst.get(cell.host, (0, 0))
        worst[cell.host] = (max(severity, cell.highest_severity), alerts + cell.alerts)
    return sorted(worst, key=lambda host: (-worst[host][0], -worst[host][1], host))


def page_of(hosts: Sequence[str], page: int) -> list[str]:
    """The hosts of a page, counted from 1.

    >>> page_of([str(n) for n in range(70)], 3)[0], len(page_of(["a"], 9))
    ('60', 1)
    """
    page = min(page, max(math.ceil(len(hosts) / LANES_A_PAGE), 1))
    return list(hosts[(page - 1) * LANES_A_PAGE : page * LANES_A_PAGE])


def merged(
    base: Sequence[StoredAlert], fresh: Sequence[StoredAlert], filters: Filters
) -> list[StoredAlert]:
    """The newest alerts that pass, of what was found before and of what came since."""
    newest = base[0].place if base else (-math.inf, "")
    added = [alert for alert in fresh if alert.place > newest and filters.passes(alert)]
    return [*added, *base][:MOST_ROWS]


def came_since(alerts: Sequence[StoredAlert], place: tuple[float, str] | None) -> int:
    """How many of these, newest first, arrived after a place."""
    return sum(place is None or alert.place > place for alert in alerts)


def calibration_said(told: Mapping[str, Any]) -> tuple[str, float]:
    """Where a sensor's calibration comes from, and on how many flows it stands."""
    found = part(told, "calibration")
    return str(found.get("origin", "")), number(found.get("n"))


def budget_use(sensor: Sensor) -> float:
    """Incidents of the last hour as a share of what the budget allows in one; NaN without one."""
    budget = number(sensor.told.get("budget_per_day"))
    if math.isnan(budget) or budget <= 0:
        return math.nan
    return sensor.incidents / (budget / _HOURS_A_DAY)


class Promise(StrEnum):
    """How the promised false-alarm rate does, as the audit of the running watch finds it."""

    NONE = "none"
    UNAUDITED = "not audited yet"
    WITHDRAWN = "withdrawn"
    BROKEN = "broken"
    UNSURE = "in doubt"
    KEPT = "kept"


def promise(told: Mapping[str, Any]) -> tuple[Promise, float]:
    """How a promise does, and what was promised.

    >>> promise({"threshold": {"promised": 0.01}, "audit": None})
    (<Promise.UNAUDITED: 'not audited yet'>, 0.01)
    """
    promised = number(part(told, "threshold").get("promised"))
    audit = part(told, "audit")
    if math.isnan(promised):
        return Promise.NONE, promised
    if not audit:
        return Promise.UNAUDITED, promised
    allowed = number(audit.get("allowed"))
    if math.isnan(allowed):
        return Promise.WITHDRAWN, promised
    if number(audit.get("low")) > allowed:
        return Promise.BROKEN, promised
    # More alerts than were promised, of so few hosts that it may be chance.
    more = number(audit.get("alert_rate")) > allowed
    return (Promise.UNSURE if more else Promise.KEPT), promised
