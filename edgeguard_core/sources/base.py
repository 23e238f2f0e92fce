"""What every source gives: batches of validated flows, and a report of what was read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.canonical import DEFAULT_LOCAL_NETWORKS
from edgeguard_core.flows.labels import LabelReader
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import LABEL_WORDS, UNLABELLED, Flows, Labels
from edgeguard_core.flows.validation import Rejection, Validated
from edgeguard_core.sources.timeouts import Timeouts

MOST_REJECTIONS_KEPT = 10_000
_MOST_RULES_NAMED = 4
MIXED = "mixed"
"""The meter of files that several meters counted."""


@dataclass(frozen=True)
class ReadOptions:
    """How files are read.

    Attributes
    ----------
    schema
        Read the file by this schema instead of recognising one.
    benign_words
        Further label words that mean benign.
    tz
        IANA name of the zone of time stamps that name none.
    local_networks
        CIDR ranges that are internal, for canonical flows.
    batch_rows
        Most flows in a batch of Parquet; of text a batch is what fits in a block.
    timeouts
        When a flow of packets ends.
    """

    schema: Schema | None = None
    benign_words: tuple[str, ...] = ()
    tz: str = "UTC"
    local_networks: tuple[str, ...] = DEFAULT_LOCAL_NETWORKS
    batch_rows: int = 65_536
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def zone(self) -> tzinfo:
        """The time zone.

        Raises
        ------
        SourceError
            If there is no zone of that name.
        """
        if self.tz.upper() == "UTC":
            return UTC
        try:
            return ZoneInfo(self.tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder's name
            raise SourceError(
                f"{self.tz!r} is no time zone; write it like Europe/Prague."
            ) from error


@dataclass(frozen=True)
class Batch:
    """Some accepted flows, and the rows beside them that were rejected."""

    flows: Flows
    rejections: list[Rejection]
    all_labels: Labels | None
    unread: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    share_read: float = 0.0  # of the file's bytes or rows, 0 to 1
    empty: int = 0  # rows without a value in any field, which are no records

    @classmethod
    def of(
        cls, validated: Validated, malformed: list[Rejection], share_read: float = 0.0
    ) -> "Batch":
        """A batch from what validation said and the rows that could not even be split."""
        return cls(
            flows=validated.flows,
            rejections=malformed + validated.rejections,
            all_labels=validated.all_labels,
            unread=validated.unread,
            missing=validated.missing,
            share_read=share_read,
        )


class Source(Protocol):
    """A file or stream of flows. ``warnings`` is complete once the batches are read.

    ``format`` says how the file is written, ``meter`` what counted its flows: a Zeek log is
    of meter ``zeek`` as TSV, JSON and CSV.
    """

    path: Path
    format: str
    meter: str

    @property
    def bytes_layer(self) -> str | None:
        """What the bytes of the flows count; None where that is not known."""

    @property
    def timeouts(self) -> Mapping[str, float]:
        """When the meter ended a flow, in seconds by name, as far as that is known."""

    @property
    def schema(self) -> Schema:
        """The schema of the flows that come out."""

    @property
    def labels(self) -> LabelReader:
        """The words of the label column met so far."""

    @property
    def skipped(self) -> Counter[str]:
        """Records that are no flows and no rows, by kind."""

    @property
    def warnings(self) -> list[str]:
        """One sentence each about what was odd but did not stop the reading."""

    def batches(self) -> Iterator[Batch]:
        """The flows, in the order of the source and in bounded memory."""


@dataclass
class ReadReport:
    """What a reading found.

    ``rows = accepted + rejected``. ``labels`` counts the class of every row that could be
    split into cells, rejected ones included, and every row of a file without labels as
    unlabelled. ``skipped`` counts records that are no flows, by kind, and ``empty`` rows
    without a value in any field. The first 10,000 rejections are kept whole, and ``examples``
    the first of each rule; whoever wants all takes them from the batches.
    """

    format: str = ""
    meter: str = ""
    bytes_layer: str | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    schema: Schema | None = None
    paths: list[Path] = field(default_factory=list)
    accepted: int = 0
    accepted_by_file: list[int] = field(default_factory=list)
    current_name: str = ""  # of the file that is being read
    rejected: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    examples: dict[str, Rejection] = field(default_factory=dict)
    empty: int = 0
    label_problem: str | None = None
    labelled: bool = False

    @property
    def rows(self) -> int:
        """Data records of the flow kind."""
        return self.accepted + self.rejected.total()

    def add(self, batch: Batch) -> None:
        """Count a batch in."""
        self.accepted += len(batch.flows)
        self.rejected.update(rejection.rule for rejection in batch.rejections)
        room = MOST_REJECTIONS_KEPT - len(self.rejections)
        self.rejections += batch.rejections[:room]
        for rejection in batch.rejections:
            self.examples.setdefault(rejection.rule, rejection)
        self.empty += batch.empty
        self.missing += batch.missing
        self.unread += batch.unread
        if batch.all_labels is not None:
            self.labelled = True
            self.labels.update(batch.all_labels.class_name.tolist())
        else:
            self.labels[LABEL_WORDS[UNLABELLED]] += len(batch.flows) + len(batch.rejections)

    @property
    def timeline(self) -> NDArray[np.int64]:
        """Which file each accepted flow is from, shape ``(accepted,)``: its own timeline."""
        return np.repeat(np.arange(len(self.accepted_by_file)), self.accepted_by_file)

    def close(self, source: Source) -> None:
        """Take over what the source says at its end."""
        self.accepted_by_file.append(self.accepted - sum(self.accepted_by_file))
        self._note_meter(source)
        self.format, self.schema = source.format, source.schema
        self.bytes_layer, self.timeouts = source.bytes_layer, source.timeouts
        self.paths.append(source.path)
        self.skipped += source.skipped
        self.label_problem = self.label_problem or source.labels.problem()
        for warning in [*source.warnings, *source.labels.warnings()]:
            if warning not in self.warnings:
                self.warnings.append(warning)

    def _note_meter(self, source: Source) -> None:
        if not self.paths or source.meter == self.meter:
            self.meter = source.meter
            return
        if self.meter != MIXED:
            self.warnings.append(
                f"{source.path} was counted by {source.meter} and those before by {self.meter}: "
                "meters differ in what they call a flow; learn each meter apart."
            )
        self.meter = MIXED

    def all_warnings(self) -> list[str]:
        """Every warning, a line each, counted ones last."""
        counted = []
        if self.empty:
            counted.append(f"{self.empty} rows without any value are left out, being no records.")
        if self.rejected:
            rules = self.rejected.most_common(_MOST_RULES_NAMED)
            told = [f"{count} {rule}" for rule, count in rules]
            if rest := self.rejected.total() - sum(count for _, count in rules):
                told.append(f"{rest} others")
            counted.append(
                f"{self.rejected.total()} of {self.rows} rows were rejected ({'; '.join(told)})."
            )
        counted += [
            f"{count} cells of {column} do not parse and count as unknown."
            for column, count in sorted(self.unread.items())
        ]
        if self.missing:
            worst = ", ".join(f"{name} {count}" for name, count in self.missing.most_common(4))
            counted.append(
                f"{self.missing.total()} feature cells are empty or infinite and count as 0 "
                f"({worst})."
            )
        problem = [self.label_problem] if self.label_problem else []
        return problem + self.warnings + counted

    def to_json(self) -> dict[str, Any]:
        """The keys of ``inspect --json``."""
        return {
            "format": self.format,
            "schema": self.schema.name if self.schema else None,
            "rows": self.rows,
            "accepted": self.accepted,
            "rejected": dict(self.rejected.most_common()),
            "labels": dict((+self.labels).most_common()),
            "missing": dict(self.missing.most_common()),
            **({"skipped": dict(self.skipped.most_common())} if self.skipped else {}),
            "warnings": self.all_warnings(),
        }
