from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundle.fixtures import make_v1

from edgeguard_core.bundle import Bundle, save_bundle
from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features.prototypes import Prototypes


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


@pytest.fixture(scope="session")
def shown(bundle, tmp_path_factory):
    """The same bundle with prototypes, as training gives it today."""
    config = TrainingConfig.from_json(bundle.manifest.training["config"])
    fitted = bundle.preprocessor.transform(make_v1.flows(600, seed=7))
    prototypes = Prototypes.choose(
        fitted, lambda rows: expanded(rows, bundle.preprocessor, config), seed=7
    )
    out = tmp_path_factory.mktemp("shown") / "bundle"
    save_bundle(out, replace(bundle.parts(), prototypes=prototypes))
    return Bundle.load(out)


@pytest.fixture
def guide(shown, tmp_path):
    """A detector whose bundle has prototypes."""
    return Detector(shown, tmp_path / "state")
