"""Deploy: everything that a box needs to run a bundle, in one folder or zip."""

import importlib.resources
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core import __version__
from edgeguard_core.bundle import Bundle, SigningKey
from edgeguard_core.bundle.golden import make_golden
from edgeguard_core.bundle.keys import public_pem
from edgeguard_core.bundle.lean import lean_files
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import OutputError
from edgeguard_core.files import sha256_hex, whole_folder, write_whole
from edgeguard_core.pipeline.box_wheel import build_wheel, wheel_name

LISTS: Final = tuple(
    f"requirements-{name}.txt" for name in ("edge", "capture", "mqtt", "store", "postgres")
)
AS_THEY_ARE: Final = ("install.sh", "edgeguard.yaml", *LISTS)
SUMS: Final = "SHA256SUMS"
PACKAGE_SIGNATURE: Final = "SHA256SUMS.sig"
_PROGRAMS: Final = ("install.sh",)
_KEYS: Final = "/etc/edgeguard/keys"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Deployed:
    """The package for a box; ``bytes`` of all its files, or of the zip."""

    out: Path
    bytes: int
    files: tuple[str, ...]
    key_id: str | None

    def to_json(self) -> dict[str, Any]:
        """The keys of ``deploy --json``."""
        return vars(self) | {"files": list(self.files)}


def deploy_bundle(
    bundle: Bundle,
    out: Path,
    *,
    now: datetime,
    key: SigningKey | None = None,
    keep_rows: bool = False,
    as_zip: bool = False,
    force: bool = False,
) -> Deployed:
    """The package in ``out``, complete or not at all.

    Parameters
    ----------
    key
        Signs the bundle and the package; its public half goes along. The box that is made from
        the package then runs no bundle that this key has not signed.
    keep_rows
        Make golden vectors of held-out rows where the bundle has them; otherwise they are
        synthetic.
    as_zip
        One ``.zip`` in place of a folder.

    Raises
    ------
    OutputError
        If ``out`` exists without ``force``, holds anything but a package, or cannot be written.
    """
    if as_zip and out.suffix != ".zip":
        out = out.with_name(f"{out.name}.zip")
    _check_target(out, force=force)
    files = package_files(bundle, now=now, key=key, keep_rows=keep_rows)
    if out.suffix == ".zip":
        _make_folder(out.parent)
        write_whole(out, _zipped(files))
        size_bytes = out.stat().st_size
    else:
        with whole_folder(out, force=force) as folder:
            for name, content in files.items():
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o755 if name in _PROGRAMS else 0o644)
        size_bytes = sum(map(len, files.values()))
    return Deployed(out, size_bytes, tuple(sorted(files)), key.key_id if key else None)


def package_files(
    bundle: Bundle, *, now: datetime, key: SigningKey | None, keep_rows: bool = False
) -> dict[str, bytes]:
    """Every file of a package by its name, the sums made last."""
    golden = make_golden(bundle, keep_rows=keep_rows)
    files = {name: _template(name).encode() for name in AS_THEY_ARE}
    files["bundle.zip"] = zip_files(lean_files(bundle, golden, key))
    files[wheel_name()] = build_wheel()
    demand = f"--require-signature {_KEYS} " if key is not None else ""
    files["edgeguard.service"] = _filled("edgeguard.service", {"SIGNATURE": demand})
    files["README.md"] = _filled("README.md", _facts(bundle, now, key))
    if key is not None:
        files[f"keys/{key.key_id}.pub"] = public_pem(key.public)
    sums = "".join(f"{sha256_hex(files[name])}  {name}\n" for name in sorted(files))
    files[SUMS] = sums.encode()
    if key is not None:
        # Bare, as openssl reads it: a box checks the package before it runs any of it.
        files[PACKAGE_SIGNATURE] = key.sign(files[SUMS])
    return files


def _facts(bundle: Bundle, now: datetime, key: SigningKey | None) -> dict[str, str]:
    return {
        "CREATED": now.astimezone(UTC).date().isoformat(),
        "VERSION": __version__,
        "BUNDLE": bundle.name,
        "MODEL": bundle.model_sha256[:12],
        "VARIANT": bundle.variant,
        "SIGNED": f"signed by key `{key.key_id}`" if key else "not signed",
        "WHEEL": wheel_name(),
    }


def _template(name: str) -> str:
    return (importlib.resources.files("edgeguard_core.pipeline") / "box" / name).read_text("utf-8")


def _filled(name: str, values: Mapping[str, str]) -> bytes:
    text = _template(name)
    for word, value in values.items():
        text = text.replace(f"@{word}@", value)
    return text.encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip that unpacks to a folder's content, the installer executable."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name in _PROGRAMS else 0o100644) << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def _check_target(out: Path, *, force: bool) -> None:
    """Refuse to replace anything but a package, before any work."""
    if not out.exists() and not out.is_symlink():
        return
    if not force:
        raise OutputError(f"{out} exists already; choose another --out or add --force.")
    if out.is_file() and not out.is_symlink():
        try:
            with zipfile.ZipFile(out) as archive:
                mine = "install.sh" in archive.namelist()
        except (OSError, zipfile.BadZipFile):
            mine = False
    else:
        there = set() if out.is_symlink() or not out.is_dir() else {p.name for p in out.iterdir()}
        mine = out.is_dir() and (not there or {"install.sh", "bundle.zip", SUMS} <= there)
    if not mine:
        raise OutputError(
            f"{out} is no package of edgeguard deploy, which is all that --force replaces; choose "
            "another --out."
        )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}; choose another --out."
        ) from error
