"""The files of a bundle: read within bounds, and held against ``SHA256SUMS``.

Everything is read once, into memory, and what is hashed is what is later used: a file that
changes on disk between check and use changes nothing.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgeguard_core.bundle.zips import SAFE_NAME, unzip_files
from edgeguard_core.errors import BundleError
from edgeguard_core.files import sha256_hex

MANIFEST: Final = "manifest.json"
MODEL: Final = "model.tflite"
SCHEMA: Final = "schema.yaml"
THRESHOLD: Final = "threshold.json"
CALIBRATION: Final = "calibration.npz"
CARD: Final = "card.md"
SUMS: Final = "SHA256SUMS"
WEIGHTS: Final = "weights.npz"
PARITY: Final = "parity.npz"
GOLDEN: Final = "golden.npz"
PROTOTYPES: Final = "prototypes.npz"
DRIFT: Final = "drift.npz"
SIGNATURE: Final = "SHA256SUMS.sig"
REQUIRED: Final = (MANIFEST, MODEL, SCHEMA, THRESHOLD, CALIBRATION, CARD, SUMS)
OPTIONAL: Final = (WEIGHTS, PARITY, GOLDEN, PROTOTYPES, DRIFT, SIGNATURE)
UNLISTED: Final = (SUMS, SIGNATURE)
"""What ``SHA256SUMS`` does not list: itself, and the signature made of it afterwards."""

MAX_FILES: Final = 32
MAX_TOTAL_BYTES: Final = 64 << 20
MAX_OTHER_BYTES: Final = 16 << 20
# A float32 model takes 100 KB and a calibration 200 KB: these are hundreds of times that.
MAX_BYTES: Final = {
    MANIFEST: 4 << 20,
    MODEL: 32 << 20,
    SCHEMA: 256 << 10,
    THRESHOLD: 64 << 10,
    CALIBRATION: 16 << 20,
    CARD: 256 << 10,
    SUMS: 64 << 10,
    WEIGHTS: 32 << 20,
    PARITY: 32 << 20,
    GOLDEN: 1 << 20,
    PROTOTYPES: 1 << 20,
    DRIFT: 1 << 20,
    SIGNATURE: 4 << 10,
}
_COPY_AGAIN: Final = "copy the whole bundle again from where it was made"
_SHA256_DIGITS: Final = 64


@dataclass(frozen=True)
class Problem:
    """One file that is not as ``SHA256SUMS`` says: ``kind`` is changed, missing or added."""

    file: str
    kind: str

    def sentence(self, bundle: str) -> str:
        """What is wrong with which file of which bundle, and what to do."""
        if self.kind == "changed":
            wrong = f"is not as it was saved (its sha256 differs from {SUMS})"
        elif self.kind == "missing":
            wrong = f"is missing although {SUMS} lists it"
        else:
            return (
                f"{self.file} was added to bundle {bundle} ({SUMS} does not list it): remove it, "
                "a bundle holds only the files it was saved with."
            )
        return f"{self.file} of bundle {bundle} {wrong}: {_COPY_AGAIN}."


def read_bundle_files(path: Path) -> dict[str, bytes]:
    """The files of a bundle by name, from a folder or a ``.zip``.

    Raises
    ------
    BundleError
        If there is nothing at ``path``, it is neither folder nor zip, or it holds too many or
        too large files, folders, links, or names that leave the folder.
    """
    kind = _kind(path)
    if kind is None:
        raise BundleError(
            f"There is no bundle at {path}; give the folder or .zip that edgeguard train wrote."
        )
    files = _read_folder(path) if stat.S_ISDIR(kind) else _read_zip(path, kind)
    if MANIFEST not in files:
        raise BundleError(
            f"{path} is not a bundle: it has no {MANIFEST}; give the folder or .zip that "
            "edgeguard train wrote."
        )
    return files


def sums_of(files: Mapping[str, bytes]) -> bytes:
    """The content of ``SHA256SUMS`` for the files, as ``sha256sum -c`` reads it.

    >>> sums_of({"card.md": b""})[:12]
    b'e3b0c44298fc'
    """
    lines = (
        f"{sha256_hex(files[name])}  {name}\n" for name in sorted(files) if name not in UNLISTED
    )
    return "".join(lines).encode()


def find_problems(files: Mapping[str, bytes], path: Path) -> tuple[Problem, ...]:
    """Every changed, missing or added file, in order of name; empty for an intact bundle.

    Raises
    ------
    BundleError
        If ``SHA256SUMS`` is missing or no list of sums: nothing can be said about any file then.
    """
    if SUMS not in files:
        raise BundleError(f"{SUMS} of bundle {path} is missing: {_COPY_AGAIN}.")
    listed = _parse_sums(files[SUMS], path)
    present = {n: sha256_hex(content) for n, content in files.items() if n not in UNLISTED}
    kinds: dict[str, str] = {}
    for name in listed.keys() | present.keys():
        if name not in present:
            kinds[name] = "missing"
        elif name not in listed:
            kinds[name] = "added"
        elif listed[name] != present[name]:
            kinds[name] = "changed"
    return tuple(Problem(name, kinds[name]) for name in sorted(kinds))


def _parse_sums(content: bytes, path: Path) -> dict[str, str]:
    """Name → digest. Strict to the last byte: this file is the one that nothing else covers."""
    listed: dict[str, str] = {}
    *lines, rest = content.decode("ascii", errors="replace").split("\n")
    for line in lines:
        digest, _, name = line.partition("  ")
        hexadecimal = len(digest) == _SHA256_DIGITS and set(digest) <= set("0123456789abcdef")
        if not hexadecimal or not SAFE_NAME.fullmatch(name) or name in listed:
            raise _damaged_sums(path, len(listed) + 1)
        listed[name] = digest
    if rest:
        raise _damaged_sums(path, len(listed) + 1)
    return listed


def _damaged_sums(path: Path, line: int) -> BundleError:
    return BundleError(f"{SUMS} of bundle {path} is damaged (line {line}): {_COPY_AGAIN}.")


def _kind(path: Path) -> int | None:
    """Type bits of what is at the path; None where nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise BundleError(
            f"Bundle {path} cannot be read ({_reason(error)}): check the path and its permissions."
        ) from error


