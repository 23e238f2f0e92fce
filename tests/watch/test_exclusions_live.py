"""Exclusions of a running watch: they hide, count, end, and are read again."""

from datetime import timedelta

from watching import NOON, NOON_MS, cut, scan, watch_of

from edgeguard_core.clock import ManualClock
from edgeguard_core.detection.exclusion import Conditions, Exclusion
from edgeguard_core.detection.review import Reviews
from edgeguard_core.outputs.records import Kind


def excluded(until_s: float, **conditions) -> Exclusion:
    return Exclusion(-1, Conditions(**conditions), "our scanner", "settings",
                     NOON - timedelta(days=1), NOON + timedelta(seconds=until_s))  # fmt: skip


def test_what_is_excluded_is_hidden_and_counted_and_raises_nothing(tmp_path):
    watch, delivery = watch_of(
        [scan(100), scan(100, host="10.0.0.67")], tmp_path,
        settings={"exclusions": (excluded(60, src_ip="10.0.0.66"),)},
    )  # fmt: skip
    summary = watch.run()
    hosts = {record.body["source"]["ip"] for record in delivery.of(Kind.ALERT)}
    assert hosts == {"10.0.0.67"}
    assert {r.body["related"]["ip"][0] for r in delivery.of(Kind.INCIDENT)} == {"10.0.0.67"}
    own = delivery.of(Kind.HEARTBEAT)[-1].body["edgeguard"]
    assert own["hidden"] == 100 == own["exclusions"][0]["matched"]
    assert own["exclusions"][0]["conditions"] == "source 10.0.0.66"
    assert summary.flows == 200


def test_an_exclusion_ends_by_itself_while_the_watch_runs(tmp_path):
    clock = ManualClock(NOON)
    first, second = scan(40), scan(40, at_ms=NOON_MS + 3_000)
    hiding = {"exclusions": (excluded(2, src_ip="10.0.0.66"),)}
    watch, _ = watch_of([], tmp_path, clock=clock, settings=hiding)
    watch._judge(first)
    assert watch._pending == []
    clock.advance(3)
    watch._judge(second)
    assert any(record.kind is Kind.ALERT for record in watch._pending)
    assert watch.exclusions.report(clock.now()) == []


def test_what_the_review_page_excludes_holds_without_a_restart(tmp_path):
    clock, reviews = ManualClock(NOON), Reviews(tmp_path / "reviews.sqlite")
    watch, _ = watch_of([], tmp_path, clock=clock, reviews=reviews.path)
    parts = cut(scan(60), 20, 40)
    watch._judge(parts[0])
    assert watch.counts["alerts"] == 20
    made = reviews.exclude(
        Conditions(src_ip="10.0.0.66"), actor="me", reason="our scanner", now=clock.now(),
        expires=clock.now() + timedelta(days=1),
    )  # fmt: skip
    watch._tick()
    watch._judge(parts[1])
    assert watch.counts["alerts"] == 20
    assert watch.exclusions.matched[made.number] == 20
    reviews.revoke(made.number, actor="me", reason="moved", now=clock.now())
    watch._tick()
    watch._judge(parts[2])
    assert watch.counts["alerts"] == 40


def test_settings_that_are_read_again_bring_their_exclusions(tmp_path):
    watch, delivery = watch_of([], tmp_path)
    new = watch.settings.__class__(exclusions=(excluded(60, src_ip="10.0.0.66"),))
    watch.reload(new)
    watch._tick()
    watch._judge(scan(30))
    assert watch.counts.get("alerts", 0) == 0
    assert delivery.of(Kind.SENSOR, "reloaded")
