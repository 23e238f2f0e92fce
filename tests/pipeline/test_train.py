import gzip
import json
import os
import select
import signal
import subprocess
import sys

import numpy as np
import pytest
import trained
from trained import head, names, noon, request, written

from edgeguard_core.bundle import Bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import (
    BundleError,
    ConversionError,
    EdgeGuardError,
    NotEnoughDataError,
    OutputError,
    ParityError,
    TrainingCancelled,
)
from edgeguard_core.features.context import with_context
from edgeguard_core.features.prototypes import rounded
from edgeguard_core.flows.table import BENIGN
from edgeguard_core.pipeline.train import train
from edgeguard_core.sources import ReadOptions, read_flows

FEW_STEPS = TrainingConfig(steps=5)
LABELLED = "zeek/stratosphere_008_conn.log.labeled.gz"


@pytest.fixture
def honeypot(data):
    return data("zeek/iot23_honeypot_5-1.csv")


def test_what_is_written_is_a_bundle_with_its_figures(zeek):
    result = zeek.to_json()
    assert {"bundle", "flows", "benign", "epochs", "seconds", "variants", "threshold"} <= set(
        result
    )
    assert (result["flows"], result["benign"], result["fitted"]) == (1374, 1374, 1099)
    assert result["calibration"] == {"flows": 275, "split": "time"}
    assert set(result["variants"]) == {"float32", "float16", "dynamic_int8"}
    assert all(
        {"bytes", "spearman", "verdict_jaccard"} <= set(v) for v in result["variants"].values()
    )
    assert set(result["threshold"]) == {"value", "method", "target"}
    assert result["threshold"]["method"] == "conformal"
    assert result["threshold"]["target"] == 0.01
    json.dumps(result, allow_nan=False)
    bundle = Bundle.load(zeek.bundle.path)
    assert bundle.manifest.created == "2026-01-02T12:00:00+00:00"
    assert bundle.manifest.data["benign"] == 1374
    assert bundle.manifest.training["seed"] == 0
    assert bundle.manifest.promised_false_positive_rate == 0.01
    assert len(bundle.model) < 100_000
    assert 20 <= len(bundle.prototypes) <= 256
    assert len(bundle.files["prototypes.npz"]) < 65_536


def test_calibration_is_the_latest_fifth_and_was_never_fitted(zeek, honeypot):
    flows = with_context(read_flows([honeypot])[0])
    order = np.argsort(flows.time_ms, kind="stable")
    latest = flows.select(np.sort(order[len(flows) - 275 :]))
    from edgeguard_core.inference import Scorer
    from edgeguard_core.thresholds import Calibration, conformal

    scores = Scorer(zeek.bundle.model).score(zeek.bundle.preprocessor.transform(latest)).score
    again = conformal(Calibration.fit(scores).sketch, 0.01, "")
    assert again.value == zeek.bundle.threshold.value
    assert zeek.bundle.threshold.calibrated_on.startswith("the latest fifth of the benign flows")


def test_no_flow_of_the_calibration_fifth_changes_the_model(zeek, honeypot, tmp_path):
    lines = head(honeypot, 1374)
    rows = [line.split(",") for line in lines[1:]]
    latest = sorted(range(len(rows)), key=lambda row: float(rows[row][0]))[-275:]
    for place, row in enumerate(latest[:200]):  # like one of the last 75 flows, at its own time
        rows[row] = [rows[row][0], *rows[latest[200 + place % 75]][1:]]
    source = written(tmp_path / "x.csv", [lines[0], *map(",".join, rows)])
    other = train(request([source], tmp_path / "B"), now=noon)
    assert other.bundle.model == zeek.bundle.model
    assert other.bundle.threshold.value != zeek.bundle.threshold.value


def test_without_times_calibration_is_drawn_at_random(cic):
    assert cic.split == "random"
    assert cic.calibration_rows == 200
    assert any("stands twice" in warning for warning in cic.warnings)


@pytest.fixture(scope="module")
def benign_alone(tmp_path_factory):
    """What training on the benign rows of a labelled file gave."""
    folder = tmp_path_factory.mktemp("alone")
    lines = _labelled_lines()
    return train(
        request(
            [written(folder / "x.log", [x for x in lines if x[0] == "#" or _label(x) == "Benign"])],
            folder / "B",
            config=FEW_STEPS,
        ),
        now=noon,
    )


def _labelled_lines():
    from support import data

    return gzip.decompress(data(LABELLED).read_bytes()).decode().splitlines()


def _label(line):
    return next(word for word in line.split() if word in ("Benign", "Malicious", "Background"))


