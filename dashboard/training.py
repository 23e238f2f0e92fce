"""What a training is asked for, and what can be said of it beforehand. Nothing here draws."""

import importlib.util
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard import workspace
from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection.incidents import cause_of
from edgeguard_core.errors import SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.pipeline.model_size import ModelSize, model_size, most_columns
from edgeguard_core.pipeline.train import CALIBRATION_SHARE

DEFAULT_SIZE = "m"
DEFAULT_STEPS = TrainingConfig().steps
DEFAULT_VARIANT = "float32"
DEFAULT_PROMISE = 0.01
_LONGEST_NAME = 60
_BENIGN, _UNLABELLED = "benign", "unlabelled"


def can_train() -> bool:
    """Whether TensorFlow is installed; it is looked for, and never loaded into this process."""
    return importlib.util.find_spec("tensorflow") is not None


def sample() -> Path | None:
    """The shipped traffic to learn from: a benign day, or what a wheel carries; None without."""
    try:
        labelled = shipped().traffic
    except SourceError:
        return None
    day = labelled.with_name("office_day.csv.gz")
    return day if day.exists() else labelled


@dataclass(frozen=True)
class Settings:
    """What the form asks; the defaults are the measured recipe and add no option."""

    name: str  # of the bundle
    benign_words: tuple[str, ...] = ()
    take_unlabelled: bool = False
    left_out: tuple[str, ...] = ()
    context: bool = True
    size: str = DEFAULT_SIZE
    steps: int | None = None
    epochs: float | None = None
    seed: int = 0
    variant: str = DEFAULT_VARIANT
    promise: float = DEFAULT_PROMISE

    @property
    def label_options(self) -> tuple[str, ...]:
        """How labels are read, the same for ``train`` and ``score``.

        >>> Settings("a", benign_words=("clean", "ok")).label_options
        ('--benign', 'clean', '--benign', 'ok')
        """
        return tuple(part for word in self.benign_words for part in ("--benign", word))

    @property
    def options(self) -> tuple[str, ...]:
        """The options of ``train`` that say something else than its defaults.

        >>> Settings("a").options
        ()
        >>> Settings("a", left_out=("state",), size="s", epochs=2.5).options
        ('--leave-out', 'state', '--size', 's', '--epochs', '2.5')
        """
        said: list[str] = []
        for name in self.left_out:
            said += ["--leave-out", name]
        if self.take_unlabelled:
            said.append("--unlabelled-as-benign")
        if not self.context:
            said.append("--no-context")
        given = {
            "--size": None if self.size == DEFAULT_SIZE else self.size,
            "--epochs": None if self.epochs is None else f"{self.epochs:g}",
            "--steps": self.steps,
            "--seed": self.seed or None,
            "--variant": None if self.variant == DEFAULT_VARIANT else self.variant,
            "--fpr": None if self.promise == DEFAULT_PROMISE else f"{self.promise:g}",
        }
        for option, value in given.items():
            if value is not None:
                said += [option, str(value)]
        return tuple(said)


@dataclass(frozen=True)
class Understood:
    """What is in a file, as far as a training is concerned."""

    rows: int
    accepted: int
    benign: int
    attacks: int
    unlabelled: int
    classes: tuple[str, ...] = field(default=())  # words that are neither benign nor nothing

    @property
    def has_labels(self) -> bool:
        return self.benign + self.attacks > 0

    def learned(self, take_unlabelled: bool = False) -> int:
        """Flows that will be taken as normal.

        Without any label that is every accepted one; a label counts also where its row was
        rejected, so it may be a few less.
        """
        if not self.has_labels:
            return self.accepted
        return min(self.benign + (self.unlabelled if take_unlabelled else 0), self.accepted)


