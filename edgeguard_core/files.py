"""Whole writes: a file or folder is either all there or not there at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeguard_core.errors import OutputError

_HASH_BLOCK_BYTES = 1 << 20


def sha256_hex(content: bytes | Path) -> str:
    """SHA-256 of some bytes, or of a file read in blocks, as 64 hexadecimal digits.

    >>> sha256_hex(b"")[:8]
    'e3b0c442'
    """
    digest = hashlib.sha256()
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as stream:
            while block := stream.read(_HASH_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def write_whole(path: Path, content: bytes | str) -> None:
    """The content in ``path``, complete or not at all.

    Written beside its target, flushed to disk, then renamed over it: a reader never sees
    half a file, and a crash leaves the old one.

    Raises
    ------
    OutputError
        If the folder is missing, not writable, or the disk is full.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path that becomes ``path`` when the block ends without an exception.

    Raises
    ------
    OutputError
        If the target is a folder, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise OutputError(f"Cannot write {path}: it is a folder; name a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        # mkstemp makes files private; a result is as readable as any other new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block ends without an exception.

    With ``force`` an existing folder is replaced, otherwise refused before any work is done.

    Raises
    ------
    OutputError
        If ``path`` exists (and ``force`` is not given) or cannot be written.
    """
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; choose another --out or add --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield temporary
        for item in sorted(temporary.rglob("*")):
            _sync(item)
        temporary.chmod(0o777 & ~_umask())
        _swap(temporary, path, force=force)
        _sync(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary: Path, path: Path, *, force: bool) -> None:
    """Put the new folder in place; the old one goes only once the new one stands."""
    if not path.exists():
        temporary.rename(path)
        return
    if not force:
        raise OutputError(f"{path} was made by somebody else meanwhile; choose another --out.")
    retired = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    path.rename(retired / path.name)
    try:
        temporary.rename(path)
    except OSError:
        (retired / path.name).rename(path)
        raise
    finally:
        shutil.rmtree(retired, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"Cannot write {path}: {reason}; choose a folder that exists and has room.")
