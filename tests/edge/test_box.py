"""The package of edgeguard deploy on a box: installed by its installer, in an empty folder.

One environment for all tests here. It is what a box has, and nothing that this machine has.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from support import PROJECT, data

from edgeguard_core.bundle import Bundle, SigningKey, generate_key
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import with_context
from edgeguard_core.pipeline.deploy import LISTS, deploy_bundle
from edgeguard_core.sources import read_flows

pytestmark = pytest.mark.slow

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
CAPTURE = "zeek/iot23_honeypot_4-1.csv"
NOT_ON_A_BOX = (
    "tensorflow", "tensorflow-cpu", "keras", "streamlit", "scikit-learn", "pandas", "pyarrow",
    "scipy", "typer", "rich", "pip", "setuptools",
)  # fmt: skip
MODULES = (
    "tensorflow", "keras", "streamlit", "sklearn", "pandas", "pyarrow", "scipy", "typer", "rich",
    "sqlalchemy", "paho", "psycopg", "nfstream",
)  # fmt: skip

SCORE = """
import json, sys
import numpy as np
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import with_context
from edgeguard_core.sources import read_flows
detector = Detector(Bundle.load(sys.argv[1], require_signature=sys.argv[2]))
flows, report = read_flows([sys.argv[3]])
scored = detector.score(with_context(flows))
print(json.dumps({
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "home": detector.bundle.__class__.__module__ and sys.modules["edgeguard_core"].__file__,
    "scores": scored.scores.tolist(),
    "alerts": detector.threshold.alerts(scored.scores).tolist(),
}))
"""
WATCH = """
import json, sys
from edgeguard_core.cli import run
sys.argv = ["edgeguard", "watch", *sys.argv[1:]]
code = run()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""
INSTALLED = """
import importlib.metadata as m, json, re
print(json.dumps({re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): [
    re.split(r"[^A-Za-z0-9._-]", line)[0] for line in d.requires or []
    if not re.search("extra|armv7l|Windows|win32", line)
] for d in m.distributions()}))
"""


@dataclass(frozen=True)
class Box:
    """An installed box below a folder, and the package that it came from."""

    package: Path
    root: Path
    key: Path  # public

    @property
    def python(self) -> Path:
        return self.root / "opt/edgeguard/current/bin/python"

    @property
    def bundles(self) -> Path:
        return self.root / "var/lib/edgeguard/bundles"

    @property
    def settings(self) -> Path:
        return self.root / "etc/edgeguard/edgeguard.yaml"

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", self.package / "install.sh", "--root", self.root, *words]
        command += [] if "--uninstall" in words else ["--python", sys.executable]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A program of the box, without anything of this machine's environment."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.root)}
        return subprocess.run(
            list(map(str, words)),
            capture_output=True,
            text=True,
            env=environment,
            cwd=self.root,
            check=False,
        )


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return generate_key(tmp_path_factory.mktemp("keys") / "team.key")


@pytest.fixture(scope="module")
def box(tmp_path_factory, key) -> Box:
    folder = tmp_path_factory.mktemp("box")
    demo = Bundle.load(PROJECT / "models" / "demo")
    secret = SigningKey.read(key.private)
    package = deploy_bundle(demo, folder / "package", now=NOON, key=secret).out
    made = Box(package, folder / "root", key.public)
    done = made.install("--key", str(key.public))
    assert done.returncode == 0, done.stderr
    assert "is in use and answers as it should; signed by key" in done.stdout
    return made


