import dataclasses

import numpy as np
import pytest

from edgeguard_core.bundle import Bundle
from edgeguard_core.bundle.golden import ROWS, Golden, make_golden, prove, synthetic_inputs
from edgeguard_core.bundle.lean import lean_files
from edgeguard_core.bundle.saving import write_files
from edgeguard_core.errors import BundleError, ParityError


def written(bundle, golden, path):
    return Bundle.load(
        write_files(path, lean_files(bundle, golden), force=False, as_zip=path.suffix == ".zip")
    )


def test_the_runtime_that_answered_them_proves_them(bundle, tmp_path):
    proof = prove(written(bundle, make_golden(bundle), tmp_path / "L.zip"))
    assert (proof.rows, proof.largest_difference) == (ROWS, 0.0)
    assert proof.runtime in ("ai_edge_litert", "tflite_runtime")


def test_both_verdicts_are_among_them_and_the_same_seed_makes_the_same(bundle):
    golden = make_golden(bundle)
    assert 0.2 < golden.alerts.mean() < 0.95
    assert np.isfinite(golden.inputs.numeric).all()
    again = synthetic_inputs(bundle.preprocessor, 0)
    np.testing.assert_array_equal(again.numeric, golden.inputs.numeric)
    other = synthetic_inputs(bundle.preprocessor, 1)
    assert (other.numeric != golden.inputs.numeric).any()


def test_rows_are_synthetic_unless_they_are_to_be_kept(bundle):
    stored = bundle.arrays("parity.npz")["numeric"]
    kept = make_golden(bundle, keep_rows=True).inputs.numeric
    np.testing.assert_array_equal(kept, stored[: len(kept)])
    synthetic = make_golden(bundle).inputs.numeric
    assert not (synthetic[:, None, :] == stored[None, :, :]).all(axis=2).any()


def test_another_answer_is_refused_with_the_figures(bundle, tmp_path):
    golden = make_golden(bundle)
    scores = golden.scores.copy()
    scores[7] *= 1.01
    lean = written(bundle, dataclasses.replace(golden, scores=scores), tmp_path / "L")
    with pytest.raises(ParityError, match=r"\(golden row 7\)"):
        prove(lean)


def test_another_verdict_is_refused(bundle, tmp_path):
    golden = make_golden(bundle)
    lean = written(bundle, dataclasses.replace(golden, alerts=~golden.alerts), tmp_path / "L")
    with pytest.raises(ParityError, match="another verdict here on"):
        prove(lean)


def test_a_bundle_without_them_proves_nothing(bundle):
    with pytest.raises(BundleError, match=r"carries no golden\.npz"):
        prove(bundle)


@pytest.mark.parametrize("wrong", ["scores", "alerts", "numeric", "empty", "absent"])
def test_vectors_that_do_not_fit_each_other_are_refused(bundle, tmp_path, wrong, monkeypatch):
    arrays = make_golden(bundle).to_arrays()
    if wrong == "empty":
        arrays = {name: array[:0] for name, array in arrays.items()}
    elif wrong == "absent":
        del arrays["alerts"]
    else:
        arrays[wrong] = arrays[wrong][:-1]
    golden = make_golden(bundle)
    monkeypatch.setattr(Golden, "to_arrays", lambda self: arrays)
    lean = written(bundle, golden, tmp_path / "L")
    with pytest.raises(BundleError, match=r"golden\.npz of bundle .* does not hold"):
        prove(lean)
