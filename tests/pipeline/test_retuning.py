"""The preview of a re-tuned threshold: against counting by hand, and nothing changes by looking."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
from support import data
from trained import noon, zeek_bundle

from edgeguard_core.bundle import Bundle, StateFolder
from edgeguard_core.detection import Detector
from edgeguard_core.detection.feedback import Feedback, Judgement, write_feedback
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.judge import score_all
from edgeguard_core.pipeline.retuning import judged_files, preview_retune, sentences
from edgeguard_core.pipeline.verdicts import Verdicts
from edgeguard_core.sources import read_flows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNLABELLED = "zeek/stratosphere_002_portscan_conn_json.log.gz"
ATTACKED = "zeek/stratosphere_008_conn.log.labeled.gz"


def said(path, about):
    """Feedback of ann: verdict by line."""
    digest = sha256_hex(path)
    judgements = tuple(
        Judgement(JudgedFlow(digest, int(row), "", None), word, "ann", NOON)
        for row, word in sorted(about.items())
    )
    return Feedback(path.name, digest, judgements, NOON)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A real capture that nobody labelled, as a real bundle scores it."""
    detector = Detector(zeek_bundle(tmp_path_factory).bundle)
    return detector, score_all(detector, [data(UNLABELLED)])


@pytest.fixture
def bundle(scored, tmp_path):
    return shutil.copytree(scored[0].bundle.path, tmp_path / "B")


@pytest.fixture
def about(scored):
    """Verdicts on alerts: the ten lowest are none, ten high ones are attacks."""
    detector, found = scored
    order = np.argsort(found.scores, kind="stable")
    alerts = order[detector.threshold.alerts(found.scores[order])]
    lines = found.lines[alerts]
    return {
        **dict.fromkeys(lines[:6].tolist(), Verdict.FALSE),
        **dict.fromkeys(lines[6:10].tolist(), Verdict.KNOWN),
        **dict.fromkeys(lines[-10:].tolist(), Verdict.TRUE),
    }


def preview(bundle, about, name=UNLABELLED):
    path = data(name)
    feedback = said(path, about)
    return preview_retune(
        Detector(Bundle.load(bundle)), Verdicts.of([feedback]), [(path, feedback.sha256)]
    )


def test_the_preview_counts_what_counting_by_hand_gives(scored, bundle, about):
    detector, found = scored
    told = preview(bundle, about).to_json()
    value, line = told["proposed"]["threshold"], detector.threshold.value
    by_row = dict(zip(found.lines.tolist(), found.scores.tolist(), strict=True))
    judged_true = [by_row[row] for row, word in about.items() if word is Verdict.TRUE]
    benign = [by_row[row] for row, word in about.items() if word is not Verdict.TRUE]
    assert line < value <= min(judged_true)
    assert told["now"]["threshold"] == line
    for one, at in ((told["now"], line), (told["proposed"], value)):
        assert one["alerts"] == sum(score >= at for score in by_row.values())
        assert one["alerts_per_hour"] == pytest.approx(one["alerts"] / found.hours)
        assert one["true"] == sum(score >= at for score in judged_true)
        assert one["false"] + one["known_benign"] == sum(score >= at for score in benign)
    assert told["benign_gone"] == sum(line <= score < value for score in benign) == 10
    assert told["alerts_gone"] == sum(line <= score < value for score in by_row.values())
    assert (told["true_lost"], told["true_missed"]) == (0, 0)
    assert told["attacks_lost"] is None  # nothing is labelled
    assert told["by"] == {"ann": {"false": 6, "known benign": 4, "true": 10}}
    (now, then) = sentences(told)
    assert now.startswith("Of 20 judged flows 10 judged true and 10 judged false or known benign")
    assert "10 of the 10 are gone, and 0 of the 10 judged true." in then
    assert "an hour" in then


