"""Of flows that are all but the same, two are fitted on."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from support import data

from edgeguard_core.config import TrainingConfig
from edgeguard_core.evaluation.matrices import expanded
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor
from edgeguard_core.pipeline.thinning import CELL, MOST_ALIKE, thinned
from edgeguard_core.sources import read_flows

CONFIG = TrainingConfig()


@pytest.fixture(scope="module")
def fitted():
    flows, _ = read_flows([data("zeek/iot23_34-1_conn.log.labeled.gz")])
    benign = flows.select(flows.is_benign)
    preprocessor = Preprocessor.fit(benign, CONFIG)
    return preprocessor.transform(benign), preprocessor


def test_each_cell_keeps_as_many_as_a_dictionary_would(fitted):
    inputs, preprocessor = fitted
    cells = defaultdict(list)
    for row, x in enumerate(np.rint(expanded(inputs, preprocessor, CONFIG) / CELL).astype(int)):
        cells[x.tobytes()].append(row)
    kept = thinned(inputs, preprocessor, CONFIG)
    assert (np.diff(kept) > 0).all()
    assert 0 < len(kept) < len(inputs)
    for rows in cells.values():
        assert len(np.intersect1d(kept, rows)) == min(len(rows), MOST_ALIKE)


def test_the_seed_draws_which(fitted):
    inputs, preprocessor = fitted
    first = thinned(inputs, preprocessor, CONFIG)
    np.testing.assert_array_equal(first, thinned(inputs, preprocessor, CONFIG))
    other = thinned(inputs, preprocessor, replace(CONFIG, seed=1))
    assert len(other) == len(first)
    assert (other != first).any()


def test_a_flood_of_one_flow_changes_nothing_else(fitted):
    inputs, preprocessor = fitted
    flood = inputs.select(np.zeros(5_000, np.int64))
    kept = thinned(ModelInput.concat([inputs, flood]), preprocessor, CONFIG)
    assert len(kept) == len(thinned(inputs, preprocessor, CONFIG))
