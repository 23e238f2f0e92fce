"""What any threshold would do, counted once: the sufficient statistic of all scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.thresholds.counting import counts_at_or_above, holds_all, ordered_parts
from edgeguard_core.thresholds.edges import choose_edges, fixed_edges, histogram_edges

SMALLEST_BUDGET = 64  # fewer edges could not hold the promised values


@dataclass(frozen=True, eq=False)
class ThresholdSketch:
    """Alerts that each threshold would raise, class by class.

    Exact at its edges: ``counts_ge[c, k]`` flows of class ``c`` have ``score >= edges[k]``,
    compared as float32. About 120 kB for a million flows of fifteen classes, and all that a
    chart, a slider or a search for a threshold needs; the scores themselves can be dropped.

    Attributes
    ----------
    edges
        Thresholds, float32, ascending, shape ``(K,)``.
    classes
        Names of the C classes.
    benign_index, unlabelled_index
        Which class is benign, and which holds flows without a label; every other class is
        an attack. Unlabelled flows count as alerts, never as right or wrong ones.
    counts_ge
        uint32, shape ``(C, K)``.
    hist_edges, hist
        Log-spaced bins for drawing: borders ``(B + 1,)``, counts uint32 ``(C, B)``. Bin 0
        is the underflow: zeros, and scores nine decades below the largest.
    n, score_sum, score_square_sum
        Flows a class (uint64), the sum of their scores and of the squares (float64), ``(C,)``.
    n_nan
        Scores that were not a number; they are in no other count.
    duration_hours
        Time over which the flows were seen; None when unknown.
    complete
        True when every score is an edge: then counts are exact at *any* value.

    Examples
    --------
    Four benign flows and an attack; at 3 one of each alerts, at 3.5 the attack alone:

    >>> sketch = ThresholdSketch.build(
    ...     [1, 2, 2, 3, 9], class_index=[0, 0, 0, 0, 1], classes=("benign", "scan"))
    >>> sketch.counts_at(3.0).tolist(), sketch.counts_at(3.5).tolist()
    ([1, 1], [0, 1])
    """

    edges: NDArray[np.float32]  # (K,)
    classes: tuple[str, ...]  # C names
    benign_index: int | None
    counts_ge: NDArray[np.uint32]  # (C, K)
    hist_edges: NDArray[np.float32]  # (B + 1,)
    hist: NDArray[np.uint32]  # (C, B)
    n: NDArray[np.uint64]  # (C,)
    score_sum: NDArray[np.float64]  # (C,)
    score_square_sum: NDArray[np.float64]  # (C,)
    n_nan: int
    duration_hours: float | None
    complete: bool
    unlabelled_index: int | None = None

    @classmethod
    def build(
        cls,
        scores: ArrayLike,
        class_index: ArrayLike | None = None,
        classes: Sequence[str] = ("benign",),
        benign_index: int | None = 0,
        *,
        unlabelled_index: int | None = None,
        duration_hours: float | None = None,
        max_edges: int = 2048,
    ) -> ThresholdSketch:
        """Sketch whose edges follow the scores: dense where few benign flows alert.

        Edges are benign scores at false-alarm rates log-spaced from one half to one flow, a
        geometric grid, and the values of the usual conformal promises. When all distinct
        scores fit into ``max_edges`` they are all edges and the sketch is ``complete``.

        Parameters
        ----------
        scores
            Scores of all flows, ``>= 0``, finite or NaN, shape ``(n,)``.
        class_index
            Position in ``classes`` for each flow, shape ``(n,)``; None: all are class 0.

        Raises
        ------
        EdgeGuardError
            If a score is negative or infinite: no scorer of EdgeGuard answers so.

        Examples
        --------
        >>> ThresholdSketch.build([0.0, 0.5, 0.5]).edges[:2]
        array([0. , 0.5], dtype=float32)
        """
        parts, n_nan = ordered_parts(scores, class_index, len(classes))
        ordered = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
        benign = ordered[:0] if benign_index is None else parts[benign_index]
        edges, _ = choose_edges(ordered, benign, max(max_edges, SMALLEST_BUDGET))
        positive = ordered[np.searchsorted(ordered, np.float32(0), side="right") :]
        low, high = (positive[0], positive[-1]) if positive.size else (1e-6, 1.0)
        bins = histogram_edges(float(low), float(high))
        sketch = _count(parts, edges, bins, tuple(classes), benign_index, unlabelled_index)
        return replace(sketch, n_nan=n_nan, duration_hours=duration_hours)

    @classmethod
    def on_edges(
        cls,
        scores: ArrayLike,
        edges: NDArray[np.float32] | None = None,
        class_index: ArrayLike | None = None,
        classes: Sequence[str] = ("benign",),
        benign_index: int | None = 0,
        *,
        hist_edges: NDArray[np.float32] | None = None,
        unlabelled_index: int | None = None,
        duration_hours: float | None = None,
    ) -> ThresholdSketch:
        """Sketch on edges that were fixed beforehand, so that it can ``merge``.

        Without ``edges`` the log-spaced ``fixed_edges()``; a score above the last
        histogram border counts in the last bin.

        >>> chunks = [ThresholdSketch.on_edges([0.1, 0.2]), ThresholdSketch.on_edges([0.3])]
        >>> chunks[0].merge(chunks[1]).n
        array([3], dtype=uint64)
        """
        parts, n_nan = ordered_parts(scores, class_index, len(classes))
        line = fixed_edges() if edges is None else np.unique(np.asarray(edges, np.float32))
        bins = hist_edges
        if bins is None:
            bins = histogram_edges(float(line[line > 0][0]), float(line[-1]))
        sketch = _count(parts, line, bins, tuple(classes), benign_index, unlabelled_index)
        return replace(sketch, n_nan=n_nan, duration_hours=duration_hours)

    def merge(self, other: ThresholdSketch) -> ThresholdSketch:
        """Sketch of both sets of flows, equal to one built from all their scores.

        Classes join by name; hours add up, and are unknown when either is.

        Raises
        ------
        EdgeGuardError
            If the edges differ: counts at different thresholds cannot be added.
        """
        if not np.array_equal(self.edges, other.edges) or not np.array_equal(
            self.hist_edges, other.hist_edges
        ):
            raise EdgeGuardError(
                f"Sketches with different edges ({self.edges.size} and {other.edges.size}) "
                "cannot be merged: make both with ThresholdSketch.on_edges and the same edges."
            )
        classes = self.classes + tuple(c for c in other.classes if c not in self.classes)
        mine = self._for_classes(classes)
        theirs = other._for_classes(classes)
        return replace(
            mine,
            benign_index=_common_index(mine.benign_index, theirs.benign_index, "benign"),
            unlabelled_index=_common_index(
                mine.unlabelled_index, theirs.unlabelled_index, "unlabelled"
            ),
            counts_ge=mine.counts_ge + theirs.counts_ge,
            hist=mine.hist + theirs.hist,
            n=mine.n + theirs.n,
            score_sum=mine.score_sum + theirs.score_sum,
            score_square_sum=mine.score_square_sum + theirs.score_square_sum,
            n_nan=mine.n_nan + theirs.n_nan,
            duration_hours=(
                None
                if mine.duration_hours is None or theirs.duration_hours is None
                else mine.duration_hours + theirs.duration_hours
            ),
            complete=mine.complete and theirs.complete,
        )

    def with_edge(
        self, value: float, scores: ArrayLike, class_index: ArrayLike | None = None
    ) -> ThresholdSketch:
        """The same sketch with one more exact edge, for a value that a person typed.

        ``scores`` and ``class_index`` are those the sketch was made of; a set of another
        size is refused with a ``ValueError``.

        >>> sketch = ThresholdSketch.on_edges([1.0, 2.0, 4.0], [1.0, 8.0])
        >>> finer = sketch.with_edge(3.0, [1.0, 2.0, 4.0])
        >>> finer.edges.tolist(), finer.counts_at(3.0).tolist()
        ([1.0, 3.0, 8.0], [1])
        """
        parts, _ = ordered_parts(scores, class_index, len(self.classes))
        if [part.size for part in parts] != self.n.tolist():
            raise ValueError(f"scores of {self.n.tolist()} flows a class are needed")
        edges = np.union1d(self.edges, np.array([value], np.float32))
        counts = counts_at_or_above(parts, edges)
        return replace(self, edges=edges, counts_ge=counts)

    def counts_at(self, value: float) -> NDArray[np.int64]:
        """Flows of each class with ``score >= value``, shape ``(C,)``.

        Exact when the value is an edge or the sketch is ``complete``. Between two edges of
        another sketch it is the count at the edge below: never fewer alerts than there are.
        """
        side = np.searchsorted(self.edges, np.float32(value), side="left")
        if side < self.edges.size and (self.complete or self.edges[side] == np.float32(value)):
            return self.counts_ge[:, side].astype(np.int64)
        if self.complete:  # above the last edge, which is above every score
            return np.zeros(len(self.classes), np.int64)
        if side == 0:
            return self.n.astype(np.int64)
        return self.counts_ge[:, side - 1].astype(np.int64)

    @property
    def attack_indices(self) -> tuple[int, ...]:
        """Positions of the attack classes: all but the benign and the unlabelled one."""
        others = (self.benign_index, self.unlabelled_index)
        return tuple(i for i in range(len(self.classes)) if i not in others)

    @property
    def n_benign(self) -> int:
        """Benign flows."""
        return 0 if self.benign_index is None else int(self.n[self.benign_index])

    @property
    def n_attacks(self) -> int:
        """Attack flows of all classes."""
        return int(self.n[list(self.attack_indices)].sum())

    @property
    def benign_counts(self) -> NDArray[np.int64]:
        """False alarms at each edge, shape ``(K,)``; int64, so that differences are safe."""
        if self.benign_index is None:
            return np.zeros(self.edges.size, np.int64)
        return np.asarray(self.counts_ge[self.benign_index], np.int64)

    @property
    def attack_counts(self) -> NDArray[np.int64]:
        """Attacks found at each edge, all classes together, shape ``(K,)``."""
        return np.asarray(self.counts_ge[list(self.attack_indices)].sum(axis=0, dtype=np.int64))

    @property
    def alert_counts(self) -> NDArray[np.int64]:
        """Alerts at each edge: benign, attack and unlabelled flows, shape ``(K,)``."""
        return np.asarray(self.counts_ge.sum(axis=0, dtype=np.int64))

    def benign_points(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Benign scores as points with weights, both ``(m,)``: the scores themselves when
        complete, else each edge with the benign flows up to the next one (rounded down)."""
        counts = self.benign_counts
        weights = counts - np.append(counts[1:], 0)
        below = self.n_benign - int(counts[0])
        points = np.append([0.0], self.edges.astype(np.float64))
        weights = np.append([below], weights)
        return points[weights > 0], weights[weights > 0]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sketch as plain arrays for ``np.savez``; no pickled objects among them."""
        return {
            "edges": self.edges,
            "classes": np.array(self.classes, dtype=np.str_),
            "benign_index": _stored(self.benign_index),
            "unlabelled_index": _stored(self.unlabelled_index),
            "counts_ge": self.counts_ge,
            "hist_edges": self.hist_edges,
            "hist": self.hist,
            "n": self.n,
            "score_sum": self.score_sum,
            "score_square_sum": self.score_square_sum,
            "n_nan": np.array([self.n_nan], np.int64),
            "duration_hours": np.array(
                [np.nan if self.duration_hours is None else self.duration_hours]
            ),
            "complete": np.array([self.complete], np.bool_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ThresholdSketch:
        """The sketch that ``to_arrays`` wrote; further arrays are ignored.

        Raises
        ------
        BundleError
            If an array is missing, or their shapes do not belong together.
        """
        try:
            benign, unlabelled = int(arrays["benign_index"][0]), int(arrays["unlabelled_index"][0])
            hours = float(arrays["duration_hours"][0])
            sketch = cls(
                edges=np.asarray(arrays["edges"], np.float32),
                classes=tuple(str(name) for name in arrays["classes"]),
                benign_index=None if benign < 0 else benign,
                counts_ge=np.asarray(arrays["counts_ge"], np.uint32),
                hist_edges=np.asarray(arrays["hist_edges"], np.float32),
                hist=np.asarray(arrays["hist"], np.uint32),
                n=np.asarray(arrays["n"], np.uint64),
                score_sum=np.asarray(arrays["score_sum"], np.float64),
                score_square_sum=np.asarray(arrays["score_square_sum"], np.float64),
                n_nan=int(arrays["n_nan"][0]),
                duration_hours=None if np.isnan(hours) else hours,
                complete=bool(arrays["complete"][0]),
                unlabelled_index=None if unlabelled < 0 else unlabelled,
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BundleError(
                f"The score sketch is damaged ({error}): train or calibrate again."
            ) from error
        sketch._require_sound()
        return sketch

    def _require_sound(self) -> None:
        c, k, b = len(self.classes), self.edges.size, self.hist_edges.size - 1
        shapes = [self.counts_ge.shape == (c, k), self.hist.shape == (c, b), k >= 1, b >= 1]
        shapes += [a.shape == (c,) for a in (self.n, self.score_sum, self.score_square_sum)]
        ascending = (
            bool(np.all(self.edges[1:] > self.edges[:-1])) if self.edges.ndim == 1 else False
        )
        indices = [i for i in (self.benign_index, self.unlabelled_index) if i is not None]
        if not (all(shapes) and ascending and all(i < c for i in indices)):
            raise BundleError(
                f"The score sketch is damaged (edges {self.edges.shape}, counts "
                f"{self.counts_ge.shape}, {c} classes): train or calibrate again."
            )

    def _for_classes(self, classes: tuple[str, ...]) -> ThresholdSketch:
        """This sketch with rows in the order of ``classes``, zeros for those it lacks."""
        rows = [classes.index(name) for name in self.classes]

        def spread(array: NDArray[Any]) -> NDArray[Any]:
            wide = np.zeros((len(classes), *array.shape[1:]), array.dtype)
            wide[rows] = array
            return wide

        return replace(
            self,
            classes=classes,
            benign_index=None if self.benign_index is None else rows[self.benign_index],
            unlabelled_index=None if self.unlabelled_index is None else rows[self.unlabelled_index],
            counts_ge=spread(self.counts_ge),
            hist=spread(self.hist),
            n=spread(self.n),
            score_sum=spread(self.score_sum),
            score_square_sum=spread(self.score_square_sum),
        )


def _stored(index: int | None) -> NDArray[np.int64]:
    return np.array([-1 if index is None else index], np.int64)


def _common_index(first: int | None, second: int | None, what: str) -> int | None:
    if first is not None and second is not None and first != second:
        raise EdgeGuardError(
            f"Sketches that name different classes as {what} cannot be merged: "
            "give both the same class names."
        )
    return second if first is None else first


def _count(
    parts: list[NDArray[np.float32]],
    edges: NDArray[np.float32],
    bins: NDArray[np.float32],
    classes: tuple[str, ...],
    benign_index: int | None,
    unlabelled_index: int | None,
) -> ThresholdSketch:
    borders = np.stack([np.searchsorted(part, bins, side="left") for part in parts])
    borders[:, -1] = [part.size for part in parts]  # the last bin takes all that lie above
    return ThresholdSketch(
        edges=edges,
        classes=classes,
        benign_index=benign_index,
        counts_ge=counts_at_or_above(parts, edges),
        hist_edges=bins,
        hist=np.diff(borders, axis=1).astype(np.uint32),
        n=np.array([part.size for part in parts], np.uint64),
        score_sum=np.array([part.sum(dtype=np.float64) for part in parts]),
        score_square_sum=np.array(
            [np.einsum("i,i->", part, part, dtype=np.float64) for part in parts]
        ),
        n_nan=0,
        duration_hours=None,
        complete=holds_all(parts, edges),
        unlabelled_index=unlabelled_index,
    )
