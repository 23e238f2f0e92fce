"""Kinds of values in a pipeline's config, beside those that a box's settings have, too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.schema_file import schema_called
from edgeguard_core.watch.setting_kinds import path, text

_PASSWORD: Final = re.compile(r"://[^/@:\s]*:(?!\$\{)[^/@\s]+@")
_QUERY_KEYS: Final = {"sql", "url"}


@dataclass(frozen=True)
class Query:
    """Flows that a database gives; ``${NAME}`` in the address is a variable of the environment."""

    url: str
    sql: str


Source = Path | Query
"""A file, a folder or a pattern such as ``logs/*.csv``; or a query."""


def sources(value: Any, folder: Path | None) -> tuple[Source, ...]:
    """One source or a list of them."""
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise ValueError("is empty; name a file, a folder, a pattern or a query")
    return tuple(_source(entry, folder) for entry in listed)


def _source(entry: Any, folder: Path | None) -> Source:
    if isinstance(entry, Mapping):
        if set(entry) != _QUERY_KEYS or not all(isinstance(x, str) for x in entry.values()):
            raise ValueError(f"holds {dict(entry)!r}; a query is like {{url: …, sql: SELECT …}}")
        url = entry["url"]
        if _PASSWORD.search(url):
            raise ValueError(
                "holds a password, which the run would keep; write ${NAME} in its place and give "
                "it in the environment"
            )
        return Query(_at_home(url, folder), entry["sql"])
    if not isinstance(entry, str) or not entry.strip():
        raise ValueError(f"holds {entry!r}; name a file, a folder, a pattern or a query")
    found = Path(entry.strip()).expanduser()
    return found if folder is None else folder / found


def mlflow_store(value: Any, folder: Path | None) -> str:
    """A tracking URI of MLflow; the path of an SQLite file starts in the folder of the config."""
    found = text(value, folder)
    if "://" not in found:
        raise ValueError(
            f"must be a tracking URI such as sqlite:///mlflow.db or http://HOST:5000, not {found!r}"
        )
    if _PASSWORD.search(found):
        raise ValueError(
            "holds a password, which the run would keep; give it in the environment, as "
            "MLFLOW_TRACKING_PASSWORD"
        )
    return _at_home(found, folder)


def _at_home(url: str, folder: Path | None) -> str:
    """The address with the path of an SQLite file made one from the root."""
    local = "sqlite:///"
    if folder is None or not url.startswith(local) or url.startswith(local + "/"):
        return url
    return f"{local}{folder / url.removeprefix(local)}"


def schema(value: Any, folder: Path | None) -> str:
    """A shipped schema's name, or the path of one's own YAML file."""
    name = text(value, folder)
    try:
        return schema_called(name, folder)[0]
    except EdgeGuardError as error:
        raise ValueError(f"cannot be used: {str(error).rstrip('.')}") from error


def paths(value: Any, folder: Path | None) -> tuple[Path, ...]:
    """A path or a list of them; relative ones start at the folder of the config."""
    listed = value if isinstance(value, list) else [value]
    return tuple(path(entry, folder) for entry in listed)


def words(value: Any, folder: Path | None) -> tuple[str, ...]:
    """A list of words."""
    listed = value if isinstance(value, list) else [value]
    if any(not isinstance(word, str | int) or isinstance(word, bool) for word in listed):
        raise ValueError(f"must be a list of words, not {value!r}")
    return tuple(str(word) for word in listed)


def flag(value: Any, folder: Path | None) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value
