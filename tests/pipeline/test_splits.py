from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows, Labels
from edgeguard_core.pipeline.splits import (
    duration_hours,
    normal_flows,
    split,
    total_hours,
    unlabelled_as_benign,
)
from edgeguard_core.sources import ReadReport

SCHEMA = Schema.named("flow")
TIME = SCHEMA.time


def flows(times=None, labels=None, n=None):
    n = len(times if times is not None else labels) if n is None else n
    columns = {} if times is None else {TIME: np.array(times, float)}
    words = {0: "benign", 1: "DDoS", -1: "unlabelled"}
    known = (
        None
        if labels is None
        else Labels(np.array(labels, np.int8), np.array([words[x] for x in labels], object))
    )
    return Flows(SCHEMA, columns, known, np.arange(2, n + 2))


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=80),
    st.floats(0, 0.99),
    st.sampled_from(["time", "random", None]),
    st.integers(0, 5),
)
def test_a_split_is_a_partition_of_the_asked_size(times, share, kind, seed):
    parts = split(flows(times), share, kind=kind, seed=seed)
    assert sorted([*parts.first, *parts.last]) == list(range(len(times)))
    assert len(parts.last) == round(len(times) * share)
    assert list(parts.first) == sorted(parts.first)
    assert list(parts.last) == sorted(parts.last)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=80), st.floats(0, 0.99))
def test_a_split_by_time_puts_the_latest_last(times, share):
    parts = split(flows(times), share)
    assert parts.kind == "time"
    kept, latest = np.array(times)[parts.first], np.array(times)[parts.last]
    if len(kept) and len(latest):
        assert kept.max() <= latest.min()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=80),
    st.floats(0, 0.99),
)
def test_each_file_gives_its_own_latest_flows(rows, share):
    files, times = np.array(rows).T
    parts = split(flows(times), share, timeline=files)
    assert len(parts.last) == round(len(rows) * share)
    for file in np.unique(files):
        mine = np.flatnonzero(files == file)
        latest = np.intersect1d(mine, parts.last)
        kept = np.setdiff1d(mine, latest)
        assert abs(len(latest) - share * len(mine)) <= 1
        if len(latest) and len(kept):
            assert times[kept].max() <= times[latest].min()


def test_a_random_split_obeys_its_seed():
    some = flows(n=200, labels=[0] * 200)
    assert split(some, 0.3).kind == "random"
    again = [split(some, 0.3, seed=seed).last.tolist() for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_one_flow_without_a_stamp_makes_the_split_random():
    some = flows([1.0, np.nan, 3.0, 4.0])
    assert split(some, 0.5).kind == "random"
    with pytest.raises(SchemaError, match="no time stamps to split by; use --split random"):
        split(some, 0.5, kind="time")


def test_hours_need_two_moments():
    assert duration_hours(flows([0.0, np.nan, 7_200_000.0])) == 2.0
    assert duration_hours(flows([5.0, 5.0])) is None
    assert duration_hours(flows(n=2, labels=[0, 0])) is None
    assert total_hours([(np.inf, -np.inf)]) is None


def test_the_time_between_two_files_is_no_time_of_traffic():
    both = flows([0.0, 3_600_000.0, 9e9, 9e9 + 1_800_000.0])
    assert duration_hours(both, np.array([0, 0, 1, 1])) == 1.5
    assert duration_hours(both) > 2_000


def test_normal_are_the_benign_rows_and_unlabelled_ones_are_left_out():
    found = normal_flows(flows(labels=[0, 1, -1, 0]), ReadReport())
    assert found.rows.tolist() == [True, False, False, True]
    assert found.flows.line.tolist() == [2, 5]
    assert found.warnings == ["1 unlabelled flows are left out of training."]


@pytest.mark.parametrize("labels", [None, [-1, -1, -1]])
def test_without_any_label_all_are_normal_and_the_person_is_told(labels):
    found = normal_flows(flows(labels=labels, n=3), ReadReport())
    assert found.rows.all()
    assert found.warnings == ["No flow is labelled: all are taken as benign."]


@pytest.mark.parametrize(
    ("labels", "remedy"), [([1, 1], "normal traffic."), ([1, -1], "--unlabelled-as-benign.")]
)
def test_attacks_alone_cannot_be_learned(labels, remedy):
    report = ReadReport(paths=["x.csv"])
    with pytest.raises(NotEnoughDataError, match=rf"of x.csv is benign .*{remedy}$"):
        normal_flows(flows(labels=labels), report)


def test_labels_without_a_known_benign_word_are_an_error():
    report = ReadReport(paths=["x.csv"], label_problem="No known word.")
    with pytest.raises(SchemaError, match=r"x\.csv: No known word"):
        normal_flows(flows(labels=[1, 1]), report)


def test_unlabelled_flows_become_benign_when_asked():
    before = flows(labels=[0, 1, -1])
    after = unlabelled_as_benign(before)
    assert after.labels.label.tolist() == [0, 1, 0]
    assert after.labels.class_name.tolist() == ["benign", "DDoS", "benign"]
    assert before.labels.label.tolist() == [0, 1, -1]
    assert unlabelled_as_benign(replace(before, labels=None)).labels is None
