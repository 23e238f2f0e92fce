"""Register: the bundle becomes a version, and champion where the config lets it."""

from pathlib import Path
from typing import Final

from edgeguard_core.bundle import strict_json
from edgeguard_core.clock import SystemClock
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.runs.artifacts import Converted, Evaluated, Registered
from edgeguard_core.pipeline.runs.config import BETTER, NEVER, PipelineConfig
from edgeguard_core.pipeline.runs.lock import locked

LOCK: Final = "registry.pipeline.lock"
_WAIT_S: Final = 60.0
LEAST_LEAD: Final = 0.002
"""A lead below that is no reason for another champion, however sure it is: a new seed has it."""


def register(
    config: PipelineConfig,
    bundle: Path,
    converted: Converted,
    evaluated: Evaluated,
    run_id: str,
    note: str,
) -> Registered:
    """The version that the registry gives the bundle; the same bundle gives the same version.

    Two runs at once take turns here, so that a champion which came meanwhile, and which this
    model was never held against, keeps its place.

    Parameters
    ----------
    note
        What was accepted, in words; it stands in the registry's history.

    Raises
    ------
    RegistryError, BundleError, OutputError
        If the registry is damaged or cannot be written.
    """
    registry = Registry(config.registry)
    registry.folder.mkdir(parents=True, exist_ok=True)
    with locked(registry.folder / LOCK, SystemClock(), _WAIT_S):
        champion = registry.champion()
        version = registry.register(
            bundle, metrics=metrics(evaluated, converted), run_id=run_id, note=note
        )
        if champion is not None and champion.number == version.number:
            return Registered(str(registry.folder), version.number, True, "It is the champion.")
        leads, why = _verdict(config, evaluated, champion)
        if leads:
            said = "; ".join(filter(None, [f"run {run_id}: {why}", note]))
            registry.promote(version.number, why=said)
    return Registered(str(registry.folder), version.number, leads, why)


def metrics(evaluated: Evaluated, converted: Converted) -> dict[str, object]:
    """The figures that stay with a version."""
    alarms = converted.false_alarms or evaluated.false_alarms
    beside = evaluated.champion
    return {
        **evaluated.figures,
        "held_out_false_alarms": alarms.to_json(),
        "injected_recall": (evaluated.injected or {}).get("mean_recall"),
        "against_champion": None if beside is None else strict_json.without_nan(beside.to_json()),
        "parity": converted.parity,
        "cost": converted.cost,
    }


def _verdict(
    config: PipelineConfig, evaluated: Evaluated, champion: Version | None
) -> tuple[bool, str]:
    """Whether the version shall lead, and why or why not."""
    if config.promote == NEVER:
        return False, "The config promotes nothing."
    if champion is None:
        return True, "there was no champion."
    beside = evaluated.champion
    if beside is None or beside.fingerprint != champion.fingerprint:
        return False, (
            f"Version {champion.number} became champion meanwhile, and this one was not held "
            "against it: run again."
        )
    if config.promote != BETTER:
        return False, f"Version {champion.number} leads, and the config promotes only the first."
    ahead = [
        name
        for name, lead in beside.leads.items()
        if lead["low"] > 0 and lead["difference"] >= LEAST_LEAD
    ]
    behind = [name for name, lead in beside.leads.items() if lead["high"] < 0]
    if ahead and not behind:
        names = " and ".join(name.replace("_", " ") for name in ahead)
        return True, f"ahead of champion {champion.number} in {names}."
    return False, f"It is not clearly better than champion {champion.number}."
