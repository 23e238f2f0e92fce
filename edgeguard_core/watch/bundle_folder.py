"""The bundles of a box: one in use, the one before it, and what happened to them.

::

    bundles/
    ├── current -> bundle-5f2a….zip   the one in use; a switch renames a new link over it
    ├── bundle-5f2a….zip
    ├── bundle-91c0….zip              the one before, to go back to
    ├── incoming-….part               a download that is not whole yet
    └── history.json                  trial, refusals and the last fifty events

Every step is one rename, so that a box that loses power has the old bundle or the new one.
"""

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle, TrustedKeys, strict_json
from edgeguard_core.errors import BundleError, OutputError
from edgeguard_core.files import write_whole

CURRENT: Final = "current"
HISTORY: Final = "history.json"
RESERVE_BYTES: Final = 32 << 20
MOST_EVENTS: Final = 50
MOST_REFUSALS: Final = 20
_ID_CHARACTERS: Final = 12
_NAME: Final = re.compile(r"bundle-([0-9a-f]{12})\.zip")
_FORMAT: Final = 1


@dataclass(frozen=True)
class Trial:
    """A bundle that has not yet run long enough to be kept.

    ``starts`` counts how often the watch began anew meanwhile: one that crashes comes back.
    """

    id: str
    since: str
    starts: int = 0


@dataclass(frozen=True)
class History:
    """What a box remembers about its bundles.

    Attributes
    ----------
    serial
        Highest serial number of an index that was followed.
    refused
        Why a publication is not tried again, by its serial and the bundle it names.
    events
        The last ones, oldest first: ``when``, ``what``, ``id``, ``why``.
    """

    serial: int = 0
    previous: str | None = None
    trial: Trial | None = None
    refused: dict[str, str] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The history as plain JSON values."""
        return {
            "format": _FORMAT,
            "serial": self.serial,
            "previous": self.previous,
            "trial": None if self.trial is None else vars(self.trial).copy(),
            "refused": self.refused,
            "events": list(self.events),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "History":
        """What ``to_json`` gave.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is anything else.
        """
        if document["format"] != _FORMAT:
            raise ValueError(f"its format is {document['format']}")
        trial = document["trial"]
        return cls(
            serial=int(document["serial"]),
            previous=document["previous"],
            trial=None if trial is None else Trial(trial["id"], trial["since"], trial["starts"]),
            refused={str(key): str(why) for key, why in document["refused"].items()},
            events=tuple(dict(event) for event in document["events"]),
        )

    def with_event(self, when: datetime, what: str, id: str | None, why: str) -> "History":
        """The history with one more event; the oldest beyond fifty go."""
        event = {
            "when": when.astimezone(UTC).isoformat(timespec="seconds"),
            "what": what,
            "id": id,
            "why": why,
        }
        return replace(self, events=(*self.events, event)[-MOST_EVENTS:])

    def with_refusal(self, key: str, why: str) -> "History":
        """The history that will not try this publication again."""
        kept = dict([*self.refused.items(), (key, why)][-MOST_REFUSALS:])
        return replace(self, refused=kept)


@dataclass(frozen=True)
class BundleFolder:
    """The folder and its few operations."""

    path: Path

    @property
    def current(self) -> Path:
        """The link to the bundle in use: what the watch loads."""
        return self.path / CURRENT

    def current_id(self) -> str | None:
        """Id of the bundle in use; None before the first."""
        try:
            match = _NAME.fullmatch(self.current.readlink().name)
        except OSError:
            return None
        return match[1] if match else None

    def file(self, id: str) -> Path:
        """Where the bundle of an id lies."""
        return self.path / f"bundle-{id}.zip"

    def part(self, sha256: str) -> Path:
        """Where a download lies until it is whole."""
        return self.path / f"incoming-{sha256[:32]}.part"

    def prepare(self) -> None:
        """Make the folder.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot write {self.path}: {error.strerror}; give the box a folder for its "
                "bundles that it may write."
            ) from error

    def require_room(self, size_bytes: int) -> None:
        """Nothing, when a bundle of this size leaves the box room for its alerts.

        Raises
        ------
        OutputError
            If it would not.
        """
        free = shutil.disk_usage(self.path).free
        if free < size_bytes + RESERVE_BYTES:
            raise OutputError(
                f"{self.path} has {free >> 20} MB free, and a bundle of {size_bytes >> 10} kB "
                f"shall leave {RESERVE_BYTES >> 20} MB: make room."
            )

    def load(self, id: str, trusted: TrustedKeys | None) -> Bundle:
        """The bundle of an id, verified.

        Raises
        ------
        BundleError
            If it is not there, damaged, or not signed as demanded.
        """
        bundle = Bundle.load(self.file(id), require_signature=trusted)
        if bundle_id(bundle.sums_sha256) != id:
            raise BundleError(f"{self.file(id)} is another bundle than its name says: remove it.")
        return bundle

    def switch(self, id: str | None) -> None:
        """Put a bundle in use: one rename of a link. None: no longer any of these.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        link = self.path / f".{CURRENT}.new"
        try:
            link.unlink(missing_ok=True)
            if id is None:
                self.current.unlink(missing_ok=True)
            else:
                link.symlink_to(self.file(id).name)
                link.replace(self.current)
            _sync_folder(self.path)
        except OSError as error:
            raise OutputError(
                f"Cannot switch to bundle {id} in {self.path}: {error.strerror}; make it writable "
                "and free some room."
            ) from error

    def history(self) -> History:
        """What is remembered; nothing where the file is absent or damaged.

        Then an old index could be followed again, so the bundle's own date guards alone.
        """
        try:
            return History.from_json(strict_json.load((self.path / HISTORY).read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return History()

    def remember(self, history: History) -> None:
        """Write the history, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        write_whole(self.path / HISTORY, strict_json.dump(history.to_json()))

    def tidy(self, keep: Iterable[str | None], part: Path | None = None) -> None:
        """Remove every bundle but those to keep, and every download but one."""
        kept = {self.file(id).name for id in keep if id is not None}
        for path in self.path.iterdir():
            unwanted = _NAME.fullmatch(path.name) and path.name not in kept
            if unwanted or (path.suffix == ".part" and path != part):
                with suppress(OSError):
                    path.unlink()
        self.sweep()

    def sweep(self) -> None:
        """Remove what a write that lost power left half made."""
        for path in self.path.iterdir():
            if path.name.startswith((f".{HISTORY}.", f".{CURRENT}.", ".bundle-", "..bundle-")):
                with suppress(OSError):
                    path.unlink()


def bundle_id(sums_sha256: str) -> str:
    """How a box calls a bundle: the start of the hash of its ``SHA256SUMS``.

    >>> bundle_id("5f2a" * 16)
    '5f2a5f2a5f2a'
    """
    return sums_sha256[:_ID_CHARACTERS]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
