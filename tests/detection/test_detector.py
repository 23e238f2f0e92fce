import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeguard_core.bundle import StateFolder
from edgeguard_core.detection import Detector
from edgeguard_core.detection import detector as detector_module
from edgeguard_core.errors import SchemaError
from edgeguard_core.flows import Flows, Labels
from edgeguard_core.thresholds import Threshold

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def without(flows, name):
    columns = {key: values for key, values in flows.columns.items() if key != name}
    return replace(flows, columns=columns)


def test_every_flow_gets_a_score_a_p_value_a_severity_and_feature_errors(detector, benign):
    scored = detector.score(benign)
    assert len(scored) == len(benign)
    assert scored.scores.dtype == np.float32
    assert np.isfinite(scored.scores).all()
    assert (scored.scores >= 0).all()
    assert ((scored.p_values > 0) & (scored.p_values <= 1)).all()
    assert ((scored.severity >= 0) & (scored.severity <= 100)).all()
    assert scored.feature_errors.shape == (len(benign), len(detector.features))
    np.testing.assert_allclose(
        scored.feature_errors.sum(axis=1) / detector.bundle.preprocessor.n_expanded,
        scored.scores,
        rtol=1e-4,
    )


def test_odd_flows_score_above_benign_ones(detector, benign, odd):
    line = np.quantile(detector.score(benign).scores, 0.99)
    assert (detector.score(odd).scores > line).tolist() == [False, True, True]


def test_about_the_promised_share_of_benign_flows_alerts(detector, benign):
    alerts = detector.threshold.alerts(detector.score(benign).scores)
    assert 0.01 < alerts.mean() < 0.12  # 5 % promised, 500 rows


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_cut_into_batches_changes_no_bit(detector, benign, cuts):
    some = benign.select(np.arange(60))
    whole = detector.score(some)
    edges = [0, *sorted(cuts), 60]
    parts = [detector.score(some.select(np.arange(low, high))) for low, high in pairwise(edges)]
    for field in ("scores", "p_values", "severity", "feature_errors", "extrapolated", "line"):
        joined = np.concatenate([getattr(part, field) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, field))


def test_a_table_longer_than_one_block_gives_the_same_scores(detector, benign, monkeypatch):
    whole = detector.raw(benign, details=True)
    monkeypatch.setattr(detector_module, "_ROWS_AT_ONCE", 64)
    blocks = detector.raw(benign, details=True)
    for field in ("score", "feature_errors", "reconstruction", "latent"):
        np.testing.assert_array_equal(getattr(blocks, field), getattr(whole, field))


def test_labels_and_lines_ride_along(detector, benign):
    labels = Labels(np.zeros(5, np.int8), np.full(5, "benign", dtype=object))
    scored = detector.score(replace(benign.select(np.arange(5)), labels=labels))
    assert scored.labels is labels
    assert scored.line.tolist() == [1, 2, 3, 4, 5]
    assert len(scored.top_features()) == 5


@pytest.mark.parametrize("with_columns", [True, False])
def test_no_flows_give_no_scores(detector, bundle, benign, with_columns):
    none = benign.select(np.arange(0)) if with_columns else Flows.empty(bundle.schema)
    scored = detector.score(none)
    assert len(scored) == 0
    assert scored.feature_errors.shape == (0, len(detector.features))


def test_flows_of_another_schema_are_refused_by_both_names(detector, benign):
    other = replace(benign, schema=replace(benign.schema, name="argus"))
    with pytest.raises(SchemaError, match=r"schema 'argus'.* trained on 'tiny'.*train a bundle"):
        detector.score(other)


def test_an_absent_column_of_the_model_is_named(detector, benign):
    with pytest.raises(SchemaError, match=r"lack column 'src2dst_packets'.*1 of 6 absent"):
        detector.score(without(benign, "src2dst_packets"))


def test_a_column_that_the_model_does_not_read_may_be_absent_or_extra(detector, benign):
    extra = replace(benign, columns={**benign.columns, "more": benign.columns["bytes_share"]})
    np.testing.assert_array_equal(
        detector.score(without(benign, "src_ip")).scores, detector.score(extra).scores
    )


def test_a_local_threshold_is_in_force_and_named(bundle, tmp_path, detector):
    assert detector.origin == "bundle"
    StateFolder(tmp_path / "state").add(
        bundle,
        Threshold(2.0, "fixed", 2.0, "by hand"),
        who="ana",
        when=NOON,
        why="too loud",
        on_what="monday.csv",
    )
    assert detector.origin == "bundle"  # until it looks again
    detector.refresh()
    assert (detector.threshold.value, detector.origin) == (2.0, "state 0001")
    assert detector.calibration_origin == "bundle"
    assert Detector(bundle, tmp_path / "state").origin == "state 0001"


def test_severity_does_not_move_with_the_threshold(bundle, tmp_path, detector, benign):
    before = detector.score(benign).severity
    detector.state.add(
        bundle,
        Threshold(0.001, "fixed", 0.001, "by hand"),
        who="ana",
        when=NOON,
        why="try",
        on_what="nothing",
    )
    detector.refresh()
    np.testing.assert_array_equal(detector.score(benign).severity, before)


def test_a_damaged_local_threshold_is_told(bundle, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "threshold-0001.json").write_text("{}")
    detector = Detector(bundle, tmp_path / "state")
    assert detector.origin == "bundle"
    assert len(detector.warnings) == 1


def test_the_promise_is_withdrawn_for_another_meter(detector):
    assert detector.promise_holds_for("zeek")
    assert detector.promise_warning("zeek") is None
    assert not detector.promise_holds_for("argus")
    assert "0.05 is withdrawn" in detector.promise_warning("argus")
    assert "calibrated on zeek flows, these are argus" in detector.promise_warning("argus")


def test_the_promise_holds_where_it_was_calibrated_on_the_spot(bundle, detector):
    detector.state.add(
        bundle,
        bundle.threshold,
        who="ana",
        when=NOON,
        why="here",
        on_what="local.binetflow",
        calibration=bundle.calibration,
        meter="argus",
    )
    detector.refresh()
    assert detector.promise_holds_for("argus")
    assert not detector.promise_holds_for("zeek")


def test_a_threshold_that_promises_nothing_has_no_promise_to_withdraw(bundle, detector):
    detector.state.add(
        bundle,
        Threshold(2.0, "fixed", 2.0, "by hand"),
        who="ana",
        when=NOON,
        why="try",
        on_what="nothing",
    )
    detector.refresh()
    assert not detector.promise_holds_for("zeek")
    assert detector.promise_warning("argus") is None


def test_scoring_needs_no_large_library():
    code = (
        "import sys, edgeguard_core.detection;"
        "heavy = {'pandas','pyarrow','sklearn','scipy','typer','rich','tensorflow','keras'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
