import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_graph import SMALL, small_flows

from edgeguard_core.errors import BundleError, SchemaError
from edgeguard_core.features import ModelInput, Preprocessor
from edgeguard_core.inference import ROWS_A_CALL, Scorer, ScorerPool, runtime_name
from edgeguard_core.model import convert, train_weights

N = 2 * ROWS_A_CALL + 17


@pytest.fixture(scope="module")
def preprocessor():
    return Preprocessor.fit(small_flows(300), SMALL)


@pytest.fixture(scope="module")
def weights(preprocessor):
    return train_weights(preprocessor.transform(small_flows(300)), preprocessor, SMALL)


@pytest.fixture(scope="module")
def rows(preprocessor):
    return preprocessor.transform(small_flows(N - 500, seed=9, attacks=500))


@pytest.fixture(scope="module", params=("float32", "float16", "dynamic_int8"))
def scorer(request, weights, preprocessor):
    return Scorer(convert(weights, preprocessor, SMALL, request.param))


@pytest.fixture(scope="module")
def float32(weights, preprocessor):
    return convert(weights, preprocessor, SMALL)


def test_every_flow_gets_a_finite_score(scorer, rows, preprocessor):
    found = scorer.score(rows)
    assert found.score.shape == (N,)
    assert found.score.dtype == np.float32
    assert np.isfinite(found.score).all()
    assert (found.score >= 0).all()
    assert found.feature_errors.shape == (N, len(preprocessor.features))
    assert (found.feature_errors >= 0).all()
    assert found.reconstruction is None
    assert found.latent is None


def test_details_on_request(scorer, rows, preprocessor):
    found = scorer.score(rows, details=True)
    assert found.reconstruction.shape == (N, preprocessor.n_expanded)
    assert found.latent.shape == (N, SMALL.bottleneck)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, N), max_size=4))
def test_no_cut_changes_a_bit(scorer, rows, cuts):
    whole = scorer.score(rows, details=True)
    edges = [0, *sorted(cuts), N]
    parts = [scorer.score(rows.select(slice(a, b)), details=True) for a, b in pairwise(edges)]
    for name in ("score", "feature_errors", "reconstruction", "latent"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert joined.tobytes() == getattr(whole, name).tobytes()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_neither_does_the_order_of_rows(scorer, rows, seed):
    order = np.random.default_rng(seed).permutation(N)
    assert scorer.score(rows.select(order)).score.tobytes() == (
        scorer.score(rows).score[order].tobytes()
    )


def test_one_row_at_a_time(scorer, rows):
    alone = [scorer.score(rows.select(slice(i, i + 1))).score[0] for i in range(40)]
    assert np.array(alone).tobytes() == scorer.score(rows).score[:40].tobytes()


def test_threads_do_not_change_a_bit(float32, rows):
    one, two = (Scorer(float32, threads=n).score(rows).score for n in (1, 2))
    assert one.tobytes() == two.tobytes()


def test_no_flows_no_scores(scorer, rows):
    found = scorer.score(rows.select(slice(0, 0)), details=True)
    assert found.score.shape == (0,)
    assert len(found.feature_errors) == len(found.reconstruction) == len(found.latent) == 0


def test_answers_are_kept_when_the_next_ones_come(scorer, rows):
    first = scorer.score(rows.select(slice(0, 5)))
    kept = first.score.copy()
    scorer.score(rows.select(slice(5, 10)))
    np.testing.assert_array_equal(first.score, kept)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused_with_its_row(scorer, rows, value):
    numeric = rows.numeric.copy()
    numeric[7, 2] = value
    with pytest.raises(SchemaError, match="Row 7 holds NaN"):
        scorer.score(ModelInput(numeric, rows.categorical))


def test_a_model_that_answers_nan_is_refused(weights, preprocessor, rows):
    broken = dict(weights.arrays) | {"bias_5": np.full_like(weights.arrays["bias_5"], np.nan)}
    with pytest.raises(BundleError, match=f"no finite score for {N} of {N} flows"):
        Scorer(convert(broken, preprocessor, SMALL)).score(rows)


def test_inputs_of_another_width_are_refused(scorer, rows):
    with pytest.raises(SchemaError, match="reads 5 numeric columns, and 4 were given"):
        scorer.score(ModelInput(rows.numeric[:, :4], rows.categorical))
    with pytest.raises(SchemaError, match="reads 2 categorical columns, and 0 were given"):
        scorer.score(ModelInput(rows.numeric, rows.categorical[:, :0]))


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x00" * 4000])
def test_junk_is_no_model(junk):
    with pytest.raises(BundleError, match=f"{len(junk)} bytes"):
        Scorer(junk)


def test_each_thread_has_its_own_scorer(float32, rows):
    pool = ScorerPool(float32)
    found = []
    threads = [threading.Thread(target=lambda: found.append(pool.scorer())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(scorer) for scorer in (*found, pool.scorer())}) == 4
    assert pool.scorer() is pool.scorer()
    assert found[0].score(rows).score.tobytes() == pool.scorer().score(rows).score.tobytes()


def test_the_runtime_has_a_name():
    assert runtime_name() in ("ai_edge_litert", "tflite_runtime")


def test_scoring_leaves_stderr_alone(float32, tmp_path):
    (tmp_path / "model.tflite").write_bytes(float32)
    code = (
        "import sys, pathlib, numpy as np\n"
        "from edgeguard_core.features import ModelInput\n"
        "from edgeguard_core.inference import Scorer\n"
        "scorer = Scorer(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "scorer.score(ModelInput(np.zeros((3, 5), np.float32), np.zeros((3, 2), np.int32)))\n"
        "print('tensorflow' in sys.modules)\n"
        "sys.stderr.write('still there')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.tflite")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("False", "still there")


def test_a_model_that_the_runtime_gives_up_on_is_told(rows):
    """A graph that divides whole numbers by 0, as full int8 can come to do."""
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 5], tf.float32, "numeric"),
            tf.TensorSpec([None, 2], tf.int32, "categorical"),
        ]
    )
    def divides(numeric, categorical):
        whole = tf.cast(categorical[:, 0] // (categorical[:, 0] * 0), tf.float32)
        return {"score": whole + numeric[:, 0], "feature_errors": numeric}

    graph = divides.get_concrete_function()
    model = tf.lite.TFLiteConverter.from_concrete_functions([graph], tf.Module()).convert()
    with pytest.raises(BundleError, match=r"gives up on the model .*take another variant"):
        Scorer(model).score(rows)
