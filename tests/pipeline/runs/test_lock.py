"""A lock is one process's, is seen by others, and goes with its holder."""

import multiprocessing

import pytest

from edgeguard_core.clock import ManualClock, SystemClock
from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.runs.lock import is_taken, locked, taken


def test_a_lock_is_seen_and_waited_for(tmp_path):
    path, clock = tmp_path / "x.lock", ManualClock()
    assert not is_taken(path)
    assert not path.exists()
    with locked(path, clock, 1.0):
        assert is_taken(path)
        assert taken(path) is None
        with pytest.raises(OutputError, match="worked on by another"), locked(path, clock, 5.0):
            raise AssertionError("two hold it")
        assert clock.monotonic() == pytest.approx(5.0, abs=0.1)
    assert not is_taken(path)


def _hold(path, started):
    with locked(path, SystemClock(), 1.0):
        started.set()
        SystemClock().sleep(600)


def test_a_killed_holder_lets_go(tmp_path):
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "x.lock", started))
    holder.start()
    assert started.wait(60)
    assert is_taken(tmp_path / "x.lock")
    holder.kill()
    holder.join()
    assert not is_taken(tmp_path / "x.lock")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(OutputError, match="Cannot write"):
        taken(tmp_path / "none" / "x.lock")
