import functools

import numpy as np
import pyarrow.parquet as pq
import pytest
from trained import head, written

from edgeguard_core.detection import Detector
from edgeguard_core.errors import OutputError, SchemaError, SourceError
from edgeguard_core.evaluation.flow_sample import StratifiedSample
from edgeguard_core.features.context import with_context
from edgeguard_core.pipeline import details as details_module
from edgeguard_core.pipeline.details import read_details
from edgeguard_core.pipeline.preprocess import preprocess
from edgeguard_core.pipeline.score import score_files
from edgeguard_core.sources import ReadOptions, read_flows

ATTACKED = "zeek/iot23_20-1.csv.gz"


@pytest.fixture
def scored(bundle, data, tmp_path):
    detector = Detector(bundle)
    out, aside = tmp_path / "s.parquet", tmp_path / "d.npz"
    score_files(detector, [data(ATTACKED)], out, details=aside)
    return detector, pq.read_table(out).to_pandas(), read_details(aside)


def test_the_counts_are_of_all_flows(scored, data):
    detector, table, found = scored
    scores = detector.score(with_context(read_flows([data(ATTACKED)])[0]))
    assert found.features == scored[0].features
    assert found.errors.flows.sum() == len(table) == 3209
    assert dict(zip(found.errors.classes, found.errors.flows, strict=True)) == (
        table["class"].value_counts().to_dict()
    )
    mean = np.average(found.errors.mean_error, axis=1, weights=found.errors.flows)
    assert mean == pytest.approx(scores.feature_errors.astype(float).mean(axis=0), rel=1e-6)
    groups = {group.column: group for group in found.groups}
    assert set(groups) >= {"transport", "service", "state"}
    for group in groups.values():
        assert group.counts.sum(axis=(1, 2)).tolist() == [3193, 16, 0]


def test_a_sampled_flow_is_the_one_of_the_table(scored):
    detector, table, found = scored
    sample = found.sample
    assert len(sample) == 3209  # fewer than 4,000, so all
    at = table.iloc[sample.position]
    assert at["row"].tolist() == sample.row.tolist()
    assert at["score"].tolist() == sample.score.tolist()
    assert at["class"].tolist() == sample.class_names.tolist()
    assert sample.latent.shape[1] == detector.bundle.manifest.training["config"]["bottleneck"]
    assert sample.latent.std() > 0
    assert np.isfinite(sample.latent).all()


def test_any_cut_into_batches_gives_the_same_details(bundle, data, tmp_path, monkeypatch):
    small = functools.partial(StratifiedSample, size=100)
    monkeypatch.setattr(details_module, "StratifiedSample", small)
    parquet = preprocess([data(ATTACKED)], tmp_path / "P").test
    found = []
    for size in (13, 65_536):
        aside = tmp_path / f"{size}.npz"
        read = ReadOptions(batch_rows=size)
        score_files(Detector(bundle), [parquet], tmp_path / "s.csv", details=aside, read=read)
        found.append(read_details(aside))
    one, other = found
    assert len(one.sample) <= 100
    assert one.sample.row.tolist() == other.sample.row.tolist()
    assert one.sample.latent == pytest.approx(other.sample.latent)
    assert (one.errors.counts == other.errors.counts).all()


def test_without_labels_all_are_of_one_class(bundle, data, tmp_path):
    aside = tmp_path / "d.npz"
    score_files(Detector(bundle), [data("zeek/zat_conn.log")], tmp_path / "s.csv", details=aside)
    found = read_details(aside)
    assert found.errors.classes == ("unlabelled",)
    assert set(found.sample.label.tolist()) == {-1}


def test_it_is_written_whole_or_not_at_all(bundle, data, tmp_path):
    source = written(tmp_path / "x.csv", head(data("zeek/iot23_honeypot_5-1.csv"), 60))
    detector, aside = Detector(bundle), tmp_path / "d.npz"
    with pytest.raises(OutputError, match="file to be read"):
        score_files(detector, [source], tmp_path / "s.csv", details=source)
    with pytest.raises(OutputError, match="file to be read"):
        score_files(detector, [source], tmp_path / "s.csv", details=tmp_path / "s.csv")
    other = data("cic-ids2017/monday_first_999.csv")
    with pytest.raises(SchemaError):
        score_files(detector, [other], tmp_path / "s.csv", details=aside)
    assert not aside.exists()
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("content", [None, b"", b"PK", b"none"])
def test_a_damaged_file_is_told_in_a_sentence(tmp_path, content):
    path = tmp_path / "d.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="score the file again"):
        read_details(path)


def test_arrays_that_do_not_fit_are_refused(scored, tmp_path):
    *_, found = scored
    content = details_module.load_arrays(details_module.dump_details(found))
    for name, wrong in (
        ("sample.row", content["sample.row"][1:]),
        ("sample.feature_errors", content["sample.feature_errors"][:, 1:]),
        ("format", np.array([9])),
        ("errors.flows", content["errors.flows"][1:]),
    ):
        path = tmp_path / "d.npz"
        path.write_bytes(details_module.dump_arrays(content | {name: wrong}))
        with pytest.raises(SourceError, match="score the file again"):
            read_details(path)
