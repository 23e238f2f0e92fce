"""Whole files against whole bundles."""

import json
from dataclasses import replace

import pytest
from trained import head, noon, written

from edgeguard_core.bundle import DRIFT, Bundle, save_bundle
from edgeguard_core.bundle.golden import make_golden
from edgeguard_core.bundle.lean import lean_files
from edgeguard_core.detection import Detector
from edgeguard_core.detection.drift.reference import reference_of
from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.pipeline.convert import convert_bundle
from edgeguard_core.pipeline.drift.judge import drift_files
from edgeguard_core.pipeline.tables import write_flows
from edgeguard_core.sources import ReadOptions, read_flows

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"
OTHER = "zeek/iot23_42-1.csv.gz"
DRAWS = 50
FITTED = 3_000  # of the normals, see conftest.py


def kind(report):
    return str(report.diagnosis.kind)


def changed(path, lines, column, value):
    """A headerless or titled CSV with one column changed; ``value`` is of its cells."""
    cells = [line.split(",") for line in lines]
    return written(
        path, [",".join([*c[:column], value(c[column]), *c[column + 1 :]]) for c in cells]
    )


def test_fifty_files_of_the_same_flows_drift_in_at_most_a_twentieth(nsl, normals, tmp_path):
    drifted = 0
    for draw in range(DRAWS):
        start = FITTED + 1_000 * draw
        report = drift_files(nsl, [written(tmp_path / "x.txt", normals[start : start + 1_000])])
        drifted += report.has_drifted
        assert (kind(report) == "none") is not report.has_drifted
    assert drifted <= DRAWS // 20


def test_the_test_set_of_another_time_drifts(nsl, data):
    report = drift_files(nsl, [data("nsl-kdd/KDDTest+.txt.gz")])
    assert report.flows == 9_711  # the benign ones alone
    assert report.has_drifted
    assert kind(report) == "drift"
    assert "service" in report.moved


def test_a_capture_is_like_itself_and_unlike_another(detector, data):
    same = drift_files(detector, [data(HONEYPOT)])
    assert (same.has_drifted, kind(same), same.moved) == (False, "none", ())
    other = drift_files(detector, [data(OTHER)])
    assert other.has_drifted
    assert kind(other) == "drift"
    assert len(other.moved) > 8


def test_the_keys_that_others_rely_on(detector, data):
    answer = drift_files(detector, [data(OTHER)]).to_json()
    assert {"drifted", "features", "score_shift", "missing_columns"} <= set(answer)
    assert answer["drifted"] is True
    assert answer["missing_columns"] == []
    assert 0 < answer["score_shift"] < 1
    assert set(answer["features"]) == set(detector.features)
    assert all({"psi", "ks", "p"} <= set(found) for found in answer["features"].values())
    assert answer["features"]["service"]["ks"] is None
    assert answer["features"]["src2dst_bytes"]["ks"] > 0
    json.dumps(answer, allow_nan=False)


def test_a_renamed_column_is_drift_of_the_schema(cic, data, tmp_path):
    lines = head(data("cic-ids2017/monday_first_999.csv"), 999)
    lines[0] = lines[0].replace("Flow Duration", "Dauer")
    report = drift_files(Detector(cic.bundle), [written(tmp_path / "x.csv", lines)])
    assert report.schema.has_drifted
    assert report.to_json()["missing_columns"] == ["flow_duration_us"]
    assert "Dauer" in report.schema.extra_columns
    assert report.score is None
    assert report.to_json()["score_shift"] is None
    assert kind(report) == "sensor"
    assert "column flow_duration_us is missing" in report.diagnosis.evidence


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (lambda _: "0", "src_bytes is 0 in 100% of the flows"),
        (lambda cell: str(min(int(cell), 300)), "src_bytes never passes 300"),
    ],
)
def test_a_column_that_fell_silent_is_a_broken_sensor(nsl, normals, tmp_path, value, word):
    lines = normals[FITTED : FITTED + 2_000]
    report = drift_files(nsl, [changed(tmp_path / "x.txt", lines, 4, value)])
    assert report.moved == ("src_bytes",)
    assert kind(report) == "sensor"
    assert any(sentence.startswith(word) for sentence in report.diagnosis.evidence)


def test_an_empty_direction_is_a_broken_sensor(detector, data, tmp_path):
    lines = head(data(HONEYPOT), 1_374)
    titles = lines[0].split(",")
    for name in ("resp_pkts", "resp_ip_bytes"):
        column = titles.index(name)
        source = changed(tmp_path / "x.csv", lines[1:], column, lambda _: "0")
        lines = [lines[0], *source.read_text().splitlines()]
    report = drift_files(detector, [written(tmp_path / "x.csv", lines)])
    assert report.has_drifted
    assert kind(report) == "sensor"
    assert report.diagnosis.evidence[0].startswith("One direction is empty: what comes back")


def test_an_older_bundle_is_judged_by_scores_and_says_so(zeek, data, tmp_path):
    path = save_bundle(tmp_path / "old", replace(zeek.bundle.parts(), drift=None))
    assert DRIFT not in Bundle.load(path).files
    report = drift_files(Detector(Bundle.load(path)), [data(OTHER)])
    assert "train again to have features judged, too" in report.warnings[0]
    assert report.features == ()
    assert report.score is not None
    whole = drift_files(Detector(zeek.bundle), [data(OTHER)])
    assert report.score == whole.score


def test_lean_and_converted_bundles_keep_the_reference(zeek, tmp_path):
    kept = zeek.bundle.files[DRIFT]
    assert lean_files(zeek.bundle, make_golden(zeek.bundle))[DRIFT] == kept
    convert_bundle(zeek.bundle, "float16", tmp_path / "C", now=noon)
    assert Bundle.load(tmp_path / "C").files[DRIFT] == kept
    assert reference_of(zeek.bundle).features


def test_other_flows_than_the_bundles_are_refused(detector, data, tmp_path):
    with pytest.raises(SchemaError, match="was trained on 'flow'"):
        drift_files(detector, [data("cic-ids2017/monday_first_999.csv")])
    few = written(tmp_path / "x.csv", head(data(HONEYPOT), 49))
    with pytest.raises(NotEnoughDataError, match=r"49 benign flows .* are too few"):
        drift_files(detector, [few])


def test_benign_flows_alone_are_judged_where_labels_exist(detector, data):
    report = drift_files(detector, [data("zeek/iot23_34-1_conn.log.labeled.gz")])
    assert report.flows == 1_923
    unlabelled = drift_files(detector, [data("zeek/zat_conn.log")])
    assert (unlabelled.flows, unlabelled.is_labelled) == (360, False)


def test_batches_do_not_change_the_answer(detector, data, tmp_path):
    table = tmp_path / "x.parquet"
    flows, _ = read_flows([data(OTHER)])
    write_flows(table, flows, "zeek")
    few = ReadOptions(batch_rows=100)
    whole, parts = (drift_files(detector, [table], read=read) for read in (None, few))
    assert parts.features == whole.features
    assert parts.score == whole.score
