"""Attacks laid into one's own flows and scored there, each strength as if it were alone."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.errors import OutputError, SchemaError, SourceError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.pipeline.rehearse import read_laid, rehearse
from edgeguard_core.pipeline.score import score_files
from edgeguard_core.pipeline.synthetic import inject_into
from edgeguard_core.sources import ReadOptions
from edgeguard_core.sources.synthesis import ATTACKS, STRENGTHS

CAPTURE = "zeek/iot23_honeypot_5-1.csv"


@pytest.fixture(scope="module")
def detector():
    return Detector(Bundle.load(shipped().bundle))


@pytest.fixture(scope="module")
def done(detector, data, tmp_path_factory):
    return rehearse(detector, [data(CAPTURE)], tmp_path_factory.mktemp("r") / "laid.parquet")


@pytest.mark.parametrize("strength", STRENGTHS)
def test_each_strength_scores_as_inject_and_score_do_by_hand(
    detector, data, done, tmp_path, strength
):
    attacked = inject_into([data(CAPTURE)], tmp_path / "a.csv", strength=strength).out
    score_files(detector, [attacked], tmp_path / "s.parquet")
    by_hand = pq.read_table(tmp_path / "s.parquet").to_pandas()
    laid = done.laid
    for q, kind in enumerate(laid.kinds):
        cell = (laid.kind_of == q) & (laid.strength_of == STRENGTHS.index(strength))
        expected = by_hand.loc[by_hand["class"] == kind, "score"].to_numpy()
        np.testing.assert_allclose(np.sort(laid.scores[cell]), np.sort(expected), rtol=1e-6)


def test_every_kind_is_there_at_every_strength_and_marked(done):
    told = done.to_json()
    assert told["synthetic"] is True
    assert told["flows"] == 1_374
    assert [(one["kind"], one["strength"]) for one in told["attacks"]] == [
        (kind, strength) for kind in ATTACKS for strength in STRENGTHS
    ]
    assert told["laid"] == sum(one["flows"] for one in told["attacks"])
    low, medium, high = told["mean_recall"].values()
    assert low < medium <= high


def test_what_was_written_is_read_back(done):
    again = read_laid(done.out)
    assert again.kinds == done.laid.kinds
    assert again.scores.tolist() == done.laid.scores.tolist()
    assert again.n.tolist() == done.laid.n.tolist()
    table = pq.read_table(done.out).to_pandas()
    assert set(table["label"]) == {"attack"}
    assert (table["is_alert"] == done.detector.threshold.alerts(table["score"])).all()


def test_kinds_can_be_chosen_and_the_seed_repeats(detector, data):
    def scores(seed: int) -> list[float]:
        found = rehearse(detector, [data(CAPTURE)], kinds=("exfiltration",), seed=seed)
        assert found.laid.kinds == ("exfiltration",)
        return found.laid.scores.tolist()

    assert scores(1) == scores(1) != scores(2)


def test_flows_of_a_schema_of_their_own_are_refused(detector, data):
    with pytest.raises(SchemaError, match=r"schema 'cicflowmeter'.*cannot be laid into it"):
        rehearse(detector, [data("cic-ids2017/monday_first_999.csv")])


COLUMNS = "src2dst_bytes,dst2src_bytes,src2dst_packets,dst2src_packets,dst_port,protocol"


@pytest.mark.parametrize(
    ("more", "cells", "said"),
    [
        ("src_ip,dst_ip", "10.0.0.1,10.0.0.2", "has no time stamps"),
        ("bidirectional_first_seen_ms", "1700000000000", "names no internal IPv4 host"),
        ("bidirectional_first_seen_ms,src_ip,dst_ip", "1700000000000,8.8.8.8,9.9.9.9",
         "name your networks with --local-network"),
    ],
)  # fmt: skip
def test_flows_without_times_or_hosts_are_refused(detector, tmp_path, more, cells, said):
    source = tmp_path / "flow.csv"
    source.write_text(f"{COLUMNS},{more}\n" + f"900,4000,7,6,443,6,{cells}\n" * 60)
    with pytest.raises(SchemaError, match=said):
        rehearse(detector, [source], read=ReadOptions(schema=Schema.named("flow")))


def test_a_bad_place_is_told_before_any_work(detector, data, tmp_path):
    with pytest.raises(OutputError, match=r"ends in \.parquet or \.csv"):
        rehearse(detector, [data(CAPTURE)], tmp_path / "x.txt")


@pytest.mark.parametrize("content", [None, b"no parquet"])
def test_a_file_that_holds_no_attacks_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(SourceError, match="lay them in again"):
        read_laid(tmp_path / "x.parquet")
