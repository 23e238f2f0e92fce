"""The shadow beside the champion as a running watch compared them, from its store."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgeguard_core.detection.shadow_counts import ShadowCounts
from edgeguard_core.errors import NotEnoughDataError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_state import CHAMPION
from edgeguard_core.pipeline.registry_state import SHADOW as SHADOW_ALIAS
from edgeguard_core.pipeline.shadow import Agreement
from edgeguard_core.watch.shadowing import SHADOW

if TYPE_CHECKING:  # SQLAlchemy comes with the extra `store`
    from edgeguard_core.outputs.store_reading import AlertStore, StoredCounts

HOURS: Final = 24.0
_HOUR_MS: Final = 3_600_000.0


@dataclass(frozen=True)
class LiveShadowReport(Agreement):
    """How the two agreed lately; scores within 3 % of each other tie in ``spearman``.

    Attributes
    ----------
    hours
        Of traffic, that the flows cover; None without times.
    microseconds
        That scoring a flow took, of the champion and of the shadow.
    """

    hours: float | None
    microseconds: tuple[float, float]
    warnings: tuple[str, ...]

    @property
    def alerts_per_hour(self) -> tuple[float, float]:
        """Of the champion and of the shadow; nan without times."""
        hours = self.hours or float("nan")
        return (self.both + self.champion_only) / hours, (self.both + self.shadow_only) / hours

    def to_json(self) -> dict[str, Any]:
        """The keys of ``models shadow-report --store --json``; the same words as of files."""
        told = super().to_json()
        each = zip(self.alerts_per_hour, self.microseconds, strict=True)
        for name, (alerts, microseconds) in zip((CHAMPION, SHADOW_ALIAS), each, strict=True):
            told[name] |= {"alerts_per_hour": alerts, "us_per_flow": microseconds}
        return {**told, "hours": self.hours, "warnings": list(self.warnings)}


def shadow_store(
    registry: Registry,
    store: "AlertStore",
    *,
    hours: float = HOURS,
    sensors: Collection[str] | None = None,
) -> LiveShadowReport:
    """What the watches of a store counted of champion and shadow of a registry.

    Raises
    ------
    RegistryError
        If no version is the champion or the shadow.
    SourceError
        If the store cannot be read.
    NotEnoughDataError
        If no watch compared these two.
    BundleError
        If the counts are damaged.
    """
    champion, shadow = registry.version(CHAMPION), registry.version(SHADOW_ALIAS)
    rows = [
        row
        for row in store.hour_counts(SHADOW, shadow.fingerprint, hours, sensors)
        if row.figures.get("champion") == champion.fingerprint and row.figures.get("compared")
    ]
    if not rows:
        raise NotEnoughDataError(
            f"The store holds no comparison of version {champion.number:04d} and shadow "
            f"{shadow.number:04d}: let edgeguard watch MODELS@champion SOURCE --shadow "
            "MODELS@shadow write into it."
        )
    latest = max(rows, key=lambda row: (row.hour_ms, row.received_ms))
    alike = [row for row in rows if row.figures["thresholds"] == latest.figures["thresholds"]]
    counts = ShadowCounts.joined([row.arrays() for row in alike])
    left_out = sum(row.flows for row in rows) - sum(row.flows for row in alike)
    warnings = [f"{left_out:,} flows before one of the thresholds changed are left out."] * bool(
        left_out
    )
    return LiveShadowReport(
        champion=champion.number,
        shadow=shadow.number,
        flows=counts.n,
        both=counts.both,
        champion_only=counts.champion_only,
        shadow_only=counts.shadow_only,
        agreement=counts.agreement,
        spearman=counts.spearman(),
        hours=_covered(alike),
        microseconds=(_mean(alike, "champion_us_per_flow"), _mean(alike, "shadow_us_per_flow")),
        thresholds=(latest.figures["thresholds"][0], latest.figures["thresholds"][1]),
        warnings=tuple(warnings),
    )


def _covered(rows: "list[StoredCounts]") -> float | None:
    """Hours between the first and the last flow of each part, together."""
    spans = [(row.figures["begin_ms"], row.figures["end_ms"]) for row in rows]
    known = [end - begin for begin, end in spans if begin is not None and end is not None]
    return sum(known) / _HOUR_MS or None


def _mean(rows: "list[StoredCounts]", name: str) -> float:
    flows = [int(row.figures["compared"]) for row in rows]
    times = [float(row.figures[name]) for row in rows]
    return sum(n * t for n, t in zip(flows, times, strict=True)) / sum(flows)
