"""The live demo: the real loop over a replay, into a store that a page can read."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edgeguard_core.outputs.store_reading import AlertStore
from edgeguard_core.pipeline.live_demo import (
    PROMISED_RATE,
    SETTINGS,
    LiveDemonstration,
    office_detector,
    run_live_demo,
)
from edgeguard_core.watch.reporting import WatchSummary


@dataclass
class StepClock:
    """A clock that moves while the replay sleeps, and asks for something at set times."""

    orders: dict[int, Callable[[], None]] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: int = 0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.steps += 1
        self.orders.pop(self.steps, lambda: None)()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office's calibration, made once."""
    folder = tmp_path_factory.mktemp("live") / "state"
    office_detector(folder, StepClock())
    return folder


def test_the_office_is_calibrated_on_the_spot_once(state: Path) -> None:
    before = sorted(state.iterdir())
    detector = office_detector(state, StepClock())
    assert sorted(state.iterdir()) == before
    assert detector.threshold.promised_false_positive_rate == PROMISED_RATE
    assert detector.calibration.n > 10_000
    assert detector.promise_holds_for("synthetic")
    scores = detector.calibration.sketch
    assert np.isfinite(detector.threshold.value)
    assert scores.n_benign == detector.calibration.n


def test_an_attack_is_told_in_the_store_and_nobody_looking_ends_it(
    tmp_path: Path, state: Path
) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "state").symlink_to(state)

    def attack() -> None:
        line = json.dumps({"attack": "brute_force", "strength": "medium", "id": "1"})
        (folder / "commands.jsonl").write_text(line + "\n")

    done = run_live_demo(folder, clock=StepClock({100: attack}), unwatched_s=20.0)
    told = json.loads((folder / "answers.jsonl").read_text())
    with AlertStore(done.to_json()["store"]) as store:
        alerts = store.alerts()
        beats = store.heartbeats(0.0)
        events = store.events(0.0)
    assert done.summary.flows > 300
    assert done.summary.dropped == 0
    mine = [one for one in alerts if one.src_ip in told["sources"] and one.host in told["targets"]]
    assert mine
    assert all(one.sensor == SETTINGS.sensor for one in alerts)
    assert beats[-1].body["edgeguard"]["budget_per_day"] == SETTINGS.budget
    assert any("Laid in on request: brute force" in one.message for one in events)


def test_it_can_be_stopped(tmp_path: Path, state: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "state").symlink_to(state)
    stops: list[Callable[[], None]] = []
    clock = StepClock({30: lambda: stops[0]()})
    done = run_live_demo(folder, clock=clock, on_ready=stops.append)
    assert clock.steps < 18_000  # of half an hour
    assert done.summary.flows > 0


def test_what_it_tells_as_json_is_plain() -> None:
    summary = WatchSummary(flows=9, alerts=1, incidents=0, dropped=0, late=0, seconds=1.5)
    told = LiveDemonstration(Path("/x"), summary).to_json()
    assert told["store"] == "sqlite:////x/alerts.sqlite"
    assert told["flows"] == 9
    assert "format" not in told  # the command adds it
