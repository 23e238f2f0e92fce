"""Schema drift: columns that are gone, rows that no longer parse, another meter."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.detection import Detector
from edgeguard_core.sources import ReadOptions, expand, open_source
from edgeguard_core.sources.files import FileSource

_MORE_REJECTED: Final = 0.1  # of the rows, beyond what training rejected


@dataclass(frozen=True)
class SchemaDrift:
    """How a file is laid out, against the training files.

    Attributes
    ----------
    absent
        Features of the model that the file does not give.
    missing_columns
        The same, where it is history without the columns that it is made of.
    extra_columns
        Columns of the file that its schema does not read. They are no drift: most logs have
        some. Beside a missing one they say how it may be called now.
    rejected, rejected_before
        Share of rows that did not pass validation, here and in training.
    meter, meter_before
        What counted the flows.
    """

    absent: tuple[str, ...]
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    rejected: float
    rejected_before: float
    meter: str
    meter_before: str

    @property
    def has_drifted(self) -> bool:
        """Whether a column is missing, or many more rows are rejected."""
        return bool(self.missing_columns) or self._rejects_more

    @property
    def _rejects_more(self) -> bool:
        return self.rejected - self.rejected_before >= _MORE_REJECTED

    def sentences(self) -> list[str]:
        """What is wrong, a sentence each."""
        told = [f"column {name} is missing" for name in self.missing_columns]
        if self.missing_columns and self.extra_columns:
            told.append(f"unread columns are {', '.join(self.extra_columns[:5])}")
        if self._rejects_more:
            told.append(
                f"{self.rejected:.0%} of the rows were rejected ({self.rejected_before:.0%} before)"
            )
        if told and self.meter != self.meter_before:
            told.append(f"the flows are counted by {self.meter}, not by {self.meter_before}")
        return told

    def to_json(self) -> dict[str, Any]:
        """Their keys in ``drift --json``."""
        return {
            "missing_columns": list(self.missing_columns),
            "extra_columns": list(self.extra_columns),
            "schema": {
                "drifted": self.has_drifted,
                "rejected_share": self.rejected,
                "rejected_share_before": self.rejected_before,
                "meter": self.meter,
                "meter_before": self.meter_before,
            },
        }


def schema_drift(
    detector: Detector,
    rejected: float,
    meter: str,
    absent: Collection[str] = (),
    extra: Sequence[str] = (),
) -> SchemaDrift:
    """What a reading says of the layout of its flows.

    Parameters
    ----------
    rejected
        Share of its rows.
    absent
        Features that are not given.
    extra
        Columns that no schema reads.
    """
    data = detector.bundle.manifest.data
    rejected_before = sum(dict(data.get("rejected", {})).values()) / max(data.get("rows", 0), 1)
    context = detector.bundle.schema.context
    measured = sorted(set(absent) - set(context))
    history = sorted(set(absent) & set(context))
    return SchemaDrift(
        absent=(*measured, *history),
        missing_columns=tuple(measured or history),
        extra_columns=tuple(extra),
        rejected=rejected,
        rejected_before=rejected_before,
        meter=meter,
        meter_before=detector.bundle.manifest.meter.format,
    )


def unread_columns(paths: Sequence[str | Path], options: ReadOptions) -> list[str]:
    """Titles of columns that no schema reads, in the files' order; none of packets."""
    found: dict[str, None] = {}
    for path in expand(paths):
        source = open_source(path, options)
        if isinstance(source, FileSource):
            used = set(source.interpreter.positions.values())
            found |= {
                title.strip(): None for at, title in enumerate(source.header) if at not in used
            }
    return list(found)
