"""The folder of a run: names, records that tell damage, and runs that are damaged."""

import pytest

from edgeguard_core.clock import SystemClock
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.pipeline.runs import list_runs, load_config, open_run, read_run
from edgeguard_core.pipeline.runs.folder import (
    Record,
    find_run,
    outputs_of,
    require_run_id,
    run_folders,
)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "p.yaml").write_text("data: a.csv\nartifacts: runs\n")
    return load_config(tmp_path / "p.yaml")


@pytest.mark.parametrize("run_id", ["", ".x", "a/b", "..", "a b", "x" * 101, "é"])
def test_a_run_has_a_plain_name(run_id):
    with pytest.raises(OutputError, match="A run cannot be called"):
        require_run_id(run_id)


def test_new_runs_get_names_of_their_own(config):
    runs = [open_run(config) for _ in range(5)]
    assert len({run.run_id for run in runs}) == 5
    assert {run.run_id for run in list_runs(config.artifacts)} == {run.run_id for run in runs}


def test_runs_of_the_very_same_moment_do_not_share_a_folder(config):
    from edgeguard_core.clock import ManualClock

    names = {open_run(config, clock=ManualClock()).run_id for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("20260101T000000Z-") for name in names)


def test_a_run_that_is_opened_again_keeps_what_it_knows(config):
    run = open_run(config, "monday")
    run.accept("drift", "  a new   office ", who="ann")
    again = open_run(config, "monday")
    assert again.accepted["drift"].because == "a new office"
    assert read_run(config.artifacts, "monday").accepted[0].who == "ann"
    assert [folder.run_id for folder in run_folders(config.artifacts)] == ["monday"]


def test_a_record_knows_when_a_file_changed_came_or_went(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("a", "inner/b"):
        (tmp_path / name).write_text(name)
    record = Record("train", "f", {}, outputs_of(tmp_path), "i", "r", "", 0.0)
    assert set(record.outputs) == {"a", "inner/b"}
    assert record.is_intact(tmp_path)
    (tmp_path / "inner/b").write_text("x")
    assert not record.is_intact(tmp_path)
    (tmp_path / "inner/b").write_text("inner/b")
    assert record.is_intact(tmp_path)
    (tmp_path / "c").write_text("")
    assert not record.is_intact(tmp_path)


def test_what_a_dead_worker_left_is_taken_away(config):
    run = open_run(config, "r")
    half = run.folder.path / ".train.abc"
    half.mkdir()
    (half / "weights").write_text("half")
    (run.folder.path / ".run.json.xyz").write_text("half")
    with run.folder.worked_on(SystemClock()):
        assert run.folder.is_worked_on
        assert [path.name for path in run.folder.path.glob(".*")] == [".lock"]
    assert not run.folder.is_worked_on


def test_a_damaged_run_is_told_where_it_is_asked_for(config):
    open_run(config, "good")
    bad = open_run(config, "bad").folder.path
    (bad / "run.json").write_text("{")
    assert [run.run_id for run in list_runs(config.artifacts)] == ["good"]
    with pytest.raises(SourceError, match=r"run\.json cannot be read"):
        read_run(config.artifacts, "bad")
    (bad / "run.json").write_text('{"format": 1}')
    with pytest.raises(SourceError, match="does not hold what a run does"):
        read_run(config.artifacts, "bad")
    with pytest.raises(SourceError, match="There is no run 'none'"):
        find_run(config.artifacts, "none")


def test_a_folder_that_cannot_be_written_is_told(config, tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputError, match=r"Cannot write .*runs"):
        open_run(config, "r")
