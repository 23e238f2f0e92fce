"""Ingest: which files a run learns from, with their fingerprints; queries become files."""

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from edgeguard_core.detection.feedback import ENDING, read_feedback, write_feedback
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.runs.config import PipelineConfig
from edgeguard_core.pipeline.runs.config_kinds import Query, Source
from edgeguard_core.sources import expand

_PATTERN: Final = re.compile(r"[*?\[]")
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_ROWS_A_FETCH: Final = 10_000
FEEDBACK: Final = "feedback.files"
_LONGEST_MINUTES: Final = 30  # of one fetch: a month of flows may have to be sorted first


@dataclass(frozen=True)
class DataFile:
    """One file of flows as it was when the run began.

    Attributes
    ----------
    path
        Absolute, or below the stage's folder where a query gave it.
    changed_ns
        Time of its last change, in nanoseconds since 1970.
    """

    path: str
    sha256: str
    bytes: int
    changed_ns: int

    @property
    def name(self) -> str:
        """Its name alone."""
        return Path(self.path).name

    @classmethod
    def of(cls, path: Path, root: Path | None = None) -> "DataFile":
        """The file, its content hashed; its path relative to ``root`` where one is given."""
        about = path.stat()
        name = str(path.absolute()) if root is None else str(path.relative_to(root))
        return cls(name, sha256_hex(path), about.st_size, about.st_mtime_ns)

    def at(self, folder: Path) -> Path:
        """Where it lies, given the folder of the stage.

        Raises
        ------
        SourceError
            If it is gone, or no longer what it was.
        """
        path = folder / self.path
        try:
            about = path.stat()
        except OSError as error:
            raise SourceError(f"{path} is gone since the run began; put it back.") from error
        same = about.st_size == self.bytes
        is_ours = not Path(self.path).is_absolute()  # a copy of it may be younger
        if same and (is_ours or about.st_mtime_ns == self.changed_ns):
            return path
        if not same or sha256_hex(path) != self.sha256:
            raise SourceError(f"{path} changed since the run began; run the stage ingest again.")
        return path


def listed(config: PipelineConfig, key: str, sources: Sequence[Source]) -> list[Path]:
    """The files that the paths and patterns of a setting mean now.

    Raises
    ------
    ConfigError
        If one means no file; it names the line of the setting.
    """
    found: dict[Path, None] = {}
    for source in sources:
        if isinstance(source, Query):
            continue
        try:
            found |= dict.fromkeys(expand(_matching(source)))
        except SourceError as error:
            raise config.fault(key, str(error)) from error
    for path in found:
        if not path.exists():
            raise config.fault(key, f"there is no {path}; check the path.")
    return list(found)


def _matching(path: Path) -> list[Path]:
    if path.exists() or not _PATTERN.search(str(path)):
        return [path]
    fixed = next(each for each in path.parents if not _PATTERN.search(str(each)))
    matches = sorted(fixed.glob(str(path.relative_to(fixed))))
    if not matches:
        raise SourceError(f"no file matches {path}; check the pattern.")
    return matches


def seen_now(config: PipelineConfig) -> dict[str, Any]:
    """What tells, without reading them, whether the sources are still the same."""
    told: dict[str, Any] = {}
    groups = (
        ("data", config.data),
        ("evaluation", config.evaluation),
        (FEEDBACK, config.feedback.files),
    )
    for key, sources in groups:
        files = [(path, path.stat()) for path in listed(config, key, sources)]
        told[key] = [
            [str(path.absolute()), about.st_size, about.st_mtime_ns] for path, about in files
        ]
    return told


def gathered(
    config: PipelineConfig, key: str, sources: Sequence[Source], folder: Path
) -> tuple[DataFile, ...]:
    """Every file of a setting, hashed; what queries give is written to ``folder`` as CSV.

    Raises
    ------
    ConfigError
        If a source means no file, or a query fails.
    """
    found = [DataFile.of(path) for path in listed(config, key, sources)]
    queries = [source for source in sources if isinstance(source, Query)]
    for number, query in enumerate(queries, start=1):
        path = folder / f"{key}-query-{number:02d}.csv"
        try:
            _write_answer(query, path)
        except EdgeGuardError as error:
            raise config.fault(key, str(error)) from error
        found.append(DataFile.of(path, folder))
    return tuple(found)


def gathered_feedback(
    config: PipelineConfig, judged: Sequence[DataFile], folder: Path
) -> tuple[DataFile, ...]:
    """The verdicts of a config, copied to ``folder``: what a run did stays with it.

    Raises
    ------
    ConfigError
        If one cannot be read, or is about none of the files of the run.
    """
    paths = listed(config, FEEDBACK, config.feedback.files)
    known = {file.sha256 for file in judged}
    found = []
    for number, path in enumerate(paths, start=1):
        try:
            said = read_feedback(path)
        except SourceError as error:
            raise config.fault(FEEDBACK, str(error)) from error
        if said.sha256 not in known:
            raise config.fault(
                FEEDBACK,
                f"{path} judges {said.judged} (SHA-256 {said.sha256[:12]}…), which is none of the "
                f"{len(judged)} files under data and evaluation; name that file there, as it was "
                "judged, or leave the feedback out.",
            )
        copy = folder / f"feedback-{number:02d}{ENDING}"
        write_feedback(copy, said)
        found.append(DataFile.of(copy, folder))
    return tuple(found)


def _write_answer(query: Query, path: Path) -> None:
    """The rows of a query as CSV, in bounded memory; the database is only read."""
    try:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise SourceError(
            "a query needs the package sqlalchemy; install edgeguard[store]."
        ) from error
    from edgeguard_core.outputs.store_engine import open_engine, parse_url, shown

    url = parse_url(_filled(query.url))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise SourceError(f"there is no database at {url.database}; check the path.")
    engine = open_engine(url, read_only=True)
    try:
        with engine.connect() as connection, path.open("w", newline="", encoding="utf-8") as out:
            if url.get_backend_name() == "postgresql":
                connection.execute(text("SET TRANSACTION READ ONLY"))
                connection.execute(text(f"SET LOCAL statement_timeout = '{_LONGEST_MINUTES}min'"))
            rows = connection.execution_options(yield_per=_ROWS_A_FETCH).execute(text(query.sql))
            writer = csv.writer(out)
            writer.writerow(rows.keys())
            for row in rows:
                writer.writerow(["" if value is None else value for value in row])
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        raise SourceError(
            f"the query to {shown(url)} failed ({reason}); check sql and url."
        ) from error
    finally:
        engine.dispose()


def _filled(url: str) -> str:
    """An address with the variables of the environment in it."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise SourceError(f"the environment has no {name}, which url names; set it.")
        is_password = url.startswith("@", match.end())  # may hold what ends one in an address
        return quote(os.environ[name], safe="") if is_password else os.environ[name]

    return _VARIABLE.sub(value, url)
