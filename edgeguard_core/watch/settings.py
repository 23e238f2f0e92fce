"""The settings of a box: what `edgeguard.yaml` may say, and what holds where it says nothing.

Flags go before the environment, the environment before the file, the file before the defaults.
"""

import difflib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from edgeguard_core.detection.exclusion import Exclusion
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.thresholds import CONTAMINATION
from edgeguard_core.watch import setting_kinds as kinds
from edgeguard_core.watch.settings_text import Given, read_text

PREFIX: Final = "EDGEGUARD_"
NOT_SETTINGS: Final = frozenset(
    (
        "EDGEGUARD_DATA",
        "EDGEGUARD_DATA_DIR",
        "EDGEGUARD_WORK",
        "EDGEGUARD_ALLOW_REMOTE",
        "EDGEGUARD_STORE",
    )
)
"""Variables of the dashboard and the tests, which stand beside these."""
DEFAULT: Final = "default"

KEYS: Final[Mapping[str, kinds.Reader]] = MappingProxyType(
    {
        "sensor": kinds.name,
        "bundle": kinds.path,
        "shadow": kinds.path,
        "source": kinds.text,
        "local_networks": kinds.networks,
        "budget": kinds.number(0, "incidents a day", above=True),
        "timeouts.idle_s": kinds.number(0, "seconds", 3600, above=True),
        "timeouts.active_s": kinds.number(0, "seconds", 3600, above=True),
        "batch.flows": kinds.whole(1, "flows", 65_536),
        "batch.seconds": kinds.number(0, "seconds", 10),
        "queue_flows": kinds.whole(1, "flows"),
        "when_full": kinds.one_of("wait", "drop"),
        "late_s": kinds.number(0, "seconds"),
        "context_hosts": kinds.whole(100, "hosts"),
        "state": kinds.path,
        "spool.folder": kinds.path,
        "spool.megabytes": kinds.number(0.1, "megabytes"),
        "sinks": kinds.sinks,
        "metrics": kinds.listen_address,
        "exclusions": kinds.exclusions,
        "retention_days": kinds.number(0, "days", above=True),
        "heartbeat_s": kinds.number(0, "seconds", above=True),
        "silent_after_s": kinds.number(0, "seconds", above=True),
        "warm_up_hours": kinds.number(0, "hours", above=True),
        "recalibrate_every_hours": kinds.number(0, "hours", above=True),
        "half_life_hours": kinds.number(0, "hours", above=True),
        "contamination": kinds.number(0, "of the flows", 0.49),
        "updates.from": kinds.text,
        "updates.every_s": kinds.number(1, "seconds"),
        "require_signature": kinds.path,
    }
)
GROUPS: Final = frozenset(key.partition(".")[0] for key in KEYS if "." in key)
RELOADED: Final = frozenset(("exclusions", "budget", "silent_after_s"))
"""What SIGHUP takes up; the rest needs a restart."""


