"""The Threshold page: the demo, another threshold by its address, policies and their errors."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dashboard_app import said
from streamlit.testing.v1 import AppTest

from dashboard import evaluations, shell, tuning
from dashboard.components import tuner
from dashboard.keys import ContextKey, StudioKey
from dashboard.wording import studio as words
from edgeguard_core.thresholds.choose import fixed

TRIED = 8.0


@pytest.fixture
def page(app: AppTest) -> Callable[..., AppTest]:
    """The page, by its link."""

    def act(**address: str) -> AppTest:
        for name, text in address.items():
            app.query_params[name] = text
        app.run()
        return app.switch_page(shell.view("threshold")).run()

    return act


def save_button(app: AppTest) -> object:
    return next(button for button in app.button if button.label.startswith("Save "))


def decide(app: AppTest, threshold: float, **more: object) -> AppTest:
    """As if the line had been let go of there; a browser is what really tells it."""
    rev = app.session_state[StudioKey.START][0]
    how = dict(more.pop("how", {"method": "fixed"}))
    app.session_state[StudioKey.DECIDED] = {"demo": tuner.Decided(threshold, 0, rev, how, **more)}
    app.session_state[ContextKey.THRESHOLD] = threshold
    return app.run()


def test_a_fresh_visit_shows_the_demo(page: Callable[..., AppTest]) -> None:
    app = page()
    assert not app.exception
    assert not app.error
    text = said(app)
    assert "This is the threshold in force" in text
    assert words.NO_VERSIONS in text
    assert [len(frame.value) for frame in app.dataframe] == [50, 50]
    assert save_button(app).disabled


def test_another_threshold_by_its_link(page: Callable[..., AppTest]) -> None:
    app = page(t=str(TRIED))
    assert not app.exception
    judged = evaluations.load(evaluations.find("demo"))
    force = evaluations.in_force(judged.reference).threshold
    found = tuning.change(judged, force, fixed(TRIED))
    assert words.change(found, "the threshold in force", force.value, labelled=True) in said(app)
    above, below = (frame.value for frame in app.dataframe)
    assert (above["score"] >= TRIED).all()
    assert (below["score"] < TRIED).all()
    assert above["top_features"].str.contains("%").all()
    assert f"t={TRIED}" in app.code[0].value
    assert app.session_state[StudioKey.START][2].threshold == TRIED


def test_what_the_browser_is_told_stays_while_the_line_moves(page: Callable[..., AppTest]) -> None:
    app = page()
    before = app.session_state[StudioKey.START]
    edge = float(evaluations.load(evaluations.find("demo")).sketch.edges[900])
    app.session_state[StudioKey.START] = (before[0], edge, before[2])  # what _take_over does
    decide(app, edge)
    assert app.session_state[StudioKey.START][0] == before[0]
    turned = app.session_state[StudioKey.START][2]
    assert turned == before[2] or turned.turn == before[2].turn + 1  # no browser: not mounted
    app.session_state[ContextKey.THRESHOLD] = None  # set elsewhere
    app.run()
    assert app.session_state[StudioKey.START][2].turn > before[2].turn


def test_against_a_pinned_threshold(page: Callable[..., AppTest]) -> None:
    app = decide(page(), TRIED, pinned=100.0)
    assert "Against the pinned threshold (100)" in said(app)
    assert any("Seen for the first time" in box.value for box in app.success)
    app = decide(app, 200.0, pinned=TRIED)
    assert any("Missed altogether now" in box.value for box in app.warning)


def test_no_alert_at_all_is_a_state_too(page: Callable[..., AppTest]) -> None:
    app = page(t="1e9")
    assert not app.exception
    assert words.NONE_ABOVE in said(app)


def test_a_policy_is_saved_with_reason_and_author(page: Callable[..., AppTest]) -> None:
    app = decide(page(), TRIED, how={"method": "incidents_per_day", "target": 30})
    save_button(app).click().run()
    assert words.INCOMPLETE in app.error[0].value
    app.text_input(key=StudioKey.REASON).set_value("fewer calls at night")
    app.text_input(key=StudioKey.AUTHOR).set_value("Ada")
    save_button(app).click().run()
    assert not app.exception
    assert not app.error
    force = evaluations.in_force(evaluations.find("demo"))
    (version,) = force.versions
    assert (version.who, version.why) == ("Ada", "fewer calls at night")
    assert version.threshold.value == TRIED
    assert (version.threshold.method, version.threshold.target) == ("incidents_per_day", 30.0)
    assert version.on_what == "the 13,397 flows of Demo: an office's Tuesday"
    assert any("is in force from now on" in box.value for box in app.success)
    policies = app.dataframe[-1].value
    assert policies["method"].tolist() == ["incidents per day ≤ 30"]
    assert policies["in_force"].tolist() == [True]
    assert save_button(app).disabled


def test_the_shipped_bundle_stays_as_it_is(page: Callable[..., AppTest], work: Path) -> None:
    app = decide(page(), TRIED)
    app.text_input(key=StudioKey.REASON).set_value("try")
    app.text_input(key=StudioKey.AUTHOR).set_value("Ada")
    save_button(app).click().run()
    folder = evaluations.find("demo").state.path
    assert folder.is_relative_to(work)
    assert len(list(folder.glob("threshold-*.json"))) == 1


def shown_instead(monkeypatch: pytest.MonkeyPatch, folder: Path, **columns: object) -> None:
    """The demo's place taken by another scored file."""
    path = folder / "other.parquet"
    pq.write_table(pa.table(columns), path)
    demo = evaluations.find("demo")
    other = evaluations.read(replace(demo, scores=path))
    monkeypatch.setattr(evaluations, "load", lambda reference: other)


def test_an_evaluation_without_flows_says_what_to_do(
    page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = np.zeros(0, np.float32)
    shown_instead(monkeypatch, tmp_path, score=nothing, is_alert=nothing > 0)
    app = page()
    assert not app.exception
    assert words.NO_FLOWS in [box.value for box in app.info]
    assert [link.value for link in app.page_link] == ["Upload a file"]


def test_flows_without_labels_and_times_are_tuned_too(
    page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    score = np.linspace(0.1, 9, 40, dtype=np.float32)
    shown_instead(monkeypatch, tmp_path, score=score, is_alert=score > 5)
    app = page(t="5")
    assert not app.exception
    assert "alerts**" in said(app)
    assert "benign" not in next(m.value for m in app.markdown if "Against" in m.value)


def test_a_scored_file_that_is_gone_is_told_in_a_sentence(
    page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone(reference: evaluations.Reference) -> evaluations.Evaluated:
        return evaluations.read(replace(reference, scores=tmp_path / "gone.parquet"))

    monkeypatch.setattr(evaluations, "load", gone)
    app = page()
    assert not app.exception
    assert "gone.parquet" in app.error[0].value
