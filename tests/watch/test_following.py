"""A running watch takes up newer bundles, and keeps the one it has where they are no good."""

import dataclasses
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from watching import NOON, NOON_MS, MemoryDelivery, MemoryFeed, demo, scan, watch_of

from edgeguard_core.bundle import Bundle, SigningKey, TrustedKeys, generate_key, save_bundle
from edgeguard_core.clock import ManualClock
from edgeguard_core.detection import Detector
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind
from edgeguard_core.pipeline.publish import publish_bundle
from edgeguard_core.sources.feed import Fed
from edgeguard_core.thresholds import Threshold
from edgeguard_core.watch.updates import Updater

OTHER = Path(__file__).parents[1] / "bundle" / "fixtures" / "v1"
IDLE = Fed(Flows.empty(Schema.named("flow")))


class Site:
    """One box with the demo bundle, and a place where newer ones are published."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "published"
        self.keys = generate_key(folder / "key")
        self.clock = ManualClock(NOON)
        self.delivery = MemoryDelivery()
        self.updater = Updater(
            self.place, TrustedKeys.read(self.keys.public), folder / "box", self.clock,
            first=self.signed(demo(), "first"),
        )  # fmt: skip
        self.detector = Detector(self.updater.start(), folder / "state")
        self.told = threading.Event()

    def signed(self, bundle: Bundle, name: str) -> Path:
        """A copy of a bundle that this site's key signed."""
        from edgeguard_core.bundle.signing import sign_bundle

        path = save_bundle(self.folder / name, bundle.parts())
        sign_bundle(path, SigningKey.read(self.keys.private))
        return path

    def newer(self, base: Bundle, **other) -> Bundle:
        """The same bundle, made later."""
        parts = dataclasses.replace(base.parts(), created=datetime(2030, 1, 1, tzinfo=UTC), **other)
        return Bundle.load(save_bundle(self.folder / f"newer-{len(other)}", parts))

    def publish(self, bundle: Bundle) -> None:
        publish_bundle(bundle, self.place, SigningKey.read(self.keys.private), now=NOON)
        self.clock.advance(7_200)  # a look is due

    def until_told(self):
        """Steps that let the clock run until something of an update was told."""
        for _ in range(400):
            yield lambda: self.clock.advance(2)
            yield IDLE
            yield lambda: self.told.wait(0.05)
            if self.delivery.of(Kind.SENSOR, "update"):
                return

    def watch(self, *steps):
        class Feed(MemoryFeed):
            def batches(self):
                for step in steps:
                    self.steps = step if hasattr(step, "__next__") else [step]
                    yield from super().batches()

        watch, _ = watch_of(
            Feed([]), self.folder / "state", delivery=self.delivery, clock=self.clock,
            detector=self.detector, updater=self.updater, settings={"batch_flows": 64},
        )  # fmt: skip
        return watch


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_newer_bundle_judges_from_the_next_flow_on(site):
    deaf = Threshold(1e6, "fixed", 1e6, "by hand")
    newer = site.newer(demo(), threshold=deaf)
    watch = site.watch(
        scan(64), lambda: site.publish(newer), site.until_told(), scan(64, at_ms=NOON_MS + 5_000)
    )
    watch.run()
    event = site.delivery.of(Kind.SENSOR, "update")[0]
    assert "is in use from now on" in event.body["message"]
    assert watch.detector.threshold.value == 1e6
    assert watch.summary().alerts > 0
    at = site.delivery.records.index(event)
    assert any(record.kind is Kind.ALERT for record in site.delivery.records[:at])
    assert not any(record.kind is Kind.ALERT for record in site.delivery.records[at:])
    # What was open is told for the last time before other scores come.
    last = [r for r in site.delivery.records[:at] if r.kind is Kind.INCIDENT][-1]
    assert last.body["edgeguard"]["incident"]["open"] is False
    assert site.updater.folder.current_id() is not None


def test_a_bundle_that_cannot_read_these_flows_is_given_up(site):
    other = site.newer(Bundle.load(OTHER))
    assert other.schema.name != "flow"
    watch = site.watch(lambda: site.publish(other), site.until_told(), scan(64))
    watch.run()
    assert watch.detector is site.detector
    told = [r.body["message"] for r in site.delivery.of(Kind.SENSOR, "update")]
    assert ["cannot read the flows of memory" in sentence for sentence in told] == [True]
    assert watch.summary().alerts > 0
    assert site.updater.folder.current_id() is None  # back to what the box began with
    assert site.updater.check() is None  # and not tried again
    assert site.updater.start().model_sha256 == demo().model_sha256


def test_what_went_wrong_with_an_update_is_told_once(site):
    site.place.mkdir()
    (site.place / "index.json").write_text("{}")
    site.clock.advance(7_200)
    watch = site.watch(site.until_told(), *[lambda: site.clock.advance(7_200), IDLE] * 5, scan(64))
    watch.run()
    messages = [r.body["message"] for r in site.delivery.of(Kind.SENSOR, "update")]
    assert len(messages) == len(set(messages)) == 1
    assert watch.detector is site.detector
    assert np.isfinite(watch.detector.threshold.value)


def test_updates_without_keys_are_refused(site, tmp_path):
    from edgeguard_core.watch.update_settings import updater_for

    with pytest.raises(EdgeGuardError, match="--require-signature"):
        updater_for(tmp_path / "b", "http://127.0.0.1:1/", None, site.clock)
