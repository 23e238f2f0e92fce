"""What SOURCE means: a log, standard input, a capture, an interface."""

import os
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeguard_core.detection.detector import Detector
from edgeguard_core.errors import SourceError
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.feed import Feed
from edgeguard_core.sources.tail import FileFeed, StdinFeed, TailFeed
from edgeguard_core.watch.settings import BoxSettings

_INTERFACES = Path("/sys/class/net")
_PREFIX = "interface:"
_SHORTEST_POLL_S = 0.005


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line about the source."""

    speed: float | None = None
    from_start: bool = False
    until_end: bool = False


def kind_of(source: str) -> str:
    """``stdin``, ``interface``, ``capture``, ``pipe``, ``file`` or ``log``.

    Raises
    ------
    SourceError
        If it is none of them.
    """
    if source == "-":
        return "stdin"
    if source.startswith(_PREFIX):
        return "interface"
    path = Path(source)
    if path.exists():
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode):
            return "pipe"
        if stat.S_ISDIR(mode):
            raise SourceError(f"{source} is a folder; name the log in it.")
        return _kind_of_file(path)
    if source in interfaces():
        return "interface"
    if path.parent.is_dir() and path.suffix:
        return "log"  # it will come
    there = ", ".join(interfaces()) or "none"
    raise SourceError(
        f"{source} is neither a file nor an interface (interfaces here: {there}); check the name."
    )


def interfaces() -> list[str]:
    """The network interfaces of this machine."""
    try:
        return sorted(entry.name for entry in _INTERFACES.iterdir())
    except OSError:
        return []


def _kind_of_file(path: Path) -> str:
    from edgeguard_core.sources.nfdump import NFDUMP_MAGICS
    from edgeguard_core.sources.packets.capture_file import is_capture
    from edgeguard_core.sources.streams import GZIP_MAGIC, ZSTD_MAGIC

    if is_capture(path):
        return "capture"
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}; check the path.") from error
    whole = head.startswith((GZIP_MAGIC, b"PAR1", *NFDUMP_MAGICS)) or ZSTD_MAGIC.match(head)
    return "file" if whole else "log"


def open_feed(
    source: str,
    detector: Detector,
    settings: BoxSettings,
    wanted: Wanted,
    position: Mapping[str, Any] | None,
) -> Feed:
    """The feed of a source, not started yet.

    Raises
    ------
    SourceError
        If there is no such source, or an option does not go with it.
    """
    from edgeguard_core.detection.reading import reading_for

    options = ReadOptions()
    if settings.local_networks:
        options = replace(options, local_networks=settings.local_networks)
    options = reading_for(detector, options)
    kind = kind_of(source)
    if wanted.speed is not None and kind != "capture":
        raise SourceError("--speed is for captures: flows of other sources come as they come.")
    if kind == "stdin":
        return StdinFeed(options, gather_s=settings.batch_seconds)
    if kind == "pipe":
        pipe = os.open(source, os.O_RDONLY)
        return StdinFeed(options, descriptor=pipe, name=source, gather_s=settings.batch_seconds)
    if kind == "capture":
        return _capture(source, options, settings, wanted)
    if kind == "interface":
        return _interface(source.removeprefix(_PREFIX), options, settings)
    if kind == "file":
        return FileFeed(source, options)
    return TailFeed(
        source,
        options,
        from_start=wanted.from_start or wanted.until_end,
        position=position,
        until_end=wanted.until_end,
        poll_s=max(settings.batch_seconds, _SHORTEST_POLL_S),
    )


def _capture(source: str, options: ReadOptions, settings: BoxSettings, wanted: Wanted) -> Feed:
    from edgeguard_core.sources.packets.capture_feed import CaptureFeed

    return CaptureFeed(
        Path(source), options, timeouts=_timeouts(options, settings), speed=wanted.speed
    )


def _interface(name: str, options: ReadOptions, settings: BoxSettings) -> Feed:
    from edgeguard_core.sources.packets.interface_feed import InterfaceFeed

    return InterfaceFeed(name, options, timeouts=_timeouts(options, settings))


def _timeouts(options: ReadOptions, settings: BoxSettings) -> Any:
    """Those of the settings, else those that the bundle was trained with."""
    given = {
        "idle_s": settings.timeouts_idle_s,
        "active_s": settings.timeouts_active_s,
    }
    return replace(options.timeouts, **{name: s for name, s in given.items() if s is not None})


def own_addresses() -> frozenset[str]:
    """The addresses of this machine, but for its loopback; empty where it does not say."""
    found: set[str] = set()
    try:
        text = Path("/proc/net/fib_trie").read_text()
    except OSError:
        text = ""
    before = ""
    for line in text.splitlines():
        if "/32 host LOCAL" in line:
            found.add(before)
        before = line.split()[-1] if line.split() else ""
    try:
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            found.add(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])))
    except (OSError, ValueError):
        pass
    return frozenset(a for a in found if not a.startswith("127.") and a != "::1")
