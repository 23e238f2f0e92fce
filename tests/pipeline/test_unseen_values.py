"""Values that training had not seen, told where they are many."""

import pytest
from support import data

from edgeguard_core.detection import Detector
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.judge import evaluate_files
from edgeguard_core.pipeline.score import score_files
from edgeguard_core.pipeline.unseen_values import UnseenValues
from edgeguard_core.sources import read_flows


@pytest.fixture(scope="module")
def flows():
    return read_flows([data("zeek/iot23_honeypot_5-1.csv")])[0]


def renamed(flows, value, share):
    words = flows.columns["state"].copy()
    words[: round(share * len(words))] = value
    return Flows(flows.schema, {**flows.columns, "state": words}, flows.labels, flows.line)


def told(zeek, *batches):
    unseen = UnseenValues()
    for batch in batches:
        unseen.add(batch, zeek.bundle.preprocessor)
    return unseen.warnings()


def test_what_was_trained_on_is_not_news(zeek, flows):
    assert told(zeek, flows) == []
    assert told(zeek, renamed(flows, "quic", 0.04)) == []


def test_a_value_that_training_never_saw_is_named_with_its_share(zeek, flows):
    (sentence,) = told(zeek, renamed(flows, "quic", 0.2))
    assert sentence.startswith("20 % of the flows have a state that training hardly or never saw:")
    assert "'quic' (275)" in sentence


def test_any_cut_into_batches_counts_the_same(zeek, flows):
    whole = renamed(flows, "quic", 0.2)
    half = len(whole) // 2
    parts = [whole.select(slice(0, half)), whole.select(slice(half, None))]
    assert told(zeek, *parts) == told(zeek, whole)


def test_few_flows_say_nothing(zeek, flows):
    assert told(zeek, renamed(flows, "quic", 0.2).select(slice(0, 99))) == []


def test_attacks_are_what_is_looked_for(zeek):
    labelled, _ = read_flows([data("zeek/iot23_34-1_conn.log.labeled.gz")])
    attacks = labelled.select(labelled.is_attack)
    assert told(zeek, attacks) == []


def test_score_and_evaluate_say_it(zeek, tmp_path):
    other = data("zeek/stratosphere_008_conn.log.labeled.gz")
    detector = Detector(zeek.bundle)
    scored = score_files(detector, [other], tmp_path / "x.parquet").warnings
    judged = evaluate_files(detector, [other]).warnings
    for warnings in (scored, judged):
        assert any("that training hardly or never saw" in warning for warning in warnings)
