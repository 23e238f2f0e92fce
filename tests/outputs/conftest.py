"""A real broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running MQTT broker of its own."""
    server = Mosquitto(tmp_path)
    server.start()
    yield server
    server.stop()
