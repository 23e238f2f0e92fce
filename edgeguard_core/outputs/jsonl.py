"""JSON lines: one strict JSON object a line, into a file that rotates or onto stdout."""

import io
import os
import select
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.sink import SinkEnded
from edgeguard_core.outputs.wire import body_json

_TAIL_BYTES = 1 << 20  # no line is longer


def _text(records: Sequence[Record]) -> bytes:
    return "".join(body_json(record.body) + "\n" for record in records).encode()


def _write_all(descriptor: int, content: bytes) -> None:
    """All of it: a full pipe takes a part where the process was stopped meanwhile."""
    view = memoryview(content)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # whoever shares the pipe made it so
            select.select([], [descriptor], [])


class StdoutSink:
    """JSON lines onto stdout, given on at once; a pipe whose reader went away ends it."""

    name = "jsonl -"

    def send(self, records: Sequence[Record]) -> None:
        """Write the lines.

        Raises
        ------
        SinkEnded
            If nobody reads stdout any more.
        """
        stream = sys.stdout
        try:
            stream.flush()
            try:
                descriptor = stream.fileno()
            except (AttributeError, io.UnsupportedOperation):  # a stream in memory
                stream.write(_text(records).decode())
                stream.flush()
            else:
                _write_all(descriptor, _text(records))
        except BrokenPipeError as error:
            self._let_go()
            raise SinkEnded("Nobody reads standard output any more.") from error
        except (OSError, ValueError) as error:
            raise OutputError(f"Cannot write to standard output: {error}.") from error

    def close(self) -> None:
        """Nothing to let go of."""

    @staticmethod
    def _let_go() -> None:
        """What Python still holds for stdout goes nowhere, instead of failing at exit."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class JsonLinesSink:
    """JSON lines at the end of a file, on disk when ``send`` returns.

    The file is opened anew where another program moved it away, as logrotate does. A line that
    a crash tore is removed at the next start; it comes again.

    Parameters
    ----------
    rotate_bytes
        From this size on the file becomes ``PATH.1``, that one ``PATH.2`` and so on; None leaves
        rotating to others.
    keep
        How many of them are kept.
    """

    def __init__(self, path: Path, rotate_bytes: int | None = None, keep: int = 5) -> None:
        self.name = f"jsonl {path}"
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        self._descriptor = -1

    def send(self, records: Sequence[Record]) -> None:
        """Append the lines and sync them.

        Raises
        ------
        SinkEnded
            If the path is a pipe that nobody reads any more.
        OutputError
            If the file cannot be written or the disk is full; half lines are taken back.
        """
        try:
            self._reopen_if_moved()
            self._rotate_if_large()
            self._append(_text(records))
        except BrokenPipeError as error:
            self.close()
            raise SinkEnded(f"Nobody reads {self._path} any more.") from error
        except OSError as error:
            self.close()
            raise OutputError(
                f"Cannot write {self._path}: {error.strerror or error}; it is tried again."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with suppress(OSError):
                os.close(descriptor)

    def _append(self, content: bytes) -> None:
        about = os.fstat(self._descriptor)
        is_file = stat.S_ISREG(about.st_mode)
        try:
            _write_all(self._descriptor, content)
            if is_file:
                os.fdatasync(self._descriptor)
        except OSError:
            if is_file:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, about.st_size)
            raise

    def _reopen_if_moved(self) -> None:
        if self._descriptor >= 0:
            with suppress(FileNotFoundError):
                if os.path.samestat(self._path.stat(), os.fstat(self._descriptor)):
                    return
            self.close()
        flags = os.O_RDWR if self._path.is_file() or not self._path.exists() else os.O_WRONLY
        flags |= os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o640)
        if flags & os.O_RDWR:
            self._mend_tail()

    def _mend_tail(self) -> None:
        """End the file with a whole line."""
        size = os.fstat(self._descriptor).st_size
        begin = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._descriptor, size - begin, begin)
        if not tail or tail.endswith(b"\n"):
            return
        torn = tail[tail.rfind(b"\n") + 1 :]
        if torn.startswith(b'{"'):
            os.ftruncate(self._descriptor, size - len(torn))
        else:  # not ours
            os.write(self._descriptor, b"\n")

    def _rotate_if_large(self) -> None:
        about = os.fstat(self._descriptor)
        if self._rotate_bytes is None or not stat.S_ISREG(about.st_mode):
            return
        if about.st_size < self._rotate_bytes:
            return
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._reopen_if_moved()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
