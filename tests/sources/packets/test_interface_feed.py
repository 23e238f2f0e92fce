"""Listening on an interface: what is refused, and what is heard where packets may be captured."""

import ctypes
import os
import socket
import subprocess
import threading

import pytest
from captures import A, B, ethernet, ip, udp

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.packets import InterfaceFeed, Timeouts
from edgeguard_core.sources.packets.interface_feed import interfaces

MOST_TURNS = 120  # each at most a quarter second of silence


def require_capture() -> None:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as error:
        pytest.skip(f"packets cannot be captured here: {error}")


def test_no_such_interface_lists_those_there_are():
    with pytest.raises(SourceError, match="There is no interface 'none7' here; there are ") as told:
        InterfaceFeed("none7").start()
    assert all(name in str(told.value) for name in interfaces())


def test_no_right_to_capture_says_how_to_get_it(monkeypatch):
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(
        SourceError, match=r"run as root, .*CAP_NET_RAW, or run `setcap cap_net_raw"
    ):
        InterfaceFeed(interfaces()[0]).start()


def test_a_filter_that_is_none_is_refused():
    require_capture()
    with pytest.raises(SourceError, match="packet filter 'no filter' is not in libpcap's language"):
        InterfaceFeed("lo", bpf_filter="no filter").start()


def test_what_passes_the_loopback_is_heard_and_a_stop_gives_the_rest():
    require_capture()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        to.bind(("127.0.0.1", 0))
        port = to.getsockname()[1]
        feed = InterfaceFeed("lo", timeouts=Timeouts(0.2, 0.2), bpf_filter=f"udp port {port}")
        feed.start()
        assert (feed.waits, feed.is_live, feed.name) == (False, True, "interface lo")
        sender.sendto(b"x" * 100, ("127.0.0.1", port))
        heard = []
        for turns, fed in enumerate(feed.batches()):
            heard += [fed.flows] if len(fed.flows) else []
            if len(heard) == 1:
                # It is over by the clock alone: nothing more was sent.
                sender.sendto(b"y" * 50, ("127.0.0.1", port))
                threading.Timer(0.0, feed.stop).start()
                heard.append(None)
            assert turns < MOST_TURNS
        assert heard[0].columns["src2dst_bytes"].tolist() == [128]  # 20 + 8 + 100
        assert heard[0].columns["dst_port"].tolist() == [port]
        assert feed.counters()["packets"] >= 1
        assert feed._meter._process is None


NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def sh(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True)


@pytest.fixture
def network_of_its_own():
    """A network namespace for this thread and what it starts.

    Interfaces that come and go are seen by every program of the network they are in: a browser
    that another test drives gives up what it was fetching.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(NEW_NETWORK) != 0:
            reason = os.strerror(ctypes.get_errno())
            pytest.skip(f"no network of its own can be made here: {reason}")
        yield
        assert libc.setns(ours, NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(ours)


@pytest.fixture
def pair(network_of_its_own):
    """Two interfaces joined by a cable, and what makes them again."""
    require_capture()
    names = ("egtest0", "egtest1")

    def make() -> tuple[str, str]:
        sh(f"ip link add {names[0]} type veth peer name {names[1]}")
        for name in names:
            sh(f"ip link set {name} up")
        return names

    try:
        make()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no interfaces can be made here: {error}")
    yield names, make
    subprocess.run(["ip", "link", "del", names[0]], check=False, capture_output=True)


def test_an_interface_that_goes_away_is_waited_for(pair):
    (near, far), make = pair
    packet = ethernet(ip(A, B, 17, udp(1111, 2222, b"hello")))
    feed = InterfaceFeed(near, timeouts=Timeouts(0.2, 0.2), bpf_filter="udp port 2222")
    feed.start()
    notes, sent_again, heard = [], False, 0
    for turns, fed in enumerate(feed.batches()):
        if turns == 0:
            sh(f"ip link del {near}")
        if fed.notes:
            notes += fed.notes
            if len(notes) == 1:
                make()
        if len(notes) == 2 and not sent_again:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind((far, 0))
                sender.send(packet)
            sent_again = True
        heard += len(fed.flows)
        if heard:
            feed.stop()
        assert turns < MOST_TURNS
    assert notes == [
        f"Interface {near} went away or down; it is read again once it is back.",
        f"Interface {near} is back.",
    ]
    assert (heard, feed.counters()["gone"]) == (1, 1)
