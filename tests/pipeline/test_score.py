import math

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from trained import head, names, written

from edgeguard_core.detection import Detector
from edgeguard_core.errors import OutputError, SchemaError, SourceError
from edgeguard_core.features.context import with_context
from edgeguard_core.pipeline.preprocess import preprocess
from edgeguard_core.pipeline.score import score_files
from edgeguard_core.sources import ReadOptions, read_flows

ATTACKED = "zeek/iot23_20-1.csv.gz"
VERDICTS = [
    "score", "p_value", "severity", "is_alert", "top_features", "p_extrapolated",
    "incident_host", "incident_cause",
]  # fmt: skip


@pytest.fixture
def scored(bundle, data, tmp_path):
    """A scored file, as a table, with the detector that scored it."""
    detector = Detector(bundle)
    done = score_files(detector, [data(ATTACKED)], tmp_path / "s.parquet")
    return detector, done, pq.read_table(done.out).to_pandas()


def test_the_columns_are_those_that_were_promised(scored, data):
    _, done, table = scored
    flows, _ = read_flows([data(ATTACKED)])
    assert list(table) == ["row", *flows.identity_columns(), "class", "label", *VERDICTS]
    types = {name: str(table[name].dtype) for name in ["row", *VERDICTS[:4]]}
    assert types == {
        "row": "int64", "score": "float32", "p_value": "float64", "severity": "int64",
        "is_alert": "bool",
    }  # fmt: skip
    assert set(done.to_json()) >= {"flows", "alerts", "rejected", "seconds"}
    assert done.to_json()["flows"] == len(table) == 3209
    assert done.alerts == int(table["is_alert"].sum())
    assert table["row"].tolist() == list(range(2, 3211))
    assert table["label"].value_counts().to_dict() == {"benign": 3193, "attack": 16}
    assert str(table["id.orig_p" if "id.orig_p" in table else "src_port"].dtype).lower() == "int64"


def test_p_value_and_severity_follow_their_definition(scored, zeek, data):
    detector, _, table = scored
    held_out = detector.calibration.sketch
    # Every calibration score is an edge of a complete sketch, so it tells them all.
    assert held_out.complete
    counts = held_out.benign_counts.astype(int)
    calibration = np.repeat(held_out.edges, counts - np.append(counts[1:], 0))
    n = len(calibration)
    assert n == detector.calibration.n == 275
    for score, p, severity in zip(table["score"], table["p_value"], table["severity"], strict=True):
        at_least = sum(float(c) >= float(score) for c in calibration)
        if at_least:
            assert p == pytest.approx((1 + at_least) / (n + 1), rel=1e-12)
        else:
            assert 0 < p <= 1 / (n + 1)  # from the fitted tail
        assert severity == round(min(100.0, -25 * math.log10(p)))


def test_alerts_are_the_scores_at_or_above_the_threshold(scored):
    detector, done, table = scored
    value = np.float32(detector.threshold.value)
    assert table["is_alert"].tolist() == [np.float32(score) >= value for score in table["score"]]
    assert done.threshold["origin"] == "bundle"
    assert done.threshold["value"] == float(value)


def test_top_features_name_the_three_largest_shares(scored, data):
    detector, _, table = scored
    flows = with_context(read_flows([data(ATTACKED)])[0])
    errors = detector.score(flows).feature_errors[0]
    best = detector.features[int(np.argmax(errors))]
    first = table["top_features"][0]
    assert first.startswith(f"{best} {100 * errors.max() / errors.sum():.0f} %")
    assert first.count(";") == 2


def test_any_cut_into_batches_gives_the_same_scores(scored, data, tmp_path):
    detector, _, whole = scored
    parquet = preprocess([data(ATTACKED)], tmp_path / "P").test
    results = [
        score_files(detector, [parquet], tmp_path / out, read=ReadOptions(batch_rows=size)).out
        for out, size in (("a.parquet", 7), ("b.parquet", 65_536))
    ]
    first, second = (pq.read_table(path) for path in results)
    assert first.equals(second)
    key = ["score", "p_value", "severity", "top_features"]
    uid = next(name for name in ("uid", "flow_uid") if name in whole)
    joined = first.to_pandas().merge(whole, on=uid, suffixes=("", "_raw"))
    assert len(joined) == first.num_rows
    for name in key:
        assert (joined[name] == joined[f"{name}_raw"]).all(), name


def test_csv_holds_what_parquet_holds(scored, data, tmp_path):
    detector, _, table = scored
    done = score_files(detector, [data(ATTACKED)], tmp_path / "s.csv")
    csv = pa_csv.read_csv(done.out).to_pandas()
    assert list(csv) == list(table)
    assert csv["severity"].tolist() == table["severity"].tolist()
    assert np.float32(csv["score"]).tolist() == table["score"].tolist()


def test_several_files_are_scored_into_one_table(bundle, data, tmp_path):
    paths = [data("zeek/zat_conn.log"), data(ATTACKED)]
    done = score_files(Detector(bundle), paths, tmp_path / "s.parquet")
    table = pq.read_table(done.out)
    assert table.num_rows == 360 + 3209


@pytest.mark.parametrize("name", ["s.txt", "s", "s.parquet.gz"])
def test_the_ending_says_the_format(bundle, data, tmp_path, name):
    with pytest.raises(OutputError, match=r"ends in \.parquet or \.csv"):
        score_files(Detector(bundle), [data(ATTACKED)], tmp_path / name)


def test_neither_an_input_nor_the_bundle_is_written_over(bundle, data, tmp_path):
    source = written(tmp_path / "x.csv", head(data("zeek/iot23_honeypot_5-1.csv"), 60))
    before = source.read_bytes()
    for out in (source, bundle.path / "x.csv"):
        with pytest.raises(OutputError, match="Cannot write"):
            score_files(Detector(bundle), [source], out)
    assert source.read_bytes() == before
    assert "x.csv" not in names(bundle.path)


def test_a_missing_column_and_another_schema_are_named(cic, data, tmp_path):
    detector = Detector(cic.bundle, state=tmp_path / "state")
    lines = [x.split(",") for x in head(data("cic-ids2017/monday_first_999.csv"), 60)]
    at = [title.strip() for title in lines[0]].index("Flow Duration")
    cut = written(tmp_path / "cut.csv", [",".join(x[:at] + x[at + 1 :]) for x in lines])
    with pytest.raises(SchemaError, match=r"cut\.csv: These flows lack column 'flow_duration_us'"):
        score_files(detector, [cut], tmp_path / "s.csv")
    with pytest.raises(SchemaError, match=r"of schema 'flow' .* was trained on 'cicflowmeter'"):
        score_files(detector, [data("zeek/zat_conn.log")], tmp_path / "s.csv")
    header = written(tmp_path / "header.csv", [",".join(lines[0])])
    with pytest.raises(SourceError, match="no flow below it"):
        score_files(detector, [header], tmp_path / "s.csv")
    assert names(tmp_path) == ["cut.csv", "header.csv"]


def test_files_rejected_for_the_most_part_give_no_table(bundle, data, tmp_path):
    lines = head(data("zeek/iot23_honeypot_5-1.csv"), 10)
    source = written(tmp_path / "x.csv", [*lines, *["x,y"] * 11])
    with pytest.raises(SourceError, match=r"11 of 21 rows .* were rejected"):
        score_files(Detector(bundle), [source], tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()
    half = written(tmp_path / "half.csv", [*lines, *["x,y"] * 10])
    done = score_files(Detector(bundle), [half], tmp_path / "s.csv")
    assert (done.to_json()["flows"], done.to_json()["rejected"]) == (10, 10)
