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
from edgeguard_core.flows.cells import not_finite, texts
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import LabelSpec, Role, Schema, squeeze
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


ANY_LABEL = frozenset(squeeze(word) for word in (*LabelSpec().coarse, *LabelSpec().fine))
"""Names of label columns in every schema and log, squeezed."""


class Interpreter(Protocol):
    """Knows which columns of a file it wants, and makes flows of them.

    ``positions`` maps schema names (and ``COARSE``, ``FINE``) to the header's positions;
    ``numeric`` names those that may come as float64; ``schema`` is that of the flows.
    ``nan_is_told`` where a cell that says NaN is counted otherwise than an empty one.
    """

    schema: Schema
    meter: str
    positions: dict[str, int]
    numeric: frozenset[str]
    labels: LabelReader
    nan_is_told: bool

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        """The flows of some rows."""

    def notes(self) -> list[str]:
        """What is odd about the header, one sentence each."""


class NativeInterpreter:
    """Files whose columns a schema names: CICFlowMeter, UNSW-NB15, NSL-KDD, one's own."""

    nan_is_told = False  # neither is 0 in a native table, and both are counted

    def __init__(self, schema: Schema, header: Sequence[str], options: ReadOptions) -> None:
        self.schema = schema
        self.meter = schema.name
        # Context says nothing without the version of the code that made it.
        unwanted = {*schema.context, *(c.name for c in schema.columns if c.role is Role.LABEL)}
        known = {n: at for n, at in schema.match(header).items() if n not in unwanted}
        self.positions = known | label_positions(header, schema.label, known.values())
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

    nan_is_told = True  # what is unset is 0 here

    def __init__(self, meter: Meter, header: Sequence[str], options: ReadOptions) -> None:
        self.schema = Schema.named("flow")
        self.meter = meter.name
        self._meter, self._log = meter, meter.schema
        spec = _with_words(self._log.label, options.schema)
        known = self._log.match(header)
        self.positions = known | label_positions(header, spec, known.values())
        self._left_out = meter.left_out(known)
        self.numeric = numeric_columns(self._log)
        self.labels = LabelReader(spec, options.benign_words)
        self._zone: tzinfo = options.zone
        self._networks = NetworkTable(options.local_networks)

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        raw = _raw_table(columns, line)
        notes = self._notes_of_the_meter(columns, line)
        log = validate(_without(raw, notes), self._log, self.labels, self._zone)
        known = set(self.schema.identity) | set(self.schema.measured) | {self.schema.time}
        counted = self._meter.base(Log(log.flows, self._lost(raw, log.flows)))
        base = {name: values for name, values in counted.items() if name not in self._left_out}
        made = canonical_columns(base, self._networks)
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

    def _lost(self, raw: RawTable, flows: Flows) -> dict[str, NDArray[np.bool_]]:
        """Where a quantity of an accepted row is infinite, or says that it is no number."""
        lost: dict[str, NDArray[np.bool_]] = {}
        for name in self._log.numeric:
            values = flows.columns.get(name)
            if values is None or not np.isnan(values).any():
                continue
            cells = raw.columns[name]
            if len(cells) != len(values):  # lines are in order, and each stands once
                cells = cells[np.searchsorted(raw.line, flows.line)]
            where = not_finite(cells)
            if where.any():
                lost[name] = where
        return lost

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
        absent = self._meter.lacking(self.positions)
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


def label_positions(
    header: Iterable[str], spec: LabelSpec, taken: Iterable[int] = ()
) -> dict[str, int]:
    """Where the label words stand: the coarse column decides, the fine one names the class.

    Beside the names of ``spec`` those of every schema count, such as ``attack_cat``, unless the
    schema takes such a column (its position is in ``taken``) for something else.

    >>> label_positions(["ts", "label", "detailed-label"], LabelSpec(fine=("detailed-label",)))
    {'label: coarse': 1, 'label: fine': 2}
    >>> label_positions(["a", "Attack Type"], LabelSpec(coarse=("verdict",), fine=()))
    {'label: coarse': 1}
    """
    places: dict[str, int] = {}
    for position, text in enumerate(header):
        places.setdefault(squeeze(text), position)
    own = {squeeze(word) for word in (*spec.coarse, *spec.fine)}
    used = set(taken)

    def standing(words: Iterable[str], usual: Iterable[str]) -> list[int]:
        names = [squeeze(word) for word in words]
        names += [w for w in map(squeeze, usual) if w not in own and places.get(w) not in used]
        return [places[name] for name in names if name in places]

    coarse = standing(spec.coarse, LabelSpec().coarse)
    fine = standing(spec.fine, LabelSpec().fine)
    # Beside a coarse column a second coarse spelling is the finer one, and alone a fine
    # column has to decide.
    ordered = dict.fromkeys([*coarse[:1], *fine, *coarse[1:]])
    return dict(zip((COARSE, FINE), ordered, strict=False))


def _with_words(spec: LabelSpec, schema: Schema | None) -> LabelSpec:
    """What a meter's labels are, with the names and words of a schema that the person gave."""
    if schema is None or schema.label == Schema.named("flow").label:
        return spec
    more = schema.label
    return replace(
        spec,
        coarse=(*spec.coarse, *more.coarse),
        fine=(*spec.fine, *more.fine),
        attack=(*spec.attack, *more.attack),
        benign=(*spec.benign, *more.benign),
        strip=(*spec.strip, *more.strip),
    )


def _raw_table(columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> RawTable:
    return RawTable(
        columns={name: cells for name, cells in columns.items() if name not in (COARSE, FINE)},
        line=line,
        coarse=columns.get(COARSE),
        fine=columns.get(FINE),
    )
