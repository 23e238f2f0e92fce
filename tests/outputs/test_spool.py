"""What the spool took is delivered, whatever happens to the process, the disk or the sinks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import output_records
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_records import TurnedClock, alert

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.segments import line_bytes, parse_line
from edgeguard_core.outputs.spool import Spool

BYTES = 1 << 20


def opened(folder: Path, most_bytes: int = BYTES, segment_bytes: int = 4_000) -> Spool:
    spool = Spool(folder, most_bytes, TurnedClock(), segment_bytes=segment_bytes)
    spool.register(["a"])
    return spool


def rest(spool: Spool, sink: str = "a", most: int = 7) -> list[Record]:
    """Everything a sink has not had yet, taken in small chunks."""
    taken: list[Record] = []
    while spool.waiting(sink):
        chunk = spool.read(sink, most, 1 << 20)
        taken += chunk.records
        spool.passed(sink, chunk)
    return taken


def ids(records: Sequence[Record]) -> list[str]:
    return [record.id for record in records]


def newest(folder: Path) -> Path:
    return max(folder.glob("*.spool"))


def test_what_was_taken_comes_out_the_same_and_in_order(tmp_path):
    spool = opened(tmp_path)
    records = [alert(i) for i in range(40)]
    for begin in range(0, 40, 8):
        spool.append(records[begin : begin + 8])
    assert len(list(tmp_path.glob("*.spool"))) > 1
    assert rest(spool) == records
    spool.close()


def test_a_chunk_comes_again_until_it_was_passed(tmp_path):
    spool = opened(tmp_path)
    spool.append([alert(i) for i in range(9)])
    first = spool.read("a", 4, 1 << 20)
    assert spool.read("a", 4, 1 << 20) == first
    spool.passed("a", first)
    assert ids(spool.read("a", 4, 1 << 20).records) == ids([alert(i) for i in range(4, 8)])
    assert spool.waiting("a") == 5
    spool.close()


def test_a_chunk_is_bounded_in_bytes_but_never_empty(tmp_path):
    spool = opened(tmp_path)
    spool.append([alert(i) for i in range(9)])
    assert len(spool.read("a", 100, 1).records) == 1
    spool.close()


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    passed=st.integers(0, 30),
    cut=st.floats(0, 1),
)
def test_cut_anywhere_in_the_last_append_all_before_it_is_delivered(sizes, passed, cut):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = opened(folder)
        records = [alert(i) for i in range(sum(sizes))]
        done = 0
        for size in sizes:
            if newest(folder).exists():
                whole = {path: path.stat().st_size for path in folder.glob("*.spool")}
            spool.append(records[done : done + size])
            done += size
        if passed:
            chunk = spool.read("a", passed, 1 << 20)
            spool.passed("a", chunk)
            spool.save("a")
        had = len(records) - spool.waiting("a")
        spool.close()

        last = newest(folder)
        begin = whole.get(last, 0)  # where the last append begins
        os.truncate(last, begin + round(cut * (last.stat().st_size - begin)))
        again = opened(folder)
        found = ids(rest(again))
        safe = ids(records[: done - sizes[-1]])
        everything = ids(records)
        # What was passed never comes again, and nothing is left out but the end of the last.
        assert found == everything[had : had + len(found)]
        assert had + len(found) >= len(safe)
        again.append([alert(1000)])
        assert ids(rest(again)) == [alert(1000).id]
        assert again.lost("a") == 0
        again.close()


@settings(max_examples=40, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=40))
def test_a_bad_block_costs_its_own_lines_and_no_others(at, noise):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = opened(folder, segment_bytes=BYTES)
        records = [alert(i) for i in range(12)]
        spool.append(records)
        spool.close()
        path = newest(folder)
        content = bytearray(path.read_bytes())
        begin = int(at * (len(content) - len(noise)))
        hit = content[:begin].count(b"\n"), content[: begin + len(noise)].count(b"\n")
        content[begin : begin + len(noise)] = noise
        path.write_bytes(bytes(content))
        again = opened(folder, segment_bytes=BYTES)
        found = ids(rest(again))
        untouched = ids(records[: hit[0]] + records[hit[1] + 1 :])
        assert [one for one in found if one in untouched] == untouched
        assert set(found) <= set(ids(records))
        again.close()


@settings(deadline=None)
@given(number=st.integers(0, 1 << 60), payload=st.binary().filter(lambda b: b"\n" not in b))
def test_a_line_is_read_back_and_no_shorter_one_is(number, payload):
    line = line_bytes(number, payload)
    assert parse_line(line[:-1]) == (number, payload)
    assert parse_line(line[:-2]) is None


def test_files_that_all_sinks_are_past_are_removed(tmp_path):
    spool = Spool(tmp_path, BYTES, TurnedClock(), segment_bytes=4_000)
    spool.register(["a", "b"])
    for i in range(40):
        spool.append([alert(i)])
    many = len(list(tmp_path.glob("*.spool")))
    rest(spool, "a")
    spool.save("a")
    assert len(list(tmp_path.glob("*.spool"))) == many
    rest(spool, "b")
    spool.save("b")
    assert len(list(tmp_path.glob("*.spool"))) == 1
    spool.close()


def test_a_file_stays_until_it_is_written_down_that_all_are_past_it(tmp_path):
    clock = TurnedClock()
    spool = Spool(tmp_path / "spool", BYTES, clock, segment_bytes=4_000)
    spool.register(["a", "b"])
    records = [alert(i) for i in range(40)]
    for record in records:
        spool.append([record])
    first = spool.read("a", 3, 1 << 20)
    spool.passed("a", first)
    spool.save("a")
    rest(spool, "a")
    rest(spool, "b")
    spool.save("b")
    # The power goes: what is on disk is all that the next start knows.
    shutil.copytree(tmp_path / "spool", tmp_path / "after")
    spool.close()
    again = Spool(tmp_path / "after", BYTES, clock, segment_bytes=4_000)
    again.register(["a", "b"])
    assert rest(again, "a") == records[3:]
    assert rest(again, "b") == []
    assert again.lost("a") == 0
    again.close()


def test_a_full_spool_drops_the_oldest_and_counts_it_for_who_missed_it(tmp_path):
    spool = Spool(tmp_path, 64 << 10, TurnedClock())
    spool.register(["fast", "slow"])
    had: list[Record] = []
    for i in range(200):
        spool.append([alert(i)])
        had += rest(spool, "fast")
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) <= 64 << 10
    assert len(had) == 200
    assert spool.lost("fast") == 0
    kept = rest(spool, "slow")
    assert spool.lost("slow") == 200 - len(kept) > 0
    assert ids(kept) == ids([alert(i) for i in range(200 - len(kept), 200)])
    lost = spool.lost("slow")
    spool.close()
    again = Spool(tmp_path, 64 << 10, TurnedClock())
    again.register(["fast", "slow"])
    assert again.lost("slow") == lost
    again.close()


def test_a_new_sink_gets_what_is_still_there_and_a_removed_one_holds_nothing(tmp_path):
    spool = opened(tmp_path)
    spool.append([alert(i) for i in range(5)])
    spool.close()
    again = Spool(tmp_path, BYTES, TurnedClock())
    again.register(["b"])
    assert len(rest(again, "b")) == 5
    again.close()
    assert len(list(tmp_path.glob("cursor-*.json"))) == 1


def test_numbers_go_on_where_the_files_were_removed_by_hand(tmp_path):
    spool = opened(tmp_path)
    spool.append([alert(i) for i in range(5)])
    rest(spool)
    spool.close()
    newest(tmp_path).unlink()
    again = opened(tmp_path)
    again.append([alert(9)])
    assert ids(rest(again)) == [alert(9).id]
    assert again.lost("a") == 0
    again.close()


def test_a_file_removed_under_a_running_spool_is_counted_as_lost(tmp_path):
    spool = opened(tmp_path)
    for i in range(20):
        spool.append([alert(i)])
    min(tmp_path.glob("*.spool")).unlink()
    found = rest(spool)
    assert 0 < len(found) < 20
    assert spool.lost("a") == 20 - len(found)
    spool.close()


def test_a_damaged_cursor_means_from_the_beginning(tmp_path):
    spool = opened(tmp_path)
    spool.append([alert(i) for i in range(5)])
    rest(spool)
    spool.close()
    next(tmp_path.glob("cursor-*.json")).write_text("{")
    again = opened(tmp_path)
    assert len(rest(again)) == 5
    again.close()


def test_cursors_are_saved_at_times_and_not_at_each_batch(tmp_path):
    clock = TurnedClock()
    spool = Spool(tmp_path, BYTES, clock)
    spool.register(["a"])
    assert spool.save_due_s("a") is None
    spool.append([alert(1)])
    rest(spool)
    assert spool.save_due_s("a") == 2.0
    clock.sleep(5.0)
    assert spool.save_due_s("a") == 0.0
    spool.save("a")
    assert spool.save_due_s("a") is None
    spool.close()


def test_one_process_at_a_time(tmp_path):
    spool = opened(tmp_path)
    with pytest.raises(OutputError, match="used by another process"):
        opened(tmp_path)
    spool.close()
    opened(tmp_path).close()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda folder: Spool(folder, 10, TurnedClock()), "too small"),
        (lambda folder: Spool(folder / "file" / "x", BYTES, TurnedClock()), "Cannot use the spool"),
    ],
)
def test_a_spool_that_cannot_be_is_refused(tmp_path, build, words):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=words):
        build(tmp_path)


def test_two_sinks_of_one_name_are_refused(tmp_path):
    spool = Spool(tmp_path, BYTES, TurnedClock())
    with pytest.raises(OutputError, match="given twice"):
        spool.register(["a", "a"])
    spool.close()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from output_records import TurnedClock, alert
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs.spool import Spool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), 10 << 20, TurnedClock(), segment_bytes=1 << 20)
spool.register(["a"])
spool.append([alert(i) for i in range(5)])
resource.setrlimit(resource.RLIMIT_FSIZE, (7_000, resource.RLIM_INFINITY))
try:
    spool.append([alert(i) for i in range(5, 50)])
except OutputError as error:
    print(error)
print(spool.error is not None, spool.waiting("a"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.append([alert(i) for i in range(5, 50)])
print(spool.error is None, spool.waiting("a"))
chunk = spool.read("a", 1000, 1 << 20)
spool.passed("a", chunk)
print(len(chunk.records), spool.lost("a"))
spool.close()
"""


