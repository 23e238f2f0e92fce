import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_graph import SCHEMA, SMALL, small_flows

from edgeguard_core.config import TrainingConfig
from edgeguard_core.errors import NotEnoughDataError, SchemaError
from edgeguard_core.features import ModelInput, Preprocessor
from edgeguard_core.features.preprocessing import MOST_VALUES
from edgeguard_core.features.transform import LARGEST_RAW, inverse, transformed
from edgeguard_core.flows.schema import Column, Role, Schema
from edgeguard_core.flows.table import UNLABELLED, Flows, Labels

CONFIG = TrainingConfig()


def flows_of(**columns):
    """Flows with just these columns: lists of numbers are numeric, lists of str categorical."""
    numbers = {name: not isinstance(values[0], str) for name, values in columns.items()}
    schema = Schema(
        name="made",
        version=1,
        title="made",
        columns=tuple(
            Column(name, Role.NUMERIC if numbers[name] else Role.CATEGORICAL) for name in columns
        ),
    )
    arrays = {
        name: np.array(values, np.float64 if numbers[name] else object)
        for name, values in columns.items()
    }
    return Flows(schema, arrays, None, np.arange(len(next(iter(arrays.values())))))


def replaced(flows, **columns):
    return dataclasses.replace(flows, columns={**flows.columns, **columns})


def test_mean_and_scale_are_those_of_the_logarithm():
    fitted = Preprocessor.fit(flows_of(a=[0.0, np.e - 1, -(np.e - 1), 0.0]), CONFIG)
    (feature,) = fitted.numeric
    assert feature.mean == pytest.approx(0)
    assert feature.scale == pytest.approx(np.sqrt(0.5))


def test_a_linear_column_is_left_as_it_is():
    fitted = Preprocessor.fit(small_flows(500), SMALL)
    share = next(f for f in fitted.numeric if f.name == "share")
    assert share.transform == "linear"
    assert share.mean == pytest.approx(0.5, abs=0.05)


def test_missing_counts_as_zero_before_anything_is_measured():
    gaps = flows_of(a=[np.nan, np.inf, -np.inf, 6.0])
    zeros = flows_of(a=[0.0, 0.0, 0.0, 6.0])
    fitted = Preprocessor.fit(gaps, CONFIG)
    assert fitted == Preprocessor.fit(zeros, CONFIG)
    assert fitted.transform(gaps).numeric.ravel().tolist() == [0, 0, 0, 6]
    assert fitted.missing_counts(gaps) == {"a": 3}
    assert fitted.missing_counts(zeros) == {}


def test_only_benign_rows_teach():
    flows = small_flows(300, attacks=100)
    benign = flows.select(flows.is_benign)
    assert Preprocessor.fit(flows, SMALL) == Preprocessor.fit(benign, SMALL)
    wrong = next(f for f in Preprocessor.fit(flows, SMALL).numeric if f.name == "wrong")
    assert wrong.mean == 0  # the attacks hold 3 there


def test_unlabelled_rows_teach_only_where_nothing_is_labelled():
    flows = small_flows(60)
    nothing_known = Labels(np.full(60, UNLABELLED, np.int8), np.full(60, "-", dtype=object))
    with pytest.raises(NotEnoughDataError, match="0 benign flows"):
        Preprocessor.fit(dataclasses.replace(flows, labels=nothing_known), SMALL)
    without_labels = dataclasses.replace(flows, labels=None)
    assert Preprocessor.fit(without_labels, SMALL) == Preprocessor.fit(flows, SMALL)


def test_constant_columns_stay_and_copies_go():
    fitted = Preprocessor.fit(small_flows(200), SMALL)
    assert [f.name for f in fitted.numeric] == ["duration_ms", "bytes", "share", "urgent", "wrong"]
    assert fitted.duplicates == {"bytes_again": "bytes"}
    assert fitted.absent == ("never_seen",)
    urgent = next(f for f in fitted.numeric if f.name == "urgent")
    assert (urgent.mean, urgent.scale) == (0, SMALL.scale_floor)


def test_minus_zero_is_zero_when_columns_are_compared():
    fitted = Preprocessor.fit(flows_of(a=[0.0, 1.0], b=[-0.0, 1.0]), CONFIG)
    assert fitted.duplicates == {"b": "a"}


def test_a_copy_is_not_needed_to_score():
    fitted = Preprocessor.fit(small_flows(200), SMALL)
    flows = small_flows(5)
    columns = {name: v for name, v in flows.columns.items() if name != "bytes_again"}
    assert len(fitted.transform(dataclasses.replace(flows, columns=columns))) == 5


def test_values_seen_five_times_are_known_and_the_commonest_comes_first():
    fitted = Preprocessor.fit(flows_of(c=["b"] * 5 + ["a"] * 9 + ["d"] * 4 + ["c"] * 5), CONFIG)
    (known,) = fitted.categorical
    assert known.values == ("a", "b", "c")
    assert known.counts == (4, 9, 5, 5)
    inputs = fitted.transform(flows_of(c=["a", "c", "d", "new", ""]))
    assert inputs.categorical.ravel().tolist() == [1, 3, 0, 0, 0]


