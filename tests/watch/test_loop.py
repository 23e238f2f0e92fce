"""The live loop: the same verdicts as a whole file's, in bounded memory, whatever happens."""

import dataclasses
import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watching import (
    NOON_MS,
    MemoryDelivery,
    MemoryFeed,
    cut,
    demo,
    made,
    office,
    scan,
    watch_of,
)

from edgeguard_core.clock import ManualClock
from edgeguard_core.detection import Detector
from edgeguard_core.detection.incidents import IncidentTable, raised
from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.features.context import with_context
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows
from edgeguard_core.outputs.records import Kind
from edgeguard_core.sources.feed import Fed, Note
from edgeguard_core.thresholds import Threshold

SOME = 1_500
_PROPERTY = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What ``score`` makes of the same flows as one table."""
    flows = with_context(office().select(np.arange(SOME)))
    detector = Detector(demo(), tmp_path_factory.mktemp("whole"))
    return flows, detector, detector.score(flows)


@_PROPERTY
@given(ends=st.lists(st.integers(1, SOME - 1), max_size=12), most=st.integers(7, SOME))
def test_any_cut_into_batches_gives_the_verdicts_of_a_whole_file(tmp_path, whole, ends, most):
    _, detector, scored = whole
    steps = cut(office().select(np.arange(SOME)), *ends)
    watch, delivery = watch_of(steps, tmp_path, settings={"batch_flows": most})
    summary = watch.run()
    assert summary.flows == SOME
    assert summary.alerts == int(detector.threshold.alerts(scored.scores).sum())
    told = {r.body["edgeguard"]["score"] for r in delivery.of(Kind.ALERT)}
    expected = scored.scores[detector.threshold.alerts(scored.scores)]
    assert told <= set(expected.astype(float).tolist())


@_PROPERTY
@given(ends=st.lists(st.integers(1, SOME - 1), max_size=12))
def test_any_cut_gives_the_same_lines_and_the_incidents_of_a_whole_file(tmp_path, whole, ends):
    flows, detector, scored = whole
    table = IncidentTable()
    table.add(flows, scored)
    expected = {
        (i.host, i.window_ms, i.cause): i for i in raised(table.incidents(), detector.threshold)
    }
    uncut = watch_of([flows], tmp_path)
    parted = watch_of(cut(office().select(np.arange(SOME)), *ends), tmp_path)
    lines = []
    for watch, delivery in (uncut, parted):
        watch.run()
        lines.append([record.id for record in delivery.of(Kind.ALERT)])
        last = {record.id: record for record in delivery.of(Kind.INCIDENT)}
        found = {}
        for record in last.values():
            own = record.body["edgeguard"]["incident"]
            assert own["open"] is False
            found[(own["host"], record.time_ms, own["cause"])] = (own["score"], own["flows"])
        assert found == {key: (one.score, one.flows) for key, one in expected.items()}
    assert lines[0] == lines[1]
    assert lines[0]


def test_a_scan_of_ten_thousand_ports_is_one_incident_and_twenty_lines(tmp_path):
    watch, delivery = watch_of(cut(scan(10_000), 500, 1_000), tmp_path)
    summary = watch.run()
    lines = Counter(
        record.body["edgeguard"]["incident"]["id"] for record in delivery.of(Kind.ALERT)
    )
    told: dict[str, list[dict]] = {}
    for record in delivery.of(Kind.INCIDENT):
        told.setdefault(record.id, []).append(record.body["edgeguard"]["incident"])
    scanning = max(told.values(), key=lambda each: each[-1]["alerts"])
    assert scanning[-1]["alerts"] > 9_900  # a few of its first flows are odd in other ways
    assert lines[scanning[0]["id"]] == 20
    assert max(lines.values()) == 20
    assert summary.incidents == len(told) <= 4
    assert scanning[0]["open"] is True
    assert scanning[-1]["open"] is False
    revisions = [own["revision"] for own in scanning]
    assert revisions == sorted(set(revisions))
    assert set(scanning[-1]["examples"]) <= {record.id for record in delivery.of(Kind.ALERT)}


def test_an_alert_says_what_and_why(tmp_path):
    flows = scan(40)
    watch, delivery = watch_of([flows], tmp_path)
    watch.run()
    record = delivery.of(Kind.ALERT)[0]
    body = record.body
    assert body["kind"] == "alert"
    assert body["event"]["id"] == record.id
    assert body["source"]["ip"] == "10.0.0.66"
    assert body["destination"] == {"ip": "10.0.0.9", "port": int(body["destination"]["port"]),
                                   "bytes": 0, "packets": 0}  # fmt: skip
    assert body["network"]["iana_number"] == "6"
    assert body["network"]["community_id"].startswith("1:")
    assert body["observer"] == {"name": "gate", "vendor": "EdgeGuard", "type": "ids",
                                "version": body["observer"]["version"]}  # fmt: skip
    own = body["edgeguard"]
    assert own["score"] >= own["threshold"]["value"]
    assert own["bundle"]["model_sha256"] == demo().model_sha256
    assert own["features"][0]["share"] >= own["features"][1]["share"]
    assert own["features"][0]["name"] in body["message"]
    assert own["incident"]["host"] == "10.0.0.66"


def test_the_same_flow_has_the_same_id_whenever_it_is_read(tmp_path):
    ids = []
    for _ in range(2):
        watch, delivery = watch_of([scan(60)], tmp_path)
        watch.run()
        ids.append([record.id for record in delivery.of(Kind.ALERT)])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


def test_overload_drops_the_oldest_counts_them_and_recovers(tmp_path):
    """Everything comes while the detector is busy with the first flows."""
    busy, fed = threading.Event(), threading.Event()
    clock = ManualClock()

    class Slow(Detector):
        def score(self, flows, inputs=None):
            busy.set()
            assert fed.wait(20)
            return super().score(flows, inputs)

    flows = office().select(np.arange(1_000))
    parts = cut(flows, *range(50, 1_000, 50))
    feed = MemoryFeed([parts[0], lambda: busy.wait(20), *parts[1:], fed.set], is_live=True)
    feed.waits = False
    watch, delivery = watch_of(
        feed, tmp_path, clock=clock, detector=Slow(demo(), tmp_path),
        settings={"queue_flows": 200},
    )  # fmt: skip
    summary = watch.run()
    assert summary.dropped == 1_000 - 50 - 200
    assert summary.flows == 250
    assert ("dropped", False) in delivery.reasons()
    beat = delivery.of(Kind.HEARTBEAT)[-1].body["edgeguard"]
    assert (beat["queue"], beat["dropped"]) == (0, 750)


def test_a_source_that_can_wait_loses_nothing(tmp_path):
    watch, _ = watch_of(cut(made(900), *range(100, 900, 100)), tmp_path,
                        settings={"queue_flows": 150})  # fmt: skip
    summary = watch.run()
    assert (summary.flows, summary.dropped) == (900, 0)


def test_a_flood_from_many_sources_stays_within_bounds(tmp_path):
    n = 6_000
    sources = np.array([f"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}" for i in range(n)], object)
    watch, delivery = watch_of(cut(made(n, src_ip=sources), *range(500, n, 500)), tmp_path,
                               settings={"context_hosts": 200})  # fmt: skip
    watch.judge.incidents.most_open = 300
    watch.run()
    assert watch.judge.incidents.evicted > 0
    assert len(watch.judge.context) < 20 * 200
    assert watch.judge.context.evicted > 0
    assert len(delivery.of(Kind.ALERT)) <= n
    beat = delivery.of(Kind.HEARTBEAT)[-1].body["edgeguard"]
    assert beat["evicted"] > 0


def test_flows_from_outside_are_one_victims_incident(tmp_path):
    n = 3_000
    sources = np.array([f"{1 + i % 9}.7.{(i >> 8) & 255}.{i & 255}" for i in range(n)], object)
    watch, delivery = watch_of([made(n, src_ip=sources)], tmp_path)
    watch.run()
    hosts = {r.body["edgeguard"]["incident"]["host"] for r in delivery.of(Kind.INCIDENT)}
    assert hosts == {"10.0.0.9"}
    assert len(delivery.of(Kind.ALERT)) <= 20 * len(
        {r.body["edgeguard"]["incident"]["id"] for r in delivery.of(Kind.ALERT)}
    )


def test_late_flows_are_counted_and_judged_all_the_same(tmp_path):
    early = made(5)
    late = scan(30, at_ms=NOON_MS - 7_200_000.0)
    watch, delivery = watch_of([early, late], tmp_path)
    summary = watch.run()
    assert summary.late == 30
    assert summary.flows == 35
    assert any(r.time_ms < NOON_MS - 3_600_000 for r in delivery.of(Kind.ALERT))


def test_a_late_flow_joins_the_incident_that_was_closed(tmp_path):
    watch, delivery = watch_of([scan(60), made(5, bidirectional_first_seen_ms=NOON_MS + 3.6e6),
                                scan(30, at_ms=NOON_MS + 2_000)], tmp_path,
                               settings={"batch_flows": 60})  # fmt: skip
    watch._tick_s = float("-inf")
    watch.run()
    by_id: dict[str, list[int]] = {}
    for record in delivery.of(Kind.INCIDENT):
        by_id.setdefault(record.id, []).append(record.revision)
    assert all(revisions == sorted(set(revisions)) for revisions in by_id.values())


def test_a_clock_that_jumps_back_breaks_nothing(tmp_path):
    clock = ManualClock()
    steps = [scan(50), lambda: clock.set_back(86_400), scan(50, at_ms=NOON_MS + 5_000)]
    watch, delivery = watch_of(MemoryFeed(steps, is_live=True), tmp_path, clock=clock)
    summary = watch.run()
    assert summary.flows == 100
    assert summary.seconds >= 0
    assert delivery.of(Kind.INCIDENT)[-1].body["edgeguard"]["incident"]["open"] is False


def test_a_new_threshold_is_taken_up_without_a_restart(tmp_path):
    clock = ManualClock()
    detector = Detector(demo(), tmp_path)
    seen = threading.Event()

    def raise_it():
        assert seen.wait(20)
        detector.state.add(
            demo(), Threshold(1e6, "fixed", 1e6, "by hand"), who="me", when=clock.now(),
            why="test", on_what="nothing",
        )  # fmt: skip
        clock.advance(2)

    class Seen(MemoryDelivery):
        def accept(self, records):
            super().accept(records)
            if any(r.kind is Kind.ALERT for r in records):
                seen.set()

    idle = [Fed(Flows.empty(Schema.named("flow")))] * 200
    steps = [scan(40), raise_it, *idle, scan(40, at_ms=NOON_MS + 900)]
    watch, delivery = watch_of(steps, tmp_path, clock=clock, detector=detector, delivery=Seen())
    watch.settings = dataclasses.replace(watch.settings, batch_flows=1)
    watch.run()
    event = delivery.of(Kind.SENSOR, "threshold")[0].body["edgeguard"]
    assert (event["new"], event["new_origin"]) == (1e6, "state 0001")
    assert event["old"] == demo().threshold.value
    assert detector.threshold.value == 1e6


def test_a_full_disk_holds_the_watch_back_and_loses_nothing(tmp_path):
    delivery = MemoryDelivery()
    delivery.is_full = True

    class Clock(ManualClock):
        def sleep(self, seconds):
            super().sleep(seconds)
            delivery.is_full = self.monotonic() < 3

    said: list[str] = []
    watch, _ = watch_of([scan(60)], tmp_path, delivery=delivery, clock=Clock(), warn=said.append)
    watch.run()
    assert delivery.of(Kind.ALERT)
    assert [sentence.split(".")[0] for sentence in said] == [
        "The disk is full", "There is room again; the watch goes on where it stood",
    ]  # fmt: skip
    assert watch.clock.monotonic() >= 3


def test_signs_of_life_go_on_while_the_disk_is_full(tmp_path):
    class Clock(ManualClock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if self.monotonic() > 5:
                watch.stop()

    delivery = MemoryDelivery()
    delivery.is_full = True
    watch, _ = watch_of([scan(60)], tmp_path, delivery=delivery, clock=Clock(),
                        settings={"heartbeat_s": 1.0})  # fmt: skip
    watch.run()
    assert {record.kind for record in delivery.records} == {Kind.HEARTBEAT}
    assert len(delivery.records) >= 5


def test_what_a_source_says_becomes_an_event(tmp_path):
    nothing = Flows.empty(Schema.named("flow"))
    notes = (Note("log_rotated", "conn.log was rotated."), "eth0 went away.")
    watch, delivery = watch_of([Fed(nothing, notes=notes), made(3)], tmp_path)
    watch.run()
    assert [r.body["message"] for r in delivery.of(Kind.SENSOR)] == list(notes)
    assert delivery.of(Kind.SENSOR, "log_rotated")


def test_a_source_that_breaks_ends_the_watch_after_what_came_is_told(tmp_path):
    def broken():
        raise SourceError("The log is no log any more.")

    watch, delivery = watch_of([scan(40), broken], tmp_path)
    with pytest.raises(SourceError, match="no log"):
        watch.run()
    assert delivery.of(Kind.ALERT)
    assert delivery.of(Kind.HEARTBEAT)


def test_flows_that_the_model_cannot_read_end_the_watch_with_a_sentence(tmp_path):
    flows = made(3)
    lacking = dataclasses.replace(
        flows, columns={k: v for k, v in flows.columns.items() if k != "state"}
    )
    watch, _ = watch_of([lacking], tmp_path)
    with pytest.raises(SchemaError, match="state"):
        watch.run()


@pytest.mark.parametrize("at", [0, 40, 79])
def test_a_flow_whose_time_is_unknown_is_judged_also_where_it_comes_alone(tmp_path, at):
    flows = scan(80)
    flows.columns["bidirectional_first_seen_ms"][at] = np.nan
    alerts = []
    for most in (80, 1):
        watch, delivery = watch_of([flows], tmp_path, settings={"batch_flows": most})
        summary = watch.run()
        assert summary.flows == 80
        alerts.append((summary.alerts, [record.id for record in delivery.of(Kind.ALERT)]))
    assert alerts[0] == alerts[1]


def test_a_source_that_never_knows_the_time_ends_with_a_sentence(tmp_path):
    flows = made(400, bidirectional_first_seen_ms=np.nan)
    watch, _ = watch_of(cut(flows, *range(0, 400, 10)), tmp_path)
    with pytest.raises(SchemaError, match="history of their hosts"):
        watch.run()


def test_a_stop_ends_it_and_drains_what_cannot_be_read_again(tmp_path):
    stopped = []
    watch, _ = watch_of([made(10), lambda: stopped.append(watch.stop()), made(10)], tmp_path)
    assert watch.run().flows == 20


def test_a_heartbeat_says_how_the_watch_does(tmp_path):
    watch, delivery = watch_of([scan(40)], tmp_path)
    watch.run()
    first, last = delivery.of(Kind.HEARTBEAT)
    assert first.body["edgeguard"]["flows"] == 0
    own = last.body["edgeguard"]
    assert own["flows"] == 40
    assert own["source"] == "memory"
    assert own["feed"] == {"packets": 7}
    assert own["calibration"]["n"] == demo().calibration.n
    assert own["resident_bytes"] > 1_000_000
    assert sum(flows for _, _, flows, _ in own["strip"]) == 40
    assert max(score for _, score, _, _ in own["strip"]) == pytest.approx(
        max(r.body["edgeguard"]["score"] for r in delivery.of(Kind.ALERT)), rel=1
    )
