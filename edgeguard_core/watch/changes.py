"""What may change while a watch runs: exclusions, thresholds set on the spot, its settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.settings import BoxSettings

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch


@dataclass
class Changes:
    """Looked for each second, and taken up between two batches.

    Attributes
    ----------
    reload
        Other settings, of which a running watch takes some.
    complaints
        What was asked of the watch and cannot be, a sentence each.
    """

    reload: BoxSettings | None = None
    complaints: list[str] = field(default_factory=list)
    _state_seen: tuple[int, int] | None = None

    def take_up(self, watch: "Watch") -> None:
        """Exclusions, thresholds and settings that are other ones by now."""
        settings, self.reload = self.reload, None
        if settings is not None:
            watch.exclusions.given = settings.exclusions
            watch.wellbeing.budget = settings.budget
            watch.wellbeing.silent_after_s = settings.silent_after_s
            watch.tell_event(Kind.SENSOR, "reloaded", "Settings were read again.")
        while self.complaints:
            watch.tell_event(Kind.SENSOR, "settings", self.complaints.pop(0))
        try:
            watch.exclusions.refresh()
        except EdgeGuardError as error:
            watch.tell_event(Kind.SENSOR, "exclusions", str(error))
        seen = _stamp(watch.detector.state.path)
        if seen == self._state_seen and settings is None:
            return
        is_first, self._state_seen = self._state_seen is None, seen
        self._refresh(watch, is_first=is_first)

    @staticmethod
    def _refresh(watch: "Watch", *, is_first: bool) -> None:
        detector = watch.detector
        before, origin = detector.threshold, detector.origin
        calibration = detector.calibration_origin
        detector.refresh()
        now = detector.threshold
        if calibration != detector.calibration_origin or origin != detector.origin:
            watch.judge.incidents.reconsider()
            watch.wellbeing.changed()
            watch.hours.changed()
            watch.tell_event(
                Kind.SENSOR, "threshold",
                f"The threshold is now {now.value:.6g} ({detector.origin}); it was "
                f"{before.value:.6g} ({origin}).",
                old=before.value, new=now.value, old_origin=origin,
                new_origin=detector.origin,
            )  # fmt: skip
        elif is_first and detector.warnings:
            for warning in detector.warnings:
                watch.tell_event(Kind.SENSOR, "threshold", warning)


def _stamp(folder: Path) -> tuple[int, int]:
    """What changes when a version is added to a state folder."""
    try:
        return folder.stat().st_mtime_ns, len(list(folder.iterdir()))
    except OSError:
        return 0, 0
