"""What each stage gives: a value that lies as ``artifact.json`` beside the files it speaks of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from edgeguard_core.pipeline.runs.sources import DataFile


@dataclass(frozen=True)
class Artifact:
    """The common part: to JSON and back; paths are relative to the stage's folder."""

    def to_json(self) -> dict[str, Any]:
        """The content of ``artifact.json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave.

        Raises
        ------
        TypeError
            If it is of another stage or version.
        """
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    @property
    def identity(self) -> Any:
        """What later stages depend on: while it is the same, they need not run again."""
        return self.to_json()

    @property
    def for_log(self) -> list[str]:
        """What the run's log keeps beside that the stage is done."""
        return list(getattr(self, "told", ()))


@dataclass(frozen=True)
class Ingested(Artifact):
    """The files of a run; ``evaluation`` is empty where it judges on what it holds out.

    ``feedback`` are copies of the verdicts as they were when the run began.
    """

    data: tuple[DataFile, ...]
    evaluation: tuple[DataFile, ...] = ()
    feedback: tuple[DataFile, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave."""
        keys = ("data", "evaluation", "feedback")
        return cls(*(tuple(DataFile(**x) for x in values.get(key, ())) for key in keys))

    @property
    def identity(self) -> Any:
        """Names and contents: a file that was only touched or moved is the same."""
        return [
            [[file.name, file.sha256] for file in each]
            for each in (self.data, self.evaluation, self.feedback)
        ]


@dataclass(frozen=True)
class Validated(Artifact):
    """What the files hold.

    Attributes
    ----------
    problem
        Why they cannot be read as flows of one schema; None where they can.
    missing_columns, unread_columns
        Features of the schema that no file has, and titles that the schema does not read.
    normal
        Flows that may be learned as normal, those that look like attacks among them.
    suspected
        Of these, how many look like an attack; ``left_out`` of them are not learned.
    vouched
        Flows beside these that look like an attack and that somebody judged benign.
    """

    schema: str = ""
    format: str = ""
    meter: str = ""
    rows: int = 0
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    missing_columns: list[str] = field(default_factory=list)
    unread_columns: list[str] = field(default_factory=list)
    normal: int = 0
    suspected: int = 0
    left_out: int = 0
    vouched: int = 0
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def for_log(self) -> list[str]:
        """That flows which look like an attack were vouched for."""
        if not self.vouched:
            return []
        return [
            f"{self.vouched:,} of the flows that look like an attack were judged benign, so the "
            f"contamination gate does not count them: {'; '.join(self.reasons)}."
        ]

    @property
    def rejected_share(self) -> float:
        """Of the rows; 0 without any."""
        return sum(self.rejected.values()) / max(self.rows, 1)


@dataclass(frozen=True)
class Drifted(Artifact):
    """How the flows moved against the champion; ``report.json`` holds every figure.

    Attributes
    ----------
    champion
        Its version; None where there is none yet, and so nothing to hold them against.
    problem
        Why they cannot be held against it.
    features
        Measured features; ``drifted`` names those that moved.
    suspected_share
        Flows that alert or are odd beyond what should, while the others are as they were.
    """

    champion: int | None = None
    problem: str | None = None
    missing_columns: list[str] = field(default_factory=list)
    features: int = 0
    drifted: list[str] = field(default_factory=list)
    kind: str = "none"
    verdict: str = ""
    evidence: list[str] = field(default_factory=list)
    alert_share: float | None = None
    expected_alert_share: float | None = None
    suspected_share: float = 0.0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Transformed(Artifact):
    """The flows in parts, as Parquet.

    Attributes
    ----------
    train
        A file for each source: each is its own timeline, and the latest part of each calibrates.
    held_out
        Benign flows kept from training, without attacks in the history of their hosts.
    test
        Everything that is not trained on, attacks among them.
    origin
        What the bundle keeps of where its flows come from.
    always, never
        Records that are fitted wherever they stand, and that are not fitted, by file of ``train``.
    feedback
        How many flows were placed by whose verdicts; {} without any.
    """

    train: tuple[str, ...]
    held_out: str
    test: str
    train_flows: int
    held_out_flows: int
    test_flows: int
    is_labelled: bool
    split: str
    origin: dict[str, Any]
    warnings: list[str]
    always: dict[str, list[int]] = field(default_factory=dict)
    never: dict[str, list[int]] = field(default_factory=dict)
    feedback: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TrainedModel(Artifact):
    """A bundle of the float32 model, with the weights that ``convert`` needs."""

    bundle: str
    figures: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class FalseAlarms(Artifact):
    """Alerts on held-out benign flows, with the 95 % interval of their rate."""

    flows: int
    alerts: int
    promised: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class AgainstChampion(Artifact):
    """The new model beside the champion, on the same flows.

    Attributes
    ----------
    problem
        Why it cannot be held against the champion.
    leads
        Figure → difference, low and high: above 0 the new model is ahead. Of labelled flows
        ``roc_auc`` and ``average_precision``; else ``false_alarms`` (fewer is ahead) and
        ``injected_recall``.
    overlap
        Alerts that both raise, of those that either raises.
    """

    version: int
    fingerprint: str
    problem: str | None = None
    leads: dict[str, dict[str, float]] = field(default_factory=dict)
    overlap: float | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluated(Artifact):
    """How good the model is; ``figures`` are those of ``evaluate --json``, empty without labels.

    ``feedback`` is what the verdicts would change about its threshold; None without any.
    """

    figures: dict[str, Any]
    false_alarms: FalseAlarms
    injected: dict[str, Any] | None
    champion: AgainstChampion | None
    warnings: list[str]
    feedback: dict[str, Any] | None = None
    told: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave."""
        champion = values["champion"]
        return cls(
            **{
                **values,
                "false_alarms": FalseAlarms(**values["false_alarms"]),
                "champion": None if champion is None else AgainstChampion(**champion),
            }
        )


@dataclass(frozen=True)
class Converted(Artifact):
    """The bundle that ships, and what it costs on this machine.

    Attributes
    ----------
    problem
        Why the variant does not answer like float32; then there is no bundle.
    cost
        The figures of ``bench``.
    """

    variant: str
    bundle: str | None = None
    problem: str | None = None
    parity: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    false_alarms: FalseAlarms | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave."""
        alarms = values["false_alarms"]
        return cls(**{**values, "false_alarms": alarms and FalseAlarms(**alarms)})


@dataclass(frozen=True)
class Registered(Artifact):
    """The version that the registry gave, and whether it leads."""

    registry: str
    version: int
    is_champion: bool
    why: str
    told: list[str] = field(default_factory=list)
