import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference_graph import SMALL, run_graph, small_flows

from edgeguard_core.errors import ConversionError
from edgeguard_core.features import Preprocessor
from edgeguard_core.inference import Scorer
from edgeguard_core.model import VARIANTS, convert, parse_variant, synthetic_rows, train_weights

BUILT_IN = {
    *("ADD", "CAST", "CONCATENATION", "DEQUANTIZE", "EQUAL", "EXP", "FULLY_CONNECTED", "GATHER"),
    *("GELU", "LOG", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "NEG", "QUANTIZE", "RELU", "SPLIT"),
    *("DIV", "RSQRT", "SQRT", "SQUARE"),
    *("SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM"),
}


@pytest.fixture(scope="module", params=("float32", "float16", "dynamic_int8"))
def model(request, weights, preprocessor):
    return request.param, convert(weights, preprocessor, SMALL, request.param)


def test_the_file_answers_like_plain_numpy(model, weights, preprocessor, held_out, attacks):
    variant, file = model
    tolerance = {"float32": 1e-3, "float16": 1e-2, "dynamic_int8": 0.2}[variant]
    for rows in (held_out, attacks):
        expected = run_graph(rows, preprocessor, weights.arrays, SMALL)
        found = Scorer(file).score(rows, details=True)
        np.testing.assert_allclose(found.score, expected.score, rtol=tolerance, atol=0.02)
        if variant == "float32":
            np.testing.assert_allclose(
                found.feature_errors, expected.feature_errors, rtol=1e-3, atol=1e-3
            )
            np.testing.assert_allclose(found.reconstruction, expected.m, atol=1e-3)
            np.testing.assert_allclose(found.latent, expected.latent, atol=1e-3)


def test_the_score_is_the_sum_of_the_feature_errors(model, preprocessor, held_out):
    found = Scorer(model[1]).score(held_out)
    total = found.feature_errors.astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(found.score, total / preprocessor.n_expanded, rtol=1e-5)


def test_only_operations_that_every_runtime_has(model):
    from ai_edge_litert.interpreter import Interpreter

    operations = {op["op_name"] for op in Interpreter(model_content=model[1])._get_ops_details()}
    assert operations <= BUILT_IN
    assert "GELU" in operations


def test_the_same_weights_give_the_same_bytes(model, weights, preprocessor):
    assert convert(weights, preprocessor, SMALL, model[0]) == model[1]


def test_another_process_gives_the_same_bytes(weights, preprocessor):
    code = (
        "import sys, hashlib\n"
        "from reference_graph import SMALL, small_flows\n"
        "from edgeguard_core.features import Preprocessor\n"
        "from edgeguard_core.model import convert, train_weights\n"
        "flows = small_flows(400)\n"
        "p = Preprocessor.fit(flows, SMALL)\n"
        "file = convert(train_weights(p.transform(flows), p, SMALL), p, SMALL)\n"
        "print(hashlib.sha256(file).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    file = convert(weights, preprocessor, SMALL)
    assert run.stdout.strip() == hashlib.sha256(file).hexdigest()
    assert run.stderr == ""  # stderr is for warnings and errors


def test_arrays_alone_are_enough(weights, preprocessor):
    from_arrays = convert(dict(weights.arrays), preprocessor, SMALL)
    assert from_arrays == convert(weights, preprocessor, SMALL)


def test_quantised_files_are_smaller(weights, preprocessor):
    sizes = [len(convert(weights, preprocessor, SMALL, name)) for name in VARIANTS[:2]]
    assert sizes[0] > sizes[1]


def test_numbers_alone_make_a_model():
    flows = small_flows(80)
    for name in ("protocol", "service"):
        del flows.columns[name]
    assert_scores(flows)


def test_categories_alone_make_a_model():
    flows = small_flows(80)
    for name in list(flows.columns):
        if name not in ("protocol", "service"):
            del flows.columns[name]
    assert_scores(flows)


def assert_scores(flows):
    fitted = Preprocessor.fit(flows, SMALL)
    inputs = fitted.transform(flows)
    weights = train_weights(inputs, fitted, SMALL)
    found = Scorer(convert(weights, fitted, SMALL)).score(inputs)
    expected = run_graph(inputs, fitted, weights.arrays, SMALL)
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-3, atol=1e-4)
    assert found.feature_errors.shape == (len(flows), len(fitted.features))


def test_weights_of_another_model_are_refused(weights, preprocessor):
    arrays = dict(weights.arrays)
    arrays["kernel_1"] = arrays["kernel_1"][:, :-1]
    with pytest.raises(ConversionError, match=r"kernel_1 of shape \(16, 7\)"):
        convert(arrays, preprocessor, SMALL)
    del arrays["kernel_1"]
    with pytest.raises(ConversionError, match="kernel_1 of shape None"):
        convert(arrays, preprocessor, SMALL)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("float32", "float32"),
        ("FP16", "float16"),
        ("dynamic-int8", "dynamic_int8"),
        ("int8-dynamic", "dynamic_int8"),
        (" int8 ", "dynamic_int8"),
        ("full-int8", "full_int8"),
    ],
)
def test_variants_go_by_several_words(text, variant):
    assert parse_variant(text) == variant


def test_an_unknown_variant_lists_the_known_ones():
    with pytest.raises(ConversionError, match=r"'int4'.*float32, float16, dynamic_int8"):
        parse_variant("int4")


def test_synthetic_rows_are_usual_and_repeatable(preprocessor):
    rows = synthetic_rows(preprocessor, 500, seed=5)
    again = synthetic_rows(preprocessor, 500, seed=5)
    np.testing.assert_array_equal(rows.numeric, again.numeric)
    np.testing.assert_array_equal(rows.categorical, again.categorical)
    for position, feature in enumerate(preprocessor.numeric):
        low, high = preprocessor.usual[feature.name]
        column = rows.numeric[:, position]
        assert low - 1e-3 <= column.min() <= column.max() <= high * (1 + 1e-5) + 1e-3
    assert (rows.categorical.max(axis=0) < [f.bins for f in preprocessor.categorical]).all()
