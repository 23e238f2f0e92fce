"""What the Errors view draws is counted as a slow loop would count it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import distributions, evaluations, workspace
from dashboard.charts import errors as charts
from edgeguard_core.evaluation.feature_errors import FeatureErrorSketch
from edgeguard_core.evaluation.grouped_scores import GroupedScores
from edgeguard_core.evaluation.log_bins import LogBins
from edgeguard_core.pipeline.details import Details, SampledFlows
from edgeguard_core.thresholds.choose import fixed

KINDS = ("benign", "attack")


def evaluated(path: Path, n: int, times: list[float] | None = None) -> evaluations.Evaluated:
    draw = np.random.default_rng(n)
    score = draw.lognormal(0, 2, n).astype(np.float32)
    label = np.array(KINDS, object)[(np.arange(n) % 4 == 0).astype(int)]
    columns: dict[str, object] = {
        "score": score,
        "is_alert": score > 1,
        "label": label,
        "class": np.where(label == "attack", np.where(score > 1, "bot", "scan"), "benign"),
        "severity": np.zeros(n, np.int64),
    }
    if times is not None:
        columns["timestamp_ms"] = np.array(times)
    pq.write_table(pa.table(columns), path)
    return evaluations.read(
        evaluations.Reference("0a0a0a0a", "x.csv", path / "bundle", path, path / "x.csv")
    )


def details(n: int = 40) -> Details:
    draw = np.random.default_rng(5)
    errors = draw.lognormal(0, 2, (n, 3)).astype(np.float32)
    errors[:, 2] = 0
    class_of = np.arange(n) % 2
    return Details(
        errors=FeatureErrorSketch.build(errors, class_of, ("benign", "bot"), ("a", "b", "zero")),
        groups=(
            GroupedScores.empty("transport").add(
                np.array(["tcp", "tcp", "udp", "tcp"] * (n // 4), object),
                errors[:, 0],
                class_of.astype(np.int8),
            ),
        ),
        sample=SampledFlows(
            position=np.arange(n),
            row=np.arange(n) + 2,
            score=errors[:, 0],
            label=class_of.astype(np.int8),
            class_names=np.array(["benign", "bot"], object)[class_of],
            feature_errors=errors,
            latent=draw.normal(size=(n, 5)).astype(np.float32),
        ),
    )


def test_every_flow_stands_in_one_bar_of_its_class(tmp_path: Path) -> None:
    found = evaluated(tmp_path / "s.parquet", 300)
    for frame in (distributions.scores_by_class(found), distributions.scores_by_label(found)):
        assert frame["flows"].sum() == 300
        assert frame["height"].between(0, 1).all()
        assert (frame["low"] < frame["high"]).all()
    by_class = distributions.scores_by_class(found)
    assert list(dict.fromkeys(by_class["group"])) == ["benign", "bot", "scan"]
    for name in found.classes:
        mine = found.scores[found.class_of == found.classes.index(name)]
        bars = by_class[by_class["group"] == name]
        for bar in bars.itertuples():
            assert (
                bar.flows == ((mine >= np.float32(bar.low)) & (mine < np.float32(bar.high))).sum()
            )
            assert bar.n == len(mine)


@given(
    times=st.lists(st.floats(0, 4e8), min_size=1, max_size=60).map(
        lambda xs: [1e12 + x for x in xs]
    )
)
@settings(deadline=None, max_examples=30)
def test_over_time_is_what_a_loop_finds(times: list[float]) -> None:
    path = workspace.room("times") / "s.parquet"
    found = evaluated(path, len(times), times)
    frame = distributions.over_time(found, fixed(1.0))
    assert frame["flows"].sum() == len(times)
    assert frame["alerts"].sum() == (found.scores >= 1).sum()
    assert frame["begin"].nunique() <= distributions.MOST_TIMES
    for step in frame.itertuples():
        label = KINDS.index(step.kind)
        here = (np.array(times) >= step.begin) & (np.array(times) < step.end)
        mine = found.scores[here & (found.label == label)]
        assert step.flows == len(mine)
        assert step.max == mine.max()
        assert step.median == pytest.approx(np.median(mine))


def test_without_times_there_is_nothing_over_time(tmp_path: Path) -> None:
    assert distributions.over_time(evaluated(tmp_path / "s.parquet", 9), fixed(1.0)).empty


@pytest.mark.parametrize("days", [0.0, 1e-6, 1.0, 90.0, 3000.0])
def test_no_span_of_time_needs_more_steps_than_fit(days: float) -> None:
    times = 1e12 + np.array([0.0, days * 86_400_000])
    step = distributions.step_ms(times)
    assert np.ptp(np.floor(times / step)) < distributions.MOST_TIMES


def test_zeros_stand_left_of_all_bars() -> None:
    bins = LogBins(8)
    counts = np.bincount(bins.of([0.0, 0.0, 3.0]), minlength=len(bins))[None, None]
    frame = distributions.ridges(counts, ["x"], [["benign"]], bins)
    assert frame["flows"].tolist() == [2, 1]
    assert frame["high"][0] == pytest.approx(frame["low"][1])
    assert distributions.ridges(counts * 0, ["x"], [["benign"]], bins).empty


def test_the_features_that_fail_come_first() -> None:
    found = details()
    table = distributions.feature_table(found)
    assert len(table) == 6
    most = table.groupby("feature", sort=False)["share"].max()
    assert most.is_monotonic_decreasing
    assert table.groupby("class")["share"].sum().tolist() == pytest.approx([1, 1])
    worst = distributions.worst_features(found)
    assert worst["feature"].iloc[-1] == "zero"
    assert worst["most"].is_monotonic_decreasing
    assert worst["benign"].sum() == pytest.approx(1)
    bars = distributions.errors_of(found, "zero")
    assert bars["flows"].tolist() == [20, 20]


def test_words_of_a_column_are_counted_by_label() -> None:
    (group,) = details().groups
    frame = distributions.scores_by_word(group)
    assert frame.groupby("group")["flows"].sum().to_dict() == {"tcp": 30, "udp": 10}
    table = distributions.quantiles_by_word(group)
    assert table["group"].tolist() == ["tcp", "tcp", "udp"]
    assert (table["median"] <= table["p95"]).all()


def test_a_picture_holds_so_many_flows_and_names_their_worst_feature() -> None:
    found = details()
    assert len(distributions.sampled(found, most=7)) == 7
    flows = distributions.sampled(found)
    assert flows["row"].tolist() == list(range(2, 42))
    assert set(flows["top"]) <= {"a", "b"}
    again = distributions.sampled(found, most=7)
    assert again["at"].tolist() == distributions.sampled(found, most=7)["at"].tolist()


def test_charts_hold_text_of_files_as_text_only() -> None:
    bins = LogBins(8)
    counts = np.bincount(bins.of([1.0]), minlength=len(bins))[None, None]
    name = '"];alert(1);["'
    spec = charts.ridges(
        distributions.ridges(counts, [name], [["attack"]], bins), 2.0, "score"
    ).to_json(validate=True)
    assert '\\\\\\"];alert(1)' in spec  # a quoted text inside the expression


@pytest.mark.parametrize("dark", [False, True])
def test_every_chart_is_a_valid_one(tmp_path: Path, dark: bool) -> None:
    times = list(1e12 + np.arange(60) * 1e6)
    found, more = evaluated(tmp_path / "s.parquet", 60, times), details()
    frame = distributions.over_time(found, fixed(1.0))
    domain = [float(frame["begin"].min()), float(frame["end"].max())]
    group = distributions.scores_by_word(more.groups[0])
    for chart in (
        charts.ridges(distributions.scores_by_class(found), 1.0, "x", dark=dark),
        charts.ridges(group, 1.0, "x", dark=dark, mirrored=True),
        charts.over_time(frame, "attack", 1.0, domain, dark=dark),
        charts.alerts_over_time(frame, domain, dark=dark),
        charts.share_map(distributions.feature_table(more), "a", dark=dark),
    ):
        assert chart.to_dict(validate=True)["$schema"]


def test_the_latent_space_is_drawn_by_label_and_escapes_names() -> None:
    from dashboard.charts.latent import latent_space
    from edgeguard_core.evaluation.latent import principal_components

    found = details()
    flows = distributions.sampled(found).assign(**{"class": "<b>x</b>"})
    space = principal_components(found.sample.latent)
    figure = latent_space(flows, space.points, ("x", "y", "z"), 1.0, view="demo")
    shown = [trace for trace in figure.data if trace.showlegend is False]
    assert [trace.marker.symbol for trace in shown] == ["circle", "diamond"]
    assert sum(len(trace.x) for trace in shown) == 40
    assert "<b>" not in str(shown[0].customdata)
    assert figure.layout.uirevision == figure.layout.scene.uirevision == "demo"
