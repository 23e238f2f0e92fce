"""``edgeguard watch … | head`` ends when head does."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support import PROJECT

from edgeguard_core.cli.edge import watch


def test_a_watch_ends_when_nobody_reads_its_lines_any_more(tmp_path):
    log = tmp_path / "growing.csv"
    log.write_bytes(gzip.decompress((PROJECT / "sample_data/office_day.csv.gz").read_bytes()))
    words = ["watch", str(PROJECT / "models/demo"), str(log), "--from-start", "--quiet"]
    words += ["--jsonl", "-", "--heartbeat", "1", "--state", str(tmp_path / "state")]
    child = subprocess.Popen(
        [sys.executable, "-m", "edgeguard_core.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["kind"] in ("heartbeat", "alert")
        child.stdout.close()
        try:
            child.wait(timeout=60)  # the log grows no more, yet it ends
        finally:
            child.kill()
        *_, last = child.stderr.read().splitlines()
    assert child.returncode == 0
    assert "flows" in json.loads(last)


@pytest.mark.parametrize(
    ("taken", "looks"),
    [([], 1), ([0, 0], 2), ([200, 400, 400], 3), ([200, 400, 600], 4)],
)
def test_whoever_reads_slowly_is_waited_for_as_long_as_anything_is_taken(taken, looks):
    """``taken``: how much the sink has each time that the wait ends too early."""
    left = list(taken)

    class Slow:
        flushes = 0

        def flush(self, within_s):
            self.flushes += 1
            return not left

        def status(self):
            return {"jsonl -": SimpleNamespace(delivered=left.pop(0))}

    slow = Slow()
    watch._drain(slow)
    assert slow.flushes == looks
