from pathlib import Path

import numpy as np
import pytest
from bundle.fixtures import make_v1

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector


@pytest.fixture(scope="session")
def bundle():
    return Bundle.load(Path(make_v1.__file__).parent / "v1")


@pytest.fixture
def detector(bundle, tmp_path):
    return Detector(bundle, tmp_path / "state")


@pytest.fixture(scope="session")
def benign():
    return make_v1.flows(500, seed=11)


@pytest.fixture(scope="session")
def odd():
    """Three flows: one of the benign kind, a flood of bytes, and words never seen."""
    flows = make_v1.flows(3, seed=12)
    columns = {name: values.copy() for name, values in flows.columns.items()}
    columns["src2dst_bytes"][1] = 5.2e9
    columns["protocol"][2] = "icmp"
    columns["service"][2] = ""
    columns["duration_ms"][2] = np.nan
    return type(flows)(flows.schema, columns, None, np.array([10, 20, 30]))
