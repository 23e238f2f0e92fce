"""Whether settings can work here: paths that exist, sinks that open, exclusions that still hold."""

import os
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.watch.settings import BoxSettings

LEAST_PERIOD_HOURS: Final = 24.0
_INTERFACE, _INTERFACES = "interface:", Path("/sys/class/net")
_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/@\s]+@")
_SECRET = re.compile(r"authorization|token|key|secret|password", re.I)


def implausible(settings: BoxSettings, now: datetime | None = None) -> list[str]:
    """One sentence for each setting that reads well and cannot work here.

    Parameters
    ----------
    now
        For exclusions that have ended; by default the time of this machine.
    """
    problems: list[str] = []

    def add(key: str, sentence: str) -> None:
        problems.append(f"{settings.origin(key)}: {key}: {sentence}")

    for key in ("bundle", "shadow", "require_signature"):
        path = settings.value(key)
        if path is not None and not path.exists() and not _is_registered(path):
            add(key, f"there is no {path}; check the path.")
    for key in ("state", "spool.folder"):
        folder = settings.value(key)
        if folder is not None and (why := _unwritable(folder)):
            add(key, f"{folder} {why}.")
    with tempfile.TemporaryDirectory() as letters:
        for entry in settings.sinks:
            if why := _bad_sink(entry, Path(letters)):
                add("sinks", why)
    if settings.source is not None and (why := _unread(settings.source)):
        add("source", why)
    every_hours = settings.recalibrate_every_hours
    if every_hours is not None and every_hours < LEAST_PERIOD_HOURS:
        add(
            "recalibrate_every_hours",
            f"{every_hours:g} hours are less than a day, and a threshold of quiet hours is too low "
            f"for lively ones: give {LEAST_PERIOD_HOURS:g} or more.",
        )
    if settings.half_life_hours is not None and every_hours is None:
        add(
            "half_life_hours",
            "it weighs the flows of a re-calibration, and there is none: add "
            "recalibrate_every_hours.",
        )
    for exclusion in settings.exclusions:
        if exclusion.expires <= (now or datetime.now(UTC)):
            add(
                "exclusions",
                f"that of {exclusion.conditions.sentence} ended on {exclusion.expires.date()}; "
                "renew or remove it.",
            )
    return problems


def _is_registered(path: Path) -> bool:
    """Whether it may be a version such as models@champion; which it is shows when it runs."""
    folder, at, version = str(path).rpartition("@")
    return bool(at and version) and Path(folder).is_dir()


def _unread(source: str) -> str | None:
    """Why packets of an interface cannot be read here; what else it may be shows when it runs."""
    from edgeguard_core.sources.packets.meter import require_engine

    name = source.removeprefix(_INTERFACE)
    if name == source and not (_INTERFACES / name).exists():
        return None
    try:
        require_engine()
    except EdgeGuardError as error:
        return str(error)
    return None


def _unwritable(folder: Path) -> str | None:
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not nearest.is_dir():
        return "is a file; name a folder"
    return None if os.access(nearest, os.W_OK) else "cannot be written by this user"


def _bad_sink(entry: Mapping[str, Any], letters: Path) -> str | None:
    from edgeguard_core.outputs.opening import open_sink

    try:
        open_sink(entry, dead_letters=letters).close()
    except EdgeGuardError as error:
        return str(error)
    target = entry.get("jsonl")
    if isinstance(target, str) and target != "-" and (why := _unwritable(Path(target).parent)):
        return f"the folder of {target} {why}."
    return None


def without_passwords(value: Any) -> Any:
    """A value of the settings with passwords and tokens replaced by dots.

    >>> without_passwords({"mqtt": "mqtt://box:secret@broker/alerts"})
    {'mqtt': 'mqtt://box:…@broker/alerts'}
    """
    if isinstance(value, Mapping):
        return {
            key: "…" if _SECRET.search(str(key)) else without_passwords(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_passwords(item) for item in value]
    return _PASSWORD.sub(r"\1:…@", value) if isinstance(value, str) else value
