"""Small bundles trained once a test run, for the rooms that need a real one."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import data

from edgeguard_core.config import TrainingConfig
from edgeguard_core.pipeline.train import Trained, TrainRequest, train

STEPS = 60  # enough to be a model, far from a good one
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def noon() -> datetime:
    return NOON


def head(path: Path, rows: int) -> list[str]:
    """The header and the first rows of a text file."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as stream:
        return [next(stream).rstrip("\n") for _ in range(rows + 1)]


def written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files too."""
    return sorted(item.name for item in folder.iterdir())


def request(paths: list[Path], out: Path, **other) -> TrainRequest:
    config = other.pop("config", TrainingConfig(steps=STEPS))
    return TrainRequest(paths=paths, out=out, config=config, **other)


_made: dict[str, Trained] = {}


def zeek_bundle(factory: pytest.TempPathFactory) -> Trained:
    """Of the real ``iot23_honeypot_5-1.csv``: benign, with times, 1,374 flows."""
    return _once("zeek", data("zeek/iot23_honeypot_5-1.csv"), factory)


def cic_bundle(factory: pytest.TempPathFactory) -> Trained:
    """Of the real ``monday_first_999.csv``: benign, without times, 999 flows."""
    return _once("cic", data("cic-ids2017/monday_first_999.csv"), factory)


def _once(name: str, source: Path, factory: pytest.TempPathFactory) -> Trained:
    if name not in _made:
        _made[name] = train(request([source], factory.mktemp(name) / "B"), now=noon)
    return _made[name]
