"""Scored flows as ``score`` wrote them: their counts, a histogram, and any rows of the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.schema import Schema, shipped_schemas
from edgeguard_core.thresholds import PromiseAudit, audit

BINS = 72
SMALLEST_SCORE = 1e-6  # what is below, zeros included, stands in the first bin
KINDS = ("benign", "attack", "unlabelled")
# Many unlabelled alerts mean a network that the bundle does not know (see the banner).
UNKNOWN_NETWORK_SHARE = 0.05
_BATCH_ROWS = 65_536
_NEEDED = ("score", "is_alert")
_OURS = (
    "row", "class", "label", "score", "p_value", "severity", "is_alert", "top_features",
    "p_extrapolated", "incident_host", "incident_cause",
)  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """What alerts at a threshold, and what is known about it: the one count of every page."""

    flows: int
    alerts: int
    benign: int
    attacks: int
    unlabelled: int
    false_alarms: int
    caught: int
    unlabelled_alerts: int

    @property
    def has_labels(self) -> bool:
        return self.benign + self.attacks > 0

    @property
    def recall(self) -> float:
        return self.caught / self.attacks if self.attacks else float("nan")

    @property
    def false_alarm_rate(self) -> float:
        return self.false_alarms / self.benign if self.benign else float("nan")

    @property
    def precision(self) -> float:
        judged = self.caught + self.false_alarms
        return self.caught / judged if judged else float("nan")

    @property
    def looks_unknown(self) -> bool:
        """Whether so many unlabelled flows alert that this is likely another network."""
        return self.unlabelled_alerts > UNKNOWN_NETWORK_SHARE * self.unlabelled > 0


def broken_promise(counted: Counts, threshold: dict[str, Any] | None) -> PromiseAudit | None:
    """The audit of the promised false-alarm rate where it does not hold, else None."""
    found = promise_audit(counted, threshold)
    return found if found is not None and found.breached else None


def promise_audit(counted: Counts, threshold: dict[str, Any] | None) -> PromiseAudit | None:
    """What became of the promised false-alarm rate; None where nobody can tell.

    Only a conformal threshold promises anything, and only benign labels can audit it.
    """
    if not threshold or threshold.get("method") != "conformal" or not counted.benign:
        return None
    promised = threshold.get("target")
    if promised is None:
        return None
    return audit(float(promised), counted.false_alarms, counted.benign)


def counts(
    alert: NDArray[np.bool_],
    benign: NDArray[np.bool_],
    attack: NDArray[np.bool_],
    unlabelled: NDArray[np.bool_],
) -> Counts:
    """The counts of n flows, each array of shape ``(n,)``.

    >>> yes, no = np.array([True]), np.array([False])
    >>> counts(yes, yes, no, no).false_alarm_rate
    1.0
    """
    return Counts(
        flows=len(alert),
        alerts=int(alert.sum()),
        benign=int(benign.sum()),
        attacks=int(attack.sum()),
        unlabelled=int(unlabelled.sum()),
        false_alarms=int((alert & benign).sum()),
        caught=int((alert & attack).sum()),
        unlabelled_alerts=int((alert & unlabelled).sum()),
    )


def histogram(score: NDArray[np.float64], kind: NDArray[np.object_]) -> pd.DataFrame:
    """Flows in log-spaced bins of the score, one row a filled bin and kind.

    >>> found = histogram(np.array([0.0, 1.0, 1.0]), np.array(["benign"] * 3, dtype=object))
    >>> found["flows"].tolist()
    [1, 2]
    """
    finite = score[np.isfinite(score)]
    if not len(finite):
        return pd.DataFrame({"low": [], "high": [], "kind": [], "flows": []})
    floored = np.maximum(finite, SMALLEST_SCORE)
    low, high = float(floored.min()), float(floored.max())
    # Room for a bin at both ends, so that one single score is a bar too.
    edges = np.geomspace(low / 1.02, max(high, low * 1.02) * 1.02, BINS + 1)
    kinds = kind[np.isfinite(score)]
    parts = []
    for name in KINDS:
        counts, _ = np.histogram(floored[kinds == name], edges)
        filled = counts > 0
        parts.append(
            pd.DataFrame(
                {
                    "low": edges[:-1][filled],
                    "high": edges[1:][filled],
                    "kind": name,
                    "flows": counts[filled],
                }
            )
        )
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def rows(path: Path, positions: NDArray[np.int64]) -> pd.DataFrame:
    """Some rows of a scored file in the order asked for, times as times, without empty columns."""
    return _readable(_rows(open_scores(path), positions))


def _rows(file: pq.ParquetFile, positions: NDArray[np.int64]) -> pd.DataFrame:
    """Some rows of a file in the order asked for, read batch by batch."""
    order = np.argsort(positions, kind="stable")
    ascending = positions[order]
    parts, start = [], 0
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        here = ascending[
            np.searchsorted(ascending, start) : np.searchsorted(ascending, start + len(batch))
        ]
        if len(here):
            parts.append(batch.take(pa.array(here - start)))
        start += len(batch)
    if not parts:
        empty: pd.DataFrame = file.schema_arrow.empty_table().to_pandas()
        return empty
    frame: pd.DataFrame = pa.Table.from_batches(parts).to_pandas()
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return frame.iloc[back].reset_index(drop=True)


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    """Times as times, and no column that is empty throughout."""
    times = {Schema.named(name).time for name in shipped_schemas()} & set(rows.columns)
    for name in times:
        if pd.api.types.is_numeric_dtype(rows[name]):
            rows[name] = pd.to_datetime(rows[name].round(), unit="ms", errors="coerce")
    empty = [name for name in rows if name not in _OURS and rows[name].isna().all()]
    return rows.drop(columns=empty) if len(rows) else rows


def open_scores(path: Path) -> pq.ParquetFile:
    """The file that ``score`` wrote.

    Raises
    ------
    SourceError
        If it is gone or is none.
    """
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"The scored flows in {path} cannot be read; score again.") from error
    if missing := [name for name in _NEEDED if name not in file.schema_arrow.names]:
        raise SourceError(f"{path} has no column {missing[0]!r}, so it was not written by score.")
    return file


def shares_of(top_features: str) -> list[tuple[str, float]]:
    """Names and shares out of the short text of a row.

    >>> shares_of("src_bytes 41 %; flag 22 %")
    [('src_bytes', 0.41), ('flag', 0.22)]
    """
    found = []
    for part in top_features.split(";"):
        name, _, share = part.strip().removesuffix("%").strip().rpartition(" ")
        try:
            found.append((name.strip(), float(share) / 100))
        except ValueError:
            continue
    return found
