"""From a flow table to the two matrices a model reads, and back to values people know.

What is learned here (means, scales, known categories) is learned from benign flows. The
transform itself, signed log1p, standardising, clipping and one-hot, stands *in the graph*
(``edgeguard_core/model/autoencoder.py``), so that ``ModelInput`` holds raw units and an
edge box needs nothing but numpy to make it.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.features.transform import LOG, filled, inverse, transformed
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows

_FEW_ROWS = 4_096  # up to here all columns are filled in one go, which a live batch needs

MOST_VALUES = 64
"""Known values of one categorical feature, the commonest first; each is a column of the graph."""

USUAL_QUANTILES = (0.05, 0.95)
USUAL_SHARE = 0.9
MOST_USUAL_VALUES = 5


@dataclass(frozen=True)
class ModelInput:
    """Flows as the graph reads them.

    Attributes
    ----------
    numeric
        Raw units, no NaN and no infinity, shape ``(n, F)``, float32.
    categorical
        Position of the value among the known ones, from 1; 0 = rare or unseen. Shape
        ``(n, C)``, int32.
    """

    numeric: NDArray[np.float32]
    categorical: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numeric)

    def select(self, rows: NDArray[Any] | slice) -> "ModelInput":
        """Some of the rows, given as a mask, as positions or as a slice."""
        return ModelInput(self.numeric[rows], self.categorical[rows])

    @classmethod
    def concat(cls, parts: Sequence["ModelInput"]) -> "ModelInput":
        """The rows of several inputs of one preprocessor, one after the other."""
        return cls(
            np.concatenate([part.numeric for part in parts]),
            np.concatenate([part.categorical for part in parts]),
        )


@dataclass(frozen=True)
class NumericFeature:
    """How one numeric feature is standardised: ``(transform(raw) − mean) / scale``."""

    name: str
    mean: float
    scale: float
    transform: str = LOG  # or "linear"


@dataclass(frozen=True)
class CategoricalFeature:
    """The values one categorical feature may take.

    Attributes
    ----------
    values
        Known values, the commonest first. The id of a value is its position plus 1.
    counts
        Benign training rows by id: first the rare ones, then one figure a value.
    """

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def bins(self) -> int:
        """Columns of the one-hot: the known values, and one for rare or unseen."""
        return len(self.values) + 1

    def ids(self, values: NDArray[Any]) -> NDArray[np.int32]:
        """The id of each value, 0 of a rare or unseen one; shape ``(n,)``.

        >>> CategoricalFeature("state", ("done",), (0, 9)).ids(np.array(["done", "odd"])).tolist()
        [1, 0]
        """
        ids = {value: index for index, value in enumerate(self.values, start=1)}
        words = values.tolist()
        return np.fromiter(map(ids.get, words, repeat(0)), np.int32, len(words))


@dataclass(frozen=True)
class Preprocessor:
    """What the benign training flows taught about each feature.

    Columns that are constant in training are kept, all of them: the day one moves is news
    (dropping them cost .03 to .04 of ROC AUC on NSL-KDD and UNSW-NB15). For the same reason two
    constant columns are not copies of each other, although all their values agree. Only a
    column that varies, and equals an earlier one in every benign row, is left out.

    Attributes
    ----------
    schema_name
        The only schema whose flows ``transform`` takes.
    numeric, categorical
        The features of the model, in the schema's order.
    absent
        Features of the schema that the training flows did not have.
    duplicates
        Feature left out → the feature it repeats.
    usual
        For a numeric feature the 5 and 95 % quantiles of benign flows, raw units; for a
        categorical one its commonest values, which make up 90 % of the benign flows (five at
        the most).
    """

    schema_name: str
    numeric: tuple[NumericFeature, ...]
    categorical: tuple[CategoricalFeature, ...]
    absent: tuple[str, ...]
    duplicates: Mapping[str, str]
    usual: Mapping[str, tuple[float, float] | tuple[str, ...]]

    # -- learning ----------------------------------------------------------------------------

    @classmethod
    def fit(cls, flows: Flows, config: TrainingConfig) -> Self:
        """What these flows teach; of labelled flows only the benign ones are read.

        Missing numbers count as 0 in raw units before anything is measured, as they do in
        ``transform``. Sums run in float64 over the float32 values that the graph will see.

        Raises
        ------
        NotEnoughDataError
            If there is no benign row.
        SchemaError
            If the flows have none of the schema's features.
        """
        if flows.labels is not None:
            flows = flows.select(flows.is_benign)
        if not len(flows):
            raise NotEnoughDataError(
                "There are 0 benign flows to learn from; give a file that holds normal traffic."
            )
        schema = flows.schema
        absent = tuple(name for name in schema.features if name not in flows.columns)
        if len(absent) == len(schema.features):
            raise SchemaError(
                f"The flows have none of the {len(absent)} features of schema {schema.name!r}; "
                "give a file of that schema."
            )
        raw = {name: filled(flows.columns[name]) for name in schema.numeric if name not in absent}
        duplicates = _duplicates(raw)
        kept = [name for name in raw if name not in duplicates]
        categorical = tuple(
            _learn_values(name, flows.columns[name], config.rare_below)
            for name in schema.categorical
            if name not in absent
        )
        usual: dict[str, tuple[float, float] | tuple[str, ...]] = {}
        usual |= {name: _usual_range(raw[name]) for name in kept}
        usual |= {feature.name: _usual_values(feature) for feature in categorical}
        return cls(
            schema_name=schema.name,
            numeric=tuple(_learn_scale(schema, name, raw[name], config) for name in kept),
            categorical=categorical,
            absent=absent,
            duplicates=duplicates,
            usual=usual,
        )

    # -- using -------------------------------------------------------------------------------

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of the model's features, in the order of ``feature_errors``."""
        return tuple(f.name for f in self.numeric) + tuple(f.name for f in self.categorical)

    @cached_property
    def expanded(self) -> Mapping[str, slice]:
        """Where each feature stands among the expanded columns: one, or one a bin."""
        widths = [1] * len(self.numeric) + [feature.bins for feature in self.categorical]
        ends = np.cumsum(widths).tolist()
        return {
            name: slice(end - width, end)
            for name, end, width in zip(self.features, ends, widths, strict=True)
        }

    @property
    def n_expanded(self) -> int:
        """Columns after one-hot; the score is the sum of the feature errors over this."""
        return len(self.numeric) + sum(feature.bins for feature in self.categorical)

    def transform(self, flows: Flows) -> ModelInput:
        """The flows as the graph reads them; every id is a known one, or 0.

        Raises
        ------
        SchemaError
            If the flows are of another schema, or lack a column of the model.
        """
        self._check(flows)
        if 0 < len(flows) <= _FEW_ROWS and self.numeric:
            columns = [flows.columns[feature.name] for feature in self.numeric]
            numeric = np.ascontiguousarray(filled(np.stack(columns)).T)
        else:  # column by column, to save memory
            numeric = np.empty((len(flows), len(self.numeric)), np.float32)
            for position, feature in enumerate(self.numeric):
                numeric[:, position] = filled(flows.columns[feature.name])
        categorical = np.empty((len(flows), len(self.categorical)), np.int32)
        for position, known in enumerate(self.categorical):
            categorical[:, position] = known.ids(flows.columns[known.name])
        return ModelInput(numeric, categorical)

    def missing_counts(self, flows: Flows) -> dict[str, int]:
        """How many cells of each model feature are missing, for those that have any."""
        self._check(flows)
        counts = {
            feature.name: int(np.count_nonzero(~np.isfinite(flows.columns[feature.name])))
            for feature in self.numeric
        } | {
            known.name: sum(not value for value in flows.columns[known.name].tolist())
            for known in self.categorical
        }
        return {name: count for name, count in counts.items() if count}

    def reconstruct(self, expanded: NDArray[np.floating[Any]]) -> dict[str, NDArray[Any]]:
        """What the model expected of each feature, in raw units or as a value.

        Parameters
        ----------
        expanded
            ``RawScores.reconstruction``, shape ``(n, n_expanded)``.

        Returns
        -------
        For each feature an array of shape ``(n,)``: float64 numbers, or str, where ``""``
        stands for rare or unseen.
        """
        expected: dict[str, NDArray[Any]] = {}
        for feature in self.numeric:
            z = expanded[:, self.expanded[feature.name].start].astype(np.float64)
            u = z * feature.scale + feature.mean
            expected[feature.name] = inverse(u, feature.transform)
        for known in self.categorical:
            words = np.array(("", *known.values), dtype=object)
            expected[known.name] = words[expanded[:, self.expanded[known.name]].argmax(axis=1)]
        return expected

    def _check(self, flows: Flows) -> None:
        if flows.schema.name != self.schema_name:
            raise SchemaError(
                f"The flows are of schema {flows.schema.name!r}, and the model was trained on "
                f"{self.schema_name!r}; use a model of the same schema, or train one."
            )
        for name in self.features:
            if name not in flows.columns:
                raise SchemaError(
                    f"The flows lack column {name!r}, which the model reads; "
                    "give a file that has it, or train without it."
                )

    # -- writing -----------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The preprocessor as plain JSON values; floats are written exactly."""
        return {
            "schema": self.schema_name,
            "numeric": [vars(feature).copy() for feature in self.numeric],
            "categorical": [
                {"name": known.name, "values": list(known.values), "counts": list(known.counts)}
                for known in self.categorical
            ],
            "absent": list(self.absent),
            "duplicates": dict(self.duplicates),
            "usual": {name: list(values) for name, values in self.usual.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The preprocessor that ``to_json`` wrote.

        Raises
        ------
        SchemaError
            If a key is absent or holds something else.
        """
        try:
            return cls(
                schema_name=str(plain["schema"]),
                numeric=tuple(
                    NumericFeature(
                        name=str(item["name"]),
                        mean=float(item["mean"]),
                        scale=float(item["scale"]),
                        transform=str(item["transform"]),
                    )
                    for item in plain["numeric"]
                ),
                categorical=tuple(
                    CategoricalFeature(
                        name=str(item["name"]),
                        values=tuple(map(str, item["values"])),
                        counts=tuple(map(int, item["counts"])),
                    )
                    for item in plain["categorical"]
                ),
                absent=tuple(map(str, plain["absent"])),
                duplicates={str(k): str(v) for k, v in plain["duplicates"].items()},
                usual={str(name): tuple(values) for name, values in plain["usual"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SchemaError(
                f"The preprocessor cannot be read ({error!r}); train the model again."
            ) from error


def _duplicates(columns: Mapping[str, NDArray[np.float32]]) -> dict[str, str]:
    first: dict[bytes, str] = {}
    copies: dict[str, str] = {}
    for name, values in columns.items():
        if values.min() == values.max():
            continue
        # + 0.0 turns −0.0 into 0.0, whose bytes differ although the values are equal.
        kept = first.setdefault(hashlib.sha256((values + np.float32(0)).tobytes()).digest(), name)
        if kept != name:
            copies[name] = kept
    return copies


def _learn_scale(
    schema: Schema, name: str, raw: NDArray[np.float32], config: TrainingConfig
) -> NumericFeature:
    column = schema.column(name)
    u = transformed(raw, column.transform)
    floor = config.context_scale_floor if column.context else config.scale_floor
    scale = max(float(u.std()), floor)
    return NumericFeature(name=name, mean=float(u.mean()), scale=scale, transform=column.transform)


def _learn_values(name: str, column: NDArray[Any], rare_below: int) -> CategoricalFeature:
    counts = Counter(column.tolist())
    seen = [(value, count) for value, count in counts.items() if count >= rare_below]
    known = sorted(seen, key=lambda pair: (-pair[1], str(pair[0])))[:MOST_VALUES]
    n_known = sum(count for _, count in known)
    return CategoricalFeature(
        name=name,
        values=tuple(str(value) for value, _ in known),
        counts=(len(column) - n_known, *(count for _, count in known)),
    )


def _usual_range(raw: NDArray[np.float32]) -> tuple[float, float]:
    low, high = np.quantile(raw.astype(np.float64), USUAL_QUANTILES)
    return float(low), float(high)


def _usual_values(known: CategoricalFeature) -> tuple[str, ...]:
    total = sum(known.counts)
    shares = np.cumsum(known.counts[1:]) / total
    needed = int(np.searchsorted(shares, USUAL_SHARE)) + 1
    return known.values[: min(needed, MOST_USUAL_VALUES)]
