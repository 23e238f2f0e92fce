"""Drift of a watch: its flows counted as ``edgeguard drift`` counts those of a file."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.detector import Detector
from edgeguard_core.detection.drift.reference import DriftReference, reference_of
from edgeguard_core.detection.drift.seen import SeenFlows
from edgeguard_core.errors import BundleError
from edgeguard_core.flows.table import Flows
from edgeguard_core.watch.hours import Hours
from edgeguard_core.watch.judging import Judged

DRIFT: Final = "drift"
_NAMES: Final = ("src_ip", "dst_ip", "service")
_AT_ONCE: Final = 2_048
"""Flows that wait to be counted together: a batch costs half a millisecond, however small."""


class LiveDrift:
    """Counts of the flows that a detector judges; ``HourParts`` cuts them into hours."""

    what = DRIFT

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._columns = frozenset((*detector.features, *_NAMES))
        self._reference = _sound_reference(detector)
        self._waiting: list[tuple[Flows, NDArray[np.float32], NDArray[np.float64]]] = []
        self._n_waiting = 0
        self._threshold: dict[str, Any] = {}
        self.begin(0)

    @property
    def bundle(self) -> str:
        """Hash of the bundle's ``SHA256SUMS``."""
        return self._detector.bundle.sums_sha256

    def begin(self, first: int) -> None:
        """Count from nothing, against the calibration and the threshold of now."""
        self._waiting, self._n_waiting = [], 0
        self._seen = SeenFlows.of(self._detector, self._reference, first)
        self._threshold = {
            "value": self._detector.threshold.value,
            "origin": self._detector.origin,
        }

    def add(self, judged: Judged, rows: slice) -> None:
        """Count some flows of a batch, soon."""
        flows, scored = judged.flows, judged.scored
        columns = {
            name: values[rows] for name, values in flows.columns.items() if name in self._columns
        }
        part = Flows(flows.schema, columns, None, flows.line[rows])
        self._waiting.append((part, scored.scores[rows], scored.p_values[rows]))
        self._n_waiting += len(part)
        if self._n_waiting >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        flows, scores, p_values = zip(*self._waiting, strict=True)
        self._seen.count(Flows.concat(flows), np.concatenate(scores), np.concatenate(p_values))
        self._waiting, self._n_waiting = [], 0

    def figures(self) -> Mapping[str, Any]:
        """The threshold that the scores were counted at."""
        return {"threshold": self._threshold}

    def arrays(self, secret: bytes) -> Mapping[str, NDArray[Any]]:
        """See ``SeenFlows.to_arrays``."""
        self._flush()
        return self._seen.to_arrays(secret)


def count_drift(hours: Hours, detector: Detector) -> None:
    """Have the flows of a detector counted, where anybody wants it."""
    if hours.is_wanted:
        hours.count(LiveDrift(detector))


def _sound_reference(detector: Detector) -> DriftReference | None:
    """What features were in training; a damaged reference costs no alert."""
    try:
        return reference_of(detector.bundle)
    except BundleError:
        return None
