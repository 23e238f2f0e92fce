"""The packet meter as a child process: started, read with a deadline, and always ended."""

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.packets import meter_process as program
from edgeguard_core.sources.timeouts import Timeouts

METER: Final = "nfstream"
MOST_FLOWS: Final = 65_536
"""Flows under way at a time, some 110 MB; of a flood of more the oldest end early."""

_START_S: Final = 20.0
_END_S: Final = 3.0
_READ_BYTES: Final = 1 << 18
_NUMBERS: Final = {"uint64_t": "=u8", "uint16_t": "=u2", "uint8_t": "u1"}
_WANTED: Final = (
    "src_ip_str", "src_port", "dst_ip_str", "dst_port", "protocol",
    "bidirectional_first_seen_ms", "bidirectional_duration_ms", "bidirectional_packets",
    "src2dst_packets", "dst2src_packets", "src2dst_bytes", "dst2src_bytes",
    *(f"{side}_{flag}_packets" for side in ("src2dst", "dst2src")
      for flag in ("syn", "ack", "rst", "fin")),
)  # fmt: skip

Records = NDArray[np.void]
"""Flows as the engine counted them, shape ``(n,)``, with the fields that are used; beside them
``told_ms``, the capture's time at which each was told, and ``turned``, whether the end that sent
the first packet is not the one that began the conversation."""


@dataclass(frozen=True)
class Counted:
    """What the meter counted so far."""

    tick_ms: int = 0
    packets: int = 0
    ignored: int = 0
    received: int = 0
    lost_by_kernel: int = 0
    lost_by_interface: int = 0
    early: int = 0
    jumps: int = 0


def require_engine() -> None:
    """Refuse to meter packets without NFStream.

    Raises
    ------
    SourceError
        Then; the message says how to install it.
    """
    if importlib.util.find_spec("_lib_engine") is None:
        raise SourceError(
            'Packets are read through nfstream, which is not installed: pip install "edgeguard'
            '[capture]", on a box sh install.sh --with capture.'
        )


class InterfaceGone(Exception):
    """The interface that was listened on can no longer be read."""