def test_attacks_and_unlabelled_rows_of_a_file_are_never_learned(benign_alone, data, tmp_path):
    everything = train(request([data(LABELLED)], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert everything.flows > everything.benign == benign_alone.benign == benign_alone.flows
    assert everything.bundle.model == benign_alone.bundle.model
    assert everything.bundle.threshold.value == benign_alone.bundle.threshold.value
    assert any("unlabelled flows are left out" in warning for warning in everything.warnings)


def test_unlabelled_rows_are_learned_when_asked(benign_alone, data, tmp_path):
    asked = request([data(LABELLED)], tmp_path / "B", config=FEW_STEPS, take_unlabelled=True)
    done = train(asked, now=noon)
    assert done.benign == benign_alone.benign + 60
    assert done.bundle.model != benign_alone.bundle.model


def test_without_any_label_all_is_learned_and_the_person_is_told(data, tmp_path):
    done = train(request([data("zeek/zat_conn.log")], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert done.benign == done.flows == 360
    assert "No flow is labelled: all are taken as benign." in done.warnings


def test_few_calibration_rows_raise_the_promise_and_say_so(data, tmp_path):
    lines = head(data("zeek/iot23_honeypot_5-1.csv"), 100)
    source = written(tmp_path / "x.csv", lines)
    done = train(request([source], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert done.calibration_rows == 20
    assert done.bundle.threshold.target == done.to_json()["threshold"]["target"] == 1 / 21
    assert done.bundle.threshold.promised_false_positive_rate == 1 / 21
    assert any("cannot promise a false-alarm rate of 0.01" in warning for warning in done.warnings)


def test_fewer_than_fifty_benign_rows_are_refused(data, tmp_path):
    source = written(tmp_path / "x.csv", head(data("zeek/iot23_honeypot_5-1.csv"), 49))
    with pytest.raises(NotEnoughDataError, match="49 benign flows are too few"):
        train(request([source], tmp_path / "B"), now=noon)
    assert names(tmp_path) == ["x.csv"]


def test_another_seed_gives_another_model(zeek, honeypot, tmp_path):
    config = TrainingConfig(steps=trained.STEPS, seed=1)
    other = train(request([honeypot], tmp_path / "B", config=config), now=noon)
    assert other.to_json()["seed"] == 1
    assert other.bundle.model != zeek.bundle.model


def test_rows_stay_home_unless_they_are_asked_for(zeek, honeypot, tmp_path):
    asked = request([honeypot], tmp_path / "B.zip", config=FEW_STEPS, keep_rows=True)
    done = train(asked, now=noon)
    assert done.bundle.path.is_file()
    held_out = _inputs_of_the_latest(done.bundle, honeypot)
    np.testing.assert_array_equal(done.bundle.arrays("parity.npz")["numeric"], held_out.numeric)
    synthetic = zeek.bundle.arrays("parity.npz")["numeric"]
    real = {row.tobytes() for row in _inputs_of_the_latest(zeek.bundle, honeypot).numeric}
    assert len(synthetic) == 2_000
    assert not {row.tobytes() for row in synthetic} & real


def test_prototypes_are_of_the_fitted_flows_and_hold_no_address(zeek, honeypot):
    inputs = zeek.bundle.prototypes.inputs
    flows = with_context(read_flows([honeypot])[0])
    order = np.argsort(flows.time_ms, kind="stable")
    fitted = zeek.bundle.preprocessor.transform(flows.select(np.sort(order[: len(flows) - 275])))
    rows = {row.tobytes() for row in rounded(fitted.numeric)}
    assert {row.tobytes() for row in inputs.numeric} <= rows
    assert set(zeek.bundle.arrays("prototypes.npz")) == {"numeric", "categorical"}


def _inputs_of_the_latest(bundle, path):
    flows = with_context(read_flows([path])[0])
    order = np.argsort(flows.time_ms, kind="stable")
    return bundle.preprocessor.transform(flows.select(np.sort(order[len(flows) - 275 :])))


def test_the_variant_asked_for_ships_with_the_calibration_of_its_own_scores(honeypot, tmp_path):
    done = train(request([honeypot], tmp_path / "B", variant="int8"), now=noon)
    assert done.bundle.variant == "dynamic_int8"
    from edgeguard_core.inference import Scorer

    scores = Scorer(done.bundle.model).score(_inputs_of_the_latest(done.bundle, honeypot)).score
    alarms = int(done.bundle.threshold.alerts(scores).sum())
    assert alarms <= 0.01 * 276
    assert done.bundle.calibration.n == 275
    p_values, _ = done.bundle.calibration.p_values(scores)
    assert p_values.max() == 1.0


def test_full_int8_is_refused_by_its_parity_and_nothing_is_written(honeypot, tmp_path):
    with pytest.raises(ParityError, match="full_int8 does not answer like float32: Spearman"):
        train(request([honeypot], tmp_path / "B", variant="full_int8"), now=noon)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("slip", "error", "says"),
    [
        ({"promise": 0.0}, EdgeGuardError, "rate of 0 cannot be promised"),
        ({"promise": float("nan")}, EdgeGuardError, "rate of nan cannot be promised"),
        ({"variant": "float99"}, ConversionError, "No variant is called 'float99'"),
    ],
)
def test_a_slip_is_told_before_any_file_is_read(tmp_path, slip, error, says):
    with pytest.raises(error, match=says):
        train(request([tmp_path / "not there"], tmp_path / "B", **slip), now=noon)


def test_nothing_but_a_bundle_is_ever_replaced(zeek, honeypot, tmp_path):
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="exists already; choose another --out or add --force"):
        train(request([honeypot], tmp_path / "B"), now=noon)
    with pytest.raises(BundleError, match="is no bundle"):
        train(request([honeypot], tmp_path / "B", force=True), now=noon)
    assert (tmp_path / "B" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(OutputError, match="Not a directory"):
        train(request([honeypot], tmp_path / "B" / "thesis.txt" / "B"), now=noon)


@pytest.mark.parametrize("stage", ["read", "train", "convert", "write"])
def test_stopping_at_any_stage_leaves_nothing_behind(honeypot, tmp_path, stage):
    seen = []

    def stop(step):
        seen.append(step.stage)
        if step.stage == stage and (step.loss is not None or stage != "train"):
            raise TrainingCancelled("Cancelled.")

    with pytest.raises(TrainingCancelled):
        train(request([honeypot], tmp_path / "B", config=FEW_STEPS), now=noon, on_progress=stop)
    assert seen[-1] == stage
    assert names(tmp_path) == []


def test_a_failing_run_with_force_keeps_the_bundle_that_was_there(bundle, honeypot):
    def stop(step):
        if step.stage == "write":
            raise TrainingCancelled("Cancelled.")

    asked = request([honeypot], bundle.path, config=FEW_STEPS, force=True)
    with pytest.raises(TrainingCancelled):
        train(asked, now=noon, on_progress=stop)
    assert Bundle.load(bundle.path).model == bundle.model
    assert names(bundle.path.parent) == [bundle.path.name]


def _as_soon_as_written(fifo):
    """The pipe once somebody writes into it; a child that dies before must not block for good."""
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    ready, _, _ = select.select([descriptor], [], [], 300)
    assert ready, "the child wrote no progress"
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor)


@pytest.fixture
def heard(ending):
    """Under nohup this process ignores a hangup, and its children would, too."""
    before = signal.signal(ending, signal.SIG_DFL)
    yield
    signal.signal(ending, before)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP], ids=["stop", "hangup"])
def test_a_process_that_is_told_to_end_leaves_nothing_behind(honeypot, tmp_path, ending, heard):
    # A pipe as the progress file: reading it waits for the child, without any sleep.
    os.mkfifo(tmp_path / "progress")
    command = [sys.executable, "-m", "edgeguard_core.cli", "train", str(honeypot)]
    command += ["--out", str(tmp_path / "B"), "--steps", "100000", "--json"]
    command += ["--progress", str(tmp_path / "progress")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        with _as_soon_as_written(tmp_path / "progress") as stream:
            steps = map(json.loads, stream)
            assert any(step["loss"] is not None for step in steps)
            child.send_signal(ending)
            last = list(steps)[-1]
        out, err = child.communicate()
    assert child.returncode == 130
    assert out == b""
    assert err == b"edgeguard: Cancelled; nothing was written.\n"
    assert last["stage"] == "failed"
    assert names(tmp_path) == ["progress"]


def test_two_processes_with_the_same_seed_write_the_same_model(zeek, honeypot, tmp_path):
    command = [sys.executable, "-m", "edgeguard_core.cli", "train", str(honeypot)]
    command += ["--out", str(tmp_path / "B"), "--steps", str(trained.STEPS), "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""  # TensorFlow has nothing to say
    assert json.loads(done.stdout)["bundle"] == str(tmp_path / "B")
    for name in ("model.tflite", "threshold.json", "calibration.npz", "weights.npz"):
        mine = (zeek.bundle.path / name).read_bytes()
        assert (tmp_path / "B" / name).read_bytes() == mine, name


def test_a_network_of_ones_own_is_kept_for_scoring(data, tmp_path):
    read = ReadOptions(local_networks=("203.0.113.0/24",))
    source = data("zeek/iot23_honeypot_4-1.csv")
    done = train(request([source], tmp_path / "B", config=FEW_STEPS, read=read), now=noon)
    assert done.bundle.manifest.data["local_networks"] == ["203.0.113.0/24"]


def test_the_files_of_a_folder_are_one_training_set(data, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("4-1", "7-1"):
        source = data(f"zeek/iot23_honeypot_{name}.csv")
        (folder / source.name).write_bytes(source.read_bytes())
    done = train(request([folder], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert done.flows == 452 + 130
    files = [file["name"] for file in done.bundle.manifest.data["files"]]
    assert files == ["iot23_honeypot_4-1.csv", "iot23_honeypot_7-1.csv"]
    flows, _ = read_flows([folder])
    assert done.benign == int((flows.labels.label == BENIGN).sum())