@pytest.fixture(scope="module")
def scored(box):
    done = box.run(
        box.python, "-c", SCORE, box.bundles / "current", box.root / "etc/edgeguard/keys",
        data(CAPTURE),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_heavy_is_installed_and_nothing_is_missing(box):
    there = json.loads(box.run(box.python, "-c", INSTALLED).stdout)
    assert set(NOT_ON_A_BOX) & set(there) == set()
    assert {"edgeguard", "numpy", "pyyaml", "cryptography", "ai-edge-litert"} <= set(there)
    names = {name.lower() for requirements in there.values() for name in requirements}
    needed = {name.replace("_", "-").replace(".", "-") for name in names}
    assert needed - set(there) == set()


def test_nothing_heavy_is_imported_to_score(box, scored):
    assert set(MODULES) & set(scored["modules"]) == set()
    assert {"numpy", "yaml", "ai_edge_litert", "cryptography"} <= set(scored["modules"])
    assert scored["home"].startswith(str(box.root))


def test_a_watch_tells_what_it_tells_here_and_imports_nothing_heavy(box, tmp_path):
    rest = [data(CAPTURE), "--until-end", "--from-start", "--sensor", "box", "--jsonl", "-"]
    there = box.run(
        box.python, "-c", WATCH, box.bundles / "current", *rest, "--state", tmp_path / "there",
        "--require-signature", box.root / "etc/edgeguard/keys",
    )  # fmt: skip
    here = subprocess.run(
        [sys.executable, "-m", "edgeguard_core.cli", "watch", PROJECT / "models" / "demo", *rest,
         "--state", tmp_path / "here"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert there.returncode == 0, there.stderr
    assert set(MODULES) & set(json.loads(there.stderr.splitlines()[-1])) == set()
    alerts, beats = _told(there.stdout)
    assert len(alerts) > 20
    assert alerts == _told(here.stdout)[0]
    assert beats[-1]["edgeguard"]["bundle"]["signed"]


def _told(lines):
    """Ids of the alerts, and the heartbeats."""
    said = [json.loads(line) for line in lines.splitlines()]
    alerts = {line["event"]["id"] for line in said if line["kind"] == "alert"}
    return alerts, [line for line in said if line["kind"] == "heartbeat"]


def test_the_settings_of_a_package_are_those_that_a_watch_reads(box):
    done = box.run(
        box.python.with_name("edgeguard"), "config", "check", box.package / "edgeguard.yaml"
    )
    assert "no setting" not in done.stderr + done.stdout
    # This machine may have no such folders, may have an eth0, and the box has no packet meter.
    here = ("/var/lib/edgeguard", "install.sh --with capture")
    problems = done.stderr.splitlines()
    assert all(any(word in problem for word in here) for problem in problems)
    assert done.returncode == (2 if problems else 0)


def test_a_box_gives_the_verdicts_of_the_machine_that_made_its_bundle(scored):
    flows, _ = read_flows([data(CAPTURE)])
    here = Detector(Bundle.load(PROJECT / "models" / "demo"))
    expected = here.score(with_context(flows))
    np.testing.assert_allclose(scored["scores"], expected.scores, rtol=1e-5, atol=1e-6)
    assert scored["alerts"] == here.threshold.alerts(expected.scores).tolist()


def test_the_command_is_there_and_says_what_it_lacks(box):
    done = box.run(box.python.with_name("edgeguard"), "train", "x")
    assert done.returncode == 2
    assert done.stderr.startswith("edgeguard: ")


def test_installing_again_changes_nothing_and_keeps_settings(box):
    box.settings.write_text("source: eth7\n")
    before = {p: p.stat().st_mtime_ns for p in (box.root / "opt/edgeguard").glob("venv-*/complete")}
    done = box.install()
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stdout
    assert box.settings.read_text() == "source: eth7\n"
    after = {p: p.stat().st_mtime_ns for p in (box.root / "opt/edgeguard").glob("venv-*/complete")}
    assert after == before
    assert len(after) == 1
    assert box.settings.stat().st_mode & 0o007 == 0


def test_a_bundle_that_this_box_refuses_changes_nothing(box, tmp_path):
    """A package whose bundle answers otherwise: sums made to fit, so that only the proof tells."""
    package = Path(shutil.copytree(box.package, tmp_path / "package"))
    with zipfile.ZipFile(package / "bundle.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files.pop("golden.npz")
    with zipfile.ZipFile(package / "bundle.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    sums = subprocess.run(
        ["sha256sum", *sorted(line.split("  ")[1] for line in _lines(package / "SHA256SUMS"))],
        cwd=package, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (package / "SHA256SUMS").write_text(sums)
    current = (box.bundles / "current").readlink()
    done = Box(package, box.root, box.key).install()
    assert done.returncode == 2
    assert "the bundle was refused (reason above)" in done.stderr
    assert (box.bundles / "current").readlink() == current


def _lines(path):
    return path.read_text().splitlines()


def test_uninstalling_leaves_settings_and_purging_nothing(box, tmp_path):
    copy = Box(box.package, tmp_path / "root", box.key)
    shutil.copytree(box.root, copy.root, symlinks=True, copy_function=os.link)
    done = copy.install("--uninstall")
    assert done.returncode == 0, done.stderr
    assert not (copy.root / "opt/edgeguard").exists()
    assert not (copy.root / "etc/systemd/system/edgeguard.service").exists()
    assert copy.settings.exists()
    assert (copy.bundles / "current").exists()
    assert copy.install("--uninstall", "--purge").returncode == 0
    assert [p for p in copy.root.rglob("*") if not p.is_dir()] == []
    assert box.python.exists()


def test_every_list_resolves_by_hash_alone_to_wheels(box):
    """What --with adds, all of it at once; nothing is installed."""
    added = [name for name in LISTS if name != "requirements-edge.txt"]
    lists = [part for name in added for part in ("-r", str(box.package / name))]
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
            "--require-hashes", "--no-deps", "--only-binary", ":all:", "--report", "-", *lists,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    chosen = {item["metadata"]["name"].lower() for item in json.loads(done.stdout)["install"]}
    assert {"nfstream", "paho-mqtt", "sqlalchemy", "psycopg"} <= chosen
    assert not chosen & set(NOT_ON_A_BOX)
