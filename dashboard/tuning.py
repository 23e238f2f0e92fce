"""What a moved threshold changes: exact sketches, flows near the line, and policies. No screen."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dashboard.evaluations import Evaluated
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED
from edgeguard_core.thresholds import Threshold, ThresholdSketch

NEAR = 50  # flows listed on each side of the line
MOST_REFINED = 6  # typed values that stay exact; each is one more edge

# Names of the ways to choose that the browser may report, as the core calls them.
METHODS = frozenset(
    {
        "alerts_per_hour",
        "false_alarms_at_most",
        "fixed",
        "incidents_per_day",
        "max_f_beta",
        "min_cost",
        "percentile",
        "precision_at_least",
        "recall_at_least",
    }
)

Sketches = tuple[ThresholdSketch, ThresholdSketch | None]
_exact: WeakKeyDictionary[Evaluated, dict[tuple[float, ...], Sketches]] = WeakKeyDictionary()


def exact_sketches(
    evaluated: Evaluated, values: tuple[float, ...], *, beside: bool = False
) -> Sketches:
    """The sketches over flows and incidents, with an edge at each of some values.

    A complete sketch needs none, unless other flows are counted ``beside`` these on its edges.
    What was counted is kept as long as the evaluation is.
    """
    wanted = tuple(sorted({float(np.float32(value)) for value in values}))
    if evaluated.sketch.complete and not beside:
        return evaluated.sketch, evaluated.incident_sketch
    kept = _exact.setdefault(evaluated, {})
    if wanted not in kept:
        if len(kept) >= 2 * MOST_REFINED:
            kept.clear()
        kept[wanted] = _with_edges(evaluated, wanted)
    return kept[wanted]


def _with_edges(evaluated: Evaluated, values: tuple[float, ...]) -> Sketches:
    sketch = evaluated.sketch
    for value in values:
        if not np.isin(np.float32(value), sketch.edges):
            sketch = sketch.with_edge(value, evaluated.scores, evaluated.class_of)
    if evaluated.incidents is None or sketch is evaluated.sketch:
        return sketch, evaluated.incident_sketch
    return sketch, evaluated.incidents.sketch(sketch.edges, evaluated.hours)


@dataclass(frozen=True)
class Near:
    """Positions of the flows nearest the line, the nearest first; at most ``NEAR`` each."""

    above: NDArray[np.int64]
    below: NDArray[np.int64]


def near(scores: NDArray[np.float32], threshold: Threshold, most: int = NEAR) -> Near:
    """The flows that a small move of the threshold would decide otherwise.

    >>> found = near(np.float32([1, 5, 3, 4]), Threshold(3.5, "fixed", 3.5, "doc"), 1)
    >>> found.above.tolist(), found.below.tolist()
    ([3], [2])
    """
    alerts = threshold.alerts(scores)
    return Near(
        _nearest(scores, np.flatnonzero(alerts), most, 1),
        _nearest(scores, np.flatnonzero(~alerts & ~np.isnan(scores)), most, -1),
    )


def _nearest(
    scores: NDArray[np.float32], among: NDArray[np.int64], most: int, sign: int
) -> NDArray[np.int64]:
    """Of equal distance the earlier flow comes first, so that the same ones show every time."""
    distance = sign * scores[among]
    if len(among) > most:
        last = np.partition(distance, most - 1)[most - 1]
        nearer, equal = among[distance < last], among[distance == last]
        among = np.concatenate([nearer, equal[: most - len(nearer)]])
        distance = sign * scores[among]
    return among[np.lexsort((among, distance))]


@dataclass(frozen=True)
class Change:
    """What becomes of alerts from one threshold to another; differences have a sign.

    Attributes
    ----------
    missed
        Attack classes that had alerts and have none any more, with their former alerts.
    found
        Attack classes that had none and have some now, with their alerts.
    incidents
        None where incidents are not counted.
    """

    alerts: int
    benign: int
    attack: int
    unlabelled: int
    incidents: int | None
    missed: dict[str, int]
    found: dict[str, int]


def change(evaluated: Evaluated, before: Threshold, now: Threshold) -> Change:
    """The difference that moving the threshold makes, counted on the flows themselves."""
    was, are = before.alerts(evaluated.scores), now.alerts(evaluated.scores)

    def difference(label: int) -> int:
        mine = evaluated.label == label
        return int(np.count_nonzero(are & mine)) - int(np.count_nonzero(was & mine))

    then, after = (
        np.bincount(evaluated.class_of[alerts], minlength=len(evaluated.classes))
        for alerts in (was, are)
    )
    attacks = [i for i in range(len(evaluated.classes)) if i in evaluated.sketch.attack_indices]
    raised = [evaluated.incidents_raised(line) for line in (before, now)]
    return Change(
        alerts=int(are.sum()) - int(was.sum()),
        benign=difference(BENIGN),
        attack=difference(ATTACK),
        unlabelled=difference(UNLABELLED),
        incidents=None if raised[0] is None or raised[1] is None else raised[1] - raised[0],
        missed={evaluated.classes[i]: int(then[i]) for i in attacks if then[i] and not after[i]},
        found={evaluated.classes[i]: int(after[i]) for i in attacks if after[i] and not then[i]},
    )


def policy(value: float, how: dict[str, Any], on_what: str) -> Threshold:
    """The threshold that a person decided on, with the way it was found.

    >>> policy(0.5, {"method": "recall_at_least", "target": 0.9}, "doc").target
    0.9
    >>> policy(0.5, {"method": "by magic"}, "doc").method
    'fixed'
    """
    method, target = how.get("method"), how.get("target")
    number = isinstance(target, int | float) and not isinstance(target, bool)
    if method not in METHODS or method == "fixed" or not number or not np.isfinite(target):
        return Threshold(value, "fixed", float(np.float32(value)), on_what)
    return Threshold(value, str(method), float(target), on_what)
