from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeguard_core.bundle.arrays import dump_arrays, load_arrays
from edgeguard_core.detection.drift.reference import DriftReference, bins_of, cuts_of, reference_of
from edgeguard_core.errors import BundleError

NUMBERS = arrays(
    np.float32, st.integers(1, 200), elements=st.floats(-1e9, 1e9, width=32, allow_nan=False)
)


@given(NUMBERS)
def test_bins_are_those_of_a_plain_search(values):
    cuts = cuts_of(*np.unique(values, return_counts=True), most=16)
    assert np.all(np.diff(cuts) > 0)
    for value, found in zip(values, bins_of(cuts, values), strict=True):
        assert found == 1 + sum(value > cut for cut in cuts)
        assert 1 < found <= len(cuts)  # no training value lies outside


def test_a_few_values_are_an_exact_table():
    cuts = cuts_of(np.array([0, 1, 5], np.float32), np.array([9, 1, 1]))
    bins = bins_of(cuts, np.array([0, 0.5, 1, 3, 5, 6, np.nan, np.inf]))
    assert len(set(bins[:-1].tolist())) == 7
    assert bins[-1] == bins[-2] == 0


def test_a_frequent_value_has_its_own_bin():
    values = np.append(np.zeros(500), np.linspace(-5, 5, 500)).astype(np.float32)
    cuts = cuts_of(*np.unique(values, return_counts=True))
    assert len(set(bins_of(cuts, np.array([-1e-3, 0.0, 1e-3])).tolist())) == 3


def test_the_reference_survives_the_bundle(zeek):
    reference = reference_of(zeek.bundle)
    assert [f.name for f in reference.features] == list(zeek.bundle.preprocessor.features)
    assert all(f.n == zeek.fitted for f in reference.features)
    content = dump_arrays(reference.to_arrays())
    assert len(content) <= 32_768
    again = DriftReference.from_arrays(load_arrays(content), zeek.bundle.preprocessor)
    assert dump_arrays(again.to_arrays()) == content


def test_it_is_small_for_wide_tables_too(cic):
    assert len(cic.bundle.preprocessor.features) > 60
    assert len(cic.bundle.files["drift.npz"]) <= 32_768


def test_categories_are_counted_as_the_model_counted_them(zeek):
    found = {f.name: f.counts.tolist() for f in reference_of(zeek.bundle).features}
    for feature in zeek.bundle.preprocessor.categorical:
        assert found[feature.name] == list(feature.counts)


def test_it_holds_no_address(zeek, data):
    text = zeek.bundle.files["drift.npz"]
    stored = " ".join(map(str, load_arrays(text)["names"]))
    assert "192.168" not in stored
    assert {array.dtype.kind for array in load_arrays(text).values()} <= set("bufU")


@pytest.mark.parametrize("name", ["names", "cuts", "counts", "n_bins", "design_effects"])
def test_a_damaged_reference_is_refused(zeek, name):
    whole = reference_of(zeek.bundle).to_arrays()
    fits = zeek.bundle.preprocessor
    with pytest.raises(BundleError, match="The drift reference is damaged"):
        DriftReference.from_arrays({k: v for k, v in whole.items() if k != name}, fits)
    with pytest.raises(BundleError, match="The drift reference is damaged"):
        DriftReference.from_arrays(whole | {name: whole[name][:-1]}, fits)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cuts", np.nan), ("counts", 0), ("design_effects", np.nan), ("design_effects", np.inf),
     ("design_effects", 0.5), ("run_flows", 0), ("run_flows", -16)],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused(zeek, name, value):
    whole = reference_of(zeek.bundle).to_arrays()
    kind = np.int64 if name == "run_flows" else whole[name].dtype
    wrong = whole | {name: np.full(whole[name].shape, value, kind)}
    with pytest.raises(BundleError, match="does not fit the model"):
        DriftReference.from_arrays(wrong, zeek.bundle.preprocessor)


def test_short_files_are_judged_by_short_runs(zeek):
    sketch = replace(reference_of(zeek.bundle).features[0], effects={16: 2.0, 256: 8.0})
    assert sketch.effective(1600) == 200
    assert sketch.effective(16, run=16) == 8
    assert sketch.effective(10_000, run=10_000) == 1250
