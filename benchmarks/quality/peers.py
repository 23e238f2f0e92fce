"""The detectors that we are held against, at the defaults of their libraries."""

import contextlib
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quality.matrices import Matrices, Matrix

MOST_ROWS = 20_000
"""Rows that a slow peer is fitted on, drawn at random; the report says which peers are slow."""

MOST_ROWS_OF_A_KERNEL = 10_000
ROWS_AT_ONCE = 2_000
SEED = 0

Scorer = Callable[[Matrix], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Peer:
    """One peer: ``fit`` returns what scores rows; ``most_rows`` is None where any number goes."""

    name: str
    fit: Callable[[Matrix], Scorer]
    most_rows: int | None = None


@dataclass(frozen=True)
class Scored:
    """A run's scores of the calibration and test rows, and what they took."""

    calibration: NDArray[np.float32]
    test: NDArray[np.float32]
    fitted_rows: int
    fit_seconds: float
    rows_per_second: float
    file_bytes: int = 0  # 0: keeps its training rows, or has no file of its own


def listed() -> tuple[Peer, ...]:
    """All peers, in the order of the report."""
    return (
        Peer("IsolationForest", _isolation_forest),
        Peer("kNN", _nearest, MOST_ROWS),
        Peer("LOF", _lof, MOST_ROWS),
        Peer("ECOD", lambda x: _pyod("ecod", "ECOD", x)),
        Peer("COPOD", lambda x: _pyod("copod", "COPOD", x)),
        Peer("HBOS", lambda x: _pyod("hbos", "HBOS", x)),
        Peer("PCA", lambda x: _pyod("pca", "PCA", x, random_state=SEED)),
        Peer("OCSVM", _one_class_svm, MOST_ROWS_OF_A_KERNEL),
        Peer("AutoEncoder", lambda x: _deep("auto_encoder", "AutoEncoder", x), MOST_ROWS),
        Peer("VAE", lambda x: _deep("vae", "VAE", x), MOST_ROWS),
        Peer("DeepSVDD", _deep_svdd, MOST_ROWS),
    )


def run(peer: Peer, matrices: Matrices) -> Scored:
    """The peer's scores; calibration and test rows are scored in one call.

    ECOD and COPOD rank what they score among all rows of the call: their own way.
    """
    rows = matrices.fit
    if peer.most_rows is not None and len(rows) > peer.most_rows:
        rows = rows[np.random.default_rng(SEED).choice(len(rows), peer.most_rows, replace=False)]
    started = time.perf_counter()
    with _quiet():
        scorer = peer.fit(rows)
    fitted = time.perf_counter()
    judged = np.concatenate([matrices.calibration, matrices.test])
    with _quiet():
        scores = np.asarray(scorer(judged), np.float64)
    seconds = time.perf_counter() - fitted
    n = len(matrices.calibration)
    usable = np.nan_to_num(scores, nan=np.inf, posinf=np.inf).clip(-1e38, 1e38).astype(np.float32)
    return Scored(usable[:n], usable[n:], len(rows), fitted - started, len(judged) / seconds)


def _isolation_forest(rows: Matrix) -> Scorer:
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(random_state=SEED).fit(rows)
    return lambda x: -model.score_samples(x)


def _nearest(rows: Matrix) -> Scorer:
    """Distance to the fifth neighbour, as PyOD's KNN scores, by one matrix product a block."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(rows)
    return lambda x: np.concatenate(
        [
            model.kneighbors(x[first : first + ROWS_AT_ONCE])[0][:, -1]
            for first in range(0, len(x), ROWS_AT_ONCE)
        ]
    )


def _lof(rows: Matrix) -> Scorer:
    from sklearn.neighbors import LocalOutlierFactor

    model = LocalOutlierFactor(novelty=True, algorithm="brute").fit(rows)
    return lambda x: np.concatenate(
        [
            -model.score_samples(x[first : first + ROWS_AT_ONCE])
            for first in range(0, len(x), ROWS_AT_ONCE)
        ]
    )


def _one_class_svm(rows: Matrix) -> Scorer:
    from sklearn.svm import OneClassSVM

    model = OneClassSVM().fit(rows)
    return lambda x: -model.score_samples(x)


def _pyod(module: str, name: str, rows: Matrix, **settings: Any) -> Scorer:
    import importlib

    detector = getattr(importlib.import_module(f"pyod.models.{module}"), name)(**settings)
    detector.fit(rows)
    return lambda x: np.asarray(detector.decision_function(x))


def _deep(module: str, name: str, rows: Matrix, **settings: Any) -> Scorer:
    import torch

    torch.set_num_threads(1)
    return _pyod(module, name, rows, verbose=0, random_state=SEED, **settings)


def _deep_svdd(rows: Matrix) -> Scorer:
    return _deep("deep_svdd", "DeepSVDD", rows, n_features=rows.shape[1])


@contextlib.contextmanager
def _quiet() -> Any:
    """Without the peers' progress bars and warnings, which are none of the reader's business."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
