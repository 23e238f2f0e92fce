"""What a pipeline's config may say, and what holds where it says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from edgeguard_core.config import SIZES, TrainingConfig
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.files import sha256_hex
from edgeguard_core.flows.schema_file import schema_called
from edgeguard_core.pipeline.registry import DEFAULT_FOLDER
from edgeguard_core.pipeline.runs import config_kinds as own
from edgeguard_core.pipeline.runs.config_kinds import Query, Source
from edgeguard_core.sources import ReadOptions
from edgeguard_core.watch import setting_kinds as kinds
from edgeguard_core.watch.settings_text import Given, read_text

FIRST, BETTER, NEVER = "first", "better", "never"
ARTIFACTS: Final = Path("artifacts")

_share = kinds.number(0, "of the flows", 1)
KEYS: Final[Mapping[str, kinds.Reader]] = MappingProxyType(
    {
        "data": own.sources,
        "evaluation": own.sources,
        "read.schema": own.schema,
        "read.benign": own.words,
        "read.unlabelled_as_benign": own.flag,
        "read.tz": kinds.text,
        "read.local_networks": kinds.networks,
        "split.test_share": kinds.number(0.01, "of the benign flows", 0.9),
        "split.kind": kinds.one_of("time", "random"),
        "train.size": kinds.one_of(*SIZES),
        "train.steps": kinds.whole(1, "steps"),
        "train.epochs": kinds.number(0, "passes", above=True),
        "train.seed": kinds.whole(0, "", 2**31 - 1),
        "train.promise": kinds.number(0, "of the benign flows", 0.5, above=True),
        "train.leave_out": own.words,
        "train.context": own.flag,
        "train.keep_suspected": own.flag,
        "feedback.files": own.paths,
        "feedback.learn_known_benign": own.flag,
        "feedback.learn_false_positives": own.flag,
        "feedback.retune": own.flag,
        "convert.variant": kinds.one_of("float32", "float16", "dynamic_int8"),
        "gates.schema.most_rejected_share": _share,
        "gates.schema.most_missing_columns": kinds.whole(0, "columns"),
        "gates.benign_rows.least_rows": kinds.whole(0, "flows"),
        "gates.contamination.most_suspected_share": _share,
        "gates.drift.most_drifted_share": kinds.number(0, "of the features", 1),
        "gates.champion.most_behind": kinds.number(0, "of a share", 1),
        "gates.champion.least_overlap": kinds.number(0, "of the alerts", 1),
        "gates.false_alarms.most_times_promised": kinds.number(1, "times the promise"),
        "gates.edge_budget.most_kilobytes": kinds.number(0, "kilobytes", above=True),
        "gates.edge_budget.most_latency_us": kinds.number(0, "microseconds", above=True),
        "gates.edge_budget.most_memory_mb": kinds.number(0, "megabytes", above=True),
        "track.mlflow": own.mlflow_store,
        "promote": kinds.one_of(FIRST, BETTER, NEVER),
        "registry": kinds.path,
        "artifacts": kinds.path,
    }
)
GROUPS: Final = frozenset(
    ".".join(parts[:depth])
    for parts in (key.split(".") for key in KEYS)
    for depth in range(1, len(parts))
)


class ConfigError(EdgeGuardError):
    """A config that cannot be used; ``problems`` holds a sentence for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        whole = (said if said.endswith("?") else said.rstrip(".") + "." for said in problems)
        super().__init__(" ".join(whole))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Limits:
    """What the gates let through; shares lie between 0 and 1.

    Attributes
    ----------
    most_rejected_share, most_missing_columns
        Of the rows, and of the features that the schema names.
    most_suspected_share
        Of the benign flows that look like attacks.
    most_drifted_share
        Of the measured features, against the champion.
    most_behind
        How far the whole interval of a figure may lie below the champion's.
    least_overlap
        Of the alerts with the champion's, where there are no labels.
    most_times_promised
        False alarms on held-out time, as a multiple of the promise.
    most_latency_us
        Of one flow, the 99th percentile.
    """

    most_rejected_share: float = 0.05
    most_missing_columns: int = 0
    least_rows: int = 500
    most_suspected_share: float = 0.02
    most_drifted_share: float = 0.3
    most_behind: float = 0.02
    least_overlap: float = 0.0
    most_times_promised: float = 2.0
    most_kilobytes: float = 200.0
    most_latency_us: float = 5_000.0
    most_memory_mb: float = 250.0


@dataclass(frozen=True)
class FeedbackUse:
    """What verdicts on flows may do in a run.

    Attributes
    ----------
    files
        As the Review page writes them.
    learn_known_benign, learn_false_positives
        Whether such flows are fitted wherever they stand; else they are benign and not fitted.
    retune
        Whether the threshold that they propose is put in force for the registered version.
    """

    files: tuple[Path, ...] = ()
    learn_known_benign: bool = True
    learn_false_positives: bool = False
    retune: bool = False


