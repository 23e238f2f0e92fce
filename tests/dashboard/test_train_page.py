"""The Train page by what a person sees, in every state; the command is a stand-in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_app import PATIENCE_S, finish, said
from streamlit.testing.v1 import AppTest

from dashboard import evaluations, jobs, training, wording, workspace
from dashboard.keys import ContextKey, Key, TrainKey
from dashboard.wording import train as words
from edgeguard_core.flows.schema import Schema

really_can_train = training.can_train
Open = Callable[[str], AppTest]
PAGE = "views/train.py"


@pytest.fixture(autouse=True)
def tensorflow_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page behaves as with TensorFlow, whatever is installed."""
    monkeypatch.setattr(training, "can_train", lambda: True)


@pytest.fixture
def page(app: AppTest) -> AppTest:
    """The Train page with nothing chosen."""
    app.run()
    return app.switch_page(PAGE).run()


@pytest.fixture
def form(app: AppTest, tmp_path: Path) -> Open:
    """Opens the form with a file of that name, which was inspected."""

    def act(name: str) -> AppTest:
        path = tmp_path / name
        path.write_text("a,b,c\n1,2,3\n")
        given = workspace.adopt(path)
        app.query_params["file"] = given.id
        app.run()
        app.switch_page(PAGE).run()
        finish()
        return app.run()

    return act


def started(app: AppTest) -> jobs.Job:
    app.button(key=TrainKey.START).click().run()
    job = jobs.newest(jobs.LEARNING)
    assert job is not None
    return job


def trained(app: AppTest) -> AppTest:
    job = started(app)
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.DONE
    return app.run()


