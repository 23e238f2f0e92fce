"""What a name stands for, from a real registry, while steps are taken in it."""

import dataclasses
from pathlib import Path

import pytest
from support import PROJECT
from watching import demo

from edgeguard_core.bundle import Bundle, save_bundle
from edgeguard_core.errors import BundleError
from edgeguard_core.pipeline.registry import Alias as RegistryAlias
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.thresholds import fixed
from edgeguard_core.watch.aliases import Alias, Promotions


def loaded(path: Path, keys) -> Bundle:
    """Without a child process."""
    return Bundle.load(path)


@pytest.fixture
def registry(tmp_path):
    """Three versions of one model with thresholds of their own; the first one leads."""
    made = Registry(tmp_path / "models")
    for n in (1, 2, 3):
        parts = dataclasses.replace(demo().parts(), threshold=fixed(float(n)))
        made.register(save_bundle(tmp_path / f"B{n}", parts))
    made.promote(1, why="first")
    return made


def followed(registry, name="champion", **other):
    named = RegistryAlias.of(f"{registry.folder}@{name}")
    return Alias("models@x", named.find, lambda: named.stamp, tried=loaded, **other)


def polled(alias):
    """What a look brings, waited for."""
    found = alias.poll()
    if found is None and alias._looking is not None:
        alias.close()
        found = alias.poll()
    return found


def test_what_runs_already_is_not_taken_up_again(registry):
    alias = followed(registry, in_use=registry.champion().fingerprint)
    assert polled(alias) is None
    registry.register(PROJECT / "models" / "demo")  # a step that moves another alias
    assert polled(alias) is None
    assert alias.problem is None


def test_promotion_and_rollback_are_found_once_each(registry):
    alias = followed(registry, in_use=registry.champion().fingerprint)
    assert polled(alias) is None
    registry.promote(2, why="better")
    found = polled(alias)
    assert (found.title, found.bundle.threshold.value) == ("models@x (version 0002)", 2.0)
    assert polled(alias) is None
    registry.rollback(why="worse")
    assert polled(alias).title == "models@x (version 0001)"
    assert polled(alias) is None


def test_a_shadow_begins_changes_and_ends(registry):
    alias = followed(registry, "shadow")
    assert polled(alias) is None
    registry.set_shadow(2)
    assert polled(alias).title == "models@x (version 0002)"
    registry.set_shadow(3)
    assert polled(alias).title == "models@x (version 0003)"
    registry.set_shadow(None)
    assert polled(alias).bundle is None
    assert polled(alias) is None


def test_what_does_not_load_is_told_and_tried_again_only_after_a_step(registry):
    alias = followed(registry, in_use=registry.champion().fingerprint)
    registry.promote(2, why="better")
    model = registry.champion().bundle_path / "model.tflite"
    content = model.read_bytes()
    model.write_bytes(b"junk")
    assert polled(alias) is None
    assert alias.problem.startswith("models@x is not followed: ")
    model.write_bytes(content)
    assert polled(alias) is None
    registry.promote(3, why="that one is broken")
    assert polled(alias).title == "models@x (version 0003)"
    assert alias.problem is None


def test_a_damaged_registry_is_told_and_what_runs_stays(registry):
    alias = followed(registry, in_use=registry.champion().fingerprint)
    assert polled(alias) is None
    (registry.folder / "registry.json").write_bytes(b"{")
    assert polled(alias) is None
    assert "registry.json" in alias.problem


def test_a_version_that_is_given_up_is_not_tried_again(registry):
    first = registry.champion()
    alias = followed(registry, in_use=first.fingerprint)
    promotions = Promotions(alias, "models@x (version 0001)", None)
    registry.promote(2, why="better")
    promotions.poll()
    alias.close()
    update = promotions.poll()
    assert (update.id, update.previous_id) == (
        "models@x (version 0002)", "models@x (version 0001)",
    )  # fmt: skip
    # Thresholds that were set for the first version do not lie where those of the second do.
    second = registry.champion().bundle_path
    assert update.state.path == second.with_name(f"{second.name}.state")
    promotions.roll_back("it cannot read these flows")
    registry.set_shadow(3)
    assert polled(alias) is None
    registry.promote(3, why="another one")
    promotions.poll()
    alias.close()
    assert promotions.poll().previous_id == "models@x (version 0001)"


def test_a_child_that_crashes_is_a_problem_and_no_end(registry):
    def crashes(path, keys):
        raise BundleError("it crashes")

    named = RegistryAlias.of(f"{registry.folder}@champion")
    alias = Alias("models@x", named.find, lambda: named.stamp, tried=crashes)
    alias.look_now()
    assert alias.poll() is None
    assert alias.problem == "models@x is not followed: it crashes"


def test_a_path_is_looked_at_once(tmp_path):
    alias = Alias("B", lambda: PROJECT / "models" / "demo", lambda: None, tried=loaded)
    alias.look_now()
    assert alias.poll().title == "B"
    assert polled(alias) is None
