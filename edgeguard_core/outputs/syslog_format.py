"""A record as a syslog message (RFC 5424)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from edgeguard_core.outputs.records import Kind, Record, iso_time
from edgeguard_core.outputs.wire import body_json

FACILITIES: Final = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "authpriv": 10,
    **{f"local{i}": 16 + i for i in range(8)},
}  # fmt: skip
DEFAULT_FACILITY = "local0"
MESSAGES: Final = ("sentence", "json")

# RFC 5612 keeps this number for who has none of his own.
_SD_ID = "edgeguard@32473"
_BOM = b"\xef\xbb\xbf"
_CRITICAL, _ERROR, _WARNING, _NOTICE, _INFORMATIONAL = 2, 3, 4, 5, 6


def severity(record: Record) -> int:
    """The syslog severity of a record: alerts and incidents by their own, 0 to 100.

    Critical (2) from 90 on, error (3) from 70 on, warning (4) below; what a watch tells of
    itself is a notice (5), a heartbeat informational (6).
    """
    if record.kind is Kind.HEARTBEAT:
        return _INFORMATIONAL
    if record.kind not in (Kind.ALERT, Kind.INCIDENT):
        return _NOTICE
    own = _part(record.body, "edgeguard")
    value = own.get("severity", _part(own, "incident").get("severity"))
    level = value if isinstance(value, int | float) else 0
    return _CRITICAL if level >= 90 else _ERROR if level >= 70 else _WARNING


def syslog_message(
    record: Record,
    *,
    hostname: str,
    process: int,
    facility: int = FACILITIES[DEFAULT_FACILITY],
    message: str = "sentence",
    most_bytes: int | None = None,
) -> bytes:
    """The message, UTF-8, without a frame around it.

    ``message`` says what its text is: the record's sentence, or its whole JSON line. Within
    ``most_bytes`` JSON that is too long gives way to the sentence, and a sentence is cut.
    """
    priority = facility * 8 + severity(record)
    head = (
        f"<{priority}>1 {iso_time(record.time_ms)} {_printable(hostname, 255)} edgeguard "
        f"{process} {record.kind.value} {_structured(record)} "
    ).encode()
    text = _sentence(record)
    if message == "json":
        json_text = body_json(record.body).encode()
        if most_bytes is None or len(head) + len(_BOM) + len(json_text) <= most_bytes:
            return head + _BOM + json_text
    whole = head + _BOM + text.encode("utf-8", "replace")
    if most_bytes is None or len(whole) <= most_bytes:
        return whole
    return _cut(whole, most_bytes)


def _structured(record: Record) -> str:
    own = _part(record.body, "edgeguard")
    incident = _part(own, "incident")
    source, destination = _part(record.body, "source"), _part(record.body, "destination")
    facts = {
        "id": record.id,
        "sensor": record.sensor,
        "score": own.get("score", incident.get("score")),
        "severity": own.get("severity", incident.get("severity")),
        "p_value": own.get("p_value"),
        "incident": incident.get("id"),
        "host": incident.get("host"),
        "cause": incident.get("cause"),
        "revision": record.revision if record.kind is Kind.INCIDENT else None,
        "src": source.get("ip"),
        "src_port": source.get("port"),
        "dst": destination.get("ip"),
        "dst_port": destination.get("port"),
        "reason": own.get("reason"),
    }
    given = (f' {name}="{_escaped(value)}"' for name, value in facts.items() if value is not None)
    return f"[{_SD_ID}{''.join(given)}]"


def _escaped(value: object) -> str:
    """As a parameter value: backslash, quote and bracket escaped, control characters out."""
    text = str(value)[:256].encode("utf-8", "replace").decode()
    text = re.sub(r"[\x00-\x1f\x7f]", " ", text)
    return re.sub(r'(["\\\]])', r"\\\1", text)


def _sentence(record: Record) -> str:
    text = str(record.body.get("message") or f"EdgeGuard {record.kind.value}")
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _printable(text: str, most: int) -> str:
    """As a header field, which holds printable ASCII without spaces."""
    return re.sub(r"[^\x21-\x7e]", "_", text)[:most] or "-"


def _cut(whole: bytes, most_bytes: int) -> bytes:
    """Shortened between two characters, with a sign that it was."""
    sign = "…".encode()
    return whole[: most_bytes - len(sign)].decode("utf-8", "ignore").encode() + sign


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}
