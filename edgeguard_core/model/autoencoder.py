"""The graph: raw flows in, score, its terms and the reconstruction out.

::

    numeric (n, F) ── log ── standardise ── clip ──┐
                                                   x (n, E) ── 64 ── 32 ── 8 ── 32 ── 64 ── m, s
    categorical (n, C) ── one-hot × weight ────────┘                       │
                                                                         latent
    r = (x − m) · exp(−s)      s = log sigma: how far off is usual for this feature
    z = r whitened             residuals that go together count once (``whitening``)
    score = √(mean r² · mean z²), which is the mean of the terms ½ (r²·g + z²/g)
    with g = √(mean z² / mean r²);  feature_errors = terms, those of one feature summed

Training and the exported file run the same functions. They use operations that TFLite has
built in, and of these only old ones, so that old runtimes can read the float32 file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig, layer_widths
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.features.transform import LOG
from edgeguard_core.model._tensorflow import tensorflow
from edgeguard_core.model.whitening import DOWN, SCALE, UP

NUMERIC = "numeric"
CATEGORICAL = "categorical"

Parameters = Mapping[str, Any]
"""``kernel_0, bias_0, kernel_1, …``: arrays or variables, first layer first; with the arrays of
``whitening`` where a score is taken."""

TINY_MEAN = 1e-9
"""Added to both means of squares, so that a flow drawn without any error has a score, too."""


def initial_parameters(
    widths: Sequence[int], rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Kernels after Glorot and Bengio (2010), uniform; biases of 0."""
    parameters: dict[str, NDArray[np.float32]] = {}
    for layer, (rows, columns) in enumerate(pairwise(widths)):
        limit = np.sqrt(6.0 / (rows + columns))
        kernel = rng.uniform(-limit, limit, (rows, columns))
        parameters[f"kernel_{layer}"] = kernel.astype(np.float32)
        parameters[f"bias_{layer}"] = np.zeros(columns, np.float32)
    return parameters


@dataclass(frozen=True)
class Outputs:
    """Tensors of the graph for ``n`` rows; ``x`` are the expanded inputs, ``s`` log sigma."""

    x: Any  # (n, E)
    m: Any  # (n, E)
    s: Any  # (n, E)
    latent: Any  # (n, bottleneck)


