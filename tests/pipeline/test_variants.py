import numpy as np
import pytest

from edgeguard_core.errors import ParityError
from edgeguard_core.pipeline.variants import (
    Variants,
    stored_calibration,
    stored_calibrations,
    weights_alone,
)
from edgeguard_core.thresholds import Calibration

CALIBRATION = Calibration.fit(np.arange(1.0, 100.0, dtype=np.float32), 2.0)


def test_calibrations_lie_beside_the_weights_and_come_back():
    weights = {"kernel_0": np.ones((2, 3), np.float32)}
    arrays = {**weights, **stored_calibrations({"float16": CALIBRATION})}
    again = stored_calibration(arrays, "float16")
    assert again.n == 99
    np.testing.assert_array_equal(again.sketch.edges, CALIBRATION.sketch.edges)
    assert list(weights_alone(arrays)) == ["kernel_0"]


def test_a_variant_that_did_not_pass_has_no_calibration():
    with pytest.raises(ParityError, match="kept no calibration for full_int8"):
        stored_calibration(stored_calibrations({"float16": CALIBRATION}), "full_int8")


def test_a_variant_is_known_by_any_spelling():
    found = Variants({"dynamic_int8": b"model"}, {"dynamic_int8": CALIBRATION}, {}, {})
    assert found.require("Dynamic-INT8") == (b"model", CALIBRATION)
