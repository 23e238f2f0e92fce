"""The stages in their order: what each reads, does, depends on, and must hold to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from edgeguard_core.detection import Detector
from edgeguard_core.detection.feedback import read_feedback
from edgeguard_core.errors import RegistryError
from edgeguard_core.pipeline.progress import OnProgress
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_version import Version
from edgeguard_core.pipeline.retuning import RetunePreview, preview_retune
from edgeguard_core.pipeline.runs import data_stages, gates, model_stages
from edgeguard_core.pipeline.runs.artifacts import (
    Artifact,
    Converted,
    Drifted,
    Evaluated,
    Ingested,
    Registered,
    TrainedModel,
    Transformed,
    Validated,
)
from edgeguard_core.pipeline.runs.config import Limits, PipelineConfig
from edgeguard_core.pipeline.runs.config_kinds import Query
from edgeguard_core.pipeline.runs.gates import Refusal
from edgeguard_core.pipeline.runs.learnable import Said
from edgeguard_core.pipeline.runs.registering import register
from edgeguard_core.pipeline.runs.retuned import retune_version
from edgeguard_core.pipeline.runs.sources import seen_now
from edgeguard_core.pipeline.splits import Placing
from edgeguard_core.pipeline.verdicts import Verdicts

INGEST, VALIDATE, DRIFT, TRANSFORM = "ingest", "validate", "drift", "transform"
TRAIN, EVALUATE, CONVERT, REGISTER = "train", "evaluate", "convert", "register"


@dataclass(frozen=True)
class Work:
    """What a stage is given.

    Attributes
    ----------
    artifacts
        Those of the stages before, by name.
    folder
        The run's; ``out`` is where this stage leaves its files.
    note
        What was accepted, in words, for the registry's history.
    """

    config: PipelineConfig
    artifacts: Mapping[str, Any]
    folder: Path
    out: Path
    run_id: str
    note: str
    now: Callable[[], datetime]
    on_progress: OnProgress

    @property
    def data(self) -> list[Path]:
        """The files that are learned from."""
        found: Ingested = self.artifacts[INGEST]
        return [file.at(self.folder / INGEST) for file in found.data]

    @property
    def said(self) -> Said:
        """People's verdicts on the flows that are learned from."""
        found: Ingested = self.artifacts[INGEST]
        return Said(self.verdicts, tuple(file.sha256 for file in found.data))

    @property
    def verdicts(self) -> Verdicts:
        """Those of the feedback as it was when the run began."""
        found: Ingested = self.artifacts[INGEST]
        return Verdicts.of(read_feedback(file.at(self.folder / INGEST)) for file in found.feedback)

    @property
    def judged_files(self) -> list[tuple[Path, str]]:
        """Files of the run that verdicts are about, with their SHA-256."""
        found: Ingested = self.artifacts[INGEST]
        about, files = self.verdicts.of_file, (*found.data, *found.evaluation)
        chosen = {file.sha256: file for file in files if about.get(file.sha256)}
        return [(file.at(self.folder / INGEST), digest) for digest, file in chosen.items()]

    def retune(self, detector: Detector) -> RetunePreview | None:
        """What the verdicts would change about a bundle's threshold; None without any."""
        if not self.verdicts:
            return None
        return preview_retune(
            detector,
            self.verdicts,
            self.judged_files,
            read=self.config.read,
            on_progress=self.on_progress,
        )

    def below(self, stage: str, *names: str) -> list[Path]:
        """Files of an earlier stage."""
        return [self.folder / stage / name for name in names]

    @property
    def judged(self) -> list[Path]:
        """What the model is judged on: files given for it, else what was kept from training."""
        found: Ingested = self.artifacts[INGEST]
        if found.evaluation:
            return [file.at(self.folder / INGEST) for file in found.evaluation]
        return self.below(TRANSFORM, self.artifacts[TRANSFORM].test)

    @property
    def held_out(self) -> Path:
        """Benign flows kept from training."""
        return self.folder / TRANSFORM / str(self.artifacts[TRANSFORM].held_out)


def _nothing(_: Any, __: Limits) -> Iterator[Refusal]:
    return iter(())


