"""A run on a disk without room: one sentence, an untouched registry, and it goes on with room."""

import pytest
from full_disks import files_no_larger_than, give_room, small_disk_at
from pipeline_office import write_config

from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import STAGES, list_runs, run_pipeline

pytestmark = pytest.mark.slow
PLENTY_KB = 60_000


def stopped(path) -> str:
    with pytest.raises(OutputError) as caught:
        run_pipeline(path, "first")
    told = str(caught.value)
    assert told.startswith("Cannot write ")
    assert "\n" not in told
    return told


def half_written(folder) -> list[str]:
    """What a stage leaves while it is at work."""
    found = [path.name for path in folder.rglob(".*") if path.name != ".lock"]
    return [name for name in found if not name.endswith(".lock")]


@pytest.mark.parametrize(
    ("kilobytes", "at"), [(4, None), (40, "validate"), (900, "transform"), (1_700, "train")]
)
def test_it_stops_at_any_stage_and_goes_on_there(tmp_path, kilobytes, at):
    disk = tmp_path / "disk"
    path = write_config(tmp_path, artifacts=str(disk / "artifacts"))
    with small_disk_at(disk, kilobytes):
        assert "No space left on device" in stopped(path)
        assert half_written(disk) == []
        assert not (tmp_path / "registry").exists()
        (run,) = list_runs(disk / "artifacts")
        assert run.stage == at
        give_room(disk, PLENTY_KB)
        ends = len(STAGES) if at == "train" else STAGES.index(at or "ingest") + 1
        done = run_pipeline(path, "first", names=STAGES[:ends])
        before = STAGES.index(at or "ingest")
        assert [each.status for each in done.outcomes] == (
            ["skipped"] * before + ["done"] * (ends - before)
        )
    if at == "train":
        assert Registry(tmp_path / "registry").champion().number == 1


def test_a_registry_without_room_stays_as_it_was(tmp_path):
    disk = tmp_path / "disk"
    path = write_config(tmp_path, registry=str(disk / "registry"))
    with small_disk_at(disk, 64):
        assert "No space left on device" in stopped(path)
        registry = Registry(disk / "registry")
        assert (registry.versions(), registry.history()) == ([], [])
        (run,) = list_runs(tmp_path / "artifacts")
        assert (run.status, run.stage, run.version) == ("failed", "register", None)
        give_room(disk, PLENTY_KB)
        done = run_pipeline(path, "first")
        assert [each.status for each in done.outcomes] == ["skipped"] * 7 + ["done"]
        assert registry.champion().number == 1
        assert half_written(disk) == []


@pytest.mark.parametrize("size_bytes", [200, 2_000, 20_000])
def test_without_root_a_limit_on_files_says_the_same(tmp_path, size_bytes):
    path = write_config(tmp_path)
    with files_no_larger_than(size_bytes):
        assert "File too large" in stopped(path)
    assert half_written(tmp_path / "artifacts") == []
    assert not (tmp_path / "registry").exists()
    done = run_pipeline(path, "first", names=STAGES[:3])
    assert {each.status for each in done.outcomes} <= {"done", "skipped"}
