"""One TFLite file from trained weights, in any of four number formats."""

import warnings
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import ConversionError
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.features.transform import inverse, transformed
from edgeguard_core.inference import native_stderr_muted
from edgeguard_core.model._tensorflow import tensorflow
from edgeguard_core.model.autoencoder import CATEGORICAL, NUMERIC, Autoencoder
from edgeguard_core.model.training import TrainedWeights
from edgeguard_core.model.whitening import SCALE, whitening_shapes

VARIANTS = ("float32", "float16", "dynamic_int8", "full_int8")
"""Number formats of the weights; in the last one the activations are integers too."""

_ALIASES = {
    "fp32": "float32",
    "float": "float32",
    "fp16": "float16",
    "half": "float16",
    "int8": "dynamic_int8",
    "int8_dynamic": "dynamic_int8",
    "dynamic": "dynamic_int8",
    "dynamic_range": "dynamic_int8",
    "int8_full": "full_int8",
    "full_integer": "full_int8",
    "full": "full_int8",
}

REPRESENTATIVE_ROWS = 256
"""Synthetic flows from which full int8 takes the range of each tensor."""


def parse_variant(text: str) -> str:
    """The variant somebody means.

    Raises
    ------
    ConversionError
        If the word is not known; the message lists those that are.

    Examples
    --------
    >>> parse_variant("Dynamic-INT8"), parse_variant("int8"), parse_variant("fp16")
    ('dynamic_int8', 'dynamic_int8', 'float16')
    """
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    variant = _ALIASES.get(word, word)
    if variant not in VARIANTS:
        raise ConversionError(f"No variant is called {text!r}; use one of {', '.join(VARIANTS)}.")
    return variant


def convert(
    weights: TrainedWeights | Mapping[str, NDArray[Any]],
    preprocessor: Preprocessor,
    config: TrainingConfig,
    variant: str = "float32",
) -> bytes:
    """The TFLite file: preprocessing, network, score and its terms in one graph.

    The same weights give the same bytes. Nothing is promised about the quality of a variant:
    ``parity.check_parity`` judges that (full int8 converts, and fails there).

    Parameters
    ----------
    weights
        What ``train_weights`` returned, or its arrays alone, as ``weights.npz`` holds them.
    variant
        One of ``VARIANTS``, or a word ``parse_variant`` knows.

    Raises
    ------
    ConversionError
        If the arrays do not fit the preprocessor and config, or the converter gives up.
    """
    variant = parse_variant(variant)
    arrays = weights.arrays if isinstance(weights, TrainedWeights) else weights
    autoencoder = Autoencoder(preprocessor, config)
    parameters = _checked(arrays, autoencoder)
    tf = tensorflow()

    # Not traced by AutoGraph: nothing here branches, and its log would reach the user.
    @tf.function(input_signature=[autoencoder.input_specs()], autograph=False)  # type: ignore[untyped-decorator]
    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return autoencoder.served(autoencoder.run(inputs, parameters), parameters)

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function()], tf.Module()
    )
    _choose(converter, variant, preprocessor, config)
    try:
        # Calibrating full int8 speaks of a deprecated interpreter, which is TensorFlow's own.
        with warnings.catch_warnings(), native_stderr_muted():
            warnings.simplefilter("ignore")
            return bytes(converter.convert())
    except Exception as error:  # the converter raises whatever its C++ half raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ConversionError(
            f"No {variant} file could be made ({reason[:200]}); ship float32 instead."
        ) from error


def synthetic_rows(preprocessor: Preprocessor, n: int, seed: int) -> ModelInput:
    """Rows that look like benign flows one feature at a time, shape ``(n, …)``.

    Drawn from the preprocessor's statistics alone, so that a bundle can be checked on another
    machine without carrying anybody's flows. How features go together is not kept: to a
    model such rows are odder than real ones.

    Examples
    --------
    >>> from edgeguard_core.features import CategoricalFeature, NumericFeature
    >>> size = NumericFeature("size", mean=3.0, scale=0.5)
    >>> state = CategoricalFeature("state", ("done",), counts=(1, 9))
    >>> usual = {"size": (10.0, 30.0), "state": ("done",)}
    >>> fitted = Preprocessor("flow", (size,), (state,), (), {}, usual)
    >>> rows = synthetic_rows(fitted, 1_000, seed=0)
    >>> bool(rows.numeric.min() >= 10), bool(rows.numeric.max() <= 30)
    (True, True)
    >>> round(float(rows.categorical.mean()), 1)
    0.9
    """
    rng = np.random.default_rng(seed)
    numeric = np.empty((n, len(preprocessor.numeric)), np.float32)
    for position, feature in enumerate(preprocessor.numeric):
        low, high = transformed(
            np.array(preprocessor.usual[feature.name], np.float64), feature.transform
        )
        u = np.clip(rng.normal(feature.mean, feature.scale, n), low, high)
        numeric[:, position] = inverse(u, feature.transform)
    categorical = np.empty((n, len(preprocessor.categorical)), np.int32)
    for position, known in enumerate(preprocessor.categorical):
        shares = np.array(known.counts, np.float64)
        categorical[:, position] = rng.choice(known.bins, n, p=shares / shares.sum())
    return ModelInput(numeric, categorical)


def _checked(arrays: Mapping[str, NDArray[Any]], model: Autoencoder) -> dict[str, NDArray[Any]]:
    widths = model.widths
    wanted: dict[str, tuple[int, ...]] = {}
    for layer, (rows, columns) in enumerate(pairwise(widths)):
        wanted |= {f"kernel_{layer}": (rows, columns), f"bias_{layer}": (columns,)}
    if SCALE in arrays:  # bundles made before whitening have none
        wanted |= whitening_shapes(widths[0], model.config.whitened_directions)
    for name, shape in wanted.items():
        found = np.shape(arrays[name]) if name in arrays else None
        if found != shape:
            raise ConversionError(
                f"The weights hold {name} of shape {found}, and the model needs {shape}; "
                "use weights, preprocessor and settings of one training run."
            )
    return {name: np.asarray(arrays[name], np.float32) for name in wanted}


def _choose(
    converter: Any, variant: str, preprocessor: Preprocessor, config: TrainingConfig
) -> None:
    tf = tensorflow()
    if variant == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant == "full_int8":
        rows = synthetic_rows(preprocessor, REPRESENTATIVE_ROWS, config.seed)
        converter.representative_dataset = lambda: _row_by_row(rows, preprocessor)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _row_by_row(rows: ModelInput, preprocessor: Preprocessor) -> Iterator[dict[str, Any]]:
    for row in range(len(rows)):
        one = rows.select(slice(row, row + 1))
        inputs = {NUMERIC: one.numeric} if preprocessor.numeric else {}
        yield inputs | ({CATEGORICAL: one.categorical} if preprocessor.categorical else {})