def test_a_missing_value_can_be_the_usual_one():
    fitted = Preprocessor.fit(flows_of(c=["x"] * 5 + [""] * 20), CONFIG)
    flows = flows_of(c=["", "x"])
    assert fitted.transform(flows).categorical.ravel().tolist() == [1, 2]
    assert fitted.missing_counts(flows) == {"c": 1}


def test_the_known_values_are_bounded():
    many = [f"v{i}" for i in range(100) for _ in range(5 + i)]
    (known,) = Preprocessor.fit(flows_of(c=many), CONFIG).categorical
    assert len(known.values) == MOST_VALUES
    assert known.values[0] == "v99"
    assert sum(known.counts) == len(many)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=20))
def test_every_id_is_a_column_of_the_one_hot(words):
    fitted = Preprocessor.fit(small_flows(200), SMALL)
    flows = small_flows(len(words))
    inputs = fitted.transform(replaced(flows, protocol=np.array(words, dtype=object)))
    assert inputs.categorical.dtype == np.int32
    assert inputs.categorical.min() >= 0
    assert (inputs.categorical.max(axis=0) < [f.bins for f in fitted.categorical]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_the_numeric_input_is_always_finite(numbers):
    fitted = Preprocessor.fit(small_flows(50), SMALL)
    flows = replaced(small_flows(len(numbers)), bytes=np.array(numbers))
    inputs = fitted.transform(flows)
    assert inputs.numeric.dtype == np.float32
    assert np.isfinite(inputs.numeric).all()


def test_the_usual_range_is_in_raw_units():
    fitted = Preprocessor.fit(
        flows_of(a=list(np.arange(101.0)), c=["x"] * 60 + ["y"] * 35 + ["z"] * 6), CONFIG
    )
    assert fitted.usual == {"a": (5.0, 95.0), "c": ("x", "y")}


def test_expanded_columns_follow_each_other():
    fitted = Preprocessor.fit(small_flows(300), SMALL)
    slices = list(fitted.expanded.values())
    assert tuple(fitted.expanded) == fitted.features
    assert [s.start for s in slices] == [0, *(s.stop for s in slices[:-1])]
    assert slices[-1].stop == fitted.n_expanded


@given(
    st.floats(-1e12, 1e12),
    st.sampled_from(["log", "linear"]),
)
def test_inverse_undoes_transformed(value, transform):
    there = transformed(np.array([value]), transform)
    assert inverse(there, transform)[0] == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_the_inverse_is_bounded():
    assert inverse(np.array([1e9, -1e9]), "log") == pytest.approx([LARGEST_RAW, -LARGEST_RAW])


def test_reconstruct_gives_raw_units_and_words():
    fitted = Preprocessor.fit(small_flows(200), SMALL)
    expanded = np.zeros((2, fitted.n_expanded))
    expanded[0, fitted.expanded["protocol"].start + 1] = 2.9
    expanded[1, fitted.expanded["protocol"].start] = 0.5
    expected = fitted.reconstruct(expanded)
    duration = fitted.numeric[0]
    assert expected["duration_ms"][0] == pytest.approx(np.expm1(duration.mean))
    assert expected["protocol"].tolist() == [fitted.categorical[0].values[0], ""]


def test_json_keeps_every_bit():
    fitted = Preprocessor.fit(small_flows(200), SMALL)
    text = json.dumps(fitted.to_json(), allow_nan=False)
    assert Preprocessor.from_json(json.loads(text)) == fitted


@pytest.mark.parametrize("broken", [{}, {"schema": "x"}, {"schema": "x", "numeric": [3]}])
def test_broken_json_is_a_schema_error(broken):
    with pytest.raises(SchemaError, match="train the model again"):
        Preprocessor.from_json(broken)


def test_an_absent_column_is_named():
    fitted = Preprocessor.fit(small_flows(50), SMALL)
    flows = small_flows(5)
    columns = {name: v for name, v in flows.columns.items() if name != "share"}
    with pytest.raises(SchemaError, match="'share'"):
        fitted.transform(dataclasses.replace(flows, columns=columns))


def test_another_schema_is_refused_by_name():
    fitted = Preprocessor.fit(small_flows(50), SMALL)
    with pytest.raises(SchemaError, match=r"'made'.*'small'"):
        fitted.transform(flows_of(a=[1.0]))


def test_flows_without_any_feature_are_refused():
    with pytest.raises(SchemaError, match="none of the 9 features"):
        Preprocessor.fit(Flows(SCHEMA, {}, None, np.arange(3)), SMALL)


def test_no_flow_becomes_no_row():
    fitted = Preprocessor.fit(small_flows(50), SMALL)
    flows = small_flows(5)
    assert len(fitted.transform(flows.select(np.zeros(5, bool)))) == 0


def test_inputs_are_selected_and_joined():
    inputs = ModelInput(np.arange(6, dtype=np.float32).reshape(3, 2), np.zeros((3, 1), np.int32))
    joined = ModelInput.concat([inputs.select(slice(2, 3)), inputs.select(np.array([0, 1]))])
    assert joined.numeric[:, 0].tolist() == [4, 0, 2]


def test_the_edge_path_imports_nothing_heavy():
    code = (
        "import sys, edgeguard_core.features, edgeguard_core.inference\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'pyarrow', 'scipy', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
