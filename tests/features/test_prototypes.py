import numpy as np
import pytest
from bundle.fixtures import make_v1
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features import Preprocessor
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.features.prototypes import FEWEST_FLOWS, MOST, Prototypes, rounded


@pytest.fixture(scope="module")
def fitted():
    flows = make_v1.flows(3_000, seed=5)
    preprocessor = Preprocessor.fit(flows, make_v1.CONFIG)
    return preprocessor, preprocessor.transform(flows)


def choose(preprocessor, inputs, seed=0):
    return Prototypes.choose(inputs, lambda r: expanded(r, preprocessor, make_v1.CONFIG), seed)


def test_they_are_rounded_rows_of_what_was_fitted(fitted):
    _, inputs = fitted
    found = choose(*fitted).inputs
    rows = {
        (*numbers, *words)
        for numbers, words in zip(
            rounded(inputs.numeric).tolist(), inputs.categorical.tolist(), strict=True
        )
    }
    assert 30 < len(found) <= MOST
    for numbers, words in zip(found.numeric.tolist(), found.categorical.tolist(), strict=True):
        assert (*numbers, *words) in rows


def test_the_same_seed_chooses_the_same(fitted):
    one, other = choose(*fitted), choose(*fitted)
    assert one.inputs.numeric.tobytes() == other.inputs.numeric.tobytes()
    assert one.inputs.categorical.tobytes() == other.inputs.categorical.tobytes()


def test_flows_lie_nearer_to_them_than_to_as_many_drawn_by_chance(fitted):
    preprocessor, inputs = fitted
    found = choose(*fitted)
    x = expanded(inputs, preprocessor, make_v1.CONFIG).astype(np.float64)

    def mean_gap(rows):
        y = expanded(rows, preprocessor, make_v1.CONFIG).astype(np.float64)
        return np.mean([((y - one) ** 2).sum(axis=1).min() for one in x[::10]])

    drawn = np.random.default_rng(1).choice(len(inputs), len(found), replace=False)
    assert mean_gap(found.inputs) < mean_gap(inputs.select(drawn))


def test_a_flow_that_stands_alone_has_no_prototype(fitted):
    preprocessor, inputs = fitted
    numeric = inputs.numeric.copy()
    numeric[: FEWEST_FLOWS - 1, 1] = 7e20  # far from everything, and fewer than it takes
    found = choose(preprocessor, ModelInput(numeric, inputs.categorical))
    assert found.inputs.numeric[:, 1].max() < 1e10


def test_few_flows_have_prototypes_all_the_same(fitted):
    preprocessor, inputs = fitted
    assert 1 <= len(choose(preprocessor, inputs.select(np.arange(3)))) <= 3
    assert len(choose(preprocessor, inputs.select(np.zeros(50, np.int64)))) == 1


def test_they_are_read_back_and_what_is_none_is_refused(fitted):
    preprocessor, _ = fitted
    found = choose(*fitted)
    arrays = found.to_arrays()
    again = Prototypes.from_arrays(arrays, preprocessor)
    assert again.inputs.numeric.tolist() == found.inputs.numeric.tolist()
    nan = np.full_like(arrays["numeric"], np.nan)
    for wrong in (
        {"numeric": arrays["numeric"][:, 1:]},
        {"numeric": arrays["numeric"][1:]},
        {"numeric": nan},
        {"numeric": arrays["numeric"].astype(np.float64)},
        {"categorical": arrays["categorical"] + 99},
        {"categorical": arrays["categorical"][:, 0]},
    ):
        with pytest.raises(ValueError, match=r"its|one of"):
            Prototypes.from_arrays(arrays | wrong, preprocessor)
    with pytest.raises(KeyError):
        Prototypes.from_arrays({}, preprocessor)


@given(st.floats(-1e30, 1e30))
def test_rounding_keeps_three_digits(value):
    near = float(rounded(np.array([value], np.float32))[0])
    assert near == pytest.approx(value, rel=6e-3, abs=1e-37)
    assert abs(near) < 1e-37 or float(f"{near:.2e}") == pytest.approx(near, rel=1e-6)