def test_on_a_full_disk_nothing_is_half_taken_and_it_works_again_once_there_is_room(tmp_path):
    folder = Path(output_records.__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "spool"), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    refusal, full, after, read = done.stdout.splitlines()
    assert refusal.startswith("Cannot write to the spool")
    assert full == "True 5"
    assert after == "True 50"
    assert read == "50 0"


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from output_records import TurnedClock, alert
from edgeguard_core.clock import SystemClock
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.jsonl import JsonLinesSink
from edgeguard_core.outputs.spool import Spool

folder, begin = Path(sys.argv[1]), int(sys.argv[3])
spool = Spool(folder / "spool", 1 << 20, SystemClock(), segment_bytes=20_000)
delivery = Delivery(spool, [JsonLinesSink(folder / "out.jsonl")], SystemClock())
number = begin
while True:
    batch = [alert(number + i) for i in range(3)]
    delivery.accept(batch)
    for record in batch:
        print(record.id, flush=True)
    number += 3
"""


def test_killed_at_any_moment_all_that_was_acknowledged_is_delivered(tmp_path):
    import json

    from edgeguard_core.clock import SystemClock
    from edgeguard_core.outputs.delivery import Delivery
    from edgeguard_core.outputs.jsonl import JsonLinesSink

    acknowledged: list[str] = []
    for life in range(3):
        arguments = [str(tmp_path), str(Path(output_records.__file__).parent), str(life * 100_000)]
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child:
            for line in child.stdout:
                acknowledged.append(line.strip())
                if len(acknowledged) >= (life + 1) * 130 + life * 7:
                    break
            child.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in child.stdout if len(line) == 25]
    clock = SystemClock()
    spool = Spool(tmp_path / "spool", 1 << 20, clock)
    delivery = Delivery(spool, [JsonLinesSink(tmp_path / "out.jsonl")], clock)
    assert delivery.close(within_s=30)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    delivered = [json.loads(line)["event"]["id"] for line in lines]  # no line is torn
    assert set(acknowledged) <= set(delivered)
    first_seen = list(dict.fromkeys(delivered))
    assert [one for one in first_seen if one in set(acknowledged)] == acknowledged
