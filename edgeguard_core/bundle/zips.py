"""Zip archives that may come from a stranger, read within bounds.

A zip lies easily: about how many entries it has, how large they unpack, where they go. So
nothing is ever extracted to disk here, and each bound is checked before the work it bounds.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Final

_END_RECORD: Final = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
_END_SIGNATURE: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES: Final = 20
_DIRECTORY_BYTES_PER_ENTRY: Final = 512
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the oldest stamp a zip can hold: same bytes each time
SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A zip of the files, in order of name, the same bytes for the same files.

    >>> unzip_files(zip_files({"card.md": b"A model."}), max_entries=4, limit_of=lambda name: 99)
    {'card.md': b'A model.'}
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def unzip_files(
    content: bytes, *, max_entries: int, limit_of: Callable[[str], int]
) -> dict[str, bytes]:
    """The files of a flat zip, by name; one folder around all of them is allowed.

    Parameters
    ----------
    max_entries
        More entries than this are refused before the first one is read.
    limit_of
        Most bytes that the file of a name may unpack to.

    Raises
    ------
    ValueError
        If it is no zip, too large, encrypted, or has a name that would leave its folder, stands
        twice, or is a link. The message says what is wrong, not where from.
    """
    try:
        check_directory(content, max_entries=max_entries)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read_all(archive, limit_of)
    except zipfile.BadZipFile as error:
        raise ValueError(f"it is not a sound zip file ({error})") from error
    except (EOFError, OSError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked ({error})") from error


def check_directory(content: bytes, *, max_entries: int) -> None:
    """Refuse a zip whose directory is large, or written so that two readers may differ on it.

    Raises
    ------
    ValueError
        If it does not end in a plain end-of-directory record (no comment, no zip64), or that
        record announces more than ``max_entries`` entries.
    """
    tail = content[-_END_RECORD.size :]
    if len(tail) < _END_RECORD.size or not tail.startswith(_END_SIGNATURE):
        raise ValueError("it is not a zip file, or its end is missing")
    _, _, _, _, entries, directory_bytes, _, comment_bytes = _END_RECORD.unpack(tail)
    locator = content[-_END_RECORD.size - _ZIP64_LOCATOR_BYTES :][: len(_ZIP64_LOCATOR)]
    if comment_bytes or locator == _ZIP64_LOCATOR:
        raise ValueError("it is a zip with a comment or of zip64 form")
    if entries > max_entries or directory_bytes > max_entries * _DIRECTORY_BYTES_PER_ENTRY:
        raise ValueError(f"it holds more than {max_entries} files")


def _read_all(archive: zipfile.ZipFile, limit_of: Callable[[str], int]) -> dict[str, bytes]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    folder = _common_folder([entry.filename for entry in entries])
    files: dict[str, bytes] = {}
    for entry in entries:
        name = entry.filename[len(folder) :]
        _check_entry(entry, name, files)
        limit = limit_of(name)
        if entry.file_size > limit:
            raise ValueError(f"{name} unpacks to {entry.file_size} bytes, the limit is {limit}")
        with archive.open(entry) as stream:
            files[name] = stream.read(limit)
    return files


def _check_entry(entry: zipfile.ZipInfo, name: str, seen: Mapping[str, bytes]) -> None:
    if not SAFE_NAME.fullmatch(name):
        raise ValueError(f"it holds {entry.filename!r}, which is not a plain file name")
    if name in seen:
        raise ValueError(f"it holds {name} twice")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ValueError(f"{name} in it is a link or a special file")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise ValueError(f"{name} in it is encrypted or packed by an unknown method")


def _common_folder(names: list[str]) -> str:
    """``"B1/"`` when every name starts with it: what a file manager's "compress" makes."""
    first = names[0].partition("/")[0] + "/" if names and "/" in names[0] else ""
    if SAFE_NAME.fullmatch(first[:-1]) and all(name.startswith(first) for name in names):
        return first
    return ""
