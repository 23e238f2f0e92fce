"""Records as bytes: one strict JSON line, the same in the spool and in every sink."""

import json
from collections.abc import Mapping
from typing import Any

from edgeguard_core.outputs.records import Kind, Record


def body_json(body: Mapping[str, Any]) -> str:
    """The body as strict JSON in one line, without the newline.

    An undefined number becomes ``null``: an alert is never lost over a figure. A half surrogate
    that a hostile name may hold becomes its JSON escape, so the text is always UTF-8.

    >>> body_json({"kind": "alert", "score": float("nan"), "name": "Überfluß"})
    '{"kind":"alert","score":null,"name":"Überfluß"}'
    """
    try:
        text = _dumps(body)
    except (TypeError, ValueError):
        from edgeguard_core.bundle.strict_json import without_nan  # only where something is odd

        text = _dumps(without_nan(body))
    # Outside of strings JSON is ASCII, so the escape can only stand where it means the same.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def record_bytes(record: Record) -> bytes:
    """The whole record in one line without the newline, for ``record_from``."""
    head = json.dumps(
        [record.kind.value, record.id, record.time_ms, record.sensor, record.revision],
        separators=(",", ":"),
    )
    return f"[{head},{body_json(record.body)}]".encode()


def record_from(line: bytes) -> Record:
    """The record in a line of ``record_bytes``.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> record = Record(Kind.ALERT, "a1", 5.0, "gate", {"kind": "alert"}, revision=2)
    >>> record_from(record_bytes(record)) == record
    True
    """
    try:
        (kind, identity, time_ms, sensor, revision), body = json.loads(line)
        return Record(Kind(kind), str(identity), float(time_ms), str(sensor), body, int(revision))
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("it is not a record") from error


def _dumps(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
