"""Fixtures for every room."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import data as data_path


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Gives the path of a file of the network data, or skips the test."""
    return data_path
