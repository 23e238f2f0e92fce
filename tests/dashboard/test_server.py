"""The server itself: where it may listen, and that it says so in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dashboard_app import APP, PATIENCE_S, PROJECT

from dashboard import safety


@pytest.mark.parametrize(("folder", "flags"), [(PROJECT, ["--server.address=0.0.0.0"]), (None, [])])
def test_an_address_that_others_reach_is_refused_at_start(
    tmp_path: Path, folder: Path | None, flags: list[str]
) -> None:
    # From another folder the project's settings are not found, and the default is everywhere.
    answer = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless=true",
         "--server.port=0", "--browser.gatherUsageStats=false", *flags],
        cwd=folder or tmp_path,
        env={name: value for name, value in os.environ.items() if name != safety.ALLOW_REMOTE},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 2
    assert "The dashboard would listen on" in answer.stderr
    assert "Traceback" not in answer.stderr
