"""The registry: trained bundles by version, and which of them is champion, candidate and shadow."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle
from edgeguard_core.clock import Clock, SystemClock
from edgeguard_core.errors import RegistryError
from edgeguard_core.pipeline.account import account_name
from edgeguard_core.pipeline.registry_folder import STATE, RegistryFolder
from edgeguard_core.pipeline.registry_state import (
    ALIASES,
    CANDIDATE,
    CHAMPION,
    SHADOW,
    Event,
    RegistryState,
    Said,
)
from edgeguard_core.pipeline.registry_version import Version, read_version, write_version

DEFAULT_FOLDER: Final = Path("models")
WAIT_S: Final = 30.0
"""How long a writer waits for another one to end."""


class Registry:
    """The versions in one folder, which need not exist before the first ``register``.

    Any number of processes may read while one writes; a second writer waits. Each step is there
    whole or not at all, whatever crashes and whenever.

    Parameters
    ----------
    folder
        May hold other things, too, such as the shipped ``models/demo``.
    wait_s
        How long to wait for another writer, in seconds.

    Examples
    --------
    >>> import tempfile
    >>> from edgeguard_core.pipeline.demo import shipped
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Registry(folder)
    ...     version = registry.register(shipped().bundle, run_id="monday", who="ann")
    ...     again = registry.register(shipped().bundle, who="bob")
    ...     _ = registry.promote("candidate", why="the first one", who="ann")
    ...     version == again, registry.champion().number, registry.candidate()
    (True, 1, None)
    """

    def __init__(
        self, folder: Path | str = DEFAULT_FOLDER, *, clock: Clock | None = None,
        wait_s: float = WAIT_S,
    ) -> None:  # fmt: skip
        self.folder = Path(folder)
        self._disk = RegistryFolder(self.folder)
        self._clock = clock or SystemClock()
        self._wait_s = wait_s

    # Reading: no lock, never half a step.

    def state(self) -> RegistryState:
        """Aliases and versions of one moment.

        Raises
        ------
        RegistryError
            If there is no such folder, or the registry in it is damaged.
        """
        return self._disk.state()

    def versions(self) -> list[Version]:
        """Every version, the oldest first.

        Raises
        ------
        RegistryError
            As ``state``, or if a version is damaged.
        """
        return self._seen(lambda state: state.versions)

    def version(self, name: str | int) -> Version:
        """A version, by its number or by an alias.

        Raises
        ------
        RegistryError
            If there is none such.
        """
        return self._seen(lambda state: [state.find(name)])[0]

    def champion(self) -> Version | None:
        """The version that shall be in use; None before the first promotion."""
        return self._alias(CHAMPION)

    def candidate(self) -> Version | None:
        """The latest version registered and not yet promoted."""
        return self._alias(CANDIDATE)

    def shadow(self) -> Version | None:
        """The version that is tried beside the champion."""
        return self._alias(SHADOW)

    def history(self) -> list[Event]:
        """Every step so far, the oldest first.

        Raises
        ------
        RegistryError
            If the registry or its history is damaged.
        """
        return self._disk.history()

    # Writing: one at a time.

    def register(
        self,
        bundle: Path | str,
        *,
        metrics: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        note: str = "",
        who: str | None = None,
    ) -> Version:
        """A version that holds a copy of the bundle, and is the candidate from now on.

        A bundle that is registered already gives the version it has, and nothing changes.

        Parameters
        ----------
        bundle
            Its folder or ``.zip``; it is verified before anything is written.
        metrics
            JSON values; those of the bundle's manifest without.
        who
            The account of this process without.

        Raises
        ------
        BundleError
            If it is no bundle or a damaged one.
        OutputError
            If the disk is full, the folder cannot be written, or another writes for too long.
        """
        loaded = Bundle.load(bundle)
        said = self._said(note, who)
        with self._disk.writing(self._clock, self._wait_s, make=True) as state:
            known = state.numbered(loaded.sums_sha256)
            if known is not None:
                return self._read(state, known)
            after = state.registered(loaded.sums_sha256, said)
            number = after.last_number
            version = Version.of(
                loaded,
                folder=self._disk.version_folder(number),
                number=number,
                registered=said.when.astimezone(UTC).isoformat(timespec="seconds"),
                who=said.who,
                run_id=run_id,
                note=said.why,
                metrics=metrics,
            )
            write_version(version, loaded)
            self._disk.commit(after)
            return version

    def promote(self, name: str | int, *, why: str, who: str | None = None) -> Version:
        """The version, champion from now on; the one before it stays and can be gone back to.

        Raises
        ------
        RegistryError
            If there is no such version, nobody said why, or its bundle is not the registered one.
        OutputError
            If it cannot be written.
        """
        said = self._said(why, who)
        with self._step() as (state, commit):
            number = state.find(name)
            version = self._read(state, number)
            version.load()  # nobody shall lead who cannot be loaded
            commit(state.promoted(number, said))
            return version

    def rollback(self, *, why: str, who: str | None = None) -> Version:
        """The champion before the present one, champion again.

        Again and again it walks back through the champions that were. What was rolled back from
        is not gone back to, also not after a later promotion: only promoting it brings it back.

        Raises
        ------
        RegistryError
            If there is no champion before, or nobody said why.
        OutputError
            If it cannot be written.
        """
        said = self._said(why, who)
        with self._step() as (state, commit):
            after = state.rolled_back(said)
            version = self._read(after, after.aliases[CHAMPION])
            version.load()
            commit(after)
            return version

    def set_shadow(
        self, name: str | int | None, *, why: str = "", who: str | None = None
    ) -> Version | None:
        """The version that is tried beside the champion from now on; None ends that.

        Raises
        ------
        RegistryError
            If there is no such version, or it is the champion.
        OutputError
            If it cannot be written.
        """
        said = self._said(why, who)
        with self._step() as (state, commit):
            number = None if name is None else state.find(name)
            commit(state.shadowed(number, said))
            return None if number is None else self._read(state, number)

    def remove(self, name: str | int, *, why: str = "", who: str | None = None) -> Version:
        """The version that was there, with the thresholds made for it on the spot.

        Raises
        ------
        RegistryError
            If there is no such version, or an alias stands for it.
        OutputError
            If it cannot be written.
        """
        said = self._said(why, who)
        with self._step() as (state, commit):
            number = state.find(name)
            version = self._read(state, number)
            commit(state.removed(number, said))
        return version

    def _said(self, why: str, who: str | None) -> Said:
        return Said(who or account_name(), self._clock.now(), why)

    @contextmanager
    def _step(self) -> Iterator[tuple[RegistryState, Callable[[RegistryState], None]]]:
        """The state, and how to change it; a step that changes nothing writes nothing."""
        with self._disk.writing(self._clock, self._wait_s) as state:
            yield state, lambda after: self._disk.commit(after) if after != state else None

    def _alias(self, alias: str) -> Version | None:
        def choose(state: RegistryState) -> list[int]:
            return [state.aliases[alias]] if alias in state.aliases else []

        return next(iter(self._seen(choose)), None)

    def _seen(self, choose: Callable[[RegistryState], Iterable[int]]) -> list[Version]:
        """Some versions of one moment, read again where another process removed one meanwhile."""
        while True:
            state = self.state()
            try:
                return [self._read(state, number) for number in choose(state)]
            except RegistryError:
                if self.state() == state:
                    raise

    def _read(self, state: RegistryState, number: int) -> Version:
        folder = self._disk.version_folder(number)
        return read_version(folder, number, state.versions[number])


def bundle_at(name: Path | str) -> Path:
    """The bundle's path that a person means by ``office.bundle`` or by ``models@champion``.

    Behind the ``@`` stands an alias or a number. What lies at such a path itself comes first.

    Raises
    ------
    RegistryError
        If there is no such registry or version, or its bundle is not the registered one.

    Examples
    --------
    >>> bundle_at("office.bundle").name
    'office.bundle'
    """
    parts = _parts(name)
    if parts is None:
        return Path(name)
    found = Registry(parts[0]).version(parts[1])
    found.require_same()
    return found.bundle_path


@dataclass(frozen=True)
class Alias:
    """An alias of a registry as a person writes it, ``models@champion``."""

    registry: Registry
    name: str

    @classmethod
    def of(cls, name: Path | str) -> "Alias | None":
        """The alias; None for a path, and for the number of a version, which never changes.

        >>> Alias.of("models@champion").name, Alias.of("models@2"), Alias.of("office.bundle")
        ('champion', None, None)
        """
        parts = _parts(name)
        return cls(Registry(parts[0]), parts[1]) if parts and parts[1] in ALIASES else None

    @property
    def stamp(self) -> tuple[int, int, int] | None:
        """What changes with every step of the registry; None where it cannot be seen."""
        try:
            found = (self.registry.folder / STATE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    @property
    def state(self) -> Path:
        """Where a watch of this alias keeps its place, whatever the alias stands for."""
        return self.registry.folder / f"{self.name}.state"

    def find(self) -> Version | None:
        """The version that it stands for now, known to be the one registered; None for none.

        Raises
        ------
        RegistryError
            If the registry or the version is damaged.
        """
        found = self.registry._alias(self.name)
        if found is not None:
            found.require_same()
        return found


def _parts(name: Path | str) -> tuple[str, str] | None:
    """Registry and version of ``models@2``; None of what is a path."""
    folder, at, version = str(name).rpartition("@")
    if not at or not folder or not version or Path(name).exists():
        return None
    return folder, version
