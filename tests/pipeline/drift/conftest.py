import gzip

import numpy as np
import pytest
import trained
from support import data

from edgeguard_core.detection import Detector
from edgeguard_core.pipeline.train import train

FITTED = 3_000


@pytest.fixture(scope="session")
def normals():
    """Lines of the normal flows of KDDTrain+, in one random order."""
    with gzip.open(data("nsl-kdd/KDDTrain+.txt.gz"), "rt") as stream:
        lines = [line.rstrip("\n") for line in stream if ",normal," in line]
    return [lines[at] for at in np.random.default_rng(0).permutation(len(lines))]


@pytest.fixture(scope="session")
def nsl(normals, tmp_path_factory):
    """A detector of the first 3,000 of these."""
    folder = tmp_path_factory.mktemp("nsl")
    source = trained.written(folder / "x.txt", normals[:FITTED])
    return Detector(train(trained.request([source], folder / "B"), now=trained.noon).bundle)


@pytest.fixture
def detector(zeek):
    return Detector(zeek.bundle)
