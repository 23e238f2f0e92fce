"""A run that is killed goes on where it was, and two runs at once leave one sound registry."""

import os
import signal
import subprocess
import sys
import time

import pytest
from support import PROJECT, data

from edgeguard_core.errors import SourceError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import STAGES, read_run
from edgeguard_core.pipeline.runs.folder import RunFolder

COMMAND = (sys.executable, "-m", "edgeguard_core.cli", "pipeline", "run")
DATA_STAGES = STAGES[: STAGES.index("train")]


def begun(world, *arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [*COMMAND, str(world.folder / "pipeline.yaml"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


def killed_at(world, run_id: str, stage: str, *arguments: str) -> None:
    """A run that was killed, as by a power cut, once this stage had begun."""
    log = world.artifacts / run_id / "log.txt"
    process = begun(world, "--run-id", run_id, *arguments)
    while not (log.exists() and f"{stage:<9}  begins" in log.read_text()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)  # looks for a file, and asserts nothing about time
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()


def statuses(result):
    return {outcome.stage: outcome.status for outcome in result.outcomes}


def test_a_killed_run_goes_on_where_it_was(empty):
    lines = data("zeek/iot23_honeypot_5-1.csv").read_text().splitlines()
    world = empty(lines, "conn.csv")
    world.config()
    stages = [word for name in DATA_STAGES for word in ("--stage", name)]
    killed_at(world, "power-cut", "transform", *stages)
    found = read_run(world.artifacts, "power-cut")
    assert (found.status, found.stage) == ("unfinished", "drift")
    result = world.run("power-cut", names=DATA_STAGES)
    assert statuses(result) == dict.fromkeys(DATA_STAGES[:3], "skipped") | {"transform": "done"}
    left = [path.name for path in result.run.folder.path.glob(".*")]
    assert left == [".lock"]


@pytest.mark.slow
def test_a_run_killed_in_training_ends_in_a_champion_all_the_same(world):
    later = world.run("later", names=STAGES[:4], train={"seed": 3})
    assert statuses(later)["transform"] == "done"
    killed_at(world, "later", "train")
    assert [version.number for version in Registry(world.registry).versions()] == [1]
    result = world.run("later", train={"seed": 3}, promote="never")
    assert statuses(result)["transform"] == "skipped"
    assert statuses(result)["train"] == "done"
    assert [version.number for version in Registry(world.registry).versions()] == [1, 2]


def test_two_runs_at_once_leave_one_champion_and_two_versions(world):
    fresh = {"registry": "new"}
    world.run("one", names=STAGES[:-1], **fresh)
    world.run("two", names=STAGES[:-1], convert={"variant": "dynamic_int8"}, **fresh)
    world.config(**fresh)
    both = [begun(world, "--run-id", name, "--stage", "register") for name in ("one", "two")]
    for process in both:
        _, said = process.communicate()
        assert process.returncode == 0, said
    registry = Registry(world.folder / "new")
    assert [version.number for version in registry.versions()] == [1, 2]
    assert registry.champion().number == 1
    assert [event.action for event in registry.history()].count("promote") == 1
    led = [read_run(world.artifacts, name).is_champion for name in ("one", "two")]
    assert sorted(led) == [False, True]
    other = read_run(world.artifacts, ("one", "two")[led.index(False)]).artifact("register")
    assert "became champion meanwhile" in other.why


def test_a_run_that_fails_says_so_and_can_be_gone_on_with(empty):
    world = empty(["nonsense"], "conn.csv")
    with pytest.raises(SourceError, match="conn"):
        world.run("bad")
    found = read_run(world.artifacts, "bad")
    assert (found.status, found.outcomes[-1].status) == ("failed", "failed")
    assert "conn.csv" in found.outcomes[-1].message
    text = data("zeek/iot23_honeypot_5-1.csv").read_text()
    (world.folder / "conn.csv").write_text(text)
    result = world.run("bad", names=STAGES[:2])
    assert statuses(result) == {"ingest": "done", "validate": "done"}


def test_files_that_change_in_the_middle_are_told(empty):
    lines = data("zeek/iot23_honeypot_5-1.csv").read_text().splitlines()
    world = empty(lines, "conn.csv")
    world.run("changing", names=STAGES[:1])
    (world.folder / "conn.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(Exception, match="changed since the run began"):
        world.run("changing", names=["validate"])


def test_what_a_stage_depends_on_is_written_down(champion):
    _, result = champion
    folder: RunFolder = result.run.folder
    lineage = folder.required(folder.path / "lineage.json")["stages"]
    assert set(lineage["validate"]["inputs"]) == {"settings", "before", "outside", "code"}
    assert lineage["drift"]["inputs"]["outside"] is None  # there was no champion yet
