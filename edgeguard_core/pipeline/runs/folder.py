"""The folder of one run: what each stage left, what was said about it, and one worker at a time.

::

    artifacts/RUN_ID/
    ├── run.json          who began it and when, and which gates were accepted why
    ├── config.yaml       the config as it was read
    ├── STAGE/            what the stage made: artifact.json, record.json and its files
    ├── outcomes/STAGE.json   how its last turn ended, with what the gates said
    ├── metrics.json      the figures of the model
    ├── lineage.json      which input made which output
    └── log.jsonl, log.txt
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.clock import Clock
from edgeguard_core.errors import EdgeGuardError, OutputError, SourceError
from edgeguard_core.files import sha256_hex, whole_folder, write_whole
from edgeguard_core.pipeline.runs.lock import is_taken, locked

RUN, CONFIG, METRICS, LINEAGE = "run.json", "config.yaml", "metrics.json", "lineage.json"
ARTIFACT, RECORD, OUTCOMES, LOCK = "artifact.json", "record.json", "outcomes", ".lock"
FORMAT: Final = 1
_WAIT_S: Final = 1.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def require_run_id(run_id: str) -> str:
    """The id, when a folder can be called so.

    Raises
    ------
    OutputError
        If it is no plain name.

    Examples
    --------
    >>> require_run_id("monday-1")
    'monday-1'
    """
    if not _NAME.fullmatch(run_id):
        raise OutputError(
            f"A run cannot be called {run_id!r}; use up to 100 letters, digits, dots, - and _."
        )
    return run_id


@dataclass(frozen=True)
class Record:
    """What made a stage's folder.

    Attributes
    ----------
    fingerprint
        Hash of ``inputs``: all that the stage depends on.
    inputs
        Settings, identities of the artifacts before, what is outside the run, and the code.
    outputs
        Each file below the folder with its sha256.
    run_id
        The run that did the work; another one where it was taken over.
    """

    stage: str
    fingerprint: str
    inputs: dict[str, Any]
    outputs: dict[str, str]
    identity: str
    run_id: str
    started: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The content of ``record.json``."""
        return {"format": FORMAT, **vars(self)}

    @classmethod
    def read(cls, folder: Path) -> "Record | None":
        """The record in a stage's folder; None where there is none that can be used."""
        try:
            document = strict_json.load((folder / RECORD).read_bytes())
            if document.pop("format", None) != FORMAT:
                return None
            return cls(**document)
        except (OSError, ValueError, TypeError):
            return None

    def is_intact(self, folder: Path) -> bool:
        """Whether every file of the folder is there and as it was written."""
        return outputs_of(folder) == self.outputs


def outputs_of(folder: Path) -> dict[str, str]:
    """The files of a stage's folder with their hashes, without the record itself."""
    return {
        str(path.relative_to(folder)): sha256_hex(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / RECORD
    }


@dataclass(frozen=True)
class RunFolder:
    """The folder and what may be done with its files."""

    path: Path

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.path.name

    def stage(self, name: str) -> Path:
        """Where a stage leaves what it makes."""
        return self.path / name

    def about(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises
        ------
        SourceError
            If it is gone or damaged.
        """
        return self.required(self.path / RUN)

    def outcome(self, name: str) -> dict[str, Any] | None:
        """How a stage's last turn ended; None before its first one."""
        path = self.path / OUTCOMES / f"{name}.json"
        return self.required(path) if path.exists() else None

    def artifact(self, name: str) -> dict[str, Any]:
        """The content of a stage's ``artifact.json``.

        Raises
        ------
        SourceError
            If it is gone or damaged.
        """
        return self.required(self.stage(name) / ARTIFACT)

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """A JSON object in a file of the run, whole or not at all."""
        path = self.path / name
        with suppress(FileExistsError):
            path.parent.mkdir()
        plain = strict_json.without_nan(document)
        write_whole(path, strict_json.dump({"format": FORMAT, **plain}))

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A folder that becomes that of the stage once the block ends well."""
        with whole_folder(self.stage(name), force=True) as folder:
            yield folder

    @contextmanager
    def worked_on(self, clock: Clock) -> Iterator[None]:
        """Nobody else works on this run until the block ends; a dead worker's traces are gone.

        Raises
        ------
        OutputError
            If another process works on it.
        """
        with locked(self.path / LOCK, clock, _WAIT_S):  # whoever only looks has it for a moment
            for left in [
                *self.path.glob(".*.*"),
                *self.path.glob(f"{OUTCOMES}/.*"),
            ]:  # half a stage or file of one that died
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
            yield

    @property
    def is_worked_on(self) -> bool:
        """Whether a process works on it now."""
        return is_taken(self.path / LOCK)

    def required(self, path: Path) -> dict[str, Any]:
        try:
            found = strict_json.load(path.read_bytes())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SourceError(f"{path} cannot be read ({reason}); begin another run.") from error
        found.pop("format", None)
        return found


def run_folders(artifacts: Path) -> list[RunFolder]:
    """The runs below a folder, the latest first; none where there is no such folder."""
    if not artifacts.is_dir():
        return []
    found: list[tuple[str, RunFolder]] = []
    for path in artifacts.iterdir():
        with suppress(EdgeGuardError):  # a damaged one is told where it is asked for
            if (path / RUN).is_file():
                found.append((str(RunFolder(path).about().get("created")), RunFolder(path)))
    found.sort(key=lambda pair: (pair[0], pair[1].run_id), reverse=True)
    return [folder for _, folder in found]


def find_run(artifacts: Path, run_id: str) -> RunFolder:
    """A run by its id.

    Raises
    ------
    SourceError
        If there is none such.
    """
    path = artifacts / require_run_id(run_id)
    if not (path / RUN).is_file():
        raise SourceError(
            f"There is no run {run_id!r} in {artifacts}; edgeguard pipeline list shows the runs."
        )
    return RunFolder(path)
