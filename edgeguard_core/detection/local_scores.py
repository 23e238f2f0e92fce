"""Calibration on the spot: scores of local flows, in bounded memory, and what they promise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.detection.incidents import WINDOW_MS
from edgeguard_core.errors import EdgeGuardError, NotEnoughDataError
from edgeguard_core.thresholds import (
    MINIMUM_BENIGN_ROWS,
    Calibration,
    Threshold,
    conformal,
    needed_rows,
    recency_weights,
    smallest_weighted_promise,
    weighted_conformal,
    weighted_worst,
)
from edgeguard_core.thresholds.robust import ALONE, CONTAMINATION, leave_out_bursts

MOST_KEPT: Final = 65_536
"""Flows that a watch calibrates on; of more a random draw, which promises the same."""
MOST_NAMED: Final = 5
_MS_PER_HOUR: Final = 3_600_000.0
_UNKNOWN: Final = -1
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_ROW: Final = np.dtype(
    [("score", np.float32), ("host", np.int32), ("window", np.int32), ("lot", np.uint64)]
)


@dataclass(frozen=True)
class Suspicion:
    """Flows of one host and window that were left out of a calibration."""

    host: str
    window_ms: float
    flows: int
    highest: float

    def to_json(self) -> dict[str, Any]:
        """Plain values; the window by the time it begins."""
        return {
            "host": self.host,
            "window": _iso(self.window_ms),
            "flows": self.flows,
            "highest": self.highest,
        }


@dataclass(frozen=True)
class LocalCalibration:
    """A threshold calibrated on the spot, and all that is to be said about it.

    Attributes
    ----------
    calibration
        Of the flows that were not left out, for p-values and severity.
    flows
        How many there were, left out ones too.
    hours
        Of traffic that they cover; None without times.
    first_ms, last_ms
        Times of the first and last flow; None without times.
    contamination
        Share of the flows that may have been attacks.
    left_out
        Flows that look like attacks and do not calibrate, and the hosts that have most of them.
    suspicious_share
        Of the flows: those that come in bursts as attacks do, also beyond what was allowed for.
    at_most
        The false-alarm rate, whichever flows were attacks, if no more than allowed for.
    half_life_hours
        After which a flow weighs half as much as the newest one; None: all weigh the same.
    weight
        Of all flows that calibrate: as many new ones would weigh as much.
    """

    threshold: Threshold
    calibration: Calibration
    flows: int
    hours: float | None
    first_ms: float | None
    last_ms: float | None
    contamination: float
    left_out: int
    suspicions: tuple[Suspicion, ...]
    suspicious_share: float
    at_most: float
    warnings: tuple[str, ...]
    half_life_hours: float | None
    weight: float

    @property
    def smallest_promise(self) -> float:
        """Lowest false-alarm rate that flows of such a weight can promise."""
        return smallest_weighted_promise(self.weight)

    def to_json(self) -> dict[str, Any]:
        """Plain values for strict JSON."""
        return {
            "flows": self.flows,
            "hours": None if self.hours is None else round(self.hours, 3),
            "from": _iso(self.first_ms),
            "to": _iso(self.last_ms),
            "smallest_promise": self.smallest_promise,
            "contamination": self.contamination,
            "left_out": self.left_out,
            "suspicious_share": self.suspicious_share,
            "suspicions": [each.to_json() for each in self.suspicions],
            "at_most": self.at_most,
            "half_life_hours": self.half_life_hours,
            "weight": round(self.weight, 3),
        }


@dataclass
class LocalScores:
    """Scores of flows in the order they come, with the host and time of each.

    Parameters
    ----------
    most
        Flows kept at a time: of more a uniform draw, so that memory and a checkpoint are
        bounded; None keeps all.
    seed
        Of that draw: the same flows give the same calibration.

    Examples
    --------
    >>> local = LocalScores()
    >>> local.add(np.arange(200, dtype=np.float32), np.full(200, "10.0.0.5", object),
    ...           np.arange(200) * 3.6e6)
    >>> found = local.calibrate(0.01, "doc")
    >>> found.flows, found.hours, round(found.threshold.value, 3), found.left_out
    (200, 199.0, 198.0, 0)
    """

    most: int | None = MOST_KEPT
    seed: int = 0
    seen: int = 0
    first_ms: float = float("inf")
    last_ms: float = float("-inf")
    _rows: list[NDArray[Any]] = field(default_factory=list)
    _codes: dict[str, int] = field(default_factory=dict)

    @property
    def hours(self) -> float | None:
        """From the first to the last flow; None where no time passes."""
        passed = self.last_ms - self.first_ms
        return passed / _MS_PER_HOUR if passed > 0 else None

    def add(
        self,
        scores: NDArray[np.float32],
        hosts: NDArray[np.object_],
        start_ms: NDArray[np.float64],
    ) -> None:
        """Take note of n flows, shape ``(n,)`` each; None and nan where host or time is unknown."""
        known = np.isfinite(start_ms)
        if known.any():
            self.first_ms = min(self.first_ms, float(start_ms[known].min()))
            self.last_ms = max(self.last_ms, float(start_ms[known].max()))
        codes = [
            _UNKNOWN if host is None else self._codes.setdefault(host, len(self._codes))
            for host in hosts.tolist()
        ]
        rows = np.empty(len(scores), _ROW)
        rows["score"], rows["host"] = scores, codes
        rows["window"] = np.where(known, np.floor(np.where(known, start_ms, 0) / WINDOW_MS), -1)
        rows["lot"] = _lots(self.seed, self.seen, len(scores))
        self.seen += len(scores)
        self._rows.append(rows)
        if self.most is not None and sum(map(len, self._rows)) > 2 * self.most:
            self._kept()

    def _kept(self) -> NDArray[Any]:
        """The rows that are kept, in the order they came; forgets the others and their hosts."""
        rows = np.concatenate([np.empty(0, _ROW), *self._rows])
        if self.most is not None and len(rows) > self.most:
            lowest = np.argpartition(rows["lot"], self.most)[: self.most]
            rows = rows[np.sort(lowest)]
            names, used = list(self._codes), np.unique(rows["host"])
            used = used[used >= 0]
            self._codes = {names[code]: at for at, code in enumerate(used.tolist())}
            again = np.searchsorted(used, rows["host"])
            rows["host"] = np.where(rows["host"] >= 0, again, _UNKNOWN)
        self._rows = [rows]
        return rows

    def calibrate(
        self,
        alpha: float,
        on_what: str,
        contamination: float = CONTAMINATION,
        hours: float | None = None,
        half_life_hours: float | None = None,
    ) -> LocalCalibration:
        """The threshold that promises ``alpha`` to benign flows like these.

        Parameters
        ----------
        on_what
            Which flows these are, in words for a person.
        contamination
            Share of them that may be attacks: ``leave_out_bursts`` says what becomes of those.
        hours
            That they cover, where it is not from the first to the last.
        half_life_hours
            Recent flows weigh more: a flow half as much as one that is so many hours younger
            (``weighted_conformal``). P-values and severity stay those of all flows alike.

        Raises
        ------
        NotEnoughDataError
            With fewer than 50 flows; it says how many the promise needs.
        EdgeGuardError
            If the share cannot be allowed for, or there is no such half-life or no time to go by.
        """
        rows = self._kept()
        scores = rows["score"]
        if len(rows) < MINIMUM_BENIGN_ROWS:
            raise NotEnoughDataError(
                f"{len(rows)} flows are too few to calibrate on: give at least "
                f"{MINIMUM_BENIGN_ROWS}, and {needed_rows(alpha)} to promise a false-alarm rate "
                f"of {alpha:g}."
            )
        is_known = (rows["window"] >= 0) & (rows["host"] >= 0)
        bursts = np.where(is_known, rows["host"].astype(np.int64) << 32 | rows["window"], ALONE)
        found = leave_out_bursts(scores, bursts, alpha, contamination)
        hours = self.hours if hours is None else hours
        calibration = Calibration.fit(scores[~found.left_out], hours)
        kept, threshold = ~found.left_out, conformal(calibration.sketch, alpha, on_what)
        weights, at_most = np.ones(len(rows)), found.at_most
        if half_life_hours is not None:
            weights = _recency(rows["window"], half_life_hours)
            on_what = f"{on_what}, weighing half as much every {half_life_hours:g} hours of age"
            threshold = weighted_conformal(scores[kept], weights[kept], alpha, on_what)
            at_most = weighted_worst(scores, weights, threshold, contamination)
        left_out = int(found.left_out.sum())
        share = found.suspicious / len(scores)
        return LocalCalibration(
            threshold=threshold,
            calibration=calibration,
            flows=self.seen,
            hours=hours,
            first_ms=self.first_ms if np.isfinite(self.first_ms) else None,
            last_ms=self.last_ms if np.isfinite(self.last_ms) else None,
            contamination=contamination,
            left_out=left_out,
            suspicions=_named(rows[found.left_out], list(self._codes)),
            suspicious_share=share,
            at_most=max(at_most, threshold.promised_false_positive_rate or 0.0),
            warnings=_warnings(threshold, share, contamination),
            half_life_hours=half_life_hours,
            weight=float(weights[kept].sum()),
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for a checkpoint."""
        rows = self._kept()
        return {
            **{name: rows[name] for name in _ROW.names or ()},
            "names": np.frombuffer("\n".join(self._codes).encode(), np.uint8),
            "span": np.array([self.seen, self.first_ms, self.last_ms], np.float64),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], most: int | None = MOST_KEPT, seed: int = 0
    ) -> "LocalScores":
        """The scores that ``to_arrays`` gave.

        Raises
        ------
        KeyError, ValueError
            If they are not that.
        """
        text = arrays["names"].tobytes().decode()
        codes = {name: at for at, name in enumerate(text.split("\n") if text else ())}
        rows = np.empty(len(arrays["score"]), _ROW)
        for name in _ROW.names or ():
            rows[name] = arrays[name]
        seen, first_ms, last_ms = arrays["span"].tolist()
        if rows["host"].max(initial=_UNKNOWN) >= len(codes) or seen < len(rows):
            raise ValueError("these are no scores of a calibration")
        return cls(most, seed, int(seen), first_ms, last_ms, [rows], codes)


