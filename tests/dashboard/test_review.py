"""The Review page in every state: triage with its log, compare, report."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import yaml
from dashboard_app import APP, PATIENCE_S, finish, said, verdict_button
from streamlit.testing.v1 import AppTest

from dashboard import demo, evaluations, feedback, jobs, reviewing, wording, workspace
from dashboard.keys import ContextKey, Key, ReviewKey
from dashboard.wording import compare as compare_words
from dashboard.wording import review as words
from edgeguard_core.detection.exclusion import Conditions
from edgeguard_core.detection.feedback import read_feedback
from edgeguard_core.detection.review import Verdict
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.demo import shipped

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "clock", lambda: NOON)


@pytest.fixture
def review(app: AppTest) -> AppTest:
    """The Review page on the demo, nothing decided."""
    app.run()
    return app.switch_page("views/review.py").run()


def select(app: AppTest, key: str, *rows: int) -> AppTest:
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def pick(app: AppTest, row: int = 0, actor: str = "ann") -> AppTest:
    app.text_input(key=ReviewKey.ACTOR_INPUT).set_value(actor)
    return select(app, f"{ReviewKey.QUEUE}_demo", row)


def queue(app: AppTest) -> object:
    return next(frame.value for frame in app.dataframe if "standing" in frame.value)


def source() -> str:
    return reviewing.material_of(evaluations.load(evaluations.find("demo"))).source


def in_force() -> float:
    return evaluations.in_force(evaluations.find("demo")).threshold.value


def test_the_queue_is_the_incidents_by_host_and_cause(review: AppTest) -> None:
    assert not review.exception
    assert not review.error
    groups = queue(review)
    assert len(groups) == 13
    assert groups["windows"].sum() == 38  # what the demo and every other page count
    assert set(groups["standing"]) == {"○ open"}
    assert groups["ratio"].iloc[0] == "99.6 ×"
    assert (groups["highest"].diff().dropna() <= 0).all()
    text = said(review)
    assert words.SELECT_A_GROUP in text
    assert "160 alerts raise no incident" in text
    assert words.NO_VERDICTS in text
    assert words.NO_EXCLUSIONS in text
    assert words.NO_HISTORY in text
    assert review.get("progress")


def test_lone_alerts_are_queued_where_wished(review: AppTest) -> None:
    review.toggle(key=ReviewKey.LONE).set_value(True).run()
    assert queue(review)["alerts"].sum() == 1_806
    assert "raise no incident" not in said(review)


def test_a_group_shows_its_worst_flows_and_what_a_verdict_would_decide(review: AppTest) -> None:
    pick(review, 2)
    text = said(review)
    assert "10.20.0.26 · service" in text
    assert "A verdict here decides all 252 alerts in 2 windows." in text
    flows = next(f.value for f in review.dataframe if "verdict" in f.value)
    assert (flows["score"].diff().dropna() <= 0).all()
    assert {"top_features", "src_ip", "row"} <= set(flows)


def test_without_a_name_nothing_can_be_decided(review: AppTest) -> None:
    pick(review, 2, actor="")
    assert words.NO_ACTOR in said(review)
    for key in (ReviewKey.TRUE, ReviewKey.FALSE, ReviewKey.KNOWN, ReviewKey.UNDO):
        assert verdict_button(review, key).disabled


def test_a_group_is_marked_counted_undone_and_logged(review: AppTest) -> None:
    pick(review, 2)
    assert verdict_button(review, ReviewKey.UNDO).disabled
    review.text_input(key=f"{ReviewKey.REASON}_0").set_value("backup")
    verdict_button(review, ReviewKey.FALSE).click().run()
    assert not review.exception
    assert review.success[0].value == "252 flows of 10.20.0.26 · service: false positive."
    assert queue(review)["standing"].iloc[2] == "● false positive"
    assert "1 of 13 groups decided · 252 of 1,646 alerts" in review.get("progress")[0].proto.text
    assert len(reviewing.store().verdicts(source())) == 252
    history = next(f.value for f in review.dataframe if "Who" in f.value)
    assert history.iloc[0][["Who", "What", "Flows", "Reason"]].tolist() == [
        "ann", "False positive", 252, "backup",
    ]  # fmt: skip
    # The reason belonged to that verdict, not to the next.
    assert review.text_input(key=f"{ReviewKey.REASON}_1").value == ""
    verdict_button(review, ReviewKey.UNDO).click().run()
    assert queue(review)["standing"].iloc[2] == "○ open"
    assert reviewing.store().verdicts(source()) == {}
    assert [deed.what for deed in reviewing.store().history()] == ["withdrawn", "false"]


def test_a_verdict_means_the_flows_that_were_seen_when_it_was_given(review: AppTest) -> None:
    pick(review, 2)
    review.button(key=ReviewKey.NEXT).click()  # and before the next group is drawn
    verdict_button(review, ReviewKey.KNOWN).click().run()
    assert review.success[0].value == "252 flows of 10.20.0.26 · service: known benign."
    assert "● known benign" in queue(review)["standing"].iloc[2]
    assert "all 252 alerts" not in said(review)


def test_selected_flows_alone_are_decided_and_the_model_says_why(review: AppTest) -> None:
    pick(review, 1)
    select(review, f"{ReviewKey.FLOWS}_demo_1_{in_force()}", 0)
    text = said(review)
    assert "A verdict here decides the 1 selected flow." in text
    assert "fwd_bytes is 9,000 where 40 to 800 is usual." in text
    verdict_button(review, ReviewKey.TRUE).click().run()
    assert list(reviewing.store().verdicts(source()).values()) == [Verdict.TRUE]
    assert queue(review)["standing"].iloc[1] == "◐ partly decided"


def test_decided_groups_are_hidden_where_wished_and_the_page_says_how_many(
    review: AppTest,
) -> None:
    pick(review, 0)
    verdict_button(review, ReviewKey.KNOWN).click().run()
    review.toggle(key=ReviewKey.HIDE_DECIDED).set_value(True).run()
    assert len(queue(review)) == 12
    assert "1 decided group hidden" in said(review)


def test_next_and_previous_walk_through_the_queue(review: AppTest) -> None:
    assert review.button(key=ReviewKey.PREVIOUS).disabled
    review.button(key=ReviewKey.NEXT).click().run()
    assert "10.20.0.7 · direction" in said(review)
    review.button(key=ReviewKey.NEXT).click().run()
    assert "10.20.0.7 · service" in said(review)
    review.button(key=ReviewKey.PREVIOUS).click().run()
    assert "10.20.0.7 · direction" in said(review)


def test_an_exclusion_is_filled_in_counted_made_and_revoked(review: AppTest) -> None:
    pick(review, 2)
    about = "10.20.0.26 · service"
    host = review.text_input(key=f"{ReviewKey.CONDITION}_host_{about}")
    assert host.value == "10.20.0.26"
    assert review.text_input(key=f"{ReviewKey.CONDITION}_cause_{about}").value == "service"
    assert "**250 of them labelled attack**" in said(review)
    assert review.button(key=ReviewKey.EXCLUDE).disabled  # no reason yet
    host.set_value("10.20.0.0/16").run()
    review.text_input(key=f"{ReviewKey.CONDITION}_protocol_{about}").set_value("").run()
    evaluated = evaluations.load(evaluations.find("demo"))
    material = reviewing.material_of(evaluated)
    hides = Conditions(host="10.20.0.0/16", cause="service").match(material.columns)
    alerts = evaluations.in_force(evaluated.reference).threshold.alerts(evaluated.scores)
    shown = wording.count(int((hides & alerts).sum()))
    assert f"Would hide {shown} alerts" in said(review)
    review.text_input(key=f"{ReviewKey.EXCLUDE_REASON}_{about}").set_value("scanner").run()
    review.button(key=ReviewKey.EXCLUDE).click().run()
    assert not review.exception
    (made,) = reviewing.store().exclusions()
    assert (made.reason, made.actor) == ("scanner", "ann")
    assert made.expires == datetime(2026, 3, 31, tzinfo=UTC)
    assert f"{shown} alerts hidden by exclusions" in said(review)
    assert "service" not in set(queue(review)["cause"])
    listed = next(f.value for f in review.dataframe if "Conditions" in f.value)
    assert listed.iloc[0]["Hides"] == int((hides & alerts).sum())
    assert listed.iloc[0]["Runs"] == "until 2026-03-31"
    review.toggle(key=ReviewKey.HIDE_EXCLUDED).set_value(False).run()
    assert "service" in set(queue(review)["cause"])
    select(review, ReviewKey.EXCLUSIONS, 0)
    review.button(key=ReviewKey.REVOKE).click().run()
    assert reviewing.store().exclusions()[0].revoked_by == "ann"
    assert "Its alerts are back" in review.success[0].value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("host", "printer", "neither an address nor a network"),
        ("dst_port", "http", "'http' is no destination port"),
        ("dst_port", "70000", "70000 is no dst port"),
    ],
)
def test_a_condition_that_is_none_is_told(
    review: AppTest, name: str, text: str, sentence: str
) -> None:
    pick(review, 2)
    about = "10.20.0.26 · service"
    review.text_input(key=f"{ReviewKey.CONDITION}_{name}_{about}").set_value(text).run()
    assert not review.exception
    assert sentence in review.error[0].value


def test_an_exclusion_that_expired_hides_nothing(
    review: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewing.store().exclude(
        Conditions(host="10.20.0.0/16"), actor="ann", reason="x", now=NOON,
        expires=NOON + timedelta(days=1),
    )  # fmt: skip
    review.run()
    assert words.ALL_HIDDEN in said(review)
    monkeypatch.setattr(reviewing, "clock", lambda: NOON + timedelta(days=2))
    review.run()
    assert len(queue(review)) == 13
    assert "expired" in next(f.value for f in review.dataframe if "Runs" in f.value)["Runs"].iloc[0]


def test_verdicts_suggest_a_threshold_that_opens_in_the_studio(review: AppTest) -> None:
    evaluated = evaluations.load(evaluations.find("demo"))
    line = evaluations.in_force(evaluated.reference).threshold
    now = reviewing.triage(evaluated, line)
    alerts = np.flatnonzero(line.alerts(evaluated.scores))
    order = alerts[np.argsort(evaluated.scores[alerts])]
    for verdict, positions in ((Verdict.FALSE, order[:42]), (Verdict.TRUE, order[-10:])):
        reviewing.judge(now, positions, verdict, actor="ann", reason="", about="x")
    review.run()
    text = said(review)
    assert "With your 42 false verdicts" in text
    assert "keeps all 10 true ones and removes **42**" in text
    assert words.BIASED in text
    preview = next(f.value for f in review.dataframe if "Threshold" in f.value)
    assert preview["Alerts"].tolist() == [1_806, 1_764]
    assert review.session_state[ContextKey.THRESHOLD] is None  # a preview changes nothing
    review.button(key=ReviewKey.TRY).click().run()
    assert not review.exception
    assert review.title[0].value == "Threshold"
    tried = float(review.session_state[ContextKey.THRESHOLD])
    assert tried == pytest.approx(preview["Threshold"].iloc[1])
    assert evaluations.in_force(evaluated.reference).threshold == line


def test_random_flows_below_the_threshold_can_be_judged(review: AppTest) -> None:
    review.text_input(key=ReviewKey.ACTOR_INPUT).set_value("ann")
    review.toggle(key=ReviewKey.QUIET).set_value(True).run()
    sample = next(f.value for f in review.dataframe if "verdict" in f.value)
    assert len(sample) == 20
    assert sample["score"].max() < in_force()
    select(review, f"{ReviewKey.QUIET}_demo_{in_force()}", 0, 4)
    verdict_button(review, f"{ReviewKey.TRUE}_quiet").click().run()
    assert "Of 2 judged, 2 should have alerted: 100.0 %" in said(review)


def test_nothing_alerts(review: AppTest) -> None:
    review.session_state[ContextKey.THRESHOLD] = 1e9
    review.run()
    assert words.NO_ALERTS in said(review)
    assert not [frame for frame in review.dataframe if "standing" in frame.value]


def test_alerts_that_raise_no_incident(review: AppTest) -> None:
    evaluated = evaluations.load(evaluations.find("demo"))
    review.session_state[ContextKey.THRESHOLD] = float(evaluated.incidents.score.max()) * 1.0001
    review.run()
    assert words.NO_INCIDENTS in said(review)


def test_a_log_that_is_damaged_is_told_in_a_sentence(review: AppTest) -> None:
    reviewing.store().path.write_text("no database, but long enough to look like one " * 50)
    review.run()
    assert not review.exception
    assert "move the file away" in review.error[0].value


def test_nothing_scored_and_no_demo(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise EdgeGuardError("no demo here")

    monkeypatch.setattr(demo, "scored", gone)
    app.run()
    app.switch_page("views/review.py").run()
    assert not app.exception
    assert wording.NOTHING_SCORED in said(app)


@pytest.fixture
def scored(upload, app: AppTest) -> jobs.Job:
    """An upload that the stand-in learned and scored: labels, no times, no incidents."""
    return learned(upload("office.csv"))


def learned(app: AppTest) -> jobs.Job:
    app.button(key=Key.LEARN).click().run()
    assert finish().state is jobs.State.DONE
    job = jobs.newest(("learn",))
    assert job is not None
    app.session_state[ContextKey.EVALUATION] = job.id
    app.switch_page("views/review.py")
    return job


def test_without_times_the_groups_are_the_causes(
    scored: jobs.Job, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = evaluations.in_force(evaluations.find("demo"))
    monkeypatch.setattr(evaluations, "in_force", lambda reference: force)
    app.run()
    assert not app.exception
    assert not app.error
    assert words.BY_CAUSE_ALONE in said(app)
    groups = queue(app)
    assert list(groups["cause"]) == ["fwd_bytes"]
    assert not {"host", "windows", "first", "last"} & set(groups)


def test_the_address_opens_a_part(app: AppTest) -> None:
    app.run()
    app.switch_page("views/review.py")
    app.query_params["review"] = "report"
    app.run()
    assert app.session_state[ReviewKey.PART] == words.REPORT
    app.segmented_control(key=ReviewKey.PART).set_value(words.COMPARE).run()
    assert app.query_params["review"] in ("compare", ["compare"])
    assert compare_words.COMPARE_NEEDS_TWO in said(app)


def test_plain_detectors_stand_beside_the_model(
    scored: jobs.Job, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = evaluations.in_force(evaluations.find("demo"))
    monkeypatch.setattr(evaluations, "in_force", lambda reference: force)
    app.run()
    app.segmented_control(key=ReviewKey.PART).set_value(words.COMPARE).run()
    chosen = app.multiselect(key=ReviewKey.PEERS)
    assert chosen.value == ["kNN", "IsolationForest"]
    app.button(key=ReviewKey.COMPARE_PEERS).click().run()
    assert not app.exception
    job = jobs.newest(("compare",))
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.DONE
    app.run()
    table = next(frame.value for frame in app.dataframe if "Model" in frame.value)
    assert list(table["Model"]) == [reference_name(scored), "kNN", "IsolationForest"]
    assert table.iloc[1, 2] == "−12.5 (−25.0 to −5.0)"
    assert list(table["Precision"]) == [wording.UNDEFINED] * 3
    assert "learned from 100 flows of the earliest third" in said(app)
    chosen = app.multiselect(key=ReviewKey.PEERS).set_value(["OCSVM"])
    app.button(key=ReviewKey.COMPARE_PEERS).click().run()
    jobs.wait(jobs.newest(("compare",)), PATIENCE_S)
    app.run()
    assert "12 flows are too few" in said(app) + " ".join(e.value for e in app.error)
    app.multiselect(key=ReviewKey.PEERS).set_value([]).run()
    assert app.button(key=ReviewKey.COMPARE_PEERS).disabled


def reference_name(job: jobs.Job) -> str:
    return evaluations.find(job.id).bundle.stem


def test_models_of_the_same_file_stand_side_by_side(
    review: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluations.load(evaluations.find("demo"))
    other = second_model(first, monkeypatch)
    review.segmented_control(key=ReviewKey.PART).set_value(words.COMPARE).run()
    assert not review.exception
    assert not review.error
    figures = next(f.value for f in review.dataframe if "demo" in f.value).set_index("")
    assert figures.loc["Alerts"].tolist() == ["1,806", "1,806"]
    assert figures.loc["Overlap of alerts with the first", "demo"] == "100.0 %"
    assert figures.loc["Recall", "demo"] == "100.0 %"
    assert figures.loc["Recall", "other"] != "100.0 %"
    assert figures.loc[compare_words.AHEAD, "other"].startswith("−")
    assert figures.loc["Model", "demo"] == "86.4 kB"
    assert len(review.get("vega_lite_chart")) == 2
    budget = next(n for n in review.number_input if n.label == compare_words.BUDGET_BY_HOUR)
    budget.set_value(10.0).run()
    figures = next(f.value for f in review.dataframe if "demo" in f.value).set_index("")
    assert figures.loc["Alerts"].tolist() == ["240", "240"]
    models = next(m for m in review.multiselect if m.key != ReviewKey.PEERS)
    models.set_value([other.id]).run()
    assert compare_words.CHOOSE_TWO in said(review)


def second_model(
    first: evaluations.Evaluated, monkeypatch: pytest.MonkeyPatch
) -> evaluations.Reference:
    """Another evaluation of the demo's traffic: the same scores with noise on them."""
    from dataclasses import replace

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(first.reference.scores)
    noise = np.random.default_rng(0).lognormal(0, 1, len(first)).astype(np.float32)
    at = table.column_names.index("score")
    path = workspace.root() / "other.parquet"
    pq.write_table(table.set_column(at, "score", pa.array(first.scores * noise)), path)
    given = workspace.adopt(shipped().traffic)
    other = replace(
        first.reference, id="0a0a0a0a", bundle=given.folder / "other", scores=path, file_id=given.id
    )
    (given.folder / "other").symlink_to(first.reference.bundle)
    real = evaluations.find
    monkeypatch.setattr(reviewing, "same_file", lambda reference: [real("demo"), other])
    return other


