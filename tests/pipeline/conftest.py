import shutil

import pytest
import trained

from edgeguard_core.bundle import Bundle


@pytest.fixture(scope="session")
def zeek(tmp_path_factory):
    """What training on a small Zeek log gave; never write beside its bundle."""
    return trained.zeek_bundle(tmp_path_factory)


@pytest.fixture(scope="session")
def cic(tmp_path_factory):
    return trained.cic_bundle(tmp_path_factory)


@pytest.fixture
def bundle(zeek, tmp_path):
    """The Zeek bundle, copied, so that a test may put a state folder beside it."""
    return Bundle.load(shutil.copytree(zeek.bundle.path, tmp_path / "B"))
