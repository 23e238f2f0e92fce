"""A running watch follows the bundles of its box: to a newer one, or back to the one before."""

from typing import TYPE_CHECKING, Any

from edgeguard_core.detection.detector import Detector
from edgeguard_core.errors import SchemaError
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.live_drift import count_drift

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch
    from edgeguard_core.watch.updates import Update, Updater

REASON = "update"


class Following:
    """What a watch does with the answers of its updater; without one, nothing."""

    def __init__(self, updater: "Updater | None") -> None:
        self._updater = updater
        self._told: str | None = None

    def look(self, watch: "Watch") -> None:
        """Take up what a look in the background brought, and tell what went wrong there."""
        if self._updater is None:
            return
        if (update := self._updater.poll()) is not None:
            self._consider(watch, update, self._updater)
        problem = self._updater.problem
        if problem is not None and problem != self._told:
            watch.tell_event(Kind.SENSOR, REASON, problem)
        self._told = problem

    def close(self) -> None:
        """End; a download that is under way is lost."""
        if self._updater is not None:
            self._updater.close()

    @staticmethod
    def _consider(watch: "Watch", update: "Update", updater: "Updater") -> None:
        detector = Detector(update.bundle, watch.detector.state)
        try:
            detector.check(watch.feed.schema)
        except SchemaError:
            # The detector that runs is the one gone back to, and keeps running.
            why = f"it cannot read the flows of {watch.feed.name}"
            updater.roll_back(why)
            watch.tell_event(Kind.SENSOR, REASON, f"Bundle {update.id} is not used: {why}.")
        else:
            take_up(watch, update, detector)


def take_up(watch: "Watch", update: "Update", detector: Detector) -> None:
    """Judge with another bundle from the next flow on.

    Open incidents are told for the last time: scores of another model are other numbers. What
    hosts did before stays known.
    """
    before = watch.detector
    watch.close_incidents()
    watch.detector = watch.judge.detector = watch.wellbeing.detector = detector
    watch.teller.take_up(detector)
    watch.wellbeing.changed()
    watch.warming.begin(detector)
    count_drift(watch.hours, detector)
    figures: dict[str, Any] = {
        "old_model_sha256": before.bundle.model_sha256,
        "new_model_sha256": detector.bundle.model_sha256,
        "serial": update.serial,
    }
    told = " ".join(update.told)
    watch.tell_event(
        Kind.SENSOR, REASON,
        f"Bundle {update.id} is in use from now on, {update.previous_id or 'none'} was before."
        + (f" {told}" if told else ""),
        **figures,
    )  # fmt: skip
