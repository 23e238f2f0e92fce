"""A real broker and a real database, started once."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import Mosquitto, Postgres

_numbers = itertools.count(1)


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
    return lambda: postgres.create(f"alerts{next(_numbers)}")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running MQTT broker of its own."""
    server = Mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
