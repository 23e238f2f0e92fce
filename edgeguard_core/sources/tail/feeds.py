"""The two feeds of growing text: a log on disk, and standard input."""

import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.base import Batch, ReadOptions
from edgeguard_core.sources.feed import Fed, Note
from edgeguard_core.sources.tail.growing_file import GrowingFile
from edgeguard_core.sources.tail.live_text import LiveText

TOO_LONG = "line too long"
POLL_S = 0.02
SIGN_OF_LIFE_S = 0.5
_BLOCK_BYTES = 128 << 10
_MANY_BYTES = 32 << 10  # that wait in a pipe: reason enough to read on
_LONGEST_LINE_BYTES = 1 << 20


class _Lines:
    """Bytes in pieces of any size, to flows."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.text = LiveText(path, options)
        self._half = b""
        self._is_skipping = False  # the rest of a line that was too long
        self._skipped_bytes = 0
        self.skipped_events = 0

    @property
    def unread(self) -> int:
        """Bytes given that no flow came of yet."""
        return len(self._half) + len(self.text.pending) + self._skipped_bytes

    def begin(self) -> Fed:
        """Another file: what the last one left is a line of its own."""
        left = self.read(b"\n") if self._half and not self._is_skipping else self._fed([])
        self.text.begin()
        self._half, self._is_skipping, self._skipped_bytes = b"", False, 0
        return left

    def read(self, data: bytes) -> Fed:
        """The flows of the lines that are whole by now."""
        too_long = 0
        if not self._half:
            data = data.lstrip(b"\0")  # where a log is cut under its writer
        data = self._half + data
        if self._is_skipping:
            at = data.find(b"\n") + 1
            if not at:
                self._skipped_bytes += len(data)
                self._half = b""
                return self._fed([])
            data, self._is_skipping, self._skipped_bytes = data[at:], False, 0
        cut = data.rfind(b"\n") + 1
        whole, self._half = data[:cut], data[cut:]
        if len(self._half) > _LONGEST_LINE_BYTES:
            too_long, self._is_skipping = 1, True
            self._skipped_bytes, self._half = len(self._half), b""
        fed = self._fed(self.text.read(whole) if whole else [])
        fed.rejected.update({TOO_LONG: too_long} if too_long else {})
        return fed

    def _fed(self, batches: list[Batch]) -> Fed:
        rejected: Counter[str] = Counter()
        for batch in batches:
            rejected.update(rejection.rule for rejection in batch.rejections)
        parts = [batch.flows for batch in batches if len(batch.flows)]
        flows = Flows.concat(parts) if parts else Flows.empty(self.text.schema)
        return Fed(flows, rejected, tuple(self.text.notes()))


class _LineFeed:
    """What feeds of lines share."""

    def __init__(self, path: Path, options: ReadOptions | None, sign_of_life_s: float) -> None:
        self._lines = _Lines(path, options or ReadOptions())
        self._sign_s = sign_of_life_s
        self._stopped = threading.Event()
        self._bytes_read = 0

    @property
    def meter(self) -> str:
        """What counted the flows, "" until there is a header."""
        return self._lines.text.meter

    @property
    def schema(self) -> Schema:
        """The schema of the flows; the canonical one until there is a header."""
        return self._lines.text.schema

    def stop(self) -> None:
        """End ``batches`` soon."""
        self._stopped.set()

    def counters(self) -> Mapping[str, int]:
        """Bytes read since the start."""
        return {"bytes": self._bytes_read}


class TailFeed(_LineFeed):
    """A log that grows: Zeek's TSV or JSON, EVE, or any table that is read as a file.

    Parameters
    ----------
    from_start
        Read what is there already, too; else only what is added.
    position
        Go on where a ``Fed`` of an earlier run ended; then ``from_start`` says nothing.
    until_end
        End where the file ends, instead of waiting for more.
    poll_s
        How often a quiet file is looked at.
    """

    waits = True

    def __init__(
        self,
        path: Path | str,
        options: ReadOptions | None = None,
        *,
        from_start: bool = False,
        position: Mapping[str, Any] | None = None,
        until_end: bool = False,
        poll_s: float = POLL_S,
        sign_of_life_s: float = SIGN_OF_LIFE_S,
    ) -> None:
        self._path = Path(path)
        self.name = str(path)
        self._file = GrowingFile(self._path, position, from_start)
        super().__init__(self._path, options, sign_of_life_s)
        self.is_live = not until_end
        self._until_end = until_end
        self._poll_s = poll_s

    def start(self) -> None:
        """Open the log; one that is not there yet is waited for.

        Raises
        ------
        SourceError
            If it cannot be read.
        """
        self._file.open()

    def batches(self) -> Iterator[Fed]:
        """The flows as they come."""
        last = time.monotonic()
        try:
            while not self._stopped.is_set():
                feds, is_end = self._next()
                if is_end and self._until_end:
                    yield from feds
                    yield self._at(self._lines.begin())
                    return
                now = time.monotonic()
                for fed in feds:
                    if len(fed.flows) or fed.rejected or fed.notes or now - last >= self._sign_s:
                        last = now
                        yield fed
                if is_end:
                    self._stopped.wait(self._poll_s)
        finally:
            self._file.close()

    def _next(self) -> tuple[list[Fed], bool]:
        piece = self._file.read(_BLOCK_BYTES)
        feds: list[Fed] = []
        if piece.begins:
            left = self._lines.begin()
            if len(left.flows) or left.rejected:
                feds.append(left)
            if self._file.head:  # taken up in the middle
                head, self._file.head = self._file.head, b""
                if not self._lines.text.prime(head):
                    self._lines.text.pending = head
        self._bytes_read += len(piece.data)
        feds.append(self._at(self._lines.read(piece.data), piece.notes))
        return feds, piece.is_end

    def _at(self, fed: Fed, notes: tuple[str, ...] = ()) -> Fed:
        return Fed(
            fed.flows,
            fed.rejected,
            (*notes, *fed.notes),
            self._file.position(self._lines.unread),
        )


class StdinFeed(_LineFeed):
    """Lines of a log on a pipe; ends with it.

    Parameters
    ----------
    descriptor
        Of the pipe.
    gather_s
        How long the first line waits for others: a few cost as much as many.
    """

    waits = True
    is_live = True

    def __init__(
        self,
        options: ReadOptions | None = None,
        *,
        descriptor: int = 0,
        name: str = "stdin",
        gather_s: float = POLL_S,
        sign_of_life_s: float = SIGN_OF_LIFE_S,
    ) -> None:
        self.name = name
        self._descriptor = descriptor
        self._gather_s = gather_s
        super().__init__(Path(name), options, sign_of_life_s)

    def start(self) -> None:
        """Nothing: the pipe is open already."""

    def batches(self) -> Iterator[Fed]:
        """The flows as they come, until the pipe ends."""
        while not self._stopped.is_set():
            ready, _, _ = select.select([self._descriptor], [], [], self._sign_s)
            if not ready:
                yield Fed(Flows.empty(self.schema))
                continue
            if _waiting_bytes(self._descriptor) < _MANY_BYTES:
                self._stopped.wait(self._gather_s)
            try:
                data = os.read(self._descriptor, _BLOCK_BYTES)
            except OSError as error:
                yield Fed(
                    Flows.empty(self.schema),
                    notes=(Note("source", f"{self.name} cannot be read: {error.strerror}."),),
                )
                return
            if not data:
                yield self._lines.begin()
                return
            self._bytes_read += len(data)
            fed = self._lines.read(data)
            if len(fed.flows) or fed.rejected or fed.notes:
                yield fed


def _waiting_bytes(descriptor: int) -> int:
    """Bytes that can be read at once; 0 where the system cannot say."""
    try:
        answer = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])
