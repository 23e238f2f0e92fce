"""Peak memory of `edgeguard score` over a million flows from Parquet.

Takes a real file, lets the command preprocess it and learn its normal, repeats the test flows
into one Parquet file of a million rows, and scores that in a child process while watching the
memory of the child and all of its children. Prints one JSON object; exits 1 at the limit.

    python benchmarks/score_memory.py FILE [--rows 1000000] [--limit-mb 1000] [--bundle B]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from process_tree import MemoryWatch

COMMAND = [sys.executable, "-m", "edgeguard_core.cli"]
ROWS_PER_GROUP = 100_000
MB = 1_000_000


@dataclass(frozen=True)
class Run:
    """What one child process said and took."""

    answer: dict[str, Any]
    seconds: float
    peak_tree_mb: float  # largest sum of resident memory over the process and its children
    peak_process_mb: float  # largest resident memory of one of them, as the kernel kept it


def edgeguard(*words: str) -> Run:
    """Run one verb with --json and watch its memory; a failing verb ends the benchmark."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [*COMMAND, *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watch = MemoryWatch(child.pid)
    watch.start()
    out, error = child.communicate()
    watch.stop()
    if child.returncode != 0:
        raise SystemExit(f"edgeguard {' '.join(words)}: exit {child.returncode}\n{error}")
    return Run(
        answer=json.loads(out),
        seconds=time.perf_counter() - started,
        peak_tree_mb=watch.peak_tree_bytes / MB,
        peak_process_mb=watch.peak_process_bytes / MB,
    )


def repeat(source: Path, target: Path, rows: int) -> int:
    """Rows of the source, again and again until the target has `rows`; its bytes on disk."""
    table = pq.read_table(source)
    written = 0
    with pq.ParquetWriter(target, table.schema) as writer:
        while written < rows:
            start = written % len(table)
            part = table.slice(start, min(ROWS_PER_GROUP, rows - written))
            writer.write_table(part)
            written += len(part)
    return target.stat().st_size


def measure(file: Path, bundle: Path | None, rows: int, work: Path) -> dict[str, Any]:
    """The figures of one run, with everything it writes under `work`."""
    prepared = edgeguard("preprocess", str(file), "--out", str(work / "prepared")).answer
    if bundle is None:
        trained = edgeguard("train", prepared["train"], "--out", str(work / "bundle")).answer
        bundle = Path(trained["bundle"])
    flows = work / "flows.parquet"
    size = repeat(Path(prepared["test"]), flows, rows)
    scored = edgeguard("score", str(bundle), str(flows), "--out", str(work / "scored.parquet"))
    if scored.answer["flows"] + scored.answer["rejected"] != rows:
        raise SystemExit(f"{rows} rows went in, {scored.answer} came out")
    return {
        "file": file.name,
        "rows": rows,
        "parquet_mb": round(size / MB, 1),
        "seconds": round(scored.seconds, 1),
        "rows_per_second": round(rows / scored.seconds),
        "peak_tree_mb": round(scored.peak_tree_mb),
        "peak_process_mb": round(scored.peak_process_mb),
    }


def main() -> None:
    """Parse, measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="a flow file that edgeguard reads")
    parser.add_argument("--bundle", type=Path, help="score with this one instead of training")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--limit-mb", type=float, default=1000.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeguard-bench-") as folder:
        figures = measure(options.file, options.bundle, options.rows, Path(folder))
    print(json.dumps(figures, indent=2))
    if figures["peak_tree_mb"] >= options.limit_mb:
        raise SystemExit(f"{figures['peak_tree_mb']} MB is not below {options.limit_mb:g} MB")


if __name__ == "__main__":
    main()
