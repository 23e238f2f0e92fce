"""Scores that were computed once are kept: a run that was cut off goes on where it stopped.

A result is found again only while everything that made it is the same: the code named here, the
versions of the libraries, and the data file by name and size.
"""

import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.files import whole_file
from quality.scored import Scored

PROJECT = Path(__file__).resolve().parents[2]
DATA_CODE = (
    "benchmarks/quality/sets.py",
    "benchmarks/quality/matrices.py",
    "edgeguard_core/config.py",
    "edgeguard_core/features",
    "edgeguard_core/flows",
    "edgeguard_core/sources",
    "edgeguard_core/pipeline/splits.py",
)
PEER_CODE = ("edgeguard_core/evaluation/peers.py", "edgeguard_core/evaluation/matrices.py")
OUR_CODE = ("benchmarks/quality/ours.py", "edgeguard_core/model", "edgeguard_core/inference.py")
LIBRARIES = ("numpy", "scikit-learn", "pyod", "torch", "tensorflow-cpu")


@dataclass(frozen=True)
class Task:
    """One run: a set, a model, the matrix it reads, and its seed."""

    set_name: str
    model: str
    scaling: str
    seed: int

    @property
    def ours(self) -> bool:
        """Whether it is our own recipe."""
        return self.model.startswith("EdgeGuard")


@dataclass(frozen=True)
class Store:
    """A folder of scores, one file a task and fingerprint."""

    folder: Path

    def path(self, task: Task) -> Path:
        """Where the task's scores are, once they are."""
        words = f"{task.set_name} {task.model} {task.scaling} {task.seed}"
        name = "-".join(words.replace(",", "").lower().split())
        return self.folder / f"{name}-{fingerprint(task.ours)[:12]}.npz"

    def load(self, task: Task) -> Scored | None:
        """The kept scores; None where they have to be computed."""
        path = self.path(task)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            return Scored(
                calibration=kept["calibration"],
                test=kept["test"],
                fitted_rows=int(kept["fitted_rows"]),
                fit_seconds=float(kept["fit_seconds"]),
                rows_per_second=float(kept["rows_per_second"]),
                file_bytes=int(kept["file_bytes"]),
            )

    def save(self, task: Task, scored: Scored) -> None:
        """Keep the scores, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self.path(task)) as path, path.open("wb") as file:
            arrays: dict[str, Any] = {
                key: np.asarray(value) for key, value in asdict(scored).items()
            }
            np.savez_compressed(file, **arrays)


@cache
def fingerprint(ours: bool) -> str:
    """SHA-256 of the code and libraries that scores of ours, or of the peers, come from."""
    digest = hashlib.sha256()
    for name in (*DATA_CODE, *(OUR_CODE if ours else PEER_CODE)):
        path = PROJECT / name
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if _is_code(p))
        for file in files:
            digest.update(file.relative_to(PROJECT).as_posix().encode())
            digest.update(file.read_bytes())
    digest.update(repr(versions()).encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """The libraries by version; one that is absent is said to be so."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _is_code(path: Path) -> bool:
    return path.suffix in {".py", ".yaml"}
