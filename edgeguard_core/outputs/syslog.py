"""Syslog as a sink: UDP, TCP and TLS with counted octets, or a unix socket."""

import errno
import fcntl
import os
import select
import socket
import ssl
import struct
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.syslog_format import DEFAULT_FACILITY, FACILITIES, syslog_message

_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_MOST_DATAGRAM_BYTES = 2048  # what every receiver should take (RFC 5424, 6.1)
_UNSENT_OCTETS = termios.TIOCOUTQ


@dataclass(frozen=True)
class SyslogAddress:
    """Where messages go: ``kind`` is udp, tcp, tls or unix."""

    kind: str
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"


def parse_address(text: str) -> SyslogAddress:
    """The address in a box's settings.

    Raises
    ------
    OutputError
        If it is none.

    Examples
    --------
    >>> str(parse_address("tls://logs.example"))
    'tls://logs.example:6514'
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OutputError(f"The syslog address {text!r} cannot be read: {error}.") from error
    if parts.scheme == "unix" and parts.path:
        return SyslogAddress("unix", path=unquote(parts.path))
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise OutputError(
            f"The syslog address {text!r} cannot be used; write udp://HOST:514, tcp://HOST:514, "
            "tls://HOST:6514 or unix:/dev/log."
        )
    return SyslogAddress(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


class SyslogSink:
    """Each record as one message of RFC 5424.

    Over TCP and TLS a batch counts as delivered once the receiver's machine has confirmed its
    octets; syslog knows no more. Over UDP nothing is confirmed, and only a machine that says
    that nobody listens is noticed.

    Parameters
    ----------
    facility
        One of ``FACILITIES``.
    message
        ``sentence`` or ``json``: what the text of a message is.
    context
        For ``tls``.
    """

    def __init__(
        self,
        address: SyslogAddress,
        *,
        facility: str = DEFAULT_FACILITY,
        message: str = "sentence",
        context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = f"syslog {address}"
        self._address = address
        self._facility = FACILITIES[facility]
        self._message = message
        self._context = context
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def send(self, records: Sequence[Record]) -> None:
        """The messages, sent; over TCP and TLS confirmed by the other machine.

        Raises
        ------
        OutputError
            If the receiver cannot be reached or does not take them in time.
        """
        try:
            connection = self._connected()
            is_datagram = connection.type == socket.SOCK_DGRAM
            messages = [self._bytes(record, is_datagram) for record in records]
            if is_datagram:
                for message in messages:
                    connection.send(message)
            else:
                framed = (b"%d %s" % (len(message), message) for message in messages)
                connection.sendall(b"".join(framed))
                self._wait_until_confirmed(connection)
        except OSError as error:
            self.close()
            raise OutputError(
                f"The syslog receiver {self._address} cannot be reached: "
                f"{error.strerror or error}; it is tried again."
            ) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None

    def _bytes(self, record: Record, is_datagram: bool) -> bytes:
        return syslog_message(
            record,
            hostname=socket.gethostname(),
            process=os.getpid(),
            facility=self._facility,
            message=self._message,
            most_bytes=_MOST_DATAGRAM_BYTES if is_datagram else None,
        )

    def _connected(self) -> socket.socket:
        if self._socket is not None and _is_gone(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._connect()
        return self._socket

    def _connect(self) -> socket.socket:
        address = self._address
        if address.kind == "unix":
            return self._connect_unix(address.path)
        if address.kind == "udp":
            family, kind, protocol, _, where = socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_DGRAM
            )[0]
            return self._opened(socket.socket(family, kind, protocol), where)
        connection = socket.create_connection((address.host, address.port), self._timeout_s)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if address.kind == "tls":
                context = self._context or ssl.create_default_context()
                return context.wrap_socket(connection, server_hostname=address.host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_unix(self, path: str) -> socket.socket:
        try:
            return self._opened(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), path)
        except OSError as error:
            if not isinstance(error, ConnectionError) and error.errno != errno.EPROTOTYPE:
                raise
            return self._opened(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)

    def _opened(self, connection: socket.socket, where: object) -> socket.socket:
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(where)  # type: ignore[arg-type]
        except BaseException:
            connection.close()
            raise
        return connection

    def _wait_until_confirmed(self, connection: socket.socket) -> None:
        """Until the other machine has confirmed all octets, where the system can tell."""
        if self._address.kind == "unix" or not sys.platform.startswith("linux"):
            return
        until_s = time.monotonic() + self._timeout_s
        pause_s = 0.0005
        while struct.unpack("i", fcntl.ioctl(connection, _UNSENT_OCTETS, b"\0" * 4))[0]:
            if time.monotonic() > until_s:
                raise TimeoutError("it confirms nothing")
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)
        if _is_gone(connection):  # its reset threw away what it had not read
            raise ConnectionResetError("it closed the connection")


def _is_gone(connection: socket.socket) -> bool:
    """Whether the receiver closed its end; a receiver of syslog never says anything."""
    if connection.type == socket.SOCK_DGRAM:
        return False
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    if isinstance(connection, ssl.SSLSocket):
        before_s = connection.gettimeout()
        connection.settimeout(0)
        try:
            return connection.recv(1) == b""
        except (ssl.SSLWantReadError, BlockingIOError):
            return False  # a ticket for the next session
        except OSError:
            return True
        finally:
            connection.settimeout(before_s)
    try:
        return connection.recv(4096, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
