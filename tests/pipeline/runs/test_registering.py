"""Who leads after a registration, and what the registry's history keeps of it."""

from dataclasses import replace

import pytest
from support import PROJECT

from edgeguard_core.bundle import Bundle, save_bundle
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.runs import load_config
from edgeguard_core.pipeline.runs.artifacts import (
    AgainstChampion,
    Converted,
    Evaluated,
    FalseAlarms,
)
from edgeguard_core.pipeline.runs.registering import register

ALARMS = FalseAlarms(1000, 10, 0.01, 0.01, 0.005, 0.018)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Two bundles with one model, trained at two times."""
    folder, parts = tmp_path_factory.mktemp("bundles"), Bundle.load(PROJECT / "models/demo").parts()
    return [
        save_bundle(folder / name, replace(parts, created=parts.created.replace(year=year)))
        for name, year in (("one", 2025), ("two", 2026))
    ]


@pytest.fixture
def world(tmp_path, bundles):
    """Registers one bundle, then judges the other beside it by some leads."""

    def world(promote, note="", stale=False, **leads):
        (tmp_path / "p.yaml").write_text(f"data: x\nregistry: reg\npromote: {promote}\n")
        config, registry = load_config(tmp_path / "p.yaml"), Registry(tmp_path / "reg")
        first = Evaluated({"roc_auc": 0.9}, ALARMS, None, None, [])
        one = register(config, bundles[0], Converted("float32"), first, "a", "")
        if promote == "never":
            return registry, one
        print_ = "0" * 64 if stale else registry.version(1).fingerprint
        beside = AgainstChampion(1, print_, leads=leads)
        second = replace(first, champion=beside)
        return registry, register(config, bundles[1], Converted("float32"), second, "b", note)

    return world


def lead(low, difference, high):
    return {"low": low, "difference": difference, "high": high}


def test_the_first_leads_and_a_later_one_is_a_candidate(world):
    registry, found = world("first", roc_auc=lead(0.1, 0.2, 0.3))
    assert (found.version, found.is_champion) == (2, False)
    assert (registry.champion().number, registry.candidate().number) == (1, 2)
    assert registry.champion().metrics["roc_auc"] == 0.9
    assert registry.version(2).run_id == "b"


@pytest.mark.parametrize(
    ("leads", "leads_now"),
    [
        ({"roc_auc": lead(0.1, 0.2, 0.3)}, True),
        ({"roc_auc": lead(0.1, 0.2, 0.3), "average_precision": lead(-0.1, 0.0, 0.1)}, True),
        ({"roc_auc": lead(0.1, 0.2, 0.3), "average_precision": lead(-0.3, -0.2, -0.1)}, False),
        ({"roc_auc": lead(-0.1, 0.2, 0.3)}, False),
        ({"roc_auc": lead(0.0002, 0.0005, 0.0009)}, False),  # sure, and nothing
        ({}, False),
    ],
)
def test_only_what_is_clearly_better_replaces_the_champion(world, leads, leads_now):
    registry, found = world("better", **leads)
    assert found.is_champion is leads_now
    assert registry.champion().number == (2 if leads_now else 1)


def test_nothing_leads_where_the_config_says_so(world):
    registry, found = world("never")
    assert not found.is_champion
    assert (registry.champion(), registry.candidate().number) == (None, 1)


def test_a_champion_that_came_meanwhile_keeps_its_place(world):
    _, found = world("better", stale=True, roc_auc=lead(0.1, 0.2, 0.3))
    assert not found.is_champion
    assert "became champion meanwhile" in found.why


def test_what_was_accepted_stands_in_the_history(world):
    registry, _ = world(
        "better", "drift accepted by ann: a new office", roc_auc=lead(0.1, 0.2, 0.3)
    )
    assert registry.version(2).note == "drift accepted by ann: a new office"
    told = registry.history()[-1]
    assert (told.action, told.version) == ("promote", 2)
    assert told.why.endswith("drift accepted by ann: a new office")


def test_the_same_bundle_again_changes_nothing(world, bundles, tmp_path):
    registry, _ = world("first")
    before = registry.history()
    config = load_config(tmp_path / "p.yaml")
    evaluated = Evaluated({}, ALARMS, None, None, [])
    again = register(config, bundles[0], Converted("float32"), evaluated, "c", "")
    assert (again.version, again.is_champion) == (1, True)
    assert registry.history() == before
