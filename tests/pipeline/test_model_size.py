import dataclasses

import numpy as np
import pytest

from edgeguard_core.config import TrainingConfig, parameter_count
from edgeguard_core.errors import TrainingError
from edgeguard_core.flows.schema import Schema, shipped_schemas
from edgeguard_core.pipeline.model_size import Columns, model_size, most_columns

TOLERANCE = 0.02
VARIANTS = ("float32", "float16", "dynamic_int8")


def columns_of(preprocessor):
    bins = sum(known.bins for known in preprocessor.categorical)
    return Columns(len(preprocessor.numeric), len(preprocessor.categorical), bins)


@pytest.fixture(params=["zeek", "cic"])
def trained_bundle(request):
    return request.getfixturevalue(request.param).bundle


@pytest.fixture(params=["s", "l"])
def resized(request, trained_bundle):
    """A network of some size for real features, with weights of no meaning."""
    from edgeguard_core.model.autoencoder import initial_parameters, layer_widths
    from edgeguard_core.model.whitening import whitening

    config = TrainingConfig.of_size(request.param)
    widths = layer_widths(trained_bundle.preprocessor.n_expanded, config)
    rng = np.random.default_rng(0)
    start = initial_parameters(widths, rng)
    # A bias of nothing but 0 would be left out of the file.
    learned = {
        name: array if name.startswith("kernel") else rng.normal(size=array.shape)
        for name, array in start.items()
    }
    return config, learned | whitening(
        rng.normal(size=(200, widths[0])), config.whitened_directions
    )


def test_parameters_are_those_of_a_trained_model(trained_bundle):
    config = TrainingConfig.from_json(trained_bundle.manifest.training["config"])
    weights = trained_bundle.arrays("weights.npz")
    learned = sum(a.size for name, a in weights.items() if name.startswith(("kernel", "bias")))
    assert model_size(columns_of(trained_bundle.preprocessor), config).parameters == learned


def test_bytes_are_those_of_the_files(trained_bundle):
    config = TrainingConfig.from_json(trained_bundle.manifest.training["config"])
    said = model_size(columns_of(trained_bundle.preprocessor), config).bytes
    measured = trained_bundle.manifest.runtime["variants"]
    assert set(said) == set(VARIANTS)
    for name in VARIANTS:
        assert said[name] == pytest.approx(measured[name]["bytes"], rel=TOLERANCE), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_bytes_hold_for_every_size(trained_bundle, resized, variant):
    from edgeguard_core.model.conversion import convert

    config, weights = resized
    size = model_size(columns_of(trained_bundle.preprocessor), config)
    assert size.parameters == sum(
        array.size for name, array in weights.items() if not name.startswith("whitening")
    )
    made = len(convert(weights, trained_bundle.preprocessor, config, variant))
    assert size.bytes[variant] == pytest.approx(made, rel=TOLERANCE)


def test_what_is_said_of_a_schema_is_never_less_than_what_is_trained(trained_bundle):
    most = most_columns(trained_bundle.schema)
    real = columns_of(trained_bundle.preprocessor)
    assert all(a >= b for a, b in zip(vars(most).values(), vars(real).values(), strict=True))


@pytest.mark.parametrize("name", shipped_schemas())
def test_each_feature_left_out_makes_the_model_smaller(name):
    schema = Schema.named(name)
    whole = most_columns(schema)
    for feature in schema.features:
        less = most_columns(schema, left_out=[feature])
        assert less.expanded < whole.expanded
        config = TrainingConfig()
        assert parameter_count(less.expanded, config) < parameter_count(whole.expanded, config)


def test_sizes_grow_and_the_middle_one_is_the_recipe():
    columns = most_columns(Schema.named("flow"))
    small, middle, large = (model_size(columns, TrainingConfig.of_size(size)) for size in "sml")
    assert small.parameters < middle.parameters < large.parameters
    assert TrainingConfig.of_size("M", seed=3) == dataclasses.replace(TrainingConfig(), seed=3)


def test_an_unknown_size_is_told_with_those_there_are():
    with pytest.raises(TrainingError, match="No size is called 'xl'; use one of s, m, l"):
        TrainingConfig.of_size("xl")
