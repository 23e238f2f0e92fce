"""Scores that were computed once are kept: a run that was cut off goes on where it stopped.

A result is found again only while everything that made it is the same: the code named here, the
versions of the libraries, and the data file by name and size.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from edgeguard_core.files import whole_file
from quality.rolling import StreamScores
from quality.scored import Scored
from quality.study import Study

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
OUR_CODE = (
    "benchmarks/quality/ours.py",
    "edgeguard_core/model",
    "edgeguard_core/inference.py",
    "edgeguard_core/pipeline/thinning.py",
)
STUDY_CODE = (
    *OUR_CODE,
    "benchmarks/quality/study.py",
    "benchmarks/quality/shifts.py",
    "edgeguard_core/detection/incidents.py",
)
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
        return self._named(words, OUR_CODE if task.ours else PEER_CODE)

    def _named(self, words: str, code: tuple[str, ...]) -> Path:
        name = "-".join(words.replace(",", "").lower().split())
        return self.folder / f"{name}-{fingerprint(code)[:12]}.npz"

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
        self._write(self.path(task), {k: np.asarray(v) for k, v in asdict(scored).items()})

    def study(self, name: str) -> Study | None:
        """The kept study of a set; None where it has to be made."""
        path = self._named(f"{name} study", STUDY_CODE)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            return Study(kept["cause"], json.loads(str(kept["parity"])))

    def save_study(self, name: str, found: Study) -> None:
        """Keep a set's study, whole or not at all."""
        arrays = {"cause": found.cause, "parity": np.asarray(json.dumps(found.parity))}
        self._write(self._named(f"{name} study", STUDY_CODE), arrays)

    def stream(self, name: str) -> StreamScores | None:
        """The kept scores of a shift; None where they have to be computed."""
        path = self._named(f"{name} stream", STUDY_CODE)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            return StreamScores(**{each.name: kept[each.name] for each in fields(StreamScores)})

    def save_stream(self, name: str, found: StreamScores) -> None:
        """Keep a shift's scores, whole or not at all."""
        arrays = {each.name: getattr(found, each.name) for each in fields(found)}
        self._write(self._named(f"{name} stream", STUDY_CODE), arrays)

    def _write(self, target: Path, arrays: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as path, path.open("wb") as file:
            np.savez_compressed(file, **arrays)


@cache
def fingerprint(code: tuple[str, ...]) -> str:
    """SHA-256 of the data's and some other code and of the libraries, where scores come from."""
    digest = hashlib.sha256()
    for name in (*DATA_CODE, *code):
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
