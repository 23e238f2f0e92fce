"""A folder with a config of the pipeline on the shipped traffic, and real runs of it."""

from pathlib import Path
from typing import Any

import yaml

from edgeguard_core.pipeline.runs import run_pipeline

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data"
STEPS = 40


def write_config(folder: Path, **settings: Any) -> Path:
    """``pipeline.yaml`` with few steps and wide limits; ``settings`` are its further keys."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "data": str(SAMPLES / "office_day.csv.gz"),
        "evaluation": str(SAMPLES / "office_with_attacks.csv.gz"),
        "train": {"steps": STEPS, "context": False},
        "gates": {
            "edge_budget": {"most_latency_us": 1e6, "most_memory_mb": 1e4},
            "false_alarms": {"most_times_promised": 100},
            "champion": {"most_behind": 1},
        },
        "registry": "registry",
        "artifacts": "artifacts",
        **settings,
    }
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def make_runs(folder: Path) -> Path:
    """Three runs: ``first`` leads, ``second`` is the candidate, ``third`` is refused."""
    run_pipeline(write_config(folder), "first")
    seed = {"steps": STEPS, "context": False, "seed": 1}
    run_pipeline(write_config(folder, train=seed, promote="first"), "second")
    limits = {"benign_rows": {"least_rows": 1_000_000}}
    run_pipeline(write_config(folder, gates=limits), "third")
    return write_config(folder)
