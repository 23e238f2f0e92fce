"""Which verdict speaks of which flow: against the slow, obvious way, and with contradictions."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import data

from edgeguard_core.detection.feedback import Feedback, Judgement
from edgeguard_core.detection.queue import VERDICT_CODES
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.flows.table import ATTACK, BENIGN, UNLABELLED, Labels
from edgeguard_core.pipeline.verdicts import (
    FALSE,
    JUDGED_CLASS,
    KNOWN,
    TRUE,
    Verdicts,
    judged_flows,
)
from edgeguard_core.sources import read_flows

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN)
FILES = ("aa" * 32, "bb" * 32, "cc" * 32)


def said(source, *about, who="ann"):
    """Feedback about some lines: (line, verdict, minutes after noon)."""
    judgements = tuple(
        Judgement(JudgedFlow(source, row, "", None), word, who, NOON + timedelta(minutes=minutes))
        for row, word, minutes in about
    )
    return Feedback("a.csv", source, judgements, NOON)


spoken = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(WORDS), st.integers(0, 3)), max_size=10
)
feedback = st.lists(st.tuples(st.sampled_from(FILES), spoken), max_size=4)
flows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 14), st.sampled_from([BENIGN, ATTACK, UNLABELLED])),
    unique_by=lambda flow: flow[:2],
    max_size=30,
).map(lambda found: sorted(found, key=lambda flow: flow[0]))


def obvious(spoken_files, line, file, label):
    """The verdict on one flow, by looking through all that anybody said."""
    careful = (Verdict.KNOWN, Verdict.FALSE, Verdict.TRUE)
    about = [
        (minutes, careful.index(word))
        for source, listed in spoken_files
        for row, word, minutes in listed
        if source == FILES[file] and row == line
    ]
    if not about:
        return 0, False
    word = careful[max(about)[1]]
    against = label == (BENIGN if word is Verdict.TRUE else ATTACK)
    return 0 if against else VERDICT_CODES[word], against


@given(feedback=feedback, flows=flows)
@settings(deadline=None, max_examples=60)
def test_each_flow_has_the_latest_verdict_unless_its_label_contradicts(feedback, flows):
    files, lines, labels = (np.array(column, int) for column in zip(*flows, strict=True)) if flows \
        else (np.zeros(0, int),) * 3  # fmt: skip
    words = np.full(len(flows), "x", object)
    verdicts = Verdicts.of(said(source, *listed) for source, listed in feedback)
    found = judged_flows(lines, files, Labels(labels.astype(np.int8), words), FILES, verdicts)
    expected = [obvious(feedback, line, file, label) for file, line, label in flows]
    assert found.codes.tolist() == [code for code, _ in expected]
    assert found.contradicted.tolist() == [against for _, against in expected]
    assert sum(sum(counts.values()) for counts in found.by_person.values()) == sum(
        code != 0 for code, _ in expected
    )


def test_the_order_of_the_files_says_nothing():
    one = said(FILES[0], (3, Verdict.KNOWN, 1), who="ann")
    other = said(FILES[0], (3, Verdict.TRUE, 1), (4, Verdict.FALSE, 0), who="bob")
    there, back = Verdicts.of([one, other]), Verdicts.of([other, one])
    assert there == back
    assert there.of_file[FILES[0]][3].verdict is Verdict.TRUE  # of one moment, the careful word
    assert there.overruled == 1
    assert not Verdicts.of([])
    found = judged_flows(np.array([3, 4]), np.zeros(2, int), None, FILES[:1], there)
    assert found.by_person == {"bob": {"false": 1, "true": 1}}
    (told,) = found.warnings
    assert told == "Feedback files disagree about 1 flow: the later verdict counts."


def test_labels_of_a_real_file_stand_where_they_contradict():
    flows, report = read_flows([data("zeek/stratosphere_001_labeled-conn.log.gz")])
    label = flows.labels.label
    benign, attack, unknown = (
        np.flatnonzero(label == each)[:2] for each in (BENIGN, ATTACK, UNLABELLED)
    )
    about = [
        *((flows.line[benign[0]], Verdict.TRUE, 0), (flows.line[benign[1]], Verdict.FALSE, 0)),
        *((flows.line[attack[0]], Verdict.KNOWN, 0), (flows.line[attack[1]], Verdict.TRUE, 0)),
        *((flows.line[unknown[0]], Verdict.TRUE, 0), (flows.line[unknown[1]], Verdict.KNOWN, 0)),
        (10**6, Verdict.KNOWN, 0),
    ]
    verdicts = Verdicts.of([said(FILES[0], *about)])
    found = judged_flows(flows.line, report.timeline, flows.labels, FILES[:1], verdicts)
    assert found.codes[[benign[1], attack[1], *unknown]].tolist() == [FALSE, TRUE, TRUE, KNOWN]
    assert np.flatnonzero(found.contradicted).tolist() == sorted([benign[0], attack[0]])
    known, true, lost = found.warnings
    assert known.startswith("1 flow judged known benign is labelled an attack in the file")
    assert true.startswith("1 flow judged true is labelled benign in the file")
    assert lost == "1 judged lines hold no flow that was accepted here."
    after = found.labelled(flows).labels
    assert after.label[[benign[0], attack[0]]].tolist() == [UNLABELLED, UNLABELLED]
    assert after.label[unknown].tolist() == [ATTACK, BENIGN]
    assert after.class_name[unknown].tolist() == [JUDGED_CLASS, "benign"]
    assert after.class_name[attack[1]] == flows.labels.class_name[attack[1]]
    changed = np.flatnonzero(after.label != label)
    assert changed.tolist() == sorted([benign[0], attack[0], *unknown])


def test_without_labels_verdicts_are_none():
    found = judged_flows(np.array([1]), np.zeros(1, int), None, FILES[:1], Verdicts())
    flows, _ = read_flows([data("zeek/zat_conn_date_issue.log")])
    with pytest.raises(ValueError, match="verdicts alone are no labels"):
        found.labelled(flows)
