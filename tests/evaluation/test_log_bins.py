import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeguard_core.evaluation.log_bins import LogBins

BINS = LogBins(8)
ANY = st.floats(0, np.float32(1e30), width=32) | st.sampled_from(BINS.edges.tolist())


@given(arrays(np.float32, st.integers(0, 50), elements=ANY))
def test_bins_are_those_that_a_search_finds(values):
    for bins in (BINS, LogBins(100)):
        wanted = np.searchsorted(bins.edges, values, side="right")
        assert bins.of(values).tolist() == wanted.tolist()


def test_what_is_below_and_above_has_a_bin_too():
    values = [-1.0, 0.0, 9e-7, np.inf, 1e6, np.nextafter(np.float32(1e6), np.float32(0))]
    assert BINS.of(values).tolist() == [0, 0, 0, 97, 97, 96]


@given(
    st.lists(st.floats(2**-16, 2**16, width=32), min_size=1, max_size=80),
    st.sampled_from([0.5, 0.95]),
)
def test_a_quantile_lies_in_the_bin_of_the_flow_that_has_it(values, q):
    counts = np.bincount(BINS.of(values), minlength=len(BINS))
    ordered = np.sort(np.float32(values))
    wanted = ordered[max(int(np.ceil(q * len(ordered) - 1e-9)), 1) - 1]
    found = float(BINS.quantiles(counts, q))
    at = int(BINS.of(wanted))
    assert BINS.edges[at - 1] * (1 - 1e-6) <= found <= BINS.edges[at] * (1 + 1e-6)


def test_quantiles_of_nothing_are_undefined_and_of_zeros_zero():
    counts = np.zeros((2, len(BINS)), np.int64)
    counts[1, 0] = 3
    found = BINS.quantiles(counts, 0.5)
    assert np.isnan(found[0])
    assert found[1] == 0
    counts[1] = 0
    counts[1, -1] = 3
    assert BINS.quantiles(counts, 0.5)[1] == pytest.approx(1e6)
