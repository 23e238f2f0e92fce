"""A webhook as a sink: records as a JSON array, by POST."""

import http.client
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import edgeguard_core
from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.dead_letters import DeadLetters
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.sink import SinkBusy
from edgeguard_core.outputs.wire import body_json

_MOST_RECORDS = 100  # a request
_MOST_ANSWER_BYTES = 64 << 10
_COME_AGAIN = (408, 425, 429)
_ABOUT_ONE_RECORD = (400, 413, 422)  # a record may be to blame, so they go one by one


class WebhookSink:
    """Records posted to an address, as an array of JSON objects.

    An answer of 2xx is a delivery. After 5xx, 408, 425, 429 or no answer they are posted again,
    not before the time that ``Retry-After`` names. What is refused with another 4xx becomes a
    dead letter; after 400, 413 and 422 only the records that the receiver refuses alone.

    Parameters
    ----------
    headers
        Sent along, such as ``Authorization``.
    context
        For ``https``; without, the system's authorities.

    Raises
    ------
    OutputError
        If the address or a header cannot be used.
    """

    linger_s = 0.2  # what comes within this time shares a request

    def __init__(
        self,
        url: str,
        clock: Clock,
        dead_letters: DeadLetters,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError as error:
            raise OutputError(f"The webhook's address cannot be read: {error}.") from error
        if parts.scheme not in ("http", "https") or not self._host:
            raise OutputError("A webhook is an address such as https://HOST/PATH.")
        if parts.username is not None:
            raise OutputError("A webhook takes no password in its address; use headers.")
        self._is_tls = parts.scheme == "https"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = f":{self._port}" if self._port else ""
        self._shown = (
            f"{parts.scheme}://{self._host}{port}{parts.path}"  # no query: it may hold a key
        )
        self.name = f"webhook {self._shown}"
        self.dead_letters = dead_letters
        self._clock = clock
        self._timeout_s = timeout_s
        self._context = context
        self._connection: http.client.HTTPConnection | None = None
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"EdgeGuard/{edgeguard_core.__version__}",
            **_checked(headers or {}),
        }

    def send(self, records: Sequence[Record]) -> None:
        """Post the records, a hundred at a time.

        Raises
        ------
        SinkBusy
            If the receiver named a time to come again.
        OutputError
            If it cannot be reached, does not answer in time or answers 3xx or 5xx.
        """
        for begin in range(0, len(records), _MOST_RECORDS):
            self._post(records[begin : begin + _MOST_RECORDS])

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None

    def _post(self, records: Sequence[Record]) -> None:
        status, reason, retry_after = self._request(records)
        if 200 <= status < 300:
            return
        answer = f"{status} {reason}".strip()
        if status in _COME_AGAIN or status >= 500:
            message = f"The webhook {self._shown} answered {answer}; it is tried again."
            wait_s = self._seconds(retry_after)
            raise OutputError(message) if wait_s is None else SinkBusy(message, wait_s)
        if status < 400:
            raise OutputError(
                f"The webhook {self._shown} answered {answer}; give the address it leads to."
            )
        if status in _ABOUT_ONE_RECORD and len(records) > 1:
            middle = len(records) // 2
            self._post(records[:middle])
            self._post(records[middle:])
            return
        self.dead_letters.keep(records, self.name, f"the receiver answered {answer}")

    def _request(self, records: Sequence[Record]) -> tuple[int, str, str | None]:
        body = f"[{','.join(body_json(record.body) for record in records)}]".encode()
        is_reused = self._connection is not None
        try:
            return self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if is_reused and not isinstance(error, TimeoutError):
                with suppress(OSError, http.client.HTTPException):
                    return self._exchange(body)  # an idle connection was closed meanwhile
                self.close()
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise OutputError(
                f"The webhook {self._shown} cannot be reached: {cause}; it is tried again."
            ) from error

    def _exchange(self, body: bytes) -> tuple[int, str, str | None]:
        if self._connection is None:
            self._connection = self._open()
        self._connection.request("POST", self._target, body, self._headers)
        with self._connection.getresponse() as answer:
            answer.read(_MOST_ANSWER_BYTES)
            result = answer.status, answer.reason, answer.getheader("Retry-After")
            if not answer.isclosed() and answer.read(1):
                self.close()  # it talks on; that is not waited for
        return result

    def _open(self) -> http.client.HTTPConnection:
        assert self._host is not None
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        context = self._context or ssl.create_default_context()
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=context
        )

    def _seconds(self, retry_after: str | None) -> float | None:
        """The pause that a Retry-After asks for: in seconds, or until a date."""
        if retry_after is None:
            return None
        if retry_after.strip().isdigit():
            return float(retry_after)
        try:
            until: datetime = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - self._clock.now()).total_seconds())


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    checked = {}
    for name, value in headers.items():
        text = str(value)
        if not str(name).isascii() or not text.isprintable() or not text.isascii() or ":" in name:
            raise OutputError(f"The header {name!r} of a webhook must be one line of ASCII.")
        checked[str(name)] = text
    return checked