def until(job: jobs.Job, condition: Callable[[jobs.Status], bool]) -> None:
    import time

    deadline = time.monotonic() + PATIENCE_S
    while not condition(jobs.status(job)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_learned(now: jobs.Status) -> bool:
    return len(now.reported.losses) == 3


def arguments(job: jobs.Job, step: int = 0) -> str:
    return " ".join(job.steps[step])


def test_nothing_is_there_to_learn_from(page: AppTest) -> None:
    assert not page.exception
    assert words.EMPTY in said(page)
    assert [link.label for link in page.page_link] == [words.TO_DATA]
    assert words.NO_EARLIER in said(page)
    assert not page.selectbox


def test_one_click_takes_the_sample_traffic(page: AppTest) -> None:
    page.button(key=TrainKey.USE_SAMPLE).click().run()
    finish()
    page.run()
    assert not page.exception
    (given,) = workspace.files()
    assert given.name == "office_day.csv.gz"
    assert page.selectbox(key=TrainKey.SOURCE).value == given.id
    assert page.query_params["file"] == given.id
    assert page.button(key=TrainKey.START)


def test_the_sample_can_be_chosen_where_other_files_are(form: Open) -> None:
    app = form("office.csv")
    app.selectbox(key=TrainKey.SOURCE).set_value("sample").run()
    finish()
    app.run()
    assert not app.exception
    assert app.session_state[Key.FILE] == app.selectbox(key=TrainKey.SOURCE).value
    assert {given.name for given in workspace.files()} == {"office.csv", "office_day.csv.gz"}


def test_a_file_of_the_servers_folder_can_be_chosen(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "monday.csv").write_text("a\n1\n")
    monkeypatch.setenv("EDGEGUARD_DATA_DIR", str(tmp_path / "captures"))
    page.run()
    page.selectbox(key=TrainKey.SOURCE).set_value("server:monday.csv").run()
    finish()
    page.run()
    assert not page.exception
    assert workspace.files()[0].path == tmp_path / "captures" / "monday.csv"
    assert page.button(key=TrainKey.START)


def test_while_a_file_is_read_the_page_says_so(app: AppTest, tmp_path: Path) -> None:
    path = tmp_path / "slow.csv"
    path.write_text("a\n1\n")
    app.query_params["file"] = workspace.adopt(path).id
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception
    assert app.progress or app.button(key=TrainKey.START)


def test_a_file_that_cannot_be_read_leads_to_the_mapping(form: Open) -> None:
    app = form("unknown.csv")
    assert "unknown.csv is of no known format" in app.error[0].value
    assert [link.label for link in app.page_link] == [words.MAP_FIRST]
    assert not [button for button in app.button if button.key == TrainKey.START]


def test_the_form_says_what_was_understood_and_how_large_it_gets(form: Open) -> None:
    app = form("office.csv")
    assert not app.exception
    text = said(app)
    assert "**cicflowmeter** · 400 rows · 300 benign · 100 attacks" in text
    assert "240 flows are fitted, 60 are held out" in text
    features = len(Schema.named("cicflowmeter").features)
    assert f"Features: {features} of {features}" in text
    assert not app.button(key=TrainKey.START).disabled
    before = next(md.value for md in app.caption if "weights" in md.value)
    app.segmented_control(key=TrainKey.SIZE).set_value("l").run()
    after = next(md.value for md in app.caption if "weights" in md.value)
    assert before != after
    assert "about" in app.radio(key=TrainKey.VARIANT).options[0]


def test_nothing_chosen_is_the_recipe_and_adds_no_option(form: Open) -> None:
    app = form("office.csv")
    job = started(app)
    assert job.kind == "train"
    given = workspace.files()[0]
    assert job.steps[0][2:-3] == (
        "train", str(given.path), "--out", job.facts["bundle"]
    )  # fmt: skip
    assert job.steps[1][2] == "score"
    assert set(job.facts) >= {"bundle", "scores"}
    jobs.wait(job, PATIENCE_S)


def test_every_choice_reaches_the_command(form: Open) -> None:
    app = form("words.csv")
    app.multiselect(key=TrainKey.BENIGN).set_value(["clean"]).run()
    app.toggle(key=TrainKey.UNLABELLED).set_value(True).run()
    rate = app.multiselect(key=f"{TrainKey.FEATURES}_cicflowmeter_rate")
    dropped = rate.value[0]
    rate.set_value(rate.value[1:]).run()
    app.segmented_control(key=TrainKey.SIZE).set_value("s").run()
    app.segmented_control(key=TrainKey.LENGTH).set_value(words.EPOCHS).run()
    app.number_input(key=TrainKey.EPOCHS).set_value(3.0).run()
    app.number_input(key=TrainKey.SEED).set_value(7).run()
    app.radio(key=TrainKey.VARIANT).set_value("dynamic_int8").run()
    app.number_input(key=TrainKey.PROMISE).set_value(0.1).run()
    name = f"{TrainKey.NAME}_{app.session_state[Key.FILE]}"
    app.text_input(key=name).set_value("My bundle").run()
    assert not app.exception
    assert "Will be kept as **My-bundle**." in said(app)
    job = started(app)
    told = arguments(job)
    for option in (
        "--benign clean", "--unlabelled-as-benign", f"--leave-out {dropped}", "--size s",
        "--epochs 3", "--seed 7", "--variant dynamic_int8", "--fpr 0.001",
    ):  # fmt: skip
        assert option in told
    assert "--steps" not in told
    assert Path(job.facts["bundle"]).name == "My-bundle"
    assert "--benign clean" in arguments(job, 1)
    jobs.wait(job, PATIENCE_S)


def test_context_can_be_left_where_a_schema_has_it(page: AppTest) -> None:
    page.button(key=TrainKey.USE_SAMPLE).click().run()
    finish()
    page.run()
    schema = "cicflowmeter"  # what the stand-in says of any file
    assert not [toggle for toggle in page.toggle if toggle.key == TrainKey.CONTEXT]
    assert training.feature_groups(training.schema_of(workspace.files()[0], schema))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("few.csv", words.too_few(12, 50)), ("words.csv", words.too_few(0, 50))],
)
def test_too_few_benign_rows_disable_start(form: Open, name: str, reason: str) -> None:
    app = form(name)
    assert not app.exception
    assert app.button(key=TrainKey.START).disabled
    assert reason in said(app)


def test_without_labels_everything_is_learned(form: Open) -> None:
    app = form("nolabels.csv")
    assert words.NO_LABELS in said(app)
    assert not app.button(key=TrainKey.START).disabled
    assert not [one for one in app.multiselect if one.key == TrainKey.BENIGN]