def _recency(windows: NDArray[np.int32], half_life_hours: float) -> NDArray[np.float64]:
    """Weights by the age of each flow's window; one without a time is as old as the oldest."""
    known = windows >= 0
    if not known.any():
        raise EdgeGuardError(
            f"A half-life of {half_life_hours:g} hours needs flows with times, and these have "
            "none: calibrate without it."
        )
    placed = np.where(known, windows, windows[known].min())
    return recency_weights((placed.max() - placed) * (WINDOW_MS / _MS_PER_HOUR), half_life_hours)


def _lots(seed: int, first: int, n: int) -> NDArray[np.uint64]:
    """A random number for each of n flows in a row: the same however the stream is cut.

    SplitMix64 (Steele, Lea and Flood 2014) of the seed and the number of the flow. Those with
    the lowest numbers are a uniform draw of all.
    """
    with np.errstate(over="ignore"):
        x = (np.arange(first, first + n, dtype=np.uint64) + np.uint64(seed << 40)) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed


def _named(rows: NDArray[Any], names: Sequence[str]) -> tuple[Suspicion, ...]:
    """The hosts and windows that have most of the flows left out, the most first."""
    places = np.column_stack([rows["host"], rows["window"]])
    distinct, position = np.unique(places, axis=0, return_inverse=True)
    counts = np.bincount(position.ravel(), minlength=len(distinct))
    highest = np.zeros(len(distinct), np.float32)
    np.maximum.at(highest, position.ravel(), rows["score"])
    return tuple(
        Suspicion(
            host=names[distinct[at, 0]],
            window_ms=float(distinct[at, 1]) * WINDOW_MS,
            flows=int(counts[at]),
            highest=float(highest[at]),
        )
        for at in np.lexsort((-highest, -counts))[:MOST_NAMED].tolist()
    )


def _iso(time_ms: float | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")


def _warnings(threshold: Threshold, share: float, contamination: float) -> tuple[str, ...]:
    found = [threshold.warning] if threshold.warning else []
    if share > contamination > 0.0:
        found.append(
            f"{share:.2g} of the flows come in bursts of odd ones, as attacks do, and only "
            f"{contamination:g} may be attacks: were they, the threshold is too high to show more "
            "of the kind; look into them, and calibrate on other hours if they are."
        )
    return tuple(found)
