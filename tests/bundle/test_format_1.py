"""Bundles of format 1 load for good, and give the scores they gave when they were made."""

import json
from pathlib import Path

import numpy as np

from edgeguard_core.bundle import PARITY, WEIGHTS, Bundle, verify_bundle
from edgeguard_core.flows import Flows
from edgeguard_core.inference import Scorer

FIXTURES = Path(__file__).parent / "fixtures"


def test_a_bundle_of_format_1_is_read_in_all_its_parts(bundle):
    assert verify_bundle(FIXTURES / "v1").intact
    assert bundle.name == "v1"
    assert bundle.variant == "float32"
    assert bundle.manifest.format == 1
    assert bundle.manifest.created == "2026-11-20T09:30:00+00:00"
    assert bundle.manifest.meter.format == "zeek"
    assert bundle.manifest.meter.timeouts == {"idle": 60.0}
    assert bundle.manifest.training["config"]["steps"] == 150
    assert bundle.manifest.metrics == {"roc_auc": None}
    assert bundle.schema.name == "tiny"
    assert bundle.threshold.method == "conformal"
    assert bundle.threshold.promised_false_positive_rate == 0.05
    assert bundle.calibration.n == 200
    assert "kernel_0" in bundle.arrays(WEIGHTS)
    assert bundle.arrays(PARITY)["numeric"].shape == (20, 4)
    assert bundle.card.startswith("# Model card")


def test_a_bundle_of_format_1_gives_the_scores_it_gave_when_made():
    bundle = Bundle.load(FIXTURES / "v1")
    expected = json.loads((FIXTURES / "v1-expected.json").read_text())
    columns = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
        for name, values in expected["columns"].items()
    }
    lines = np.arange(1, 13, dtype=np.int64)
    inputs = bundle.preprocessor.transform(Flows(bundle.schema, columns, None, lines))
    scores = Scorer(bundle.model).score(inputs).score
    # Another processor sums in another order; a changed meaning would move far more.
    np.testing.assert_allclose(scores, expected["scores"], rtol=1e-4)
