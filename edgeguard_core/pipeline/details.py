"""What scoring can tell besides a score a flow: which features fail, for whom, and a sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.bundle.arrays import dump_arrays, load_arrays
from edgeguard_core.detection import Detector, ScoredFlows
from edgeguard_core.errors import SourceError
from edgeguard_core.evaluation import class_index
from edgeguard_core.evaluation.feature_errors import FeatureErrorSketch
from edgeguard_core.evaluation.flow_sample import StratifiedSample
from edgeguard_core.evaluation.grouped_scores import GroupedScores
from edgeguard_core.evaluation.sketching import UNLABELLED_CLASS
from edgeguard_core.flows.schema import Role
from edgeguard_core.flows.table import UNLABELLED, Flows

OTHER_CLASSES: Final = "other classes"
MOST_CLASSES: Final = 64
_FORMAT: Final = 1
_SAMPLED: Final = ("position", "row", "score", "label", "feature_errors", "latent")
_LONGEST_FILE_BYTES: Final = 64 << 20


@dataclass(frozen=True, eq=False)
class SampledFlows:
    """Flows of every class, drawn by chance; m of them, at most 4,000.

    Attributes
    ----------
    position
        Which accepted flow each was, and so its place in the scored table, ``(m,)``.
    row
        Line in its source, ``(m,)``.
    score, label, class_names
        Of each, ``(m,)``.
    feature_errors
        float32, ``(m, F)``.
    latent
        The model's bottleneck, float32, ``(m, K)``.
    """

    position: NDArray[np.int64]
    row: NDArray[np.int64]
    score: NDArray[np.float32]
    label: NDArray[np.int8]
    class_names: NDArray[np.object_]
    feature_errors: NDArray[np.float32]
    latent: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Details:
    """What ``score --details`` writes; its size does not grow with the file.

    Attributes
    ----------
    errors
        Of each feature by class.
    groups
        Scores by the words of each column of words: transport, service, state.
    sample
        Flows of every class, with their place in the latent space.
    """

    errors: FeatureErrorSketch
    groups: tuple[GroupedScores, ...]
    sample: SampledFlows

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the F features."""
        return self.errors.features


class DetailsCollector:
    """Collects the details of a stream of scored flows, in bounded memory.

    The sampled flows go through the model once more, for their latent vectors; all others only
    through the counts.
    """

    def __init__(self, detector: Detector, seed: int = 0) -> None:
        self._detector = detector
        self._errors = FeatureErrorSketch.empty(detector.features)
        self._groups: dict[str, GroupedScores] = {}
        self._sample = StratifiedSample(seed=seed)
        self._classes: set[str] = set()

    def add(self, flows: Flows, scored: ScoredFlows) -> None:
        """Take in a batch."""
        label = _label(flows)
        class_of, names = _classes(flows)
        classes = self._known(class_of, names)
        self._errors = self._errors.merge(
            FeatureErrorSketch.build(
                scored.feature_errors, class_of, classes, self._detector.features
            )
        )
        for name in _columns_of_words(flows):
            group = self._groups.get(name) or GroupedScores.empty(name)
            self._groups[name] = group.add(flows.columns[name], scored.scores, label)

        def columns(rows: NDArray[np.int64]) -> Mapping[str, NDArray[Any]]:
            raw = self._detector.raw(flows.select(rows), details=True)
            latent = np.zeros((len(rows), 0), np.float32) if raw.latent is None else raw.latent
            return {
                "row": flows.line[rows],
                "score": scored.scores[rows],
                "label": label[rows],
                "feature_errors": scored.feature_errors[rows],
                "latent": latent,
            }

        self._sample.add(class_of, classes, columns)

    def details(self) -> Details:
        """What was collected so far; at least one batch was added."""
        sample = self._sample
        return Details(
            errors=self._errors,
            groups=tuple(self._groups.values()),
            sample=SampledFlows(
                position=sample.position, class_names=sample.class_names, **sample.columns
            ),
        )

    def _known(self, class_of: NDArray[np.int64], classes: tuple[str, ...]) -> tuple[str, ...]:
        """The classes of a batch, those past the 64th under one name."""
        for at in np.flatnonzero(np.bincount(class_of, minlength=len(classes))):
            if len(self._classes) < MOST_CLASSES:
                self._classes.add(classes[at])
        return tuple(name if name in self._classes else OTHER_CLASSES for name in classes)


def dump_details(details: Details) -> bytes:
    """The details as ``.npz`` bytes without pickle."""
    sample = details.sample
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array([_FORMAT]),
        "groups": np.array([group.column for group in details.groups], np.str_),
        **{f"errors.{name}": array for name, array in details.errors.to_arrays().items()},
        **{f"sample.{name}": getattr(sample, name) for name in _SAMPLED},
        "sample.class_names": sample.class_names.astype(np.str_),
    }
    for n, group in enumerate(details.groups):
        arrays |= {f"group{n}.{name}": array for name, array in group.to_arrays().items()}
    return dump_arrays(arrays)


def read_details(path: Path) -> Details:
    """The details in a file.

    Raises
    ------
    SourceError
        If the file is gone, damaged, or none that ``score --details`` wrote.
    """
    try:
        if path.stat().st_size > _LONGEST_FILE_BYTES:
            raise ValueError("it is larger than any that score writes")
        arrays = load_arrays(path.read_bytes())
        if arrays["format"].tolist() != [_FORMAT]:
            raise ValueError(f"it is of format {arrays['format'].tolist()}")
        columns = arrays["groups"].tolist()
        groups = [
            GroupedScores.from_arrays(name, _under(f"group{n}.", arrays))
            for n, name in enumerate(columns)
        ]
        sample = {name: arrays[f"sample.{name}"] for name in _SAMPLED}
        names = arrays["sample.class_names"].astype(np.object_)
        found = Details(
            errors=FeatureErrorSketch.from_arrays(_under("errors.", arrays)),
            groups=tuple(groups),
            sample=SampledFlows(class_names=names, **sample),
        )
        if len({len(array) for array in (names, *sample.values())}) != 1:
            raise ValueError("its sample is cut short")
        if sample["feature_errors"].shape != (len(names), len(found.features)):
            raise ValueError("its sample is of other features")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"The details in {path} cannot be read ({error}); score the file again."
        ) from error
    return found


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _columns_of_words(flows: Flows) -> list[str]:
    """The columns of words that flows may be grouped by."""
    return [
        column.name
        for column in flows.schema.columns
        if column.role is Role.CATEGORICAL and column.name in flows.columns
    ]


def _classes(flows: Flows) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if flows.labels is None:
        return np.zeros(len(flows), np.int64), (UNLABELLED_CLASS,)
    return class_index(flows.labels)


def _label(flows: Flows) -> NDArray[np.int8]:
    if flows.labels is None:
        return np.full(len(flows), UNLABELLED, np.int8)
    return flows.labels.label