class PacketMeter:
    """A running meter; use it as a context, so that its process always ends.

    Parameters
    ----------
    source
        A capture's path, or an interface's name if ``live``.
    feed
        Writes a capture of Ethernet frames, which the meter reads instead of ``source``.

    Raises
    ------
    SourceError
        On entry, if the engine is absent or cannot open the source.
    """

    def __init__(
        self,
        source: str | Path,
        timeouts: Timeouts,
        *,
        live: bool = False,
        promiscuous: bool = True,
        bpf_filter: str | None = None,
        feed: Callable[[IO[bytes]], None] | None = None,
        most_flows: int = MOST_FLOWS,
    ) -> None:
        self.source = str(source)
        self.counted = Counted()
        self.is_over = False
        self._feed = feed
        self._options = {
            "source": "-" if feed else self.source,
            "idle_ms": round(timeouts.idle_s * 1000),
            "active_ms": round(timeouts.active_s * 1000),
            "most_flows": most_flows,
            "live": live,
            "promiscuous": promiscuous,
            "bpf_filter": bpf_filter,
            "buffer_bytes": 0,
        }
        self._waiting = bytearray()
        self._dtype: np.dtype[Any] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._feeder: threading.Thread | None = None
        self._feed_error: list[BaseException] = []

    def __enter__(self) -> "PacketMeter":
        require_engine()
        live = self._options["live"]
        command = [sys.executable, "-P", str(Path(program.__file__)), json.dumps(self._options)]
        try:
            self._process = subprocess.Popen(
                command,
                # Of an interface the input only says, by its end, that it is to stop.
                stdin=subprocess.PIPE if self._feed or live else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        except OSError as error:
            raise SourceError(f"The packet meter cannot be started ({error.strerror}).") from error
        try:
            if self._feed:
                self._feeder = threading.Thread(target=self._hand_over, daemon=True)
                self._feeder.start()
            kind, content = self._frame(_START_S)
            if kind == program.FAILED:
                raise self._refused(content.decode(errors="replace"))
            if kind != program.READY:
                raise SourceError(f"The packet meter did not start on {self.source}; try again.")
            self._dtype = _dtype_of(json.loads(content))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def read(self, wait_s: float | None) -> Records | None:
        """The next flows; none after ``wait_s`` without any; None once there are no more.

        Raises
        ------
        SourceError
            If the meter ended before its source did.
        InterfaceGone
            If the interface cannot be read any longer; all its flows were given.
        """
        if self.is_over:
            return None
        assert self._dtype is not None
        while True:
            kind, content = self._frame(wait_s)
            if kind == program.FLOWS:
                return np.frombuffer(content, self._dtype)
            if kind == program.COUNTED:
                self.counted = Counted(*program.COUNTERS.unpack(content))
                if wait_s is None:
                    continue
            if kind == program.DONE:
                self.is_over = True
                if self._feeder is not None:
                    self._feeder.join()
                if self._feed_error:
                    raise self._feed_error[0]
                return None
            if kind == program.GONE:
                self.is_over = True
                raise InterfaceGone
            return np.zeros(0, self._dtype)

    def stop(self) -> None:
        """Ask a live meter to end; what it has is still read. May be called from any thread."""
        process = self._process
        if self._options["live"] and process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()

    def close(self) -> None:
        """End the process now, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        if self._feeder is not None:
            self._feeder.join()  # its pipe is broken
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _hand_over(self) -> None:
        assert self._process is not None
        assert self._feed is not None
        stream = self._process.stdin
        assert stream is not None
        try:
            with stream:
                self._feed(stream)
        except OSError:
            pass  # the meter is gone, and whoever reads it is told
        except BaseException as error:
            self._feed_error.append(error)

    def _frame(self, wait_s: float | None) -> tuple[bytes, bytes]:
        """The next frame's kind and content; empty ones where none came in time."""
        assert self._process is not None
        assert self._process.stdout is not None
        number = self._process.stdout.fileno()
        waiting, head = self._waiting, program.HEADER.size
        while True:
            if len(waiting) >= head:
                kind, length = program.HEADER.unpack_from(waiting)
                if len(waiting) >= head + length:
                    content = bytes(waiting[head : head + length])
                    del waiting[: head + length]
                    return kind, content
            if wait_s is not None and not select.select([number], [], [], wait_s)[0]:
                return b"", b""
            part = os.read(number, _READ_BYTES)
            if not part:
                raise self._died()
            waiting += part

    def _died(self) -> SourceError:
        assert self._process is not None
        self.is_over = True
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        code = self._process.poll()
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with code {code}"
        return SourceError(
            f"The packet meter {how} while it read {self.source}, after {self.counted.packets:,} "
            "packets; a packet there is more than NFStream can bear, so leave that file out or "
            "filter its traffic."
        )

    def _refused(self, reason: str) -> SourceError:
        reason = reason.strip().rstrip(".") or "no reason given"
        if self._options["bpf_filter"] and "BPF" in reason:
            return SourceError(
                f"The packet filter {self._options['bpf_filter']!r} is not in libpcap's language; "
                "write it like `not port 22`."
            )
        if not self._options["live"]:
            return SourceError(
                f"{self.source} cannot be read ({reason}); capture or copy it again."
            )
        return SourceError(
            f"Interface {self.source} cannot be listened on ({reason}); check that it is up, and "
            "that this process may capture."
        )


def _dtype_of(layout: dict[str, Any]) -> np.dtype[Any]:
    fields, tail = layout["fields"], layout["tail"]
    if lacking := [name for name in _WANTED if name not in fields]:
        raise SourceError(
            f"The installed nfstream tells no {lacking[0]}; EdgeGuard reads nfstream 6.6."
        )
    formats = [_format_of(fields[name][1]) for name in _WANTED]
    return np.dtype(
        {
            "names": [*_WANTED, "told_ms", "turned"],
            "formats": [*formats, "=u8", "?"],
            "offsets": [*(fields[name][0] for name in _WANTED), tail, tail + 8],
            "itemsize": layout["bytes"],
        }
    )


def _format_of(c_type: str) -> str:
    if c_type.startswith("char["):
        return f"S{c_type[5:-1]}"
    return _NUMBERS[c_type]