def test_without_tensorflow_start_is_disabled_with_the_reason(
    form: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "can_train", lambda: False)
    app = form("office.csv")
    assert app.button(key=TrainKey.START).disabled
    assert wording.NO_TRAINING in said(app)


def test_tensorflow_is_looked_for_and_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(training.importlib.util, "find_spec", asked.append)
    assert not really_can_train()
    assert asked == ["tensorflow"]


@pytest.mark.parametrize("typed", ["", "///"])
def test_a_bundle_needs_a_name(form: Open, typed: str) -> None:
    app = form("office.csv")
    app.text_input(key=f"{TrainKey.NAME}_{app.session_state[Key.FILE]}").set_value(typed).run()
    assert app.button(key=TrainKey.START).disabled
    assert words.NO_NAME in said(app)


def test_a_taken_name_is_told(form: Open) -> None:
    app = form("office.csv")
    (workspace.room("bundles") / "office").mkdir()
    app.run()
    assert "Will be kept as **office-2**." in said(app)


def test_a_running_training_shows_steps_loss_and_time(form: Open) -> None:
    app = form("slow.csv")
    job = started(app)
    until(job, has_learned)
    app.run()
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {"Step": "600 of 1,000", "Loss": "0.2", "Learning ends in": "a few seconds"}
    badges = next(md.value for md in app.markdown if "badge[" in md.value)
    assert badges.count("green-badge") == 1
    assert "blue-badge[:material/hourglass_top: Learning]" in badges
    assert len(app.get("vega_lite_chart")) == 1
    assert app.button(key=Key.CANCEL)
    # One training at a time, and the reason says where it is.
    assert app.button(key=TrainKey.START).disabled
    assert words.busy(job.title) in said(app)


def test_a_reload_finds_the_running_training_again(form: Open, app: AppTest) -> None:
    job = started(form("slow.csv"))
    until(job, has_learned)
    again = AppTest.from_file(app._script_path, default_timeout=PATIENCE_S)
    again.run()
    again.switch_page(PAGE).run()
    assert not again.exception
    assert again.button(key=Key.CANCEL)
    assert again.query_params["training"] == job.id


def test_learning_of_the_data_page_is_shown_and_not_run_twice(form: Open) -> None:
    from dashboard.components import what_next

    app = form("slow.csv")
    job = what_next.learn(workspace.files()[0])
    until(job, has_learned)
    app.run()
    assert job.title in said(app)
    assert app.button(key=Key.CANCEL)
    assert app.button(key=TrainKey.START).disabled


def test_cancelling_stops_and_leaves_nothing_behind(form: Open) -> None:
    app = form("slow.csv")
    job = started(app)
    until(job, has_learned)
    app.run()
    app.button(key=Key.CANCEL).click().run()
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.CANCELLED
    app.run()
    assert not app.exception
    assert wording.CANCELLED in said(app)
    assert not app.progress
    assert not app.button(key=TrainKey.START).disabled
    assert list(workspace.room("bundles").iterdir()) == []


