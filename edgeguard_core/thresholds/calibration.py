"""What is usual: p-values and severities of scores, from held-out benign flows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import BundleError, NotEnoughDataError
from edgeguard_core.thresholds.extreme import Tail, fit_tail
from edgeguard_core.thresholds.sketch import ThresholdSketch

MAX_EDGES = 262_144  # exact up to so many distinct scores; some 2 MB then
# A tail fitted to thousands of flows says nothing about one in a million millions.
SMALLEST_P = 1e-12
SEVERITY_A_DECADE = 25.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of held-out benign flows, kept as a sketch and a fitted tail.

    Severity comes from here and never from the threshold: dragging a threshold changes
    which flows alert, not how unusual they are.

    Attributes
    ----------
    sketch
        Benign scores; complete up to 16,383 distinct ones, then conservative in between.
    tail
        For scores above ``largest``, the highest benign score.

    Examples
    --------
    >>> calibration = Calibration.fit(np.arange(1.0, 100.0))
    >>> p, extrapolated = calibration.p_values([0.0, 99.0, 120.0])
    >>> p.round(4).tolist(), extrapolated.tolist()
    ([1.0, 0.02, 0.0005], [False, False, True])
    >>> calibration.severity(p).tolist()
    [0, 42, 82]
    """

    sketch: ThresholdSketch
    tail: Tail
    largest: float

    @property
    def n(self) -> int:
        """Benign flows calibrated on."""
        return self.sketch.n_benign

    @classmethod
    def fit(
        cls,
        benign_scores: ArrayLike,
        duration_hours: float | None = None,
        max_edges: int = MAX_EDGES,
    ) -> Calibration:
        """Calibration on scores of benign flows that the model was not fitted on.

        Parameters
        ----------
        benign_scores
            Shape ``(n,)``, from the runtime and variant that will serve; NaN is left out.

        Raises
        ------
        NotEnoughDataError
            If there is no benign score.
        """
        scores = np.asarray(benign_scores, dtype=np.float32)
        sketch = ThresholdSketch.build(scores, duration_hours=duration_hours, max_edges=max_edges)
        if sketch.n_benign == 0:
            raise NotEnoughDataError(
                "There is no benign flow to calibrate on: give flows that are known to be benign."
            )
        known = scores[~np.isnan(scores)]
        return cls(sketch, fit_tail(known.astype(np.float64)), float(known.max()))

    def p_values(self, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Share of benign flows that score at least as high, and where that is extrapolated.

        Up to the largest benign score p = (1 + benign flows at or above) / (n + 1). Beyond
        it the fitted tail continues from 1/(n + 1) downwards: never above that, falling as
        the score rises, not below 1e-12. NaN scores get p = nan.

        Returns
        -------
        p-values float64 in ``(0, 1]`` and flags bool, both of the shape of ``scores``.
        """
        values = np.asarray(scores, dtype=np.float32)
        at_or_above = self._benign_at_or_above(values)
        p = (1.0 + at_or_above) / (self.n + 1)
        extrapolated = values > np.float32(self.largest)
        start = self.tail.survival(np.array([self.largest]))[0]
        beyond = self.tail.survival(values[extrapolated].astype(np.float64)) / start
        p[extrapolated] = np.clip(beyond / (self.n + 1), SMALLEST_P, 1.0 / (self.n + 1))
        p[np.isnan(values)] = np.nan
        return p, extrapolated

    def severity(self, p_values: ArrayLike) -> NDArray[np.int64]:
        """Severity 0–100 of p-values: 25 for each power of ten, 100 from 1 in 10,000 on.

        >>> Calibration.fit([1.0, 2.0]).severity([1.0, 0.1, 1e-3, 1e-9]).tolist()
        [0, 25, 75, 100]
        """
        p = np.asarray(p_values, dtype=np.float64)
        with np.errstate(divide="ignore"):
            raw = -SEVERITY_A_DECADE * np.log10(p)
        # A score that is not a number must not pass for usual.
        return np.rint(np.minimum(100.0, np.nan_to_num(raw, nan=100.0))).astype(np.int64)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, the sketch's under ``sketch_…``."""
        arrays = {f"sketch_{name}": array for name, array in self.sketch.to_arrays().items()}
        tail = self.tail
        arrays["tail"] = np.array([tail.u, tail.xi, tail.sigma, tail.share_above], np.float64)
        arrays["largest"] = np.array([self.largest], np.float32)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Calibration:
        """The calibration that ``to_arrays`` described; further arrays are ignored.

        Raises
        ------
        BundleError
            If an array is missing or cannot be one of a calibration.
        """
        names = [name for name in arrays if name.startswith("sketch_")]
        sketch = ThresholdSketch.from_arrays(
            {name.removeprefix("sketch_"): arrays[name] for name in names}
        )
        try:
            u, xi, sigma, share = (float(figure) for figure in arrays["tail"])
            largest = float(arrays["largest"][0])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BundleError(f"The calibration is damaged ({error}): calibrate again.") from error
        sound = sigma > 0 and 0 < share <= 1 and np.isfinite([u, xi, largest]).all()
        if not sound or sketch.n_benign == 0 or u > largest:
            raise BundleError(
                f"The calibration is damaged (tail {u:g}, {xi:g}, {sigma:g}, {share:g}): "
                "calibrate again."
            )
        return cls(sketch, Tail(u, xi, sigma, share), largest)

    def _benign_at_or_above(self, values: NDArray[np.float32]) -> NDArray[np.int64]:
        """Benign flows at or above each value: exact if complete, else the edge below's."""
        edges, counts = self.sketch.edges, self.sketch.benign_counts
        if self.sketch.complete:
            return np.append(counts, 0)[np.searchsorted(edges, values, side="left")]
        padded = np.append(self.n, counts)
        return padded[np.searchsorted(edges, values, side="right")]