@dataclass(frozen=True)
class PipelineConfig:
    """What a run goes by; the names are those of the YAML file.

    Attributes
    ----------
    file, text
        Where it was read, and what it said.
    data, evaluation
        What is learned from; and what is judged on, by default the part of ``data`` held out.
    promote
        When a registered version becomes champion: ``first`` where there is none yet, ``better``
        also where it is ahead of the champion, ``never``.
    mlflow
        The tracking URI of an MLflow that gets a copy of how each run ended; None without.
    settings
        Every key with its value as plain JSON, defaults included.
    origins
        Where each setting comes from, by its key.
    """

    file: Path
    text: str
    data: tuple[Source, ...]
    evaluation: tuple[Source, ...] = ()
    read: ReadOptions = field(default_factory=ReadOptions)
    take_unlabelled: bool = False
    test_share: float = 0.2
    split_kind: str | None = None
    training: TrainingConfig = field(default_factory=TrainingConfig)
    epochs: float | None = None
    promise: float = 0.01
    left_out: tuple[str, ...] = ()
    context: bool = True
    keep_suspected: bool = False
    feedback: FeedbackUse = field(default_factory=FeedbackUse)
    variant: str = "float32"
    limits: Limits = field(default_factory=Limits)
    promote: str = FIRST
    mlflow: str | None = None
    registry: Path = DEFAULT_FOLDER
    artifacts: Path = ARTIFACTS
    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Hash of the file's text."""
        return sha256_hex(self.text.encode())

    def fault(self, key: str, sentence: str) -> ConfigError:
        """An error about a setting that shows only later, with its file and line."""
        return ConfigError([f"{self.origins.get(key, self.file)}: {key}: {sentence}"])

    def part(self, *groups: str) -> dict[str, Any]:
        """The settings of some groups or keys, as plain JSON."""
        return {
            key: value
            for key, value in sorted(self.settings.items())
            if any(key == group or key.startswith(group + ".") for group in groups)
        }


def load_config(path: Path | str) -> PipelineConfig:
    """The config in a YAML file; its relative paths start in its folder.

    Raises
    ------
    ConfigError
        With every fault that was found: file, line, key and remedy.
    """
    file = Path(path)
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(
            [f"Cannot read {file}: {error.strerror or error}; check the path."]
        ) from (error)
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file} is not UTF-8 text; save it as such."]) from error
    given, problems = read_text(text, file, KEYS, GROUPS)
    values: dict[str, Any] = {}
    for key, found in given.items():
        try:
            values[key] = KEYS[key](found.value, found.folder)
        except ValueError as error:
            problems.append(f"{found.where}: {key} {error}.")
    if given or not problems:  # of a text that is no YAML nothing more can be said
        problems += _contradictions(file, given)
    if problems:
        raise ConfigError(problems)
    origins = {key: found.where for key, found in given.items()}
    config = _built(file, text, values, origins)
    try:
        _ = config.read.zone
    except EdgeGuardError as error:
        raise config.fault("read.tz", str(error)) from error
    return config


def _contradictions(file: Path, given: Mapping[str, Given]) -> list[str]:
    found = []
    if "data" not in given:
        found.append(f"{file}: data is missing; add `data: FILE`, what shall be learned from.")
    if "train.steps" in given and "train.epochs" in given:
        found.append(
            f"{given['train.epochs'].where}: train.epochs: train.steps also says how long; remove "
            "one."
        )
    return found


def _built(
    file: Path, text: str, values: Mapping[str, Any], origins: Mapping[str, str]
) -> PipelineConfig:
    def get(key: str, default: Any) -> Any:
        return values.get(key, default)

    limits = Limits(
        **{
            name.name: values[key]
            for name in fields(Limits)
            for key in values
            if key.startswith("gates.") and key.endswith("." + name.name)
        }
    )
    plain = ReadOptions()
    schema = values.get("read.schema")
    return PipelineConfig(
        file=file,
        text=text,
        data=values["data"],
        evaluation=get("evaluation", ()),
        read=ReadOptions(
            schema=None if schema is None else schema_called(schema)[1],
            benign_words=get("read.benign", ()),
            tz=get("read.tz", plain.tz),
            local_networks=get("read.local_networks", plain.local_networks),
        ),
        take_unlabelled=get("read.unlabelled_as_benign", False),
        test_share=get("split.test_share", 0.2),
        split_kind=get("split.kind", None),
        training=TrainingConfig.of_size(
            get("train.size", "m"),
            seed=get("train.seed", 0),
            steps=get("train.steps", TrainingConfig().steps),
        ),
        epochs=get("train.epochs", None),
        promise=get("train.promise", 0.01),
        left_out=get("train.leave_out", ()),
        context=get("train.context", True),
        keep_suspected=get("train.keep_suspected", False),
        feedback=FeedbackUse(
            files=get("feedback.files", ()),
            learn_known_benign=get("feedback.learn_known_benign", True),
            learn_false_positives=get("feedback.learn_false_positives", False),
            retune=get("feedback.retune", False),
        ),
        variant=get("convert.variant", "float32"),
        limits=limits,
        promote=get("promote", FIRST),
        mlflow=get("track.mlflow", None),
        registry=get("registry", DEFAULT_FOLDER),
        artifacts=get("artifacts", ARTIFACTS),
        settings={key: _plain(value) for key, value in values.items()},
        origins=origins,
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Query):
        return vars(value).copy()
    return str(value) if isinstance(value, Path) else value
