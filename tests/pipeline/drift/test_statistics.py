import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgeguard_core.pipeline.drift.statistics import (
    chi_square_p,
    equal_groups,
    holm,
    kolmogorov_p,
    largest_gap,
    population_stability,
    total_variation,
)

COUNTS = st.lists(st.integers(0, 60), min_size=2, max_size=8).filter(lambda c: sum(c) > 0)


@given(COUNTS, st.integers(0, 9))
def test_the_gap_is_that_of_the_flows_themselves_where_bins_are_values(counts, seed):
    before = np.array(counts)
    here = np.random.default_rng(seed).integers(0, 60, len(counts))
    here[0] += 1
    values = np.arange(len(counts))
    slow = stats.ks_2samp(np.repeat(values, before), np.repeat(values, here), method="asymp")
    assert largest_gap(before, here) == pytest.approx(slow.statistic)
    assert largest_gap(before, here) <= total_variation(before, here) + 1e-12


def test_the_chance_of_a_gap_is_near_the_exact_one():
    for gap in (0.15, 0.2, 0.3):
        exact = stats.kstwo.sf(gap, 50)  # of one sample; n·m/(n + m) is 50 here
        assert kolmogorov_p(gap, 100, 100) == pytest.approx(exact, abs=0.01)


def test_chi_square_is_pearsons_for_independent_flows():
    before, here = np.array([40, 60, 100]), np.array([70, 50, 80])
    slow = stats.chi2_contingency(np.stack([before, here]), correction=False)
    assert chi_square_p(before, here, 200, 200) == pytest.approx(slow.pvalue)


def test_flows_that_are_alike_are_less_evidence():
    before, here = np.array([40, 60]), np.array([70, 30])
    assert chi_square_p(before, here, 10, 10) > 100 * chi_square_p(before, here, 100, 100)


def test_rare_categories_count_as_one():
    before, here = np.array([60, 36, *[1] * 4]), np.array([48, 38, *[3, 2, 4, 5]])
    slow = stats.chi2_contingency([[60, 36, 4], [48, 38, 14]], correction=False)
    assert chi_square_p(before, here, 100, 100) == pytest.approx(slow.pvalue)


@given(COUNTS)
def test_stability_is_nothing_for_the_same_and_never_negative(counts):
    before = np.array(counts)
    assert population_stability(before, before) == 0
    assert population_stability(before, before[::-1]) >= 0


def test_stability_by_chance_is_as_large_as_said():
    """Yurdakul: (bins − 1)·(1/n + 1/m) on average."""
    random = np.random.default_rng(0)
    drawn = [
        population_stability(*(random.multinomial(500, np.full(10, 0.1)) for _ in range(2)))
        for _ in range(200)
    ]
    assert np.mean(drawn) == pytest.approx(9 * (2 / 500), rel=0.2)


def test_groups_hold_equal_shares_and_keep_the_order():
    groups = equal_groups(np.full(64, 10), 10)
    assert np.all(np.diff(groups) >= 0)
    assert np.bincount(groups).tolist() == pytest.approx([6.4] * 10, abs=1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_rejects_what_the_textbook_loop_does(p_values):
    alpha, wanted = 0.05, set()
    for step, at in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[at] * (len(p_values) - step) > alpha:
            break
        wanted.add(at)
    corrected = holm(np.array(p_values))
    assert {at for at, p in enumerate(corrected) if p <= alpha} == wanted
