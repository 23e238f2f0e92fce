"""One small trained model, shared by the tests of this folder."""

import pytest
from reference_graph import SMALL, small_flows

from edgeguard_core.features import ModelInput, Preprocessor
from edgeguard_core.model import TrainedWeights, train_weights


@pytest.fixture(scope="session")
def preprocessor() -> Preprocessor:
    return Preprocessor.fit(small_flows(400), SMALL)


@pytest.fixture(scope="session")
def benign(preprocessor: Preprocessor) -> ModelInput:
    return preprocessor.transform(small_flows(400))


@pytest.fixture(scope="session")
def held_out(preprocessor: Preprocessor) -> ModelInput:
    return preprocessor.transform(small_flows(300, seed=1))


@pytest.fixture(scope="session")
def attacks(preprocessor: Preprocessor) -> ModelInput:
    flows = small_flows(1, seed=2, attacks=200)
    return preprocessor.transform(flows.select(flows.is_attack))


@pytest.fixture(scope="session")
def weights(benign: ModelInput, preprocessor: Preprocessor) -> TrainedWeights:
    return train_weights(benign, preprocessor, SMALL)
