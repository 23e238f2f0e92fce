"""The bytes of a file that grows, is rotated, cut or replaced, from where a reader left off."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.feed import Note
from edgeguard_core.sources.streams import GZIP_MAGIC, HEAD_BYTES, ZSTD_MAGIC

_HASHED_BYTES = 256
_LAST_LINE_BYTES = 1 << 20
_PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip")


@dataclass(frozen=True)
class Piece:
    """What is new in the file.

    Attributes
    ----------
    data
        Bytes that follow those before, perhaps none.
    begins
        Whether ``data`` is the beginning of another file, or of the same one written anew.
    is_end
        Whether there is nothing more for now.
    """

    data: bytes = b""
    begins: bool = False
    is_end: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class GrowingFile:
    """A path whose file is read as it grows; of a rotated one the old file is finished first.

    Parameters
    ----------
    position
        What ``position`` gave before a restart.
    from_start
        Read a file that is there already from its start; else only what is added to it.
    """

    path: Path
    position_before: Mapping[str, Any] | None = None
    from_start: bool = False
    offset: int = 0
    head: bytes = b""
    """The first whole lines of the file, where its reading did not begin with them."""
    _descriptor: int = -1
    _notes: list[str] = field(default_factory=list)
    _told: str = ""
    _begins: bool = False

    def open(self) -> None:
        """Take the file up, if it is there.

        Raises
        ------
        SourceError
            If it is no file, or cannot be read.
        """
        if self.path.is_dir():
            raise SourceError(f"{self.path} is a folder; name the log in it.")
        if not self.path.parent.is_dir():
            raise SourceError(f"The folder of {self.path} does not exist; check the path.")
        try:
            self._take_up()
        except PermissionError as error:
            raise SourceError(
                f"Cannot read {self.path}: {error.strerror}; let this user read it."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, most: int) -> Piece:
        """What has been added, up to so many bytes."""
        if self._descriptor < 0:
            try:
                self._take_up()
            except PermissionError as error:
                self._tell("log_missing", f"{self.path} cannot be read: {error.strerror}.")
            if self._descriptor < 0:
                return Piece(is_end=True, notes=self._told_now())
        if self._is_written_anew():
            return self._begin_anew()
        data = os.read(self._descriptor, most)
        if data:
            self.offset += len(data)
            return self._piece(data)
        return self._at_end(most)

    def position(self, unread: int) -> dict[str, Any] | None:
        """Where to go on once all but the last ``unread`` bytes are done with."""
        if self._descriptor < 0:
            return None
        about = os.fstat(self._descriptor)
        offset = self.offset - unread
        size = min(offset, _HASHED_BYTES)
        return {
            "device": about.st_dev,
            "inode": about.st_ino,
            "offset": offset,
            "head_bytes": size,
            "head_sha256": _hash(os.pread(self._descriptor, size, 0)),
        }

    def _piece(self, data: bytes = b"", *, is_end: bool = False) -> Piece:
        begins, self._begins = self._begins, False
        return Piece(data, begins, is_end, self._told_now())

    def _at_end(self, most: int) -> Piece:
        """Nothing more here: cut, rotated, or only quiet."""
        about = os.fstat(self._descriptor)
        if about.st_size < self.offset:
            return self._begin_anew()
        following = self._following(about)
        if following is None:
            return self._piece(is_end=True)
        if late := os.read(self._descriptor, most):  # written while that was looked up
            self.offset += len(late)
            return self._piece(late)
        self._tell("log_rotated", f"{self.path} was rotated; reading goes on in the new file.")
        self._switch_to(following)
        return self._piece()

    def _begin_anew(self) -> Piece:
        self._tell("log_cut", f"{self.path} was cut; reading begins anew at its start.")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.offset, self._begins, self._head_read = 0, True, None
        return self._piece()

    def _is_written_anew(self) -> bool:
        """Whether the first bytes are others than before, as in no log that only grows."""
        size = min(self.offset, _HASHED_BYTES)
        if self._head_read is None or len(self._head_read) < size:
            self._head_read = os.pread(self._descriptor, size, 0)
            return False
        now = os.pread(self._descriptor, len(self._head_read), 0)
        return now != self._head_read

    _head_read: bytes | None = None

    def _following(self, about: os.stat_result) -> Path | None:
        """The file to go on with once this one is finished; None while it is the newest."""
        try:
            newest = self.path.stat()
        except OSError:
            newest = None
        if newest is not None and _same(newest, about):
            return None
        for path in _rotated(self.path):
            found = path.stat()
            if not _same(found, about) and found.st_mtime_ns > about.st_mtime_ns:
                return path  # there were several rotations meanwhile
        # A program may write on into the old file until it opens the new one.
        return self.path if newest is not None and newest.st_size else None

    def _switch_to(self, path: Path, offset: int = 0) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # moved on at this very moment: looked for again
        self.close()
        self._descriptor = descriptor
        os.lseek(descriptor, offset, os.SEEK_SET)
        self.offset, self._begins, self._head_read = offset, True, None
        self._refuse_packed()

    def _take_up(self) -> None:
        before = self.position_before
        if before is not None and (found := self._find(before)) is not None:
            self._switch_to(found, int(before["offset"]))
        else:
            if not self.path.exists():
                self._tell("log_missing", f"{self.path} is not there yet; it is waited for.")
                self.from_start = True  # all of it is new then
                return
            if before is not None:
                self._tell(
                    "log_lost",
                    f"The part of {self.path} that was read last is gone; what was written to it "
                    "since is lost, and reading begins at the start of what is there.",
                )
            self._switch_to(self.path)
            if before is None and not self.from_start and self._descriptor >= 0:
                self._seek_last_line()
        self.position_before = None
        self.from_start = True
        if self._descriptor >= 0 and self.offset:
            head = os.pread(self._descriptor, HEAD_BYTES, 0)[: self.offset]
            self.head = head[: head.rfind(b"\n") + 1]

    def _find(self, before: Mapping[str, Any]) -> Path | None:
        """The file that a position is in, whatever it is called by now."""
        for path in [self.path, *_rotated(self.path)]:
            try:
                about = path.stat()
                if about.st_ino != before["inode"] or about.st_size < before["offset"]:
                    continue
                with path.open("rb") as stream:
                    if _hash(stream.read(int(before["head_bytes"]))) == before["head_sha256"]:
                        return path
            except OSError:
                continue
        return None

    def _seek_last_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        begin = max(0, size - _LAST_LINE_BYTES)
        tail = os.pread(self._descriptor, size - begin, begin)
        self.offset = begin + tail.rfind(b"\n") + 1
        os.lseek(self._descriptor, self.offset, os.SEEK_SET)

    def _refuse_packed(self) -> None:
        magic = os.pread(self._descriptor, 4, 0)
        if magic.startswith(GZIP_MAGIC) or ZSTD_MAGIC.match(magic):
            raise SourceError(
                f"{self.path} is packed and does not grow; score it with edgeguard score."
            )

    def _tell(self, reason: str, sentence: str) -> None:
        if reason == "log_missing" and sentence == self._told:
            return
        self._told = sentence
        self._notes.append(Note(reason, sentence))

    def _told_now(self) -> tuple[str, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes


def _rotated(path: Path) -> list[Path]:
    """Unpacked files beside a log that it may have been rotated to, the oldest first.

    Such as ``eve.json.1``, ``eve.json-20240101``, ``conn.2024-01-01-10:00:00.log``.
    """
    found: list[tuple[int, Path]] = []
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names alone
    except OSError:
        return []
    for name in names:
        if name == path.name or name.endswith(_PACKED) or not _is_of(name, path):
            continue
        try:
            about = (path.parent / name).stat()
        except OSError:
            continue
        if stat.S_ISREG(about.st_mode):
            found.append((about.st_mtime_ns, path.parent / name))
    return [path for _, path in sorted(found)]


def _is_of(name: str, path: Path) -> bool:
    if name.startswith(path.name):
        return True
    rest = name.removeprefix(path.stem)
    return rest != name and name.endswith(path.suffix) and rest[:1] in ".-_" and rest[1:2].isdigit()


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
