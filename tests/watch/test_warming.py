"""A watch calibrates itself after its first hours, by the time of the flows, and goes on."""

from dataclasses import replace

import numpy as np
import pytest
from watching import NOON, NOON_MS, MemoryFeed, demo, made, watch_of

from edgeguard_core.bundle import StateFolder
from edgeguard_core.detection import Detector
from edgeguard_core.errors import OutputError
from edgeguard_core.features.context import with_context
from edgeguard_core.outputs.records import Kind
from edgeguard_core.sources.feed import Fed
from edgeguard_core.thresholds import fixed
from edgeguard_core.watch.checkpoint import Checkpoint
from edgeguard_core.watch.warming import AGAIN, WARM_UP

HOUR_MS = 3.6e6


def hour(number: int, n: int = 120):
    """An hour of a small network: twelve hosts, some of their flows larger than others."""
    rng = np.random.default_rng(number)
    return made(
        n,
        src_ip=np.array([f"10.0.0.{5 + i % 12}" for i in range(n)], object),
        dst_port=rng.choice([53.0, 80.0, 443.0, 8443.0], n),
        src2dst_bytes=np.round(rng.lognormal(6, 1.5, n)),
        src2dst_packets=3.0,
        bidirectional_first_seen_ms=NOON_MS + number * HOUR_MS + np.sort(rng.random(n)) * HOUR_MS,
    )


def hours(*numbers: int):
    return [hour(number) for number in numbers]


def theft(n: int):
    """Huge flows of one host, at the begin of the third hour."""
    return made(
        n,
        src_ip="10.0.0.66",
        src2dst_bytes=1e9,
        src2dst_packets=1e6,
        bidirectional_first_seen_ms=NOON_MS + 2 * HOUR_MS + np.arange(n),
    )


def warming(steps, state, *, batch: int = 120, **given):
    """A watch that judges an hour of ``hour`` at a time."""
    known = {name: given.pop(name) for name in ("checkpoint", "checkpoint_file") if name in given}
    return watch_of(steps, state, settings={"batch_flows": batch, **given}, **known)


def versions(state):
    return StateFolder(state).thresholds(demo())


def test_after_the_first_hours_a_threshold_made_here_is_in_force(tmp_path):
    watch, delivery = warming(hours(0, 1, 2, 3), tmp_path, warm_up_hours=2.0)
    before = watch.detector.threshold
    watch.run()
    (made_here,) = versions(tmp_path)
    assert (made_here.who, made_here.meter) == (WARM_UP, "synthetic")
    assert "3.0 hours and 360 flows" in made_here.why  # the batch that ends it counts
    assert watch.detector.threshold == made_here.threshold != before
    assert made_here.threshold.promised_false_positive_rate == 0.01
    begun, *more = [record.body for record in delivery.of(Kind.AUDIT, "warm_up")]
    assert more == []
    assert "verdicts use the threshold in force" in begun["message"]
    (over,) = [record.body["edgeguard"] for record in delivery.of(Kind.AUDIT, "calibrated")]
    assert (over["old"], over["new"]) == (before.value, made_here.threshold.value)
    assert (over["old_origin"], over["new_origin"]) == ("bundle", "state 0001")
    assert (over["flows"], over["contamination"]) == (360, 0.01)
    assert over["smallest_promise"] == pytest.approx(1 / (361 - over["left_out"]))
    assert over["hours"] == pytest.approx(2.97, abs=0.05)
    assert over["promised"] <= over["at_most"] < 0.025
    (taken_up,) = delivery.of(Kind.SENSOR, "threshold")
    assert taken_up.body["edgeguard"]["new_origin"] == "state 0001"
    kinds = [(r.kind, r.body["edgeguard"].get("reason")) for r in delivery.records]
    assert kinds.index((Kind.AUDIT, "calibrated")) < kinds.index((Kind.SENSOR, "threshold"))


def test_by_default_nothing_is_calibrated_and_the_heartbeat_says_nothing_of_it(tmp_path):
    watch, delivery = warming(hours(0, 1, 2, 3), tmp_path)
    watch.run()
    assert versions(tmp_path) == []
    assert delivery.of(Kind.AUDIT) == []
    assert delivery.of(Kind.HEARTBEAT)[-1].body["edgeguard"]["warm_up"] is None


def test_the_heartbeat_says_how_far_it_is(tmp_path):
    settings = {"warm_up_hours": 2.0, "contamination": 0.02}
    watch, _ = warming(hours(0, 1), tmp_path, **settings)
    watch.run()
    told = watch.heartbeat().body["edgeguard"]["warm_up"]
    assert (told["state"], told["of_hours"], told["flows"]) == ("warming_up", 2.0, 240)
    assert told["contamination"] == 0.02
    assert 1.8 < told["hours"] < 2.0
    done, _ = warming(hours(0, 1, 2), tmp_path, warm_up_hours=1.0)
    done.run()
    assert done.heartbeat().body["edgeguard"]["warm_up"] == {"state": "done"}


