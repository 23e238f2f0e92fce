"""From scored, labelled flows to the sketch that thresholds are chosen on."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.thresholds import ThresholdSketch

BENIGN_CLASS = "benign"
UNLABELLED_CLASS = "unlabelled"


def sketch_of(
    scores: ArrayLike,
    labels: Labels | None,
    duration_hours: float | None = None,
    *,
    max_edges: int = 2048,
) -> ThresholdSketch:
    """Sketch with one class for each attack class, one for benign, one for unlabelled flows.

    Benign comes first and is always there; attacks follow by name; unlabelled flows, if
    any, are last and count as alerts only. Without any label all flows are taken as benign,
    in a class that is called ``unlabelled`` all the same: whoever shows it must say so.

    Parameters
    ----------
    scores
        Shape ``(n,)``.
    labels
        Labels of the same flows; None where the source has none.
    duration_hours
        Time over which the flows were seen, for alerts per hour.

    Examples
    --------
    >>> labels = Labels(np.int8([0, 1, -1]), np.array(["benign", "scan", "-"], object))
    >>> sketch = sketch_of([0.1, 0.9, 0.5], labels)
    >>> sketch.classes, sketch.n_benign, sketch.n_attacks
    (('benign', 'scan', 'unlabelled'), 1, 1)
    >>> sketch_of([0.1, 0.9], None).n_benign
    2
    """
    if labels is None or bool(np.all(labels.label == UNLABELLED)):
        return ThresholdSketch.build(
            scores,
            classes=(UNLABELLED_CLASS,),
            duration_hours=duration_hours,
            max_edges=max_edges,
        )
    index, classes = class_index(labels)
    unlabelled = len(classes) - 1 if bool(np.any(labels.label == UNLABELLED)) else None
    return ThresholdSketch.build(
        scores,
        index,
        classes,
        benign_index=0,
        unlabelled_index=unlabelled,
        duration_hours=duration_hours,
        max_edges=max_edges,
    )


def class_index(labels: Labels) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class position of each flow, shape ``(n,)``, and the class names in their order.

    >>> labels = Labels(np.int8([1, 0]), np.array(["scan", "benign"], object))
    >>> class_index(labels)
    (array([1, 0]), ('benign', 'scan'))
    """
    attack = labels.label == ATTACK
    names, inverse = np.unique(labels.class_name[attack].astype(str), return_inverse=True)
    # An attack class may be called like one of ours: its flows must not join that class.
    taken = (BENIGN_CLASS, UNLABELLED_CLASS)
    attacks = tuple(f"{n} (attack)" if n in taken else str(n) for n in names)
    index = np.zeros(labels.label.size, np.int64)
    index[attack] = 1 + inverse
    classes = (BENIGN_CLASS, *attacks)
    unlabelled = (labels.label != BENIGN) & ~attack
    if unlabelled.any():
        index[unlabelled] = len(classes)
        classes = (*classes, UNLABELLED_CLASS)
    return index, classes
