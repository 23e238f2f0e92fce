"""Data-quality lint: what flow exporters and data sets are known to get wrong, and a remedy."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.flows.distinct import DistinctCount, LabelPurity, hashed, mixed
from edgeguard_core.flows.finding import Finding, named
from edgeguard_core.flows.schema import Column, Schema
from edgeguard_core.flows.table import ATTACK, BENIGN, Flows
from edgeguard_core.flows.units import SECONDS, UnitCounts
from edgeguard_core.flows.validation import OUT_OF_RANGE, Rejection

_MOSTLY = 0.5  # share of rows from which a column is mostly missing
_RARE_LABEL = 0.05
_TELLS = 0.95  # share of rows whose label an identifier gives away
_MANY_REPEATS = 0.05
_LEAST_ROWS = 20  # fewer say nothing about columns


class Lint:
    """Looks at flows batch by batch, in bounded memory, and then says what is odd.

    Examples
    --------
    >>> from edgeguard_core.flows.table import Flows
    >>> schema = Schema.from_yaml('''
    ... {name: mine, columns: [{name: a, role: numeric}, {name: b, role: numeric}]}''')
    >>> values = np.arange(50.0)
    >>> lint = Lint()
    >>> lint.add(Flows(schema, {"a": values, "b": values}, None, np.arange(50)))
    >>> [(finding.rule, finding.columns) for finding in lint.findings()]
    [('duplicated columns', ('a', 'b'))]
    """

    def __init__(self) -> None:
        self.rows = 0
        self.rejected = 0
        self._schema: Schema | None = None
        self._columns: dict[str, _ColumnCounts] = {}
        self._leaks: dict[str, LabelPurity] = {}
        self._repeats = DistinctCount()
        self._labels: Counter[int] = Counter()
        self._negative: Counter[str] = Counter()
        self._odd = UnitCounts()

    def add(self, flows: Flows, rejections: Iterable[Rejection] = ()) -> None:
        """Look at some accepted rows, and at those beside them that were rejected."""
        for rejection in rejections:
            self.rejected += 1
            if rejection.rule.startswith(OUT_OF_RANGE) and rejection.value.startswith("-"):
                self._negative[rejection.column] += 1
        if not len(flows):
            return
        self._schema = self._schema or flows.schema
        self.rows += len(flows)
        of_row = np.zeros(len(flows), np.uint64)
        for name in flows.schema.features:
            if name in flows.columns and not flows.schema.column(name).context:
                hashes = hashed(flows.columns[name])
                counts = self._columns.setdefault(name, _ColumnCounts())
                counts.add(flows.columns[name], hashes)
                of_row = mixed(of_row ^ hashes)
        self._repeats.add(of_row)
        self._odd.add(flows)
        if flows.labels is not None:
            self._labels.update(flows.labels.label.tolist())
            for name in flows.schema.identity:
                if name in flows.columns:
                    purity = self._leaks.setdefault(name, LabelPurity())
                    purity.add(hashed(flows.columns[name]), flows.labels)

    def findings(self) -> list[Finding]:
        """What is odd, the worst for a model first."""
        found = self._negative_values()
        if self._schema is None or self.rows < _LEAST_ROWS:
            return found
        found += self._leaking_identifiers() + self._odd.findings(self._schema, self.rows)
        found += self._infinite_rates() + self._missing_columns()
        found += self._constant_columns() + self._duplicated_columns()
        return found + self._imbalance() + self._repeated_rows()

    def _finding(
        self, rule: str, columns: Iterable[str], rows: int, sentence: str, remedy: str
    ) -> Finding:
        return Finding(rule, tuple(columns), rows, rows / max(self.rows, 1), sentence, remedy)

    def _negative_values(self) -> list[Finding]:
        everything = self.rows + self.rejected
        negative = +self._negative
        for name, counts in self._columns.items():
            unit = self._column(name).unit or ""
            if counts.negative and (unit in SECONDS or unit.endswith("/s")):
                negative[name] += counts.negative
        durations = sorted(name for name in negative if self._is_duration(name))
        others = sorted(set(negative) - set(durations))
        found = []
        for rule, columns in (("negative durations", durations), ("negative quantities", others)):
            if columns:
                rows = max(negative[name] for name in columns)
                found.append(
                    Finding(
                        rule,
                        tuple(columns),
                        rows,
                        rows / everything,
                        f"Up to {rows} of {everything} rows are negative in {named(columns)}: "
                        "the exporter's clock went back or a counter ran over.",
                        "Update the exporter. Rows that are kept are scored as they stand.",
                    )
                )
        return found

    def _is_duration(self, name: str) -> bool:
        """Of a rejected cell the name is all there is: it is the file's own."""
        known = self._column(name).unit if name in self._columns else None
        return known in SECONDS or "dur" in name.lower()

    def _leaking_identifiers(self) -> list[Finding]:
        told = {name: purity.share_told() for name, purity in self._leaks.items()}
        labelled = self._labels[BENIGN] + self._labels[ATTACK]
        return [
            self._finding(
                "identifier leaks the label",
                (name,),
                round(share * labelled),
                f"{name} alone tells {share:.1%} of the benign and of the attack rows, or more.",
                f"Keep {name} an identity: a model that reads it learns the test bed.",
            )
            for name, share in told.items()
            if share >= _TELLS
        ]

    def _infinite_rates(self) -> list[Finding]:
        found = []
        for name, counts in self._columns.items():
            is_rate = (self._column(name).unit or "").endswith("/s")
            if is_rate and 0 < counts.missing < _MOSTLY * self.rows:
                found.append(
                    self._finding(
                        "infinite rates",
                        (name,),
                        counts.missing,
                        f"{name} is infinite or empty in {counts.missing} rows: the exporter "
                        "divided by a duration of 0.",
                        "Nothing: they count as 0. Do not take the mean of this column elsewhere.",
                    )
                )
        return found

    def _missing_columns(self) -> list[Finding]:
        by_count: dict[int, list[str]] = {}
        for name, counts in self._columns.items():
            if counts.missing > _MOSTLY * self.rows:
                by_count.setdefault(counts.missing, []).append(name)
        return [
            self._finding(
                "mostly missing",
                names,
                rows,
                f"{named(names)}: empty in {rows / self.rows:.0%} of the rows.",
                "Export it, or give it the role ignored: an empty cell counts as 0.",
            )
            for rows, names in by_count.items()
        ]

    def _constant_columns(self) -> list[Finding]:
        same = [
            name
            for name, counts in self._columns.items()
            if counts.is_constant and counts.missing < self.rows
        ]
        if not same:
            return []
        return [
            self._finding(
                "constant columns",
                same,
                self.rows,
                f"{named(same)} hold{'s' if len(same) == 1 else ''} one value in every row.",
                "They teach a model nothing; it gives any other value a large error.",
            )
        ]

    def _duplicated_columns(self) -> list[Finding]:
        groups: dict[bytes, list[str]] = {}
        for name, counts in self._columns.items():
            if not counts.is_constant and counts.missing < self.rows:
                groups.setdefault(counts.content.digest(), []).append(name)
        return [
            self._finding(
                "duplicated columns",
                names,
                self.rows,
                f"{named(names)} hold the same values in every row.",
                "One of them is enough: training keeps the first and leaves the others out.",
            )
            for names in groups.values()
            if len(names) > 1
        ]

    def _imbalance(self) -> list[Finding]:
        benign, attacks = self._labels[BENIGN], self._labels[ATTACK]
        rare = min(benign, attacks)
        if not rare or rare >= _RARE_LABEL * (benign + attacks):
            return []
        which = "benign" if benign < attacks else "attack"
        return [
            self._finding(
                "label imbalance",
                (),
                rare,
                f"Only {rare} of {benign + attacks} labelled rows are {which}.",
                "Train on more normal traffic."
                if which == "benign"
                else "Judge by precision and recall at a threshold, never by accuracy.",
            )
        ]

    def _repeated_rows(self) -> list[Finding]:
        repeats = self.rows - min(self._repeats.estimate(), self.rows)
        if repeats < _MANY_REPEATS * self.rows:
            return []
        return [
            self._finding(
                "duplicate rows",
                (),
                repeats,
                f"{repeats / self.rows:.0%} of the rows repeat an earlier one in every feature.",
                "Split by time, so that the same row does not stand in training and in test.",
            )
        ]

    def _column(self, name: str) -> Column:
        assert self._schema is not None
        return self._schema.column(name)


class _ColumnCounts:
    """What is known of one feature column."""

    def __init__(self) -> None:
        self.missing = self.negative = 0
        self.content = hashlib.blake2b(digest_size=16)
        self.is_constant = True
        self._first: np.uint64 | None = None

    def add(self, values: NDArray[Any], hashes: NDArray[np.uint64]) -> None:
        is_number = values.dtype == np.float64
        self.missing += int(np.count_nonzero(np.isnan(values) if is_number else values == ""))
        if is_number:
            self.negative += int(np.count_nonzero(values < 0))
        self.content.update(hashes.tobytes())
        self._first = hashes[0] if self._first is None else self._first
        self.is_constant = self.is_constant and bool((hashes == self._first).all())
