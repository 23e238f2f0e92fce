"""Thresholds: what each would do, how to choose one, and what it promises."""

from edgeguard_core.thresholds.calibration import Calibration
from edgeguard_core.thresholds.choose import (
    alerts_per_day,
    alerts_per_hour,
    fixed,
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
from edgeguard_core.thresholds.sketch import ThresholdSketch
from edgeguard_core.thresholds.threshold import Threshold

__all__ = [
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
    "fit_tail",
    "fixed",
    "fixed_edges",
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
    "require_benign_rows",
    "smallest_promise",
]