@dataclass(frozen=True)
class Autoencoder:
    """The graph's fixed half: everything but the weights."""

    preprocessor: Preprocessor
    config: TrainingConfig

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the layers, see ``config.layer_widths``."""
        return layer_widths(self.preprocessor.n_expanded, self.config)

    def input_specs(self) -> dict[str, Any]:
        """Name → tensor spec of each input; a kind of feature that has none has no input."""
        tf = tensorflow()
        specs = {}
        if self.preprocessor.numeric:
            shape = [None, len(self.preprocessor.numeric)]
            specs[NUMERIC] = tf.TensorSpec(shape, tf.float32, NUMERIC)
        if self.preprocessor.categorical:
            shape = [None, len(self.preprocessor.categorical)]
            specs[CATEGORICAL] = tf.TensorSpec(shape, tf.int32, CATEGORICAL)
        return specs

    def run(self, inputs: Mapping[str, Any], parameters: Parameters) -> Outputs:
        """The whole network on a batch of raw inputs."""
        tf = tensorflow()
        x = self.expand(inputs)
        n_layers = len(self.widths) - 1
        linear = (len(self.config.hidden), n_layers - 1)  # the bottleneck, and the output
        h = latent = x
        for layer in range(n_layers):
            h = tf.matmul(h, parameters[f"kernel_{layer}"]) + parameters[f"bias_{layer}"]
            if layer not in linear:
                h = tf.nn.gelu(h, approximate=True)
            if layer == linear[0]:
                latent = h
        limit = self.config.log_sigma_limit
        m, raw_s = tf.split(h, 2, axis=1)
        return Outputs(x=x, m=m, s=tf.clip_by_value(raw_s, -limit, limit), latent=latent)

    def expand(self, inputs: Mapping[str, Any]) -> Any:
        """Raw inputs as the expanded columns x, shape ``(n, n_expanded)``."""
        tf = tensorflow()
        parts = []
        if self.preprocessor.numeric:
            parts.append(self._standardise(inputs[NUMERIC]))
        if self.preprocessor.categorical:
            parts.append(self._one_hot(inputs[CATEGORICAL]))
        return parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)

    def _standardise(self, raw: Any) -> Any:
        tf = tensorflow()
        features = self.preprocessor.numeric
        is_log = np.array([feature.transform == LOG for feature in features], np.float32)
        # sign(x)·log1p(|x|) without a sign operation, which old runtimes lack.
        u = tf.math.log1p(tf.nn.relu(raw)) - tf.math.log1p(tf.nn.relu(-raw))
        if not is_log.all():
            u = u * is_log + raw * (1 - is_log)
        mean = np.array([feature.mean for feature in features], np.float32)
        inverse_scale = np.array([1 / feature.scale for feature in features], np.float32)
        limit = self.config.z_limit
        return tf.clip_by_value((u - mean) * inverse_scale, -limit, limit)

    def _one_hot(self, ids: Any) -> Any:
        tf = tensorflow()
        bins = [feature.bins for feature in self.preprocessor.categorical]
        column = np.repeat(np.arange(len(bins), dtype=np.int32), bins)
        value = np.concatenate([np.arange(n, dtype=np.int32) for n in bins])
        hit = tf.cast(tf.equal(tf.gather(ids, column, axis=1), value), tf.float32)
        return hit * np.float32(self.config.one_hot_weight)

    def served(self, outputs: Outputs, parameters: Parameters) -> dict[str, Any]:
        """What the exported file answers, by output name.

        Weights without whitening, as older bundles hold them, keep their score: mean r².
        """
        tf = tensorflow()
        terms = self._terms((outputs.x - outputs.m) * tf.exp(-outputs.s), parameters)
        n_numeric = len(self.preprocessor.numeric)
        errors = [terms[:, :n_numeric]] if n_numeric else []
        for feature in self.preprocessor.categorical:
            columns = terms[:, self.preprocessor.expanded[feature.name]]
            errors.append(tf.reduce_sum(columns, axis=1, keepdims=True))
        return {
            "score": tf.reduce_mean(terms, axis=1),
            "feature_errors": errors[0] if len(errors) == 1 else tf.concat(errors, axis=1),
            "reconstruction": outputs.m,
            "latent": outputs.latent,
        }

    def _terms(self, residuals: Any, parameters: Parameters) -> Any:
        """What each expanded column adds to the score, ``(n, E)``, never below 0.

        Neither mean of squares alone is the better one: the plain mean finds what is far off
        anywhere, the whitened one what never goes together. Their geometric mean needs no scale
        that would have to be learned, and halves of it are owed to each.
        """
        tf = tensorflow()
        plain = tf.square(residuals)
        if SCALE not in parameters:
            return plain
        scaled = residuals * parameters[SCALE]
        z = scaled + tf.matmul(tf.matmul(scaled, parameters[DOWN]), parameters[UP])
        whitened = tf.square(z)
        mean_plain = tf.reduce_mean(plain, axis=1, keepdims=True) + TINY_MEAN
        mean_whitened = tf.reduce_mean(whitened, axis=1, keepdims=True) + TINY_MEAN
        weight = tf.sqrt(mean_whitened / mean_plain)
        return 0.5 * (plain * weight + whitened / weight)

    def loss(self, outputs: Outputs) -> Any:
        """The beta-NLL of Seitzer et al. (2022), plus a share of the mean squared error.

        A plain likelihood would neglect features that are hard to draw; the factor
        ``stop_gradient(v)^beta`` gives part of their weight back.
        """
        tf = tensorflow()
        e = tf.square(outputs.m - outputs.x)
        v = tf.exp(2.0 * outputs.s)
        nll = (e / (2.0 * v) + outputs.s) * tf.stop_gradient(v) ** self.config.beta
        return tf.reduce_mean(nll) + self.config.mse_weight * tf.reduce_mean(e)
