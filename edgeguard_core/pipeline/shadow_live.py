"""The shadow beside the champion as a running watch compared them, from its store."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgeguard_core.bundle.arrays import load_arrays
from edgeguard_core.detection.shadow_counts import ShadowCounts
from edgeguard_core.errors import BundleError, NotEnoughDataError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_state import CHAMPION
from edgeguard_core.pipeline.registry_state import SHADOW as SHADOW_ALIAS
from edgeguard_core.watch.shadowing import SHADOW

if TYPE_CHECKING:  # SQLAlchemy comes with the extra `store`
    from edgeguard_core.outputs.store_reading import AlertStore, StoredCounts

HOURS: Final = 24.0
_HOUR_MS: Final = 3_600_000.0


@dataclass(frozen=True)
class LiveShadowReport:
    """How the two agreed lately, each at the threshold in force for it in the watch.

    Attributes
    ----------
    champion, shadow
        Numbers of the versions.
    both, champion_only, shadow_only
        Flows that both alert on, and one alone.
    agreement
        Flows both alert on as a part of those either alerts on (Jaccard); nan without any alert.
    spearman
        Rank correlation of their scores, of which those within 3 % of each other tie.
    hours
        Of traffic, that the flows cover; None without times.
    microseconds
        That scoring a flow took, of the champion and of the shadow.
    thresholds
        Of the champion and of the shadow, with where each comes from.
    """

    champion: int
    shadow: int
    flows: int
    both: int
    champion_only: int
    shadow_only: int
    agreement: float
    spearman: float
    hours: float | None
    microseconds: tuple[float, float]
    thresholds: tuple[dict[str, Any], dict[str, Any]]
    warnings: tuple[str, ...]

    @property
    def alerts_per_hour(self) -> tuple[float, float]:
        """Of the champion and of the shadow; nan without times."""
        hours = self.hours or float("nan")
        return (self.both + self.champion_only) / hours, (self.both + self.shadow_only) / hours

    def to_json(self) -> dict[str, Any]:
        """The keys of ``models shadow-report --store --json``; the same words as of files."""
        ours, theirs = self.alerts_per_hour
        return {
            "champion": {
                "version": self.champion,
                "threshold": self.thresholds[0],
                "alerts_per_hour": ours,
                "us_per_flow": self.microseconds[0],
            },
            "shadow": {
                "version": self.shadow,
                "threshold": self.thresholds[1],
                "alerts_per_hour": theirs,
                "us_per_flow": self.microseconds[1],
            },
            "flows": self.flows,
            "hours": self.hours,
            "alerts": {
                "both": self.both,
                "champion_only": self.champion_only,
                "shadow_only": self.shadow_only,
            },
            "agreement": self.agreement,
            "spearman": self.spearman,
            "warnings": list(self.warnings),
        }


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
        if _own(row).get("champion") == champion.fingerprint and _own(row).get("compared")
    ]
    if not rows:
        raise NotEnoughDataError(
            f"The store holds no comparison of version {champion.number:04d} and shadow "
            f"{shadow.number:04d}: let edgeguard watch MODELS@champion SOURCE --shadow "
            "MODELS@shadow write into it."
        )
    latest = max(rows, key=lambda row: (row.hour_ms, row.received_ms))
    alike = [row for row in rows if _own(row)["thresholds"] == _own(latest)["thresholds"]]
    counts = ShadowCounts.joined([_unpacked(row) for row in alike])
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
        thresholds=(_own(latest)["thresholds"][0], _own(latest)["thresholds"][1]),
        warnings=tuple(warnings),
    )


def _own(row: "StoredCounts") -> dict[str, Any]:
    return dict(row.body["edgeguard"])


def _unpacked(row: "StoredCounts") -> dict[str, Any]:
    try:
        return load_arrays(row.packed)
    except ValueError as error:
        raise BundleError(
            f"The counts of {row.sensor} in the store are damaged ({error}): give fewer --hours."
        ) from error


def _covered(rows: "list[StoredCounts]") -> float | None:
    """Hours between the first and the last flow of each part, together."""
    spans = [(_own(row)["begin_ms"], _own(row)["end_ms"]) for row in rows]
    known = [end - begin for begin, end in spans if begin is not None and end is not None]
    return sum(known) / _HOUR_MS or None


def _mean(rows: "list[StoredCounts]", name: str) -> float:
    flows = [int(_own(row)["compared"]) for row in rows]
    times = [float(_own(row)[name]) for row in rows]
    return sum(n * t for n, t in zip(flows, times, strict=True)) / sum(flows)
