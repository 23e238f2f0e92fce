"""One run: a model fitted, and what it says of the calibration and the judged rows."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.evaluation.peers import Peer, fitted
from quality.matrices import Matrices


@dataclass(frozen=True)
class Scored:
    """A run's scores of the calibration and test rows, and what they took."""

    calibration: NDArray[np.float32]
    test: NDArray[np.float32]
    fitted_rows: int
    fit_seconds: float
    rows_per_second: float
    file_bytes: int = 0  # 0: keeps its training rows, or has no file of its own


def run_peer(peer: Peer, matrices: Matrices) -> Scored:
    """The peer's scores; calibration and test rows are scored in one call."""
    started = time.perf_counter()
    scorer, rows = fitted(peer, matrices.fit)
    ready = time.perf_counter()
    judged = np.concatenate([matrices.calibration, matrices.test])
    scores = np.asarray(scorer(judged), np.float32)
    seconds = time.perf_counter() - ready
    n = len(matrices.calibration)
    return Scored(scores[:n], scores[n:], rows, ready - started, len(judged) / seconds)
