"""Which store the Live page looks at, and that no password ever leaves this process.

The address and the page know a store by its name without user and password. What belongs to
the name is kept in memory, as long as the server runs.
"""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from edgeguard_core.errors import OutputError, SourceError

DEMO = "demo"
VARIABLE = "EDGEGUARD_STORE"
_MOST_KNOWN = 20
_LONGEST = 500

_lock = threading.Lock()
_opened: "OrderedDict[str, str]" = OrderedDict()  # full addresses by their names


@dataclass(frozen=True)
class Source:
    """A store; ``name`` may be shown, ``url`` may hold a password."""

    name: str
    url: str = field(repr=False)

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite."""
        return self.name.startswith("sqlite:")


def read(text: str) -> Source:
    """The store that somebody typed: a path, ``sqlite:///PATH`` or ``postgresql://…``.

    Raises
    ------
    OutputError
        If it cannot be one; no password is repeated.

    Examples
    --------
    >>> read("postgresql://edge:secret@db.example:5433/alerts")
    Source(name='postgresql://db.example:5433/alerts')
    >>> read("/var/lib/edgeguard/alerts.sqlite").name
    'sqlite:////var/lib/edgeguard/alerts.sqlite'
    """
    from edgeguard_core.outputs.store_engine import parse_url, shown

    text = text.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise OutputError("Name a store: a file, or postgresql://USER@HOST/DATABASE.")
    if "://" not in text:
        text = f"sqlite:///{Path(text).expanduser().absolute()}"
    parsed = parse_url(text)
    return Source(shown(parsed), parsed.render_as_string(hide_password=False))


def open_source(text: str) -> Source:
    """The store that somebody typed, remembered under its name.

    Raises
    ------
    OutputError
        If it cannot be one.
    SourceError
        If it is a file that is not there.
    """
    source = read(text)
    if source.is_file and not path_of(source).exists():
        raise SourceError(
            f"There is no store at {path_of(source)}; start a watch that writes to it, or name "
            "another one."
        )
    with _lock:
        _opened[source.name] = source.url
        _opened.move_to_end(source.name)
        while len(_opened) > _MOST_KNOWN:
            _opened.popitem(last=False)
    return source


def path_of(source: Source) -> Path:
    """Where a store that is a file lies."""
    return Path(source.name.removeprefix("sqlite:///"))


def of_server() -> Source | None:
    """The store that the server was started with (``EDGEGUARD_STORE``).

    Raises
    ------
    OutputError
        If that is none.
    """
    text = os.environ.get(VARIABLE, "")
    return read(text) if text.strip() else None


def find(name: str | None) -> Source | None:
    """A store by its name, if this server was told of it before.

    A name alone, as somebody's link may hold, opens nothing: a person must confirm it.
    """
    if not name:
        return None
    given = of_server()
    if given is not None and given.name == name:
        return given
    with _lock:
        url = _opened.get(name)
    return None if url is None else Source(name, url)


def opened() -> list[str]:
    """Names of the stores that were opened here, the latest first."""
    with _lock:
        return list(reversed(_opened))