def _nothing_outside(_: PipelineConfig) -> Any:
    return None


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes
    ----------
    settings
        Groups and keys of the config that the work depends on; gates' limits are none of them.
    needs
        Stages whose artifacts it reads.
    outside
        What else it depends on, as JSON: files of others, the champion.
    judge
        What its gates say of the artifact.
    sees_champion
        Whether ``outside`` is the champion: one that this very run made is nothing new to it.
    is_shared
        Whether another run's result may be taken over where all it depends on is the same.
    """

    name: str
    artifact: type[Artifact]
    work: Callable[[Work], Artifact]
    settings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    outside: Callable[[PipelineConfig], Any] = _nothing_outside
    judge: gates.Judge = _nothing
    sees_champion: bool = False
    is_shared: Callable[[PipelineConfig], bool] = lambda _: True


def champion_of(config: PipelineConfig) -> Version | None:
    """The version that new ones are held against; None where there is none yet.

    Raises
    ------
    RegistryError
        If the registry is damaged.
    """
    registry = Registry(config.registry)
    return registry.champion() if registry.folder.is_dir() else None


def _champion_seen(config: PipelineConfig) -> Any:
    """Which champion there is: its number, and its bundle to the last byte."""
    found = champion_of(config)
    return None if found is None else [found.number, found.fingerprint]


def _train(work: Work) -> TrainedModel:
    parts: Transformed = work.artifacts[TRANSFORM]
    paths = work.below(TRANSFORM, *parts.train)
    placing = Placing(parts.always, parts.never)
    return model_stages.train_model(
        work.config, paths, parts.origin, placing, work.out, work.now, work.on_progress
    )


def _evaluate(work: Work) -> Evaluated:
    trained: TrainedModel = work.artifacts[TRAIN]
    return model_stages.evaluate_model(
        work.config,
        work.folder / TRAIN / trained.bundle,
        work.judged,
        work.held_out,
        champion_of(work.config),
        work.on_progress,
        work.retune,
    )


def _convert(work: Work) -> Converted:
    trained: TrainedModel = work.artifacts[TRAIN]
    bundle = work.folder / TRAIN / trained.bundle
    return model_stages.convert_model(
        work.config, bundle, work.held_out, work.out, work.now, work.on_progress
    )


def _register(work: Work) -> Registered:
    converted: Converted = work.artifacts[CONVERT]
    if converted.bundle is None:
        raise RegistryError("There is no bundle to register; run the stage convert again.")
    found = register(
        work.config,
        work.folder / CONVERT / converted.bundle,
        converted,
        work.artifacts[EVALUATE],
        work.run_id,
        work.note,
    )
    if not work.config.feedback.retune:
        return found
    version = Registry(work.config.registry).version(found.version)
    return replace(found, told=retune_version(version, work.retune, work.run_id, work.now))


def _has_no_query(config: PipelineConfig) -> bool:
    return not any(isinstance(each, Query) for each in (*config.data, *config.evaluation))


_SPLIT: Final = (
    "read", "split", "train.seed", "train.keep_suspected", "train.promise",
    "feedback.learn_known_benign", "feedback.learn_false_positives",
)  # fmt: skip
_ALL: Final = (
    Stage(
        INGEST,
        Ingested,
        lambda work: data_stages.ingest(work.config, work.out, work.on_progress),
        settings=("data", "evaluation", "feedback.files"),
        outside=seen_now,
        is_shared=_has_no_query,  # what a database holds may have changed
    ),
    Stage(
        VALIDATE,
        Validated,
        lambda work: data_stages.validate(
            work.config, work.data, work.out, work.on_progress, work.said
        ),
        settings=("read", "train.leave_out", "train.keep_suspected", "train.promise"),
        needs=(INGEST,),
        judge=gates.judge_validated,
    ),
    Stage(
        DRIFT,
        Drifted,
        lambda work: data_stages.check_drift(
            work.config, work.data, champion_of(work.config), work.out, work.on_progress
        ),
        settings=("read",),
        needs=(INGEST,),
        outside=_champion_seen,
        sees_champion=True,
        judge=gates.judge_drifted,
    ),
    Stage(
        TRANSFORM,
        Transformed,
        lambda work: data_stages.transform(
            work.config, work.data, work.out, work.on_progress, work.said
        ),
        settings=_SPLIT,
        needs=(INGEST,),
    ),
    Stage(
        TRAIN,
        TrainedModel,
        _train,
        settings=("train", "read"),
        needs=(TRANSFORM,),
    ),
    Stage(
        EVALUATE,
        Evaluated,
        _evaluate,
        settings=("read",),
        needs=(INGEST, TRANSFORM, TRAIN),
        outside=_champion_seen,
        sees_champion=True,
        judge=gates.judge_evaluated,
    ),
    Stage(
        CONVERT,
        Converted,
        _convert,
        settings=("convert", "read"),
        needs=(TRANSFORM, TRAIN),
        judge=gates.judge_converted,
    ),
    Stage(
        REGISTER,
        Registered,
        _register,
        settings=("promote", "registry", "feedback.retune"),
        needs=(INGEST, EVALUATE, CONVERT),
        is_shared=lambda _: False,
    ),
)
BY_NAME: Final[Mapping[str, Stage]] = MappingProxyType({stage.name: stage for stage in _ALL})
STAGES: Final[tuple[str, ...]] = tuple(BY_NAME)
"""The names of the stages, in the order in which they run."""


def before(name: str) -> tuple[str, ...]:
    """The stages that must have gone well before this one.

    >>> before("drift")
    ('ingest', 'validate')
    """
    return STAGES[: STAGES.index(name)]
