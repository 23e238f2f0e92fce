import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trained
from flow_texts import in_order, unlabelled
from support import data as shared

from edgeguard_core.cli.main import main


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its answer, which must be one strict JSON object and nothing else."""
        return json.loads(self.out, parse_constant=_no_constant)

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("warning: ")]

    @property
    def problem(self) -> str:
        """The one sentence of a run that failed as it should."""
        assert self.out == ""
        lines = [line for line in self.err.splitlines() if line not in self.warnings]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("edgeguard: ")
        return lines[0].removeprefix("edgeguard: ")


def _no_constant(word: str) -> float:
    raise AssertionError(f"{word} is not strict JSON")


@pytest.fixture
def run(capsys) -> Callable[..., Ran]:
    """The command in this process; ``run("inspect", path)``."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def zeek(tmp_path_factory) -> Path:
    """A bundle of a small Zeek log; never write beside it."""
    return trained.zeek_bundle(tmp_path_factory).bundle.path


@pytest.fixture(scope="session")
def cic(tmp_path_factory) -> Path:
    return trained.cic_bundle(tmp_path_factory).bundle.path


@pytest.fixture
def bundle(zeek, tmp_path) -> Path:
    """The Zeek bundle, copied, so that a test may change it or put a state beside it."""
    return shutil.copytree(zeek, tmp_path / "B")


@pytest.fixture
def log(tmp_path) -> Path:
    """A Zeek log of 4,426 flows without labels, in the order of the begins."""
    path = unlabelled(shared("zeek/iot23_42-1.csv.gz"), tmp_path / "unsorted.csv")
    return in_order(path, tmp_path / "conn.csv")
