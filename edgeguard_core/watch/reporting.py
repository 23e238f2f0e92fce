"""What a watch says of itself: in its heartbeats, and when it ends."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeguard_core.watch.figures import COUNTED, disk_free_bytes, resident_bytes

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch


@dataclass(frozen=True)
class WatchSummary:
    """How a watch went, from its start to its end."""

    flows: int
    alerts: int
    incidents: int
    dropped: int
    late: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The keys of the last line."""
        return {"format": 1, **vars(self), "seconds": round(self.seconds, 3)}


def heartbeat_figures(watch: "Watch", strip: list[list[float]]) -> dict[str, Any]:
    """The figures of a heartbeat by their names; what is unknown is None.

    Parameters
    ----------
    strip
        Of each second since the last heartbeat: its begin in ms, the highest score, flows, alerts.
    """
    detector, settings = watch.detector, watch.settings
    counts = watch.counts
    uptime_s = watch.clock.monotonic() - watch.started_s
    seconds = min(settings.heartbeat_s, uptime_s)
    flows_lately = sum(bar[2] for bar in strip)
    report = watch.wellbeing.report
    flows = counts.get("flows", 0)
    threshold, shadow = detector.threshold, watch.shadow  # which another thread may end
    return {
        **{name: counts.get(name, 0) for name in (*COUNTED, "incidents")},
        "flows_per_s": round(flows_lately / seconds, 3) if seconds > 0 else 0.0,
        "lag_s": watch.figures.lag_s,
        "queue": len(watch.queue),
        "queue_most": watch.queue.take_most(),
        "disk_free_bytes": disk_free_bytes(detector.state.path.parent),
        "resident_bytes": resident_bytes(),
        "uptime_s": round(uptime_s, 3),
        "source": watch.feed.name,
        "bundle": {
            **watch.teller.bundle,
            "signed": "SHA256SUMS.sig" in detector.bundle.files,
        },
        "threshold": {
            **watch.teller.threshold,
            "promised": threshold.promised_false_positive_rate,
        },
        "calibration": {
            "origin": detector.calibration_origin,
            "n": detector.calibration.n,
            "meter": detector.calibrated_meter,
        },
        "warm_up": watch.warming.report(watch.watermark_ms),
        "meter": watch.feed.meter,
        "alert_rate": counts.get("alerts", 0) / flows if flows else None,
        "audit": None if report is None else vars(report),
        "budget_per_day": settings.budget,
        "sinks": {
            name: {
                key: getattr(status, key, None)
                for key in ("waiting", "delivered", "failed", "lost", "error")
            }
            for name, status in watch.delivery.status().items()
        },
        "exclusions": watch.exclusions.report(watch.clock.now()),
        "feed": dict(watch.feed.counters()),
        "open_incidents": len(watch.judge.incidents),
        "evicted": watch.judge.incidents.evicted + watch.judge.context.evicted,
        "shadow": None if shadow is None else dict(shadow.figures()),
        "strip": strip,
    }
