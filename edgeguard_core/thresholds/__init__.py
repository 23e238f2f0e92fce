"""Thresholds: what each would do, how to choose one, and what it promises."""

from edgeguard_core.thresholds.calibration import Calibration
from edgeguard_core.thresholds.choose import (
    alerts_per_day,
    alerts_per_hour,
    false_alarms_at_most,
    fixed,
    incidents_per_day,
    mean_plus_sigmas,
    median_plus_mads,
    peaks_over_threshold,
    percentile,
)
from edgeguard_core.thresholds.choose_labelled import (
    max_f_beta,
    max_recall_within,
    min_cost,
    precision_at_least,
    recall_at_least,
)
from edgeguard_core.thresholds.conformal import (
    MINIMUM_BENIGN_ROWS,
    PromiseAudit,
    audit,
    conformal,
    needed_rows,
    require_benign_rows,
    smallest_promise,
)
from edgeguard_core.thresholds.edges import fixed_edges
from edgeguard_core.thresholds.extreme import Tail, fit_tail
from edgeguard_core.thresholds.recency import (
    recency_weights,
    smallest_weighted_promise,
    weighted_conformal,
    weighted_worst,
)
from edgeguard_core.thresholds.robust import CONTAMINATION, leave_out_bursts
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold

__all__ = [
    "CONTAMINATION",
    "MINIMUM_BENIGN_ROWS",
    "Calibration",
    "PromiseAudit",
    "Tail",
    "Threshold",
    "ThresholdSketch",
    "alerts_per_day",
    "alerts_per_hour",
    "audit",
    "conformal",
    "false_alarms_at_most",
    "fit_tail",
    "fixed",
    "fixed_edges",
    "incidents_per_day",
    "leave_out_bursts",
    "max_f_beta",
    "max_recall_within",
    "mean_plus_sigmas",
    "median_plus_mads",
    "min_cost",
    "needed_rows",
    "peaks_over_threshold",
    "percentile",
    "precision_at_least",
    "recall_at_least",
    "recency_weights",
    "require_benign_rows",
    "smallest_promise",
    "smallest_weighted_promise",
    "weighted_conformal",
    "weighted_worst",
]