def test_a_file_can_be_scored_with_another_bundle(
    scored: jobs.Job, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shutil import copytree

    force = evaluations.in_force(evaluations.find("demo"))
    monkeypatch.setattr(evaluations, "in_force", lambda reference: force)
    first = evaluations.find(scored.id)
    copytree(first.bundle, first.bundle.with_name("second"))
    app.session_state[ReviewKey.PART] = words.COMPARE
    app.run()
    assert compare_words.COMPARE_NEEDS_TWO in said(app)
    app.button(key=ReviewKey.SCORE_OTHER).click().run()
    assert not app.exception
    assert finish().state is jobs.State.DONE
    again = jobs.newest(("score",))
    assert again is not None
    assert again.facts["bundle"].endswith("second")
    assert [one.bundle.name for one in reviewing.same_file(first)][1:] == ["second"]


def test_a_report_is_made_told_stale_and_without_addresses(review: AppTest) -> None:
    review.segmented_control(key=ReviewKey.PART).set_value(words.REPORT).run()
    assert words.NO_REPORT in said(review)
    review.button(key=ReviewKey.MAKE_REPORT).click().run()
    assert not review.exception
    assert not review.error
    made = review.session_state[ReviewKey.REPORT].report
    assert "1,806 of 13,397 flows alert" in said(review)
    assert words.ADDRESSES_IN in said(review)
    assert "10.20.0.7" in made.html
    assert json.loads(made.json)["verdicts"]["flows"]["true"] == 0
    review.toggle(key=ReviewKey.PSEUDONYMS).set_value(True).run()
    assert words.OTHER_REPORT in said(review)
    assert len(review.text_input(key=ReviewKey.PSEUDONYM_KEY).value) >= 32
    review.text_input(key=ReviewKey.PSEUDONYM_KEY).set_value("short").run()
    assert review.button(key=ReviewKey.MAKE_REPORT).disabled
    review.text_input(key=ReviewKey.PSEUDONYM_KEY).set_value("our own key").run()
    review.button(key=ReviewKey.MAKE_REPORT).click().run()
    made = review.session_state[ReviewKey.REPORT].report
    assert "10.20." not in made.html + made.json
    assert words.PSEUDONYMS_IN in said(review)
    review.session_state[ContextKey.THRESHOLD] = 2.0
    review.run()
    assert words.STALE_REPORT in said(review)
    assert len(review.get("download_button")) == 2
    review.button(key=ReviewKey.MAKE_REPORT).click().run()
    tried = review.session_state[ReviewKey.REPORT].report.document
    assert tried["threshold"]["origin"] == "tried"


def test_the_name_is_remembered_by_the_log(review: AppTest) -> None:
    assert review.text_input(key=ReviewKey.ACTOR_INPUT).value == ""
    pick(review, 0, "bob")
    verdict_button(review, ReviewKey.TRUE).click().run()
    review.switch_page("views/overview.py").run()
    review.switch_page("views/review.py").run()
    assert review.text_input(key=ReviewKey.ACTOR_INPUT).value == "bob"
    later = AppTest.from_file(str(APP), default_timeout=PATIENCE_S).run()
    later.switch_page("views/review.py").run()
    assert later.text_input(key=ReviewKey.ACTOR_INPUT).value == "bob"


def test_verdicts_are_handed_on_to_a_training_and_the_page_says_how(review: AppTest) -> None:
    assert not [one for one in review.button if one.key == ReviewKey.HAND_ON]  # nothing decided
    pick(review, 2)
    verdict_button(review, ReviewKey.FALSE).click().run()
    review.button(key=ReviewKey.HAND_ON).click().run()
    assert not review.exception
    (path,) = workspace.room("feedback").iterdir()
    written = read_feedback(path)
    assert written.sha256 == source()
    assert written.judged == evaluations.find("demo").source.name
    assert written.counts == {"ann": {"false": 252}}
    assert written.made == NOON
    assert "252 false, 0 known benign. Name it" in said(review)
    shown = next(code.value for code in review.code if "feedback:" in code.value)
    assert yaml.safe_load(shown) == {"feedback": {"files": [str(path)]}}
    assert "write it again" not in said(review)
    verdict_button(review, ReviewKey.KNOWN).click().run()
    assert "Verdicts changed since; write it again" in said(review)
    assert read_feedback(path) == written  # nothing is written unasked
    review.button(key=ReviewKey.HAND_ON).click().run()
    assert read_feedback(path).counts == {"ann": {"known benign": 252}}


def test_verdicts_on_a_file_that_is_gone_are_not_handed_on(
    review: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick(review, 2)
    verdict_button(review, ReviewKey.FALSE).click().run()
    monkeypatch.setattr(feedback, "can_hand_on", lambda now: False)
    review.run()
    assert not review.exception
    assert words.HAND_ON_GONE in said(review)
    assert not [one for one in review.button if one.key == ReviewKey.HAND_ON]
