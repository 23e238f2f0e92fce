"""A bundle that is asked for by a name, such as ``models@champion``, while the watch runs.

What the name stands for is looked up once a second at most, and only where the registry has
changed. A bundle that it stands for newly is tried in a child process and loaded in the
background, so that no flow waits for it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgeguard_core.bundle import Bundle, StateFolder, TrustedKeys
from edgeguard_core.bundle.files import GOLDEN
from edgeguard_core.bundle.probe import probe_model
from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.proving import prove_in_child
from edgeguard_core.watch.update import Update


class Named(Protocol):
    """A version that a name stands for: ``pipeline.registry_version.Version`` is one."""

    @property
    def number(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def bundle_path(self) -> Path: ...


@dataclass(frozen=True)
class Found:
    """What a name stands for now; ``bundle`` is None where it is nothing any more."""

    title: str
    bundle: Bundle | None


def tried_in_child(path: Path, keys: TrustedKeys | None) -> Bundle:
    """The bundle, once a child process has shown that its model does not crash here.

    One with golden vectors must answer them, too; a registered one seldom has any.

    Raises
    ------
    BundleError
        If it is damaged, not signed as demanded, or the child refuses it or crashes.
    """
    bundle = Bundle.load(path, require_signature=keys)
    if GOLDEN in bundle.files:
        if prove_in_child(path, keys).sums_sha256 != bundle.sums_sha256:
            raise BundleError(f"{path} was changed while it was proved: look at what writes there.")
    else:
        probe_model(bundle.model, bundle.preprocessor, path)
    return bundle


class Alias:
    """Looks what a name stands for.

    Parameters
    ----------
    title
        As a person wrote it.
    find
        What it stands for now; a path where no registry stands behind it, None for nothing.
    stamp
        Changes whenever ``find`` may answer something else.
    keys
        Public keys, one of which must have signed the bundle; None demands no signature.
    in_use
        Hash of the ``SHA256SUMS`` of the bundle that runs already.
    tried
        How a bundle is loaded once it has shown that it runs.
    """

    def __init__(
        self,
        title: str,
        find: Callable[[], Named | Path | None],
        stamp: Callable[[], Any],
        *,
        keys: TrustedKeys | None = None,
        in_use: str | None = None,
        tried: Callable[[Path, TrustedKeys | None], Bundle] = tried_in_child,
    ) -> None:
        self.title, self.in_use = title, in_use
        self.problem: str | None = None
        """Why what the name stands for is not used, a sentence; None where it is."""
        self._find, self._stamp, self._keys, self._tried = find, stamp, keys, tried
        self._seen: Any = object()  # unlike any stamp
        self._refused: str | None = None
        self._looking: threading.Thread | None = None
        self._found: Found | None = None

    def poll(self) -> Found | None:
        """What a look in the background brought, if it is something else; returns at once."""
        if self._looking is not None:
            if self._looking.is_alive():
                return None
            self._looking.join()
            self._looking = None
        if self._found is not None:
            found, self._found = self._found, None
            return found
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._looking = threading.Thread(target=self._look, name=self.title, daemon=True)
            self._looking.start()
        return None

    def look_now(self) -> None:
        """Look, and wait for it; the next ``poll`` gives what it brought."""
        self._seen = self._stamp()
        self._look()

    def close(self, within_s: float = 5.0) -> None:
        """End; a look that is under way is waited for so long."""
        if self._looking is not None:
            self._looking.join(within_s)

    def _look(self) -> None:
        try:
            self._found = self._something_else()
        except (EdgeGuardError, OSError) as error:
            self.problem = f"{self.title} is not followed: {' '.join(str(error).split())}"
        else:
            self.problem = None

    def _something_else(self) -> Found | None:
        named = self._find()
        if named is None:
            if self.in_use is None:
                return None
            self.in_use = None
            return Found(self.title, None)
        path = named if isinstance(named, Path) else named.bundle_path
        wanted = None if isinstance(named, Path) else named.fingerprint
        if wanted is not None and wanted in (self.in_use, self._refused):
            return None
        self._refused = wanted  # unless all goes well
        bundle = self._tried(path, self._keys)
        if wanted not in (None, bundle.sums_sha256):
            raise BundleError(f"{path} is another bundle than was registered: put that one back.")
        self._refused, self.in_use = None, bundle.sums_sha256
        version = "" if isinstance(named, Path) else f" (version {named.number:04d})"
        return Found(f"{self.title}{version}", bundle)

    def give_up(self, before: str | None) -> None:
        """Do not try this one again; what runs is the one ``before``."""
        self._refused, self.in_use = self.in_use, before


class Promotions:
    """The champion that a running watch follows; ``Following`` takes up what it brings.

    Parameters
    ----------
    state
        Folder of local thresholds; None: of each version its own, beside it. One that was set
        for another version does not count for it.
    """

    kind, reason = Kind.AUDIT, "promotion"

    def __init__(self, alias: Alias, running: str, state: Path | None) -> None:
        self._alias, self._state = alias, state
        self._running = self._before = (alias.in_use, running)

    @property
    def problem(self) -> str | None:
        """The sentence for why a promotion is not followed."""
        return self._alias.problem

    def poll(self) -> Update | None:
        """A version that was promoted, or gone back to; returns at once."""
        found = self._alias.poll()
        if found is None or found.bundle is None:
            return None
        self._before = self._running
        self._running = (found.bundle.sums_sha256, found.title)
        return Update(
            id=found.title,
            bundle=found.bundle,
            previous_id=self._before[1],
            serial=None,
            told=(),
            state=StateFolder.of(found.bundle, self._state),
        )

    def roll_back(self, why: str) -> None:
        """The version that came last cannot be used: the one before runs on."""
        self._alias.give_up(self._before[0])
        self._running = self._before

    def close(self) -> None:
        """End."""
        self._alias.close()
