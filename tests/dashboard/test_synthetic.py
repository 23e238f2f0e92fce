"""Known attacks on the Threshold page: every standing of them, and where their recall is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dashboard_app import finish, said
from streamlit.testing.v1 import AppTest

from dashboard import evaluations, jobs, rehearsal, reporting, shell, tuning
from dashboard.components import tuner
from dashboard.keys import Key, StudioKey
from dashboard.rehearsal import Standing
from dashboard.wording import synthetic as words
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.pipeline.report import make_report
from edgeguard_core.thresholds import ThresholdSketch
from edgeguard_core.thresholds.choose import fixed

Columns = dict[str, object]
N = 60


def flows(**other: object) -> Columns:
    """Scored flows without labels, with times and hosts."""
    scores = np.random.default_rng(1).lognormal(0, 1, N).astype(np.float32)
    return {
        "row": np.arange(N), "score": scores, "severity": np.zeros(N, np.int64),
        "is_alert": scores > 2, "bidirectional_first_seen_ms": 1.7e12 + 60_000.0 * np.arange(N),
        "incident_host": [f"10.0.0.{n % 5}" for n in range(N)], "incident_cause": ["volume"] * N,
        **other,
    }  # fmt: skip


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., AppTest]:
    """The Threshold page on other flows; the name of their file tells the stand-in what to do."""

    def act(name: str = "own.csv", columns: Columns | None = None) -> AppTest:
        source, scores = tmp_path / name, tmp_path / "scores.parquet"
        source.write_text("flows")
        table = {key: value for key, value in (columns or flows()).items() if value is not None}
        pq.write_table(pa.table(table), scores)
        shown = replace(evaluations.find("demo"), source=source, scores=scores)
        monkeypatch.setattr(evaluations, "_of_demo", lambda: shown)
        app.run()
        return app.switch_page(shell.view("threshold")).run()

    return act


def lay(app: AppTest) -> AppTest:
    app.button(key=StudioKey.LAY).click().run()
    finish()
    return app.run()


def judged() -> tuple[evaluations.Evaluated, evaluations.InForce]:
    reference = evaluations.find("demo")
    return evaluations.load(reference), evaluations.in_force(reference)


def test_without_labels_they_are_offered_first(page: Callable[..., AppTest]) -> None:
    app = page()
    assert not app.exception
    assert words.WHY in said(app)
    assert words.DIFFERENT in said(app)
    assert words.BADGE in said(app)
    assert app.button(key=StudioKey.LAY).label == words.LAY
    assert app.checkbox == []
    assert rehearsal.of(*judged()).standing is Standing.NONE


def test_beside_labels_they_are_an_option(page: Callable[..., AppTest]) -> None:
    kinds = ["benign", "attack"] * (N // 2)
    app = page(columns=flows(label=kinds, **{"class": kinds}))
    assert any(words.TITLE in box.label for box in app.expander)
    assert words.WHY_LABELLED in said(app)
    assert words.WHY not in said(app)


def test_while_they_are_laid_in_it_is_told_and_can_be_cancelled(
    page: Callable[..., AppTest],
) -> None:
    app = page("slow.csv")
    app.button(key=StudioKey.LAY).click().run()
    assert rehearsal.of(*judged()).standing is Standing.RUNNING
    assert words.plain(words.job_title("slow.csv", "demo")) in said(app)
    assert "Laying attacks in" in said(app)
    app.button(key=Key.CANCEL).click().run()
    finish()
    app.run()
    assert rehearsal.of(*judged()).standing is Standing.ENDED
    assert "Cancelled; nothing was left behind." in said(app)
    assert not app.button(key=StudioKey.LAY).disabled


def test_a_refusal_is_told_and_it_can_be_tried_again(page: Callable[..., AppTest]) -> None:
    app = lay(page("refused.csv"))
    assert app.error[0].value == "The disk is full; free some space."
    assert app.button(key=StudioKey.LAY).label == words.LAY


def test_attacks_that_another_model_scored_are_stale(page: Callable[..., AppTest]) -> None:
    app = lay(page("elsewhere.csv"))
    assert rehearsal.of(*judged()).standing is Standing.STALE
    assert words.STALE in [box.value for box in app.warning]
    assert rehearsal.of(*judged()).laid is None


def test_once_they_are_laid_in_a_policy_and_a_report_name_their_recall(
    page: Callable[..., AppTest],
) -> None:
    app = lay(page())
    assert not app.exception
    found = rehearsal.of(*judged())
    assert found.standing is Standing.DONE
    assert words.done(found.laid) in said(app)
    assert app.button(key=StudioKey.LAY).label == words.LAY_AGAIN
    app.query_params["t"] = "2"
    app.session_state["eg_threshold"] = 2.0
    app.run()
    named = words.recall(found.laid, 2.0)
    assert named.startswith("[synthetic attacks caught, mean of 2 kinds: low ")
    app.text_input(key=StudioKey.REASON).set_value("nights")
    app.text_input(key=StudioKey.AUTHOR).set_value("Ada")
    next(button for button in app.button if button.label.startswith("Save ")).click().run()
    evaluated, force = judged()
    assert force.versions[0].why == f"nights {named}"
    told = reporting.findings(evaluated, force, force.threshold, sentences=lambda *_: {})
    made = make_report(told)
    assert made.document["synthetic"] == found.laid.to_json(force.threshold)
    assert "Recall on synthetic attacks" in made.html
    assert "Real attackers may look different" in made.html
    assert "These attacks are synthetic" in " ".join(made.document["limitations"])


@pytest.mark.parametrize(
    ("gone", "said_so"),
    [("bidirectional_first_seen_ms", words.NO_TIMES), ("incident_host", words.NO_HOSTS)],
)
def test_flows_without_times_or_hosts_take_none(
    page: Callable[..., AppTest], gone: str, said_so: str
) -> None:
    app = page(columns=flows(**{gone: None}))
    assert said_so in [box.value for box in app.info]
    assert StudioKey.LAY not in [button.key for button in app.button]


def test_another_schema_or_a_file_that_is_gone_is_told(page: Callable[..., AppTest]) -> None:
    page()
    evaluated, force = judged()
    assert "schema cicflowmeter" in rehearsal.why_not(
        evaluated, replace(force, schema="cicflowmeter")
    )
    evaluated.reference.source.unlink()
    assert rehearsal.why_not(evaluated, force) == words.FILE_GONE
    assert rehearsal.of(evaluated, force).standing is Standing.IMPOSSIBLE


def test_a_job_of_another_file_or_bundle_is_not_mistaken(
    page: Callable[..., AppTest], tmp_path: Path
) -> None:
    lay(page())
    evaluated, force = judged()
    assert rehearsal.of(evaluated, force).standing is Standing.DONE
    other = replace(evaluated.reference, source=tmp_path / "scores.parquet")
    assert rehearsal.of(replace(evaluated, reference=other), force).standing is Standing.NONE
    # The same model under another name has scored them just as well.
    other = replace(evaluated.reference, bundle=tmp_path / "copy")
    assert rehearsal.of(replace(evaluated, reference=other), force).standing is Standing.DONE
    assert rehearsal.of(evaluated, replace(force, model_sha256="1")).standing is Standing.STALE
    jobs.forget(jobs.newest((rehearsal.KIND,)))
    assert rehearsal.of(evaluated, force).standing is Standing.NONE


def test_the_browser_gets_their_counts_at_every_edge_and_own_figures_stay() -> None:
    draw = np.random.default_rng(3)
    laid = LaidAttacks.of(
        draw.lognormal(1, 1, 300), ["beaconing", "syn_flood", "beaconing"] * 100,
        ["low", "high"] * 150, kinds=("syn_flood", "beaconing"), strengths=("low", "high"),
    )  # fmt: skip
    sketch = ThresholdSketch.build(draw.lognormal(0, 1, 5_000))
    alone, beside = (
        tuner.Content.of(sketch, None, in_force=2.0, can_refine=True, laid=one)
        for one in (None, laid)
    )
    assert "laid" not in alone.data(tuner.Start(2.0))
    assert alone.rev != beside.rev
    assert beside.counts.equals(alone.counts)
    assert beside.meta["laid"]["kinds"] == ["SYN flood", "Beaconing"]
    for k in range(0, sketch.edges.size, 97):
        sent = beside.laid.iloc[k].tolist()
        assert sent == laid.found_at(float(sketch.edges[k])).ravel().tolist()


def test_a_value_between_edges_is_counted_for_them_though_own_flows_need_none(
    page: Callable[..., AppTest],
) -> None:
    page()
    evaluated, _ = judged()
    assert evaluated.sketch.complete
    between = float(evaluated.sketch.edges[10:12].mean())
    assert tuning.exact_sketches(evaluated, (between,))[0] is evaluated.sketch
    finer, incidents = tuning.exact_sketches(evaluated, (between,), beside=True)
    assert np.float32(between) in finer.edges
    assert np.array_equal(finer.edges, incidents.edges)
    assert finer.counts_at(between).tolist() == [int(fixed(between).alerts(evaluated.scores).sum())]
