"""What a person may choose about a training: features, size, epochs."""

import numpy as np
import pytest
import trained
from trained import names, noon, request

from edgeguard_core.bundle import Bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.errors import EdgeGuardError, SchemaError
from edgeguard_core.features.context import COLUMNS
from edgeguard_core.pipeline.score import score_files
from edgeguard_core.pipeline.splits import Placing
from edgeguard_core.pipeline.train import train
from edgeguard_core.sources import read_flows

FEW_STEPS = TrainingConfig(steps=5)
UNWANTED = ("service", "src2dst_bytes", "src_gap_s")


@pytest.fixture(scope="module")
def honeypot():
    from support import data

    return data("zeek/iot23_honeypot_5-1.csv")


@pytest.fixture(scope="module")
def leaner(honeypot, tmp_path_factory):
    out = tmp_path_factory.mktemp("leaner") / "B"
    return train(request([honeypot], out, config=FEW_STEPS, left_out=UNWANTED), now=noon).bundle


def test_features_left_out_are_not_read_and_the_bundle_says_so(leaner):
    bundle = Bundle.load(leaner.path)
    assert not set(UNWANTED) & set(bundle.preprocessor.features)
    assert set(UNWANTED) <= set(bundle.preprocessor.absent)
    assert bundle.manifest.training["left_out"] == sorted(UNWANTED)
    card = (bundle.path / "card.md").read_text()
    assert "Left out, as asked: service, src2dst_bytes, src_gap_s." in card
    assert "as the training file lacks them" not in card


def test_the_other_features_are_as_they_were(leaner, zeek):
    """Context is made of columns that may be left out themselves, so it must not change."""
    usual = zeek.bundle.preprocessor.usual
    others = {name: pair for name, pair in usual.items() if name not in UNWANTED}
    assert leaner.preprocessor.usual == others


def test_flows_are_scored_with_a_model_that_lacks_features(leaner, honeypot, tmp_path):
    done = score_files(Detector(leaner), [honeypot], tmp_path / "scores.parquet")
    assert done.to_json()["flows"] == 1374


def test_nothing_left_out_leaves_no_trace(zeek):
    assert "left_out" not in zeek.bundle.manifest.training


def test_a_model_without_context_of_its_own_needs_no_times(honeypot, tmp_path):
    asked = request([honeypot], tmp_path / "B", config=FEW_STEPS, left_out=COLUMNS)
    assert not set(COLUMNS) & set(train(asked, now=noon).bundle.preprocessor.features)


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        (("src2dst_byte",), "no feature 'src2dst_byte'; did you mean src2dst_bytes"),
        (("src_ip",), "no feature 'src_ip'; "),
        (("§",), "no feature '§'; leave out what it has"),
    ],
)
def test_an_unknown_feature_is_named(honeypot, tmp_path, left_out, says):
    with pytest.raises(SchemaError, match=says):
        train(request([honeypot], tmp_path / "B", left_out=left_out), now=noon)
    assert names(tmp_path) == []


def test_something_must_be_left_to_learn(zeek, honeypot, tmp_path):
    everything = zeek.bundle.schema.features
    with pytest.raises(SchemaError, match="All 32 features of schema 'flow' are left out; keep"):
        train(request([honeypot], tmp_path / "B", left_out=everything), now=noon)


def test_epochs_are_passes_over_the_fitted_rows(honeypot, tmp_path):
    done = train(request([honeypot], tmp_path / "B", epochs=1.5), now=noon)
    steps = done.bundle.manifest.training["config"]["steps"]
    unlike = done.bundle.manifest.training["fitted_unlike"]
    assert (steps, unlike) == (6, 924)  # of 256 rows, for 1.5 × 924 of the 1,099 that are fitted
    assert done.epochs == 6 * 256 / 924 >= 1.5


def test_epochs_are_those_steps_and_no_more(zeek, honeypot, tmp_path):
    unlike = zeek.bundle.manifest.training["fitted_unlike"]
    epochs = (trained.STEPS - 0.5) * 256 / unlike
    done = train(request([honeypot], tmp_path / "B", epochs=epochs), now=noon)
    assert done.bundle.model == zeek.bundle.model


@pytest.mark.parametrize("epochs", [0.0, -1.0, float("nan"), float("inf")])
def test_a_number_of_epochs_that_cannot_be_is_told_at_once(tmp_path, epochs):
    with pytest.raises(EdgeGuardError, match="give --epochs a number above 0"):
        train(request([tmp_path / "not there"], tmp_path / "B", epochs=epochs), now=noon)


def test_a_size_is_kept_in_the_bundle(honeypot, tmp_path):
    config = TrainingConfig.of_size("s", steps=5)
    bundle = train(request([honeypot], tmp_path / "B", config=config), now=noon).bundle
    assert bundle.manifest.training["config"]["hidden"] == [32, 16]
    assert TrainingConfig.from_json(bundle.manifest.training["config"]) == config


def test_flows_that_a_person_placed_are_fitted_or_not_and_calibration_keeps_its_part(
    honeypot, tmp_path
):
    flows, _ = read_flows([honeypot])
    lines = flows.line[np.argsort(flows.time_ms, kind="stable")]
    plain = train(request([honeypot], tmp_path / "A", config=FEW_STEPS), now=noon)
    late, early = lines[-7:].tolist(), lines[:5].tolist()
    placing = Placing({honeypot.name: late}, {honeypot.name: [*early, int(lines[-8])]})
    placed = train(request([honeypot], tmp_path / "B", config=FEW_STEPS, placing=placing), now=noon)
    # The seven latest are fitted; of those that are not, the late one goes on calibrating.
    assert placed.fitted == plain.fitted + 7 - 5
    assert placed.calibration_rows == plain.calibration_rows - 7
    elsewhere = Placing({"another.csv": late}, {})
    same = train(request([honeypot], tmp_path / "C", config=FEW_STEPS, placing=elsewhere), now=noon)
    assert same.bundle.model_sha256 == plain.bundle.model_sha256 != placed.bundle.model_sha256