class SettingsError(EdgeGuardError):
    """Settings that cannot be used; ``problems`` holds a sentence for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - 1
        hint = f" ({more} more: see edgeguard config check)" if more else ""
        super().__init__(problems[0].rstrip(".") + hint + ".")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class BoxSettings:
    """What a watch goes by; the names are those of ``edgeguard.yaml``, with _ for a dot.

    Attributes
    ----------
    shadow
        A bundle that scores the same flows beside ``bundle``; nobody is told its alerts.
    budget
        Incidents a day that somebody can look into; None: nothing is said about it.
    timeouts_idle_s, timeouts_active_s
        When the packet meter ends a flow; None: as in the bundle's training.
    batch_flows, batch_seconds
        A batch is scored once it has so many flows, or the first line of a log has waited so
        long; a packet meter gives its flows as they end.
    queue_flows
        Flows that may wait to be scored.
    when_full
        ``wait`` holds a file or pipe back, ``drop`` leaves out the oldest flows and counts them;
        None: wait where the source can, drop where it cannot.
    late_s
        A flow that ended so long before the newest one counts as late.
    context_hosts
        Hosts whose history is remembered.
    warm_up_hours, recalibrate_every_hours
        Hours of flows after which the watch calibrates itself, once and then again and again;
        None: never.
    half_life_hours
        With it a re-calibration takes all flows so far, and each weighs half as much every so
        many hours of age; None: those since the last time, all alike.
    contamination
        Share of those flows that may be attacks.
    origins
        Where each setting comes from, by its key.
    """

    sensor: str = field(default_factory=socket.gethostname)
    bundle: Path | None = None
    shadow: Path | None = None
    source: str | None = None
    local_networks: tuple[str, ...] | None = None
    budget: float | None = None
    timeouts_idle_s: float | None = None
    timeouts_active_s: float | None = None
    batch_flows: int = 1024
    batch_seconds: float = 0.02
    queue_flows: int = 20_000
    when_full: str | None = None
    late_s: float = 120.0
    context_hosts: int = 20_000
    state: Path | None = None
    spool_folder: Path | None = None
    spool_megabytes: float = 64.0
    sinks: tuple[Mapping[str, Any], ...] = ()
    metrics: str | None = None
    exclusions: tuple[Exclusion, ...] = ()
    retention_days: float | None = None
    heartbeat_s: float = 60.0
    silent_after_s: float = 300.0
    warm_up_hours: float | None = None
    recalibrate_every_hours: float | None = None
    half_life_hours: float | None = None
    contamination: float = CONTAMINATION
    updates_from: str | None = None
    updates_every_s: float = 3600.0
    require_signature: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """A setting by its key, such as ``batch.seconds``."""
        return getattr(self, key.replace(".", "_"))

    def origin(self, key: str) -> str:
        """Where a setting comes from: a flag, a variable, a line of the file, or ``default``."""
        return self.origins.get(key, DEFAULT)


def load_settings(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> BoxSettings:
    """The settings that are in force.

    Parameters
    ----------
    environment
        By default that of this process; ``EDGEGUARD_BATCH__SECONDS`` is ``batch.seconds``.
    flags
        By key; those that are None were not given.

    Raises
    ------
    SettingsError
        With every fault that was found.
    """
    given: dict[str, Given] = {}
    problems: list[str] = []
    if file is not None:
        given, problems = _read_file(file)
    variables, wrong = _variables(os.environ if environment is None else environment)
    given |= variables
    problems += wrong
    for key, value in (flags or {}).items():
        if value is not None:
            given[key] = Given(value, "--" + key.partition(".")[0].replace("_", "-"))
    values: dict[str, Any] = {}
    for key, found in given.items():
        try:
            values[key] = KEYS[key](found.value, found.folder)
        except EdgeGuardError as error:
            problems.append(f"{found.where}: {key}: {error}")
        except ValueError as error:
            problems.append(f"{found.where}: {key} {error}.")
    if problems:
        raise SettingsError(problems)
    return replace(
        BoxSettings(),
        **{key.replace(".", "_"): value for key, value in values.items()},
        origins={key: found.where for key, found in given.items()},
    )


def _read_file(file: Path) -> tuple[dict[str, Given], list[str]]:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        return {}, [f"Cannot read {file}: {error.strerror or error}; check --config."]
    except UnicodeDecodeError:
        return {}, [f"{file} is not UTF-8 text; save it as such."]
    return read_text(text, file, KEYS, GROUPS)


def _variables(environment: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    given: dict[str, Given] = {}
    problems: list[str] = []
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1, 0.75)
            if near or "." in key:  # else a variable of something else
                hint = did_you_mean(name, [_variable(each) for each in KEYS]) or "."
                problems.append(f"{name}: no setting is called {key}{hint}")
            continue
        try:
            given[key] = Given(yaml.safe_load(text), name)
        except yaml.YAMLError:
            given[key] = Given(text, name)
    return given, problems


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def did_you_mean(key: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """The nearest known name as the end of a sentence.

    >>> did_you_mean("heartbeat", ["heartbeat_s", "sinks"])
    '; did you mean heartbeat_s?'
    """
    near = difflib.get_close_matches(key, list(known), 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""
