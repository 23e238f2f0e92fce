"""Every plain detector of scikit-learn: finite scores, odd rows higher, the same twice."""

import numpy as np
import pytest

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.evaluation.peers import MOST_ROWS, PYOD, fitted, listed, peer_called

OWN = [peer for peer in listed() if not peer.package]


@pytest.mark.parametrize("peer", OWN, ids=[peer.name for peer in OWN])
def test_odd_rows_score_above_usual_ones_and_the_same_twice(peer):
    rng = np.random.default_rng(1)
    usual = rng.normal(0, 1, (400, 5)).astype(np.float32)
    odd = rng.normal(9, 1, (20, 5)).astype(np.float32)
    scorer, rows = fitted(peer, usual[:300])
    again, _ = fitted(peer, usual[:300])
    assert rows == 300
    mine, theirs = np.asarray(scorer(usual[300:])), np.asarray(scorer(odd))
    assert np.isfinite(mine).all()
    assert np.isfinite(theirs).all()
    assert theirs.min() > np.quantile(mine, 0.95)
    np.testing.assert_array_equal(theirs, again(odd))


def test_a_slow_one_learns_from_a_draw(monkeypatch):
    rows = np.random.default_rng(2).normal(size=(MOST_ROWS + 500, 2)).astype(np.float32)
    _, used = fitted(peer_called("knn"), rows)
    assert used == MOST_ROWS


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(EdgeGuardError, match=r"called 'forest'; there are IsolationForest, kNN"):
        peer_called("forest")


def test_one_of_a_package_that_is_missing_says_which(monkeypatch):
    real = __import__("importlib").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *a: None if name == PYOD else real(name, *a)
    )
    with pytest.raises(EdgeGuardError, match="ECOD is a detector of pyod, which is not installed"):
        peer_called("ecod")
