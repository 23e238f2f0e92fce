"""A restart, also after kill -9, goes on where the watch stood and loses nothing."""

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support import PROJECT
from watching import DEMO, NOON_MS, cut, demo, made, office, scan, watch_of

from edgeguard_core.detection import Detector
from edgeguard_core.features.context import COLUMNS, HostContext
from edgeguard_core.features.context_state import context_arrays, restore_context
from edgeguard_core.outputs.records import Kind
from edgeguard_core.sources.feed import Fed
from edgeguard_core.sources.synthesis.table_file import write_flows_csv
from edgeguard_core.watch.checkpoint import Checkpoint, checkpoint_path

SOME = 1_200


def test_the_history_of_hosts_goes_on_bit_by_bit():
    first, second = cut(office().select(np.arange(SOME)), SOME // 2)
    whole, before, after = HostContext(400), HostContext(400), HostContext(400)
    for context in (whole, before):
        context.columns(first)
    assert restore_context(after, context_arrays(before))
    assert (len(after), after.evicted) == (len(before), before.evicted)
    expected, found = whole.columns(second), after.columns(second)
    for name in COLUMNS:
        np.testing.assert_array_equal(found[name], expected[name], name)


def test_history_of_another_version_is_not_taken():
    arrays = context_arrays(HostContext())
    arrays["context_version"] = arrays["context_version"] + 1
    assert not restore_context(HostContext(), arrays)
    assert not restore_context(HostContext(), {})


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_checkpoint_that_cannot_be_read_is_none(tmp_path, content):
    path = checkpoint_path(tmp_path, "x")
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    assert Checkpoint.load(path) is None


def placed(parts) -> list[Fed]:
    return [Fed(part, position={"part": n}) for n, part in enumerate(parts, start=1)]


def test_a_watch_in_two_halves_tells_what_one_tells(tmp_path):
    parts = placed(cut(office().select(np.arange(SOME)), *range(100, SOME, 100)))
    one, whole = watch_of(parts, tmp_path / "one")
    one.run()
    file = tmp_path / "two.npz"

    first, told = watch_of(parts[:5], tmp_path / "two", checkpoint_file=file)
    first._end = lambda reader: first._save(at_once=True)  # the power goes
    first.run()
    kept = Checkpoint.load(file)
    assert kept.position == {"part": 5}
    second, more = watch_of(parts[5:], tmp_path / "two", checkpoint=kept, checkpoint_file=file)
    second.run()
    ids = [{r.id for r in d.of(Kind.ALERT)} for d in (whole, told, more)]
    assert ids[0] == ids[1] | ids[2]
    assert second.counts["flows"] == SOME
    assert second.counts["incidents"] == one.counts["incidents"]
    finals = [
        {r.id: r.body["edgeguard"]["incident"]["alerts"] for r in d.of(Kind.INCIDENT)}
        for d in (whole, more)
    ]
    assert {id: finals[0][id] for id in finals[1]} == finals[1]
    assert Checkpoint.load(file).position == {"part": len(parts)}


def test_after_a_restart_an_incident_is_told_with_a_higher_revision(tmp_path):
    file = tmp_path / "place.npz"
    first, told = watch_of(placed([scan(60)]), tmp_path, checkpoint_file=file)
    first._end = lambda reader: first._save(at_once=True)
    first.run()
    second, more = watch_of(
        placed([scan(60, at_ms=NOON_MS + 2_000)]), tmp_path, checkpoint=Checkpoint.load(file)
    )
    second.run()
    before = {r.id: r.revision for r in told.of(Kind.INCIDENT)}
    again = {r.id: r.revision for r in more.of(Kind.INCIDENT)}
    assert before.keys() & again.keys()
    assert all(again[id] > before[id] for id in before.keys() & again.keys())


def test_nothing_is_kept_as_done_that_was_not_accepted(tmp_path):
    file = tmp_path / "place.npz"
    watch, delivery = watch_of(placed([scan(60)]), tmp_path, checkpoint_file=file)
    delivery.is_full = True
    watch._process(placed([scan(60)]))
    watch._tick()
    assert not file.exists()
    delivery.is_full = False
    watch._tick()
    assert Checkpoint.load(file).position == {"part": 1}
    assert delivery.of(Kind.ALERT)


def test_incidents_of_another_model_are_not_continued(tmp_path):
    watch, _ = watch_of([scan(60)], tmp_path, checkpoint_file=tmp_path / "c.npz")
    watch._judge(scan(60))
    watch._save(at_once=True)
    kept = Checkpoint.load(tmp_path / "c.npz")
    other = Checkpoint(kept.source, None, "other", kept.incidents, kept.counters)
    assert len(watch_of([], tmp_path, checkpoint=kept)[0].judge.incidents) > 0
    assert len(watch_of([], tmp_path, checkpoint=other)[0].judge.incidents) == 0


def lines(path: Path) -> list[dict]:
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def test_kill_9_at_any_moment_loses_nothing(tmp_path):
    """A real process is killed again and again; in the end every alert was told."""
    flows = office().select(np.arange(2_400))
    log, out = tmp_path / "flows.csv", tmp_path / "alerts.jsonl"
    write_flows_csv(log, flows, meter="synthetic")
    command = [
        sys.executable, "-m", "edgeguard_core.cli", "watch", str(DEMO), str(log), "--sensor",
        "gate", "--state", str(tmp_path / "state"), "--jsonl", str(out), "--once", "--resume",
    ]  # fmt: skip
    environment = {**os.environ, "EDGEGUARD_BATCH__FLOWS": "60"}
    dice, killed = random.Random(5), 0
    for _ in range(3):
        child = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)  # fmt: skip
        wanted = len(lines(out)) + dice.randint(1, 150)
        while child.poll() is None and len(lines(out)) < wanted:
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.02)
        killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert killed
    told = [line["event"]["id"] for line in lines(out) if line["kind"] == "alert"]
    watch, delivery = watch_of([flows], tmp_path / "one")
    watch.run()
    expected = {record.id for record in delivery.of(Kind.ALERT)}
    assert set(told) == expected


def test_a_small_context_is_cheap_to_keep(tmp_path):
    watch, _ = watch_of([made(50)], tmp_path, checkpoint_file=tmp_path / "c.npz")
    watch.run()
    assert (tmp_path / "c.npz").stat().st_size < 20_000
    assert Detector(demo(), tmp_path).bundle.model_sha256 == Checkpoint.load(
        tmp_path / "c.npz"
    ).model_sha256  # fmt: skip
