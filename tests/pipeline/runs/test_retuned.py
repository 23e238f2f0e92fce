"""The preview in a run, and the threshold of its version where the config says so."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from edgeguard_core.bundle import StateFolder
from edgeguard_core.cli.main import main
from edgeguard_core.detection import Detector
from edgeguard_core.detection.feedback import Feedback, Judgement, write_feedback
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import read_run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GATES = {"champion": {"most_behind": 1}}


@pytest.fixture
def judged(world):
    """The world with verdicts on the champion's alerts, as the labels have them."""
    flows = world.folder / "flows.txt"
    detector = Detector(Registry(world.registry).champion().load())
    found = score_all(detector, [flows])
    alerts = np.flatnonzero(detector.threshold.alerts(found.scores))
    order = alerts[np.argsort(-found.scores[alerts], kind="stable")]
    attacks = order[found.labels.label[order] == 1][:20]
    benign = order[found.labels.label[order] == 0]
    low = [at for at in benign if found.scores[at] < found.scores[attacks[-1]]]
    about = {int(found.lines[at]): Verdict.TRUE for at in attacks}
    about |= {int(found.lines[at]): Verdict.FALSE for at in low}
    assert low
    digest = sha256_hex(flows)
    judgements = tuple(
        Judgement(JudgedFlow(digest, row, "", None), word, "ann", NOON)
        for row, word in sorted(about.items())
    )
    write_feedback(
        world.folder / "kdd.feedback.jsonl", Feedback("flows.txt", digest, judgements, NOON)
    )
    return world


def versions(version):
    return StateFolder.of(version.bundle_path).thresholds(version.load())


def test_the_preview_is_written_into_the_run_and_changes_nothing(judged, capsys):
    result = judged.run("f", gates=GATES, feedback={"files": "kdd.feedback.jsonl"})
    assert not result.refusals
    found = read_run(judged.artifacts, "f").artifact("evaluate").feedback
    assert found["by"].keys() == {"ann"}
    assert found["now"]["true"] + found["true_missed"] == found["by"]["ann"]["true"] == 20
    log = (judged.artifacts / "f" / "log.txt").read_text()
    assert f"Of {found['judged']} judged flows" in log
    for version in Registry(judged.registry).versions():
        assert versions(version) == []
    show = ["pipeline", "show", "f", "--artifacts", str(judged.artifacts)]
    capsys.readouterr()
    assert main(show) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "transform: Verdicts of ann (" in shown
    assert f"evaluate: Of {found['judged']} judged flows" in shown
    assert main([*show, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["feedback"] == found


def test_where_the_config_says_so_the_version_gets_the_threshold(judged):
    use = {"files": "kdd.feedback.jsonl", "retune": True}
    before = judged.run("f", gates=GATES, feedback={**use, "retune": False})
    result = judged.run("f", gates=GATES, feedback=use)
    assert [each.status for each in before.outcomes] == ["done"] * 8
    assert [each.status for each in result.outcomes] == ["skipped"] * 7 + ["done"]
    run = read_run(judged.artifacts, "f")
    preview, registered = run.artifact("evaluate").feedback, run.artifact("register")
    version = Registry(judged.registry).version(registered.version)
    (told,) = registered.told
    if preview["proposed"] is None:
        assert told.startswith("The threshold stays")
        assert versions(version) == []
    else:
        (kept,) = versions(version)
        assert kept.threshold.value == preview["proposed"]["threshold"]
        assert kept.why.startswith("run f: verdicts of ann (")
        assert Detector(version.load()).threshold == kept.threshold
        assert f"The threshold of version {version.number} is" in told
    assert version.load().sums_sha256 == version.fingerprint
    assert told in (judged.artifacts / "f" / "log.txt").read_text()
