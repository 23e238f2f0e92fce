"""A shadow beside the champion: it scores the same flows, and nobody is told its alerts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.clock import Clock
from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.shadow_counts import ShadowCounts
from edgeguard_core.errors import SchemaError
from edgeguard_core.features.context import COLUMNS
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.aliases import Alias
from edgeguard_core.watch.judging import Judged

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch

SHADOW: Final = "shadow"
"""The word for it in the store, and the reason of its events."""


class Shadow:
    """Counts what a second detector says beside the first; ``HourParts`` cuts them into hours.

    Attributes
    ----------
    problem
        Why it ended, a sentence; None as long as it works.
    """

    what = SHADOW

    def __init__(self, name: str, detector: Detector, champion: Detector, clock: Clock) -> None:
        self.name, self.detector, self._champion, self._clock = name, detector, champion, clock
        self.problem: str | None = None
        mine, its = (d.bundle.preprocessor.to_json() for d in (champion, detector))
        self.shares_inputs = mine == its
        self.begin(0)

    @property
    def bundle(self) -> str:
        """Hash of the shadow's ``SHA256SUMS``."""
        return self.detector.bundle.sums_sha256

    def begin(self, first: int) -> None:
        """Count from nothing, at the thresholds of now."""
        self.detector.refresh()
        self._counts = ShadowCounts()
        self._seconds = self._champion_seconds = 0.0
        self._span_ms = (float("inf"), float("-inf"))
        self._thresholds = [_threshold(self._champion), _threshold(self.detector)]
        self._alerts = self._champion.threshold.alerts, self.detector.threshold.alerts

    def add(self, judged: Judged, rows: slice) -> None:
        """Score some flows of a batch, too; what breaks here ends the shadow and nothing else."""
        if self.problem is not None:
            return
        is_whole = rows.stop - rows.start == len(judged.flows)
        begun_s = self._clock.monotonic()
        try:
            flows, inputs = judged.flows, judged.inputs if self.shares_inputs else None
            if not is_whole:
                flows, inputs = flows.select(np.arange(rows.start, rows.stop)), None
            theirs = self.detector.raw(flows, inputs=inputs).score
        except Exception as error:  # a model of somebody else's must not end this watch
            self.problem = (
                f"The shadow {self.name} is dropped, it cannot score these flows: "
                f"{' '.join(str(error).split()) or type(error).__name__}"
            )
            return
        self._seconds += self._clock.monotonic() - begun_s
        self._champion_seconds += judged.seconds * len(theirs) / len(judged.flows)
        ours = judged.scored.scores[rows]
        self._counts.add(ours, self._alerts[0](ours), theirs, self._alerts[1](theirs))
        known = judged.start_ms[rows][np.isfinite(judged.start_ms[rows])]
        if len(known):
            low, high = self._span_ms
            self._span_ms = min(low, float(known.min())), max(high, float(known.max()))

    def figures(self) -> Mapping[str, Any]:
        """Counts and thresholds of this part, for the store and the heartbeat."""
        counts, n = self._counts, max(self._counts.n, 1)
        begin_ms, end_ms = self._span_ms
        return {
            "name": self.name,
            "champion": self._champion.bundle.sums_sha256,
            "thresholds": self._thresholds,
            "compared": counts.n,
            "both": counts.both,
            "champion_only": counts.champion_only,
            "shadow_only": counts.shadow_only,
            "begin_ms": begin_ms,
            "end_ms": end_ms,
            "champion_us_per_flow": round(1e6 * self._champion_seconds / n, 3),
            "shadow_us_per_flow": round(1e6 * self._seconds / n, 3),
        }

    def arrays(self, secret: bytes) -> Mapping[str, NDArray[Any]]:
        """See ``ShadowCounts.to_arrays``."""
        return self._counts.to_arrays()


class ShadowFollowing:
    """The shadow of a watch, as its name says; one that fails is dropped and told, no more.

    Parameters
    ----------
    state
        Folder of local thresholds; None: beside the shadow's bundle.
    """

    def __init__(self, alias: Alias, state: Path | None = None) -> None:
        self._alias, self._state = alias, state
        self._told: str | None = None

    def look(self, watch: "Watch") -> None:
        """Take up what the name stands for by now, and drop what has broken."""
        if watch.shadow is not None and watch.shadow.problem is not None:
            end_shadow(watch, watch.shadow.problem)
        found = self._alias.poll()
        if found is not None and found.bundle is None:
            end_shadow(watch, f"{found.title} stands for nothing any more: there is no shadow.")
        elif found is not None and found.bundle is not None:
            begin_shadow(watch, found.title, Detector(found.bundle, self._state))
        if self._alias.problem is not None and self._alias.problem != self._told:
            watch.tell_event(Kind.AUDIT, SHADOW, self._alias.problem)
        self._told = self._alias.problem

    def close(self, watch: "Watch") -> None:
        """End; what has broken meanwhile is told."""
        if watch.shadow is not None and watch.shadow.problem is not None:
            end_shadow(watch, watch.shadow.problem)
        self._alias.close()


def _threshold(detector: Detector) -> dict[str, Any]:
    threshold = detector.threshold
    return {"value": threshold.value, "method": threshold.method, "origin": detector.origin}


def begin_shadow(watch: "Watch", name: str, detector: Detector) -> None:
    """Have a shadow score from the next flow on; one that cannot is dropped with a sentence."""
    end_shadow(watch)
    try:
        detector.check(watch.feed.schema)
    except SchemaError:
        watch.tell_event(
            Kind.AUDIT, SHADOW,
            f"The shadow {name} is not used: it cannot read the flows of {watch.feed.name}.",
        )  # fmt: skip
        return
    watch.shadow = Shadow(name, detector, watch.detector, watch.clock)
    watch.judge.also_wants_context = not set(COLUMNS).isdisjoint(detector.features)
    watch.judge.keeps_inputs = watch.shadow.shares_inputs
    watch.hours.count(watch.shadow)
    watch.tell_event(
        Kind.AUDIT, SHADOW,
        f"The shadow {name} scores beside {watch.detector.bundle.name}; nobody is told its alerts.",
        model_sha256=detector.bundle.model_sha256, threshold=detector.threshold.value,
        origin=detector.origin,
    )  # fmt: skip


def end_shadow(watch: "Watch", why: str | None = None) -> None:
    """Have no shadow any more, and tell why where there was one."""
    if watch.shadow is None:
        return
    watch.shadow = None
    watch.hours.drop(SHADOW)
    watch.judge.also_wants_context = watch.judge.keeps_inputs = False
    if why is not None:
        watch.tell_event(Kind.AUDIT, SHADOW, why)


def follow_champion(watch: "Watch") -> None:
    """Go on beside another champion: the counts begin anew."""
    if watch.shadow is None:
        return
    before = watch.shadow
    end_shadow(watch)
    begin_shadow(watch, before.name, before.detector)
