"""Flows written as CSV are read back as they were."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from edgeguard_core.errors import OutputError
from edgeguard_core.flows.table import UNLABELLED, Flows, Labels
from edgeguard_core.sources import open_source, read_flows
from edgeguard_core.sources.synthesis import (
    ATTACKS,
    SynthesisRequest,
    synthesise,
    write_flows_csv,
)


@pytest.mark.parametrize("name", ["flows.csv", "flows.csv.gz"])
@pytest.mark.parametrize("profile", ["office", "home"])
def test_every_cell_and_label_comes_back(tmp_path: Path, name: str, profile: str) -> None:
    flows = synthesise(SynthesisRequest(profile, flows=1500, seed=5, attacks=tuple(ATTACKS)))
    path = tmp_path / name
    write_flows_csv(path, flows)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert open_source(path).schema.name == "flow"
    again, report = read_flows([path])
    assert report.accepted == len(flows)
    assert report.rejected.total() == 0
    assert report.all_warnings() == []
    for column, values in flows.columns.items():
        np.testing.assert_array_equal(again.columns[column], values, err_msg=column)
    assert flows.labels is not None
    assert again.labels is not None
    np.testing.assert_array_equal(again.labels.label, flows.labels.label)
    np.testing.assert_array_equal(again.labels.class_name, flows.labels.class_name)


def test_what_is_missing_stays_missing(tmp_path: Path) -> None:
    flows = synthesise(SynthesisRequest(flows=4, seed=5))
    columns = {**flows.columns, "src2dst_bytes": np.array([1.5, np.nan, 3e300, 7.0])}
    columns["uid"] = np.array(["C1", None, 'a,"b"', "C4"], object)
    label = np.array([0, 1, UNLABELLED, 0], np.int8)
    labels = Labels(label, np.array(["benign", "worm, new", "unlabelled", "benign"], object))
    path = tmp_path / "flows.csv"
    write_flows_csv(path, Flows(flows.schema, columns, labels, flows.line))
    again, _ = read_flows([path])
    np.testing.assert_array_equal(again.columns["src2dst_bytes"], columns["src2dst_bytes"])
    assert again.columns["uid"].tolist() == columns["uid"].tolist()
    assert again.labels is not None
    assert again.labels.class_name.tolist() == labels.class_name.tolist()
    assert again.labels.label.tolist() == label.tolist()


def test_unlabelled_flows_have_no_label_columns(tmp_path: Path) -> None:
    flows = synthesise(SynthesisRequest(flows=10))
    path = tmp_path / "flows.csv"
    write_flows_csv(path, Flows(flows.schema, flows.columns, None, flows.line))
    assert "label" not in path.read_text().splitlines()[0].split(",")


def test_the_same_flows_give_the_same_bytes(tmp_path: Path) -> None:
    flows = synthesise(SynthesisRequest(flows=50))
    one, two = tmp_path / "one.csv.gz", tmp_path / "two.csv.gz"
    write_flows_csv(one, flows)
    write_flows_csv(two, flows)
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()).count(b"\n") == 51


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Cannot write"):
        write_flows_csv(tmp_path / "no" / "flows.csv", synthesise(SynthesisRequest(flows=5)))
    assert list(tmp_path.iterdir()) == []
