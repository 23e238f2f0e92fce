import shutil

import pytest
from trained import names, noon

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.errors import BundleError, ConversionError, EdgeGuardError, ParityError
from edgeguard_core.pipeline.convert import convert_bundle
from edgeguard_core.pipeline.judge import score_all


@pytest.mark.parametrize("variant", ["float32", "float16", "dynamic_int8"])
def test_each_variant_becomes_a_bundle_that_keeps_the_promise(bundle, data, tmp_path, variant):
    done = convert_bundle(bundle, variant, tmp_path / "C", now=noon)
    assert set(done.to_json()) >= {"bundle", "variant", "bytes", "parity"}
    assert {"spearman", "verdict_jaccard"} <= set(done.parity)
    converted = Bundle.load(done.bundle)
    assert converted.variant == done.variant == variant
    assert len(converted.model) == done.bytes
    assert converted.threshold.promised_false_positive_rate == 0.01
    assert converted.calibration.n == 275
    assert int(converted.calibration.sketch.counts_at(converted.threshold.value).sum()) <= 2
    if variant == "float32":
        assert converted.model == bundle.model
        assert converted.threshold == bundle.threshold
    else:
        assert done.bytes < len(bundle.model)
    flows = score_all(Detector(converted), [data("zeek/zat_conn.log")])
    assert len(flows.scores) == 360


def test_a_variant_converts_back_to_the_model_it_came_from(bundle, tmp_path):
    small = convert_bundle(bundle, "int8", tmp_path / "S.zip", now=noon)
    assert small.bundle.is_file()
    again = convert_bundle(Bundle.load(small.bundle), "float32", tmp_path / "R", now=noon)
    assert Bundle.load(again.bundle).model == bundle.model


@pytest.mark.parametrize(
    ("variant", "error", "says"),
    [
        ("full_int8", ParityError, "full_int8 does not answer like float32: Spearman is"),
        ("int3", ConversionError, "No variant is called 'int3'"),
    ],
)
def test_what_cannot_answer_alike_is_refused_and_nothing_written(
    bundle, tmp_path, variant, error, says
):
    before = names(tmp_path)
    with pytest.raises(error, match=says):
        convert_bundle(bundle, variant, tmp_path / "C", now=noon)
    assert names(tmp_path) == before


def test_a_bundle_on_its_way_to_the_edge_has_no_weights_to_convert(bundle, tmp_path):
    from dataclasses import replace

    from edgeguard_core.bundle import save_bundle

    path = save_bundle(tmp_path / "E", replace(bundle.parts(), weights=None, parity=None))
    with pytest.raises(BundleError, match=r"weights\.npz"):
        convert_bundle(Bundle.load(path), "float16", tmp_path / "C", now=noon)


def test_a_place_that_is_taken_is_refused_before_any_work(bundle, tmp_path):
    shutil.copytree(bundle.path, tmp_path / "C")
    with pytest.raises(BundleError, match="exists already"):
        convert_bundle(bundle, "float16", tmp_path / "C", now=noon)
    assert convert_bundle(bundle, "float16", tmp_path / "C", now=noon, force=True).variant
    (tmp_path / "file").write_text("x")
    with pytest.raises(EdgeGuardError, match="Not a directory"):
        convert_bundle(bundle, "float16", tmp_path / "file" / "C", now=noon)
