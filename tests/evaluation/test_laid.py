"""Attacks that were laid in: counted as a slow loop counts them, and marked synthetic."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.thresholds import fixed

KINDS, STRENGTHS = ("scan", "flood", "theft"), ("low", "medium", "high")
FLOWS = st.lists(
    st.tuples(st.floats(0, 50, width=32), st.sampled_from(KINDS[:2]), st.sampled_from(STRENGTHS)),
    min_size=1,
    max_size=60,
)


def laid_of(flows: list[tuple[float, str, str]]) -> LaidAttacks:
    scores, kind, strength = zip(*flows, strict=True)
    return LaidAttacks.of(scores, kind, strength, kinds=KINDS, strengths=STRENGTHS)


def slowly(flows: list[tuple[float, str, str]], laid: LaidAttacks, value: float) -> list[list[int]]:
    return [
        [
            sum(1 for score, *cell in flows if cell == [kind, strength] and score >= value)
            for strength in STRENGTHS
        ]
        for kind in laid.kinds
    ]


@given(FLOWS, st.floats(0, 60, width=32))
def test_every_cell_is_what_a_loop_counts(flows, value):
    laid = laid_of(flows)
    assert laid.found_at(value).tolist() == slowly(flows, laid, value)
    assert laid.n.tolist() == slowly(flows, laid, 0.0)
    assert laid.n.sum() == len(laid) == len(flows)


@given(FLOWS, st.lists(st.floats(0, 60, width=32), min_size=1, max_size=8, unique=True))
def test_counts_at_edges_are_the_same_counts_and_never_rise(flows, values):
    laid, edges = laid_of(flows), np.unique(np.array(values, np.float32))
    counts = laid.counts_ge(edges)
    for k, edge in enumerate(edges):
        assert counts[:, k].tolist() == laid.found_at(float(edge)).ravel().tolist()
    assert (np.diff(counts.astype(np.int64), axis=1) <= 0).all()


def test_a_mean_counts_each_kind_the_same_and_leaves_out_what_was_not_laid_in():
    laid = laid_of([(9, "flood", "low")] * 100 + [(1, "scan", "low"), (9, "scan", "high")])
    assert laid.kinds == ("scan", "flood")
    low, medium, high = laid.means(laid.recall_at(5.0))
    assert (low, high) == (0.5, 1.0)
    assert math.isnan(medium)


def test_a_report_tells_each_cell_with_its_interval_and_that_it_is_synthetic():
    laid = laid_of([(9, "scan", "low")] * 30 + [(1, "scan", "low"), (9, "flood", "high")])
    told = laid.to_json(fixed(5.0))
    assert told["synthetic"] is True
    assert "Real attackers may look different" in told["sentence"]
    cell = told["attacks"][0]
    assert (cell["kind"], cell["strength"], cell["flows"], cell["found"]) == ("scan", "low", 31, 30)
    assert cell["low"] < cell["recall"] < cell["high"]
    assert not cell["few"]
    assert told["attacks"][-1]["few"]
    assert told["mean_recall"]["low"] == pytest.approx(30 / 31)


def test_a_name_that_was_not_announced_is_no_attack():
    with pytest.raises(ValueError, match="not in"):
        laid_of([(1, "scan", "huge")])
