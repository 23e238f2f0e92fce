"""From the header of a file to validated flows: which column is what, and what it becomes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import (
    NetworkTable,
    canonical_columns,
    derivable,
    derived_columns,
)
from edgeguard_core.flows.cells import texts
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import LabelSpec, Schema, squeeze
from edgeguard_core.flows.table import Flows, Labels
from edgeguard_core.flows.validation import (
    RawTable,
    Rejection,
    Validated,
    missing_counts,
    validate,
)
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.meters import Log, Meter

COARSE, FINE = "label: coarse", "label: fine"
"""Keys under which label words stand among the columns of a file."""
NOT_A_FLOW = "not a flow"
"""Why a row is rejected that holds what the meter says of itself."""


class Interpreter(Protocol):
    """Knows which columns of a file it wants, and makes flows of them.

    ``positions`` maps schema names (and ``COARSE``, ``FINE``) to the header's positions;
    ``numeric`` names those that may come as float64; ``schema`` is that of the flows.
    """

    schema: Schema
    meter: str
    positions: dict[str, int]
    numeric: frozenset[str]
    labels: LabelReader

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        """The flows of some rows."""

    def notes(self) -> list[str]:
        """What is odd about the header, one sentence each."""


class NativeInterpreter:
    """Files whose columns a schema names: CICFlowMeter, UNSW-NB15, NSL-KDD, one's own."""

    def __init__(self, schema: Schema, header: Sequence[str], options: ReadOptions) -> None:
        self.schema = schema
        self.meter = schema.name
        # Context says nothing without the version of the code that made it.
        known = {n: at for n, at in schema.match(header).items() if n not in schema.context}
        self.positions = known | label_positions(header, schema.label)
        self.numeric = numeric_columns(schema)
        self.labels = LabelReader(schema.label, options.benign_words)
        self._zone = options.zone
        self._networks = NetworkTable(options.local_networks)
        self._derived = _derived_features(schema, self.positions)

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        read = validate(_raw_table(columns, line), self.schema, self.labels, self._zone)
        if not self._derived:
            return read
        made = derived_columns(read.flows.columns, self._networks)
        added = {name: values for name, values in made.items() if name in self._derived}
        flows = replace(read.flows, columns={**read.flows.columns, **added})
        return replace(read, flows=flows, missing=missing_counts(flows))

    def notes(self) -> list[str]:
        # Derived ones come and go with columns that many exports leave out.
        absent = [
            name
            for name in self.schema.measured
            if name not in self.positions
            and name not in self._derived
            and self.schema.column(name).derived_from is None
        ]
        if not absent:
            return []
        return [
            f"The file lacks {len(absent)} of the {len(self.schema.measured)} feature columns "
            f"of {self.schema.name}: {', '.join(absent)}."
        ]


class MeterInterpreter:
    """The log of a meter, whatever wrote it down, as canonical flows."""

    def __init__(self, meter: Meter, header: Sequence[str], options: ReadOptions) -> None:
        self.schema = Schema.named("flow")
        self.meter = meter.name
        self._meter, self._log = meter, meter.schema
        self.positions = self._log.match(header) | label_positions(header, self._log.label)
        self.numeric = numeric_columns(self._log)
        self.labels = LabelReader(self._log.label, options.benign_words)
        self._zone: tzinfo = options.zone
        self._networks = NetworkTable(options.local_networks)

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        raw = _raw_table(columns, line)
        notes = self._notes_of_the_meter(columns, line)
        log = validate(_without(raw, notes), self._log, self.labels, self._zone)
        known = set(self.schema.identity) | set(self.schema.measured) | {self.schema.time}
        made = canonical_columns(self._meter.base(Log(log.flows)), self._networks)
        flows = Flows(
            schema=self.schema,
            columns={name: values for name, values in made.items() if name in known},
            labels=log.flows.labels,
            line=log.flows.line,
        )
        words = [raw.coarse] if raw.coarse is not None else []
        left_out = [self.labels.read(each[notes]) for each in words if notes.any()]
        return Validated(
            flows,
            log.rejections + self._refusals(raw, notes),
            Labels.concat([log.all_labels, *left_out]) if log.all_labels else None,
            log.unread,
            missing_counts(flows),
        )

    def _notes_of_the_meter(
        self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which rows are no flows but what the meter says of itself."""
        notes = np.zeros(len(line), np.bool_)
        for name, words in self._meter.not_flows.items():
            if name in columns:
                notes |= np.isin(texts(columns[name]), list(words))
        return notes

    def _refusals(self, raw: RawTable, notes: NDArray[np.bool_]) -> list[Rejection]:
        return [
            Rejection(int(raw.line[row]), name, str(raw.columns[name][row]), NOT_A_FLOW)
            for name in self._meter.not_flows
            if name in raw.columns
            for row in np.flatnonzero(notes)
        ]

    def notes(self) -> list[str]:
        absent = [
            name
            for name in self._log.numeric
            if name not in self.positions and name not in self._meter.optional
        ]
        remark = self._meter.remark(frozenset(self.positions))
        lacking = [f"The log lacks {', '.join(absent)}."] if absent else []
        return lacking + ([remark] if remark else [])


def _derived_features(schema: Schema, present: Iterable[str]) -> set[str]:
    """Features of a schema made on ``flow`` that the file lacks and that follow from the others."""
    if not {"src2dst_packets", "src2dst_bytes"} & set(schema.numeric):
        return set()
    names = set(present)
    return set(schema.measured) & (derivable(names) - names)


def _without(raw: RawTable, rows: NDArray[np.bool_]) -> RawTable:
    if not rows.any():
        return raw
    return RawTable(
        columns={name: cells[~rows] for name, cells in raw.columns.items()},
        line=raw.line[~rows],
        coarse=None if raw.coarse is None else raw.coarse[~rows],
        fine=None if raw.fine is None else raw.fine[~rows],
    )


def numeric_columns(schema: Schema) -> frozenset[str]:
    """Names of the columns that mostly hold numbers: features, ports, times."""
    types = ("port", "integer", "time")
    others = {column.name for column in schema.columns if column.type in types}
    return frozenset(schema.numeric) | (others - set(schema.categorical))


def label_positions(header: Iterable[str], spec: LabelSpec) -> dict[str, int]:
    """Where the label words stand: the coarse column decides, the fine one names the class.

    >>> label_positions(["ts", "label", "detailed-label"], LabelSpec(fine=("detailed-label",)))
    {'label: coarse': 1, 'label: fine': 2}
    >>> label_positions(["a", "Attack Type"], LabelSpec())
    {'label: coarse': 1}
    """
    places: dict[str, int] = {}
    for position, text in enumerate(header):
        places.setdefault(squeeze(text), position)
    coarse = [places[word] for word in map(squeeze, spec.coarse) if word in places]
    fine = [places[word] for word in map(squeeze, spec.fine) if word in places]
    # Beside a coarse column a second coarse spelling is the finer one, and alone a fine
    # column has to decide.
    ordered = coarse[:1] + fine + coarse[1:]
    return dict(zip((COARSE, FINE), ordered, strict=False))


def _raw_table(columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> RawTable:
    return RawTable(
        columns={name: cells for name, cells in columns.items() if name not in (COARSE, FINE)},
        line=line,
        coarse=columns.get(COARSE),
        fine=columns.get(FINE),
    )
