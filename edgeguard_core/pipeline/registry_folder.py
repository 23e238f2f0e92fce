"""A registry on disk: one file that decides, a history beside it, and one writer at a time.

::

    models/
    ├── registry.json    aliases and versions; the rename that puts it in place is the step itself
    ├── history.jsonl    one line a step, only ever added to
    ├── registry.lock    held by the one that writes
    └── versions/0001/   a version; what registry.json does not name is not there for a reader

``registry.json`` holds the latest step, too. So a crash between the rename and the line in the
history loses nothing: the next writer adds the line, and takes away what the last one left.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.clock import Clock
from edgeguard_core.errors import EdgeGuardError, OutputError, RegistryError
from edgeguard_core.files import write_whole
from edgeguard_core.pipeline.file_lock import take_within
from edgeguard_core.pipeline.registry_state import Event, RegistryState

STATE: Final = "registry.json"
HISTORY: Final = "history.jsonl"
LOCK: Final = "registry.lock"
VERSIONS: Final = "versions"
_VERSION_NAME: Final = re.compile(r"\d{4,9}")
_FROM_A_BACKUP: Final = "put the whole folder of one backup back"


@dataclass(frozen=True)
class RegistryFolder:
    """The folder and what may be done with its files."""

    path: Path

    def version_folder(self, number: int) -> Path:
        """Where a version lies."""
        return self.path / VERSIONS / f"{number:04d}"

    def state(self) -> RegistryState:
        """What the registry holds; nothing where the folder holds no registry yet.

        Raises
        ------
        RegistryError
            If there is no folder, or its ``registry.json`` is missing or damaged.
        """
        # Looked at first: the history begins only after registry.json is there.
        has_history = (self.path / HISTORY).exists()
        try:
            content = (self.path / STATE).read_bytes()
        except FileNotFoundError as error:
            if not self.path.is_dir():
                raise RegistryError(
                    f"There is no registry at {self.path}; edgeguard models register BUNDLE "
                    "--registry FOLDER makes one."
                ) from error
            if has_history:
                raise self._damaged(f"{STATE} is missing") from error
            return RegistryState()
        except OSError as error:
            raise RegistryError(
                f"Registry {self.path} cannot be read ({error.strerror}); check the path and its "
                "permissions."
            ) from error
        try:
            return RegistryState.from_json(strict_json.load(content))
        except ValueError as error:
            raise self._damaged(f"{STATE}: {error}") from error

    def history(self) -> list[Event]:
        """Every step so far, the oldest first.

        Raises
        ------
        RegistryError
            If the registry or a line of its history is damaged.
        """
        state = self.state()
        events, _ = self._told()
        behind = state.sequence - (events[-1].sequence if events else 0)
        if behind > 1:
            raise self._damaged(f"{HISTORY} lacks {behind} steps")
        return [*events, state.last] if behind == 1 and state.last is not None else events

    @contextmanager
    def writing(
        self, clock: Clock, wait_s: float, *, make: bool = False
    ) -> Iterator[RegistryState]:
        """The state, with nobody else writing until the block ends; ``commit`` changes it.

        What a crashed writer left is taken away before, and what a failing block leaves after.

        Raises
        ------
        OutputError
            If the folder cannot be written, or another writes for longer than ``wait_s``.
        RegistryError
            If the registry is damaged; with ``make`` False also if there is none.
        """
        if make:
            try:
                (self.path / VERSIONS).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise self._cannot_write(error) from error
        elif not self.path.is_dir():
            self.state()  # raises
        with self._locked(clock, wait_s):
            state = self.state()
            self._mend(state)
            try:
                yield state
            except BaseException:
                with suppress(EdgeGuardError, OSError):
                    self._mend(self.state())
                raise

    def commit(self, state: RegistryState) -> None:
        """Make this the state, whole or not at all. Only within ``writing``.

        Raises
        ------
        OutputError
            If the disk is full or fails; then nothing has changed.
        """
        write_whole(self.path / STATE, strict_json.dump(state.to_json()))
        with suppress(OSError):  # done is done: registry.json tells the step until there is room
            self._add(state.last)
        self._sweep(state)  # a version that was removed

    @contextmanager
    def _locked(self, clock: Clock, wait_s: float) -> Iterator[None]:
        try:
            guard = take_within(self.path / LOCK, clock, wait_s)
        except OSError as error:
            raise self._cannot_write(error) from error
        if guard is None:
            raise OutputError(
                f"Registry {self.path} is still being written by another process after "
                f"{wait_s:g} s; try again when that has ended."
            )
        try:
            yield
        finally:
            os.close(guard)  # and with it goes the lock, as it does when a process dies

    def _mend(self, state: RegistryState) -> None:
        """Take away what is no part of the registry, and tell the history what it lacks."""
        events, size = self._told()
        behind = state.sequence - (events[-1].sequence if events else 0)
        if behind not in (0, 1):
            raise self._damaged(f"{STATE} and {HISTORY} are not of one time")
        try:
            self._sweep(state)
            if (self.path / HISTORY).exists():
                os.truncate(self.path / HISTORY, size)  # half a line of a crash
            if behind:
                self._add(state.last)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _sweep(self, state: RegistryState) -> None:
        versions = self.path / VERSIONS
        unknown = []
        for item in versions.iterdir() if versions.is_dir() else ():
            number = int(item.name) if _VERSION_NAME.fullmatch(item.name) else None
            if number is not None and number > state.last_number + 1:
                raise self._damaged(f"{STATE} is older than version {number}")
            if item.name.startswith(".") or not (number is None or number in state.versions):
                unknown.append(item)
        for item in unknown:
            shutil.rmtree(item, ignore_errors=True)
        for item in self.path.glob(f".{STATE}.*"):
            with suppress(OSError):
                item.unlink()

    def _told(self) -> tuple[list[Event], int]:
        """The steps in the history, and how many bytes they take; half a line is none."""
        try:
            content = (self.path / HISTORY).read_bytes()
        except FileNotFoundError:
            return [], 0
        except OSError as error:
            raise RegistryError(
                f"{self.path / HISTORY} cannot be read ({error.strerror}); check its permissions."
            ) from error
        size = content.rfind(b"\n") + 1
        events: list[Event] = []
        for number, line in enumerate(content[:size].split(b"\n")[:-1], start=1):
            try:
                event = Event.from_json(strict_json.load(line))
            except ValueError as error:
                raise self._damaged(f"{HISTORY}, line {number}: {error}") from error
            if event.sequence != number:
                raise self._damaged(f"{HISTORY}, line {number} is not step {number}")
            events.append(event)
        return events, size

    def _add(self, event: Event | None) -> None:
        """One line more at the end of the history, safe on disk, or an OSError and none."""
        if event is None:
            return
        line = (json.dumps(event.to_json(), ensure_ascii=False) + "\n").encode()
        path = self.path / HISTORY
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, line) < len(line):
                    raise OSError("no room for a whole line")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _damaged(self, what: str) -> RegistryError:
        return RegistryError(f"Registry {self.path} is damaged ({what}): {_FROM_A_BACKUP}.")

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"Cannot write registry {self.path}: {error.strerror or error}; choose a folder that "
            "you may write and that has room."
        )
