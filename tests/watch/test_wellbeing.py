"""Promise, drift, silence, a wrong port: told once when they begin and once when they are over."""

import dataclasses

import numpy as np
import pytest
from watching import NOON_MS, MemoryFeed, demo, made, scan, watch_of

from edgeguard_core.clock import ManualClock
from edgeguard_core.detection import Detector
from edgeguard_core.outputs.records import Kind
from edgeguard_core.sources.feed import Fed
from edgeguard_core.watch.alarms import Alarm
from edgeguard_core.watch.audit import AuditReport, PromiseAudit
from edgeguard_core.watch.wellbeing import Wellbeing

HOURS, HOSTS, EACH = 20, 12, 10
CALIBRATED = 2_000


def audited(p_values: np.ndarray, seed: int, promised: float = 0.01):
    """An audit over host-hours whose flows have these p-values, shape (hours × hosts, each)."""
    audit = PromiseAudit(seed)
    hosts = np.repeat(np.array([f"10.0.0.{n % HOSTS}" for n in range(len(p_values))], object),
                      p_values.shape[1])  # fmt: skip
    hour_ms = np.repeat(np.arange(len(p_values)) // HOSTS, p_values.shape[1]) * 3.6e6
    flat = p_values.ravel()
    audit.add(flat, flat <= promised, hosts, hour_ms + NOON_MS)
    return audit.look(promised, CALIBRATED)


@pytest.mark.parametrize("clustered", [False, True])
def test_exchangeable_flows_raise_neither_drift_nor_a_broken_promise(clustered):
    """Fifty days, whose hosts may keep to one habit within an hour."""
    drifted = broken = 0
    for seed in range(50):
        random = np.random.default_rng(seed)
        p = random.uniform(size=(HOURS * HOSTS, EACH))
        if clustered:  # flows of one host-hour go together, and all p-values are as likely
            p = np.repeat(random.uniform(size=(HOURS * HOSTS, 2)), EACH // 2, axis=1)
        found = audited(p, seed)
        drifted += found.has_drifted
        broken += found.is_broken
    assert drifted <= 2
    assert broken <= 2


@pytest.mark.parametrize("seed", range(5))
def test_shifted_flows_are_drift_and_more_alerts_break_the_promise(seed):
    random = np.random.default_rng(seed)
    found = audited(random.uniform(size=(HOURS * HOSTS, EACH)) ** 2, seed)
    assert found.has_drifted
    assert found.is_broken
    assert found.low <= found.alert_rate <= found.high


@pytest.mark.parametrize("seed", range(5))
def test_attacks_break_the_promise_and_are_no_drift(seed):
    random = np.random.default_rng(seed)
    p = random.uniform(size=(HOURS * HOSTS, EACH))
    p[random.uniform(size=p.shape) < 0.08] = 1e-4
    found = audited(p, seed)
    assert found.is_broken
    assert not found.has_drifted


def test_a_little_traffic_says_nothing_yet():
    assert audited(np.full((HOSTS, 3), 0.5), 0) is None


def test_the_audit_forgets_what_is_older_than_a_day():
    audit = PromiseAudit()
    for day in range(40):
        host = np.array([f"10.0.{n}.1" for n in range(200)], object)
        audit.add(np.full(200, 0.5), np.zeros(200, bool), host, np.full(200, day * 3.6e6))
    assert len(audit._blocks) <= 24 * 64


def test_an_alarm_needs_several_looks_either_way():
    alarm = Alarm(raise_after=2, clear_after=3)
    looks = [True, False, True, True, False, False, True, False, False, False]
    said = [alarm.look(holds) for holds in looks]
    assert said == [None, None, None, "begins", None, None, None, None, None, "ends"]


def wait(clock, seconds):
    """Let time pass while the loop looks."""
    return lambda: clock.advance(seconds)


def test_a_source_that_falls_silent_is_told_once_and_again_when_it_is_back(tmp_path):
    clock, told = ManualClock(), []
    detector = Detector(demo(), tmp_path)
    watch, _ = watch_of([], tmp_path, clock=clock, detector=detector)
    being = Wellbeing(detector, watch.teller, silent_after_s=60)

    def look():
        told.extend(being.look(clock.monotonic(), 0.0, 0.0, 0, "synthetic"))

    look()
    clock.advance(1_000)
    look()
    assert told == []  # it never had any flow
    flows = made(3)
    being.add(flows, watch.judge.judge(flows, "synthetic"), clock.monotonic())
    for _ in range(4):
        clock.advance(40)
        look()
    being.add(flows, watch.judge.judge(flows, "synthetic"), clock.monotonic())
    look()
    assert [(r.kind, r.body["edgeguard"]["over"]) for r in told] == [
        (Kind.SENSOR, False), (Kind.SENSOR, True),
    ]  # fmt: skip
    assert "mirror port" in told[0].body["message"]


def test_a_box_that_sees_only_itself_says_so_until_it_sees_others(tmp_path):
    mine, others = made(300, src_ip="10.0.0.2"), made(300)
    steps = [mine, others]
    watch, delivery = watch_of(
        MemoryFeed(steps, is_live=True), tmp_path, own_addresses=["10.0.0.2"],
        settings={"batch_flows": 100},
    )  # fmt: skip
    looked = watch.wellbeing.add

    def add(*given):
        looked(*given)
        watch._pending += watch.wellbeing.look(0.0, 0.0, 0.0, 0, "")

    watch.wellbeing.add = add
    watch.run()
    assert delivery.reasons() == [("own_traffic_only", False), ("own_traffic_only", True)]


def test_multicast_does_not_make_a_port_a_mirror(tmp_path):
    watch, delivery = watch_of(
        [made(300, src_ip="10.0.0.2"), made(300, dst_ip="224.0.0.251")], tmp_path,
        own_addresses=["10.0.0.2"],
    )  # fmt: skip
    watch.run()
    assert delivery.reasons() == [("own_traffic_only", False)]


def test_another_meter_withdraws_the_promise(tmp_path):
    watch, delivery = watch_of(MemoryFeed([made(3)], meter="zeek"), tmp_path)
    watch.run()
    (record,) = delivery.of(Kind.AUDIT, "promise_withdrawn")
    assert "zeek" in record.body["message"]
    assert record.body["edgeguard"]["over"] is False


@pytest.mark.parametrize(
    ("rate", "low", "why"),
    [(0.004, 0.001, "the promise is kept again"), (0.13, 0.0, "chance again")],
)
def test_a_promise_that_is_broken_no_more_says_kept_only_where_it_is(tmp_path, rate, low, why):
    watch, _ = watch_of([], tmp_path)
    being = Wellbeing(Detector(demo(), tmp_path), watch.teller, silent_after_s=60)
    broken = AuditReport(9_000, 40, 0.21, 0.1, 0.3, 0.003, 0.004, 0.0, 1.0)
    over = dataclasses.replace(broken, alert_rate=rate, low=low)
    found = iter([broken, broken, over, over])
    being.audit.look = lambda *_: next(found)
    told = [record for _ in range(4) for record in being._look_promise(0.0)]
    assert [r.body["edgeguard"]["over"] for r in told] == [False, True]
    assert told[1].body["message"].startswith(f"{100 * rate:.2g} % of flows alert, and 0.3 % were")
    assert why in told[1].body["message"]


def test_more_incidents_than_the_budget_are_told(tmp_path):
    scans = [scan(40, host=f"10.0.0.{n}") for n in range(60, 66)]
    watch, delivery = watch_of(scans, tmp_path, settings={"budget": 3.0})
    watch.run()
    (record,) = delivery.of(Kind.AUDIT, "over_budget")
    assert record.body["edgeguard"]["incidents"] > 3


def test_a_watch_on_changed_traffic_tells_of_drift(tmp_path):
    """Flows of the demo's network, but each host keeps to one odd habit, for a day."""
    parts = [
        Fed(made(40, src_ip=f"10.20.0.{host}", dst_port=9_999.0, src2dst_bytes=900.0,
                 src2dst_packets=3.0, bidirectional_first_seen_ms=NOON_MS + hour * 3.6e6))
        for hour in range(10) for host in range(1, 5)
    ]  # fmt: skip
    watch, delivery = watch_of(parts, tmp_path, settings={"batch_flows": 40})
    judge = watch.wellbeing.add

    def add(*given):
        judge(*given)
        now_ms = watch.watermark_ms
        watch._pending += watch.wellbeing.look(0.0, now_ms, now_ms, 0, "synthetic")

    watch.wellbeing.add = add
    watch.run()
    assert delivery.reasons().count(("drift", False)) + delivery.reasons().count(
        ("promise_broken", False)
    ) >= 1  # fmt: skip
    assert len(delivery.of(Kind.DRIFT)) <= 1


def test_a_broken_promise_names_its_remedy(tmp_path):
    watch, _ = watch_of([], tmp_path)
    being = watch.wellbeing
    rng = np.random.default_rng(0)
    messages = []
    for look in range(3):
        p = rng.random(2_000) ** 3  # shifted all over
        hosts = np.array([f"10.0.0.{i % 40}" for i in range(2_000)], object)
        being.audit.add(p, p < 0.3, hosts, np.full(2_000, NOON_MS))
        being._flows_since = 2_000
        records = being.look(100.0 * (look + 1), NOON_MS, NOON_MS, 0, "synthetic")
        messages += [
            r.body["message"] for r in records if r.body["edgeguard"]["reason"] == "promise_broken"
        ]
    (message,) = messages
    assert f"edgeguard threshold {watch.detector.bundle.path} --calibrate FILE" in message
    assert "recalibrate_every_hours" in message
