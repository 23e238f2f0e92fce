"""On the captures of IoT-23: gates see that a network changes, and let a good model pass."""

import pytest
from support import data

from edgeguard_core.pipeline.registry import Registry


def config(**settings):
    every = data("zeek/iot23_20-1.csv.gz").with_name("iot23_*")
    return {"data": str(every), "train": {"steps": 300}, **settings}


@pytest.mark.slow
def test_flows_of_iot_23_end_in_a_champion(empty):
    world = empty(["unused"])
    # Each capture is of one device and has its own course, so its end is not like its beginning.
    result = world.run("random", **config(split={"kind": "random"}))
    assert result.refusals == ()
    leading = Registry(world.registry).champion()
    assert (leading.number, leading.schema) == (1, "flow")
    assert leading.metrics["held_out_false_alarms"]["rate"] < 0.02
    assert leading.metrics["roc_auc"] > 0.95


@pytest.mark.slow
def test_captures_whose_end_is_not_like_their_beginning_break_the_promise(empty):
    result = empty(["unused"]).run("time", **config())
    assert result.outcomes[-1].stage == "evaluate"
    assert [refusal.gate for refusal in result.refusals] == ["false_alarms"]
