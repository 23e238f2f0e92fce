"""The tests that need MLflow, run in the environment that holds it beside the project."""

import os
import subprocess

import pytest
from mlflow_store import IS_THERE
from support import PROJECT

PYTHON = PROJECT / ".venv-mlops" / "bin" / "python"
FILES = ("tests/pipeline/test_tracking.py", "tests/pipeline/runs/test_tracked.py")


@pytest.mark.slow
@pytest.mark.skipif(IS_THERE, reason="MLflow is in this environment: its tests run by themselves")
@pytest.mark.skipif(
    not PYTHON.is_file() and os.environ.get("CI") != "true",
    reason="MLflow is not installed in .venv-mlops: make environment-mlops",
)
def test_what_is_logged_is_read_back_by_mlflow_itself():
    # What this run of pytest says of itself is not meant for that one.
    ours = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", *FILES],
        env={**ours, "EDGEGUARD_NEEDS_MLFLOW": "1"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " skipped" not in done.stdout
