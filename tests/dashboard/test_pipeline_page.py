"""The Pipeline page by what a person sees: nothing yet, real runs, the registry, and errors."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from dashboard_app import PATIENCE_S, said
from pipeline_office import SAMPLES, make_runs, write_config
from streamlit.testing.v1 import AppTest

from dashboard import jobs, pipelines, training, wording, workspace
from dashboard.keys import Key, PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.detection.feedback import Feedback, Judgement, write_feedback
from edgeguard_core.detection.review import JudgedFlow, Verdict
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import STAGES, list_runs, read_run, run_pipeline

PAGE = "views/pipeline.py"
REAL = (sys.executable, "-m", "edgeguard_core.cli")
RUN_S = 120.0
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs; copy it before you change it."""
    folder = tmp_path_factory.mktemp("office") / "work"
    make_runs(folder)
    return folder


@pytest.fixture(autouse=True)
def no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project has no config, so that no test writes into it."""
    (tmp_path / "project").mkdir()
    monkeypatch.setattr(pipelines, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(training, "can_train", lambda: True)


@pytest.fixture
def page(app: AppTest) -> Open:
    """Opens the page at one of its parts."""

    def act(part: str = words.RUNS) -> AppTest:
        app.run()
        app.query_params["pipeline"] = part.lower()
        app.switch_page(PAGE).run()
        if part != words.RUNS:
            app.segmented_control(key=PipelineKey.PART).set_value(part).run()
        return app

    return act


@pytest.fixture
def office(made: Path, work: Path) -> Path:
    """The work folder with the three runs."""
    shutil.copytree(made, work)
    return work


def decide(app: AppTest, key: str, *, why: str = "fewer false alarms", who: str = "ann") -> AppTest:
    reason = next(one for one in app.text_input if one.label == "Reason")
    assert reason.value == ""  # that of the step before is gone
    reason.set_value(why)
    app.text_input(key=PipelineKey.AUTHOR).set_value(who)
    return app.button(key=key).click().run()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RUN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_config_the_page_says_what_to_write(page: Open, work: Path) -> None:
    app = page()
    assert not app.exception
    assert words.no_config(work) in said(app)
    assert not [one for one in app.button if one.key == PipelineKey.START]


def test_with_a_config_and_no_run_one_click_starts_the_first(page: Open, work: Path) -> None:
    write_config(work)
    app = page()
    assert not app.exception
    assert words.NO_RUNS in said(app)
    assert not app.button(key=PipelineKey.START).disabled
    for part, empty in ((words.REGISTRY, words.NO_VERSIONS), (words.DRIFT, words.NO_DRIFT)):
        app.segmented_control(key=PipelineKey.PART).set_value(part).run()
        assert not app.exception
        assert empty in said(app)


def test_configs_are_files_that_name_data(work: Path) -> None:
    written = write_config(work)
    (work / "compose.yaml").write_text("services:\n  data: 1\n")
    (pipelines.PROJECT / "b.yml").write_text("data: flows.csv\n")
    assert pipelines.configs() == [written, pipelines.PROJECT / "b.yml"]


def test_a_config_that_cannot_be_used_is_told_in_its_own_sentences(page: Open, work: Path) -> None:
    write_config(work, promote="always")
    app = page()
    assert not app.exception
    assert "promote" in app.error[0].value
    assert app.button(key=PipelineKey.START).disabled


def test_the_runs_are_listed_the_latest_first(page: Open, office: Path) -> None:
    app = page()
    assert not app.exception
    runs = app.dataframe[0].value
    assert runs["run"].tolist() == ["third", "second", "first"]
    assert runs["is"].tolist() == ["refused", "done", "done"]
    assert runs["champion"].tolist() == [False, False, True]
    assert runs["version"].tolist() == ["", "2", "1"]
    assert runs["gates"].tolist() == ["benign_rows", "", ""]
    assert app.selectbox(key=PipelineKey.RUN).value == "third"


def test_a_refused_run_tells_its_gate_and_what_was_not_reached(page: Open, office: Path) -> None:
    app = page()
    refusal = read_run(office / "artifacts", "third").refusals[0]
    assert app.error[0].value == words.refusal(refusal)
    assert "1,000,000" in app.error[0].value
    row = next(md.value for md in app.markdown if "**ingest**" in md.value)
    assert row.count("-badge[") == len(STAGES)
    assert "**validate** refused" in row
    assert row.count("not reached") == len(STAGES) - 2
    assert any("--accept benign_rows" in one.value for one in app.code)
    assert not app.metric


def test_a_run_that_is_done_shows_figures_lineage_and_log(page: Open, office: Path) -> None:
    app = page()
    app.selectbox(key=PipelineKey.RUN).set_value("second").run()
    assert not app.exception
    assert not app.error
    text = said(app)
    figures = read_run(office / "artifacts", "second").figures
    assert f"ROC AUC {words.area(figures['roc_auc'])}" in text
    assert "Beside champion 1 on the same flows: ROC AUC" in text
    lineage = app.dataframe[1].value
    assert lineage["stage"].tolist() == list(STAGES)
    assert lineage["made_by"].tolist()[0] == "first"  # ingest was taken over
    assert "office_day.csv.gz" in text
    assert any("register   done" in one.value for one in app.code)
    assert not [one for one in app.button if one.key == PipelineKey.GO_ON]


def test_what_was_accepted_is_told_with_who_and_why(page: Open, office: Path) -> None:
    config = write_config(office, gates={"benign_rows": {"least_rows": 1_000_000}})
    names = ("ingest", "validate")
    run_pipeline(config, "third", names=names, accept={"benign_rows": "a small office"})
    app = page()
    assert not app.exception
    assert "because: a small office." in app.info[-1].value
    assert "1,000,000" in app.info[-1].value
    # The copy's config stands elsewhere than the one that began the run.
    assert not [one for one in app.button if one.key == PipelineKey.GO_ON]


def test_the_registry_is_shown_with_aliases_and_history(page: Open, office: Path) -> None:
    app = page(words.REGISTRY)
    assert not app.exception
    versions, history = (frame.value for frame in app.dataframe)
    assert versions["version"].tolist() == [2, 1]
    assert versions["is"].tolist() == ["candidate", "champion"]
    assert versions["run"].tolist() == ["second", "first"]
    assert history["action"].tolist() == ["registered", "promoted", "registered"]
    assert app.button(key=PipelineKey.END_SHADOW).disabled


def test_promote_roll_back_and_shadow(page: Open, office: Path) -> None:
    registry = Registry(office / "registry")
    app = page(words.REGISTRY)
    decide(app, PipelineKey.PROMOTE)
    assert not app.exception
    assert words.promoted(2) in [one.value for one in app.success]
    assert app.button(key=PipelineKey.PROMOTE).disabled  # it leads already
    event = registry.history()[-1]
    assert (event.action, event.version, event.who) == ("promote", 2, "ann")
    assert event.why == "fewer false alarms"
    decide(app, PipelineKey.ROLL_BACK, why="it was loud at night")
    assert words.rolled_back(1) in [one.value for one in app.success]
    decide(app, PipelineKey.SHADOW, why="one more week beside it")
    shadow = registry.shadow()
    assert shadow is not None
    assert shadow.number == 2
    decide(app, PipelineKey.END_SHADOW, why="seen enough")
    assert registry.shadow() is None
    assert not app.exception
    history = app.dataframe[1].value
    assert history["why"].tolist()[:2] == ["seen enough", "one more week beside it"]


@pytest.mark.parametrize(("why", "who"), [("", "ann"), ("because", " ")])
def test_nothing_is_decided_without_reason_and_author(
    page: Open, office: Path, why: str, who: str
) -> None:
    before = (office / "registry" / "registry.json").read_bytes()
    app = decide(page(words.REGISTRY), PipelineKey.PROMOTE, why=why, who=who)
    assert app.error[0].value == words.INCOMPLETE
    assert (office / "registry" / "registry.json").read_bytes() == before


def test_a_refusal_of_the_registry_is_its_one_sentence(page: Open, office: Path) -> None:
    app = decide(page(words.REGISTRY), PipelineKey.ROLL_BACK)
    assert not app.exception
    assert [one.value for one in app.error] == [
        "There is no earlier champion to go back to; promote a version instead."
    ]


def test_a_damaged_registry_or_run_is_one_sentence(page: Open, office: Path) -> None:
    (office / "registry" / "registry.json").write_text("{")
    app = page(words.REGISTRY)
    assert not app.exception
    assert len(app.error) == 1
    assert "registry.json" in app.error[0].value
    (office / "artifacts" / "second" / "outcomes" / "train.json").write_text("{")
    app.segmented_control(key=PipelineKey.PART).set_value(words.RUNS).run()
    assert not app.exception
    assert "train.json" in app.error[0].value


def test_drift_is_drawn_for_the_runs_that_were_held_against_a_champion(
    page: Open, office: Path
) -> None:
    app = page(words.DRIFT)
    assert not app.exception
    assert app.dataframe[0].value["run"].tolist() == ["second"]
    assert len(app.get("vega_lite_chart")) == 2
    (found,) = pipelines.moved(list_runs(office / "artifacts"))
    report = json.loads((office / "artifacts/second/drift/report.json").read_text())
    drifted = report["features_drifted"]
    features = [each for each in report["features"].values() if not each["history"]]
    assert found.drifted_share == pytest.approx(len(drifted) / len(features))
    assert found.score_shift == report["score_shift"]
    assert found.champion == 1


def test_a_run_is_started_watched_and_its_end_is_shown(
    page: Open, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "COMMAND", REAL)
    config = write_config(work, gates={"benign_rows": {"least_rows": 1_000_000}})
    app = page()
    app.button(key=PipelineKey.START).click().run()
    assert not app.exception
    job = jobs.newest((pipelines.KIND,))
    assert job is not None
    assert job.steps[0][3:7] == ("pipeline", "run", str(config), "--run-id")
    assert jobs.wait(job, RUN_S).state is jobs.State.FAILED
    app.run()
    assert not app.exception
    assert app.selectbox(key=PipelineKey.RUN).value == job.facts["run"]
    assert len(app.error) == 1  # the gate's sentence, and not once more the command's
    assert "Gate **benign_rows** refused." in app.error[0].value
    assert app.button(key=PipelineKey.GO_ON)
    assert not app.button(key=PipelineKey.START).disabled

    app.button(key=PipelineKey.ACCEPT).click().run()
    assert app.error[1].value == words.ACCEPT_INCOMPLETE
    assert jobs.newest((pipelines.KIND,)) == job
    reason = f"{PipelineKey.ACCEPT_REASON}_{job.facts['run']}"
    app.text_input(key=reason).set_value("a small office")
    app.text_input(key=PipelineKey.ACCEPT_AUTHOR).set_value("ann")
    app.button(key=PipelineKey.ACCEPT).click().run()
    assert not app.exception
    again = jobs.newest((pipelines.KIND,))
    assert again is not None
    assert jobs.wait(again, RUN_S).state is jobs.State.DONE
    run = read_run(work / "artifacts", job.facts["run"])
    assert run.status == "done"
    assert [(one.gate, one.who, one.because) for one in run.accepted] == [
        ("benign_rows", "ann", "a small office")
    ]


def test_a_run_can_be_cancelled_and_gone_on_with(
    page: Open, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "COMMAND", REAL)
    write_config(work, train={"steps": 1_000_000, "context": False})
    app = page()
    app.button(key=PipelineKey.START).click().run()
    job = jobs.newest((pipelines.KIND,))
    assert job is not None
    until(lambda: (work / "artifacts" / job.facts["run"] / "outcomes/transform.json").exists())
    app.run()
    assert not app.exception
    row = next(md.value for md in app.markdown if "**train**" in md.value)
    assert "**train** running" in row
    assert app.button(key=PipelineKey.START).disabled
    assert words.busy(job.title) in said(app)
    app.button(key=Key.CANCEL).click().run()
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED
    app.run()
    assert not app.exception
    assert words.STOPPED in said(app)
    assert "**train** not reached" in said(app)
    app.button(key=PipelineKey.GO_ON).click().run()
    again = jobs.newest((pipelines.KIND,))
    assert again is not None
    assert again.id != job.id
    assert again.facts["run"] == job.facts["run"]


def test_a_command_that_fails_before_its_run_begins_says_why(page: Open, work: Path) -> None:
    write_config(work)  # the stand-in knows no pipeline, and crashes
    app = page()
    app.button(key=PipelineKey.START).click().run()
    job = jobs.newest((pipelines.KIND,))
    assert job is not None
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.FAILED
    app.run()
    assert not app.exception
    assert str(job.log) in app.error[0].value
    assert words.NO_RUNS in said(app)


def test_without_tensorflow_start_is_disabled_with_the_reason(
    page: Open, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "can_train", lambda: False)
    write_config(work)
    app = page()
    assert app.button(key=PipelineKey.START).disabled
    assert wording.NO_TRAINING in said(app)


def judged(path: Path, **rows: list[int]) -> Path:
    """A feedback file of ann in the work folder, about the shipped day."""
    flows = SAMPLES / "office_day.csv.gz"
    noon, digest = datetime(2026, 3, 1, 12, tzinfo=UTC), sha256_hex(flows)
    words_of = {"true": Verdict.TRUE, "false": Verdict.FALSE, "known": Verdict.KNOWN}
    said_of = tuple(
        Judgement(JudgedFlow(digest, row, "", None), words_of[word], "ann", noon)
        for word, listed in rows.items()
        for row in listed
    )
    write_feedback(path, Feedback(flows.name, digest, said_of, noon))
    return path


def test_feedback_at_hand_is_listed_with_its_effect_before_a_run_starts(
    page: Open, work: Path
) -> None:
    write_config(work)
    assert "Verdicts for the training" not in said(page())
    path = judged(workspace.room("feedback") / "day.feedback.jsonl", known=[4, 5], false=[9])
    app = page()
    assert not app.exception
    assert "Verdicts for the training: none of 1 file is used by this config" in said(app)
    assert "learns nothing from verdicts" in said(app)
    (row,) = app.dataframe[0].value.to_dict("records")
    assert row == {
        "File": path.name, "Judged": "office_day.csv.gz", "True": 0, "False": 1,
        "Known benign": 2, "By": "ann", "In this config": False,
    }  # fmt: skip
    shown = next(code.value for code in app.code if "feedback:" in code.value)
    write_config(work, **yaml.safe_load(shown))
    app = page()
    assert app.dataframe[0].value["In this config"].tolist() == [True]
    assert (
        "A run would learn 2 known-benign flows, hold 1 false-positive flow as benign without "
        "fitting, never learn 0 true-positive flows, and preview what they would change about the "
        "threshold, which stays as it is."
    ) in said(app)
    write_config(work, feedback={"files": ["feedback"], "retune": True})
    assert "**put the threshold that they propose in force**" in said(page())
    path.write_text("x")
    app = page()
    assert not app.exception
    assert "cannot be used as feedback" in said(app)


def test_a_run_tells_whose_verdicts_did_what(page: Open, work: Path) -> None:
    work.mkdir()
    path = judged(work / "day.feedback.jsonl", known=[4, 5], true=[9])
    run_pipeline(write_config(work, feedback={"files": [path.name]}), "judged")
    app = page()
    assert not app.exception
    text = said(app)
    assert (  # every flow of the day is labelled benign
        "Verdicts of ann (2 known benign): 2 flows are fitted, 1 flow has a label that says the "
        "opposite and is left out."
    ) in text
    assert "Of 2 judged flows 0 judged true and" in text
