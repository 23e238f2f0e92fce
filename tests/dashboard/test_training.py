"""What is asked of a training and said beforehand, and how its progress is told."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts, job_progress, training, workspace
from dashboard.components import running
from dashboard.wording import train as words
from edgeguard_core.flows.schema import Schema, shipped_schemas

LOSSES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400)


def lines(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def learning(step: int, loss: float, seconds: float) -> dict[str, object]:
    return {"stage": "train", "done": step / 200, "message": f"step {step}", "loss": loss,
            "step": step, "steps": 200, "seconds": seconds}  # fmt: skip


def test_losses_are_kept_when_the_next_step_runs(tmp_path: Path) -> None:
    first = lines(
        tmp_path / "0", learning(50, 1.0, 7.0), learning(100, 0.5, 8.0), {"stage": "done"}
    )
    second = lines(tmp_path / "1", {"stage": "score", "done": 0.4, "message": "Scoring"})
    told = job_progress.read([first, second])
    assert (told.stage, told.done) == ("score", 0.4)
    assert (told.losses, told.loss_steps, told.steps) == ((1.0, 0.5), (50, 100), 200)
    assert told.messages == ("step 50", "step 100", "Scoring")


def test_a_file_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    assert job_progress.read([tmp_path / "0"]) == job_progress.Reported()
    assert job_progress.read([]) == job_progress.Reported()


def test_losses_of_lines_without_a_step_are_numbered(tmp_path: Path) -> None:
    records = [{"stage": "train", "done": 0.1, "loss": loss} for loss in (3.0, 2.0)]
    told = job_progress.read([lines(tmp_path / "0", *records)])
    assert (told.loss_steps, told.steps) == ((1, 2), None)


@given(LOSSES, st.integers(2, 50))
def test_a_thinned_curve_is_short_and_ends_where_the_loss_is(losses: list[float], most: int):
    steps = list(range(50, 50 * len(losses) + 1, 50))
    points = job_progress.thinned(losses, steps, most)
    assert len(points) <= most
    assert points[-1] == (steps[-1], losses[-1])
    shown = [step for step, _ in points]
    assert shown == sorted(set(shown))
    assert all(min(losses) - 1e-6 <= loss <= max(losses) + 1e-6 for _, loss in points)


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=60), st.integers(0, 100))
def test_the_time_left_falls_to_nothing_at_the_last_step(took: list[float], more: int) -> None:
    seconds = np.cumsum(took).tolist()
    steps = list(range(50, 50 * len(took) + 1, 50))
    left = job_progress.seconds_left(steps, seconds, steps[-1] + 50 * more)
    assert left is not None
    recent = took[1:][-19:]
    assert left == pytest.approx(more * sum(recent) / len(recent))


def test_without_speed_there_is_no_time_left() -> None:
    assert job_progress.seconds_left([], [], 100) is None
    assert job_progress.seconds_left([50, 100], [1.0, 1.0], 200) is None
    assert job_progress.seconds_left([100, 50], [1.0, 2.0], 200) is None


def test_a_look_at_the_curve_costs_less_than_6_kb() -> None:
    import altair as alt
    import pyarrow as pa

    losses = [math.sin(n) for n in range(20_000)]
    points = job_progress.thinned(losses, range(50, 10**6 + 50, 50), running.MOST_LOSSES)
    chart = charts.loss_curve(points, 10**6)
    data = pa.Table.from_pandas(chart.data)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    with alt.data_transformers.enable("default", consolidate_datasets=False):
        spec = chart.to_dict()
    spec.pop("datasets", None)
    for layer in spec["layer"]:
        layer.pop("data", None)
    spec["data"] = {"name": "d"}
    assert sink.getvalue().size + len(json.dumps(spec)) < 6_000


def test_the_axis_ends_at_the_last_step_but_never_far_ahead() -> None:
    ends = [
        charts.loss_curve([(50, 1.0), (100, 0.5)], steps).to_dict()["layer"][0]["encoding"]["x"][
            "scale"
        ]["domain"][1]
        for steps in (200, 100_000, None)
    ]
    assert ends == [200, 400, 100]


@pytest.mark.parametrize("name", shipped_schemas())
def test_every_measured_feature_is_in_one_group(name: str) -> None:
    schema = Schema.named(name)
    listed = [feature for names in training.feature_groups(schema).values() for feature in names]
    assert sorted(listed) == sorted(schema.measured)


def test_every_setting_has_its_option() -> None:
    chosen = training.Settings(
        "a", ("clean",), True, ("state",), False, "l", 100, None, 7, "float16", 0.001
    )
    assert chosen.options == (
        "--leave-out", "state", "--unlabelled-as-benign", "--no-context", "--size", "l",
        "--steps", "100", "--seed", "7", "--variant", "float16", "--fpr", "0.001",
    )  # fmt: skip
    assert chosen.label_options == ("--benign", "clean")


def test_a_file_without_labels_is_learned_whole() -> None:
    found = training.understood({"rows": 10, "accepted": 9, "labels": {"unlabelled": 10}})
    assert not found.has_labels
    assert found.learned() == 9


def test_unlabelled_flows_are_learned_when_asked() -> None:
    labels = {"benign": 60, "unlabelled": 30}
    found = training.understood({"rows": 90, "accepted": 90, "labels": labels})
    assert (found.learned(), found.learned(take_unlabelled=True)) == (60, 90)


@given(st.floats(0.1, 1000), st.integers(100, 10**6))
def test_epochs_and_steps_say_the_same(epochs: float, benign: int) -> None:
    passes = training.passes(training.steps(epochs, benign), benign)
    assert epochs <= passes * (1 + 1e-9)
    assert passes - epochs <= 256 / round(benign * 0.8) + 1e-9


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.floats(0.01, 1.0))
def test_quantiles_are_those_of_the_flows_one_by_one(weights: list[int], share: float) -> None:
    points = np.arange(len(weights), dtype=np.float64)
    flows = np.repeat(points, weights)
    (found,) = training.score_quantiles(points, np.array(weights), [share])
    assert (flows <= found).mean() >= share - 1e-9
    assert found == points[0] or (flows < found).mean() < share


@pytest.mark.parametrize("text", ["a/b", "../../etc/passwd", "--force", "x.zip", "ä ö", " "])
def test_a_bundle_name_stays_in_its_folder(text: str) -> None:
    name = training.bundle_name(text)
    assert "/" not in name
    assert "." not in name
    assert not name.startswith("-")


def test_the_sample_is_benign_traffic_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = training.sample()
    assert sample is not None
    assert sample.name == "office_day.csv.gz"
    assert not workspace.adopt(sample).ours


def test_a_bundle_without_losses_has_no_last_loss(tmp_path: Path) -> None:
    assert training.last_loss(tmp_path) is None
    lines(tmp_path / "manifest.json", {"training": {"losses": [0.5, 0.25]}})
    assert training.last_loss(tmp_path) == 0.25


def test_a_failed_variant_names_its_figure() -> None:
    assert words.verdict({"passed": False, "failures": ["a", "b"]}) == "a; b"
