"""Bundles that a watch is given by name: what they are, and what follows them while it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeguard_core.errors import OutputError

if TYPE_CHECKING:
    from edgeguard_core.bundle import Bundle, TrustedKeys
    from edgeguard_core.pipeline import registry
    from edgeguard_core.watch.aliases import Promotions
    from edgeguard_core.watch.settings import BoxSettings
    from edgeguard_core.watch.shadowing import ShadowFollowing


class Bundles:
    """The bundle and the shadow of a watch, as its settings name them.

    Raises
    ------
    RegistryError
        If the bundle is a version that there is not.
    """

    def __init__(self, settings: "BoxSettings") -> None:
        from edgeguard_core.pipeline.registry import Alias, bundle_at

        assert settings.bundle is not None
        self._settings, self._title = settings, str(settings.bundle)
        self._alias = Alias.of(settings.bundle)
        self.path = bundle_at(settings.bundle)
        """Where the bundle lies."""

    def place(self, state: Path, *, follows: bool) -> Path:
        """Where the watch keeps its place in the source and its spool.

        Of an alias that it follows this is a folder of the registry, so that both outlive a
        promotion; what an earlier watch kept beside the version moves there.

        Parameters
        ----------
        state
            The state folder of the version.
        """
        from edgeguard_core.watch.checkpoint import FOLDER

        if self._alias is None or self._settings.state is not None or not follows:
            return state
        place, before = self._alias.state, state / FOLDER
        if before.is_dir() and not (place / FOLDER).exists():
            try:
                place.mkdir(parents=True, exist_ok=True)
                before.rename(place / FOLDER)
            except OSError as error:
                raise OutputError(
                    f"Cannot move {before} to {place} ({error.strerror}): make it writable, or "
                    "name a folder with --state."
                ) from error
        return place

    def promotions(self, running: "Bundle") -> "Promotions | None":
        """What brings another version once one is promoted; None of a path or a number."""
        from edgeguard_core.watch.aliases import Alias, Promotions

        if self._alias is None:
            return None
        found = Alias(
            self._title, self._alias.find, self._stamp(self._alias), keys=self._keys(),
            in_use=running.sums_sha256,
        )  # fmt: skip
        number = next(
            (n for n, known in self._alias.registry.state().versions.items()
             if known == running.sums_sha256), 0,
        )  # fmt: skip
        title = f"{self._title} (version {number:04d})"
        return Promotions(found, title, self._settings.state)

    def shadow(self) -> "ShadowFollowing | None":
        """What scores beside the bundle, looked up already; None where none is asked for."""
        name = self._settings.shadow
        if name is None:
            return None
        from edgeguard_core.pipeline import registry
        from edgeguard_core.watch.aliases import Alias
        from edgeguard_core.watch.shadowing import ShadowFollowing

        alias = registry.Alias.of(name)
        find = alias.find if alias is not None else lambda: registry.bundle_at(name)
        stamp = self._stamp(alias) if alias is not None else lambda: None
        found = Alias(str(name), find, stamp, keys=self._keys())
        found.look_now()
        return ShadowFollowing(found, self._settings.state)

    @staticmethod
    def _stamp(alias: "registry.Alias") -> "Callable[[], Any]":
        return lambda: alias.stamp

    def _keys(self) -> "TrustedKeys | None":
        from edgeguard_core.bundle import TrustedKeys

        named = self._settings.require_signature
        return None if named is None else TrustedKeys.of(named)
