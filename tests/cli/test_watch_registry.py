"""A watch of ``models@champion``: its shadow beside it, and promotions while it runs."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import pytest
from support import PROJECT
from trained import noon

from edgeguard_core.bundle import Bundle, save_bundle
from edgeguard_core.cli import edge
from edgeguard_core.detection import Detector
from edgeguard_core.pipeline.convert import convert_bundle
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.thresholds import Threshold

V1 = PROJECT / "tests" / "bundle" / "fixtures" / "v1"


@pytest.fixture
def registry(zeek, log, tmp_path):
    """The Zeek bundle leads; its 8-bit variant, with another threshold, is the shadow."""
    small = convert_bundle(Bundle.load(zeek), "dynamic_int8", tmp_path / "small", now=noon)
    converted = Bundle.load(small.bundle)
    scores = score_all(Detector(converted), [log]).scores
    threshold = Threshold(float(np.quantile(scores, 0.8)), "fixed", None, "nothing")
    other = save_bundle(tmp_path / "other", replace(converted.parts(), threshold=threshold))
    made = Registry(tmp_path / "models")
    made.register(zeek)
    made.promote("candidate", why="first")
    made.register(other)
    made.set_shadow("candidate")
    return made


def test_the_live_report_says_what_the_report_of_the_file_says(run, registry, log, tmp_path):
    store, at = f"sqlite:///{tmp_path / 'alerts.db'}", ("--registry", registry.folder)
    words = ["watch", f"{registry.folder}@champion", log, "--once", "--quiet", "--store", store,
             "--shadow", f"{registry.folder}@shadow"]  # fmt: skip
    assert edge.main([str(word) for word in words]) == 0
    of_file = run("models", "shadow-report", log, *at, "--json").json
    live = run("models", "shadow-report", "--store", store, "--hours", 1000, *at, "--json").json
    for key in ("flows", "alerts", "agreement"):
        assert live[key] == of_file[key], key
    assert live["alerts"]["shadow_only"] + live["alerts"]["champion_only"] > 0
    # Scores within 3 % of each other tie: what is kept of them is small.
    assert live["spearman"] == pytest.approx(of_file["spearman"], abs=0.01)
    for one in ("champion", "shadow"):
        assert live[one]["version"] == of_file[one]["version"]
        for key in ("value", "method", "origin"):
            assert live[one]["threshold"][key] == of_file[one]["threshold"][key]
        assert live[one]["us_per_flow"] > 0
        alerts = live["alerts"]["both"] + live["alerts"][f"{one}_only"]
        assert live[one]["alerts_per_hour"] == pytest.approx(alerts / live["hours"])
    shown = [run("models", "shadow-report", *of, *at).out for of in
             ((log,), ("--store", store, "--hours", 1000))]  # fmt: skip
    of_file, live = ([line.split("  ")[0] for line in out.splitlines()[:6]] for out in shown)
    assert of_file == live


def test_what_no_watch_compared_is_one_sentence(run, registry, log, tmp_path):
    store = f"sqlite:///{tmp_path / 'alerts.db'}"
    none = run("models", "shadow-report", "--store", store, "--registry", registry.folder)
    assert (none.code, "--shadow" in none.problem) == (2, True)
    both = run("models", "shadow-report", log, "--store", store, "--registry", registry.folder)
    assert both.code == 2


class Box:
    """A watch that runs, a log that grows, and what is told."""

    def __init__(self, folder, registry, log, *words):
        titles, *self.rows = log.read_text().splitlines()
        self.log, self.out = folder / "growing.csv", folder / "told.jsonl"
        if not self.log.exists():
            self.log.write_text(titles + "\n")
        command = [sys.executable, "-m", "edgeguard_core.cli", "watch",
                   f"{registry.folder}@champion", str(self.log), "--jsonl", str(self.out),
                   "--heartbeat", "0.2", "--quiet", *map(str, words)]  # fmt: skip
        self.before = len(self.told())
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      cwd=PROJECT, text=True)  # fmt: skip

    def told(self, reason=None):
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        found = [json.loads(line) for line in lines]
        return [x for x in found if reason is None or x["edgeguard"].get("reason") == reason]

    def beat(self):
        beats = [x["edgeguard"] for x in self.told()[self.before :] if x["kind"] == "heartbeat"]
        return beats[-1] if beats else None

    def until(self, holds, what):
        begun = time.monotonic()
        while not holds():
            assert self.child.poll() is None, self.child.communicate()
            assert time.monotonic() - begun < 60, f"{what}: {self.told()[-3:]}"
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(0.05)

    def feed(self, begin, end):
        """Let rows come, and wait until they are judged."""
        self.until(lambda: self.beat() is not None, "it runs")
        with self.log.open("a") as stream:
            stream.write("".join(row + "\n" for row in self.rows[begin:end]))
        self.until(lambda: self.beat()["flows"] >= end, f"{end} flows are judged")

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        _, err = self.child.communicate(timeout=60)
        assert self.child.returncode == 0, err


@contextmanager
def box(*arguments):
    made = Box(*arguments)
    try:
        yield made
        made.end()
    finally:
        if made.child.poll() is None:
            made.child.kill()
            made.child.communicate()


def test_a_running_watch_follows_promotion_rollback_and_shadow(run, registry, log, tmp_path):
    models = registry.folder
    assert run("threshold", f"{models}@champion", "--value", 0.5).code == 0
    with box(tmp_path, registry, log, "--shadow", f"{models}@shadow") as at:
        at.feed(0, 300)
        assert at.beat()["threshold"] == {"value": 0.5, "method": "fixed", "origin": "state 0001",
                                          "promised": None}  # fmt: skip
        assert at.beat()["shadow"]["name"] == f"{models}@shadow (version 0002)"
        registry.promote("shadow", why="fewer false alarms")
        at.until(lambda: len(at.told("promotion")) == 1, "the promotion is told")
        at.until(lambda: at.beat()["shadow"] is None, "there is no shadow any more")
        at.feed(300, 600)
        (told,) = at.told("promotion")
        assert told["kind"] == "audit"
        assert "@champion (version 0002) is in use from now on" in told["message"]
        # What was set for the first version is not applied to the second.
        own = registry.champion().load().threshold.value
        assert (at.beat()["threshold"]["value"], at.beat()["threshold"]["origin"]) == (
            own, "bundle",
        )  # fmt: skip
        # What is set for the second one is.
        assert run("threshold", f"{models}@champion", "--value", 7).code == 0
        at.until(lambda: at.beat()["threshold"]["value"] == 7, "its own threshold is taken up")
        registry.rollback(why="too many on Tuesday")
        at.until(lambda: len(at.told("promotion")) == 2, "the rollback is told")
        at.feed(600, 700)
        assert at.beat()["threshold"]["value"] == 0.5
        registry.set_shadow(2)
        at.until(lambda: at.beat()["shadow"] is not None, "there is a shadow again")
    registry.promote(2, why="after all")
    with at.log.open("a") as stream:  # while nobody watches
        stream.write("".join(row + "\n" for row in at.rows[700:750]))
    with box(tmp_path, registry, log) as again:
        again.feed(750, 800)
        assert again.beat()["flows"] == 800  # none lost, none twice
        assert again.beat()["threshold"]["value"] == 7
    ids = [x["event"]["id"] for x in again.told() if x["kind"] == "alert"]
    assert len(ids) == len(set(ids)) > 0


def test_a_promotion_that_cannot_read_the_flows_is_told_and_not_taken(registry, log, tmp_path):
    with box(tmp_path, registry, log) as at:
        at.feed(0, 200)
        before = at.beat()["bundle"]
        other = registry.register(V1)
        assert other.schema != "flow"
        registry.promote(other.number, why="by mistake")
        at.until(lambda: at.told("promotion"), "it is told")
        (told,) = at.told("promotion")
        assert "is not used: it cannot read the flows of" in told["message"]
        at.feed(200, 400)
        assert at.beat()["bundle"] == before
        registry.rollback(why="that was a mistake")
        registry.promote(2, why="this one")
        at.until(lambda: len(at.told("promotion")) == 2, "the next one is taken")
        at.feed(400, 500)
        assert len(at.told("promotion")) == 2
        assert at.beat()["bundle"]["model_sha256"] != before["model_sha256"]


def test_a_place_that_lay_beside_the_version_moves_to_the_registry(registry, log, tmp_path):
    from edgeguard_core.watch.checkpoint import FOLDER

    version = registry.champion().bundle_path
    with box(tmp_path, registry, log) as at:
        at.feed(0, 100)
    place = registry.folder / "champion.state" / FOLDER
    assert list(place.glob("checkpoint-*.npz"))
    beside = version.with_name(f"{version.name}.state") / FOLDER
    beside.parent.mkdir(exist_ok=True)
    place.rename(beside)  # as an older EdgeGuard left it
    with box(tmp_path, registry, log) as again:
        again.feed(100, 150)
        assert again.beat()["flows"] == 150
    assert not beside.exists()
