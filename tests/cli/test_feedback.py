"""``edgeguard feedback``: judged, shown, previewed, applied only when asked; bad input told."""

import hashlib
import shutil
from datetime import UTC, datetime

import pytest
from trained import names

from edgeguard_core.bundle import Bundle, StateFolder
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict

UNLABELLED = "zeek/stratosphere_002_portscan_conn_json.log.gz"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def flows(data, tmp_path):
    return shutil.copy(data(UNLABELLED), tmp_path / "scan.json.gz")


@pytest.fixture
def alerts(run, zeek, flows, tmp_path):
    """Lines of the alerts in a file, the lowest score first."""
    import pandas as pd

    scored = tmp_path / "scored.parquet"
    assert run("score", zeek, flows, "--out", scored).code == 0
    frame = pd.read_parquet(scored).query("is_alert").sort_values("score", kind="stable")
    scored.unlink()
    return frame["row"].tolist()


@pytest.fixture
def judge(run, flows, tmp_path):
    def judge(rows, verdict, *more):
        listed = ",".join(map(str, rows))
        said = ("--verdict", verdict, "--who", "ann", "--why", "nightly")
        out = tmp_path / "scan.feedback.jsonl"
        return run("feedback", "judge", flows, "--rows", listed, *said, "--out", out, *more)

    return judge


@pytest.fixture
def feedback(judge, alerts, tmp_path):
    """Five of the lowest alerts judged false, five of the highest true."""
    assert judge(alerts[:5], "false").code == 0
    assert judge(alerts[-5:], "true").code == 0
    return tmp_path / "scan.feedback.jsonl"


def test_verdicts_are_kept_and_added_to(run, judge, flows, tmp_path):
    out = tmp_path / "scan.feedback.jsonl"
    first = judge(["7", "9-12"], "known-benign", "--json").json
    assert first["verdicts"] == {"true": 0, "false": 0, "known benign": 5}
    assert (first["judged"], first["file"]) == ("scan.json.gz", str(out))
    assert first["sha256"] == hashlib.sha256(flows.read_bytes()).hexdigest()
    assert '"dst_ip"' in out.read_text().splitlines()[1]
    assert judge([9, 20], "true", "--json").json["verdicts"] == {
        "true": 2, "false": 0, "known benign": 4,
    }  # fmt: skip
    shown = run("feedback", "show", out, "--json").json["feedback"]
    assert [one["by"] for one in shown] == [{"ann": {"known benign": 4, "true": 2}}]
    assert "scan.json.gz" in run("feedback", "show", out).out
    assert "about" in judge([30], "true").out


def test_the_preview_changes_nothing_and_apply_keeps_what_was(run, bundle, feedback):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    there = names(bundle.parent)
    told = run("feedback", "retune", bundle, feedback, "--json").json
    assert (told["applied"], told["benign_gone"], told["true_lost"]) == (None, 5, 0)
    assert told["by"] == {"ann": {"false": 5, "true": 5}}
    shown = run("feedback", "retune", bundle, feedback)
    assert "5 of the 5 are gone, and 0 of the 5 judged true." in shown.out
    assert "Nothing was changed. Put it in force with --apply." in shown.out
    assert names(bundle.parent) == there
    assert run("threshold", bundle, "--json").json["origin"] == "bundle"

    assert run("threshold", bundle, "--value", told["now"]["threshold"]).code == 0
    who = ("--who", "bob", "--why", "loud nights")
    done = run("feedback", "retune", bundle, feedback, "--apply", *who, "--json").json
    assert done["applied"] == "state 0002"
    assert run("threshold", bundle, "--json").json["value"] == told["proposed"]["threshold"]
    newest, first = StateFolder.of(bundle).thresholds(Bundle.load(bundle))
    assert newest.who == "bob"
    assert newest.why == "loud nights; verdicts of ann (5 false, 5 true)"
    assert first.threshold.value == told["now"]["threshold"]
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    again = run("feedback", "retune", bundle, feedback)
    assert "No other threshold is proposed: no alert is judged false" in again.out
    assert again.out.endswith("Nothing was changed.\n")


