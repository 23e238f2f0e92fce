"""Fixtures for every room."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import Postgres
from support import data as data_path

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Gives the path of a file of the network data, or skips the test."""
    return data_path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; its folder has a short name, for the sake of its socket."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        server = Postgres(Path(name))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def new_database(postgres: Postgres) -> Callable[[], str]:
    """Makes an empty database and gives its address."""
    return lambda: postgres.create(f"made{next(_numbers)}")
