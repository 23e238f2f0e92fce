"""The replay: stamps of now, history of the office's own time, attacks on command."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import COLUMNS, HostContext
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.sources.feed import Fed
from edgeguard_core.sources.synthesis import ATTACKS
from edgeguard_core.sources.synthesis.arrivals import MS_PER_DAY, MS_PER_HOUR
from edgeguard_core.sources.synthesis.benign import Site
from edgeguard_core.sources.synthesis.profiles import PROFILES
from edgeguard_core.sources.synthesis.replay import STARTS_MS, ReplayFeed
from edgeguard_core.sources.synthesis.working_days import WorkingDays

BEGIN = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass
class StepClock:
    """A clock that only moves while somebody sleeps."""

    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def remembering() -> "object":
    context = HostContext()

    def add(flows: Flows) -> Flows:
        return replace(flows, columns={**flows.columns, **context.columns(flows)})

    return add


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    return tmp_path / "commands.jsonl"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def feed(commands: Path, answers: Path, **options: object) -> ReplayFeed:
    made = ReplayFeed(commands, answers, StepClock(), remembering(), **options)  # type: ignore[arg-type]
    made.start()
    return made


def command(path: Path, **said: object) -> None:
    with path.open("a") as file:
        file.write(json.dumps(said) + "\n")


def all_of(batches: Iterator[Fed], n: int) -> Flows:
    return Flows.concat([fed.flows for fed in islice(batches, n) if len(fed.flows)])


def test_flows_are_stamped_with_now_in_order_and_carry_their_history(
    commands: Path, answers: Path
) -> None:
    flows = all_of(feed(commands, answers).batches(), 100)  # ten seconds
    times = flows.time_ms
    assert times is not None
    assert (np.diff(times) >= 0).all()
    begin = BEGIN.timestamp() * 1000
    assert begin <= times[0] <= times[-1] <= begin + 10_000
    assert 100 < len(flows) < 600
    assert all(name in flows.columns for name in COLUMNS)
    assert flows.labels is None
    assert flows.line.tolist() == list(range(1, len(flows) + 1))
    # The morning is known: most conversations are not the first of their kind.
    assert (flows.columns["conversation_gap_s"] < 3600).mean() > 0.5


def test_the_shipped_model_finds_the_replay_normal_and_its_attacks_odd(
    commands: Path, answers: Path
) -> None:
    detector = Detector(Bundle.load(shipped().bundle))
    batches = feed(commands, answers).batches()
    quiet = all_of(batches, 300)
    assert detector.threshold.alerts(detector.score(quiet).scores).mean() < 0.05
    for kind in ATTACKS:
        command(commands, attack=kind, strength="medium", id=kind)
        soon = all_of(batches, 30)  # three seconds
        told = json.loads(answers.read_text().splitlines()[-1])
        mine = np.isin(soon.columns["src_ip"].astype(str), told["sources"])
        mine &= np.isin(soon.columns["dst_ip"].astype(str), told["targets"])
        assert told["id"] == kind
        assert detector.threshold.alerts(detector.score(soon).scores)[mine].any(), kind


def test_what_cannot_be_carried_out_is_refused_and_counted(commands: Path, answers: Path) -> None:
    made = feed(commands, answers)
    batches = made.batches()
    commands.write_bytes(b'not json\n{"attack": "teapot", "id": "1"}\n[1]\n{"attack": "syn_flood"')
    next(batches)
    assert made.counters() == {"attacks": 0, "attack_flows": 0, "commands_refused": 3}
    assert "No attack is called 'teapot'" in json.loads(answers.read_text())["error"]
    with commands.open("ab") as file:  # the half line is whole now
        file.write(b', "strength": "high"}\n')
    fed = next(batches)
    assert fed.notes == ("Laid in on request: syn flood, high, 2,000 flows.",)
    assert made.counters()["attack_flows"] == 2_000


def test_a_faster_office_gives_more_flows(commands: Path, answers: Path) -> None:
    made = feed(commands, answers)
    batches = made.batches()
    slow = sum(len(fed.flows) for fed in islice(batches, 50))
    command(commands, speed=900)
    fast = sum(len(fed.flows) for fed in islice(batches, 50))
    assert fast > 2 * slow


def test_it_ends_when_nobody_looks_or_when_it_is_stopped(commands: Path, answers: Path) -> None:
    looks = iter([True, True, False])
    assert len(list(feed(commands, answers, is_watched=lambda: next(looks)).batches())) == 2
    made = feed(commands, answers)
    batches = made.batches()
    next(batches)
    made.stop()
    assert list(batches) == []


def test_a_clock_that_jumps_makes_neither_a_flood_nor_an_error(
    commands: Path, answers: Path
) -> None:
    made = feed(commands, answers)
    batches = made.batches()
    next(batches)
    made._clock.at += timedelta(hours=3)  # type: ignore[attr-defined]
    assert len(next(batches).flows) < 400
    made._clock.at -= timedelta(hours=3)  # type: ignore[attr-defined]
    assert len(next(batches).flows) == 0


def test_an_attack_that_meets_the_evening_goes_on_next_morning(
    commands: Path, answers: Path
) -> None:
    made = feed(commands, answers, speed=1_000.0)
    batches = made.batches()
    list(islice(batches, 285))  # until shortly before six in the evening
    command(commands, attack="beaconing", strength="medium", id="late")
    seen = all_of(batches, 620)
    told = json.loads(answers.read_text())
    mine = np.isin(seen.columns["src_ip"].astype(str), told["sources"])
    mine &= np.isin(seen.columns["dst_ip"].astype(str), told["targets"])
    assert mine.sum() == told["flows"]


def test_working_days_leave_nothing_out_and_skip_nights_and_weekends() -> None:
    days = WorkingDays(Site.of(PROFILES["office"], 1), STARTS_MS)
    for _ in range(4):  # Tuesday to Friday
        assert len(days.take(days.closes_ms)) > 1_000
        days.open_next_day()
    assert (days.now_ms - STARTS_MS) == 6 * MS_PER_DAY - 2 * MS_PER_HOUR  # Monday at eight
    whole = WorkingDays(days.site, STARTS_MS)
    cut = WorkingDays(days.site, STARTS_MS)
    parts = [cut.take(STARTS_MS + n * 1_800_000.0) for n in range(1, 9)]
    assert sum(map(len, parts)) == len(whole.take(STARTS_MS + 8 * 1_800_000.0))
