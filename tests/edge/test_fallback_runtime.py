"""A float32 bundle runs where only tflite-runtime and NumPy 1 exist, as on 32-bit ARM."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import PROJECT, data

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import with_context
from edgeguard_core.sources import read_flows

pytestmark = pytest.mark.slow

CAPTURE = "zeek/iot23_honeypot_4-1.csv"
OLD_SET = ("tflite-runtime==2.14.0", "numpy<2", "pyyaml", "cryptography")

SCRIPT = """
import json, sys
import numpy as np
from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.features.context import with_context
from edgeguard_core.inference import runtime_name
from edgeguard_core.sources import read_flows
bundle, capture = sys.argv[1:3]
detector = Detector(Bundle.load(bundle))
flows, report = read_flows([capture])
scored = detector.score(with_context(flows))
print(json.dumps({
    "runtime": runtime_name(),
    "numpy": np.__version__,
    "heavy": sorted({"pandas", "pyarrow", "sklearn", "scipy", "tensorflow"} & set(sys.modules)),
    "rows": report.rows,
    "scores": scored.scores.tolist(),
    "severity": scored.severity.tolist(),
}))
"""


@pytest.fixture(scope="module")
def old_python(tmp_path_factory) -> Path:
    """A Python 3.11 with the old runtime, NumPy 1 and nothing else heavy."""
    python = shutil.which("python3.11") or sys.executable
    probe = [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 11))"]
    if subprocess.run(probe, check=False).returncode:
        pytest.skip("tflite-runtime has no wheel past Python 3.11, and there is no python3.11")
    folder = tmp_path_factory.mktemp("old") / "environment"
    subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    install += ["--disable-pip-version-check"]
    subprocess.run([*install, *OLD_SET], check=True, capture_output=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "home"
    command = [sys.executable, "-m", "edgeguard_core.cli", "train", data(CAPTURE)]
    command += ["--out", out, "--steps", "100", "--json"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return out


def run_there(python: Path, bundle: Path) -> dict:
    done = subprocess.run(
        [python, "-c", SCRIPT, bundle, data(CAPTURE)],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_old_runtime_gives_the_scores_of_the_new_one(old_python, bundle):
    found = run_there(old_python, bundle)
    assert found["runtime"] == "tflite_runtime"
    assert found["numpy"].startswith("1.")
    assert found["heavy"] == []
    flows, report = read_flows([data(CAPTURE)])
    here = Detector(Bundle.load(bundle))
    scored = here.score(with_context(flows))
    assert found["rows"] == report.rows == 452
    np.testing.assert_allclose(found["scores"], scored.scores, rtol=1e-4, atol=1e-6)
    # A conformal threshold stands just above a score that was seen: the runtimes differ by less
    # than a millionth, so only a flow exactly there may change its verdict.
    there = np.array(found["scores"], np.float32)
    far = np.abs(there / here.threshold.value - 1) > 1e-5
    assert far.sum() >= len(far) - 2
    np.testing.assert_array_equal(
        here.threshold.alerts(there)[far], here.threshold.alerts(scored.scores)[far]
    )
    # Among the 90 calibration flows themselves a tie that breaks moves the p-value by a rank.
    assert np.mean(np.array(found["severity"]) == scored.severity) > 0.9
