"""Accepted records on disk until every sink has them."""

import fcntl
import os
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import cursors
from edgeguard_core.outputs.cursors import Cursor
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.segments import (
    Segment,
    line_bytes,
    lines,
    segment_path,
    segments_in,
    whole_size,
)
from edgeguard_core.outputs.wire import record_bytes, record_from

DEFAULT_MOST_BYTES = 64 << 20
_LEAST_BYTES = 64 << 10
_SEGMENT_BYTES = 1 << 20
_SAVE_EVERY_S = 2.0  # a cursor costs two syncs; what lies between is delivered again


@dataclass(frozen=True)
class Chunk:
    """Some records for a sink.

    Attributes
    ----------
    next
        The number of the record that follows them.
    damaged
        Lines among them that a bad block spoiled.
    """

    records: list[Record]
    next: int
    damaged: int = 0


class _Reader:
    """Where a sink stands: in the spool, and in the file that holds it."""

    def __init__(self, cursor: Cursor, now_s: float) -> None:
        self.cursor = cursor
        self.saved_next = cursor.next
        self.saved_s = now_s
        self.hint: tuple[int, int, int] | None = None  # number, first of its segment, byte


class Spool:
    """Records in the order in which they came, kept in a folder of bounded size.

    A record that ``append`` took survives kill -9 and a power cut. Records are numbered; each
    sink has a cursor. Files that all sinks are past are removed; where there are too many, the
    oldest goes and is counted for each sink that did not have it yet. One process at a time.

    Parameters
    ----------
    folder
        Made where it is missing.
    most_bytes
        How much it may hold; at least 64 kB.

    Raises
    ------
    OutputError
        If the folder cannot be used, or another process uses it.
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int,
        clock: Clock,
        *,
        segment_bytes: int | None = None,
    ) -> None:
        if most_bytes < _LEAST_BYTES:
            raise OutputError(f"A spool of {most_bytes} bytes is too small; give it 64 kB or more.")
        self.folder = folder
        self.error: str | None = None  # why the last append failed; None once one worked
        self._most_bytes = most_bytes
        self._segment_bytes = segment_bytes or min(_SEGMENT_BYTES, most_bytes // 8)
        self._clock = clock
        self._is_torn = False  # whether half a line stands behind the last segment
        self._lock = threading.RLock()
        self._readers: dict[str, _Reader] = {}
        self._stream = -1  # the last segment, for appending
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._cannot("use", error) from error
        try:
            self._take_guard()
            self._open()
        except OSError as error:
            os.close(self._guard)
            raise self._cannot("use", error) from error
        except OutputError:
            os.close(self._guard)
            raise

    def _take_guard(self) -> None:
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"The spool {self.folder} is used by another process; stop it, or choose "
                "another folder."
            ) from error

    def _open(self) -> None:
        self._segments = segments_in(self.folder)
        self._next = cursors.highest(self.folder)
        if self._segments:
            last = self._segments[-1]
            size, number = whole_size(last.path)
            if size != last.size:
                os.truncate(last.path, size)
                last.size = size
            self._next = max(self._next, last.first, 0 if number is None else number + 1)
            self._stream = self._open_segment(last)
        else:
            self._begin_segment()

    # Writing: one thread.

    @property
    def next(self) -> int:
        """The number that the next record will get."""
        return self._next

    def append(self, records: Sequence[Record]) -> None:
        """The records on disk, all or none; safe when this returns.

        Raises
        ------
        OutputError
            If the disk is full or fails. Nothing of these records was kept, everything before
            is: give them again later.
        """
        if not records:
            return
        with self._lock:
            content = b"".join(
                line_bytes(self._next + i, record_bytes(record)) for i, record in enumerate(records)
            )
            try:
                try:
                    self._write(content)
                except OSError:
                    # Files that only wait for a cursor to be saved may be what fills the disk.
                    if not self._release(in_memory=True):
                        raise
                    self._write(content)
            except OSError as error:
                failure = self._cannot("write to", error)
                self.error = str(failure)
                raise failure from error
            self._next += len(records)
            self.error = None

    def _write(self, content: bytes) -> None:
        self._make_room(len(content))
        active = self._segments[-1]
        view = memoryview(b"\n" + content if self._is_torn else content)
        try:
            while view:
                view = view[os.write(self._stream, view) :]
            os.fdatasync(self._stream)
        except OSError:
            try:
                os.ftruncate(self._stream, active.size)
            except OSError:
                self._is_torn = True
            raise
        active.size = os.fstat(self._stream).st_size
        self._is_torn = False

    def _make_room(self, wanted: int) -> None:
        if self._segments[-1].size and self._segments[-1].size + wanted > self._segment_bytes:
            self._begin_segment()
        total = sum(segment.size for segment in self._segments) + wanted
        while total > self._most_bytes and len(self._segments) > 1:
            oldest = self._segments.pop(0)
            total -= oldest.size
            oldest.path.unlink(missing_ok=True)
            for reader in self._readers.values():
                self._skip_to(reader, self._segments[0].first)

    def _begin_segment(self) -> None:
        segment = Segment(self._next, segment_path(self.folder, self._next), 0)
        stream = self._open_segment(segment)
        if self._stream >= 0:
            os.close(self._stream)
        self._stream = stream
        self._is_torn = False
        if not self._segments or self._segments[-1].first != segment.first:
            self._segments.append(segment)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the name of the file is safe as well
        finally:
            os.close(descriptor)

    @staticmethod
    def _open_segment(segment: Segment) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(segment.path, flags, 0o640)

    # Reading: one thread a sink.

    def register(self, sinks: Sequence[str]) -> None:
        """The sinks that read; what is kept for others is let go.

        A sink that was never seen gets everything that is still there.

        Raises
        ------
        OutputError
            If two have the same name.
        """
        names = list(sinks)
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise OutputError(f"The sink {twice[0]} is given twice; remove one.")
        with self._lock:
            now_s = self._clock.monotonic()
            for name in names:
                cursor = cursors.load(self.folder, name)
                reader = _Reader(cursor or Cursor(self._segments[0].first), now_s)
                self._readers[name] = reader
                self._skip_to(reader, self._segments[0].first)
            cursors.forget_others(self.folder, names)
            self._release()

    def waiting(self, sink: str) -> int:
        """How many records a sink has not had yet."""
        with self._lock:
            return self._next - self._readers[sink].cursor.next

    def lost(self, sink: str) -> int:
        """How many records went before a sink could have them, over all starts."""
        with self._lock:
            return self._readers[sink].cursor.lost

    def read(self, sink: str, most_records: int, most_bytes: int) -> Chunk:
        """The next records of a sink; the same again until it has ``passed`` them.

        Raises
        ------
        OutputError
            If the disk cannot be read.
        """
        with self._lock:
            reader = self._readers[sink]
            number = reader.cursor.next
            if number >= self._next:
                return Chunk([], number)
            at = bisect_right([s.first for s in self._segments], number) - 1
            segment = self._segments[at]
            size = segment.size  # what is written meanwhile is not safe yet
            is_last = at == len(self._segments) - 1
            following = self._next if is_last else self._segments[at + 1].first
            hint = reader.hint
        begin = hint[2] if hint is not None and hint[:2] == (number, segment.first) else 0
        records: list[Record] = []
        taken, end, expected, damaged = 0, begin, number, 0
        try:
            for line in lines(segment.path, begin, size):
                if len(records) >= most_records or taken >= most_bytes:
                    break
                taken += line.end - end
                end = line.end
                if line.payload is None:
                    damaged += 1
                elif line.number >= expected:
                    expected = line.number + 1
                    try:
                        records.append(record_from(line.payload))
                    except ValueError:  # of another version
                        damaged += 1
            else:
                expected = following  # the file is at its end
        except FileNotFoundError:
            with self._lock:
                if reader.cursor.next > number:  # it had to go meanwhile, and that is counted
                    return Chunk([], reader.cursor.next)
            return Chunk([], following, following - number)  # somebody removed it
        except OSError as error:
            raise self._cannot("read", error) from error
        with self._lock:
            reader.hint = (expected, segment.first, end)
        return Chunk(records, expected, damaged)

    def passed(self, sink: str, chunk: Chunk) -> None:
        """A sink has everything of a chunk; what was damaged in it is lost."""
        with self._lock:
            cursor = self._readers[sink].cursor
            cursor.next = max(cursor.next, chunk.next)
            cursor.lost += chunk.damaged

    def save_due_s(self, sink: str) -> float | None:
        """In how many seconds the cursor of a sink is to be saved; None if it is."""
        with self._lock:
            reader = self._readers[sink]
            if reader.cursor.next == reader.saved_next:
                return None
            return max(0.0, reader.saved_s + _SAVE_EVERY_S - self._clock.monotonic())

    def save(self, sink: str) -> None:
        """The cursor of a sink on disk, and files that nobody needs removed.

        On a disk that takes nothing it is tried again later; some records then come twice.
        """
        with self._lock:
            reader = self._readers[sink]
            cursor = Cursor(reader.cursor.next, reader.cursor.lost)
            reader.saved_s = self._clock.monotonic()
        try:
            cursors.save(self.folder, sink, cursor)
        except OutputError:
            return
        with self._lock:
            reader.saved_next = cursor.next
            self._release()

    def close(self) -> None:
        """Save the cursors and let another process use the folder."""
        for name in list(self._readers):
            if self.save_due_s(name) is not None:
                self.save(name)
        with self._lock:
            if self._guard >= 0:
                os.close(self._stream)
                os.close(self._guard)
                self._guard = -1

    def _release(self, *, in_memory: bool = False) -> int:
        """Remove the files that every sink is past; how many they were."""
        places = [r.cursor.next if in_memory else r.saved_next for r in self._readers.values()]
        oldest = min(places, default=0)
        gone = 0
        while len(self._segments) > 1 and self._segments[1].first <= oldest:
            self._segments.pop(0).path.unlink(missing_ok=True)
            gone += 1
        return gone

    def _skip_to(self, reader: _Reader, first: int) -> None:
        if reader.cursor.next < first:
            reader.cursor.lost += first - reader.cursor.next
            reader.cursor.next = first

    def _cannot(self, what: str, error: OSError) -> OutputError:
        return OutputError(
            f"Cannot {what} the spool {self.folder}: {error.strerror or error}; give it a folder "
            "that is writable and has room."
        )
