"""On captures of IoT-23: gates see that a network changes, and let a good model pass."""

import pytest
from support import data

from edgeguard_core.pipeline.registry import Registry

CAPTURES = ("iot23_20-1.csv.gz", "iot23_42-1.csv.gz")


def config(**train):
    return {
        "data": [str(data(f"zeek/{name}")) for name in CAPTURES],
        "train": {"steps": 300, **train},
    }


@pytest.mark.slow
def test_flows_of_iot_23_end_in_a_champion(empty):
    world = empty(["unused"])
    result = world.run("flows", **config(context=False))
    assert result.refusals == ()
    leading = Registry(world.registry).champion()
    assert (leading.number, leading.schema) == (1, "flow")
    assert leading.metrics["held_out_false_alarms"]["rate"] < 0.02
    assert leading.metrics["roc_auc"] > 0.5


@pytest.mark.slow
def test_history_that_does_not_last_breaks_the_promise_and_is_refused(empty):
    result = empty(["unused"]).run("context", **config())
    assert result.outcomes[-1].stage == "evaluate"
    assert [refusal.gate for refusal in result.refusals] == ["false_alarms"]
