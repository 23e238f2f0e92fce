"""What each feature looked like in training: bins and counts, nobody's flows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle import DRIFT, Bundle
from edgeguard_core.detection.drift.blocks import BlockCounts
from edgeguard_core.errors import BundleError
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.features.transform import LARGEST_RAW
from edgeguard_core.flows.table import Flows

MOST_CUTS: Final = 64  # of one feature, before those that set a frequent value apart
_CUTS_IN_ALL: Final = 3_200  # of all features: the file stays below 32 kB
_FEWEST_CUTS: Final = 10
MISSING: Final = 0  # the bin of missing numbers, below all values


@dataclass(frozen=True)
class FeatureSketch:
    """One feature of the fitted benign flows.

    Attributes
    ----------
    cuts
        Of a number: upper borders of the value bins, float32, ascending, ``(cuts,)``. Bin 0 is
        missing, bin 1 below the smallest value, the last one above the largest. None of a
        category, whose bins are the model's: 0 for rare or unseen, then each known value.
    counts
        Flows by bin: ``(cuts + 2,)``, or ``(values + 1,)``.
    effects
        Design effect by length of a run of flows (``BlockCounts``).
    """

    name: str
    cuts: NDArray[np.float32] | None
    counts: NDArray[np.int64]
    effects: Mapping[int, float]

    @property
    def n(self) -> int:
        """Flows."""
        return int(self.counts.sum())

    @property
    def missing_share(self) -> float:
        """Share of flows without a value; 0 of a category."""
        return 0.0 if self.cuts is None else int(self.counts[MISSING]) / max(self.n, 1)

    def share_above(self, value: float) -> float:
        """Share of flows above a value, as far as the cuts tell: never too many."""
        assert self.cuts is not None
        bin_of = int(bins_of(self.cuts, np.array([value]))[0])
        return int(self.counts[bin_of + 1 :].sum()) / max(self.n, 1)

    def share_near(self, value: float) -> float:
        """Share of flows in the bin of a value; of a frequent value its own share."""
        assert self.cuts is not None
        bin_of = int(bins_of(self.cuts, np.array([value]))[0])
        return int(self.counts[bin_of]) / max(self.n, 1)

    def effective(self, flows: float, run: float | None = None) -> float:
        """So many flows as independent ones, by how alike neighbours were in training.

        ``run`` is the length of time that they are from, in flows of training: a short file sees
        one mood of a network, and its shares vary as those of runs as long. By default the
        longest run.
        """
        if not self.effects:
            return flows
        effect = max(self.effects.values())
        if run is not None:
            nearest = min(self.effects, key=lambda length: abs(np.log(length / max(run, 1.0))))
            effect = self.effects[nearest]
        return max(flows / effect, 1.0)


def cuts_of(
    distinct: NDArray[np.float32], counts: NDArray[np.integer[Any]], most: int = MOST_CUTS
) -> NDArray[np.float32]:
    """Borders of bins at equal shares of some values; frequent ones get a bin of their own.

    Of few distinct values each has its bin: an exact table.

    Parameters
    ----------
    distinct, counts
        Ascending values, and how often each was seen; shape ``(values,)`` each, not empty.

    Examples
    --------
    >>> cuts_of(np.array([0.0, 1.0], np.float32), np.array([3, 1])).round(3).tolist()
    [-0.0, 0.0, 1.0, 1.0]
    """
    below = np.cumsum(counts)
    if len(distinct) <= most:
        chosen = distinct
    else:
        wanted = np.linspace(0, below[-1], most + 1)[1:]
        chosen = distinct[np.minimum(np.searchsorted(below, wanted), len(distinct) - 1)]
    frequent = distinct[counts >= 2 * below[-1] / most]
    apart = distinct if len(distinct) <= most // 2 else np.append(frequent, distinct[0])
    just_below = np.nextafter(apart, np.float32(-np.inf), dtype=np.float32)
    return np.unique(np.concatenate([chosen, apart, just_below])).astype(np.float32)


def bins_of(cuts: NDArray[np.float32], values: NDArray[Any]) -> NDArray[np.int64]:
    """The bin of each number, shape ``(n,)``; missing and infinite ones are in bin 0.

    >>> bins_of(np.array([0.0, 1.0], np.float32), np.array([np.nan, -1.0, 0.5, 1.0, 9.0])).tolist()
    [0, 1, 2, 2, 3]
    """
    numbers = np.asarray(values, np.float64)
    known = np.isfinite(numbers)
    bounded = np.clip(np.where(known, numbers, 0.0), -LARGEST_RAW, LARGEST_RAW)
    places = 1 + np.searchsorted(cuts, bounded.astype(np.float32), side="left")
    return np.where(known, places, MISSING)


@dataclass(frozen=True)
class DriftReference:
    """The features of the fitted benign flows, in the model's order; no address among them."""

    features: tuple[FeatureSketch, ...]

    @classmethod
    def of(cls, preprocessor: Preprocessor, flows: Flows) -> Self:
        """The reference of the flows that a model was fitted on, in the order of their files.

        Parameters
        ----------
        flows
            Not empty, with every column of the model.

        Examples
        --------
        >>> from edgeguard_core.config import TrainingConfig
        >>> from edgeguard_core.flows.schema import Schema
        >>> schema = Schema.from_yaml("{name: mine, columns: [{name: a, role: numeric}]}")
        >>> flows = Flows(schema, {"a": np.array([1.0, 1.0, np.nan])}, None, np.arange(3))
        >>> fitted = Preprocessor.fit(flows, TrainingConfig())
        >>> DriftReference.of(fitted, flows).features[0].counts.tolist()
        [1, 0, 2, 0]
        """
        most = max(_FEWEST_CUTS, min(MOST_CUTS, _CUTS_IN_ALL // max(len(preprocessor.numeric), 1)))
        cuts = [_learn_cuts(flows.columns[f.name], most) for f in preprocessor.numeric]
        empty = tuple(
            FeatureSketch(f.name, c, np.zeros(len(c) + 2, np.int64), {})
            for f, c in zip(preprocessor.numeric, cuts, strict=True)
        ) + tuple(
            FeatureSketch(f.name, None, np.zeros(f.bins, np.int64), {})
            for f in preprocessor.categorical
        )
        shape = cls(empty)
        blocks = shape.new_blocks()
        blocks.add(shape.bins(preprocessor, flows))
        return cls(
            tuple(
                FeatureSketch(
                    feature.name,
                    feature.cuts,
                    blocks.totals(at),
                    blocks.design_effects(at, ordered=feature.cuts is not None),
                )
                for at, feature in enumerate(empty)
            )
        )

    def new_blocks(self) -> BlockCounts:
        """Empty counts in the bins of these features."""
        return BlockCounts([len(feature.counts) for feature in self.features])

    def bins(self, preprocessor: Preprocessor, flows: Flows) -> NDArray[np.int64]:
        """The bin of every flow in every feature, shape ``(n, F)``; 0 where a column is absent."""
        known = {feature.name: feature for feature in preprocessor.categorical}
        found = np.zeros((len(flows), len(self.features)), np.int64)
        for at, feature in enumerate(self.features):
            values = flows.columns.get(feature.name)
            if values is None:
                continue
            if feature.cuts is not None:
                found[:, at] = bins_of(feature.cuts, values)
            else:
                found[:, at] = known[feature.name].ids(values)
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``: those of all features one after the other."""
        cuts = [np.zeros(0, np.float32) if f.cuts is None else f.cuts for f in self.features]
        lengths = sorted({length for f in self.features for length in f.effects})
        return {
            "names": np.array([f.name for f in self.features], np.str_),
            "is_number": np.array([f.cuts is not None for f in self.features], np.bool_),
            "n_cuts": np.array([len(c) for c in cuts], np.uint32),
            "cuts": np.concatenate(cuts).astype(np.float32),
            "n_bins": np.array([len(f.counts) for f in self.features], np.uint32),
            "counts": np.concatenate([f.counts for f in self.features]).astype(np.uint32),
            "run_flows": np.array(lengths, np.uint32),
            "design_effects": np.array(
                [[f.effects.get(length, 1.0) for length in lengths] for f in self.features],
                np.float32,
            ),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], preprocessor: Preprocessor) -> Self:
        """The reference that ``to_arrays`` wrote; further arrays are ignored.

        Raises
        ------
        BundleError
            If an array is missing, or they are not of this preprocessor's features.
        """
        try:
            names = [str(name) for name in arrays["names"]]
            cuts = np.split(arrays["cuts"].astype(np.float32), np.cumsum(arrays["n_cuts"])[:-1])
            counts = np.split(arrays["counts"].astype(np.int64), np.cumsum(arrays["n_bins"])[:-1])
            lengths = arrays["run_flows"].tolist()
            features = tuple(
                FeatureSketch(
                    name,
                    cuts[at] if arrays["is_number"][at] else None,
                    counts[at],
                    dict(zip(lengths, arrays["design_effects"][at].tolist(), strict=True)),
                )
                for at, name in enumerate(names)
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BundleError(f"The drift reference is damaged ({error}): train again.") from error
        _require_sound(features, preprocessor)
        return cls(features)


def reference_of(bundle: Bundle) -> DriftReference | None:
    """What the bundle's features were in training; None where it was trained before it kept that.

    Raises
    ------
    BundleError
        If the file does not hold what it should.
    """
    if DRIFT not in bundle.files:
        return None
    return DriftReference.from_arrays(bundle.arrays(DRIFT), bundle.preprocessor)


def _learn_cuts(column: NDArray[Any], most: int) -> NDArray[np.float32]:
    known = np.asarray(column, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return np.zeros(1, np.float32)
    values = np.clip(known, -LARGEST_RAW, LARGEST_RAW).astype(np.float32)
    return cuts_of(*np.unique(values, return_counts=True), most=most)


def _require_sound(features: tuple[FeatureSketch, ...], preprocessor: Preprocessor) -> None:
    widths = {f.name: f.bins for f in preprocessor.categorical}
    names = tuple(f.name for f in features)
    wrong = [] if names == preprocessor.features else ["features"]
    for f in features:
        bins = widths.get(f.name, 0) if f.cuts is None else len(f.cuts) + 2
        ascending = f.cuts is None or not (np.isnan(f.cuts).any() or np.any(np.diff(f.cuts) <= 0))
        if (
            len(f.counts) != bins
            or f.n <= 0
            or not ascending
            or not all(length > 0 and 1 <= effect < np.inf for length, effect in f.effects.items())
        ):
            wrong.append(f.name)
    if wrong:
        raise BundleError(
            f"The drift reference is damaged ({wrong[0]} does not fit the model): train again."
        )
