"""One entry of the ``sinks:`` list of a box's settings as a sink."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edgeguard_core.clock import Clock, SystemClock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.dead_letters import DeadLetters
from edgeguard_core.outputs.records import Kind, Record
from edgeguard_core.outputs.sink import Sink

if TYPE_CHECKING:
    from ssl import SSLContext

_Opener = Callable[[Mapping[str, Any], Path, Clock], Sink]


class Filtered:
    """A sink that gets records of some kinds only; the others count as delivered."""

    def __init__(self, sink: Sink, kinds: Collection[Kind]) -> None:
        self.name = sink.name
        self.linger_s = getattr(sink, "linger_s", 0.0)
        self.takes_counts = getattr(sink, "takes_counts", False) and Kind.COUNTS in kinds
        self.dead_letters = getattr(sink, "dead_letters", None)
        self._sink = sink
        self._kinds = frozenset(kinds)

    def send(self, records: Sequence[Record]) -> None:
        """Deliver those of the chosen kinds; raises what the sink raises."""
        chosen = [record for record in records if record.kind in self._kinds]
        if chosen:
            self._sink.send(chosen)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()


def open_sink(
    settings: Mapping[str, Any], *, dead_letters: Path, clock: Clock | None = None
) -> Sink:
    """The sink that an entry of ``sinks:`` describes; nothing is connected yet.

    The entry holds one of ``jsonl``, ``syslog``, ``webhook``, ``mqtt`` and ``store``, what that
    one takes (docs/outputs.md), and perhaps ``kinds``, the kinds of records it gets.

    Parameters
    ----------
    dead_letters
        A folder; what a receiver refuses for good is kept in a file in it.

    Raises
    ------
    OutputError
        If a key is unknown or a value impossible, or a package that the sink needs is missing.

    Examples
    --------
    >>> open_sink({"jsonl": "-", "colour": "red"}, dead_letters=Path("state"))
    Traceback (most recent call last):
    ...
    edgeguard_core.errors.OutputError: A jsonl sink does not know 'colour'; it takes jsonl, \
