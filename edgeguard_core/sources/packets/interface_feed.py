"""A network interface as a feed: packets in, flows out, for months."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edgeguard_core.errors import SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.feed import Fed
from edgeguard_core.sources.packets.capture_feed import empty_flows
from edgeguard_core.sources.packets.meter import (
    METER,
    Counted,
    InterfaceGone,
    PacketMeter,
    Records,
    require_engine,
)
from edgeguard_core.sources.packets.records import reader_of
from edgeguard_core.sources.timeouts import Timeouts

_WAIT_S = 0.25
_RETRY_S = 1.0
_FLUSH_S = 4.0


class InterfaceFeed:
    """The flows of an interface, each at most ``active_s`` and some seconds after it began.

    Where the interface goes away, a note says so, and the feed waits until it is back. Packets
    that the kernel had no room for are counted as the kernel tells it.

    Parameters
    ----------
    interface
        Its name, such as ``eth0``.
    timeouts
        When a flow ends.
    promiscuous
        Whether frames for other hosts are read, as on a mirror port.
    bpf_filter
        Which packets are looked at, in libpcap's language; None for all.
    monotonic, sleep
        The clock, in seconds.
    """

    meter = METER
    waits = False
    is_live = True

    def __init__(
        self,
        interface: str,
        options: ReadOptions | None = None,
        *,
        timeouts: Timeouts | None = None,
        promiscuous: bool = True,
        bpf_filter: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"interface {interface}"
        self._interface, self._options = interface, options or ReadOptions()
        self._timeouts = timeouts or self._options.timeouts
        self._promiscuous, self._bpf_filter = promiscuous, bpf_filter
        self._monotonic, self._sleep = monotonic, sleep
        self._stopped = threading.Event()
        self._meter: PacketMeter | None = None
        self._before = Counted()  # of meters that were replaced
        self._was_gone = 0

    @property
    def schema(self) -> Schema:
        """The canonical schema."""
        return Schema.named("flow")

    def start(self) -> None:
        """Begin to listen.

        Raises
        ------
        SourceError
            If there is no such interface, no right to capture, no nfstream, or the filter is
            none.
        """
        require_engine()
        require_interface(self._interface)
        require_right_to_capture()
        self._meter = self._open()

    def batches(self) -> Iterator[Fed]:
        """The flows as they end; an empty batch each half second without any.

        Raises
        ------
        SourceError
            If the packet meter broke down.
        """
        assert self._meter is not None, "start comes first"
        nothing = empty_flows(self._options)
        read = reader_of(self._options)[1]
        try:
            while not self._stopped.is_set():
                try:
                    records = self._meter.read(_WAIT_S)
                except InterfaceGone:
                    yield Fed(nothing, notes=(self._gone(),))
                    for _ in self._until_back():
                        yield Fed(nothing)
                    if not self._stopped.is_set():
                        yield Fed(nothing, notes=(f"Interface {self._interface} is back.",))
                    continue
                if records is None:
                    return
                yield Fed(read(records).flows if len(records) else nothing)
            for records in self._rest():
                yield Fed(read(records).flows)
        finally:
            self._meter.close()

    def stop(self) -> None:
        """End ``batches`` soon; the flows under way are given first."""
        self._stopped.set()
        if self._meter is not None:
            self._meter.stop()

    def counters(self) -> Mapping[str, int]:
        """Packets so far, all meters of this feed together.

        ``packets`` metered, those ``without_ip``, ``lost_packets`` for which the kernel had no
        room or that the interface dropped, flows that ended ``early``, and how often the
        interface was ``gone``.
        """
        now = self._meter.counted if self._meter else Counted()
        before = self._before
        lost = now.lost_by_kernel + now.lost_by_interface
        return {
            "packets": before.packets + now.packets,
            "without_ip": before.ignored + now.ignored,
            "lost_packets": before.lost_by_kernel + before.lost_by_interface + lost,
            "early": before.early + now.early,
            "gone": self._was_gone,
        }

    def _open(self) -> PacketMeter:
        return PacketMeter(
            self._interface,
            self._timeouts,
            live=True,
            promiscuous=self._promiscuous,
            bpf_filter=self._bpf_filter,
        ).__enter__()

    def _gone(self) -> str:
        self._was_gone += 1
        return f"Interface {self._interface} went away or down; it is read again once it is back."

    def _until_back(self) -> Iterator[None]:
        """Wait for the interface, a turn each quarter second."""
        assert self._meter is not None
        self._meter.close()
        self._before = _sum(self._before, self._meter.counted)
        self._meter.counted = Counted()
        tried_s = self._monotonic()
        while not self._stopped.is_set():
            yield
            self._sleep(_WAIT_S)
            if self._monotonic() - tried_s < _RETRY_S:
                continue
            tried_s = self._monotonic()
            if self._interface in interfaces() and _is_up(self._interface):
                try:
                    self._meter = self._open()
                except SourceError:
                    continue  # it may be gone again
                return

    def _rest(self) -> Iterator[Records]:
        """What the meter still had when it was asked to end."""
        assert self._meter is not None
        until_s = self._monotonic() + _FLUSH_S
        while self._monotonic() < until_s:
            try:
                records = self._meter.read(_WAIT_S)
            except (InterfaceGone, SourceError):
                return
            if records is None:
                return
            if len(records):
                yield records


def interfaces() -> list[str]:
    """The names of this machine's interfaces."""
    return [name for _, name in socket.if_nameindex()]


def require_interface(name: str) -> None:
    """Refuse a name that no interface has.

    Raises
    ------
    SourceError
        Then; the message lists those there are.
    """
    if name not in (known := interfaces()):
        raise SourceError(
            f"There is no interface {name!r} here; there are {', '.join(known) or 'none'}."
        )


def require_right_to_capture() -> None:
    """Refuse to listen without the right to.

    Raises
    ------
    SourceError
        Then; the message says how to get it.
    """
    family = getattr(socket, "AF_PACKET", None)
    if family is None:  # not Linux; libpcap says what is missing
        return
    try:
        socket.socket(family, socket.SOCK_RAW, 0).close()
    except PermissionError as error:
        raise SourceError(
            "Listening on an interface needs the right to capture: run as root, give the service "
            "CAP_NET_RAW, or run `setcap cap_net_raw=ep` on a copy of the Python program."
        ) from error
    except OSError as error:
        raise SourceError(
            f"This machine does not let packets be captured ({error.strerror})."
        ) from error


def _is_up(name: str) -> bool:
    try:
        return bool(int(Path(f"/sys/class/net/{name}/flags").read_text("ascii"), 16) & 1)
    except (OSError, ValueError):
        return True  # not Linux; trying tells


def _sum(one: Counted, other: Counted) -> Counted:
    return Counted(*(a + b for a, b in zip(vars(one).values(), vars(other).values(), strict=True)))
