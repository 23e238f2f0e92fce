"""What tests of several rooms share: where the real network data stands."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The folder of public network data: ``EDGEGUARD_DATA``, by default beside the project."""
    return Path(os.environ.get("EDGEGUARD_DATA", PROJECT.parent / "shared" / "data")).resolve()


def data(name: str) -> Path:
    """A file of the network data, such as ``zeek/zat_conn.log``.

    Skips the test where there is none, so that any user can run the suite; with ``CI=true``
    its absence is a failure.
    """
    path = data_folder() / name
    if not path.exists():
        message = f"{path} is missing; set EDGEGUARD_DATA to the folder of network data"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
