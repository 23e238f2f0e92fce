"""What a watch counts for its store is what is counted of the same flows at once."""

import base64
import json
import threading
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from watching import NOON, NOON_MS, MemoryDelivery, cut, demo, made, office, watch_of

from edgeguard_core.bundle.arrays import load_arrays
from edgeguard_core.clock import ManualClock
from edgeguard_core.detection import Detector
from edgeguard_core.detection.drift.reference import reference_of
from edgeguard_core.detection.drift.seen import SeenFlows
from edgeguard_core.features.context import with_context
from edgeguard_core.outputs.records import Kind
from edgeguard_core.sources.feed import Fed
from edgeguard_core.thresholds import fixed
from edgeguard_core.watch.checkpoint import Checkpoint
from edgeguard_core.watch.hours import HOUR_MS, hours_of

SOME = 3_000
SECRET = b"secret"


def some(n=SOME):
    return office().select(np.arange(n))


def told(delivery, what="drift"):
    """The last revision of each part, in the order of the flows."""
    last = {}
    for record in delivery.of(Kind.COUNTS):
        if record.body["edgeguard"]["what"] == what:
            assert record.revision > last[record.id].revision if record.id in last else True
            last[record.id] = record
    return sorted(last.values(), key=lambda one: one.body["edgeguard"]["first"])


def joined(records):
    reference = reference_of(demo())
    parts = [base64.b64decode(one.body["edgeguard"]["packed"]) for one in records]
    return SeenFlows.joined([SeenFlows.from_arrays(load_arrays(p), reference) for p in parts])


def at_once(flows):
    detector = Detector(demo())
    seen = SeenFlows.of(detector, reference_of(demo()))
    flows = with_context(flows)
    seen.add(flows, detector.score(flows), np.ones(len(flows), bool))
    return seen


def assert_same(found, expected, but=("names",)):
    """All counts; names are digests under another secret."""
    mine, theirs = found.to_arrays(SECRET), expected.to_arrays(SECRET)
    assert mine.keys() == theirs.keys()
    for name in set(mine) - set(but):
        np.testing.assert_array_equal(mine[name], theirs[name], name)
    shares = [[(g.what, g.share) for g in one.gatherings.found()] for one in (found, expected)]
    assert shares[0] == shares[1]


@pytest.mark.parametrize("batches", [(), (1, 2, 700, 1_400, 1_401), tuple(range(0, SOME, 50))])
def test_any_cut_counts_what_is_counted_at_once(tmp_path, batches):
    delivery = MemoryDelivery(takes_counts=True)
    watch, _ = watch_of(cut(some(), *batches), tmp_path, delivery=delivery)
    watch.run()
    records = told(delivery)
    begins = [one.body["edgeguard"]["first"] for one in records]
    ends = [one.body["edgeguard"]["first"] + one.body["edgeguard"]["flows"] for one in records]
    assert begins == [0, *ends[:-1]]
    assert ends[-1] == SOME
    hours = [one.time_ms for one in records]
    assert all(a < b and (b - a) % HOUR_MS == 0 for a, b in pairwise(hours))
    assert len(hours) > 2
    assert_same(joined(records), at_once(some()))


def test_without_a_store_nothing_is_counted(tmp_path):
    watch, delivery = watch_of([some(200)], tmp_path)
    watch.run()
    assert delivery.of(Kind.COUNTS) == []
    assert not list(tmp_path.rglob("counts-*"))


def test_no_address_leaves_the_watch(tmp_path):
    delivery = MemoryDelivery(takes_counts=True)
    file = tmp_path / "checkpoint.npz"
    watch, _ = watch_of([some()], tmp_path / "s", delivery=delivery, checkpoint_file=file)
    watch.run()
    kept = (tmp_path / "counts-checkpoint.jsonl").read_text()
    for record in delivery.of(Kind.COUNTS):
        names = load_arrays(base64.b64decode(record.body["edgeguard"]["packed"]))["names"]
        text = json.dumps(record.body) + names.tobytes().decode()
        for address in {*office().columns["src_ip"], *office().columns["dst_ip"]}:
            assert address not in text
            assert address not in kept


def test_an_hour_that_grows_is_told_again_and_in_the_end(tmp_path):
    delivery = MemoryDelivery(takes_counts=True)
    clock = ManualClock(NOON)
    until = until_true(clock, lambda: delivery.of(Kind.COUNTS), step_s=200)
    parts = [made(60), *until, made(60, bidirectional_first_seen_ms=NOON_MS + 100.0)]
    watch, _ = watch_of(parts, tmp_path, delivery=delivery, clock=clock)
    watch.run()
    assert delivery.of(Kind.COUNTS)[0].body["edgeguard"]["flows"] == 60
    grown = [(one.revision, one.body["edgeguard"]["flows"]) for one in delivery.of(Kind.COUNTS)]
    assert grown[-1][1] == 120
    assert [revision for revision, _ in grown] == list(range(1, len(grown) + 1))
    assert len({one.id for one in delivery.of(Kind.COUNTS)}) == 1


