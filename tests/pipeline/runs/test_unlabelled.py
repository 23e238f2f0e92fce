"""Without a labelled attack: the champion is held against known attacks laid into benign time."""

import pytest
from pipeline_office import SAMPLES

from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import read_run

OFFICE = {"data": str(SAMPLES / "office_day.csv.gz"), "promote": "better"}


def trained(steps: int, seed: int = 0) -> dict[str, dict[str, object]]:
    return {"train": {"steps": steps, "seed": seed, "context": False}}


@pytest.mark.slow
def test_a_worse_model_is_refused_and_an_equal_one_is_not(empty):
    world = empty(["unused"])
    assert world.run("first", **OFFICE, **trained(300)).refusals == ()

    (refusal,) = world.run("worse", **OFFICE, **trained(2)).refusals
    assert refusal.gate == "champion"
    assert "worse than champion 1 on the same flows: behind by injected recall" in refusal.sentence
    assert len(Registry(world.registry).versions()) == 1

    assert world.run("equal", **OFFICE, **trained(300, seed=1)).refusals == ()
    registry = Registry(world.registry)
    assert (registry.champion().number, registry.candidate().number) == (1, 2)
    for run_id in ("worse", "equal"):
        against = read_run(world.artifacts, run_id).artifact("evaluate").champion
        assert set(against.leads) == {"false_alarms", "injected_recall"}
        assert 0 < against.overlap < 1


@pytest.mark.slow
def test_a_model_that_alerts_on_other_flows_is_refused_where_overlap_is_asked_for(empty):
    world = empty(["unused"])
    world.run("first", **OFFICE, **trained(300))
    asked = {"gates": {"champion": {"least_overlap": 0.99}}}
    (refusal,) = world.run("other", **OFFICE, **trained(300, seed=1), **asked).refusals
    assert refusal.gate == "champion"
    assert "shares" in refusal.sentence
    assert "99 % are asked for" in refusal.sentence
