import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.detection.drift.extremes import ColumnExtremes
from edgeguard_core.detection.drift.reference import FeatureSketch, bins_of, cuts_of
from edgeguard_core.pipeline.drift.sensor import Fault, faults, sentences

BEFORE = np.random.default_rng(0).exponential(100, 5_000).astype(np.float32)


def sketch(values, name="src2dst_bytes"):
    cuts = cuts_of(*np.unique(values, return_counts=True))
    counts = np.bincount(bins_of(cuts, values), minlength=len(cuts) + 2)
    return FeatureSketch(name, cuts, counts, {})


def kinds(before, here):
    seen = ColumnExtremes(1)
    seen.n = len(here)
    seen.add(0, np.asarray(here, float))
    return [fault.kind for fault in faults(sketch(before), seen, 0)]


@pytest.mark.parametrize(
    ("here", "kind"),
    [
        (BEFORE[:500], []),
        (np.zeros(500), ["zero"]),
        (np.full(500, 7.0), ["constant"]),
        (np.full(500, np.nan), ["missing"]),
        (np.minimum(BEFORE, 150), ["clipped"]),
        (BEFORE[BEFORE < 150], []),  # small values alone are no ceiling
    ],
)
def test_what_stopped_moving_is_found(here, kind):
    assert kinds(BEFORE, here) == kind


def test_what_never_moved_cannot_stop():
    nearly_constant = np.append(np.zeros(990, np.float32), BEFORE[:10])
    assert kinds(nearly_constant, np.zeros(500)) == []


@given(st.lists(st.lists(st.integers(-3, 3), max_size=9), min_size=1, max_size=6))
def test_extremes_do_not_depend_on_the_cut(parts):
    seen = ColumnExtremes(1)
    for part in parts:
        seen.add(0, np.array(part, float))
    values = [value for part in parts for value in part]
    if not values:
        assert seen.known[0] == 0
        return
    assert (seen.low[0], seen.high[0]) == (min(values), max(values))
    assert seen.at_high[0] == values.count(max(values))
    assert (seen.zeros[0], seen.known[0]) == (values.count(0), len(values))


def test_an_empty_direction_is_said_first():
    found = [Fault(f"dst2src_{what}", "zero", f"{what} …") for what in ("packets", "bytes")]
    assert sentences(found)[0] == (
        "One direction is empty: what comes back counts no packet and no byte"
    )
    assert sentences([Fault("bidirectional_duration_ms", "zero", "…")])[0] == "Durations are all 0"
    assert sentences(found[:1]) == ["packets …"]
