"""Publish: a signed bundle where boxes that update themselves look for it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle, SigningKey
from edgeguard_core.bundle.files import SUMS
from edgeguard_core.bundle.golden import make_golden
from edgeguard_core.bundle.lean import lean_files
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import OutputError
from edgeguard_core.files import sha256_hex, write_whole
from edgeguard_core.watch.update_index import INDEX, UpdateIndex, serial_in

KEPT: Final = 3
"""Bundles that stay beside the index: a box that is just fetching the one before can finish."""

_ID_CHARACTERS: Final = 12


@dataclass(frozen=True)
class Published:
    """What boxes will find at their next look."""

    bundle: Path
    index: Path
    serial: int
    key_id: str

    def to_json(self) -> dict[str, Any]:
        """The keys of ``bundle publish --json``."""
        return vars(self).copy()


def publish_bundle(
    bundle: Bundle,
    to: Path,
    key: SigningKey,
    *,
    now: datetime,
    allow_older: bool = False,
    keep_rows: bool = False,
) -> Published:
    """The bundle, lean and signed, in the folder, and an index that names it.

    The index is written last: a box never sees it before the bundle it names.

    Parameters
    ----------
    now
        Its seconds become the serial number, unless the index there has a higher one.
    allow_older
        Say in the index that boxes shall take it although theirs is newer.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    files = lean_files(bundle, make_golden(bundle, keep_rows=keep_rows), key)
    content = zip_files(files)
    sums = sha256_hex(files[SUMS])
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {to}: {error.strerror}; choose another --to.") from error
    name = f"bundle-{sums[:_ID_CHARACTERS]}.zip"
    index = UpdateIndex(
        serial=max(int(now.timestamp()), _serial_there(to) + 1),
        file=name,
        size_bytes=len(content),
        sha256=sha256_hex(content),
        sums_sha256=sums,
        created=bundle.manifest.created,
        allow_older=allow_older,
    )
    write_whole(to / name, content)
    write_whole(to / INDEX, index.signed(key))
    _forget_old(to, name)
    return Published(to / name, to / INDEX, index.serial, key.key_id)


def _serial_there(to: Path) -> int:
    try:
        return serial_in((to / INDEX).read_bytes())
    except OSError:
        return 0


def _forget_old(to: Path, newest: str) -> None:
    others = [path for path in to.glob("bundle-*.zip") if path.name != newest]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT - 1 :]:
        path.unlink(missing_ok=True)