def test_the_judged_file_may_lie_elsewhere_and_another_is_refused(run, bundle, feedback, flows):
    moved = flows.rename(flows.with_name("elsewhere.json.gz"))
    ran = run("feedback", "retune", bundle, feedback, "--json")
    assert (ran.code, "give it with --flows FILE" in ran.problem) == (2, True)
    assert run("feedback", "retune", bundle, feedback, "--flows", moved, "--json").code == 0
    flows.write_bytes(moved.read_bytes()[:-1])
    for given in ((), ("--flows", flows)):
        ran = run("feedback", "retune", bundle, feedback, *given, "--apply", "--json")
        assert ran.code == 2
        assert "about scan.json.gz (SHA-256 " in ran.problem
        assert "is another file" in ran.problem
    assert not (bundle.parent / "B.state").exists()


def test_what_the_dashboard_keeps_is_exported(run, flows, tmp_path):
    log = Reviews(tmp_path / "reviews.sqlite")
    digest = hashlib.sha256(flows.read_bytes()).hexdigest()
    log.judge(
        Verdict.TRUE, [JudgedFlow(digest, 7, "b" * 64, 9.5)], actor="ann", reason="", now=NOON
    )
    out = tmp_path / "x.feedback.jsonl"
    export = ("feedback", "export", log.path, flows, "--out")
    assert run(*export, out, "--json").json["by"] == {"ann": {"true": 1}}
    assert run("feedback", "show", out).code == 0
    assert "is the file to be read" in run(*export, flows).problem
    other = tmp_path / "other.csv"
    other.write_text("a\n")
    ran = run("feedback", "export", log.path, other, "--out", tmp_path / "y")
    assert (ran.code, ran.problem[:40]) == (2, "Nothing is decided about other.csv yet: ")
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text.replace('"false"', '"true"', 1), "not as they were written"),
        (lambda text: text[: len(text) // 2], "not as they were written"),
        (lambda text: "x" + text, "line 1: it is not JSON"),
        (lambda text: "", "line 1: it is not JSON"),
        (lambda text: text.replace('feedback": 1', 'feedback": 9', 1), "update EdgeGuard"),
    ],
)
def test_a_damaged_feedback_file_is_one_line(run, bundle, feedback, judge, damage, says, tmp_path):
    feedback.write_text(damage(feedback.read_text()))
    before, content = names(tmp_path), feedback.read_bytes()
    for ran in (
        run("feedback", "show", feedback, "--json"),
        run("feedback", "retune", bundle, feedback, "--apply", "--json"),
        judge([30], "true", "--json"),
    ):
        assert ran.code == 2
        assert says in ran.problem
        assert str(feedback) in ran.problem
    assert names(tmp_path) == before
    assert feedback.read_bytes() == content


@pytest.mark.parametrize(
    ("rows", "verdict", "says"),
    [
        ("7", "known benign", "--verdict is true or false or known-benign, not 'known benign'"),
        ("x", "true", "'x' names no line: write lines like 7,9-12"),
        ("9-7", "true", "'9-7' names no line"),
        ("0", "true", "'0' names no line"),
        ("1-9999999", "true", "names more than 1,000,000 lines"),
        ("99999", "true", "holds no accepted flow"),
    ],
)
def test_what_cannot_be_judged(judge, rows, verdict, says, tmp_path):
    before = names(tmp_path)
    ran = judge([rows], verdict, "--json")
    assert ran.code == 2
    assert says in ran.problem
    assert names(tmp_path) == before


def test_files_that_are_not_there(run, bundle, tmp_path):
    none = tmp_path / "none"
    for arguments in (
        ("show", none),
        ("retune", bundle, none),
        ("judge", none, "--rows", 7, "--verdict", "true", "--out", tmp_path / "o"),
        ("export", none, none, "--out", tmp_path / "o"),
    ):
        ran = run("feedback", *arguments, "--json")
        assert ran.code == 2, arguments
        assert "check the path" in ran.problem, arguments
        assert names(tmp_path) == ["B"]
