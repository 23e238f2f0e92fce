import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.detection.drift.extremes import ColumnExtremes

VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 7.0, float("nan")]), max_size=12)


@given(VALUES, VALUES)
def test_parts_join_to_the_whole(first, second):
    whole, parts = ColumnExtremes(1), []
    for values in (first, second):
        part = ColumnExtremes(1)
        for seen in (whole, part):
            seen.n += len(values)
            seen.add(0, np.array(values, float))
        parts.append(ColumnExtremes.from_arrays(part.to_arrays(), part.n))
    parts[0].join(parts[1])
    for name in ("n", "low", "high", "zeros", "known", "at_high"):
        assert np.array_equal(getattr(parts[0], name), getattr(whole, name)), name
