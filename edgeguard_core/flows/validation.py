"""Validation: raw columns in, a ``Flows`` table and the rejected rows out.

One vectorised implementation, the same offline and on the edge. Only feature cells reject a
row; identities and times that do not parse become unknown, with a counted warning.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows import cells
from edgeguard_core.flows.canonical import port_buckets, transport_words
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import Column, Role, Schema
from edgeguard_core.flows.table import Flows, Labels

NOT_A_NUMBER = "not a number"
OUT_OF_RANGE = "out of range"
NOT_ALLOWED = "not an allowed value"
WRONG_FIELD_COUNT = "wrong number of fields"

_MOST_SHOWN_CHARACTERS = 80

_IDENTITY_PARSERS: Mapping[str, Callable[[NDArray[Any]], cells.Parsed]] = {
    "address": cells.addresses,
    "port": cells.ports,
    "integer": cells.integers,
    "string": cells.identities,
    "float": cells.numbers,
}
_RULES = {"port_bucket": port_buckets, "transport": transport_words}


@dataclass(frozen=True)
class RawTable:
    """Unvalidated columns by schema name.

    ``columns`` holds arrays of shape ``(n,)``: object (str, number or None a cell) or float64.
    ``coarse`` and ``fine`` are the label words where the source has any. ``line`` is the line
    of each row in the source, counted from 1.
    """

    columns: Mapping[str, NDArray[Any]]
    line: NDArray[np.int64]
    coarse: NDArray[np.object_] | None = None
    fine: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class Rejection:
    """Why one row was rejected: the first cell that broke a rule."""

    line: int
    column: str
    value: str
    rule: str


@dataclass(frozen=True)
class Validated:
    """What validation makes of a batch.

    ``unread`` counts identity and time cells that did not parse, ``missing`` the empty
    feature cells of accepted rows, both by column. ``all_labels`` covers every row that could
    be split into cells, rejected ones included, in the order of the source.
    """

    flows: Flows
    rejections: list[Rejection]
    all_labels: Labels | None = None
    unread: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)


def validate(
    raw: RawTable, schema: Schema, labels: LabelReader | None = None, zone: tzinfo = UTC
) -> Validated:
    """The accepted rows as ``Flows``, and each rejected one with line, column, value and rule.

    Parameters
    ----------
    raw
        Columns named as in the schema; those that are absent stay absent.
    schema
        Types, ranges and allowed values.
    labels
        Reads the label words; needed where ``raw.coarse`` is given.
    zone
        The zone of time stamps that name none.
    """
    check = _Check(len(raw.line))
    columns: dict[str, NDArray[Any]] = {}
    unread: Counter[str] = Counter()
    for column in schema.columns:
        if column.name not in raw.columns or column.role in (Role.LABEL, Role.IGNORED):
            continue
        source = raw.columns[column.name]
        if column.role is Role.NUMERIC:
            columns[column.name] = check.numeric(column, source)
        elif column.role is Role.CATEGORICAL:
            columns[column.name] = check.categorical(column, source)
        else:
            columns[column.name], wrong = _parse_identity(column, source, zone)
            unread[column.name] += int(wrong.sum())
    _derive(schema, columns)
    read = labels.read(raw.coarse, raw.fine) if labels and raw.coarse is not None else None
    table = Flows(schema, columns, read, raw.line)
    accepted = table if check.accepted.all() else table.select(check.accepted)
    return Validated(accepted, check.rejections(raw.line), read, +unread, missing_counts(accepted))


def _parse_identity(column: Column, source: NDArray[Any], zone: tzinfo) -> cells.Parsed:
    if column.role is Role.TIME:
        return cells.times_ms(source, zone, column.unit)
    if column.name == "protocol":
        return cells.protocols(source)
    return _IDENTITY_PARSERS[column.type](source)


def _derive(schema: Schema, columns: dict[str, NDArray[Any]]) -> None:
    """Add the columns that a rule makes out of another one."""
    for column in schema.columns:
        source = columns.get(column.derived_from or "")
        if source is None:
            continue
        if column.rule is not None:
            columns[column.name] = _RULES[column.rule](source)
        elif column.words is not None:
            columns[column.name] = _translated(source, column.words)


def _translated(values: NDArray[np.object_], words: Mapping[str, str]) -> NDArray[np.object_]:
    return np.array([words.get(value, "") for value in values], object)


def missing_counts(flows: Flows) -> Counter[str]:
    """How many feature cells of each column hold nothing."""
    counts: Counter[str] = Counter()
    for name in flows.schema.features:
        values = flows.columns.get(name)
        if values is not None:
            empty = np.isnan(values) if values.dtype == np.float64 else values == ""
            counts[name] = int(np.count_nonzero(empty))
    return +counts


class _Check:
    """Collects, for each row of a batch, the first broken rule."""

    def __init__(self, n_rows: int) -> None:
        self.accepted = np.ones(n_rows, np.bool_)
        self._found: list[tuple[int, str, str, str]] = []

    def numeric(self, column: Column, source: NDArray[Any]) -> NDArray[np.float64]:
        values, wrong = cells.numbers(source)
        if column.factor is not None:
            values = values * column.factor
        self._reject(wrong, column, source, NOT_A_NUMBER)
        with np.errstate(invalid="ignore"):
            outside = np.zeros(len(values), np.bool_)
            if column.minimum is not None:
                outside |= values < column.minimum
            if column.maximum is not None:
                outside |= values > column.maximum
        self._reject(outside, column, source, _range_rule(column))
        return values

    def categorical(self, column: Column, source: NDArray[Any]) -> NDArray[np.object_]:
        values = cells.texts(source)
        if column.words is not None:
            return _translated(values, column.words)
        if column.values is not None:
            allowed = {*column.values, ""}
            wrong = np.array([value not in allowed for value in values], np.bool_)
            self._reject(wrong, column, source, NOT_ALLOWED)
        return values

    def _reject(
        self, wrong: NDArray[np.bool_], column: Column, source: NDArray[Any], rule: str
    ) -> None:
        if not wrong.any():
            return
        for row in np.flatnonzero(wrong & self.accepted):
            shown = _shown(source[row])
            self._found.append((int(row), column.name, shown, rule))
        self.accepted &= ~wrong

    def rejections(self, line: NDArray[np.int64]) -> list[Rejection]:
        return [Rejection(int(line[row]), *rest) for row, *rest in sorted(self._found)]


def _shown(cell: Any) -> str:
    """A cell as the file has it, as far as that is known once it is a number."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)[:_MOST_SHOWN_CHARACTERS]


def _range_rule(column: Column) -> str:
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    if low and high:
        return f"{OUT_OF_RANGE} {low} to {high}"
    return f"{OUT_OF_RANGE}: below {low}" if low else f"{OUT_OF_RANGE}: above {high}"
