import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from edgeguard_core.bundle.arrays import dump_arrays, load_arrays
from edgeguard_core.detection.shadow_counts import ShadowCounts
from edgeguard_core.errors import BundleError

RANDOM = np.random.default_rng(0)
OURS = RANDOM.lognormal(0, 1, 3_000).astype(np.float32)
THEIRS = (OURS * RANDOM.lognormal(0, 0.4, 3_000)).astype(np.float32)


def counted(ours, theirs):
    counts = ShadowCounts()
    counts.add(ours, ours > 2, theirs, theirs > 3)
    return counts


def test_alerts_are_counted_one_by_one_and_ranks_to_three_percent():
    counts, mine, its = counted(OURS, THEIRS), OURS > 2, THEIRS > 3
    slow = [(bool(a), bool(b)) for a, b in zip(mine, its, strict=True)]
    assert counts.both == slow.count((True, True))
    assert counts.champion_only == slow.count((True, False))
    assert counts.shadow_only == slow.count((False, True))
    assert counts.agreement == counts.both / (mine | its).sum()
    assert counts.spearman() == pytest.approx(spearmanr(OURS, THEIRS).statistic, abs=0.002)


@given(st.lists(st.integers(0, 3_000), max_size=5))
def test_parts_join_to_the_whole(cuts):
    whole, edges = counted(OURS, THEIRS), [0, *sorted(cuts), 3_000]
    parts = [
        load_arrays(dump_arrays(counted(OURS[a:b], THEIRS[a:b]).to_arrays()))
        for a, b in itertools.pairwise(edges)
    ]
    joined = ShadowCounts.joined(parts)
    assert joined.n == whole.n
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(joined.to_arrays()[name], array, name)
    assert joined.spearman() == whole.spearman()


def test_what_has_no_order_or_no_flow():
    same = np.ones(5, np.float32)
    assert counted(same, same).spearman() == 1.0
    assert counted(same, OURS[:5]).spearman() == 0.0
    assert np.isnan(counted(OURS[:0], OURS[:0]).agreement)


def test_memory_does_not_grow_with_the_flows():
    counts = ShadowCounts()
    for _ in range(50):
        counts.add(OURS, OURS > 2, THEIRS, THEIRS > 3)
    assert counts.n == 150_000
    assert len(counts.to_arrays()["pairs"]) == len(counted(OURS, THEIRS).to_arrays()["pairs"])


def test_something_else_is_refused():
    with pytest.raises(BundleError, match="damaged"):
        ShadowCounts.joined([{"alerts": np.zeros(4)}])
