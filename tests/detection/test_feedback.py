"""The feedback file: what the log holds, back and forth, and what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection.feedback import (
    Feedback,
    Judgement,
    feedback_of,
    parse,
    read_feedback,
    write_feedback,
)
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict
from edgeguard_core.errors import EdgeGuardError, SourceError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = "a" * 64
WORDS = (Verdict.TRUE, Verdict.FALSE, Verdict.KNOWN)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
optional_text, optional_port = st.none() | texts.filter(bool), st.none() | st.integers(0, 65_535)
judged = st.builds(
    JudgedFlow,
    source=st.just(SOURCE),
    row=st.integers(1, 2**50),
    model_sha256=texts,
    score=st.none() | st.floats(0, 1e30),
    host=optional_text,
    cause=optional_text,
    src_ip=optional_text,
    src_port=optional_port,
    dst_ip=optional_text,
    dst_port=optional_port,
    protocol=optional_port,
)
judgements = st.builds(
    Judgement,
    flow=judged,
    verdict=st.sampled_from(WORDS),
    who=texts.filter(str.strip),
    when=st.integers(0, 10**6).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    reason=texts,
    about=texts,
)


@given(said=st.lists(judgements, max_size=4), name=texts)
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read_again_whatever_people_write(said, name):
    feedback = Feedback(name, SOURCE, tuple(said), NOON)
    assert parse(feedback.to_text()) == feedback


def flow(row: int, source: str = SOURCE) -> JudgedFlow:
    return JudgedFlow(source, row, "b" * 64, 3.5, "10.0.0.7", "volume", "10.0.0.7", 5, "::1", 80, 6)


@pytest.fixture
def path(tmp_path):
    """A feedback file out of a log in which verdicts were changed and withdrawn."""
    log = Reviews(tmp_path / "reviews.sqlite")
    log.judge(Verdict.FALSE, [flow(3), flow(9), flow(4)], actor="ann", reason="?", now=NOON)
    later = NOON + timedelta(hours=1)
    log.judge(Verdict.KNOWN, [flow(3)], actor="bob", reason="backup", now=later, about="10.0.0.7")
    log.judge(Verdict.WITHDRAWN, [flow(9)], actor="ann", reason="", now=later)
    log.judge(Verdict.TRUE, [flow(3, "c" * 64)], actor="eve", reason="", now=later)
    path = tmp_path / "a.feedback.jsonl"
    write_feedback(path, feedback_of(log, SOURCE, "monday.csv", later))
    return path


def test_the_verdicts_in_force_of_one_file_with_who_when_and_why(path):
    found = read_feedback(path)
    assert (found.judged, found.sha256, found.made) == (
        "monday.csv", SOURCE, NOON + timedelta(hours=1),
    )  # fmt: skip
    three, four = found.judgements
    assert (three.flow, three.verdict, three.who) == (flow(3), Verdict.KNOWN, "bob")
    assert (three.when, three.reason, three.about) == (found.made, "backup", "10.0.0.7")
    assert (four.flow.row, four.verdict, four.who) == (4, Verdict.FALSE, "ann")
    assert found.counts == {"bob": {"known benign": 1}, "ann": {"false": 1}}
    assert found.by_verdict == {"true": 0, "false": 1, "known benign": 1}
    # One flow a line, so that a person can read it and grep finds it.
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("row") for line in lines] == [None, 3, 4]
    assert lines[1]["dst_ip"] == "::1"
    assert str(path.parent) not in path.read_text()


def test_another_file_is_refused_in_a_sentence(path):
    found = read_feedback(path)
    found.require_of(SOURCE, "renamed.csv")
    with pytest.raises(SourceError) as problem:
        found.require_of("d" * 64, "tuesday.csv")
    assert str(problem.value) == (
        "The verdicts are about monday.csv (SHA-256 aaaaaaaaaaaa…) and tuesday.csv is another file "
        "(dddddddddddd…); give the one that was judged."
    )


def test_without_a_verdict_there_is_nothing_to_hand_on(tmp_path):
    with pytest.raises(EdgeGuardError, match=r"Nothing is decided about x\.csv yet"):
        feedback_of(Reviews(tmp_path / "reviews.sqlite"), SOURCE, "x.csv", NOON)


DAMAGE = {
    "a verdict changed": (lambda text: text.replace("known benign", "true"), "not as they were"),
    "a line lost": (lambda text: text[: text.rindex("{")], "not as they were written"),
    "a count changed": (lambda text: text.replace('"verdicts": 2', '"verdicts": 3'), "names 3"),
    "half a first line": (lambda text: text[:40], "line 1: it is not JSON"),
    "nothing": (lambda _: "", "line 1: it is not JSON"),
    "another kind of file": (lambda _: '{"format": 1}\n', "names no edgeguard_feedback"),
    "a list": (lambda _: "[1]\n", "line 1: it is not a JSON object"),
    "no judged file": (lambda text: text.replace(SOURCE, "a"), "names no judged file"),
    "a later format": (
        lambda text: text.replace('"edgeguard_feedback": 1', '"edgeguard_feedback": 2'),
        "is feedback of format 2, this EdgeGuard knows 1: update EdgeGuard",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_refused_in_a_sentence(path, kind):
    damage, says = DAMAGE[kind]
    path.write_text(damage(path.read_text()))
    with pytest.raises(SourceError) as problem:
        read_feedback(path)
    assert says in str(problem.value)
    assert str(path) in str(problem.value)
    assert str(problem.value).endswith(".")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"row": 0}, "row 0 is no line number"),
        ({"row": True}, "row True is no line number"),
        ({"verdict": "withdrawn"}, "verdict 'withdrawn' is none of true, false, known benign"),
        ({"who": " "}, "nobody is named under who"),
        ({"when": "noon"}, "'noon' is no time"),
        ({"dst_port": "http"}, "dst_port 'http' is no number"),
        ({"host": 7}, "host 7 is no text"),
    ],
)
def test_a_line_that_says_nothing_usable_is_named(line, says):
    plain = Judgement(flow(3), Verdict.TRUE, "ann", NOON).to_json()
    with pytest.raises(ValueError, match=says.replace("'", ".")):
        Judgement.from_json({**plain, **line}, SOURCE)


def test_what_is_no_text_and_what_is_not_there(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="it is not UTF-8 text"):
        read_feedback(tmp_path / "x")
    with pytest.raises(SourceError, match=r"Cannot read the feedback in .*check the path"):
        read_feedback(tmp_path / "none")