def _limit_of(name: str) -> int:
    return MAX_BYTES.get(name, MAX_OTHER_BYTES)


def _read_zip(path: Path, kind: int) -> dict[str, bytes]:
    try:
        if not stat.S_ISREG(kind):  # opening a pipe would wait for a writer
            raise ValueError("it is neither a folder nor a file")
        with path.open("rb") as stream:
            content = stream.read(MAX_TOTAL_BYTES + 1)
        if len(content) > MAX_TOTAL_BYTES:
            raise ValueError(f"it is larger than {MAX_TOTAL_BYTES >> 20} MB")
        files = unzip_files(content, max_entries=MAX_FILES, limit_of=_limit_of)
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path} is not a bundle: {_reason(error)}; give the folder or .zip that edgeguard "
            "train wrote."
        ) from error
    _check_total(files, path)
    return files


def _read_folder(path: Path) -> dict[str, bytes]:
    try:
        names = sorted(entry.name for entry in os.scandir(path))
        if len(names) > MAX_FILES and MANIFEST in names:
            raise BundleError(
                f"Bundle {path} holds {len(names)} files, more than {MAX_FILES}: {_COPY_AGAIN}."
            )
        if MANIFEST not in names:
            return {}
        files: dict[str, bytes] = {}
        for name in names:
            files[name] = _read_file(path / name, path)
            _check_total(files, path)
        return files
    except OSError as error:
        raise BundleError(
            f"Bundle {path} cannot be read ({_reason(error)}): check its permissions."
        ) from error


def _read_file(file: Path, bundle: Path) -> bytes:
    """The bytes of a plain file; a link is refused, also one put there after the listing."""
    if not stat.S_ISREG(file.lstat().st_mode):
        raise BundleError(
            f"{file.name} in bundle {bundle} is a link or a folder: remove it, a bundle holds "
            "only plain files."
        )
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        limit = _limit_of(file.name)
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise BundleError(
            f"{file.name} of bundle {bundle} is larger than {limit} bytes: {_COPY_AGAIN}."
        )
    return content


def _check_total(files: Mapping[str, bytes], path: Path) -> None:
    if sum(map(len, files.values())) > MAX_TOTAL_BYTES:
        raise BundleError(
            f"Bundle {path} is larger than {MAX_TOTAL_BYTES >> 20} MB in all: {_COPY_AGAIN}."
        )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