def test_while_it_stops_the_page_says_so(form: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = form("stubborn.csv")
    job = started(app)
    until(job, lambda now: now.done == 0.7)
    app.run()
    app.button(key=Key.CANCEL).click().run()
    assert jobs.status(job).state is jobs.State.CANCELLING
    assert "It is given ten seconds to clear up" in said(app)
    assert not [button for button in app.button if button.key == Key.CANCEL]
    jobs.kill(job)
    app.run()
    assert wording.CANCELLED in said(app)


def test_a_refusal_is_the_commands_own_sentence_and_the_form_stays(form: Open) -> None:
    app = form("refused.csv")
    jobs.wait(started(app), PATIENCE_S)
    app.run()
    assert not app.exception
    assert app.error[0].value == "Only 12 benign rows; 50 are needed, so give it more of them."
    assert not app.button(key=TrainKey.START).disabled


def test_a_crash_shows_where_the_log_is(form: Open) -> None:
    app = form("bug.csv")
    job = started(app)
    jobs.wait(job, PATIENCE_S)
    app.run()
    assert str(job.log) in app.error[0].value
    assert "stand-in bug" not in said(app)


def test_a_bundle_that_could_not_be_scored_is_kept_and_that_is_said(form: Open) -> None:
    app = form("unscored.csv")
    jobs.wait(started(app), PATIENCE_S)
    app.run()
    assert app.error[0].value == "The disk is full; free some space."
    assert words.KEPT in said(app)


def test_the_outcome_shows_parity_threshold_and_scores(form: Open) -> None:
    app = trained(form("real.csv"))
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Threshold"] == "1.5"
    assert shown["Promised"] == "1.00 %"
    assert shown["Model file"] == "80.0 kB"
    parity = next(frame.value for frame in app.dataframe if "spearman" in frame.value)
    assert parity["variant"].tolist() == ["float32", "float16", "dynamic int8"]
    assert parity["verdict"].tolist() == [
        "passed", "passed", "Spearman is 0.7000, at least 0.99 is needed"
    ]  # fmt: skip
    assert parity["ships"].tolist() == [True, False, False]
    quantiles = next(frame.value for frame in app.dataframe if "score" in frame.value)
    assert quantiles["score"].is_monotonic_increasing
    assert len(app.get("vega_lite_chart")) == 2
    assert "Rain is \\*expected\\*." in said(app)
    assert not app.progress  # and so no timer


def test_a_bundle_that_is_damaged_is_told_in_its_panel(form: Open) -> None:
    app = trained(form("office.csv"))
    assert not app.exception
    assert "bundle" in next(one.value for one in app.caption if "office" in one.value)
    assert next(frame.value for frame in app.dataframe if "spearman" in frame.value) is not None


def test_the_studio_opens_on_what_was_trained(form: Open) -> None:
    app = trained(form("office.csv"))
    job = jobs.newest(("train",))
    assert job is not None
    app.button(key=TrainKey.OPEN_STUDIO).click().run()
    assert app.session_state[ContextKey.EVALUATION] == job.id
    assert app.title[0].value == "Threshold"
    assert evaluations.find(job.id) is not None


def test_lost_scores_are_told_and_the_rest_still_shows(form: Open) -> None:
    app = trained(form("office.csv"))
    job = jobs.newest(("train",))
    assert job is not None
    Path(job.facts["scores"]).unlink()
    app.run()
    assert not app.exception
    assert words.SCORES_GONE in said(app)
    assert app.button(key=TrainKey.OPEN_STUDIO).disabled
    assert next(frame.value for frame in app.dataframe if "spearman" in frame.value) is not None


def test_another_training_starts_from_the_form(form: Open) -> None:
    app = trained(form("office.csv"))
    assert not [button for button in app.button if button.key == TrainKey.START]
    app.button(key=TrainKey.ANOTHER).click().run()
    assert app.button(key=TrainKey.START)
    assert "training" not in app.query_params


def test_earlier_trainings_are_listed_and_shown(form: Open, app: AppTest) -> None:
    trained(form("office.csv"))
    job = jobs.newest(("train",))
    assert job is not None
    again = AppTest.from_file(app._script_path, default_timeout=PATIENCE_S)
    again.run()
    again.switch_page(PAGE).run()
    listed = [md.value for md in again.markdown]
    assert "office" in listed
    assert "0.2" in listed
    assert "1.5" in listed
    again.button(key=f"{TrainKey.SHOW}_{job.id}").click().run()
    assert again.button(key=TrainKey.OPEN_STUDIO)
    assert again.query_params["training"] == job.id


def test_an_address_opens_the_same_outcome(form: Open, app: AppTest) -> None:
    trained(form("office.csv"))
    job = jobs.newest(("train",))
    assert job is not None
    again = AppTest.from_file(app._script_path, default_timeout=PATIENCE_S)
    again.query_params["training"] = job.id
    again.run()
    again.switch_page(PAGE).run()
    assert again.button(key=TrainKey.OPEN_STUDIO)


@pytest.mark.parametrize("asked", ["../../etc", "00000000"])
def test_an_address_of_no_training_is_the_form(app: AppTest, asked: str) -> None:
    app.query_params["training"] = asked
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception
    assert words.EMPTY in said(app)


def test_results_of_a_training_stand_on_the_data_page_too(form: Open) -> None:
    app = trained(form("office.csv"))
    app.switch_page("views/data.py").run()
    assert not app.exception
    assert wording.RESULTS in said(app)
    assert wording.OPTIMISTIC in said(app)