def test_nothing_is_applied_silently_and_what_is_applied_keeps_what_was(bundle, about, tmp_path):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    found = preview(bundle, about)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B"]
    detector = Detector(Bundle.load(bundle))
    assert found.apply(detector, who="ann", why="loud", now=noon) == "state 0001"
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    (version,) = StateFolder.of(bundle).thresholds(Bundle.load(bundle))
    assert version.threshold == found.threshold
    assert (version.who, version.why) == ("ann", "loud")
    assert version.on_what == "20 verdicts on stratosphere_002_portscan_conn_json.log.gz"
    # Again there is nothing to spare, and so nothing to write.
    again = preview(bundle, about)
    assert (again.threshold, again.why_not) == (None, "no alert is judged false or known benign")
    assert found.apply(Detector(Bundle.load(bundle)), who="ann", why="", now=noon) == "state 0001"
    assert len(StateFolder.of(bundle).thresholds(Bundle.load(bundle))) == 1


def test_without_a_proposal_nothing_can_be_applied(bundle, tmp_path):
    flows, _ = read_flows([data(ATTACKED)])
    attacks = flows.line[flows.is_attack][:10].tolist()
    found = preview(bundle, dict.fromkeys(attacks, Verdict.FALSE), ATTACKED)
    told = found.to_json()
    assert told["proposed"] is None
    # Labels say the opposite of each, so that none of them counts, and the preview says so.
    assert told["judged"] == 0
    assert "10 flows judged false are labelled an attack" in told["warnings"][0]
    with pytest.raises(EdgeGuardError, match=r"^No threshold is proposed: fewer than five"):
        found.apply(Detector(Bundle.load(bundle)), who="ann", why="", now=noon)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B"]


def test_what_labels_say_would_be_lost_is_told(bundle):
    detector = Detector(Bundle.load(bundle))
    found = score_all(detector, [data(ATTACKED)])
    order = np.argsort(found.scores, kind="stable")
    alerts = order[detector.threshold.alerts(found.scores[order])]
    label = found.labels.label[alerts]
    unlabelled, attacks = alerts[label == -1], alerts[label == 1]
    false = unlabelled[len(unlabelled) // 2]
    true = [at for at in attacks if found.scores[at] > found.scores[false]][-5:]
    verdicts = {int(found.lines[false]): Verdict.FALSE}
    verdicts |= {int(found.lines[at]): Verdict.TRUE for at in true}
    told = preview(bundle, verdicts, ATTACKED).to_json()
    line, value = told["now"]["threshold"], told["proposed"]["threshold"]
    scores = found.scores[found.labels.label == 1]
    lost = int(((scores >= line) & (scores < value)).sum())
    assert told["attacks_lost"] == lost > 0
    assert f"By the labels {lost:,} attack flows" in sentences(told)[-1]


def test_flows_judged_true_below_the_threshold_are_told(scored, bundle):
    detector, found = scored
    quiet = found.lines[~detector.threshold.alerts(found.scores)][:3].tolist()
    assert quiet
    told = preview(bundle, dict.fromkeys(quiet, Verdict.TRUE)).to_json()
    assert told["true_missed"] == len(quiet)
    assert any(f"{len(quiet)} flows judged true do not alert" in one for one in sentences(told))


def test_the_judged_file_is_found_beside_the_feedback_or_where_it_is_given(tmp_path):
    flows = shutil.copy(data("zeek/zat_conn.log"), tmp_path / "conn.log")
    feedback = said(flows, {9: Verdict.TRUE})
    at = tmp_path / "conn.feedback.jsonl"
    write_feedback(at, feedback)
    assert judged_files([(at, feedback)], []) == [(flows, feedback.sha256)]
    moved = shutil.move(flows, tmp_path / "renamed.log")
    assert judged_files([(at, feedback)], [moved]) == [(moved, feedback.sha256)]
    with pytest.raises(SourceError, match="it does not lie beside it; give it with --flows FILE"):
        judged_files([(at, feedback)], [])
    flows.write_text("another log")
    for given in ([], [flows]):
        with pytest.raises(SourceError, match=r"about conn\.log .* is another file"):
            judged_files([(at, feedback)], given)
