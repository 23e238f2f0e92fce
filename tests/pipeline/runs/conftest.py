"""A small world to run the pipeline in: real flows, thinned, and a champion trained on them."""

import gzip
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import data

from edgeguard_core.pipeline.runs import PipelineResult, run_pipeline

STEPS = 60
EVERY = 24  # of the real rows, about 2,800 normal ones are left


@dataclass(frozen=True)
class World:
    """A folder with one file of flows, a registry and artifacts; ``run`` is the pipeline in it."""

    folder: Path
    base: dict[str, Any] = field(default_factory=dict)

    def config(self, **settings: Any) -> Path:
        """A config; a setting may be a mapping, which adds to the one of the base."""
        chosen = {**self.base}
        for key, value in settings.items():
            both = isinstance(value, dict) and isinstance(chosen.get(key), dict)
            chosen[key] = {**chosen[key], **value} if both else value
        path = self.folder / "pipeline.yaml"
        path.write_text(yaml.safe_dump(chosen))
        return path

    def run(self, run_id: str | None = None, *, names=None, accept=None, **settings: Any):
        chosen = {} if names is None else {"names": names}
        return run_pipeline(self.config(**settings), run_id, accept=accept, **chosen)

    @property
    def registry(self) -> Path:
        return self.folder / "registry"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"


def gates_of(result: PipelineResult) -> list[str]:
    return [refusal.gate for refusal in result.refusals]


def kdd_lines(every: int = EVERY, first: int = 0) -> list[str]:
    """Real rows of NSL-KDD, one in so many."""
    with gzip.open(data("nsl-kdd/KDDTrain+.txt.gz"), "rt") as stream:
        return [line.rstrip("\n") for at, line in enumerate(stream) if at % every == first]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def a_world(folder: Path) -> World:
    base = {
        "data": "flows.txt",
        "train": {"steps": STEPS},
        "gates": {"edge_budget": {"most_latency_us": 1e6, "most_memory_mb": 1e4}},
        "registry": "registry",
        "artifacts": "artifacts",
    }
    return World(folder, base)


@pytest.fixture(scope="session")
def champion(tmp_path_factory) -> tuple[World, PipelineResult]:
    """A run called ``first`` that ended in a champion; copy the world before you change it."""
    world = a_world(tmp_path_factory.mktemp("kdd"))
    write(world.folder / "flows.txt", kdd_lines())
    return world, world.run("first")


@pytest.fixture
def world(champion, tmp_path) -> World:
    """The world with its champion, copied; times stay, so that nothing seems changed."""
    made, _ = champion
    shutil.copytree(made.folder, tmp_path / "world")
    return a_world(tmp_path / "world")


@pytest.fixture
def empty(tmp_path) -> Callable[[list[str]], World]:
    """A world without a champion, and with these lines in its file."""

    def empty(lines: list[str], name: str = "flows.txt") -> World:
        made = a_world(tmp_path)
        made.base["data"] = name
        write(tmp_path / name, lines)
        return made

    return empty
