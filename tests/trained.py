"""Small bundles trained once a test run, for the rooms that need a real one."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
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


def request(paths: list[Path], out: Path, **other) -> TrainRequest:
    config = other.pop("config", TrainingConfig(steps=STEPS))
    return TrainRequest(paths=paths, out=out, config=config, **other)


@cache
def zeek_bundle(factory: pytest.TempPathFactory) -> Trained:
    """Of the real ``iot23_honeypot_5-1.csv``: benign, with times, 1,374 flows."""
    out = factory.mktemp("zeek") / "B"
    return train(request([data("zeek/iot23_honeypot_5-1.csv")], out), now=noon)


@cache
def cic_bundle(factory: pytest.TempPathFactory) -> Trained:
    """Of the real ``monday_first_999.csv``: benign, without times, 999 flows."""
    out = factory.mktemp("cic") / "B"
    return train(request([data("cic-ids2017/monday_first_999.csv")], out), now=noon)
