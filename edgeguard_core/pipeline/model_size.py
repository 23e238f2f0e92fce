"""How large a model will be, before anything is trained."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from edgeguard_core.config import TrainingConfig, layer_widths, parameter_count
from edgeguard_core.features.preprocessing import MOST_VALUES
from edgeguard_core.flows.schema import Schema

# What a file holds beside its weights, as TensorFlow 2.21 writes it: measured on four schemas
# and three sizes, where the formulas below came within a few bytes.
_GRAPH_BYTES = {"float32": 8_852, "float16": 10_996, "dynamic_int8": 8_900}
_WHITENING_BYTES = {"float32": 2_680, "float16": 3_196, "dynamic_int8": 2_676}
_CATEGORY_BYTES = 384  # operations that make one categorical feature a part of the graph
_COLUMN_BYTES = 8  # mean and scale of a number, feature and value of a bin
_SMALLEST_INT8_KERNEL = 1_024  # values; smaller kernels stay float32
_CHANNEL_BYTES = 12  # scale and zero point of an 8-bit kernel's column
_INT8_KERNEL_BYTES = 26


@dataclass(frozen=True)
class Columns:
    """What a model reads: numeric features, categorical ones, and the bins of the latter."""

    numeric: int
    categorical: int
    bins: int

    @property
    def expanded(self) -> int:
        """Columns after one-hot."""
        return self.numeric + self.bins


@dataclass(frozen=True)
class ModelSize:
    """Weights that are learned, and bytes of the file by variant."""

    parameters: int
    bytes: dict[str, int]


def most_columns(
    schema: Schema, *, left_out: Collection[str] = (), context: bool = True
) -> Columns:
    """What a model of this schema reads at the most.

    A file may lack features, repeat one in another, or show fewer words of a category; each
    makes the model smaller.

    Examples
    --------
    >>> most_columns(Schema.named("flow"), left_out=["service"], context=False)
    Columns(numeric=11, categorical=4, bins=27)
    """
    unused = {*left_out, *(() if context else schema.context)}
    numeric = [name for name in schema.numeric if name not in unused]
    categorical = [name for name in schema.categorical if name not in unused]
    bins = 0
    for name in categorical:
        words = schema.column(name).values
        # An empty cell is a value, too, and one bin is for what is rare or unseen.
        bins += 1 + (MOST_VALUES if words is None else min(len(words) + 1, MOST_VALUES))
    return Columns(len(numeric), len(categorical), bins)


def model_size(columns: Columns, config: TrainingConfig) -> ModelSize:
    """The exact number of weights, and the bytes of each variant within 2 %.

    Nothing is promised about bytes where numeric or categorical features are missing
    altogether, or for another version of TensorFlow.

    Examples
    --------
    >>> size = model_size(Columns(numeric=27, categorical=5, bins=36), TrainingConfig())
    >>> size.parameters, size.bytes["float32"]
    (17030, 86360)
    """
    parameters = parameter_count(columns.expanded, config)
    beside = _COLUMN_BYTES * columns.expanded + _CATEGORY_BYTES * columns.categorical
    weights = {
        "float32": 4 * parameters,
        # Of the numbers' mean and scale, too, half is saved.
        "float16": 2 * parameters - _COLUMN_BYTES // 2 * columns.numeric,
        "dynamic_int8": _int8_bytes(columns.expanded, config),
    }
    whitening = _whitening_bytes(columns.expanded, config)
    sizes = {
        name: _GRAPH_BYTES[name] + beside + weights[name] + whitening[name] for name in weights
    }
    return ModelSize(parameters, sizes)


def _whitening_bytes(n_expanded: int, config: TrainingConfig) -> dict[str, int]:
    """What the whitening of the residuals adds: a scale and two kernels."""
    kept = min(config.whitened_directions, n_expanded)
    if not kept:
        return dict.fromkeys(_WHITENING_BYTES, 0)
    values = n_expanded + 2 * n_expanded * kept
    kernels = _int8_kernel_bytes(n_expanded, kept) + _int8_kernel_bytes(kept, n_expanded)
    bytes_ = {
        "float32": 4 * values,
        "float16": 2 * values,
        "dynamic_int8": 4 * n_expanded + kernels,
    }
    return {name: _WHITENING_BYTES[name] + bytes_[name] for name in bytes_}


def _int8_bytes(n_expanded: int, config: TrainingConfig) -> int:
    return sum(
        _int8_kernel_bytes(rows, columns) + 4 * columns  # biases stay float32
        for rows, columns in pairwise(layer_widths(n_expanded, config))
    )


def _int8_kernel_bytes(rows: int, columns: int) -> int:
    if rows * columns < _SMALLEST_INT8_KERNEL:
        return 4 * rows * columns
    return rows * columns + _CHANNEL_BYTES * columns + _INT8_KERNEL_BYTES
