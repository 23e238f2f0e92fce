"""Drift of what a watch sees, from the counts that it writes into its store."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from edgeguard_core.detection import Detector
from edgeguard_core.detection.drift.reference import reference_of
from edgeguard_core.detection.drift.seen import SeenFlows
from edgeguard_core.errors import NotEnoughDataError
from edgeguard_core.pipeline.drift.judge import DriftReport, judged
from edgeguard_core.pipeline.drift.schema import schema_drift
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS
from edgeguard_core.watch.live_drift import DRIFT

if TYPE_CHECKING:  # SQLAlchemy comes with the extra `store`
    from edgeguard_core.outputs.store_reading import AlertStore

HOURS: Final = 24.0
"""Of a day, so that no night is held against a network that was learned day and night."""


def drift_store(
    detector: Detector,
    store: "AlertStore",
    *,
    hours: float = HOURS,
    sensors: Collection[str] | None = None,
) -> DriftReport:
    """Whether the flows that a watch of this bundle saw lately are still like those it learned.

    Judged are the flows of the last hours that were scored with the calibration and threshold of
    the latest: scores are counted against these, whatever is in force where the report is made.

    Parameters
    ----------
    hours
        Back from the latest hour that the store holds of this bundle, by the traffic's own time.
    sensors
        Names of boxes; None: all that ran this bundle.

    Raises
    ------
    SourceError
        If the store cannot be read, or the counts are damaged.
    NotEnoughDataError
        If it holds no counts of this bundle, or of fewer than 50 flows.
    BundleError
        If the counts are not in the bins of this bundle.
    """
    reference = reference_of(detector.bundle)
    rows = store.hour_counts(DRIFT, detector.bundle.sums_sha256, hours, sensors)
    if not rows:
        of = "" if sensors is None else f" of sensor {', '.join(sensors)}"
        raise NotEnoughDataError(
            f"The store holds no counts{of} for bundle {detector.bundle.path}: let edgeguard watch "
            "write into it with this very bundle, or name the bundle that it runs."
        )
    parts = [SeenFlows.from_arrays(row.arrays(), reference) for row in rows]
    latest = max(range(len(rows)), key=lambda at: (rows[at].hour_ms, rows[at].received_ms))
    alike = [
        at
        for at, part in enumerate(parts)
        if part.scored.reference.is_same(parts[latest].scored.reference)
    ]
    seen = SeenFlows.joined([parts[at] for at in alike])
    if seen.n < MINIMUM_BENIGN_ROWS:
        raise NotEnoughDataError(
            f"{seen.n} flows in the store are too few to judge; wait until there are "
            f"{MINIMUM_BENIGN_ROWS}, or give more --hours."
        )
    own = [rows[at].figures for at in alike]
    rejected = sum(int(one.get("rejected", 0)) for one in own)
    meter = str(rows[latest].figures.get("meter", ""))
    schema = schema_drift(detector, rejected / max(seen.n + rejected, 1), meter)
    left_out = sum(row.flows for row in rows) - seen.n
    warnings = _warnings(detector, seen, own[-1].get("threshold", {}), left_out, meter)
    return judged(detector, reference, seen, schema, warnings, is_labelled=False)


def _warnings(
    detector: Detector, seen: SeenFlows, counted_at: dict[str, Any], left_out: int, meter: str
) -> Sequence[str]:
    withdrawn = detector.promise_warning(meter)
    told = [*detector.warnings, *([withdrawn] if withdrawn else [])]
    if left_out:
        told.append(
            f"{left_out:,} flows before the threshold or the calibration changed are left out."
        )
    if seen.scored.reference.threshold != detector.threshold.value:
        told.append(
            f"The scores were counted at the watch's threshold "
            f"{seen.scored.reference.threshold:.6g} ({counted_at.get('origin', 'unknown')}), not "
            f"at {detector.threshold.value:.6g} ({detector.origin}): name its folder with --state."
        )
    return told
