"""Signs of a broken sensor: columns that stopped moving, fell to nothing, or hit a ceiling."""

from dataclasses import dataclass
from typing import Final

from edgeguard_core.detection.drift.extremes import ColumnExtremes
from edgeguard_core.detection.drift.reference import FeatureSketch

_DEAD_SHARE: Final = 0.99  # of the flows that hold one value
_ALIVE_SHARE: Final = 0.9  # … and at most that many did in training
_LOST_SHARE: Final = 0.95  # of the flows without a value, and less than half as many before
_CLIPPED_SHARE: Final = 0.05
_CLIPPED_ABOVE: Final = 0.02  # of the training flows, above what is now the largest value
_DIRECTIONS: Final = {
    "dst2src_": "what comes back",
    "src2dst_": "what is sent",
    "bwd_": "what comes back",
    "fwd_": "what is sent",
}
_OF_A_DIRECTION: Final = ("packets", "bytes")  # what a direction that is measured cannot lack


@dataclass(frozen=True)
class Fault:
    """One column that looks broken: ``kind`` is missing, zero, constant or clipped."""

    column: str
    kind: str
    sentence: str


def faults(sketch: FeatureSketch, seen: ColumnExtremes, at: int) -> list[Fault]:
    """What looks broken of one numeric column: at most one fault.

    Only what moved in training can stop moving: a column that was nearly constant then is left
    alone.
    """
    name, known = sketch.name, int(seen.known[at])
    lost = 1 - known / max(seen.n, 1)
    if lost >= _LOST_SHARE and sketch.missing_share <= _LOST_SHARE / 2:
        told = f"{name} is missing in {lost:.0%} of the flows ({sketch.missing_share:.0%} before)"
        return [Fault(name, "missing", told)]
    if not known:
        return []
    zeros, high = int(seen.zeros[at]) / known, float(seen.high[at])
    if zeros >= _DEAD_SHARE and (usual := sketch.share_near(0.0)) <= _ALIVE_SHARE:
        told = f"{name} is 0 in {zeros:.0%} of the flows (at most {usual:.0%} before)"
        return [Fault(name, "zero", told)]
    usual = sketch.share_near(high)
    if seen.low[at] == high and usual <= _ALIVE_SHARE:
        told = f"{name} is {high:g} in every flow (at most {usual:.0%} before)"
        return [Fault(name, "constant", told)]
    top, above = int(seen.at_high[at]) / known, sketch.share_above(high)
    if top >= _CLIPPED_SHARE and above >= _CLIPPED_ABOVE and usual <= top / 2:
        told = f"{name} never passes {high:g}, where {top:.0%} stand ({above:.0%} did before)"
        return [Fault(name, "clipped", told)]
    return []


def sentences(found: list[Fault]) -> list[str]:
    """What is broken, a sentence each; a direction or all durations at 0 are said first."""
    zero = {fault.column for fault in found if fault.kind == "zero"}
    told = []
    for prefix, what in _DIRECTIONS.items():
        counted = [n for n in zero if n.startswith(prefix) and n.endswith(_OF_A_DIRECTION)]
        if len(counted) >= len(_OF_A_DIRECTION):
            told.append(f"One direction is empty: {what} counts no packet and no byte")
    if any("duration" in name for name in zero):
        told.append("Durations are all 0")
    return told + [fault.sentence for fault in found]
