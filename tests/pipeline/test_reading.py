import pytest
import trained

from edgeguard_core.errors import SourceError
from edgeguard_core.pipeline.reading import read_all
from edgeguard_core.sources import ReadOptions


def test_one_files_labels_survive_another_file_without_any(data, tmp_path):
    labelled = data("zeek/stratosphere_008_conn.log.labeled.gz")
    flows, report = read_all([labelled, data("zeek/zat_conn.log")], ReadOptions(), lambda _: None)
    assert len(flows) == report.accepted == 5663 + 360
    assert int(flows.is_attack.sum()) == 4201
    assert int(flows.is_benign.sum()) == 1402
    assert int((flows.labels.label == -1).sum()) == 60 + 360


def test_files_without_labels_stay_without(data):
    flows, _ = read_all([data("zeek/zat_conn.log")], ReadOptions(), lambda _: None)
    assert flows.labels is None


def test_progress_rises_to_the_end(data):
    steps = []
    paths = [data("zeek/iot23_honeypot_7-1.csv"), data("zeek/iot23_honeypot_4-1.csv")]
    read_all(paths, ReadOptions(), steps.append)
    assert {step.stage for step in steps} == {"read"}
    shares = [step.done for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_header_alone_holds_no_flow(data, tmp_path):
    lines = trained.head(data("zeek/iot23_honeypot_7-1.csv"), 0)
    with pytest.raises(SourceError, match="no flow below it"):
        read_all([trained.written(tmp_path / "x.csv", lines)], ReadOptions(), lambda _: None)
