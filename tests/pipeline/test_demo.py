"""The demo that ships: what it shows, where it is found, and that its bundle is what it says."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import PROJECT

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.detection.incidents import Incident
from edgeguard_core.errors import OutputError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.demo import NOTE, Shipped, demonstrate, episodes, shipped
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.train import TrainRequest, train
from edgeguard_core.sources.synthesis import ATTACKS

BUNDLE = PROJECT / "models" / "demo"
TRAFFIC = PROJECT / "sample_data" / "office_with_attacks.csv.gz"
MONDAY = PROJECT / "sample_data" / "office_day.csv.gz"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_the_shipped_bundle_is_small_and_marked() -> None:
    bundle = Bundle.load(BUNDLE)
    assert bundle.manifest.data["note"] == NOTE
    assert "- note: demo" in (BUNDLE / "card.md").read_text()
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) < 200_000
    [learned] = bundle.manifest.data["files"]
    assert learned == {"name": MONDAY.name, "sha256": sha256_hex(MONDAY)}


@pytest.mark.slow
def test_learning_it_again_gives_the_same_verdicts(tmp_path: Path) -> None:
    again = train(
        TrainRequest([MONDAY], tmp_path / "demo", lean=True, note=NOTE),
        now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
    ).bundle
    one, other = Detector(Bundle.load(BUNDLE)), Detector(again)
    scores, repeated = (score_all(each, [TRAFFIC]).scores for each in (one, other))
    verdicts, same = one.threshold.alerts(scores), other.threshold.alerts(repeated)
    # On the machine that made it all are equal; another processor may round otherwise.
    assert np.corrcoef(np.log(scores), np.log(repeated))[0, 1] > 0.99
    assert (verdicts == same).mean() > 0.99
    if again.model == Bundle.load(BUNDLE).model:
        assert (scores == repeated).all()


def test_every_attack_is_caught_and_told() -> None:
    done = demonstrate(clock=Clock())
    found = done.evaluation
    assert (found.flows, found.attacks, done.seconds) == (13_397, 1_632, 1.0)
    assert found.recall > 0.95
    assert found.false_positive_rate < 0.04
    assert found.roc_auc > 0.99
    told = [episode.truth for episode in done.worst]
    # What leaves does so from the host that beacons, within the hour: one episode, one worst flow.
    assert set(ATTACKS) - {"exfiltration"} <= set(told)
    assert found.per_class["exfiltration"].recall == 1.0
    assert len({(e.host, e.begins_ms) for e in done.worst}) == len(told) == 10
    assert all(e.explanation.is_alert and e.explanation.sentence.endswith(".") for e in done.worst)
    alerts = [episode.alerts for episode in done.worst]
    assert alerts == sorted(alerts, reverse=True)
    assert alerts[0] >= 400  # the flood
    assert 0 < done.incidents < found.alerts / 10


def test_the_verdict_counts_what_it_says() -> None:
    done = demonstrate()
    alerts = done.scores >= np.float32(done.threshold["value"])
    benign = done.labels.label == 0
    assert f"{alerts.sum():,} alerts among 13,397 flows" in done.verdict
    assert f"({(alerts & ~benign).sum():,} of 1,632)" in done.verdict
    assert f"({(alerts & benign).sum():,} of 11,765)" in done.verdict


def test_the_scored_flows_are_written_as_score_writes_them(tmp_path: Path) -> None:
    done = demonstrate(out=tmp_path / "scored.parquet")
    table = pq.read_table(tmp_path / "scored.parquet")
    assert table["score"].to_numpy().tolist() == done.scores.tolist()
    assert {"row", "class", "label", "is_alert", "top_features"} <= set(table.column_names)
    assert sum(table["is_alert"].to_pylist()) == done.evaluation.alerts


@pytest.mark.parametrize("name", ["scored.txt", "missing/scored.parquet", TRAFFIC.name])
def test_what_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    copy = shutil.copy(TRAFFIC, tmp_path / TRAFFIC.name)
    with pytest.raises(OutputError):
        demonstrate(out=tmp_path / name, files=Shipped(BUNDLE, Path(copy)))
    assert [path.name for path in tmp_path.iterdir()] == [TRAFFIC.name]


def test_a_checkout_comes_before_what_a_wheel_carries(tmp_path: Path) -> None:
    package = tmp_path / "edgeguard_core"
    package.mkdir()
    with pytest.raises(SourceError, match="make demo-bundle"):
        shipped(package)
    for root in (package / "_demo", tmp_path):
        shutil.copytree(BUNDLE, root / "models" / "demo")
        (root / "sample_data").mkdir()
        shutil.copy(TRAFFIC, root / "sample_data")
        assert shipped(package).bundle == root / "models" / "demo"
    assert shipped().bundle == BUNDLE


def test_of_a_host_and_hour_the_highest_incident_is_told() -> None:
    def incident(host: str, minute: float, cause: str, score: float) -> Incident:
        return Incident(host, minute * 60_000, cause, score, score, 90, 5, (1,))

    found = [
        incident("a", 600, "rate", 9.0),
        incident("b", 600, "rate", 8.0),
        incident("a", 650, "state", 7.0),
        incident("a", 660, "state", 6.0),
    ]
    assert episodes(found) == [found[0], found[1], found[3]]
