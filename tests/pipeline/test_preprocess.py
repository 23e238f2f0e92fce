import numpy as np
import pyarrow.parquet as pq
import pytest
import trained
from trained import head, names, noon, written

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.errors import NotEnoughDataError, OutputError, SchemaError
from edgeguard_core.features.context import COLUMNS, with_context
from edgeguard_core.pipeline.judge import evaluate_files
from edgeguard_core.pipeline.preprocess import parted, preprocess
from edgeguard_core.pipeline.splits import normal_flows
from edgeguard_core.pipeline.train import train
from edgeguard_core.sources import read_flows

LABELLED = "zeek/stratosphere_008_conn.log.labeled.gz"


def test_benign_rows_are_parted_and_all_else_goes_to_the_test(data, tmp_path):
    done = preprocess([data(LABELLED)], tmp_path / "P", test_share=0.25)
    assert names(tmp_path / "P") == ["rejected.csv", "test.parquet", "train.parquet"]
    learn, test = (pq.read_table(path).to_pandas() for path in (done.train, done.test))
    assert learn["label"].value_counts().to_dict() == {"benign": 1402 - round(1402 * 0.25)}
    assert test["label"].value_counts().to_dict() == {
        "attack": 4201, "benign": round(1402 * 0.25), "unlabelled": 60,
    }  # fmt: skip
    assert (done.train_flows, done.test_flows) == (len(learn), len(test))
    assert set(done.to_json()) >= {"train", "test", "accepted", "rejected", "split", "seed"}
    assert done.split == "time"
    time = read_flows([data(LABELLED)])[0].schema.time
    assert learn[time].max() <= test[test["label"] == "benign"][time].min()


def test_a_random_split_obeys_its_seed(data, tmp_path):
    source = data("cic-ids2017/monday_first_999.csv")
    parts = [
        pq.read_table(preprocess([source], tmp_path / out, seed=seed).test)
        for out, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert parts[0].equals(parts[1])
    assert not parts[0].equals(parts[2])


def test_training_on_the_parquet_keeps_meter_and_class_names(data, tmp_path):
    done = preprocess([data(LABELLED)], tmp_path / "P")
    asked = trained.request([done.train], tmp_path / "B", config=TrainingConfig(steps=5))
    bundle = train(asked, now=noon).bundle
    assert bundle.manifest.meter.format == "zeek"
    assert bundle.manifest.meter.bytes_layer == "ip"
    result = evaluate_files(Detector(bundle), [done.test]).to_json()
    raw = evaluate_files(Detector(bundle), [data(LABELLED)]).to_json()
    assert set(result["per_class"]) == set(raw["per_class"])
    assert result["per_class"] == raw["per_class"]
    assert result["attacks"] == raw["attacks"] == 4201
    assert not any("withdrawn" in warning for warning in result["warnings"])


def test_unlabelled_rows_are_written_as_benign_when_asked(data, tmp_path):
    done = preprocess([data(LABELLED)], tmp_path / "P", take_unlabelled=True)
    words = np.concatenate(
        [pq.read_table(path)["label"].to_pylist() for path in (done.train, done.test)]
    )
    assert sorted(zip(*np.unique(words, return_counts=True), strict=True)) == [
        ("attack", 4201),
        ("benign", 1462),
    ]


def test_rejected_rows_stand_in_a_file_beside(data, tmp_path):
    lines = head(data("zeek/iot23_honeypot_5-1.csv"), 100)
    source = written(tmp_path / "x.csv", [*lines[:50], "broken,line", *lines[50:]])
    done = preprocess([source], tmp_path / "P")
    assert done.to_json()["accepted"] == 100
    assert sum(done.to_json()["rejected"].values()) == 1
    assert (tmp_path / "P" / "rejected.csv").read_text().splitlines()[1].startswith("51,")


def test_every_rejected_row_is_written_and_counted_in_a_warning(data, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeguard_core.sources.base.MOST_REJECTIONS_KEPT", 5)
    lines = head(data("zeek/iot23_honeypot_5-1.csv"), 100)
    source = written(tmp_path / "x.csv", [*lines, *["broken,line"] * 20])
    done = preprocess([source], tmp_path / "P")
    rows = (tmp_path / "P" / "rejected.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(102, 122))
    assert "20 of 120 rows were rejected (20 wrong number of fields)." in done.warnings


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_must_be_one(tmp_path, share):
    with pytest.raises(SchemaError, match="--test-share is"):
        preprocess([tmp_path / "x"], tmp_path / "P", test_share=share)


def test_something_must_be_left_to_train_on(data, tmp_path):
    with pytest.raises(NotEnoughDataError, match="leaves none of the 360 benign flows"):
        preprocess([data("zeek/zat_conn.log")], tmp_path / "P", test_share=0.9999)
    assert names(tmp_path) == []


def test_force_replaces_an_earlier_result_and_nothing_else(data, tmp_path):
    source, out = data("zeek/zat_conn.log"), tmp_path / "P"
    preprocess([source], out)
    with pytest.raises(OutputError, match="exists already; choose another --out or add --force"):
        preprocess([source], out)
    assert preprocess([source], out, test_share=0.5, force=True).test_flows == 180
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"also holds thesis\.txt, which --force would delete"):
        preprocess([source], out, force=True)
    assert "thesis.txt" in names(out)
    with pytest.raises(OutputError, match="is no folder"):
        preprocess([source], out / "thesis.txt", force=True)


def test_of_two_runs_at_once_the_first_stays(data, tmp_path):
    out = tmp_path / "P"

    def other_run_ends(step):
        if step.stage == "write":
            preprocess([data("zeek/zat_conn.log")], out)

    with pytest.raises(OutputError, match="exists already"):
        preprocess([data(LABELLED)], out, on_progress=other_run_ends)
    assert pq.read_table(out / "train.parquet").num_rows == 288
    assert names(tmp_path) == ["P"]


def test_a_stopped_run_leaves_nothing_behind(data, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess([data("zeek/zat_conn.log")], tmp_path / "P", on_progress=stop)
    assert names(tmp_path) == []


def test_who_is_always_trained_on_keeps_the_history_of_the_whole_file(data):
    flows, report = read_flows([data(LABELLED)])
    normal = normal_flows(flows, report)
    always = np.zeros(len(normal.flows), np.bool_)
    always[[3, 700, len(always) - 1]] = True
    found = parted(flows, report, normal, 0.2, always=always)
    plain = parted(flows, report, normal, 0.2)
    whole = with_context(flows, report.timeline)
    row_of = {line: row for row, line in enumerate(flows.line.tolist())}
    plain_of = {line: row for row, line in enumerate(plain.learned.line.tolist())}
    judged = set(normal.flows.line[always].tolist())
    assert judged <= set(found.learned.line.tolist())
    assert not judged & set(found.held_out.line.tolist())
    assert found.learned.line.tolist() == normal.flows.line[found.positions].tolist()
    differ = 0
    for name in COLUMNS:
        for row, line in enumerate(found.learned.line.tolist()):
            value = found.learned.columns[name][row]
            if line in judged:
                assert value == whole.columns[name][row_of[line]]
                differ += line in plain_of and value != plain.learned.columns[name][plain_of[line]]
            elif line in plain_of:
                assert value == plain.learned.columns[name][plain_of[line]]
    assert differ  # attacks left traces in that history
