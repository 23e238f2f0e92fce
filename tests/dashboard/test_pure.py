"""Words, charts, the work folder and the address: functions without a screen."""

import doctest
import importlib
import io
import json
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dashboard
from dashboard import charts, keys, results, safety, wording, workspace
from edgeguard_core.errors import SourceError

# Pages run when they are imported, and so does the entry.
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(dashboard.__path__, "dashboard.")
    if not found.name.startswith(("dashboard.views", "dashboard.app"))
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert not doctest.testmod(importlib.import_module(name)).failed


def test_no_key_is_spelled_twice() -> None:
    classes = [found for found in vars(keys).values() if isinstance(found, type)]
    spelled = [
        value
        for found in classes
        for name, value in vars(found).items()
        if name.isupper() and isinstance(value, str)
    ]
    assert len(spelled) == len(set(spelled)) > 30
    assert all(value.startswith("eg_") for value in spelled)


@pytest.mark.parametrize(
    ("address", "allowed", "fine"),
    [
        ("127.0.0.1", None, True),
        ("127.9.9.9", None, True),
        ("localhost", None, True),
        ("::1", None, True),
        ("[::1]", None, True),
        (None, None, False),
        ("", None, False),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("192.168.1.4", None, False),
        ("edge.example", None, False),
        ("0.0.0.0", "1", True),
        ("0.0.0.0", "0", False),
        ("0.0.0.0", "", False),
    ],
)
def test_only_this_machine_is_served(address: str | None, allowed: str | None, fine: bool) -> None:
    sentence = safety.unsafe_address_sentence(address, allowed)
    assert (sentence is None) == fine
    if sentence is not None:
        assert sentence.count("\n") == 0
        assert safety.ALLOW_REMOTE in sentence


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("threshold", [None, 0.5, 1e9, 1e-9])
def test_the_threshold_is_always_inside_the_axis(dark: bool, threshold: float | None) -> None:
    scores = np.geomspace(0.01, 10, 50)
    histogram = results.histogram(scores, np.full(50, "benign", dtype=object))
    spec = charts.score_histogram(histogram, threshold, dark=dark).to_dict()
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < high
    assert threshold is None or low <= threshold <= high
    colours = spec["layer"][0]["encoding"]["color"]["scale"]
    assert colours["domain"] == ["benign"]
    assert colours["range"] == [charts.palette(dark).benign]


def test_an_empty_histogram_is_still_a_chart() -> None:
    empty = results.histogram(np.array([]), np.array([], dtype=object))
    assert charts.score_histogram(empty, None).to_dict()


def test_feature_bars_are_sorted_by_share() -> None:
    frame = pd.DataFrame({"name": ["a", "b", "c"], "share": [0.1, 0.6, 0.3]})
    spec = charts.feature_shares(frame, most=2).to_dict()
    (rows,) = spec["datasets"].values()
    assert [row["name"] for row in rows] == ["b", "c"]


def test_a_loss_may_fall_below_zero() -> None:
    spec = charts.loss_curve([(50, 0.5), (100, 0.0), (150, -0.25)], 200).to_dict()
    rows = max(spec["datasets"].values(), key=len)
    assert [row["loss"] for row in rows] == [0.5, 0.0, -0.25]
    assert spec["layer"][0]["encoding"]["y"]["scale"].get("type") != "log"


def test_screen_text_stays_plain_where_names_are_not_ours() -> None:
    name = "[click](http://evil) **x** :red[y] $z$ <b>"
    plain = wording.plain(name)
    for letter in "[]*$<":
        assert f"\\{letter}" in plain
    assert wording.plain("src_bytes of conn.log: 4 %") == "src_bytes of conn.log: 4 %"


def test_a_threshold_is_told_with_its_origin() -> None:
    told = wording.threshold_sentence(
        {"value": 1.5, "method": "fixed", "target": None, "calibrated_on": ""}
    )
    assert told == "Threshold 1.5, chosen by fixed."
    here = {"value": 1.5, "calibrated_on": "an office", "set_at": "2026-01-02T12:00:00Z"}
    assert wording.threshold_sentence(here) == (
        "Threshold 1.5, calibrated on an office, set at 2026-01-02T12:00:00Z."
    )
    assert wording.threshold_sentence(None) == ""
    assert wording.threshold_sentence({"value": None}) == ""


def test_an_upload_is_spooled_and_found_again() -> None:
    given = workspace.spool("../../etc/a*b.csv", io.BytesIO(b"x" * 10))
    assert given.path.parent == given.folder
    assert given.size == 10
    assert workspace.find(given.id) == given
    assert workspace.files() == [given]
    workspace.forget(given)
    assert workspace.find(given.id) is None


def test_the_work_folder_is_private(work: Path) -> None:
    assert workspace.root() == work
    assert work.stat().st_mode & 0o077 == 0


def test_the_servers_folder_lists_nothing_outside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captures"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.csv").write_text("x")
    (tmp_path / "secret").write_text("s")
    (folder / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("EDGEGUARD_DATA_DIR", str(folder))
    found = workspace.server_folder()
    assert found is not None
    assert workspace.server_files(found).names == ("deep/a.csv",)
    assert workspace.server_file(found, "deep/a.csv").name == "a.csv"
    for name in ("../secret", "link", "none.csv", "deep"):
        with pytest.raises(SourceError, match="choose one of the list"):
            workspace.server_file(found, name)


def test_bundles_at_hand_come_from_their_manifests() -> None:
    for name, created in (("old", "2026-01-01"), ("new", "2026-02-01")):
        folder = workspace.free_bundle_path(name)
        folder.mkdir()
        manifest = {"created": created, "schema": {"name": "flow"}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    workspace.free_bundle_path("broken").mkdir()
    mine = [bundle for bundle in workspace.bundles() if not bundle.is_demo]
    assert [bundle.name for bundle in mine] == ["new", "old"]
    assert mine[0].fits("flow")
    assert not mine[0].fits("nsl-kdd")
    assert workspace.free_bundle_path("old").name == "old-2"
