"""Weighted figures against the plain ones on rows repeated as often as they weigh."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeguard_core.evaluation.metrics import average_precision, roc_auc, tpr_at_fpr
from edgeguard_core.evaluation.paired import (
    Ordered,
    lead,
    weighted_average_precision,
    weighted_roc_auc,
    weighted_tpr,
)

rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40
)


@settings(deadline=None, max_examples=50)
@given(rows)
def test_a_weight_counts_like_so_many_equal_rows(cells: list[tuple[bool, int, int]]) -> None:
    cells = [*cells, (True, 2, 1), (False, 3, 1)]  # both classes are there
    is_attack = np.array([cell[0] for cell in cells])
    scores = np.array([cell[1] for cell in cells], np.float32)
    weights = np.array([cell[2] for cell in cells])
    ordered = Ordered.of(is_attack, scores)
    truth, repeated = np.repeat(is_attack, weights), np.repeat(scores, weights)
    found = (
        weighted_roc_auc(ordered, weights),
        weighted_average_precision(ordered, weights),
        weighted_tpr(ordered, weights, 0.1),
    )
    wanted = (
        roc_auc(truth, repeated),
        average_precision(truth, repeated),
        tpr_at_fpr(truth, repeated, 0.1),
    )
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def scores_of(shift: float, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    truth = np.repeat([False, True], 300)
    return truth, (rng.normal(size=600) + shift * truth).astype(np.float32)


def test_a_clear_lead_is_ahead_one_way_and_behind_the_other() -> None:
    truth, good = scores_of(2.0, 0)
    _, bad = scores_of(0.5, 1)
    assert lead(weighted_roc_auc, truth, [good], bad).ahead
    assert lead(weighted_roc_auc, truth, [bad], good).behind


def test_the_same_scores_are_level() -> None:
    truth, scores = scores_of(1.0, 0)
    found = lead(weighted_average_precision, truth, [scores, scores], scores)
    assert (found.difference, found.ahead, found.behind) == (0.0, False, False)
