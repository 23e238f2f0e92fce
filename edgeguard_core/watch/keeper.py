"""Keeps the place of a watch: how often, and what of it a restart takes up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeguard_core.clock import Clock
from edgeguard_core.errors import OutputError
from edgeguard_core.features.context import HostContext
from edgeguard_core.features.context_state import context_arrays, restore_context
from edgeguard_core.watch.checkpoint import Checkpoint
from edgeguard_core.watch.figures import Figures
from edgeguard_core.watch.judging import Judge
from edgeguard_core.watch.warming import Warming

EVERY_S: Final = 0.5
_SHARE: Final = 200.0  # saving may cost a two-hundredth of the time


@dataclass
class Keeper:
    """Writes checkpoints; nothing where there is no file for them.

    Attributes
    ----------
    position
        Of the feed: everything up to here was judged.
    is_dirty
        Whether something changed since the last one.
    """

    file: Path | None
    clock: Clock
    position: Mapping[str, Any] | None = None
    is_dirty: bool = False
    _next_s: float = field(default=float("-inf"))

    def save(
        self,
        source: str,
        judge: Judge,
        counters: Mapping[str, int],
        watermark_ms: float,
        warming: Warming,
        *,
        at_once: bool = False,
    ) -> None:
        """Write where the watch stands, if it is time; all its records must be safe by now."""
        begun_s = self.clock.monotonic()
        if self.file is None or not self.is_dirty or (begun_s < self._next_s and not at_once):
            return
        found = Checkpoint(
            source=source,
            position=self.position,
            model_sha256=judge.detector.bundle.model_sha256,
            incidents=judge.incidents.to_json(),
            counters=counters,
            watermark_ms=watermark_ms if np.isfinite(watermark_ms) else None,
            context=context_arrays(judge.context) if judge.wants_context else {},
            warming=warming.to_arrays(),
        )
        try:
            found.save(self.file)
        except OutputError:
            return  # a full disk: what is read again is told again, under the same ids
        self.is_dirty = False
        took_s = self.clock.monotonic() - begun_s
        self._next_s = begun_s + max(EVERY_S, _SHARE * took_s)

    def restore(
        self, checkpoint: Checkpoint, judge: Judge, figures: Figures, warming: Warming
    ) -> float:
        """Go on from a checkpoint; the time of its newest flow, -inf where it had none."""
        self.position, self.is_dirty = checkpoint.position, True
        counts = dict(checkpoint.counters)
        judge.incidents.raised = int(counts.pop("incidents", 0))
        figures.counts.update({name: int(n) for name, n in counts.items()})
        try:
            restore_context(judge.context, checkpoint.context)
        except (KeyError, ValueError):
            judge.context = HostContext()
        if checkpoint.model_sha256 == judge.detector.bundle.model_sha256:
            judge.incidents.restore(dict(checkpoint.incidents))
            warming.restore(checkpoint.warming)
        known = checkpoint.watermark_ms
        return float("-inf") if known is None else known
