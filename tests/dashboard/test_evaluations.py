"""Evaluations: one count for all pages, incidents, and the threshold in force."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import evaluations, workspace
from dashboard.keys import ContextKey
from edgeguard_core.bundle import Bundle
from edgeguard_core.errors import SourceError
from edgeguard_core.flows.table import ATTACK, BENIGN
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.thresholds.choose import fixed


def reference(path: Path) -> evaluations.Reference:
    return evaluations.Reference("0a0a0a0a", "x.csv", path / "bundle", path, path / "x.csv")


def written(path: Path, **columns: object) -> evaluations.Reference:
    pq.write_table(pa.table(columns), path)
    return reference(path)


@given(scores=st.lists(st.floats(0, 9, width=32), min_size=1, max_size=60), at=st.floats(0, 10))
@settings(deadline=None, max_examples=40)
def test_the_counts_of_a_page_are_those_of_the_sketch(scores: list[float], at: float) -> None:
    path = workspace.room("counts") / "s.parquet"
    kind = ["attack" if n % 3 == 0 else "benign" for n in range(len(scores))]
    names = ["Bot" if word == "attack" else "benign" for word in kind]
    score = np.array(scores, np.float32)
    found = evaluations.read(
        written(path, score=score, is_alert=score > 1, label=kind, **{"class": names})
    )
    threshold = fixed(at)
    counts = found.counts(threshold)
    assert counts.alerts == sum(np.float32(s) >= np.float32(threshold.value) for s in score)
    assert found.sketch.counts_at(threshold.value).sum() == counts.alerts
    assert counts.false_alarms + counts.caught == counts.alerts
    assert (counts.benign, counts.attacks) == (kind.count("benign"), kind.count("attack"))
    assert found.time_ms is None
    assert found.incidents is None


def test_the_demo_counts_what_the_library_counts() -> None:
    found = evaluations.read(evaluations.find("demo"))
    force = evaluations.in_force(found.reference)
    assert force.origin == "bundle"
    counts = found.counts(force.threshold)
    assert (counts.flows, counts.attacks) == (13_397, 1_632)
    from dashboard import demo

    told = demo.scored().done
    assert counts.alerts == told.evaluation.alerts
    assert found.incidents_raised(force.threshold) == told.incidents
    at = np.searchsorted(found.sketch.edges, np.float32(force.threshold.value))
    assert found.incident_sketch.counts_ge[:, at].sum() == told.incidents
    assert found.incident_sketch.classes == ("benign", "attack")


def test_every_upper_step_of_the_incidents_is_an_edge() -> None:
    found = evaluations.read(evaluations.find("demo"))
    steps = np.unique(found.incidents.score)[-evaluations.MOST_INCIDENT_EDGES :]
    assert np.isin(steps[steps > 0], found.sketch.edges).all()
    for score in steps[steps > 0]:
        counted = found.incident_sketch.counts_at(float(score)).sum()
        assert counted == (found.incidents.score >= score).sum()


def test_a_threshold_made_here_is_in_force_at_once_and_kept_out_of_what_ships() -> None:
    found = evaluations.find("demo")
    before = evaluations.in_force(found)
    bundle = Bundle.load(found.bundle)
    found.state.add(
        bundle, fixed(2.5), who="ann", when=datetime(2026, 1, 2, tzinfo=UTC), why="less", on_what=""
    )
    after = evaluations.in_force(found)
    assert (before.origin, after.origin) == ("bundle", "state 0001")
    assert after.threshold.value == 2.5
    assert after.versions[0].who == "ann"
    assert found.state.path.is_relative_to(workspace.root())
    assert not shipped().bundle.with_name("demo.state").exists()


def test_rows_come_from_the_file_in_the_order_asked_for() -> None:
    found = evaluations.read(evaluations.find("demo"))
    worst = np.argsort(-found.scores, kind="stable")[[5, 0, 3]]
    frame = found.frame(worst)
    assert frame["row"].tolist() == found.row[worst].tolist()
    assert frame["score"].to_numpy() == pytest.approx(found.scores[worst])
    assert set(np.unique(found.label)) == {BENIGN, ATTACK}


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="score again"):
        evaluations.load(reference(tmp_path / "gone.parquet"))


def test_without_labels_there_is_one_class_that_counts_as_benign(tmp_path: Path) -> None:
    score = np.arange(5, dtype=np.float32)
    found = evaluations.read(written(tmp_path / "s.parquet", score=score, is_alert=score > 1))
    assert not found.has_labels
    assert found.classes == ("unlabelled",)
    assert found.sketch.n_attacks == 0
    assert found.counts(fixed(3.0)).unlabelled_alerts == 2


def test_the_address_opens_the_same_view(app: AppTest) -> None:
    app.query_params["evaluation"] = "demo"
    app.query_params["t"] = "2.5"
    app.query_params["file"] = "../../etc"
    app.run()
    assert not app.exception
    assert app.session_state[ContextKey.EVALUATION] == "demo"
    assert app.session_state[ContextKey.THRESHOLD] == 2.5
    assert app.query_params["t"] in ("2.5", ["2.5"])
    app.switch_page("views/data.py").run()
    assert app.query_params["t"] in ("2.5", ["2.5"])
