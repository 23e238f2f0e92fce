"""The validated flow table: numpy columns, labels, and where each row came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.schema import Role, Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BENIGN = 0
ATTACK = 1
UNLABELLED = -1

LABEL_WORDS = {BENIGN: "benign", ATTACK: "attack", UNLABELLED: "unlabelled"}
"""How a label is written in tables and on screens."""


@dataclass(frozen=True)
class Labels:
    """What is known about each flow.

    Attributes
    ----------
    label
        ``BENIGN``, ``ATTACK`` or ``UNLABELLED``, shape ``(n,)``, int8.
    class_name
        The source's word for it, shape ``(n,)``, str; ``"benign"`` for every benign flow.
    """

    label: NDArray[np.int8]
    class_name: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def unknown(cls, n: int) -> "Labels":
        """The labels of ``n`` flows about which nothing is known."""
        words = np.full(n, LABEL_WORDS[UNLABELLED], object)
        return cls(np.full(n, UNLABELLED, np.int8), words)

    @classmethod
    def concat(cls, parts: Sequence["Labels"]) -> "Labels":
        """The labels of several tables, one after the other."""
        return cls(
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.class_name for part in parts]),
        )

    def select(self, rows: NDArray[Any]) -> "Labels":
        """The labels of some rows, given as a mask or as positions."""
        return Labels(self.label[rows], self.class_name[rows])


@dataclass(frozen=True)
class Flows:
    """Flows of one schema, made by validation only.

    Attributes
    ----------
    schema
        What the columns mean. Columns that the source lacks are not in ``columns``.
    columns
        Arrays of shape ``(n,)``. Numeric features are float64, NaN = missing; categorical
        ones str, ``""`` = missing; identities str or float64 (ports, numbers), None or NaN =
        unknown; the time is float64 milliseconds UTC, NaN = unknown.
    labels
        None where the source has no label column.
    line
        Line (or record) number in the source, counted from 1, shape ``(n,)``, int64.
    """

    schema: Schema
    columns: Mapping[str, NDArray[Any]]
    labels: Labels | None
    line: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.line)

    @classmethod
    def empty(cls, schema: Schema) -> "Flows":
        """A table without rows and without columns."""
        return cls(schema, {}, None, np.zeros(0, np.int64))

    @classmethod
    def concat(cls, parts: Sequence["Flows"]) -> "Flows":
        """The rows of several tables of one schema, one after the other.

        A column that one of them lacks is left out. Where only some have labels, the rows of
        the others are unlabelled.
        """
        if not parts:
            raise ValueError("concat needs at least one table")
        if len(parts) == 1:
            return parts[0]
        shared = [name for name in parts[0].columns if all(name in p.columns for p in parts)]
        labelled = any(part.labels is not None for part in parts)
        labels = [part.labels or Labels.unknown(len(part)) for part in parts] if labelled else []
        return cls(
            schema=parts[0].schema,
            columns={name: np.concatenate([p.columns[name] for p in parts]) for name in shared},
            labels=Labels.concat(labels) if labelled else None,
            line=np.concatenate([part.line for part in parts]),
        )

    def select(self, rows: NDArray[Any]) -> "Flows":
        """Some of the rows, given as a mask or as positions."""
        return Flows(
            schema=self.schema,
            columns={name: values[rows] for name, values in self.columns.items()},
            labels=self.labels.select(rows) if self.labels is not None else None,
            line=self.line[rows],
        )

    @property
    def time_ms(self) -> NDArray[np.float64] | None:
        """Start of each flow in milliseconds UTC, shape ``(n,)``; None without any time."""
        values = self.columns.get(self.schema.time or "")
        if values is None or not len(values) or np.isnan(values).all():
            return None
        return values

    @cached_property
    def is_benign(self) -> NDArray[np.bool_]:
        """Which flows are labelled benign, shape ``(n,)``."""
        return self._labelled(BENIGN)

    @cached_property
    def is_attack(self) -> NDArray[np.bool_]:
        """Which flows are labelled an attack, shape ``(n,)``."""
        return self._labelled(ATTACK)

    def _labelled(self, label: int) -> NDArray[np.bool_]:
        if self.labels is None:
            return np.zeros(len(self), np.bool_)
        matches: NDArray[np.bool_] = self.labels.label == label
        return matches

    @property
    def whole_numbers(self) -> set[str]:
        """Names of the identity columns that hold ports and other whole numbers."""
        kinds = ("port", "integer")
        return {
            column.name
            for column in self.schema.columns
            if column.role is Role.IDENTITY and column.type in kinds
        }

    def identity_columns(self) -> dict[str, NDArray[Any]]:
        """The time and identity columns that are there, in the schema's order."""
        kept = (Role.IDENTITY, Role.TIME)
        return {
            column.name: self.columns[column.name]
            for column in self.schema.columns
            if column.role in kept and column.name in self.columns
        }

    def to_arrow(self) -> "pa.Table":
        """The table for pyarrow, with ``class`` and ``label`` where there are labels."""
        import pyarrow as pa

        arrays = {name: pa.array(values, from_pandas=True) for name, values in self.columns.items()}
        for name in self.whole_numbers & arrays.keys():
            arrays[name] = arrays[name].cast(pa.int64())
        if self.labels is not None:
            words = pa.array([LABEL_WORDS[value] for value in (BENIGN, ATTACK, UNLABELLED)])
            # UNLABELLED is -1; as a dictionary position it stands last.
            position = np.where(self.labels.label < 0, 2, self.labels.label)
            arrays["class"] = pa.array(self.labels.class_name, pa.string())
            arrays["label"] = words.take(pa.array(position))
        return pa.table(arrays)

    def to_pandas(self) -> "pd.DataFrame":
        """The table for notebooks and charts, with ``class`` and ``label`` where known."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame
