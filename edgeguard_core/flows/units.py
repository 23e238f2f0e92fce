"""Quantities that cannot be in the unit their schema says, row by row."""

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.finding import Finding, named
from edgeguard_core.flows.schema import Column, Schema
from edgeguard_core.flows.table import Flows

_MOSTLY = 0.5
_WORTH_TELLING = 0.001  # share of rows below which an oddity is noise
_IP_HEADER_BYTES = 20.0
_MOST_PACKETS_PER_S = 1e6  # of most flows; 10 Gbit/s of the smallest packets is 15 times that
_LEAST_PACKETS = 10  # fewer say little about a rate
_LONGEST_FLOW_S = 7 * 86_400.0  # no meter keeps a flow open for longer
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_SHORT_FILE_S = 60.0  # in less, a few flows that go on say nothing
_BEYOND_THE_FILE = 0.05  # share of flows that may outlast a file
_EXPONENTS = 64  # durations are counted by powers of two, from 2^-32 s on
_EARLIEST_MS = 631_152_000_000.0  # 1990, before which no flow was exported


class UnitCounts:
    """Rows whose quantities cannot be in the units that the schema says."""

    def __init__(self) -> None:
        self.light = self.fast = self.early = self.in_s = self.long = self.measured = 0
        self._first_ms, self._last_ms = np.inf, -np.inf
        self._durations = np.zeros(_EXPONENTS, np.int64)

    def add(self, flows: Flows) -> None:
        packets, total_bytes = _totals(flows, "packets"), _totals(flows, "B")
        seconds = _duration_s(flows)
        with np.errstate(invalid="ignore", divide="ignore"):
            if packets is not None and total_bytes is not None:
                light = (packets > 0) & (total_bytes > 0)
                light &= total_bytes / packets < _IP_HEADER_BYTES
                self.light += int(np.count_nonzero(light))
            if seconds is not None:
                self.long += int(np.count_nonzero(seconds > _LONGEST_FLOW_S))
                exponents = np.frexp(seconds[seconds > 0])[1] + _EXPONENTS // 2
                self._durations += np.bincount(
                    exponents.clip(0, _EXPONENTS - 1), minlength=_EXPONENTS
                )
            if seconds is not None and packets is not None:
                many = (packets >= _LEAST_PACKETS) & (seconds > 0)
                self.measured += int(np.count_nonzero(many))
                self.fast += int(
                    np.count_nonzero(packets[many] / seconds[many] > _MOST_PACKETS_PER_S)
                )
        if flows.time_ms is not None:
            early = flows.time_ms < _EARLIEST_MS
            in_s = early & (flows.time_ms * 1000 >= _EARLIEST_MS)  # a date, were they seconds
            self.early += int(np.count_nonzero(early & ~in_s))
            self.in_s += int(np.count_nonzero(in_s))
            self._first_ms = min(self._first_ms, float(np.nanmin(flows.time_ms)))
            self._last_ms = max(self._last_ms, float(np.nanmax(flows.time_ms)))

    def outlasting(self) -> int:
        """Flows that would certainly last longer than from the first flow's start to the last's."""
        span_s = (self._last_ms - self._first_ms) / 1000
        if not span_s >= _SHORT_FILE_S:
            return 0
        # frexp: seconds lie from 2^(e-1) up to 2^e.
        first = int(np.ceil(np.log2(span_s))) + 1 + _EXPONENTS // 2
        return int(self._durations[first:].sum())

    def findings(self, schema: Schema, rows: int) -> list[Finding]:
        duration = _duration_column(schema)
        columns = (duration.name,) if duration else ()
        unit = duration.unit if duration else ""
        beyond = self.outlasting()
        odd = (
            (
                self.fast > _MOSTLY * self.measured,
                Finding(
                    "unit mix-up",
                    columns,
                    self.fast,
                    self.fast / rows,
                    f"Most flows would carry over a million packets a second: {named(columns)} is "
                    f"larger than {unit}, seconds perhaps.",
                    "Give the column a factor in the schema, such as 1000 for seconds in "
                    "milliseconds.",
                ),
            ),
            (
                self.long > _WORTH_TELLING * rows,
                Finding(
                    "unit mix-up",
                    columns,
                    self.long,
                    self.long / rows,
                    f"{self.long} flows would last over a week: {named(columns)} is smaller than "
                    f"{unit}, microseconds perhaps.",
                    "Give the column a factor in the schema, such as 0.001 for microseconds in "
                    "milliseconds.",
                ),
            ),
            (
                beyond > _BEYOND_THE_FILE * rows and self.long <= _WORTH_TELLING * rows,
                Finding(
                    "unit mix-up",
                    columns,
                    beyond,
                    beyond / rows,
                    f"{beyond} flows would last longer than the whole file: {named(columns)} is "
                    f"smaller than {unit}, microseconds perhaps.",
                    "Give the column a factor in the schema, such as 0.001 for microseconds in "
                    "milliseconds.",
                ),
            ),
            (
                self.light > _WORTH_TELLING * rows,
                Finding(
                    "bytes below the header",
                    tuple(column.name for column in _quantities(schema, "B")),
                    self.light,
                    self.light / rows,
                    f"{self.light} flows have fewer than 20 bytes a packet, less than an IP "
                    "header: they count payload, or another unit.",
                    "Export bytes of the IP layer; a model of one layer misjudges another.",
                ),
            ),
            (
                self.in_s > _WORTH_TELLING * rows,
                Finding(
                    "unit mix-up",
                    (schema.time or "",),
                    self.in_s,
                    self.in_s / rows,
                    f"{self.in_s} flows would have begun in early 1970: {schema.time} is in "
                    "seconds perhaps, and is read as milliseconds.",
                    "Write `unit: s` beside the column in the schema; gaps are a thousand times "
                    "too short otherwise.",
                ),
            ),
            (
                self.early > _WORTH_TELLING * rows,
                Finding(
                    "unlikely times",
                    (schema.time or "",),
                    self.early,
                    self.early / rows,
                    f"{self.early} flows would have begun before 1990: the sensor's clock was "
                    "not set, or the stamps are relative.",
                    "Order and gaps still count; give hours of day no meaning.",
                ),
            ),
        )
        return [finding for holds, finding in odd if holds]


_DURATIONS = ("bidirectional_duration_ms", "flow_duration_us", "dur_s", "duration_s")
_QUANTITIES = {
    "packets": (
        ("src2dst_packets", "dst2src_packets"), ("fwd_packets", "bwd_packets"),
        ("spkts", "dpkts"),
    ),
    "B": (("src2dst_bytes", "dst2src_bytes"), ("sbytes", "dbytes")),
}  # fmt: skip


def _duration_column(schema: Schema) -> Column | None:
    known = [schema.column(name) for name in _DURATIONS if name in schema.numeric]
    return next((column for column in known if column.unit in SECONDS), None)


def _duration_s(flows: Flows) -> NDArray[np.float64] | None:
    column = _duration_column(flows.schema)
    if column is None or column.name not in flows.columns:
        return None
    seconds: NDArray[np.float64] = flows.columns[column.name] * SECONDS[column.unit or "s"]
    return seconds


def _quantities(schema: Schema, kind: str) -> list[Column]:
    for names in _QUANTITIES[kind]:
        if all(name in schema.numeric for name in names):
            return [schema.column(name) for name in names]
    return []


def _totals(flows: Flows, kind: str) -> NDArray[np.float64] | None:
    """Packets or bytes of both directions, shape ``(n,)``."""
    names = [column.name for column in _quantities(flows.schema, kind)]
    if not names or any(name not in flows.columns for name in names):
        return None
    one, other = (np.nan_to_num(flows.columns[name]) for name in names)
    total: NDArray[np.float64] = one + other
    return total
