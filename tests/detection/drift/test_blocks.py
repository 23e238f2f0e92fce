import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.detection.drift.blocks import MOST_BLOCKS, BlockCounts, design_effect


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(0, 9))
def test_any_cut_into_batches_gives_the_same_counts(sizes, seed):
    bins = np.random.default_rng(seed).integers(0, 3, size=(sum(sizes), 2))
    at_once, in_parts = BlockCounts([3, 3]), BlockCounts([3, 3])
    at_once.add(bins)
    for part in np.split(bins, np.cumsum(sizes)[:-1]):
        in_parts.add(part)
    for feature in (0, 1):
        assert (
            at_once.totals(feature).tolist() == np.bincount(bins[:, feature], minlength=3).tolist()
        )
        assert at_once.design_effects(feature, ordered=True) == in_parts.design_effects(
            feature, ordered=True
        )


def test_runs_are_of_consecutive_flows_and_at_most_64():
    blocks = BlockCounts([2])
    blocks.add(np.repeat([0, 1], 500)[:, None])
    assert blocks.n == 1000
    lengths = sorted(blocks.design_effects(0, ordered=False))
    assert lengths == [16, 32, 64, 128]  # 63 runs down to 8
    assert 1000 / lengths[0] <= MOST_BLOCKS


def test_the_effect_is_the_homogeneity_chi_square_by_its_freedom():
    from scipy.stats import chi2_contingency

    counts = np.random.default_rng(0).integers(5, 30, size=(10, 4))
    slow = chi2_contingency(counts, correction=False)
    assert design_effect(counts, ordered=False) == pytest.approx(
        max(1.0, slow.statistic / slow.dof)
    )


@pytest.mark.parametrize("burst", [1, 5, 40])
def test_bursts_of_equal_flows_are_worth_one_flow_each(burst):
    drawn = np.random.default_rng(1).integers(0, 4, size=4_000 // burst)
    blocks = BlockCounts([4])
    blocks.add(np.repeat(drawn, burst)[:, None])
    assert max(blocks.design_effects(0, ordered=False).values()) == pytest.approx(burst, rel=0.5)


def test_too_few_flows_tell_no_effect():
    blocks = BlockCounts([2])
    blocks.add(np.zeros((7, 1), int))
    assert blocks.design_effects(0, ordered=True) == {}


@st.composite
def streams(draw):
    """Where a stream begins, and the sizes of its parts."""
    return draw(st.integers(0, 300)), draw(st.lists(st.integers(1, 400), min_size=1, max_size=8))


@given(streams(), st.integers(0, 9))
def test_parts_join_to_what_is_counted_at_once(stream, seed):
    first, sizes = stream
    bins = np.random.default_rng(seed).integers(0, 3, size=(sum(sizes), 2))
    at_once, parts, begin = BlockCounts([3, 3], first), [], 0
    at_once.add(bins)
    for size in sizes:
        part = BlockCounts([3, 3], first + begin)
        part.add(bins[begin : begin + size])
        parts.append(BlockCounts.from_arrays(part.to_arrays(), [3, 3]))
        begin += size
    whole = BlockCounts.joined(parts)
    assert (whole.n, whole.first) == (at_once.n, first)
    for feature in (0, 1):
        assert whole.totals(feature).tolist() == at_once.totals(feature).tolist()
        assert whole.design_effects(feature, ordered=True) == at_once.design_effects(
            feature, ordered=True
        )


@given(st.lists(st.integers(1, 400), min_size=2, max_size=6))
def test_after_a_gap_a_new_run_begins(sizes):
    bins = np.random.default_rng(1).integers(0, 3, size=(sum(sizes), 1))
    parts, begin = [], 0
    for n, size in enumerate(sizes):
        part = BlockCounts([3], begin + 1_000 * n)
        part.add(bins[begin : begin + size])
        parts.append(part)
        begin += size
    whole = BlockCounts.joined(parts)
    assert whole.totals(0).tolist() == np.bincount(bins[:, 0], minlength=3).tolist()
    assert len(whole.to_arrays()["runs"].T) <= MOST_BLOCKS


def test_counts_of_other_bins_are_refused():
    blocks = BlockCounts([2])
    blocks.add(np.zeros((3, 1), int))
    with pytest.raises(ValueError, match="counts of 2 bins, not of 3"):
        BlockCounts.from_arrays(blocks.to_arrays(), [3])
