"""MQTT as a sink: a message for each record, confirmed by the broker.

Needs paho-mqtt (extra ``mqtt``), which is imported when the sink is made.
"""

import re
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.outputs.wire import body_json

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEPALIVE_S = 30
_LOOK_S = 0.1  # whether the connection still stands, while a message is not confirmed


@dataclass(frozen=True)
class MqttAddress:
    """A broker and the topic under which records stand there."""

    host: str
    port: int
    topic: str
    is_tls: bool
    user: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_tls else 'mqtt'}://{host}:{self.port}/{self.topic}"


def parse_address(text: str) -> MqttAddress:
    """The address in a box's settings.

    Raises
    ------
    OutputError
        If it is none; the message holds no password.

    Examples
    --------
    >>> str(parse_address("mqtt://edge:secret@broker.example/site/alerts"))
    'mqtt://broker.example:1883/site/alerts'
    """
    wanted = "write mqtt://[USER:PASSWORD@]HOST:1883/TOPIC, or mqtts:// for TLS"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise OutputError(f"The address of the MQTT broker cannot be read; {wanted}.") from error
    topic = unquote(parts.path.strip("/"))
    if parts.scheme not in _PORTS or not parts.hostname or not topic or re.search(r"[+#\0]", topic):
        raise OutputError(f"The address of the MQTT broker cannot be used; {wanted}.")
    return MqttAddress(
        parts.hostname,
        port or _PORTS[parts.scheme],
        topic,
        parts.scheme == "mqtts",
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


class MqttSink:
    """Each record under ``TOPIC/SENSOR/KIND``; heartbeats are retained.

    With ``qos`` 1 a batch counts as delivered once the broker has confirmed each message. With
    0 it counts once it was sent. A connection that failed is thrown away with all that waited
    in it, so that nothing overtakes what is sent again.

    Raises
    ------
    OutputError
        If paho-mqtt is not installed.
    """

    def __init__(
        self,
        address: MqttAddress,
        *,
        qos: int = 1,
        context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        try:
            import paho.mqtt.client  # noqa: F401
        except ModuleNotFoundError as error:
            raise OutputError(
                "An MQTT sink needs the package paho-mqtt; install edgeguard[mqtt]."
            ) from error
        self.name = f"mqtt {address}"
        self._address = address
        self._qos = qos
        self._context = context
        self._timeout_s = timeout_s
        self._client: Any = None

    def send(self, records: Sequence[Record]) -> None:
        """Publish the records; with ``qos`` 1 the broker has them when this returns.

        Raises
        ------
        OutputError
            If the broker is away, refuses the user or does not confirm in time.
        """
        try:
            client = self._connected()
            sent = [
                client.publish(
                    self._topic(record),
                    body_json(record.body).encode(),
                    qos=self._qos,
                    retain=record.kind is Kind.HEARTBEAT,
                )
                for record in records
            ]
            until_s = time.monotonic() + self._timeout_s
            for message in sent:
                while not message.is_published():
                    if not client.is_connected():
                        raise ConnectionError("it closed the connection")
                    if time.monotonic() > until_s:
                        raise TimeoutError("it does not confirm")
                    message.wait_for_publish(_LOOK_S)
        except (OSError, RuntimeError, ValueError) as error:
            self.close()
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise OutputError(
                f"The MQTT broker {self._address} takes nothing: {reason.rstrip('.')}; it is "
                "tried again."
            ) from error

    def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, RuntimeError, ValueError):
                client.disconnect()
            client.loop_stop()

    def _topic(self, record: Record) -> str:
        sensor = re.sub(r"[+#/\0]", "_", record.sensor) or "_"
        return f"{self._address.topic}/{sensor}/{record.kind.value}"

    def _connected(self) -> Any:
        if self._client is not None and not self._client.is_connected():
            self.close()
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Any:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        answered = threading.Event()
        answers: list[Any] = []

        def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
            answers.append(code)
            answered.set()

        client.on_connect = on_connect
        client.on_connect_fail = lambda _client, _data: answered.set()
        client.connect_timeout = self._timeout_s
        client.max_inflight_messages_set(200)
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._address.is_tls:
            client.tls_set_context(self._context or ssl.create_default_context())
        client.connect(self._address.host, self._address.port, keepalive=_KEEPALIVE_S)
        client.loop_start()
        answered.wait(self._timeout_s)
        if not answers or answers[0].is_failure:
            with suppress(OSError, RuntimeError, ValueError):
                client.disconnect()
            client.loop_stop()
            raise ConnectionError(str(answers[0]) if answers else "it does not answer")
        return client
