"""Columns that a model should not be trained on in silence."""

import numpy as np
import pytest
from support import PROJECT, data

from edgeguard_core.config import TrainingConfig
from edgeguard_core.features.preprocessing import Preprocessor
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.column_remarks import column_remarks
from edgeguard_core.sources import read_flows

SCHEMA = Schema.from_yaml(
    """{name: mine, columns: [{name: at, role: time, type: time}, {name: a, role: numeric},
    {name: b, role: numeric}, {name: word, role: categorical, type: string}]}"""
)
N = 600


def remarks(**changed):
    rng = np.random.default_rng(0)
    columns = {
        "at": np.arange(N) * 1_000.0,
        "a": rng.lognormal(5, 1, N),
        "b": rng.lognormal(3, 1, N),
        "word": np.where(rng.random(N) < 0.5, "x", "y").astype(object),
    }
    flows = Flows(SCHEMA, columns | changed, None, np.arange(N))
    return column_remarks(flows, Preprocessor.fit(flows, TrainingConfig()))


def test_ordinary_columns_need_no_word():
    assert remarks() == []


def test_all_constant_columns_share_one_sentence():
    assert remarks(a=np.full(N, 7.0), word=np.full(N, "x", object)) == [
        "2 columns hold one value in all training flows (a, word), so any other will count as odd; "
        "--leave-out NAME leaves one out."
    ]
    (remark,) = remarks(b=np.full(N, np.nan))
    assert remark.startswith("1 column holds one value in all training flows (b)")


def test_a_few_values_beyond_all_measure_are_told():
    values = np.random.default_rng(1).lognormal(5, 1, N)
    values[[3, 77]] = 1e15
    (remark,) = remarks(a=values)
    assert remark.startswith("A few values of a (up to 1e+15, elsewhere up to ")
    values[:60] = 1e15  # a tenth of the flows is a scale of its own
    assert remarks(a=values) == []


def test_a_column_that_moves_within_the_time_is_told():
    moved = np.random.default_rng(1).lognormal(2, 1, N)
    moved[300:] *= 1e4
    (remark,) = remarks(a=moved)
    assert remark.startswith("a moved within the training time: the last third hardly resembles")
    words = np.where(np.arange(N) < N // 2, "x", "y").astype(object)
    (remark,) = remarks(word=words)
    assert remark.startswith("word moved")


def test_without_times_nothing_moves():
    moved = np.arange(N, dtype=np.float64)
    assert remarks(a=moved, at=np.full(N, np.nan)) == []


@pytest.mark.parametrize(
    "name",
    ["zeek/iot23_34-1_conn.log.labeled.gz", "zeek/iot23_honeypot_5-1.csv", "zeek/zat_conn.log"],
)
def test_real_logs_need_no_word(name):
    flows, _ = read_flows([data(name)])
    if flows.is_benign.any():
        flows = flows.select(flows.is_benign)
    early = flows.select(np.argsort(flows.time_ms)[: int(0.8 * len(flows))])
    assert column_remarks(early, Preprocessor.fit(early, TrainingConfig())) == []


def test_the_sample_of_the_project_needs_no_word():
    flows, _ = read_flows([PROJECT / "sample_data" / "office_day.csv.gz"])
    assert column_remarks(flows, Preprocessor.fit(flows, TrainingConfig())) == []
