"""Each sink at its own pace: retried, never blocked by another, told how it does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import output_records
import pytest
from output_records import TurnedClock, alert, counts, event, heartbeat
from servers import wait_for

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.sink import SinkBusy, SinkEnded
from edgeguard_core.outputs.spool import Spool


class Memory:
    """A sink that keeps what it gets; ``trouble`` is raised instead where there is any."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.got: list[Record] = []
        self.tries = 0
        self.largest = 0
        self.trouble: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.is_closed = False

    def send(self, records: Sequence[Record]) -> None:
        self.gate.wait()
        self.tries += 1
        if self.trouble is not None:
            raise self.trouble
        self.largest = max(self.largest, len(records))
        self.got += records

    def close(self) -> None:
        self.is_closed = True

    @property
    def ids(self) -> list[str]:
        return [record.id for record in self.got]


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
def started(tmp_path, clock):
    """Makes a delivery to some sinks, and stops it at the end."""
    made: list[Delivery] = []

    def start(*sinks: Memory, seed: int = 0) -> Delivery:
        spool = Spool(tmp_path / "spool", 1 << 20, clock, segment_bytes=20_000)
        made.append(Delivery(spool, sinks, clock, seed=seed))
        return made[-1]

    yield start
    for delivery in made:
        delivery.close(10)


def tried(sink: Memory, times: int) -> None:
    wait_for(lambda: sink.tries >= times, f"{sink.name} is tried {times} times", 10)


def test_no_thread_runs_before_the_first_record(started):
    def is_running() -> bool:
        return "edgeguard unlike" in [thread.name for thread in threading.enumerate()]

    delivery = started(Memory("unlike"))
    assert not is_running()
    delivery.accept([alert(1)])
    assert is_running()


def test_a_dead_sink_blocks_no_other_and_catches_up_in_order(started, clock):
    dead, alive = Memory("dead"), Memory("alive")
    dead.trouble = OutputError("It is away.")
    delivery = started(dead, alive)
    told = [alert(i) for i in range(700)]
    for begin in range(0, 700, 10):
        delivery.accept(told[begin : begin + 10])
    wait_for(lambda: len(alive.got) == 700, "the other gets all", 20)
    assert alive.got == told
    tried(dead, 1)
    status = delivery.status()
    assert status["alive"].error is None
    assert status["alive"].delivered == 700
    assert (status["dead"].waiting, status["dead"].delivered) == (700, 0)
    assert status["dead"].error == "It is away."
    assert status["dead"].failed >= 1
    dead.trouble = None
    clock.sleep(60)
    delivery.accept([])
    assert delivery.flush(20)
    assert dead.got == told
    assert dead.largest <= 200  # memory is bounded, however much waits
    assert delivery.status()["dead"].error is None


def pauses(started, clock, sink: Memory, delivery: Delivery, times: int) -> list[float]:
    """How long the clock had to be turned before each further try."""
    found = []
    for number in range(1, times + 1):
        tried(sink, number)
        wait_for(lambda n=number: delivery.status()[sink.name].failed == n, "a failure", 10)
        worker = delivery._workers[0]
        wait_for(lambda w=worker: w.until_s is not None, "a pause", 10)
        pause_s = worker.until_s - clock.monotonic()
        found.append(pause_s)
        clock.sleep(pause_s)
        delivery.accept([])
    return found


