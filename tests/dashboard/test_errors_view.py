"""The Errors view and a flow's own page, in every state."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_app import PROJECT, finish, said
from streamlit.testing.v1 import AppTest

from dashboard import distributions, evaluations, explaining, jobs, workspace
from dashboard.components import what_next
from dashboard.keys import ContextKey, ErrorsKey
from dashboard.wording import errors as words
from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.pipeline.demo import shipped

Upload = Callable[..., AppTest]
WORST = 1761  # the line of the demo's highest score


@pytest.fixture
def view(app: AppTest) -> AppTest:
    """The Errors view on the demo."""
    app.run()
    app.switch_page("views/threshold.py").run()
    app.segmented_control(key=ErrorsKey.VIEW).set_value(words.ERRORS).run()
    assert not app.exception
    return app


def part(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key=ErrorsKey.PART).set_value(name).run()
    assert not app.exception
    return app


def of_own(upload: Upload, name: str) -> AppTest:
    """The Errors view on a file that the stand-in scored: without times and details."""
    app = upload(name)
    given = workspace.files()[0]
    job = what_next.score(given, shipped().bundle)
    finish()
    app.session_state[ContextKey.EVALUATION] = job.id
    app.session_state[ErrorsKey.VIEW] = words.ERRORS
    app.switch_page("views/threshold.py").run()
    assert not app.exception
    return app


def test_every_grouping_of_the_demo_is_drawn(view: AppTest) -> None:
    groups = view.segmented_control(key=f"{ErrorsKey.GROUP}_demo")
    assert groups.value == words.BY_CLASS
    for name in (words.BY_LABEL, words.BY_CLASS, "transport", "service", "state"):
        view.segmented_control(key=f"{ErrorsKey.GROUP}_demo").set_value(name).run()
        assert not view.exception
        assert len(view.get("vega_lite_chart")) == 1
        assert view.dataframe[0].value["flows"].sum() == 13_397


def test_over_time_shows_benign_attack_and_alerts(view: AppTest) -> None:
    part(view, words.TIME)
    assert len(view.get("vega_lite_chart")) == 3
    assert "Benign flows" in said(view)
    assert "UTC; each step is 30 min." in said(view)


def test_features_are_chosen_and_their_errors_drawn(view: AppTest) -> None:
    part(view, words.FEATURES)
    assert len(view.get("vega_lite_chart")) == 2
    worst = view.dataframe[0].value
    assert view.selectbox(key=ErrorsKey.FEATURE).value == worst["feature"].iloc[0]
    view.selectbox(key=ErrorsKey.FEATURE).set_value("transport").run()
    assert not view.exception
    view.toggle(key=ErrorsKey.ALL_FEATURES).set_value(True).run()
    assert not view.exception
    assert len(worst) == 32


def test_the_latent_space_says_what_it_shows_and_opens_a_flow(view: AppTest) -> None:
    part(view, words.LATENT)
    assert len(view.get("plotly_chart")) == 1
    assert "three principal components of the bottleneck of 8 numbers" in said(view)
    assert "3,000 of 13,397 flows" in said(view)
    view.number_input(key=ErrorsKey.LINE).set_value(WORST).run()
    view.button(key=ErrorsKey.OPEN_LINE).click().run()
    assert not view.exception
    assert "Why line 1,761 is odd" in said(view)
    assert view.query_params["flow"] in (str(WORST), [str(WORST)])


def test_a_flow_page_shows_figures_reasons_and_the_way_to_its_packets(app: AppTest) -> None:
    for name, value in (("view", words.ERRORS), ("flow", str(WORST))):
        app.query_params[name] = value
    app.run()
    app.switch_page("views/threshold.py").run()
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Severity"] == "⬟ critical"
    assert shown["Score"] == "280"
    assert shown["Class"] == "amplification"
    assert "fwd_bytes is 9,000 where 40 to 800 is usual." in said(app)
    assert words.WHAT_IF in said(app)
    assert "the score would be 1.2, under the threshold of 1.5." in said(app)
    codes = [code.value for code in app.code]
    assert any(code.startswith("1:") for code in codes)
    filter_text = next(code for code in codes if code.startswith("ip.addr == "))
    assert "udp.port == 123" in filter_text
    assert "frame.time_epoch >= " in filter_text
    app.button(key=ErrorsKey.CLOSE_FLOW).click().run()
    assert not app.exception
    assert "Why line" not in said(app)
    assert "flow" not in app.query_params
    assert app.segmented_control(key=ErrorsKey.PART).value == words.SCORES


@pytest.mark.parametrize("flow", ["999999", "1"])
def test_a_line_without_a_flow_is_told(app: AppTest, flow: str) -> None:
    app.query_params["view"] = words.ERRORS
    app.query_params["flow"] = flow
    app.run()
    app.switch_page("views/threshold.py").run()
    assert not app.exception
    assert "holds no scored flow" in said(app)


def test_an_address_of_nonsense_opens_the_studio(app: AppTest) -> None:
    for name, value in (("view", "<x>"), ("part", "y"), ("flow", "1e999")):
        app.query_params[name] = value
    app.run()
    app.switch_page("views/threshold.py").run()
    assert not app.exception
    assert app.segmented_control(key=ErrorsKey.VIEW).value == words.STUDIO


def test_flows_scored_without_details_can_be_scored_again(upload: Upload) -> None:
    app = of_own(upload, "office.csv")
    assert words.NO_GROUPS in said(app)
    groups = app.segmented_control[2]
    assert groups.options == [words.BY_LABEL, words.BY_CLASS]
    part(app, words.FEATURES)
    assert words.NO_DETAILS in said(app)
    app.button(key=ErrorsKey.SCORE_AGAIN).click().run()
    assert not app.exception
    again = jobs.newest(("score",))
    assert again is not None
    assert "--details" in again.steps[0]
    assert len([job for job in jobs.all_jobs() if job.kind == "score"]) == 2
    assert app.title[0].value == "Data"
    finish()


def test_without_times_the_reason_is_told(upload: Upload) -> None:
    app = part(of_own(upload, "office.csv"), words.TIME)
    assert words.NO_TIMES in said(app)
    assert not app.get("vega_lite_chart")


def test_without_labels_there_is_one_row(upload: Upload) -> None:
    app = of_own(upload, "nolabels.csv")
    assert words.NO_LABELS in said(app)
    assert len(app.get("vega_lite_chart")) == 1
    assert app.dataframe[0].value["kind"].tolist() == ["unlabelled"]


def test_without_the_scored_file_the_way_is_told(
    view: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributions, "details_of", lambda reference: None)
    part(view, words.FEATURES)
    assert words.NO_DETAILS_NO_FILE in said(view)


def test_damaged_details_are_told_in_a_sentence(view: AppTest) -> None:
    found = evaluations.find("demo")
    assert found is not None
    assert found.details is not None
    found.details.write_bytes(b"PK no zip")
    part(view, words.LATENT)
    assert "score the file again" in said(view)


def test_keys_of_a_row_are_kept_and_a_missing_one_computed() -> None:
    found = evaluations.find("demo")
    assert found is not None
    flow = explaining.facts_of(evaluations.load(found), WORST)
    assert flow.kind == "attack"
    assert flow.lower > 0.999
    keys = explaining.keys(flow)
    assert list(keys) == ["Community ID"]
    zeek = explaining.FlowFacts(
        2, 1.0, "benign", "benign", 0.5, None, {"uid": "CHh", "community_id": "1:given"}
    )
    assert explaining.keys(zeek) == {"Zeek uid": "CHh", "Community ID": "1:given"}
    assert list(explaining.searches(zeek, [])) == ["In Zeek's logs"]
    with pytest.raises(SourceError, match="holds no scored flow"):
        explaining.facts_of(evaluations.load(found), 999_999)


def test_a_source_that_is_gone_cannot_be_explained(tmp_path: Path) -> None:
    gone = evaluations.Reference(
        "0a0a0a0a", "x.csv", tmp_path, tmp_path / "s.parquet", tmp_path / "x.csv"
    )
    with pytest.raises(EdgeGuardError, match="no longer where it was scored"):
        explaining.explain(gone, 2)


def test_reasons_have_texts_in_units_and_places_within_their_bar() -> None:
    frame = explaining.reasons(
        [
            {"name": "src2dst_bytes", "actual": 5.2e6, "reconstructed": 800.0, "usual_low": 60.0,
             "usual_high": 9100.0, "share": 0.4, "unit": "B"},
            {"name": "state", "actual": "reset", "reconstructed": "", "usual_low": "done",
             "usual_high": "open", "share": 0.2, "usual_values": ["done", "open"], "unit": None},
            {"name": "rate", "actual": None, "reconstructed": 1.0, "usual_low": 1.0,
             "usual_high": 1.0, "share": None, "unit": None},
        ]
    )  # fmt: skip
    assert frame["actual"].tolist() == ["5.2 MB", "reset", "missing"]
    assert frame["reconstructed"].tolist() == ["800 B", "a rare value", "1"]
    assert frame["usual"].tolist() == ["60 B to 9.1 kB", "done, open", "1"]
    assert frame["at"][0] == 1
    assert 0 <= frame["low"][0] < frame["expected_at"][0] < frame["high"][0] < 1
    assert frame.loc[1, ["at", "low"]].isna().all()
    assert frame["share"].tolist() == [0.4, 0.2, 0.0]


def test_reasons_stand_beside_flows_like_this_one_where_they_are_known() -> None:
    feature = {
        "name": "src2dst_bytes", "actual": 5.2e6, "reconstructed": 800.0, "usual_low": 60.0,
        "usual_high": 9100.0, "share": 0.4, "unit": "B",
    }  # fmt: skip
    like = {"similar_low": 100.0, "similar_high": 900.0}
    word = {"name": "state", "similar_low": "", "similar_high": "", "similar_values": [""]}
    assert explaining.reasons([feature | like])["usual"].tolist() == ["100 to 900 B"]
    assert explaining.reasons([feature | word])["usual"].tolist() == ["a rare value"]
    assert explaining.is_of_similar([feature, feature | like])
    assert not explaining.is_of_similar([feature])


def test_changes_say_what_a_benign_flow_has_instead() -> None:
    one = {"name": "src2dst_bytes", "actual": 5.2e6, "similar_low": 900.0, "unit": "B"}
    cause = {"name": "what was exchanged", "features": [one], "score_after": 1.2}
    frame = explaining.changes({"causes": [cause]})
    assert frame.iloc[0].tolist() == [
        "what was exchanged", "src2dst_bytes", "5.2 MB", "900 B", 1.2
    ]  # fmt: skip
    assert len(explaining.changes(None)) == 0


def test_the_latent_space_is_loaded_only_where_it_is_drawn() -> None:
    code = (
        "import sys\n"
        "from dashboard.components import errors, flow_page\n"
        "print('dashboard.charts.latent' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT,
        env=os.environ | {"STREAMLIT_LOGGER_LEVEL": "error"},
    )  # fmt: skip
    assert answer.stdout.strip() == "False"
