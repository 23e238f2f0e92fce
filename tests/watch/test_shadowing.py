"""A shadow scores the same flows, and whatever becomes of it, the champion says the same."""

import dataclasses
import json

import numpy as np
import pytest
from support import PROJECT
from watching import NOON, NOON_MS, MemoryDelivery, cut, demo, made, office, watch_of

from edgeguard_core.bundle import Bundle, probe, save_bundle
from edgeguard_core.detection import Detector
from edgeguard_core.errors import BundleError, RegistryError
from edgeguard_core.features.context import with_context
from edgeguard_core.outputs.records import Kind
from edgeguard_core.thresholds import Threshold
from edgeguard_core.watch.aliases import Alias
from edgeguard_core.watch.shadowing import ShadowFollowing

SOME = 2_000
OTHER = PROJECT / "tests" / "bundle" / "fixtures" / "v1"  # of another schema


def some():
    return office().select(np.arange(SOME))


def quick(path, trusted):
    """Loaded without a child process."""
    return Bundle.load(path)


@pytest.fixture
def other(tmp_path):
    """The demo bundle with another threshold."""
    threshold = Threshold(2 * demo().threshold.value, "fixed", None, "nothing")
    parts = dataclasses.replace(demo().parts(), threshold=threshold)
    return save_bundle(tmp_path / "other", parts)


def following(path, *, find=None):
    alias = Alias("models@shadow", find or (lambda: path), lambda: None, tried=quick)
    alias.look_now()
    return ShadowFollowing(alias)


def ran(tmp_path, shadow=None, steps=None):
    delivery = MemoryDelivery(takes_counts=True)
    watch, _ = watch_of(steps or cut(some(), 300, 1_100), tmp_path / "state", delivery=delivery,
                        shadow=shadow)  # fmt: skip
    watch.run()
    return watch, delivery


def said(delivery):
    """Everything that people are told of flows, byte for byte."""
    kinds = (Kind.ALERT, Kind.INCIDENT)
    return [json.dumps(r.body, sort_keys=True) for r in delivery.records if r.kind in kinds]


def of_shadow(delivery):
    return [r.body["message"] for r in delivery.of(Kind.AUDIT, "shadow")]


def last_hours(delivery):
    last = {}
    for record in delivery.of(Kind.COUNTS):
        if record.body["edgeguard"]["what"] == "shadow":
            last[record.id] = record.body["edgeguard"]
    return list(last.values())


def test_live_counts_are_those_of_scoring_the_same_flows_twice(tmp_path, other):
    _watch, delivery = ran(tmp_path, following(other))
    flows = with_context(some())
    ours, theirs = (Detector(Bundle.load(p)).score(flows).scores for p in (demo().path, other))
    mine = demo().threshold.alerts(ours)
    its = Bundle.load(other).threshold.alerts(theirs)
    hours = last_hours(delivery)
    assert len(hours) > 2
    assert sum(one["compared"] for one in hours) == SOME
    assert sum(one["both"] for one in hours) == int((mine & its).sum())
    assert sum(one["champion_only"] for one in hours) == int((mine & ~its).sum()) > 0
    assert sum(one["shadow_only"] for one in hours) == int((~mine & its).sum())
    beat = delivery.of(Kind.HEARTBEAT)[-1].body["edgeguard"]["shadow"]
    assert (beat["name"], beat["compared"]) == ("models@shadow", hours[-1]["compared"])
    assert "scores beside" in of_shadow(delivery)[0]


def test_the_alerts_of_a_shadow_are_told_to_nobody(tmp_path, other):
    parts = dataclasses.replace(
        demo().parts(), threshold=Threshold(0.0, "fixed", None, "everything alerts")
    )
    loud = save_bundle(tmp_path / "loud", parts)
    _, delivery = ran(tmp_path, following(loud))
    _, alone = ran(tmp_path / "alone")
    assert said(delivery) == said(alone)
    assert len(said(alone)) > 0


class Breaks(Detector):
    """A detector whose runtime gives up after some flows."""

    seen = 0

    def raw(self, flows, **other):
        self.seen += len(flows)
        if self.seen > 700:
            raise RuntimeError("the runtime\ngave up")
        return super().raw(flows, **other)


def test_a_shadow_that_breaks_is_dropped_with_one_sentence(tmp_path, other, monkeypatch):
    monkeypatch.setattr("edgeguard_core.watch.shadowing.Detector", Breaks)
    watch, delivery = ran(tmp_path, following(other))
    monkeypatch.undo()
    _, alone = ran(tmp_path / "alone")
    assert said(delivery) == said(alone)
    _begun, ended = of_shadow(delivery)
    assert ended == (
        "The shadow models@shadow is dropped, it cannot score these flows: the runtime gave up"
    )
    assert watch.shadow is None
    assert 0 < sum(one["compared"] for one in last_hours(delivery)) <= 700


def refuses():
    raise RegistryError("There is no registry at models.")


@pytest.mark.parametrize("how", ["damaged", "crashes", "no registry", "other schema"])
def test_a_shadow_that_cannot_begin_costs_the_champion_nothing(tmp_path, other, how):
    if how == "damaged":
        (other / "model.tflite").write_bytes(b"junk")
    find = {"no registry": refuses, "other schema": lambda: OTHER}.get(how)
    alias = Alias("models@shadow", find or (lambda: other), lambda: None, tried=quick)
    if how == "crashes":
        alias._tried = _crashes
    alias.look_now()
    watch, delivery = ran(tmp_path, ShadowFollowing(alias))
    _, alone = ran(tmp_path / "alone")
    assert said(delivery) == said(alone)
    assert len(of_shadow(delivery)) == 1
    assert watch.shadow is None
    assert last_hours(delivery) == []


def _crashes(path, trusted):
    raise BundleError(f"Bundle {path} crashes its runtime (exit status -11)")


def test_a_model_is_tried_in_a_child_first(other, monkeypatch):
    alias = Alias("models@shadow", lambda: other, lambda: None)
    alias.look_now()
    assert alias.poll().bundle.sums_sha256 == Bundle.load(other).sums_sha256
    monkeypatch.setattr(probe, "_CHILD", "import os; os.abort()")
    alias.look_now()
    assert alias.poll() is None
    assert "crashes the runtime (exit status -6)" in alias.problem


def test_the_context_is_made_for_the_shadow_too(tmp_path, other):
    """A champion that looks at no history, with a shadow that does."""
    flows = made(200, src_ip=np.array([f"10.0.0.{n % 7}" for n in range(200)], object))
    watch, _delivery = ran(tmp_path, following(other), [flows])
    assert watch.judge.also_wants_context
    again = made(50, bidirectional_first_seen_ms=NOON_MS + 1_000.0)
    assert watch.judge.judge(again, "synthetic").inputs is not None  # read once for both
    assert NOON.year == 2026
