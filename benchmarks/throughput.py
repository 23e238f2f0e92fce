"""Rows a second of each step, beside a plain peer that does the least such a step can do.

Absolute figures belong to the machine; the ratio to the peer, measured in the same run and by
turns, travels. A ratio of 2 means: twice as many rows a second as the peer.

    python benchmarks/throughput.py BUNDLE FILE.csv [--repeats 5]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edgeguard_core.bundle import Bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.flows.table import Flows
from edgeguard_core.flows.validation import RawTable, validate
from edgeguard_core.inference import ROWS_A_CALL, Scorer
from edgeguard_core.sources import ReadOptions, read_flows

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """How long the work takes once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(rows: int, ours: Work, peer: Work, peer_is: str, repeats: int) -> dict[str, object]:
    """Best of several runs of each, by turns, so that a busy minute meets both."""
    runs = [(seconds(ours), seconds(peer)) for _ in range(repeats)]
    best, best_peer = (min(column) for column in zip(*runs, strict=True))
    return {
        "rows_per_second": round(rows / best),
        "peer": peer_is,
        "peer_rows_per_second": round(rows / best_peer),
        "ratio": round(best_peer / best, 2),
    }


def range_check(flows: Flows) -> NDArray[np.bool_]:
    """The least a validation can do: one mask a numeric column, no record of what broke it."""
    good = np.ones(len(flows), dtype=bool)
    for name in flows.schema.numeric:
        values = flows.columns.get(name)
        if values is not None:
            column = flows.schema.column(name)
            low = -np.inf if column.minimum is None else column.minimum
            high = np.inf if column.maximum is None else column.maximum
            good &= np.isnan(values) | ((values >= low) & (values <= high))
    return good


def log_matrix(flows: Flows) -> NDArray[np.float32]:
    """The least a preprocessing can do: one transformed float32 matrix of the numeric columns."""
    present = [flows.columns[name] for name in flows.schema.numeric if name in flows.columns]
    matrix = np.column_stack(present)
    return np.asarray(np.sign(matrix) * np.log1p(np.abs(matrix)), np.float32)


def dense_numpy(n_inputs: int, config: TrainingConfig) -> Callable[[int], object]:
    """A numpy forward pass through layers of the model's sizes, in the scorer's batches."""
    draw = np.random.default_rng(0)
    outer, inner = config.hidden
    sizes = (n_inputs, outer, inner, config.bottleneck, inner, outer, 2 * n_inputs)
    *hidden, last = [
        draw.normal(0, 0.1, size=shape).astype(np.float32) for shape in itertools.pairwise(sizes)
    ]
    batch = draw.normal(size=(ROWS_A_CALL, n_inputs)).astype(np.float32)

    def forward(rows: int) -> None:
        for _ in range(0, rows, ROWS_A_CALL):
            values = batch
            for layer in hidden:
                values = np.maximum(values @ layer, 0)
            mean, log_sigma = np.split(values @ last, 2, axis=1)
            ((batch - mean) ** 2 * np.exp(-2 * log_sigma)).mean(axis=1)

    return forward


def measure(bundle: Bundle, file: Path, repeats: int) -> dict[str, object]:
    """The figures of every step over one file."""
    options = ReadOptions()
    flows, report = read_flows([file], options)
    raw = RawTable(columns=flows.columns, line=flows.line)
    inputs = bundle.preprocessor.transform(flows)
    scorer = Scorer(bundle.model)
    forward = dense_numpy(bundle.preprocessor.n_expanded, TrainingConfig())
    detector = Detector(bundle)
    n = len(flows)
    return {
        "file": file.name,
        "rows": report.rows,
        "read": compare(
            report.rows,
            lambda: read_flows([file], options),
            lambda: pd.read_csv(file, low_memory=False),
            "pandas.read_csv, which neither checks nor labels",
            repeats,
        ),
        "validate": compare(
            n,
            lambda: validate(raw, flows.schema),
            lambda: range_check(flows),
            "numpy range masks",
            repeats,
        ),
        "preprocess": compare(
            n,
            lambda: bundle.preprocessor.transform(flows),
            lambda: log_matrix(flows),
            "numpy signed log of one matrix",
            repeats,
        ),
        "score": compare(
            n,
            lambda: scorer.score(inputs),
            lambda: forward(n),
            "numpy layers of the same sizes",
            repeats,
        ),
        "detect": compare(
            n,
            lambda: detector.score(flows),
            lambda: scorer.score(inputs),
            "the scorer alone (preprocessing and p-values come on top)",
            repeats,
        ),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("file", type=Path, help="a comma-separated flow file with a header")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    # The scorer runs on one thread, so its peer does too.
    with threadpool_limits(1):
        figures = measure(Bundle.load(options.bundle), options.file, options.repeats)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
