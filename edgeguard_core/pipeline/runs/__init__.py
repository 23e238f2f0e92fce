"""Runs of the pipeline: stages from files to a registered bundle, and gates that can say no."""

from edgeguard_core.pipeline.runs.config import ConfigError, PipelineConfig, load_config
from edgeguard_core.pipeline.runs.gates import GATES, Acceptance, Refusal
from edgeguard_core.pipeline.runs.outcome import Outcome
from edgeguard_core.pipeline.runs.reading import RunReport, list_runs, read_run
from edgeguard_core.pipeline.runs.run import Run, open_run
from edgeguard_core.pipeline.runs.stages import STAGES
from edgeguard_core.pipeline.runs.turn import run_stage
from edgeguard_core.pipeline.runs.whole import PipelineResult, run_pipeline

__all__ = [
    "GATES",
    "STAGES",
    "Acceptance",
    "ConfigError",
    "Outcome",
    "PipelineConfig",
    "PipelineResult",
    "Refusal",
    "Run",
    "RunReport",
    "list_runs",
    "load_config",
    "open_run",
    "read_run",
    "run_pipeline",
    "run_stage",
]
