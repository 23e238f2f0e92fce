"""A running watch follows the bundles of its box: to a newer one, or back to the one before."""

from typing import TYPE_CHECKING, Any, Protocol

from edgeguard_core.detection.detector import Detector
from edgeguard_core.errors import SchemaError
from edgeguard_core.outputs.records import Kind
from edgeguard_core.watch.live_drift import count_drift
from edgeguard_core.watch.shadowing import follow_champion

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch
    from edgeguard_core.watch.update import Update


class Brings(Protocol):
    """What brings other bundles: ``updates.Updater`` or ``aliases.Promotions``.

    Attributes
    ----------
    kind, reason
        Of the events that tell of it.
    problem
        Why nothing was brought, a sentence; None where nothing was wrong.
    """

    kind: Kind
    reason: str

    @property
    def problem(self) -> str | None: ...

    def poll(self) -> "Update | None":
        """A bundle that is to be used from now on; returns at once."""

    def roll_back(self, why: str) -> object:
        """The bundle that came last cannot be used here."""

    def close(self) -> None:
        """End."""


class Following:
    """What a watch does with the answers of its updater; without one, nothing."""

    def __init__(self, updater: Brings | None) -> None:
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
            watch.tell_event(self._updater.kind, self._updater.reason, problem)
        self._told = problem

    def close(self) -> None:
        """End; a download that is under way is lost."""
        if self._updater is not None:
            self._updater.close()

    @staticmethod
    def _consider(watch: "Watch", update: "Update", updater: Brings) -> None:
        detector = Detector(update.bundle, update.state or watch.detector.state)
        try:
            detector.check(watch.feed.schema, watch.judge.columns or None)
        except SchemaError:
            # The detector that runs is the one gone back to, and keeps running.
            why = f"it cannot read the flows of {watch.feed.name}"
            updater.roll_back(why)
            told = f"Bundle {update.id} is not used: {why}."
            watch.tell_event(updater.kind, updater.reason, told)
        else:
            take_up(watch, update, detector, updater)


def take_up(watch: "Watch", update: "Update", detector: Detector, updater: Brings) -> None:
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
    follow_champion(watch)
    figures: dict[str, Any] = {
        "old_model_sha256": before.bundle.model_sha256,
        "new_model_sha256": detector.bundle.model_sha256,
        "serial": update.serial,
        "old_threshold": before.threshold.value,
        "new_threshold": detector.threshold.value,
        "new_origin": detector.origin,
    }
    told = " ".join(update.told)
    watch.tell_event(
        updater.kind, updater.reason,
        f"Bundle {update.id} is in use from now on, {update.previous_id or 'none'} was before."
        f" Its threshold is {detector.threshold.value:.6g} ({detector.origin})."
        + (f" {told}" if told else ""),
        **figures,
    )  # fmt: skip
