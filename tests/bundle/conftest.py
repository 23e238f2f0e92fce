import shutil
from pathlib import Path

import pytest

from edgeguard_core.bundle import Bundle

V1 = Path(__file__).parent / "fixtures" / "v1"


@pytest.fixture(scope="session")
def bundle():
    return Bundle.load(V1)


@pytest.fixture
def copy(tmp_path):
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(V1, tmp_path / "B1"))
