"""The first bundle of a box, put in place by its installer.

``python -m edgeguard_core.watch.installing BUNDLE --folder BUNDLES --keys KEYS``
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from edgeguard_core.bundle import Bundle, TrustedKeys
from edgeguard_core.bundle.files import read_bundle_files
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.files import write_whole
from edgeguard_core.watch.bundle_folder import BundleFolder, bundle_id
from edgeguard_core.watch.proving import Prove, prove_in_child

BAD_INPUT = 2


def install(
    bundle: Path,
    folder: Path,
    keys: TrustedKeys | None,
    when: datetime,
    *,
    force: bool = False,
    prove: Prove = prove_in_child,
) -> Bundle:
    """The bundle in use from now on: the one given, proved here, without a trial.

    One that is in use and was made later stays, for updates may have brought it; ``force``
    replaces it.

    Raises
    ------
    BundleError
        If it is not signed as demanded, is damaged, or does not prove itself here.
    OutputError
        If the folder cannot be written.
    """
    place = BundleFolder(folder)
    place.prepare()
    content = zip_files(read_bundle_files(bundle))
    place.require_room(len(content))
    trying = folder / ".bundle-new.zip"
    write_whole(trying, content)
    try:
        proved = prove(trying, keys)
        loaded = Bundle.load(trying, require_signature=keys)
        if proved.sums_sha256 != loaded.sums_sha256:
            raise BundleError(f"{trying} was changed while it was proved: install it again.")
        if not force and (newer := _newer_in_use(place, loaded, keys)) is not None:
            return newer
        id = bundle_id(loaded.sums_sha256)
        trying.replace(place.file(id))
    finally:
        trying.unlink(missing_ok=True)
    before = place.current_id()
    previous = before if before != id else place.history().previous
    place.switch(id)
    history = replace(place.history(), previous=previous, trial=None)
    place.remember(history.with_event(when, "installed", id, str(bundle)))
    place.tidy([id, previous])
    return place.load(id, keys)


def _newer_in_use(place: BundleFolder, offered: Bundle, keys: TrustedKeys | None) -> Bundle | None:
    """The bundle in use, where it was made later than the one offered and still loads."""
    current = place.current_id()
    if current is None:
        return None
    try:
        mine = place.load(current, keys)
    except BundleError:
        return None  # a damaged one is replaced
    made, in_use = (datetime.fromisoformat(b.manifest.created) for b in (offered, mine))
    return mine if in_use > made else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Install a bundle and say which; exit 2 with one line where it is refused."""
    parser = argparse.ArgumentParser(prog="edgeguard_core.watch.installing", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="bundles of this box")
    parser.add_argument("--keys", type=Path, help="public keys; without, no signature is demanded")
    parser.add_argument("--force", action="store_true", help="also in place of a newer one")
    asked = parser.parse_args(arguments)
    try:
        keys = None if asked.keys is None else TrustedKeys.read(asked.keys)
        bundle = install(asked.bundle, asked.folder, keys, datetime.now(UTC), force=asked.force)
    except EdgeGuardError as error:
        print(f"edgeguard: {error}", file=sys.stderr)
        return BAD_INPUT
    signer = (
        f"signed by key {bundle.verified_by}" if bundle.verified_by else "no signature demanded"
    )
    print(f"bundle {bundle_id(bundle.sums_sha256)} is in use and answers as it should; {signer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
