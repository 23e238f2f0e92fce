"""Two runs at once on one registry, as processes of their own: both end well."""

import json
import re
import subprocess
import sys

import pytest
from pipeline_office import STEPS, write_config
from support import PROJECT

from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import list_runs

pytestmark = pytest.mark.slow


def begun(folder, name: str, *, run_id: str, **settings):
    train = {"steps": STEPS, "context": False, **settings}
    made = write_config(folder, train=train)
    path = made.rename(folder / f"{name}.yaml")
    words = ["pipeline", "run", str(path), "--run-id", run_id, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "edgeguard_core.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )


def test_two_models_are_two_versions_and_one_leads(tmp_path):
    children = [begun(tmp_path, f"c{seed}", run_id=f"r{seed}", seed=seed) for seed in (0, 1)]
    ends = [child.communicate(timeout=240) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    told = [json.loads(out) for out, _ in ends]
    assert sorted(each["version"] for each in told) == [1, 2]
    assert sorted(each["is_champion"] for each in told) == [False, True]
    assert {each["status"] for each in told} == {"done"}
    registry = Registry(tmp_path / "registry")
    (leading,) = [each for each in told if each["is_champion"]]
    assert registry.champion().number == leading["version"]
    assert [version.load() is not None for version in registry.versions()] == [True, True]
    assert [event.action for event in registry.history()].count("promote") == 1
    assert {run.status for run in list_runs(tmp_path / "artifacts")} == {"done"}


def test_the_same_model_twice_is_one_version(tmp_path):
    children = [begun(tmp_path, f"c{n}", run_id=f"r{n}") for n in (0, 1)]
    ends = [child.communicate(timeout=240) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    versions = {json.loads(out)["version"] for out, _ in ends}
    registry = Registry(tmp_path / "registry")
    assert {version.number for version in registry.versions()} == versions
    assert registry.champion().number in versions


def test_one_run_has_one_process_and_the_other_says_so(tmp_path):
    first = begun(tmp_path, "a", run_id="same")
    second = begun(tmp_path, "b", run_id="same")
    ends = [child.communicate(timeout=240) for child in (first, second)]
    codes = [first.returncode, second.returncode]
    assert sorted(codes) in ([0, 0], [0, 2]), ends  # or they found each stage free in turn
    for code, (_, err) in zip(codes, ends, strict=True):
        if code == 2:
            (told,) = [line for line in err.splitlines() if line.startswith("edgeguard: ")]
            assert re.search("is being worked on by another process|Cannot write", told)
    (run,) = list_runs(tmp_path / "artifacts")
    assert (run.status, run.version, run.is_champion) == ("done", 1, True)
