"""Evaluation: what a model and a threshold achieve on labelled flows."""

from edgeguard_core.evaluation.metrics import (
    ClassRecall,
    Evaluation,
    average_precision,
    evaluate,
    roc_auc,
    tpr_at_fpr,
)
from edgeguard_core.evaluation.sketching import class_index, sketch_of

__all__ = [
    "ClassRecall",
    "Evaluation",
    "average_precision",
    "class_index",
    "evaluate",
    "roc_auc",
    "sketch_of",
    "tpr_at_fpr",
]
