import numpy as np
import pytest
from reference_graph import SMALL, reference_loss, run_graph, small_flows

from edgeguard_core.features import Preprocessor
from edgeguard_core.model._tensorflow import tensorflow
from edgeguard_core.model.autoencoder import Autoencoder, initial_parameters


def tensors(inputs):
    return {"numeric": inputs.numeric, "categorical": inputs.categorical}


@pytest.fixture(scope="module")
def random_weights(preprocessor):
    widths = Autoencoder(preprocessor, SMALL).widths
    rng = np.random.default_rng(0)
    start = initial_parameters(widths, rng)
    # Twice as large, and with biases, so that log sigma reaches its limits.
    return {
        name: (values * 2 + rng.normal(0, 0.1, values.shape)).astype(np.float32)
        for name, values in start.items()
    }


def test_kernels_start_within_glorots_limit():
    start = initial_parameters((30, 20, 10), np.random.default_rng(0))
    assert np.abs(start["kernel_0"]).max() <= np.sqrt(6 / 50)
    assert np.abs(start["kernel_0"]).max() > 0.9 * np.sqrt(6 / 50)
    assert start["kernel_1"].shape == (20, 10)
    assert not start["bias_1"].any()


def test_the_graph_is_the_recipes(preprocessor, attacks, random_weights):
    model = Autoencoder(preprocessor, SMALL)
    outputs = model.run(tensors(attacks), random_weights)
    expected = run_graph(attacks, preprocessor, random_weights, SMALL)
    assert np.abs(expected.s).max() == SMALL.log_sigma_limit
    for name in ("x", "m", "s", "latent"):
        found = getattr(outputs, name).numpy()
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-4, atol=1e-4)
    served = model.served(outputs, random_weights)
    np.testing.assert_allclose(served["score"], expected.score, rtol=1e-3)
    np.testing.assert_allclose(
        served["feature_errors"], expected.feature_errors, rtol=1e-3, atol=1e-4
    )


def test_the_loss_is_the_recipes(preprocessor, held_out, random_weights):
    model = Autoencoder(preprocessor, SMALL)
    found = float(model.loss(model.run(tensors(held_out), random_weights)))
    expected = run_graph(held_out, preprocessor, random_weights, SMALL)
    assert found == pytest.approx(reference_loss(expected, SMALL), rel=1e-4)


def test_no_gradient_runs_through_the_weighting_variance(preprocessor, held_out, random_weights):
    """d loss / d s per cell is v^beta · (1 − e/v): the factor itself counts as a constant."""
    tf = tensorflow()
    model = Autoencoder(preprocessor, SMALL)
    outputs = model.run(tensors(held_out), random_weights)
    with tf.GradientTape() as tape:
        tape.watch(outputs.s)
        loss = model.loss(outputs)
    found = tape.gradient(loss, outputs.s).numpy()
    e = (outputs.m.numpy() - outputs.x.numpy()) ** 2
    v = np.exp(2 * outputs.s.numpy())
    np.testing.assert_allclose(found, v**SMALL.beta * (1 - e / v) / e.size, rtol=1e-3, atol=1e-6)


def test_no_value_of_a_cell_is_without_a_score(preprocessor, random_weights):
    model = Autoencoder(preprocessor, SMALL)
    flows = small_flows(6)
    for value in (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-308):
        flows.columns["bytes"][:] = value
        flows.columns["share"][:] = value
        inputs = preprocessor.transform(flows)
        served = model.served(model.run(tensors(inputs), random_weights), random_weights)
        assert np.isfinite(served["score"].numpy()).all()


def test_a_schema_without_categories_has_no_such_input():
    flows = small_flows(50)
    for name in ("protocol", "service"):
        del flows.columns[name]
    fitted = Preprocessor.fit(flows, SMALL)
    assert set(Autoencoder(fitted, SMALL).input_specs()) == {"numeric"}
