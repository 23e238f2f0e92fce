"""Calibration by a watch itself: once after its first hours, then again every so often.

Hours are those of the flows, not of the clock: a capture read fast warms up as the network did.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.local_scores import LocalCalibration, LocalScores
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.records import Kind
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS, needed_rows
from edgeguard_core.watch.judging import Judged
from edgeguard_core.watch.settings import BoxSettings

if TYPE_CHECKING:
    from edgeguard_core.watch.loop import Watch

WARM_UP: Final = "warm-up"
AGAIN: Final = "re-calibration"
"""Who made a version in the state folder."""
MOST_SUSPICIOUS: Final = 0.05
"""With more bursts than this share of the flows a watch does not calibrate itself.

Scored by a model of another network, six captures without attacks come to 2 % at most, a seventh
(of an infected device) to 22 %; a scanned office to 11 %, a flooding one to 70 %.
"""
_MS_PER_HOUR: Final = 3_600_000.0
_RETRY_MS: Final = 600_000.0
_EARLY: Final = 0.05
_PERIOD = "period"


class Warming:
    """Collects the scores of a period, and makes a threshold of them when it is over.

    The rate that the threshold in force promises is promised anew. One that promises none was
    chosen by a person, and stays.
    """

    def __init__(self, detector: Detector, settings: BoxSettings) -> None:
        self._first_hours = settings.warm_up_hours
        self._every_hours = settings.recalibrate_every_hours
        self._half_life_hours = settings.half_life_hours
        self._contamination = settings.contamination
        self.begin(detector)

    def begin(self, detector: Detector) -> None:
        """Begin anew, with a model that may be another one."""
        made = [version.who for version in detector.state.thresholds(detector.bundle)]
        self._is_warm = self._first_hours is None or WARM_UP in made
        self._begin_period()
        self._is_told = False

    def _begin_period(self, kept: LocalScores | None = None) -> None:
        self._hours = self._every_hours if self._is_warm else self._first_hours
        self._scores = None if self._hours is None else kept or LocalScores()
        self._begun_ms: float | None = None
        self._wait_ms = float("-inf")
        self._complaint = ""

    @property
    def who(self) -> str:
        """Who makes the next version."""
        return AGAIN if self._is_warm else WARM_UP

    def add(self, judged: Judged, watch: "Watch") -> bool:
        """Take note of flows that were judged; whether a new threshold is in the state folder."""
        start_ms = judged.start_ms[np.isfinite(judged.start_ms)]
        if self._scores is None or self._hours is None or not len(start_ms):
            return False
        if self._begun_ms is None:
            # Not the very first: one flow with a wrong time must not end the period at once.
            self._begun_ms = float(np.quantile(start_ms, _EARLY))
        if not self._is_told:
            self._tell_begin(watch)
        self._scores.add(judged.scored.scores, judged.hosts, judged.start_ms)
        is_due = watch.watermark_ms - self._begun_ms >= self._hours * _MS_PER_HOUR
        if not is_due or watch.watermark_ms < self._wait_ms:
            return False
        return self._end_period(watch, self._scores)

    def _end_period(self, watch: "Watch", scores: LocalScores) -> bool:
        promised = watch.detector.threshold.promised_false_positive_rate
        if promised is None:
            self._complain(
                watch,
                "chosen",
                f"The threshold in force ({watch.detector.origin}) promises no false-alarm rate, "
                f"so somebody chose it: the {self.who} leaves it as it is.",
            )
            return self._is_over()
        needed = max(needed_rows(promised), MINIMUM_BENIGN_ROWS)
        if scores.seen < needed:
            self._wait_ms = watch.watermark_ms + _RETRY_MS
            return self._complain(
                watch,
                "few",
                f"{scores.seen} flows in {scores.hours or 0:.1f} hours cannot promise a "
                f"false-alarm rate of {promised:g}: the {self.who} goes on until there are "
                f"{needed}.",
            )
        try:
            found = scores.calibrate(
                promised, self._on_what(watch, scores), self._contamination,
                half_life_hours=self._half_life_hours if self._is_warm else None,
            )  # fmt: skip
            if self._is_suspicious(found):
                self._tell_suspicious(watch, found)
                self._begin_period()
                return False
            self._keep(watch, found)
        except EdgeGuardError as error:
            self._wait_ms = watch.watermark_ms + _RETRY_MS
            return self._complain(watch, str(error), f"The {self.who} is not over: {error}")
        self._is_over()
        return True

    def _is_suspicious(self, found: LocalCalibration) -> bool:
        """Whether so much looks like attacks that no machine should call it usual."""
        most = max(MOST_SUSPICIOUS, self._contamination)
        return self._contamination > 0 and found.suspicious_share > most

    def _tell_suspicious(self, watch: "Watch", found: LocalCalibration) -> None:
        hosts = ", ".join(dict.fromkeys(each.host for each in found.suspicions))
        watch.tell_event(
            Kind.AUDIT, "warm_up",
            f"{100 * found.suspicious_share:.2g} % of the flows of these {found.hours or 0:.1f} "
            f"hours come in bursts of odd ones, as attacks do (first {hosts}), so the {self.who} "
            "takes none of them for usual and begins again. If they are benign, calibrate by hand: "
            f"edgeguard threshold {watch.detector.bundle.path} --calibrate FILE.",
            would_be=found.threshold.value, **found.to_json(),
        )  # fmt: skip

    def _is_over(self) -> bool:
        self._is_warm = True
        # Where old flows fade, they need not be forgotten at once.
        self._begin_period(self._scores if self._half_life_hours is not None else None)
        return False

    def _on_what(self, watch: "Watch", scores: LocalScores) -> str:
        return (
            f"{scores.seen} flows of {watch.feed.name} in {scores.hours or 0:.1f} hours, of which "
            f"at most {self._contamination:g} were taken to be attacks"
        )

    def _keep(self, watch: "Watch", found: LocalCalibration) -> None:
        detector, before = watch.detector, watch.detector.threshold
        origin = detector.origin
        version = detector.state.add(
            detector.bundle,
            found.threshold,
            who=self.who,
            when=watch.clock.now(),
            why=f"{self.who} over {found.hours or 0:.1f} hours and {found.flows} flows",
            on_what=found.threshold.calibrated_on,
            calibration=found.calibration,
            meter=watch.feed.meter or None,
        )
        watch.tell_event(
            Kind.AUDIT, "calibrated",
            _sentence(found, before.value, origin, self.who),
            who=self.who, old=before.value, new=found.threshold.value, old_origin=origin,
            new_origin=version.origin, promised=found.threshold.promised_false_positive_rate,
            **found.to_json(),
        )  # fmt: skip

    def _complain(self, watch: "Watch", what: str, sentence: str) -> bool:
        """Tell what keeps it from ending; the same thing once."""
        if self._complaint != what:
            self._complaint = what
            watch.tell_event(Kind.AUDIT, "warm_up", sentence)
        return False

    def _tell_begin(self, watch: "Watch") -> None:
        self._is_told = True
        if self._is_warm:
            return
        threshold = watch.detector.threshold
        watch.tell_event(
            Kind.AUDIT, "warm_up",
            f"Warming up: verdicts use the threshold in force ({threshold.value:.6g}, "
            f"{watch.detector.origin}) until {self._hours:g} hours of flows have come, of which at "
            f"most {self._contamination:g} may be attacks; then one calibrated on them takes its "
            "place.",
            hours=self._hours, contamination=self._contamination,
        )  # fmt: skip

    def report(self, watermark_ms: float) -> dict[str, Any] | None:
        """What a heartbeat says of it; None where nothing of the kind is asked for."""
        if self._first_hours is None and self._every_hours is None:
            return None
        if self._scores is None:
            return {"state": "done"}
        passed_ms = 0.0 if self._begun_ms is None else max(0.0, watermark_ms - self._begun_ms)
        return {
            "state": "rolling" if self._is_warm else "warming_up",
            "hours": round(passed_ms / _MS_PER_HOUR, 3),
            "of_hours": self._hours,
            "flows": self._scores.seen,
            "contamination": self._contamination,
        }

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of the period; nothing outside of one."""
        if self._scores is None or self._begun_ms is None:
            return {}
        period = np.array([self._begun_ms, float(self._is_warm)], np.float64)
        return {**self._scores.to_arrays(), _PERIOD: period}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on with the period of a checkpoint of the same model, if it is of the same kind."""
        if self._scores is None or not arrays:
            return
        try:
            begun_ms, is_warm = arrays[_PERIOD].tolist()
            scores = LocalScores.from_arrays(arrays)
        except (KeyError, ValueError):
            return  # of another version: the period begins again
        if bool(is_warm) == self._is_warm:
            self._scores, self._begun_ms, self._is_told = scores, begun_ms, True


def _sentence(found: LocalCalibration, old: float, origin: str, who: str) -> str:
    promised = 100 * (found.threshold.promised_false_positive_rate or 0.0)
    left_out = ""
    if found.left_out:
        most = found.suspicions[0]
        left_out = (
            f" {found.left_out} flows were left out as suspicious, most of them of {most.host} "
            f"({most.flows}); were all benign after all, {100 * found.at_most:.2g} % alert."
        )
    return (
        f"The {who} is over: the threshold is {found.threshold.value:.6g} and was {old:.6g} "
        f"({origin}). It promises {promised:.2g} % false alarms on {found.flows} flows of "
        f"{found.hours or 0:.1f} hours, which can promise {100 * found.smallest_promise:.2g} % at "
        f"the least, if at most {100 * found.contamination:g} % of them were attacks.{left_out}"
        + "".join(" " + warning for warning in found.warnings)
    )