def test_an_attack_in_the_first_hours_does_not_hide_the_next_one(tmp_path):
    clean, _ = warming(hours(*range(10)), tmp_path / "clean", warm_up_hours=8.0)
    steps = [*hours(0, 1), theft(12), *hours(*range(2, 10))]
    attacked, delivery = warming(
        steps, tmp_path / "attacked", warm_up_hours=8.0, contamination=0.02
    )
    plain, _ = warming(steps, tmp_path / "plain", warm_up_hours=8.0, contamination=0.0)
    for watch in (clean, attacked, plain):
        watch.run()
    value = {w: w.detector.threshold.value for w in (clean, attacked, plain)}
    assert value[attacked] <= value[clean] * 1.05 < value[plain]
    (over,) = [record.body["edgeguard"] for record in delivery.of(Kind.AUDIT, "calibrated")]
    assert "10.0.0.66" in [each["host"] for each in over["suspicions"]]
    assert "left out as suspicious" in delivery.of(Kind.AUDIT, "calibrated")[0].body["message"]


def test_hours_full_of_attacks_are_not_taken_for_usual(tmp_path):
    steps = [*hours(0, 1), theft(120), *hours(*range(2, 11))]
    watch, delivery = warming(steps, tmp_path, warm_up_hours=4.0)
    before = watch.detector.threshold
    watch.run()
    _, refused = [record.body for record in delivery.of(Kind.AUDIT, "warm_up")]
    assert "takes none of them for usual and begins again" in refused["message"]
    assert "first 10.0.0.66" in refused["message"]
    assert refused["edgeguard"]["suspicious_share"] > 0.05
    assert refused["edgeguard"]["would_be"] > before.value
    (found,) = versions(tmp_path)  # of the hours after
    assert found.threshold.value < refused["edgeguard"]["would_be"]
    trusting, _ = warming(steps, tmp_path / "trusting", warm_up_hours=4.0, contamination=0.0)
    trusting.run()
    assert versions(tmp_path / "trusting")[-1].threshold.value > found.threshold.value


def test_it_goes_on_after_a_restart_where_it_stood(tmp_path):
    settings = {"warm_up_hours": 3.0}
    parts = hours(0, 1, 2, 3, 4)
    whole, _ = warming(parts, tmp_path / "whole", **settings)
    whole.run()
    file, state = tmp_path / "checkpoint.npz", tmp_path / "parted"
    fed = [Fed(flows, position={"at": n}) for n, flows in enumerate(parts)]
    warming(fed[:2], state, **settings, checkpoint_file=file)[0].run()
    assert versions(state) == []
    checkpoint = Checkpoint.load(file)
    assert len(checkpoint.warming["score"]) == 240
    second, delivery = warming(fed[2:], state, **settings, checkpoint=checkpoint)
    second.run()
    (parted,), (expected,) = versions(state), versions(tmp_path / "whole")
    assert parted.threshold.value == expected.threshold.value
    assert delivery.of(Kind.AUDIT, "warm_up") == []  # it was told before


def test_a_checkpoint_of_another_kind_of_period_is_not_taken(tmp_path):
    file = tmp_path / "checkpoint.npz"
    fed = [Fed(flows, position={"at": n}) for n, flows in enumerate(hours(0, 1))]
    warming(fed, tmp_path, warm_up_hours=3.0, checkpoint_file=file)[0].run()
    known = Checkpoint.load(file)
    rolling, _ = warming([], tmp_path, recalibrate_every_hours=3.0, checkpoint=known)
    assert rolling.warming.report(rolling.watermark_ms)["flows"] == 0
    damaged = {**known.warming, "span": np.zeros(3)}
    known = Checkpoint(**{**vars(known), "warming": damaged})
    again, _ = warming([], tmp_path, warm_up_hours=3.0, checkpoint=known)
    assert again.warming.report(again.watermark_ms)["flows"] == 0


def test_once_warm_it_does_not_warm_up_again(tmp_path):
    settings = {"warm_up_hours": 1.0}
    for numbers in ((0, 1, 2), (3, 4, 5, 6)):
        watch, _ = warming(hours(*numbers), tmp_path, **settings)
        watch.run()
    assert len(versions(tmp_path)) == 1


def test_it_calibrates_again_and_again_if_asked_and_keeps_every_version(tmp_path):
    settings = {"warm_up_hours": 1.0, "recalibrate_every_hours": 2.0}
    watch, delivery = warming(hours(*range(9)), tmp_path, **settings)
    watch.run()
    found = versions(tmp_path)
    assert [version.who for version in found] == [AGAIN] * (len(found) - 1) + [WARM_UP]
    assert len(found) >= 3
    assert watch.detector.origin == f"state {len(found):04d}"
    told = [r.body["edgeguard"] for r in delivery.of(Kind.AUDIT, "calibrated")]
    assert [each["who"] for each in told] == [WARM_UP] + [AGAIN] * (len(found) - 1)
    assert [each["old"] for each in told[1:]] == [each["new"] for each in told[:-1]]
    assert watch.heartbeat().body["edgeguard"]["warm_up"]["state"] == "rolling"