def until_true(clock, holds, step_s=2):
    """Steps that let the clock run until something holds."""
    waiting = threading.Event()
    for _ in range(200):
        yield lambda: None if holds() else clock.advance(step_s)
        yield Fed(made(0))
        yield lambda: None if holds() else waiting.wait(0.02) and None


def halves(tmp_path, delivery, *, back=0):
    """A watch over the first half that ends, and one that goes on with the rest.

    ``back`` flows are read again, as after a kill that came before the place was kept.
    """
    file = tmp_path / "checkpoint.npz"
    middle = 1_500
    first, second = some().select(np.arange(middle)), some().select(np.arange(middle, SOME))
    watch, _ = watch_of(
        [Fed(first, position={"at": middle})], tmp_path / "s", delivery=delivery,
        checkpoint_file=file,
    )  # fmt: skip
    watch.run()
    checkpoint = Checkpoint.load(file)
    if back:
        older = watch_of([first.select(np.arange(middle - back))], tmp_path / "x",
                         checkpoint_file=tmp_path / "older.npz")[0]  # fmt: skip
        older.run()
        checkpoint = Checkpoint.load(tmp_path / "older.npz")
        second = some().select(np.arange(middle - back, SOME))
    watch, _ = watch_of(
        [Fed(second, position={"at": SOME})], tmp_path / "s", delivery=delivery,
        checkpoint=checkpoint, checkpoint_file=file,
    )  # fmt: skip
    watch.run()
    return told(delivery)


def test_counts_go_on_after_a_restart(tmp_path):
    records = halves(tmp_path, MemoryDelivery(takes_counts=True))
    assert_same(joined(records), at_once(some()))


def test_flows_that_are_read_again_are_counted_once(tmp_path):
    records = halves(tmp_path, MemoryDelivery(takes_counts=True), back=400)
    assert_same(joined(records), at_once(some()))


def test_the_next_watch_tells_what_the_last_could_not(tmp_path):
    class Lost(MemoryDelivery):
        """Loses the counts of its first watch, as a store does that is away."""

        is_away = True

        def accept(self, records):
            super().accept([r for r in records if not self.is_away or r.kind is not Kind.COUNTS])

    first, second = cut(some(150), 70)  # of one hour
    file = tmp_path / "checkpoint.npz"
    away = Lost(takes_counts=True)
    watch_of([first], tmp_path / "s", delivery=away, checkpoint_file=file)[0].run()
    assert told(away) == []
    away.is_away = False
    watch, _ = watch_of([second], tmp_path / "s", delivery=away, checkpoint_file=file,
                        checkpoint=Checkpoint.load(file))  # fmt: skip
    watch.run()
    assert_same(joined(told(away)), at_once(some(150)))


def test_another_threshold_begins_another_part(tmp_path):
    delivery = MemoryDelivery(takes_counts=True)
    detector, clock = Detector(demo(), tmp_path / "s"), ManualClock(NOON)

    def set_threshold():
        detector.state.add(
            demo(), fixed(5.0), who="ann", when=NOON, why="quieter", on_what="nothing"
        )

    until = until_true(clock, lambda: delivery.of(Kind.SENSOR, "threshold"))
    later = made(100, bidirectional_first_seen_ms=NOON_MS + 100.0)
    watch, _ = watch_of([made(100), set_threshold, *until, later], tmp_path / "s",
                        delivery=delivery, detector=detector, clock=clock)  # fmt: skip
    watch.run()
    parts = [one.body["edgeguard"] for one in told(delivery)]
    assert [(one["threshold"]["value"], one["flows"]) for one in parts] == [
        (demo().threshold.value, 100), (5.0, 100),
    ]  # fmt: skip


def test_times_that_jump_back_stay_in_the_open_hour_and_unknown_ones_too():
    told_ms = np.array([5.0, 2.0, np.nan, 6.5, 0.0]) * HOUR_MS
    assert hours_of(told_ms, -np.inf, 0.0).tolist() == [5, 5, 5, 6, 6]
    assert hours_of(told_ms, 8.2 * HOUR_MS, 0.0).tolist() == [8] * 5
    assert hours_of(np.array([np.nan]), -np.inf, 3.9 * HOUR_MS).tolist() == [3]


def test_rows_that_were_refused_are_counted_once(tmp_path):
    delivery = MemoryDelivery(takes_counts=True)
    late = made(60, bidirectional_first_seen_ms=NOON_MS + HOUR_MS)
    steps = [Fed(made(60), Counter(junk=3)), Fed(late, Counter(junk=4))]
    watch_of(steps, tmp_path, delivery=delivery)[0].run()
    assert sum(one.body["edgeguard"]["rejected"] for one in told(delivery)) == 7
