from itertools import chain

import pytest

from edgeguard_core.detection.families import FOLLOWING, families
from edgeguard_core.flows import Schema
from edgeguard_core.flows.canonical import derivable


@pytest.mark.parametrize("name", ["flow", "nsl-kdd", "unsw-nb15", "cicflowmeter"])
def test_every_feature_of_a_schema_is_in_one_family_and_none_is_made_up(name):
    schema = Schema.named(name)
    found = families(name, schema.features)
    assert sorted(chain(*(family.members for family in found))) == sorted(schema.features)
    assert len(found) < len(schema.features)
    # A family that was misspelt would leave a feature alone under the feature's own name.
    known = {family.name for family in found if len(family.members) > 1}
    assert known.isdisjoint(schema.features)


def test_windows_of_one_feature_are_in_one_family():
    schema = Schema.named("flow")
    home = {m: family.name for family in families("flow", schema.features) for m in family.members}
    for name in schema.features:
        if name.endswith("_60s"):
            assert home[name] == home[name.replace("_60s", "_600s")]


def test_features_of_another_schema_and_a_single_one_stand_alone():
    assert [f.name for f in families("tiny", ["state", "bytes"])] == ["state", "bytes"]
    (alone,) = families("flow", ["dst_flows_60s"])
    assert (alone.name, alone.members) == ("dst_flows_60s", ("dst_flows_60s",))


def test_what_follows_is_what_the_canonical_flow_derives():
    schema = Schema.named("flow")
    counts = [name for name in schema.numeric if name not in FOLLOWING]
    assert set(FOLLOWING) == derivable(counts).intersection(schema.numeric)
