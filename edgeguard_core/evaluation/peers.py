"""Plain detectors to be held against, at the defaults of their libraries.

IsolationForest, kNN, LOF and one-class SVM are scikit-learn's, the others PyOD's
(https://pyod.readthedocs.io), which is not installed with us.
"""

import contextlib
import importlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import EdgeGuardError

MOST_ROWS: Final = 20_000
"""Rows that a slow peer is fitted on, drawn at random."""

_MOST_ROWS_OF_A_KERNEL = 10_000
_ROWS_AT_ONCE = 2_000
SEED: Final = 0

Matrix = NDArray[np.float32]
Scorer = Callable[[Matrix], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Peer:
    """One peer: ``fit`` returns what scores rows; ``most_rows`` is None where any number goes.

    ``package`` is what it needs beside scikit-learn, "" for nothing.
    """

    name: str
    fit: Callable[[Matrix], Scorer]
    most_rows: int | None = None
    package: str = ""


PYOD: Final = "pyod"
_LEAST_VARIANCE: Final = 1e-6  # share of all variance; below it is rounding
_SHORT: Final = {"iforest": "isolationforest", "ae": "autoencoder", "svm": "ocsvm"}


def listed() -> tuple[Peer, ...]:
    """All peers, in the order of reports."""
    return (
        Peer("IsolationForest", _isolation_forest),
        Peer("kNN", _nearest, MOST_ROWS),
        Peer("LOF", _lof, MOST_ROWS),
        Peer("ECOD", lambda x: _pyod("ecod", "ECOD", x), None, PYOD),
        Peer("COPOD", lambda x: _pyod("copod", "COPOD", x), None, PYOD),
        Peer("HBOS", lambda x: _pyod("hbos", "HBOS", x), None, PYOD),
        Peer("PCA", _pca, None, PYOD),
        Peer("OCSVM", _one_class_svm, _MOST_ROWS_OF_A_KERNEL),
        Peer("AutoEncoder", lambda x: _deep("auto_encoder", "AutoEncoder", x), MOST_ROWS, PYOD),
        Peer("VAE", lambda x: _deep("vae", "VAE", x), MOST_ROWS, PYOD),
        Peer("DeepSVDD", _deep_svdd, MOST_ROWS, PYOD),
    )


def available() -> tuple[Peer, ...]:
    """The peers whose packages are installed.

    >>> [peer.name for peer in available()][:2]
    ['IsolationForest', 'kNN']
    """
    return tuple(
        peer
        for peer in listed()
        if not peer.package or importlib.util.find_spec(peer.package) is not None
    )


def peer_called(word: str) -> Peer:
    """A peer by its name, large or small; ``iforest``, ``ae`` and ``svm`` go, too.

    Raises
    ------
    EdgeGuardError
        If none is called so, or its package is not installed.

    Examples
    --------
    >>> peer_called("knn").name, peer_called("iforest").name
    ('kNN', 'IsolationForest')
    """
    wanted = _SHORT.get(word.casefold(), word.casefold())
    found = next((peer for peer in listed() if peer.name.casefold() == wanted), None)
    if found is None:
        names = ", ".join(peer.name for peer in listed())
        raise EdgeGuardError(f"No detector to compare with is called {word!r}; there are {names}.")
    if found.package and importlib.util.find_spec(found.package) is None:
        raise EdgeGuardError(
            f"{found.name} is a detector of {found.package}, which is not installed: install it, "
            f"or compare with one of {', '.join(p.name for p in listed() if not p.package)}."
        )
    return found


def fitted(peer: Peer, rows: Matrix) -> tuple[Scorer, int]:
    """What scores rows by the peer, and on how many of ``rows`` ``(n, d)`` it was fitted.

    The scores are finite, higher is odder; ECOD and COPOD rank what they score among all rows of
    one call, which is their own way.
    """
    if peer.most_rows is not None and len(rows) > peer.most_rows:
        chosen = np.random.default_rng(SEED).choice(len(rows), peer.most_rows, replace=False)
        rows = rows[chosen]
    with _quiet():
        scorer = peer.fit(rows)

    def scores(judged: Matrix) -> NDArray[np.float32]:
        with _quiet():
            found = np.asarray(scorer(judged), np.float64)
        usable = np.nan_to_num(found, nan=np.inf, posinf=np.inf).clip(-1e38, 1e38)
        return usable.astype(np.float32)

    return scores, len(rows)


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
            model.kneighbors(x[first : first + _ROWS_AT_ONCE])[0][:, -1]
            for first in range(0, len(x), _ROWS_AT_ONCE)
        ]
    )


def _lof(rows: Matrix) -> Scorer:
    from sklearn.neighbors import LocalOutlierFactor

    model = LocalOutlierFactor(novelty=True, algorithm="brute").fit(rows)
    return lambda x: np.concatenate(
        [
            -model.score_samples(x[first : first + _ROWS_AT_ONCE])
            for first in range(0, len(x), _ROWS_AT_ONCE)
        ]
    )


def _one_class_svm(rows: Matrix) -> Scorer:
    from sklearn.svm import OneClassSVM

    model = OneClassSVM().fit(rows)
    return lambda x: -model.score_samples(x)


def _pyod(module: str, name: str, rows: Matrix, **settings: Any) -> Scorer:
    detector = getattr(importlib.import_module(f"pyod.models.{module}"), name)(**settings)
    detector.fit(rows)
    return lambda x: np.asarray(detector.decision_function(x))


def _pca(rows: Matrix) -> Scorer:
    """All components that vary: PyOD divides by a component's variance, and of one that does not
    vary every score becomes infinite.
    """
    scaled = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    variances = np.linalg.eigvalsh(scaled.T.astype(np.float64) @ scaled / len(rows))
    varying = int((variances > _LEAST_VARIANCE * variances.sum()).sum())
    return _pyod("pca", "PCA", rows, n_components=max(1, varying), random_state=SEED)


def _deep(module: str, name: str, rows: Matrix, **settings: Any) -> Scorer:
    import torch

    torch.set_num_threads(1)
    return _pyod(module, name, rows, verbose=0, random_state=SEED, **settings)


def _deep_svdd(rows: Matrix) -> Scorer:
    return _deep("deep_svdd", "DeepSVDD", rows, n_features=rows.shape[1])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the peers' progress bars and warnings, which are none of the reader's business."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
