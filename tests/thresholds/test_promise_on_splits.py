"""The promise on 200 independent splits of real benign scores, against its exact law.

With distinct scores the flows of a test part that alert follow a beta-binomial law, whatever the
scores: m flows, n − k + 1 and k (k the rank among n calibrating ones). Only ranks matter, and a
random split makes all orders of ranks equally likely, so splits of one pool are independent draws.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from support import data

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.inference import Scorer
from edgeguard_core.pipeline.progress import silent
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.sources import ReadOptions
from edgeguard_core.thresholds import ThresholdSketch, conformal
from edgeguard_core.thresholds.edges import conformal_rank, next_above

SPLITS = 200
CALIBRATING = 999
TESTED = 8_000
# One test in a thousand fails by chance at each; the seeds are fixed, so these ones never do.
CHANCE = 1e-3


@pytest.fixture(scope="module")
def benign_scores() -> np.ndarray:
    """Scores of the normals of UNSW-NB15 that a small model was not fitted on, in random order."""
    from edgeguard_core.model import convert, train_weights

    flows, _ = read_all([data("unsw-nb15/UNSW_NB15_82332.csv.gz")], ReadOptions(), silent)
    order = np.random.RandomState(1).permutation(np.flatnonzero(flows.is_benign))
    learned, held_out = flows.select(np.sort(order[:8_000])), flows.select(np.sort(order[8_000:]))
    config = TrainingConfig(steps=200)
    preprocessor = Preprocessor.fit(learned, config)
    weights = train_weights(preprocessor.transform(learned), preprocessor, config)
    scorer = Scorer(convert(weights, preprocessor, config))
    return np.asarray(scorer.score(preprocessor.transform(held_out)).score, np.float32)


@dataclass(frozen=True)
class Law:
    """What a split conformal promise realises, exactly: flows that alert of ``TESTED``."""

    rank: int

    @property
    def of_one(self):
        return stats.betabinom(TESTED, CALIBRATING - self.rank + 1, self.rank)

    def mean_band(self) -> tuple[float, float]:
        """Where the mean rate of all splits lies, but for ``CHANCE``: the law of their sum."""
        one = self.of_one.pmf(np.arange(TESTED + 1))
        size = 1 << int(np.ceil(np.log2(SPLITS * TESTED + 1)))
        reached = np.cumsum(np.fft.irfft(np.fft.rfft(one, size) ** SPLITS, size))
        ends = np.searchsorted(reached, [CHANCE / 2, 1 - CHANCE / 2])
        low, high = (ends / (SPLITS * TESTED)).tolist()
        return low, high

    def p_of_all(self, counts: np.ndarray) -> float:
        """Kolmogorov and Smirnov's p that the counts are draws of it; ties broken by a seed."""
        below, at = self.of_one.cdf(counts - 1), self.of_one.pmf(counts)
        even = below + np.random.default_rng(0).random(len(counts)) * at
        return float(stats.kstest(even, "uniform").pvalue)


def realised(scores: np.ndarray, alpha: float, ranks_off: int = 0) -> np.ndarray:
    """False alarms of each split, ``(SPLITS,)``; thresholds so many ranks too high."""
    rng, counts = np.random.default_rng(7), []
    for _ in range(SPLITS):
        drawn = rng.permutation(scores)[: CALIBRATING + TESTED]
        calibrating, tested = drawn[:CALIBRATING], drawn[CALIBRATING:]
        line = conformal(ThresholdSketch.build(calibrating), alpha, "test").value
        if ranks_off:
            rank = conformal_rank(CALIBRATING, alpha) + ranks_off
            line = np.inf if rank > CALIBRATING else next_above(np.sort(calibrating)[rank - 1])
        counts.append(np.count_nonzero(tested >= np.float32(line)))
    return np.array(counts)


@pytest.mark.parametrize("alpha", [0.01, 0.001])
def test_realised_rates_follow_the_law_of_the_promise(benign_scores, alpha):
    distinct = np.unique(benign_scores)
    counts, law = realised(distinct, alpha), Law(conformal_rank(CALIBRATING, alpha))
    low, high = law.mean_band()
    assert low < alpha < high
    assert low <= counts.mean() / TESTED <= high
    assert law.p_of_all(counts) > CHANCE


@pytest.mark.parametrize(("alpha", "ranks_off"), [(0.01, -2), (0.01, 2), (0.001, -1), (0.001, 1)])
def test_a_threshold_a_rank_or_two_off_breaks_the_law(benign_scores, alpha, ranks_off):
    distinct = np.unique(benign_scores)
    counts = realised(distinct, alpha, ranks_off)
    law = Law(conformal_rank(CALIBRATING, alpha))
    low, high = law.mean_band()
    assert not low <= counts.mean() / TESTED <= high
    if alpha == 0.001:  # there one rank is all there is, and the whole law is another
        assert law.p_of_all(counts) < CHANCE


@pytest.mark.parametrize("alpha", [0.01, 0.001])
def test_repeated_scores_only_keep_the_promise_better(benign_scores, alpha):
    # Two thousand of these scores repeat others: ties lie below the line, never above.
    assert len(np.unique(benign_scores)) < 0.95 * len(benign_scores)
    counts, law = realised(benign_scores, alpha), Law(conformal_rank(CALIBRATING, alpha))
    assert counts.mean() / TESTED <= law.mean_band()[1]
    assert counts.mean() > 0
