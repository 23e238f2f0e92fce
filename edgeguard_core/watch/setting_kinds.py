"""Kinds of settings: each reads a value as somebody wrote it, or says what belongs there."""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from edgeguard_core.detection.exclusion import Conditions, Exclusion
from edgeguard_core.errors import EdgeGuardError

Reader = Callable[[Any, Path | None], Any]
"""From a value and the folder of the file it stands in; ValueError says what belongs there."""

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 120
_POWER_OF_TEN = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")


def text(value: Any, folder: Path | None) -> str:
    """Any text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, not {value!r}")
    return value.strip()


def name(value: Any, folder: Path | None) -> str:
    """A short name of one line; a number is one, too."""
    found = text(str(value) if isinstance(value, int) else value, folder)
    if len(found) > _LONGEST_NAME or not found.isprintable():
        raise ValueError(f"must be one line of at most {_LONGEST_NAME} characters")
    return found


def path(value: Any, folder: Path | None) -> Path:
    """A path; a relative one starts at the folder of the file it stands in."""
    if isinstance(value, Path):
        return value
    found = Path(text(value, folder)).expanduser()
    return found if folder is None else folder / found


def number(least: float, unit: str, most: float = math.inf, *, above: bool = False) -> Reader:
    """A number of something."""
    of_it = unit if unit.startswith("of ") or not unit else f"of {unit}"

    def read(value: Any, folder: Path | None) -> float:
        if isinstance(value, str) and _POWER_OF_TEN.fullmatch(value):
            value = float(value)  # which YAML 1.1 takes for a word
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not math.isfinite(value):
            raise ValueError(f"{_joined('must be a plain number', of_it)}, not {value!r}")
        if value < least or value > most or (above and value <= least):
            low = f"above {least:g}" if above else f"at least {least:g}"
            high = f" and at most {most:g}" if math.isfinite(most) else ""
            raise ValueError(f"{_joined(f'must be {low}{high}', unit)}, not {value:g}")
        return float(value)

    return read


def whole(least: int, unit: str, most: float = math.inf) -> Reader:
    """A whole number of something."""
    read_number = number(least, unit, most)

    def read(value: Any, folder: Path | None) -> int:
        found = read_number(value, folder)
        if found != int(found):
            of_it = f"of {unit}" if unit else ""
            raise ValueError(f"{_joined('must be a whole number', of_it)}, not {value:g}")
        return int(found)

    return read


def _joined(*words: str) -> str:
    return " ".join(filter(None, words))


def one_of(*words: str) -> Reader:
    """One of some words."""

    def read(value: Any, folder: Path | None) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {value!r}")
        return str(value)

    return read


def networks(value: Any, folder: Path | None) -> tuple[str, ...]:
    """A list of CIDR ranges."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"must be a list of networks such as 192.168.0.0/16, not {value!r}")
    for entry in listed:
        try:
            ipaddress.ip_network(str(entry), strict=False)
        except ValueError:
            raise ValueError(f"holds {entry!r}, which is no network like 192.168.0.0/16") from None
    return tuple(map(str, listed))


def listen_address(value: Any, folder: Path | None) -> str:
    """Address and port to listen at; a port alone is one of this machine only."""
    written = f"127.0.0.1:{value}" if isinstance(value, int) else value
    host, _, port = written.rpartition(":") if isinstance(written, str) else ("", "", "")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError(f"must be an address and port such as 127.0.0.1:9108, not {value!r}")
    return str(written)


def sinks(value: Any, folder: Path | None) -> tuple[Mapping[str, Any], ...]:
    """A list of sinks; ``outputs.open_sink`` knows what each may hold."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list such as [{{jsonl: alerts.jsonl}}], not {value!r}")
    entries = []
    for entry in value:
        if not isinstance(entry, Mapping):
            raise ValueError(f"holds {entry!r}; a sink is like {{jsonl: alerts.jsonl}}")
        entry = dict(entry)
        target = entry.get("jsonl")
        if folder is not None and isinstance(target, str) and target != "-":
            entry["jsonl"] = str(folder / Path(target).expanduser())
        entries.append(entry)
    return tuple(entries)


def exclusions(value: Any, folder: Path | None) -> tuple[Exclusion, ...]:
    """A list of conditions, each with ``reason`` and ``until``."""
    if not isinstance(value, list):
        raise ValueError(f"must be a list of conditions, each with reason and until, not {value!r}")
    return tuple(_exclusion(-n, entry) for n, entry in enumerate(value, start=1))


def _exclusion(number: int, entry: Any) -> Exclusion:
    if not isinstance(entry, Mapping):
        raise ValueError(f"holds {entry!r}; write dst_ip: ADDRESS, reason: WHY, until: DATE")
    conditions = {key: found for key, found in entry.items() if key not in ("reason", "until")}
    told = ", ".join(f"{key} {found}" for key, found in conditions.items()) or "one"
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError(f"lacks the reason of {told}: say why it is harmless")
    until = _moment(entry.get("until"))
    if until is None:
        raise ValueError(f"needs until: a date such as 2027-01-31 for {told}")
    try:
        known = Conditions.from_json(conditions)
    except (EdgeGuardError, TypeError, ValueError) as error:
        raise ValueError(f"{told}: {str(error).rstrip('.')}") from error
    return Exclusion(number, known, reason.strip(), "settings", ALWAYS, until)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
