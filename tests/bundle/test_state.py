import dataclasses
import json
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from edgeguard_core.bundle import Bundle, StateFolder, save_bundle
from edgeguard_core.errors import OutputError
from edgeguard_core.thresholds import Calibration, Threshold

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CALIBRATION = Calibration.fit(np.arange(1.0, 100.0))


def threshold(value):
    return Threshold(value, "fixed", value, "by hand")


@pytest.fixture
def state(tmp_path):
    return StateFolder(tmp_path / "B1.state")


def add(state, bundle, value, **more):
    return state.add(
        bundle,
        threshold(value),
        **{"who": "ana", "when": NOON, "why": "too loud", "on_what": "monday.csv"} | more,
    )


def test_a_bundle_without_state_uses_its_own(bundle, state):
    current = state.current(bundle)
    assert current.threshold == bundle.threshold
    assert current.calibration is bundle.calibration
    assert (current.origin, current.calibration_origin) == ("bundle", "bundle")
    assert current.meter == "zeek"
    assert current.warnings == ()
    assert not state.path.exists()  # asking writes nothing


def test_the_newest_version_wins_and_the_old_ones_are_kept(bundle, state):
    for value in (1.0, 2.0, 3.0):
        add(state, bundle, value)
    current = state.current(bundle)
    assert (current.threshold.value, current.origin) == (3.0, "state 0003")
    versions = state.thresholds(bundle)
    assert [version.threshold.value for version in versions] == [3.0, 2.0, 1.0]
    assert [path.name for path in sorted(state.path.iterdir())] == [
        "threshold-0001.json",
        "threshold-0002.json",
        "threshold-0003.json",
    ]


def test_a_version_says_who_when_why_and_on_what(bundle, state):
    written = add(state, bundle, 2.0, meter="argus")
    (read,) = state.thresholds(bundle)
    assert read == written
    assert (read.who, read.when, read.why, read.on_what, read.meter) == (
        "ana",
        NOON,
        "too loud",
        "monday.csv",
        "argus",
    )


def test_a_calibration_stays_in_force_until_the_next_one(bundle, state):
    add(state, bundle, 1.0, calibration=CALIBRATION, meter="argus")
    add(state, bundle, 2.0)
    current = state.current(bundle)
    assert (current.origin, current.calibration_origin) == ("state 0002", "state 0001")
    assert current.meter == "argus"
    np.testing.assert_array_equal(
        current.calibration.p_values([50.0])[0], CALIBRATION.p_values([50.0])[0]
    )


@pytest.mark.parametrize("damage", ["flip", "cut", "binary", "empty", "huge", "rename", "folder"])
def test_a_damaged_version_is_skipped_with_a_warning_and_the_one_before_wins(bundle, state, damage):
    add(state, bundle, 1.0)
    add(state, bundle, 2.0)
    file = state.path / "threshold-0002.json"
    if damage == "flip":
        file.write_text(file.read_text().replace('"value": 2.0', '"value": 9.0'))
    elif damage == "cut":
        file.write_text(file.read_text()[:-10])
    elif damage == "rename":
        file = file.rename(state.path / "threshold-0007.json")
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        contents = {"binary": b"\xff\x00", "empty": b"", "huge": b" " * 100_000}
        file.write_bytes(contents[damage])
    current = state.current(bundle)
    assert (current.threshold.value, current.origin) == (1.0, "state 0001")
    (warning,) = current.warnings
    assert file.name in warning
    assert "is skipped: " in warning
    # The damaged one keeps its number: nothing is ever overwritten.
    assert add(state, bundle, 3.0).number == (8 if damage == "rename" else 3)
    assert state.current(bundle).threshold.value == 3.0


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_version_whose_calibration_is_damaged_is_skipped(bundle, state, damage):
    add(state, bundle, 1.0, calibration=CALIBRATION)
    npz = state.path / "calibration-0001.npz"
    npz.unlink() if damage == "missing" else npz.write_bytes(npz.read_bytes()[:-1])
    current = state.current(bundle)
    assert current.origin == "bundle"
    assert "calibration-0001.npz" in current.warnings[0]


def test_a_version_of_a_newer_format_is_skipped(bundle, state):
    add(state, bundle, 1.0)
    file = state.path / "threshold-0001.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))
    assert "its format is 2" in state.current(bundle).warnings[0]


def test_a_threshold_for_another_model_is_skipped(bundle, state, tmp_path):
    add(state, bundle, 1.0)
    other = dataclasses.replace(bundle.parts(), model=bundle.model + b"\0")
    current = state.current(Bundle.load(save_bundle(tmp_path / "B2", other)))
    assert current.origin == "bundle"
    assert "another model" in current.warnings[0]


def test_writers_at_once_get_a_number_each_and_lose_nothing(bundle, state):
    together = threading.Barrier(6)

    def write(value):
        together.wait()
        for step in range(4):
            more = {"calibration": CALIBRATION} if value % 2 else {}
            add(state, bundle, float(10 * value + step + 1), **more)

    threads = [threading.Thread(target=write, args=(value,)) for value in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions, warnings = state.versions(bundle)
    assert warnings == ()
    assert sorted(version.number for version in versions) == list(range(1, 25))
    values = {version.threshold.value for version in versions}
    assert values == {float(10 * value + step + 1) for value in range(6) for step in range(4)}
    for version in versions:
        odd = int((version.threshold.value - 1) // 10) % 2 == 1
        assert (version.calibration is not None) == odd
    assert not list(state.path.glob(".new-*"))


def test_without_hard_links_nothing_is_overwritten_either(bundle, state, monkeypatch):
    def refuse(*_args):
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assert [add(state, bundle, value).number for value in (1.0, 2.0)] == [1, 2]
    assert state.current(bundle).origin == "state 0002"


def test_other_files_in_the_folder_are_left_alone(bundle, state):
    state.path.mkdir()
    for name in ("notes.txt", "threshold-1.json", "threshold-0001.json.bak"):
        (state.path / name).write_text("mine")
    assert add(state, bundle, 1.0).number == 1
    assert state.current(bundle).warnings == ()


@pytest.mark.parametrize(
    ("bundle_path", "folder"), [("models/B1", "B1.state"), ("models/B1.zip", "B1.zip.state")]
)
def test_the_state_folder_stands_beside_the_bundle(tmp_path, bundle_path, folder):
    path = tmp_path / bundle_path
    assert StateFolder.of(path).path == tmp_path / "models" / folder
    assert StateFolder.of(path, tmp_path / "mine").path == tmp_path / "mine"


def test_a_state_folder_that_cannot_be_written_is_one_sentence(bundle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"state folder .*file/S: .*--state"):
        add(StateFolder(tmp_path / "file" / "S"), bundle, 1.0)