def test_pauses_double_up_to_half_a_minute_and_differ_by_seed(started, clock, tmp_path):
    sink = Memory("a")
    sink.trouble = OutputError("No.")
    delivery = started(sink, seed=1)
    delivery.accept([alert(1)])
    found = pauses(started, clock, sink, delivery, 9)
    for pause_s, most_s in zip(found, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert most_s / 2 <= pause_s <= most_s
    sink.trouble = None
    clock.sleep(60)
    delivery.accept([])
    assert delivery.flush(10)
    delivery.close(10)

    other = Memory("a")
    other.trouble = OutputError("No.")
    second = started(other, seed=2)
    second.accept([alert(2)])
    (first_pause_s,) = pauses(started, clock, other, second, 1)
    assert first_pause_s != found[0]


def test_a_sink_that_names_a_time_is_not_tried_before(started, clock):
    sink = Memory("a")
    sink.trouble = SinkBusy("Later.", 120.0)
    delivery = started(sink)
    delivery.accept([alert(1)])
    assert pauses(started, clock, sink, delivery, 1) == [120.0]


def test_a_bug_in_a_sink_is_told_and_ends_nothing(started, clock):
    sink = Memory("a")
    sink.trouble = KeyError("oh")
    delivery = started(sink)
    delivery.accept([alert(1)])
    wait_for(lambda: delivery.status()["a"].error, "it is told", 10)
    assert delivery.status()["a"].error == "a: KeyError: 'oh'"
    sink.trouble = None
    clock.sleep(60)
    delivery.accept([alert(2)])
    assert delivery.flush(10)
    assert sink.got == [alert(1), alert(2)]


def test_of_heartbeats_a_sink_that_was_away_gets_the_last_of_each_sensor(started, clock):
    sink = Memory("a")
    sink.trouble = OutputError("No.")
    delivery = started(sink)
    delivery.accept([heartbeat(1), alert(1)])
    tried(sink, 1)
    delivery.accept([heartbeat(2), heartbeat(2, sensor="barn"), event(1)])
    delivery.accept([heartbeat(3)])
    sink.trouble = None
    clock.sleep(60)
    delivery.accept([])
    assert delivery.flush(10)
    assert sink.got == [alert(1), event(1), heartbeat(3), heartbeat(2, sensor="barn")]
    delivery.accept([heartbeat(4)])
    assert delivery.flush(10)
    assert sink.got[-1] == heartbeat(4)
    # None of them was written to the card.
    segments = (delivery.spool.folder).glob("*.spool")
    assert not any(b'["heartbeat"' in path.read_bytes() for path in segments)


def test_what_was_not_delivered_goes_out_after_the_next_start_and_only_that(started):
    sink = Memory("a")
    first = started(sink)
    first.accept([alert(1), alert(2)])
    assert first.flush(10)
    sink.trouble = OutputError("No.")
    first.accept([alert(3), alert(4)])
    assert not first.close(10)
    assert sink.is_closed
    again = Memory("a")
    second = started(again)
    second.start()
    assert second.flush(10)
    assert again.got == [alert(3), alert(4)]


def test_a_sink_whose_reader_left_is_said_to_have_ended(started):
    pipe, file = Memory("pipe"), Memory("file")
    pipe.trouble = SinkEnded("Nobody reads.")
    delivery = started(pipe, file)
    assert not delivery.ended
    delivery.accept([alert(1)])
    wait_for(lambda: delivery.ended, "the end is seen", 10)
    delivery.accept([alert(2)])
    assert delivery.flush(10)
    assert file.got == [alert(1), alert(2)]
    assert delivery.status()["pipe"].ended
    assert not delivery.status()["file"].ended


def test_closing_waits_no_longer_than_it_may_for_a_sink_that_hangs(started):
    hanging, other = Memory("hanging"), Memory("other")
    delivery = started(hanging, other)
    hanging.gate.clear()
    delivery.accept([alert(1)])
    wait_for(lambda: other.got, "the other has it", 10)
    assert not delivery.close(0.2)
    assert other.is_closed
    assert delivery.status()["hanging"].waiting == 1
    hanging.gate.set()
    for worker in delivery._workers:
        worker.join(10)
        assert not worker.is_alive()
    assert hanging.is_closed
    assert delivery.status()["hanging"].waiting == 1  # nobody knew; it comes again


def test_a_cursor_is_saved_while_nothing_more_comes(started, clock):
    sink = Memory("a")
    delivery = started(sink)
    delivery.accept([alert(1)])
    assert delivery.flush(10)
    assert delivery.spool.save_due_s("a") is not None
    clock.sleep(3)
    delivery.accept([])
    wait_for(lambda: delivery.spool.save_due_s("a") is None, "the cursor is saved", 10)


def test_closing_twice_is_closing_once(started):
    delivery = started(Memory("a"))
    delivery.accept([alert(1)])
    assert delivery.close(10)
    assert delivery.close(10)


PIPED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from output_records import alert
from edgeguard_core.outputs import open_sink
from edgeguard_core.clock import SystemClock
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.spool import Spool
folder = Path(sys.argv[1])
sink = open_sink({"jsonl": "-"}, dead_letters=folder)
delivery = Delivery(Spool(folder, 1 << 20, SystemClock()), [sink], SystemClock())
number = 0
while not delivery.ended:
    delivery.accept([alert(number)])
    number += 1
delivery.close(5)
print(delivery.status()["jsonl -"].error, file=sys.stderr)
"""


def test_a_pipe_whose_reader_leaves_ends_quietly(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", PIPED, str(tmp_path), str(Path(output_records.__file__).parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["edgeguard"]["number"] == 0
        child.stdout.close()
        told = child.stderr.read()
        child.wait(timeout=30)
    assert (child.returncode, told) == (0, "Nobody reads standard output any more.\n")


def test_counts_go_to_sinks_that_take_them_and_never_into_the_spool(started):
    store, lines = Memory("store"), Memory("lines")
    store.takes_counts = True
    delivery = started(store, lines)
    assert delivery.takes_counts
    store.gate.clear()  # it is slow
    delivery.accept([counts(1, 1), alert(1)])
    delivery.accept([counts(1, 2), counts(2, 1), heartbeat(1)])
    store.gate.set()
    assert delivery.flush(20)
    latest = [(one.id, one.revision) for one in store.got if one.id == counts(1).id]
    assert latest[-1] == (counts(1).id, 2)
    assert counts(2).id in store.ids
    assert counts(1).id not in lines.ids
    assert lines.ids == [alert(1).id, heartbeat(1).id]


def test_a_store_that_is_away_misses_all_but_the_last_hours(started, clock):
    store = Memory("store")
    store.takes_counts = True
    store.trouble = OutputError("It is away.")
    delivery = started(store)
    delivery.accept([counts(hour) for hour in range(230)])
    tried(store, 1)
    store.trouble = None
    clock.sleep(60)
    delivery.accept([])
    assert delivery.flush(20)
    assert [one.time_ms for one in store.got] == [counts(hour).time_ms for hour in range(30, 230)]
