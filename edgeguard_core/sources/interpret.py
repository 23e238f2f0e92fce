"""From the header of a file to validated flows: which column is what, and what it becomes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.canonical import NetworkTable, canonical_columns
from edgeguard_core.flows.cells import protocols
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import LabelSpec, Schema, shipped_text, squeeze
from edgeguard_core.flows.table import Flows
from edgeguard_core.flows.validation import RawTable, Validated, missing_counts, validate
from edgeguard_core.sources.base import ReadOptions

COARSE, FINE = "label: coarse", "label: fine"
"""Keys under which label words stand among the columns of a file."""


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

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        return validate(_raw_table(columns, line), self.schema, self.labels, self._zone)

    def notes(self) -> list[str]:
        # Derived ones come and go with columns that many exports leave out.
        absent = [
            name
            for name in self.schema.measured
            if name not in self.positions and self.schema.column(name).derived_from is None
        ]
        if not absent:
            return []
        return [
            f"The file lacks {len(absent)} of the {len(self.schema.measured)} feature columns "
            f"of {self.schema.name}: {', '.join(absent)}."
        ]


class ZeekInterpreter:
    """Zeek's conn.log, whatever wrote it down, as canonical flows."""

    def __init__(self, header: Sequence[str], options: ReadOptions) -> None:
        self.schema = Schema.named("flow")
        self._zeek = zeek_schema()
        self.meter = self._zeek.name
        self.positions = self._zeek.match(header) | label_positions(header, self._zeek.label)
        self.numeric = numeric_columns(self._zeek)
        self.labels = LabelReader(self._zeek.label, options.benign_words)
        self._zone: tzinfo = options.zone
        self._networks = NetworkTable(options.local_networks)

    def read(self, columns: Mapping[str, NDArray[Any]], line: NDArray[np.int64]) -> Validated:
        log = validate(_raw_table(columns, line), self._zeek, self.labels, self._zone)
        flows = Flows(
            schema=self.schema,
            columns=canonical_columns(_base_of_zeek(log.flows), self._networks),
            labels=log.flows.labels,
            line=log.flows.line,
        )
        return Validated(flows, log.rejections, log.all_labels, log.unread, missing_counts(flows))

    def notes(self) -> list[str]:
        absent = [name for name in self._zeek.numeric if name not in self.positions]
        return [f"The log lacks {', '.join(absent)}."] if absent else []


@cache
def zeek_schema() -> Schema:
    """The columns of conn.log that EdgeGuard reads."""
    return Schema.from_yaml(shipped_text("zeek"), origin="schemas/zeek.yaml")


def _base_of_zeek(log: Flows) -> dict[str, NDArray[Any]]:
    """Zeek's fields under their canonical names; an unset count is 0, an absent one missing."""
    n = len(log)

    def count(name: str) -> NDArray[np.float64]:
        return np.nan_to_num(log.columns[name]) if name in log.columns else np.full(n, np.nan)

    def identity(name: str) -> NDArray[Any]:
        return log.columns.get(name, np.full(n, None, object))

    def number(name: str) -> NDArray[np.float64]:
        return log.columns.get(name, np.full(n, np.nan))

    words = log.columns.get("proto", np.full(n, "", object))
    base = {
        "src_ip": identity("id.orig_h"),
        "src_port": number("id.orig_p"),
        "dst_ip": identity("id.resp_h"),
        "dst_port": number("id.resp_p"),
        "protocol": protocols(words)[0],
        "bidirectional_first_seen_ms": number("ts"),
        "bidirectional_duration_ms": count("duration") * 1000,
        "src2dst_packets": count("orig_pkts"),
        "dst2src_packets": count("resp_pkts"),
        "src2dst_bytes": count("orig_ip_bytes"),
        "dst2src_bytes": count("resp_ip_bytes"),
        "state": log.columns.get("conn_state", np.full(n, "", object)),
    }
    for pivot in ("uid", "community_id"):
        if pivot in log.columns:
            base[pivot] = log.columns[pivot]
    return base


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