keep, kinds, rotate_megabytes.
    """
    if not isinstance(settings, Mapping):
        raise OutputError(f"A sink is described by keys such as jsonl: PATH, not by {settings!r}.")
    sorts = [sort for sort in _SORTS if sort in settings]
    if len(sorts) != 1:
        found = " and ".join(sorts) or ", ".join(map(str, settings)) or "nothing"
        raise OutputError(
            f"A sink is exactly one of {', '.join(_SORTS)}; this entry holds {found}."
        )
    sort = sorts[0]
    keys, opener = _SORTS[sort]
    unknown = [key for key in settings if key not in keys and key not in (sort, "kinds")]
    if unknown:
        known = ", ".join(sorted((*keys, sort, "kinds")))
        raise OutputError(f"A {sort} sink does not know {unknown[0]!r}; it takes {known}.")
    kinds = _kinds(settings.get("kinds"))
    sink = opener(settings, Path(dead_letters), clock or SystemClock())
    return sink if kinds is None else Filtered(sink, kinds)


def _kinds(value: object) -> frozenset[Kind] | None:
    if value is None:
        return None
    known = ", ".join(kind.value for kind in Kind)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise OutputError(f"kinds is a list of {known}, not {value!r}.")
    for kind in value:
        if kind not in list(Kind):
            raise OutputError(f"kinds holds {kind!r}; it may hold {known}.")
    return frozenset(Kind(kind) for kind in value)


def _number(
    settings: Mapping[str, Any], key: str, otherwise: float | None, least: float
) -> float | None:
    value = settings.get(key, otherwise)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise OutputError(f"{key} is {value!r}; it must be a number of at least {least:g}.")
    return float(value)


def _text(settings: Mapping[str, Any], key: str) -> str:
    value = settings[key]
    if not isinstance(value, str) or not value:
        raise OutputError(f"{key} is {value!r}; it must be a text, such as a path or an address.")
    return value


def _open_jsonl(settings: Mapping[str, Any], folder: Path, clock: Clock) -> Sink:
    from edgeguard_core.outputs.jsonl import JsonLinesSink, StdoutSink

    path = _text(settings, "jsonl")
    megabytes = _number(settings, "rotate_megabytes", None, least=0.001)
    keep = _number(settings, "keep", 5, least=1)
    if path == "-":
        if megabytes is not None:
            raise OutputError("rotate_megabytes is for a file; leave it out where jsonl is -.")
        return StdoutSink()
    rotate_bytes = None if megabytes is None else int(megabytes * 1e6)
    return JsonLinesSink(Path(path), rotate_bytes, int(keep or 5))


def _open_store(settings: Mapping[str, Any], folder: Path, clock: Clock) -> Sink:
    from edgeguard_core.outputs.store import DEFAULT_RETENTION_DAYS, StoreSink

    days = _number(settings, "retention_days", DEFAULT_RETENTION_DAYS, least=0.01)
    return StoreSink(
        _text(settings, "store"),
        DEFAULT_RETENTION_DAYS if days is None else days,
        clock,
        most_megabytes=_number(settings, "most_megabytes", None, least=1),
        dead_letters=_dead_letters(folder, "store", _text(settings, "store"), clock),
    )


def _open_syslog(settings: Mapping[str, Any], folder: Path, clock: Clock) -> Sink:
    from edgeguard_core.outputs.syslog import SyslogSink, parse_address
    from edgeguard_core.outputs.syslog_format import DEFAULT_FACILITY, FACILITIES, MESSAGES

    address = parse_address(_text(settings, "syslog"))
    return SyslogSink(
        address,
        facility=_one_of(settings, "facility", DEFAULT_FACILITY, tuple(FACILITIES)),
        message=_one_of(settings, "message", MESSAGES[0], MESSAGES),
        context=_context(settings, str(address), is_tls=address.kind == "tls"),
    )


def _open_webhook(settings: Mapping[str, Any], folder: Path, clock: Clock) -> Sink:
    from edgeguard_core.outputs.webhook import WebhookSink

    url = _text(settings, "webhook")
    headers = settings.get("headers", {})
    if not isinstance(headers, Mapping):
        raise OutputError(f"headers is {headers!r}; write NAME: VALUE lines under it.")
    return WebhookSink(
        url,
        clock,
        _dead_letters(folder, "webhook", url, clock),
        headers=headers,
        timeout_s=_number(settings, "timeout_s", 10.0, least=0.1) or 10.0,
        context=_context(settings, "the webhook", is_tls=url.startswith("https:")),
    )


def _open_mqtt(settings: Mapping[str, Any], folder: Path, clock: Clock) -> Sink:
    from edgeguard_core.outputs.mqtt import MqttSink, parse_address

    address = parse_address(_text(settings, "mqtt"))
    qos = settings.get("qos", 1)
    if qos not in (0, 1, 2) or isinstance(qos, bool):
        raise OutputError(f"qos is {qos!r}; it must be 0, 1 or 2.")
    return MqttSink(
        address, qos=qos, context=_context(settings, str(address), is_tls=address.is_tls)
    )


def _one_of(settings: Mapping[str, Any], key: str, otherwise: str, choices: Collection[str]) -> str:
    value = settings.get(key, otherwise)
    if value not in choices:
        raise OutputError(f"{key} is {value!r}; choose one of {', '.join(choices)}.")
    return str(value)


def _context(settings: Mapping[str, Any], address: str, *, is_tls: bool) -> "SSLContext | None":
    """What checks certificates; made now, so that a missing file is told before the start."""
    from edgeguard_core.outputs.tls import client_context, refuse_tls_keys

    if is_tls:
        return client_context(settings)
    refuse_tls_keys(settings, address)
    return None


def _dead_letters(folder: Path, sort: str, address: str, clock: Clock) -> DeadLetters:
    """One file a sink, with the same name after a restart."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:8]
    return DeadLetters(folder / f"{sort}-{digest}.dead.jsonl", clock)


_TLS_KEYS: Final = ("ca", "cert", "key")
_SORTS: Final[dict[str, tuple[tuple[str, ...], _Opener]]] = {
    "jsonl": (("rotate_megabytes", "keep"), _open_jsonl),
    "syslog": (("facility", "message", *_TLS_KEYS), _open_syslog),
    "webhook": (("headers", "timeout_s", *_TLS_KEYS), _open_webhook),
    "mqtt": (("qos", *_TLS_KEYS), _open_mqtt),
    "store": (("retention_days", "most_megabytes"), _open_store),
}
