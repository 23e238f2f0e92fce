"""From the settings of a watch to what keeps its bundle up to date."""

from pathlib import Path

from edgeguard_core.clock import Clock
from edgeguard_core.errors import BundleSignatureError
from edgeguard_core.watch.bundle_folder import CURRENT
from edgeguard_core.watch.updates import EVERY_S, Updater


def updater_for(
    bundle: Path,
    source: Path | str,
    keys: Path | None,
    clock: Clock,
    *,
    state: Path | None = None,
    every_s: float = EVERY_S,
) -> Updater:
    """The updater of a watch, from what its settings say.

    A bundle that is the ``current`` of a box's folder is updated there; beside any other,
    ``BUNDLE.updates`` is made and the bundle itself is never touched.

    Raises
    ------
    BundleSignatureError
        If no keys are named, or they cannot be read.
    SourceError
        If the source is neither a folder nor an http or https URL.
    """
    if keys is None:
        raise BundleSignatureError(
            "Updates are taken only when they are signed: name the public keys with "
            "--require-signature."
        )
    if bundle.name == CURRENT and bundle.is_symlink():
        return Updater(source, keys, bundle.parent, clock, state=state, every_s=every_s)
    folder = bundle.with_name(f"{bundle.name}.updates")
    return Updater(source, keys, folder, clock, first=bundle, state=state, every_s=every_s)