def test_with_a_half_life_older_flows_go_on_to_count_and_fade(tmp_path):
    settings = {"warm_up_hours": 1.0, "recalibrate_every_hours": 2.0, "half_life_hours": 2.0}
    watch, delivery = warming(hours(*range(9)), tmp_path, **settings)
    watch.run()
    first, *more = [r.body["edgeguard"] for r in delivery.of(Kind.AUDIT, "calibrated")]
    assert (first["who"], first["half_life_hours"]) == (WARM_UP, None)
    assert [each["half_life_hours"] for each in more] == [2.0] * len(more)
    flows = [each["flows"] for each in (first, *more)]
    assert flows == sorted(flows)
    assert flows[-1] > 3 * 240  # all so far, not the last period's
    # Of an endless stream 2 h / ln 2 · 120 flows an hour would be left.
    assert more[-1]["weight"] < 2 / np.log(2) * 120 * 1.1 < flows[-1]
    assert more[-1]["smallest_promise"] == pytest.approx(1 / (more[-1]["weight"] + 1), rel=1e-4)
    assert "weighing half as much every 2 hours" in versions(tmp_path)[0].threshold.calibrated_on


def test_too_few_flows_for_the_promise_make_it_longer_and_that_is_said_once(tmp_path):
    few = [hour(number, 20) for number in range(8)]
    watch, delivery = warming(few, tmp_path, batch=20, warm_up_hours=1.0)
    watch.run()
    _, waiting = [record.body["message"] for record in delivery.of(Kind.AUDIT, "warm_up")]
    assert "cannot promise a false-alarm rate of 0.01" in waiting
    assert "until there are 99" in waiting
    (found,) = versions(tmp_path)
    assert found.calibration.n >= 99
    assert found.threshold.promised_false_positive_rate == 0.01


def test_a_threshold_that_somebody_chose_stays(tmp_path):
    StateFolder(tmp_path).add(demo(), fixed(7.0), who="ann", when=NOON, why="", on_what="")
    watch, delivery = warming(hours(0, 1, 2), tmp_path, warm_up_hours=1.0)
    watch.run()
    assert watch.detector.threshold.value == 7.0
    assert len(versions(tmp_path)) == 1
    assert "somebody chose it" in delivery.of(Kind.AUDIT, "warm_up")[-1].body["message"]


def test_a_state_folder_that_cannot_be_written_is_said_and_tried_again(tmp_path, monkeypatch):
    real, tries = StateFolder.add, []

    def add(self, *given, **named):
        tries.append(1)
        if len(tries) < 3:
            raise OutputError("Cannot write the state folder: the disk is full.")
        return real(self, *given, **named)

    monkeypatch.setattr(StateFolder, "add", add)
    watch, delivery = warming(hours(0, 1, 2, 3, 4), tmp_path, warm_up_hours=1.0)
    watch.run()
    assert len(versions(tmp_path)) == 1
    said = [r.body["message"] for r in delivery.of(Kind.AUDIT, "warm_up")]
    assert len([message for message in said if "the disk is full" in message]) == 1


def test_flows_without_times_never_end_it_and_break_nothing(tmp_path):
    timeless = with_context(made(200))
    nowhere = np.full(200, np.nan)
    timeless = replace(
        timeless, columns={**timeless.columns, "bidirectional_first_seen_ms": nowhere}
    )
    watch, delivery = warming(MemoryFeed([timeless] * 3), tmp_path, warm_up_hours=1.0)
    watch.run()
    assert (versions(tmp_path), delivery.of(Kind.AUDIT, "calibrated")) == ([], [])


def test_memory_is_bounded_however_long_it_lasts(tmp_path, monkeypatch):
    monkeypatch.setattr("edgeguard_core.detection.local_scores.MOST_KEPT", 100)
    watch, _ = warming(hours(0, 1, 2), tmp_path, warm_up_hours=9.0)
    watch.warming._scores.most = 100
    watch.run()
    assert len(watch.warming.to_arrays()["score"]) == 100
    assert watch.warming.report(watch.watermark_ms)["flows"] == 360


def test_with_another_model_it_begins_again(tmp_path):
    watch, _ = warming(hours(0, 1, 2), tmp_path / "a", warm_up_hours=1.0)
    watch.run()
    assert watch.warming.report(watch.watermark_ms) == {"state": "done"}
    watch.warming.begin(Detector(demo(), tmp_path / "b"))
    assert watch.warming.report(watch.watermark_ms)["state"] == "warming_up"
