import numpy as np
import pytest
from reference_graph import SMALL
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from edgeguard_core.errors import ConversionError, NotEnoughDataError, ParityError
from edgeguard_core.model import ParityLimits, check_parity, convert
from edgeguard_core.model.parity import _jaccard, _roc_auc, perturbed, spearman


@pytest.fixture(scope="module")
def reference(weights, preprocessor):
    return convert(weights, preprocessor, SMALL)


def test_a_model_agrees_with_itself(reference, held_out, attacks):
    report = check_parity(reference, reference, held_out, attacks)
    assert report.passed
    assert (report.spearman, report.verdict_jaccard) == pytest.approx((1, 1))
    assert report.roc_auc_change == 0
    assert report.against == "attacks"
    report.require()


@pytest.mark.parametrize("variant", ["float16", "dynamic_int8"])
@pytest.mark.parametrize("with_attacks", [True, False])
def test_these_variants_pass(
    variant, with_attacks, reference, weights, preprocessor, held_out, attacks
):
    candidate = convert(weights, preprocessor, SMALL, variant)
    report = check_parity(reference, candidate, held_out, attacks if with_attacks else None)
    assert report.passed, report.failures
    assert report.against == ("attacks" if with_attacks else "perturbed rows")


def test_full_int8_is_refused(reference, weights, preprocessor, held_out, attacks):
    with pytest.raises((ConversionError, ParityError), match=r"full_int8.*Spearman is"):
        check_parity(
            reference, convert(weights, preprocessor, SMALL, "full_int8"), held_out, attacks
        ).require("full_int8")


def test_other_weights_are_refused(reference, weights, preprocessor, held_out):
    rng = np.random.default_rng(0)
    noisy = {name: v + rng.normal(0, 0.2, v.shape) for name, v in weights.arrays.items()}
    report = check_parity(reference, convert(noisy, preprocessor, SMALL), held_out)
    assert not report.passed
    with pytest.raises(ParityError, match=r"at least 0\.99 is needed"):
        report.require()


def test_a_model_that_answers_nan_is_refused(reference, weights, preprocessor, held_out):
    broken = dict(weights.arrays) | {"bias_0": np.full_like(weights.arrays["bias_0"], np.nan)}
    report = check_parity(reference, convert(broken, preprocessor, SMALL), held_out)
    assert "it cannot score" in report.failures[0]
    assert report.to_json()["spearman"] is None


def test_each_limit_is_named(reference, held_out):
    impossible = ParityLimits(spearman=1.1, verdict_jaccard=1.1, roc_auc_change=-1)
    report = check_parity(reference, reference, held_out, limits=impossible)
    assert len(report.failures) == 3


def test_one_flow_is_not_enough(reference, held_out):
    with pytest.raises(NotEnoughDataError, match="1 benign flows"):
        check_parity(reference, reference, held_out.select(slice(0, 1)))


def test_the_figures_are_the_known_ones():
    rng = np.random.default_rng(1)
    ours = rng.integers(0, 30, 200).astype(np.float32)  # with ties
    theirs = ours + rng.integers(0, 20, 200)
    positive = rng.random(200) < 0.3
    assert spearman(ours, theirs) == pytest.approx(spearmanr(ours, theirs).statistic)
    assert _roc_auc(ours, positive) == pytest.approx(roc_auc_score(positive, ours))
    assert spearman(ours, np.ones_like(ours)) == 0
    both = np.array([True, True, False]), np.array([True, False, False])
    assert _jaccard(*both) == 0.5
    assert _jaccard(both[0] & False, both[1] & False) == 1


def test_perturbations_are_seeded_and_mixed_from_the_rows(held_out):
    odd, again, other = perturbed(held_out, 1), perturbed(held_out, 1), perturbed(held_out, 2)
    np.testing.assert_array_equal(odd.numeric, again.numeric)
    assert not np.array_equal(odd.numeric, other.numeric)
    assert set(odd.categorical.ravel()) <= set(held_out.categorical.ravel())
    assert odd.numeric.dtype == np.float32
    assert np.isfinite(odd.numeric).all()
