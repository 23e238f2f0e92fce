"""Scored flows as files to take away, judged at the threshold the page shows.

Written batch by batch beside the scored file, so that no table is held in memory.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from dashboard import results
from edgeguard_core.files import whole_file
from edgeguard_core.pipeline.tables import defused, defused_array
from edgeguard_core.thresholds import Threshold

_BATCH_ROWS = 65_536


def write_parquet(source: Path, target: Path, threshold: Threshold) -> Path:
    """The scored flows as Parquet, with ``is_alert`` as the threshold has it.

    Raises
    ------
    SourceError
        If the scored file is gone.
    OutputError
        If the disk is full.
    """
    with (
        results.open_scores(source) as file,
        whole_file(target) as part,
        pq.ParquetWriter(part, file.schema_arrow, compression="zstd") as writer,
    ):
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            writer.write_batch(judged(batch, threshold))
    return target


def write_safe_csv(source: Path, target: Path, threshold: Threshold) -> Path:
    """The scored flows as CSV that no spreadsheet takes formulas from; else as ``write_parquet``.

    Cells of text and titles that could be a formula get an apostrophe before them; numbers stay
    numbers, below zero too.
    """
    with results.open_scores(source) as file, whole_file(target) as part:
        titles = [defused(name) for name in file.schema_arrow.names]
        schema = file.schema_arrow.empty_table().rename_columns(titles).schema
        with pa_csv.CSVWriter(part, schema) as writer:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                cells = [_safe(column) for column in judged(batch, threshold).columns]
                writer.write_table(pa.Table.from_arrays(cells, schema=schema))
    return target


def judged(batch: pa.RecordBatch, threshold: Threshold) -> pa.RecordBatch:
    """Some scored flows with the verdict of a threshold."""
    scores = batch.column("score").to_numpy(zero_copy_only=False).astype(np.float32)
    verdicts = pa.array(threshold.alerts(scores))
    return batch.set_column(batch.schema.get_field_index("is_alert"), "is_alert", verdicts)


def _safe(column: Any) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return defused_array(column)
    return column
