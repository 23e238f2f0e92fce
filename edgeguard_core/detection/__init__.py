"""Verdicts on flows: what a bundle makes of them, and why."""

from edgeguard_core.detection.detector import Detector, ScoredFlows
from edgeguard_core.detection.explain import Explanation, FeatureReason, explain
from edgeguard_core.detection.shares import shares, top_features

__all__ = [
    "Detector",
    "Explanation",
    "FeatureReason",
    "ScoredFlows",
    "explain",
    "shares",
    "top_features",
]