def understood(found: Mapping[str, Any], benign_words: Collection[str] = ()) -> Understood:
    """The counts of an inspection, with some further words taken as benign.

    >>> labels = {"benign": 60, "Normal-2": 30, "Bot": 5, "Background-UDP": 4}
    >>> found = understood({"rows": 99, "accepted": 99, "labels": labels}, ["Normal-2"])
    >>> found.benign, found.attacks, found.unlabelled, found.classes
    (90, 5, 4, ('Normal-2', 'Bot'))
    """
    labels = {str(word): int(count) for word, count in (found.get("labels") or {}).items()}
    silent = [w for w in labels if w == _UNLABELLED or w.lower().startswith("background")]
    classes = tuple(word for word in labels if word != _BENIGN and word not in silent)
    extra = sum(labels[word] for word in classes if word in benign_words)
    rows, accepted = int(found.get("rows") or 0), int(found.get("accepted") or 0)
    return Understood(
        rows=rows,
        accepted=accepted,
        benign=labels.get(_BENIGN, 0) + extra,
        attacks=sum(labels[word] for word in classes) - extra,
        unlabelled=sum(labels[word] for word in silent),
        classes=classes,
    )


def schema_of(given: workspace.GivenFile, name: str) -> Schema:
    """The schema a file is read by: its mapping's own, or the shipped one of that name.

    Raises
    ------
    SchemaError
        If there is none.
    """
    if given.schema is not None:
        return Schema.from_yaml(given.schema.read_text("utf-8"), origin=str(given.schema))
    return Schema.named(name)


def feature_groups(schema: Schema) -> dict[str, tuple[str, ...]]:
    """The measured features by what they speak of, in the schema's order.

    >>> list(feature_groups(Schema.named("flow")))
    ['time', 'volume', 'shape', 'rate', 'service', 'state', 'direction']
    """
    groups: dict[str, list[str]] = {}
    for name in schema.measured:
        groups.setdefault(cause_of(schema.column(name)), []).append(name)
    return {group: tuple(names) for group, names in groups.items()}


def estimated_size(
    schema: Schema, *, size: str, left_out: Collection[str], context: bool
) -> ModelSize:
    """Weights and bytes at the most; a file that shows fewer words makes a smaller model."""
    columns = most_columns(schema, left_out=left_out, context=context)
    return model_size(columns, TrainingConfig.of_size(size))


def passes(steps: int, benign: int) -> float:
    """How often each fitted flow is drawn in so many steps; nan without any.

    >>> passes(4_000, 12_800)
    100.0
    """
    fitted = round(benign * (1 - CALIBRATION_SHARE))
    return steps * TrainingConfig().batch_rows / fitted if fitted else float("nan")


def steps(epochs: float, benign: int) -> int:
    """How many steps so many passes over the fitted flows take.

    >>> steps(100, 12_800)
    4000
    """
    fitted = round(benign * (1 - CALIBRATION_SHARE))
    return max(1, math.ceil(epochs * fitted / TrainingConfig().batch_rows))


def bundle_name(text: str) -> str:
    """A name for a folder out of what was typed; empty where nothing of it can be used.

    >>> bundle_name(" Office / Monday v1.2 "), bundle_name("../"), bundle_name("--out")
    ('Office-Monday-v1-2', '', 'out')
    """
    return re.sub(r"[^\w]+", "-", text).strip("-")[:_LONGEST_NAME].strip("-")


def score_quantiles(
    points: NDArray[np.float64], weights: NDArray[np.int64], shares: Sequence[float]
) -> list[float]:
    """For each share the lowest score that at least this share of the flows does not exceed.

    Parameters
    ----------
    points, weights
        Rising scores and how many flows have each, both ``(m,)``.

    Examples
    --------
    >>> score_quantiles(np.array([1.0, 2.0, 3.0]), np.array([50, 40, 10]), [0.5, 0.9, 0.99])
    [1.0, 2.0, 3.0]
    """
    passed = np.cumsum(weights)
    needed = np.array(shares) * passed[-1]
    return [float(points[k]) for k in np.searchsorted(passed, needed - 1e-9)]


def last_loss(bundle: Path) -> float | None:
    """The loss at the end of a bundle's training; None where its manifest tells none."""
    manifest = workspace.read_json(bundle / "manifest.json") or {}
    losses = (manifest.get("training") or {}).get("losses") or [None]
    return losses[-1]
